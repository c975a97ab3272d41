"""Deposits beside the bill, voids on the spot, transfers counted once, refunds by two, hand-over and closed days."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from his.accounts.models import User
from insurance.billing import ledger
from insurance.billing.approvals import decide_refund, open_requests, request_refund
from insurance.billing.books import book_of, book_uses
from insurance.billing.cash import collect, refund, take_deposit, use_deposits, void_entry
from insurance.billing.cash_rules import bank_account_on, rules_on, set_bank_account, set_cash_rules
from insurance.billing.closing import reopen_visit
from insurance.billing.drawers import close_day, close_session, open_session, receive_drawer
from insurance.billing.transfers import request_transfer, transfer_rows
from insurance.billing.vietqr import parse
from insurance.models import CashDay, CashEntry, CashSession, TransferOrder
from patients.services.visits import cancel_visit
from tests.cast import World, at, lan_visit
from tests.insurance import walk
from tests.insurance.test_cash import refused
from tests.insurance.walk import drawer

pytestmark = pytest.mark.django_db
SINCE = date(2026, 1, 1)


def code(task: Callable[[], object]) -> str:
    return refused(task)[0]


def bank(world: World, **more: str) -> None:
    facts = {"bank_bin": "970415", "number": "1133 6666 8888", "holder": "Bệnh viện Đa khoa Ví Dụ"}
    set_bank_account(since=SINCE, actor=world.hospital.actor("accountant"), **facts | more)


def test_a_deposit_is_held_apart_until_the_bill_uses_it(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    first, second = step.deposit(100_000), step.deposit(50_000, method="card")
    assert (first.number, second.number) == ("TU26.000001", "TU26.000002")
    account = ledger.account_of(step.visit)
    assert (account.payable, account.paid, account.held, account.due) == (None, 0, 150_000, 0)
    step.close()
    assert ledger.amount_due(step.visit) == 240_160
    assert step.paid_at is None
    assert code(lambda: step.deposit(1)) == "closed"
    assert code(lambda: step.collect(240_161)) == "too_much"
    receipt = step.collect(240_160)
    uses = CashEntry.objects.filter(kind="deposit_use").order_by("pk")
    assert [(use.reverses_id, use.amount) for use in uses] == [(first.pk, 100_000), (second.pk, 50_000)]
    assert ledger.account_of(step.visit).is_level
    assert step.paid_at == receipt.at
    assert ledger.expected_cash(receipt.session) == 340_160  # the card and the uses bring no cash
    assert list(ledger.unsettled_results(world.hospital.facility)) == []


def test_a_deposit_that_covers_the_bill_is_used_and_the_rest_returned(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    deposit, actor = step.deposit(500_000), drawer(place)
    step.close()
    assert ledger.amount_due(step.visit) == -109_840
    assert code(lambda: step.collect(1)) == "covered"
    (row,) = ledger.unsettled_results(place.facility)
    assert (row.due, row.held) == (-109_840, 500_000)
    used = use_deposits(visit=step.visit, actor=actor, at=at(13))
    assert (used.amount, used.number) == (390_160, "BU26.000001")
    assert code(lambda: use_deposits(visit=step.visit, actor=actor, at=at(13))) == "nothing_due"
    (held,) = ledger.held_deposits(place.facility)
    assert (held.deposited, held.used, held.returned, held.held) == (500_000, 390_160, 0, 109_840)
    give = {"reason": "Thừa", "actor": actor, "at": at(13)}
    assert code(lambda: refund(entry=deposit, amount=Decimal(109_841), **give)) == "too_much"
    back = refund(entry=deposit, amount=Decimal(109_840), **give)
    assert (back.kind, back.number, back.reverses_id) == ("deposit_return", "HU26.000001", deposit.pk)
    assert ledger.account_of(step.visit).is_level
    assert ledger.held_total(place.facility) == 0


def test_money_of_a_used_deposit_goes_back_over_the_deposit(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    deposit, actor = step.deposit(390_160), drawer(place)
    step.close()
    used = use_deposits(visit=step.visit, actor=actor, at=at(13))
    reopen_visit(visit=step.visit, reason="Sai giá", actor=place.actor("manager"), at=at(13))
    back = refund(entry=used, amount=Decimal(90_160), reason="Sửa giá", actor=actor, at=at(14))
    released = CashEntry.objects.get(kind="deposit_release")
    assert (released.reverses_id, released.number) == (used.pk, "TB26.000001")
    assert (back.kind, back.reverses_id) == ("deposit_return", deposit.pk)
    account = ledger.account_of(step.visit)
    assert (account.paid, account.held) == (300_000, 0)


def test_a_deposit_of_a_cancelled_visit_can_only_go_back(world: World) -> None:
    place = world.hospital
    visit, actor = lan_visit(place), drawer(place)
    deposit = take_deposit(visit=visit, amount=Decimal(200_000), actor=actor, at=at(9))
    cancel_visit(visit=visit, reason="Về", actor=place.actor("reception"), at=at(9))
    assert code(lambda: take_deposit(visit=visit, amount=Decimal(1), actor=actor, at=at(9))) == "cancelled"
    assert [row.pk for row in ledger.held_deposits(place.facility)] == [visit.pk]
    refund(entry=deposit, amount=Decimal(200_000), reason="Về", actor=actor, at=at(9))
    assert ledger.held_total(place.facility) == 0


def test_who_may_void_what_and_until_when(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    deposit = step.deposit(10_000)
    step.close()
    receipt, actor, on = step.pay(), drawer(place), [at().date()]

    def void(entry: CashEntry = receipt, reason: str = "Nhầm", who: str = "cashier", hour: int = 12) -> CashEntry:
        return void_entry(entry=entry, reason=reason, actor=place.actor(who), at=at(hour, day=on[0]))

    drawer(place, "cashier2")
    assert code(lambda: void(reason=" ")) == "reason_missing"
    assert code(lambda: void(who="cashier2")) == "not_yours"
    on[0] = at().date() + timedelta(days=1)
    assert code(void) == "other_day"
    on[0] = at().date()
    assert code(lambda: void(entry=deposit)) == "not_whole_any_more"  # the bill used it
    done = void()
    assert (done.kind, done.number, done.amount, done.reverses_id) == (
        "receipt_void",
        "HT26.000001",
        380_160,
        receipt.pk,
    )
    assert code(void) == "not_whole_any_more"
    assert code(lambda: refund(entry=receipt, amount=Decimal(1), reason="x", actor=actor, at=at(12))) == "too_much"
    assert ledger.amount_due(step.visit) == 380_160
    again = step.collect(380_160)
    assert again.number == "PT26.000002"
    close_session(session=again.session, denominations={}, note="Nộp sau", actor=actor, at=at(13))
    assert code(lambda: void(entry=again, hour=14)) == "no_session"
    open_session(opening_float=Decimal(0), actor=actor, at=at(14))
    assert code(lambda: void(entry=again, hour=14)) == "drawer_closed"
    assert code(lambda: void(entry=done)) == "not_voidable"
    (use,) = [use for use in book_uses(place.facility, 2026) if use.book.series == "PT26"]
    assert (use.used, use.voided, use.left) == (2, ["PT26.000001"], 998)
    assert book_of(again) == use.book


def test_a_bank_transaction_is_recorded_once_in_the_facility(world: World) -> None:
    step, other = walk.lan_full(world, world.hospital), walk.hung(world, world.hospital)
    step.close()
    assert refused(lambda: step.collect(1000, "transfer", " ")) == ("reference_missing", "bank_reference")
    assert refused(lambda: step.collect(1000, "transfer", "Mã số 1")) == ("bank_reference", "bank_reference")
    first = step.collect(1000, "transfer", "ft 123")
    assert first.bank_reference == "FT123"
    assert refused(lambda: step.collect(1000, "transfer", "FT123")) == ("transfer_recorded", "bank_reference")
    assert refused(lambda: other.deposit(1000, "transfer", "FT123")) == ("transfer_recorded", "bank_reference")
    void_entry(entry=first, reason="Nhầm người", actor=drawer(world.hospital), at=at(12))
    assert other.deposit(1000, "transfer", "FT123").bank_reference == "FT123"
    assert walk.hung(world, world.station).deposit(1000, "transfer", "FT123").number == "TU26.000001"


def test_the_code_asks_for_what_is_due_after_the_deposits(world: World) -> None:
    place = world.hospital
    step, actor = walk.lan_full(world, place), drawer(place)
    step.deposit(100_000)

    def ask(**more: object) -> TransferOrder:
        return request_transfer(visit=step.visit, actor=actor, at=at(12), **more)

    assert refused(lambda: ask(deposit=Decimal(5000))) == ("no_account", "method")
    bank(world)
    asked = ask(deposit=Decimal(50_000))
    assert (asked.code, parse(asked.payload).amount) == ("VP2610060001", 50_000)
    assert refused(lambda: ask(deposit=Decimal(0))) == ("not_positive", "amount")
    step.close()
    due = ask()
    read = parse(due.payload)
    assert (read.bin, read.account, read.amount) == ("970415", "113366668888", 290_160)
    assert (read.purpose, due.code) == ("VP2610060002", "VP2610060002")
    assert ask() == due  # shown again: the same order
    paid = step.collect(290_160, "transfer", "FT9")
    assert paid.transfer_order == due
    assert code(ask) == "nothing_due"
    rows = transfer_rows(place.facility, at().date())
    assert [(row.status_vi, row.order.code) for row in rows] == [("Khớp", due.code), ("Chưa thấy tiền", asked.code)]


def test_a_new_account_holds_from_its_day_on(world: World) -> None:
    facility = world.hospital.facility
    bank(world)
    accountant = world.hospital.actor("accountant")
    later = {"bank_bin": "970436", "number": "99", "holder": "BV", "actor": accountant}
    set_bank_account(since=date(2026, 11, 1), content_prefix="BV99", **later)
    assert bank_account_on(facility, date(2026, 10, 31)).bank_bin == "970415"
    assert bank_account_on(facility, date(2026, 11, 1)).prefix == "BV99"
    assert refused(lambda: set_bank_account(since=SINCE, **later)) == ("period", "since")
    for wrong, field in (
        ({"bank_bin": "97043"}, "bank_bin"),
        ({"number": "1" * 20}, "number"),
        ({"holder": " "}, "holder"),
        ({"content_prefix": "Đ"}, "content_prefix"),
    ):
        assert refused(lambda wrong=wrong: set_bank_account(since=date(2026, 12, 1), **later | wrong))[1] == field
    assert rules_on(facility, SINCE).refund_limit is None


def test_a_large_refund_and_one_of_anothers_receipt_need_a_second_person(world: World) -> None:
    place = world.hospital
    accountant = place.actor("accountant")
    set_cash_rules(since=SINCE, refund_limit=Decimal(100_000), book_size=1000, actor=accountant)
    step = walk.lan_full(world, place)
    step.close()
    receipt, actor, other = step.pay(), drawer(place), drawer(place, "cashier2")

    def give(amount: int, who=actor, **more: object) -> CashEntry:
        return refund(entry=receipt, amount=Decimal(amount), reason="Trả", actor=who, at=at(12), **more)

    give(60_000)
    assert refused(lambda: give(40_001)) == ("approval_needed", "amount")  # parts count together
    assert code(lambda: give(1, who=other)) == "approval_needed"
    asked = request_refund(entry=receipt, amount=Decimal(200_000), reason="Trả", actor=other, at=at(12))
    assert (
        code(lambda: request_refund(entry=receipt, amount=Decimal(1), reason="x", actor=other, at=at(12)))
        == "request_waits"
    )
    assert code(lambda: give(200_000, who=other, request=asked)) == "not_approved"
    decided = decide_refund(request=asked, is_approved=True, actor=accountant, at=at(12))
    assert (
        code(lambda: decide_refund(request=asked, is_approved=False, actor=accountant, at=at(12))) == "already_decided"
    )
    assert code(lambda: give(199_999, who=other, request=asked)) == "other_request"
    paid = give(200_000, who=other, request=decided)
    assert paid.request == decided
    assert code(lambda: give(100_000, who=other, request=asked)) == "other_request"
    assert list(open_requests(place.facility)) == []
    again = request_refund(entry=receipt, amount=Decimal(100_000), reason="Trả", actor=actor, at=at(12))
    assert refused(lambda: decide_refund(request=again, is_approved=False, actor=accountant, at=at(12)))[1] == "note"
    decide_refund(request=again, is_approved=False, note="Chưa đúng", actor=accountant, at=at(12))
    assert code(lambda: give(100_000, request=again)) == "not_approved"


def test_nobody_decides_on_their_own_request(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    receipt = step.pay()
    both = place.actor("cashier")
    asked = request_refund(entry=receipt, amount=Decimal(1000), reason="Trả", actor=both, at=at(12))
    both = type(both)(both.user, both.facility, both.permissions | {"billing.approve"}, both.roles)
    assert code(lambda: decide_refund(request=asked, is_approved=True, actor=both, at=at(12))) == "own_request"


def test_the_money_of_a_drawer_is_handed_over_and_confirmed(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    session, accountant = step.collect(300_000).session, place.actor("accountant")

    def receive(amount: int, who: str = "accountant", note: str = "", hour: int = 17) -> CashSession:
        how = {"actor": place.actor(who), "at": at(hour)}
        return receive_drawer(session=session, amount=Decimal(amount), note=note, **how)

    assert code(lambda: receive(300_000)) == "not_closed"
    close_session(session=session, denominations={100_000: 3}, actor=place.actor("cashier"), at=at(16))
    assert ledger.sessions_to_receive(place.facility, place.users["cashier"].pk) == []
    assert ledger.sessions_to_receive(place.facility, accountant.user.pk) == [session]
    assert code(lambda: receive(300_000, who="cashier")) == "own_drawer"
    assert code(lambda: receive(300_000, hour=15)) == "before_closing"
    assert refused(lambda: receive(299_000)) == ("difference", "note")
    got = receive(299_000, note="Một tờ rách")
    assert (got.received_by, got.received_amount) == (accountant.user, 299_000)
    assert code(lambda: receive(300_000, who="cashier2")) == "already_received"
    with pytest.raises(DatabaseError, match="closed_is_frozen"), transaction.atomic():
        CashSession.objects.filter(pk=session.pk).update(counted_amount=1)


def test_a_closed_day_keeps_its_figures_and_takes_no_more(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.deposit(100_000)
    step.close()
    receipt, accountant, actor = step.pay(), place.actor("accountant"), drawer(place)
    day = at().date()

    def shut(on: date = day) -> CashDay:
        return close_day(day=on, actor=accountant, at=at(18))

    assert refused(lambda: shut(on=date(2026, 10, 7))) == ("day_to_come", "day")
    assert code(shut) == "drawers_open"
    close_session(session=receipt.session, denominations={}, note="Nộp sau", actor=actor, at=at(17))
    row = shut()
    assert (row.entry_count, row.cash_amount, row.received_amount, row.held_amount) == (3, 390_160, 390_160, 0)
    assert row.figures == [
        {"kind": "receipt", "method": "cash", "count": 1, "amount": "290160.00"},
        {"kind": "deposit", "method": "cash", "count": 1, "amount": "100000.00"},
        {"kind": "deposit_use", "method": "cash", "count": 1, "amount": "100000.00"},
    ]
    assert code(shut) == "day_closed"
    assert code(lambda: open_session(opening_float=Decimal(0), actor=actor, at=at(19))) == "day_closed"
    tomorrow = at(8) + timedelta(days=1)
    open_session(opening_float=Decimal(0), actor=actor, at=tomorrow)
    assert (
        code(lambda: refund(entry=receipt, amount=Decimal(1), reason="x", actor=actor, at=at(18))) == "before_opening"
    )
    refund(entry=receipt, amount=Decimal(1000), reason="Sửa hôm sau", actor=actor, at=tomorrow)
    with pytest.raises(DatabaseError, match="is closed"), transaction.atomic():
        copy_of(receipt, number="PT26.000099", at=at(18))


def copy_of(entry: CashEntry, **changes: object) -> CashEntry:
    """An entry written past the services."""
    values = {f.name: getattr(entry, f.name) for f in CashEntry._meta.concrete_fields if f.name != "id"}
    return CashEntry.objects.create(**values | changes)


def test_the_database_refuses_what_the_services_would(world: World) -> None:
    step, other = walk.lan_full(world, world.hospital), walk.hung(world, world.hospital)
    deposit, foreign = step.deposit(100_000), other.deposit(5000)
    step.close()
    receipt = step.collect(1000, "transfer", "FT1")
    used = CashEntry.objects.get(kind="deposit_use")
    void = {"kind": "receipt_void", "reverses": receipt}
    for entry, changes, what in (
        (receipt, {"kind": "refund", "reverses": receipt, "amount": 1001}, "exceeds"),
        (receipt, void | {"amount": 999}, "whole"),
        (receipt, {"kind": "refund", "reverses": receipt, "method": "cash", "amount": 1}, "does not belong"),
        (receipt, {"kind": "deposit_return", "reverses": receipt, "amount": 1}, "cannot name"),
        (receipt, {"kind": "receipt"}, "recorded before"),
        (deposit, {"kind": "deposit_return", "reverses": deposit, "amount": 1}, "exceeds"),
        (used, {"kind": "deposit_release", "reverses": used, "amount": 100_001}, "exceeds"),
        (deposit, {"kind": "deposit_use", "reverses": foreign, "amount": 1}, "does not belong"),
        (deposit, {"kind": "refund", "reverses": None}, "cash_entry_names_its_origin"),
    ):
        with pytest.raises(DatabaseError, match=what), transaction.atomic():
            copy_of(entry, number="XX26.000001", **changes)
    copy_of(used, number="XX26.000001", kind="deposit_release", reverses=used)
    assert ledger.account_of(step.visit).held == 100_000
    copy_of(used, number="XX26.000002")  # what was released can be used again
    assert User.objects.filter(pk=used.by_id).exists()
    assert collect(visit=step.visit, amount=Decimal(1), actor=drawer(world.hospital), at=at(12)).amount == 1
