"""The cash ledger: whole đồng, never more than is due, nothing deleted, one drawer for each cashier."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection, transaction

from his.catalogs.models import Drug
from his.core.errors import NotFound, Refusal
from insurance.billing import ledger, queries
from insurance.billing.cash import collect, refund
from insurance.billing.closing import reopen_visit
from insurance.billing.drawers import close_session, open_session
from insurance.locks import lock_claims
from insurance.models import CashEntry, CashSession
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import HALF_PAID, drawer

pytestmark = pytest.mark.django_db


def refused(task: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as caught:
        task()
    return caught.value.code, caught.value.field


def test_a_receipt_settles_the_visit(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    assert ledger.amount_due(step.visit) == 390160
    assert step.paid_at is None
    first = step.collect(200000)
    second = step.collect(190160, method="transfer")
    assert (first.number, second.number) == ("PT26.000001", "PT26.000002")
    assert ledger.amount_due(step.visit) == 0
    assert step.paid_at == second.at
    assert ledger.expected_cash(first.session) == 200000
    assert [(t.method, t.net) for t in ledger.session_totals(first.session)] == [
        ("Tiền mặt", 200000),
        ("Chuyển khoản", 190160),
    ]


def test_the_patient_pays_whole_dong_rounded_once(world: World) -> None:
    Drug.objects.filter(code=HALF_PAID).update(price=Decimal("120000.333"), insured_price=Decimal("120000.333"))
    step = walk.lan_full(world, world.hospital)
    result = step.close()
    assert result.patient_amount % 1 != 0
    payable = ledger.payable_amount(result)
    assert payable == result.patient_amount.quantize(Decimal(1), rounding="ROUND_HALF_UP")
    step.collect(payable)
    assert ledger.amount_due(step.visit) == 0
    assert list(ledger.unsettled_results(world.hospital.facility)) == []


def test_nothing_to_pay_needs_no_receipt(world: World) -> None:
    step = walk.lan(world, world.station).examine().sign()
    step.close()
    assert ledger.amount_due(step.visit) == 0
    assert step.paid_at == step.visit.closed_at
    drawer(world.station)
    assert refused(lambda: step.collect(1)) == ("nothing_due", None)


def test_what_may_not_be_collected(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    drawer(world.hospital)
    assert refused(lambda: step.collect(1)) == ("not_closed", None)
    step.close()
    for amount, code in (("0", "not_positive"), ("-5", "not_positive"), ("0.5", "not_whole"), ("NaN", "not_positive")):
        assert refused(lambda amount=amount: step.collect(Decimal(amount))) == (code, "amount")
    with pytest.raises(Refusal, match=r"lớn hơn số còn phải thu 390\.160 đ"):
        step.collect(390161)
    assert refused(lambda: step.collect(1, method="gold")) == ("method", "method")
    closed = place_without_drawer(world)
    with pytest.raises(Refusal, match="Chưa mở ca thu"):
        collect(visit=step.visit, amount=Decimal(1), actor=closed, at=at(12))
    assert not CashEntry.objects.exists()


def place_without_drawer(world: World):
    return world.hospital.actor("cashier2")


def test_an_idempotency_key_takes_money_once(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    actor = drawer(world.hospital)
    entries = [
        collect(visit=step.visit, amount=Decimal(390160), actor=actor, at=at(12), idempotency_key="k1")
        for _ in range(2)
    ]
    assert entries[0].pk == entries[1].pk
    assert CashEntry.objects.count() == 1


def test_a_refund_names_its_receipt_and_never_exceeds_it(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    receipt, actor = step.pay(), drawer(world.hospital)

    def give(amount: str, reason: str = "Thu thừa", entry: CashEntry = receipt) -> CashEntry:
        return refund(entry=entry, amount=Decimal(amount), reason=reason, actor=actor, at=at(12))

    assert refused(lambda: give("1", " ")) == ("reason_missing", "reason")
    assert refused(lambda: give("1", "x" * 501)) == ("too_long", "reason")
    assert refused(lambda: give("390161")) == ("too_much", "amount")
    assert refused(lambda: give("0")) == ("not_positive", "amount")
    back = give("90160", "Trả <lại> 'tiền'")
    assert (back.number, back.reverses_id, back.reason) == ("PH26.000001", receipt.pk, "Trả <lại> 'tiền'")
    with pytest.raises(Refusal, match=r"chỉ còn hoàn được 300\.000 đ"):
        give("300001")
    assert refused(lambda: give("1", entry=back)) == ("not_receipt", None)
    give("300000")
    assert ledger.refundable_amount(receipt) == 0
    assert ledger.amount_due(step.visit) == 390160
    assert ledger.expected_cash(receipt.session) == 0
    assert [entry.left for entry in ledger.entries_of(step.visit)] == [0, 0, 0]


def test_money_goes_back_after_a_correction(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.settled()
    reopen_visit(visit=step.visit, reason="Sai giá", actor=place.actor("manager"), at=at(12))
    (row,) = queries.visits_to_settle(place.facility)
    assert (row.is_closed, row.due) == (False, 0)
    Drug.objects.filter(code=HALF_PAID).update(price=110000, insured_price=110000)
    step.now = at(13)
    step.close()
    (row,) = queries.visits_to_settle(place.facility)
    assert (row.is_closed, row.due) == (True, ledger.amount_due(step.visit))
    assert row.due < 0
    assert refused(lambda: step.collect(1)) == ("nothing_due", None)
    receipt = CashEntry.objects.get()
    refund(entry=receipt, amount=-row.due, reason="Sửa giá", actor=drawer(place), at=at(14))
    assert queries.visits_to_settle(place.facility) == []


def test_the_drawer_is_counted_at_the_end(world: World) -> None:
    place = world.hospital
    actor = place.actor("cashier")
    assert refused(lambda: open_session(opening_float=Decimal(-1), actor=actor, at=at(7))) == (
        "negative",
        "opening_float",
    )
    session = open_session(opening_float=Decimal(500000), actor=actor, at=at(7))
    assert refused(lambda: open_session(opening_float=Decimal(0), actor=actor, at=at(7)))[0] == "session_open"
    step = walk.lan_full(world, place)
    step.settled()
    assert ledger.expected_cash(session) == 890160

    def close(notes: dict[int, int], note: str = "", who: str = "cashier") -> CashSession:
        return close_session(session=session, denominations=notes, note=note, actor=place.actor(who), at=at(17))

    assert refused(lambda: close({500000: 1}, who="cashier2"))[0] == "not_yours"
    assert refused(lambda: close({30000: 1})) == ("denomination", "denominations")
    assert refused(lambda: close({500000: -1})) == ("denomination", "denominations")
    with pytest.raises(Refusal, match=r"thiếu 160 đ"):
        close({500000: 1, 200000: 1, 100000: 1, 50000: 1, 20000: 2})
    done = close({500000: 1, 200000: 1, 100000: 1, 50000: 1, 20000: 2}, "Tiền lẻ")
    assert (done.counted_amount, done.expected_amount) == (890000, 890160)
    assert done.denominations["20000"] == 2
    assert refused(lambda: close({}))[0] == "already_closed"
    with pytest.raises(NotFound):
        close_session(session=done, denominations={}, actor=world.station.actor("cashier"), at=at(18))


def test_entries_are_never_changed(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    receipt = step.pay()
    receipt.amount = Decimal(1)
    with pytest.raises(Exception, match="append_only"):
        receipt.save()


def test_old_debts_have_their_own_list(world: World) -> None:
    place = world.hospital
    walk.lan_full(world, place).close()
    today = at().date()
    assert len(queries.visits_to_settle(place.facility, since=today)) == 1
    later = at().replace(day=20).date()
    assert queries.visits_to_settle(place.facility, since=later) == []
    assert [result.due for result in ledger.debts(place.facility, before=later)] == [390160]
    assert list(ledger.debts(place.facility, before=today)) == []
    assert queries.visits_to_settle(world.station.facility) == []


@pytest.mark.django_db(transaction=True)
def test_two_cashiers_collect_and_only_one_takes_the_money(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    actors = [drawer(place, key) for key in ("cashier", "cashier2")]
    gate = threading.Barrier(2)

    def take(actor) -> CashEntry | Refusal:
        try:
            gate.wait(timeout=10)
            return collect(visit=step.visit, amount=Decimal(390160), actor=actor, at=at(12))
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(take, actors))
    assert sorted(getattr(answer, "code", "receipt") for answer in answers) == ["nothing_due", "receipt"]
    assert ledger.paid_amount(step.visit) == 390160
    assert CashEntry.objects.get().number == "PT26.000001"


@pytest.mark.django_db(transaction=True)
def test_who_waits_too_long_for_a_drawer_or_the_claims_is_told_to_try_again(world: World, settings) -> None:
    settings.LOCK_TIMEOUT = "200ms"
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    actor, manager = drawer(place), place.actor("manager")

    def elsewhere(task: Callable[[], object]) -> str:
        def run() -> str:
            try:
                task()
                return "done"
            except Refusal as refusal:
                return refusal.code
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(run).result()

    def take() -> CashEntry:
        return collect(visit=step.visit, amount=Decimal(1000), actor=actor, at=at(12))

    def reopen() -> object:
        return reopen_visit(visit=step.visit, reason="Sai", actor=manager, at=at(13))

    with transaction.atomic():
        CashSession.objects.select_for_update().get()
        assert elsewhere(take) == "busy"
    with transaction.atomic():
        lock_claims(place.facility)
        assert elsewhere(reopen) == "busy"
        lock_claims(world.station.facility)  # the other facility's claims are another lock
    assert (elsewhere(take), elsewhere(reopen)) == ("done", "done")
