"""Electronic invoices: each paid đồng is in exactly one document, whatever the provider does."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from lxml import etree
from pytest_django import Settings

from his.core.errors import PermissionRefused, Refusal
from his.core.words import amount_in_words
from insurance.billing.cash import refund, take_deposit, use_deposits, void_entry
from insurance.billing.invoices import queries
from insurance.billing.invoices.queue import document_of, record_answer, send, send_waiting
from insurance.billing.invoices.services import (
    Buyer,
    aggregate_day,
    correct_buyer,
    correct_due,
    issue_invoice,
    mend_rejected,
    notify_error,
)
from insurance.gateway.invoice_stand_in import StandIn
from insurance.gateway.providers import stand_in_of
from insurance.models import CashEntry, Invoice, InvoiceEntry, InvoiceNotice, InvoiceProfile
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.insurance.invoicing import FIRM, LAN, cashier, declared, give_back, issued, paid_visit

pytestmark = pytest.mark.django_db

State, Relation = Invoice.State, Invoice.Relation


@pytest.fixture
def profile(world: World, settings: Settings, tmp_path: Path) -> InvoiceProfile:
    settings.VAR_DIR = tmp_path
    return declared(world)


@pytest.fixture
def provider(profile: InvoiceProfile) -> StandIn:
    return stand_in_of(profile)


def test_an_invoice_on_request_holds_what_was_paid(world: World, provider: StandIn) -> None:
    lan = paid_visit(world)
    first, second = lan.collect(100_000), lan.collect(290_160, method="transfer")
    give_back(world, second, 160, at(9, 30))
    made = issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(10), idempotency_key="k")
    again = issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(10), idempotency_key="k")
    assert made == again
    assert (made.amount, made.state, made.payment, made.number) == (390_000, State.WAITING, "mixed", "")
    assert [(line.amount, line.vat_code) for line in made.lines.all()] == [(100_000, "KCT"), (290_000, "KCT")]
    assert first.number in made.lines.first().name
    done = issued(world, made, at(10))
    assert (done.number, done.next_attempt_at, len(done.authority_code)) == ("00000001", None, 34)
    xml = etree.fromstring(done.document)
    assert xml.findtext("NMua/Ten") == LAN.buyer_name
    assert (xml.findtext("KHHDon"), xml.findtext("HHDVu/TSuat"), xml.findtext("TgTTTBSo")) == (
        "C26TYY",
        "KCT",
        "390000.00",
    )
    assert xml.findtext("TgTTTBChu") == amount_in_words(390_000)
    with pytest.raises(Refusal, match="đã nằm trong hóa đơn C26TYY số 00000001"):
        issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(11))


def test_a_day_is_gathered_and_level(world: World, provider: StandIn) -> None:
    lan, hung = paid_visit(world), walk.hung(world, world.hospital).examine("J06.9").sign()
    lan.pay()
    hung.settled()
    single = issue_invoice(visit=hung.visit, buyer=FIRM, actor=cashier(world), at=at(11))
    before = queries.day_balance(world.hospital.facility, DAY)
    assert (before.paid, before.invoiced, before.open) == (429_960, 39_800, 390_160)
    gathered = aggregate_day(day=DAY, actor=cashier(world), at=at(17))
    assert (gathered.amount, gathered.buyer_name, gathered.kind) == (
        390_160,
        "Bán cho người tiêu dùng",
        Invoice.Kind.AGGREGATE,
    )
    (line,) = gathered.lines.all()
    assert "kèm theo bảng kê 1 phiếu thu ngày 06/10/2026" in line.name
    assert queries.day_balance(world.hospital.facility, DAY).open == 0
    with pytest.raises(Refusal, match="không còn phiếu nào"):
        aggregate_day(day=DAY, actor=cashier(world), at=at(18))
    sent = send_waiting(actor=cashier(world), at=at(18))
    assert (sent.issued, sent.left, sent.problem) == (2, 0, "")
    numbers = Invoice.objects.filter(pk__in=[single.pk, gathered.pk]).values_list("number", flat=True)
    assert sorted(numbers) == ["00000001", "00000002"]


def test_earlier_days_come_first_and_later_days_not_yet(world: World, profile: InvoiceProfile) -> None:
    paid_visit(world).pay()
    with pytest.raises(Refusal, match="Chưa tới ngày này"):
        aggregate_day(day=DAY + timedelta(days=1), actor=cashier(world), at=at(17))
    with pytest.raises(Refusal, match="Ngày 06/10/2026 còn phiếu chưa lập hóa đơn"):
        aggregate_day(day=DAY + timedelta(days=1), actor=cashier(world), at=at(17, day=DAY + timedelta(days=1)))


def test_a_day_that_was_given_back_whole_sends_nothing(world: World, provider: StandIn) -> None:
    lan = paid_visit(world)
    entry = lan.collect(390_160)
    give_back(world, entry, 390_160, at(10))
    made = aggregate_day(day=DAY, actor=cashier(world), at=at(17))
    assert (made.state, made.amount, made.lines.get().amount) == (State.NOTHING, 0, 0)
    assert send_waiting(actor=cashier(world), at=at(18)).issued == provider.count() == 0
    assert queries.first_open_day(world.hospital.facility) is None


def test_taking_money_never_waits_for_the_provider(world: World, provider: StandIn) -> None:
    lan = paid_visit(world)
    lan.pay()
    made = issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(10))
    provider.fail_next("unavailable", "lost_answer")
    first = send_waiting(actor=cashier(world), at=at(10))
    assert (first.issued, first.left, first.problem) == (0, 1, "Không kết nối được nhà cung cấp")
    made.refresh_from_db()
    assert (made.state, made.attempts, made.next_attempt_at) == (State.WAITING, 1, at(10, 2))
    assert send_waiting(actor=cashier(world), at=at(10, 1)).left == 1, "not yet"
    lost = send_waiting(actor=cashier(world), at=at(10, 3))
    assert (lost.issued, lost.problem, provider.count()) == (0, "Nhà cung cấp không trả lời", 1)
    assert send_waiting(actor=cashier(world), at=at(10, 4), is_forced=True).issued == 1
    made.refresh_from_db()
    assert (made.number, provider.count()) == ("00000001", 1), "the lost answer is found by its key"


def test_a_refused_document_waits_for_a_person(world: World, provider: StandIn) -> None:
    lan = paid_visit(world)
    lan.pay()
    made = issue_invoice(visit=lan.visit, buyer=FIRM, actor=cashier(world), at=at(10))
    provider.fail_next("rejected")
    assert send_waiting(actor=cashier(world), at=at(10)).rejected == 1
    assert send_waiting(actor=cashier(world), at=at(23), is_forced=True).issued == 0
    made.refresh_from_db()
    assert (made.state, made.last_error) == (State.REJECTED, "Mã số thuế người mua không tồn tại")
    mend_rejected(invoice=made, buyer=LAN, actor=cashier(world), at=at(11))
    assert send_waiting(actor=cashier(world), at=at(11)).issued == 1
    with pytest.raises(Refusal, match="không bị từ chối"):
        mend_rejected(invoice=made, buyer=LAN, actor=cashier(world), at=at(11))


def test_money_given_back_of_an_invoice_is_an_adjustment(world: World, provider: StandIn) -> None:
    lan = paid_visit(world)
    entry = lan.collect(390_160)
    original = issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(10))
    next_day = at(9, day=DAY + timedelta(days=1))
    give_back(world, entry, 160, next_day)
    assert len(queries.corrections_due(world.hospital.facility)) == 1
    (made,) = correct_due(actor=cashier(world), at=next_day)
    assert (made.relation, made.amount, made.corrects, made.day) == (
        Relation.ADJUSTMENT,
        -160,
        original,
        next_day.date(),
    )
    assert correct_due(actor=cashier(world), at=next_day) == []
    assert made.buyer_name == original.buyer_name
    assert queries.chain_of(original).amount == 390_000
    assert send(invoice=made, actor=cashier(world), at=next_day).state == State.WAITING, "the invoice goes first"
    assert send_waiting(actor=cashier(world), at=next_day).issued == 2
    said = document_of(queries.get_invoice(world.hospital.facility, made.pk))
    assert said.relation_text == "Điều chỉnh cho hóa đơn Mẫu số 2 ký hiệu C26TYY số 00000001 ngày 06/10/2026"
    assert said.words == "Âm một trăm sáu mươi đồng"
    for day in (DAY, next_day.date()):
        assert queries.day_balance(world.hospital.facility, day).open == 0
    assert queries.first_open_day(world.hospital.facility) is None


def test_invoices_of_a_cash_register_are_replaced_only(world: World, settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    declared(world, "C26MYY")
    lan = paid_visit(world)
    entry = lan.collect(390_160)
    original = issued(world, issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(10)), at(10))
    give_back(world, entry, 160, at(11))
    (made,) = correct_due(actor=cashier(world), at=at(11))
    assert (made.relation, made.amount, made.corrects) == (Relation.REPLACEMENT, 390_000, original)
    assert sum(line.amount for line in made.lines.all()) == 390_000
    issued(world, made, at(11))
    assert queries.chain_of(original).amount == 390_000
    give_back(world, entry, 40_000, at(12))
    (second,) = correct_due(actor=cashier(world), at=at(12))
    assert (second.corrects, second.amount) == (made, 350_000)
    issued(world, second, at(12))
    manager = world.hospital.actor("manager")
    with pytest.raises(Refusal, match="đã được thay thế bằng"):
        correct_buyer(invoice=original, method="replacement", buyer=FIRM, reason="Sai", actor=manager, at=at(13))
    with pytest.raises(Refusal, match="chỉ được thay thế"):
        correct_buyer(invoice=second, method="adjustment", buyer=FIRM, reason="Sai", actor=manager, at=at(13))
    assert queries.day_balance(world.hospital.facility, DAY).open == 0


def test_later_corrections_use_the_method_of_the_first(world: World, provider: StandIn) -> None:
    lan = paid_visit(world)
    entry = lan.collect(390_160)
    manager = world.hospital.actor("manager")
    original = issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(10))
    with pytest.raises(Refusal, match="chưa phát hành xong"):
        correct_buyer(invoice=original, method="replacement", buyer=FIRM, reason="Sai", actor=manager, at=at(10))
    issued(world, original, at(10))
    original.refresh_from_db()
    for reason, buyer, said in (("", FIRM, "Hãy ghi lý do"), ("Sai", LAN, "gửi thông báo sai sót")):
        with pytest.raises(Refusal, match=said):
            correct_buyer(invoice=original, method="replacement", buyer=buyer, reason=reason, actor=manager, at=at(11))
    with pytest.raises(PermissionRefused):
        correct_buyer(invoice=original, method="replacement", buyer=FIRM, reason="S", actor=cashier(world), at=at(11))
    new = correct_buyer(invoice=original, method="replacement", buyer=FIRM, reason="Sai MST", actor=manager, at=at(11))
    assert (new.amount, new.buyer_tax_code) == (390_160, FIRM.buyer_tax_code)
    with pytest.raises(Refusal, match="đã được thay thế"):
        notify_error(invoice=original, reason="Sai tên", right_text="Lan", actor=manager, at=at(11))
    issued(world, new, at(11))
    give_back(world, entry, 160, at(12))
    (third,) = correct_due(actor=cashier(world), at=at(12))
    assert (third.relation, third.corrects, third.amount) == (Relation.REPLACEMENT, new, 390_000)
    assert third.buyer_tax_code == FIRM.buyer_tax_code, "the buyer that was put right stays"


def test_a_wrong_name_is_a_notice(world: World, provider: StandIn) -> None:
    lan = paid_visit(world)
    lan.pay()
    made = issued(world, issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(10)), at(10))
    manager = world.hospital.actor("manager")
    with pytest.raises(Refusal, match="nội dung đúng"):
        notify_error(invoice=made, reason="Sai tên", right_text=" ", actor=manager, at=at(11))
    notice = notify_error(invoice=made, reason="Sai tên", right_text="Nguyễn Thị Lân", actor=manager, at=at(11))
    provider.fail_next("unavailable")
    assert send_waiting(actor=cashier(world), at=at(11)).problem
    send_waiting(actor=cashier(world), at=at(12))
    notice.refresh_from_db()
    assert (notice.state, notice.sent_at) == (InvoiceNotice.State.SENT, at(12))
    assert provider.count() == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"buyer_name": " "}, "buyer_name"),
        ({"buyer_tax_code": "123"}, "buyer_tax_code"),
        ({"buyer_tax_code": "0199000001-001"}, "buyer_company"),
        ({"buyer_citizen_id": "12"}, "buyer_citizen_id"),
        ({"buyer_email": "a@b"}, "buyer_email"),
        ({"buyer_address": "x" * 501}, "buyer_address"),
    ],
)
def test_a_buyer_that_cannot_be_is_refused_beside_its_field(
    world: World, profile: InvoiceProfile, values: dict[str, str], field: str
) -> None:
    lan = paid_visit(world)
    lan.pay()
    buyer = Buyer(**{"buyer_name": "Lan", **values})
    with pytest.raises(Refusal) as refused:
        issue_invoice(visit=lan.visit, buyer=buyer, actor=cashier(world), at=at(10))
    assert refused.value.field == field


def test_without_a_declaration_or_money_nothing_is_made(world: World) -> None:
    lan = paid_visit(world)
    with pytest.raises(Refusal, match="chưa có khoản thu"):
        issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(10))
    lan.pay()
    with pytest.raises(Refusal, match="chưa khai báo hóa đơn"):
        issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(10))


def test_the_database_keeps_what_was_issued(world: World, provider: StandIn) -> None:
    lan = paid_visit(world)
    entry = lan.pay()
    made = issue_invoice(visit=lan.visit, buyer=LAN, actor=cashier(world), at=at(10))
    damages = [
        lambda: Invoice.objects.filter(pk=made.pk).update(amount=1),
        lambda: Invoice.objects.filter(pk=made.pk).delete(),
        lambda: InvoiceEntry.objects.update(amount=1),
        lambda: made.lines.update(amount=1),
        lambda: InvoiceEntry.objects.create(facility=made.facility, invoice=made, entry=entry, amount=1),
        lambda: Invoice.objects.filter(pk=made.pk).update(state=State.ISSUED),
        lambda: Invoice.objects.filter(pk=made.pk).update(state=State.NOTHING),
    ]
    issued_damages = [
        lambda: Invoice.objects.filter(pk=made.pk).update(buyer_name="Khác"),
        lambda: Invoice.objects.filter(pk=made.pk).update(state=State.WAITING, number="", issued_at=None),
    ]
    for batch in (damages, issued_damages):
        for damage in batch:
            with pytest.raises(DatabaseError), transaction.atomic():
                damage()
        if batch is damages:
            answered = issued(world, made, at(10))
    answer = provider.get_status(str(made.key))
    assert record_answer(invoice=answered, answer=answer, xml="x", actor=cashier(world), at=at(11)).document != "x"


def test_a_receipt_with_an_invoice_is_not_voided(world: World, profile: InvoiceProfile) -> None:
    entry = paid_visit(world).pay()
    issue_invoice(visit=entry.visit, buyer=LAN, actor=cashier(world), at=at(10))
    with pytest.raises(Refusal, match="Phiếu đã có hóa đơn"):
        void_entry(entry=entry, reason="Nhầm", actor=cashier(world), at=at(10))


def test_a_deposit_is_invoiced_when_the_bill_uses_it(world: World, profile: InvoiceProfile) -> None:
    lan, drawer = walk.lan_full(world, world.hospital), walk.drawer(world.hospital)
    deposit = take_deposit(visit=lan.visit, amount=Decimal(500_000), actor=drawer, at=at(9))
    assert queries.day_balance(world.hospital.facility, DAY).paid == 0
    lan.close()
    use = use_deposits(visit=lan.visit, actor=drawer, at=at(10))
    refund(entry=deposit, amount=Decimal(109_840), reason="Thừa", actor=drawer, at=at(10))
    made = aggregate_day(day=DAY, actor=drawer, at=at(17))
    assert (made.amount, [row.entry for row in made.entries.all()]) == (390_160, [use])
    refund(entry=use, amount=Decimal(160), reason="Tính lại", actor=drawer, at=at(18))
    (corrected,) = correct_due(actor=drawer, at=at(18))
    assert (corrected.amount, corrected.entries.get().entry.kind) == (-160, "deposit_release")


def test_a_timer_gathers_and_sends(
    world: World, provider: StandIn, time_machine, capsys: pytest.CaptureFixture
) -> None:
    time_machine.move_to(at(9, day=DAY + timedelta(days=1)), tick=False)
    paid_visit(world).pay()
    provider.fail_next("unavailable")
    asked = ("send_invoices", "--facility", "99002", "--gather-until", "2026-10-06")
    with pytest.raises(CommandError, match="Không kết nối được"):
        call_command(*asked)
    time_machine.shift(timedelta(minutes=5))
    call_command(*asked)
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "99002: lập 1, phát hành 0, bị từ chối 0, còn chờ 1",
        "99002: lập 0, phát hành 1, bị từ chối 0, còn chờ 0",
    ]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_put_each_receipt_into_one_document(world: World, provider: StandIn) -> None:
    """Buttons pressed at the same moment: an invoice on request, the day gathered, corrections, and the queue."""
    hung = walk.hung(world, world.hospital).examine("J06.9").sign()
    hung.settled()
    lan = paid_visit(world)
    entry = lan.collect(390_160)
    actor = cashier(world)
    done = issue_invoice(visit=hung.visit, buyer=LAN, actor=actor, at=at(10))
    give_back(world, CashEntry.objects.get(visit=hung.visit), 800, at(11))
    acts = [
        lambda: issue_invoice(visit=lan.visit, buyer=LAN, actor=actor, at=at(12)),
        lambda: aggregate_day(day=DAY, actor=actor, at=at(12)),
        lambda: correct_due(actor=actor, at=at(12)),
        lambda: send_waiting(actor=actor, at=at(12), is_forced=True),
    ] * 3
    gate = threading.Barrier(len(acts))

    def press(act) -> None:
        try:
            gate.wait(timeout=60)
            act()
        except Refusal as refusal:
            if refusal.code not in {"already_invoiced", "nothing_to_invoice", "busy"}:
                raise
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        list(pool.map(press, acts))
    correct_due(actor=actor, at=at(13))
    send_waiting(actor=actor, at=at(13), is_forced=True)
    assert InvoiceEntry.objects.filter(entry=entry).count() == 1
    assert InvoiceEntry.objects.count() == CashEntry.objects.count() == 3
    assert Invoice.objects.filter(corrects=done).count() == 1
    numbers = Invoice.objects.filter(state=State.ISSUED).values_list("number", flat=True)
    assert len(numbers) == len(set(numbers)) == provider.count() == 3
