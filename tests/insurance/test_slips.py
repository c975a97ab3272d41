"""Slips, settlement and the cashier's report: their printed amounts, read back, are those of the ledger."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.urls import reverse
from pytest_django import Settings

from his.core.words import amount_in_words
from his.printing.models import PrintRecord
from insurance.billing.cash import refund, take_deposit, use_deposits, void_entry
from insurance.billing.drawers import close_day, close_session, receive_drawer
from insurance.billing.effects import EFFECTS, cash_of
from insurance.billing.invoices.queue import send_waiting
from insurance.billing.invoices.services import Buyer, issue_invoice
from insurance.billing.ledger import account_of, expected_cash
from insurance.models import CashEntry, CashSession, InvoiceProfile
from insurance.printing.cash_report import print_day_report, print_session_report
from insurance.printing.receipt import print_receipt, receipt_data
from insurance.printing.settlement import print_settlement
from tests import pdf_text
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.paper_tables import report_amounts, text_of
from tests.pdf_text import amount

pytestmark = pytest.mark.django_db


def every_kind(world: World) -> tuple[walk.Walk, dict[str, CashEntry]]:
    """A visit with an entry of every kind, by kind; its account is level but for 160 đ that are held."""
    lan, drawer = walk.lan_full(world, world.hospital), walk.drawer(world.hospital)

    def deposit(amount: int, minute: int, **way: str) -> CashEntry:
        return take_deposit(visit=lan.visit, amount=Decimal(amount), actor=drawer, at=at(9, minute), **way)

    first = deposit(200_000, 0)
    wrong = deposit(50_000, 1, method="card")
    void_entry(entry=wrong, reason="Quẹt nhầm thẻ", actor=drawer, at=at(9, 2))
    deposit(100_000, 3, method="transfer", bank_reference="FT99001")
    lan.now = at(9, 10)
    lan.close()
    use_deposits(visit=lan.visit, actor=drawer, at=at(9, 20))
    lan.now = at(9, 30)
    receipt = lan.collect(90_160)
    void_entry(entry=receipt, reason="Thu nhầm người", actor=drawer, at=at(9, 40))
    lan.now = at(9, 50)
    receipt = lan.collect(90_160)
    use = CashEntry.objects.get(kind="deposit_use", reverses=first)
    refund(entry=use, amount=Decimal(500), reason="Trả thuốc", actor=drawer, at=at(10))
    refund(entry=receipt, amount=Decimal(160), reason="Trả lại tiền lẻ", actor=drawer, at=at(10, 10))
    found = {entry.kind: entry for entry in CashEntry.objects.order_by("pk")}
    assert set(found) == set(EFFECTS)
    return lan, found


def test_every_kind_of_entry_has_its_slip(world: World) -> None:
    _, entries = every_kind(world)
    cashier = world.hospital.actor("cashier")
    titles = set()
    for kind, entry in entries.items():
        text = text_of(print_receipt(entry=entry, actor=cashier, at=at(11)))
        roll = text_of(print_receipt(entry=entry, actor=cashier, at=at(11), on_roll=True))
        for part in (entry.number, amount_in_words(entry.amount), f"{int(entry.amount):,}".replace(",", ".")):
            assert part in text, kind
            assert part in roll, kind
        titles.add(receipt_data(entry)["title"])
        assert ("C40-BB" in text) == (kind in {"receipt", "deposit"}), kind
        assert ("C41-BB" in text) == (kind in {"refund", "deposit_return"}), kind
        if entry.reverses:
            assert f"(theo phiếu {entry.reverses.number})" in text
    assert len(titles) == len(EFFECTS)


def test_a_voided_paper_says_so_with_number_and_reason(world: World) -> None:
    every_kind(world)
    voided = CashEntry.objects.filter(kind="receipt").order_by("pk").first()
    cashier = world.hospital.actor("cashier")
    for on_roll in (False, True):
        text = text_of(print_receipt(entry=voided, actor=cashier, at=at(11), on_roll=on_roll))
        assert "HỦY" in text
        assert "HT26.000001" in text
        assert "Thu nhầm người" in text
    kept = CashEntry.objects.filter(kind="receipt").order_by("pk").last()
    assert "HỦY" not in text_of(print_receipt(entry=kept, actor=cashier, at=at(11)))


def test_a_deposit_slip_says_what_is_deposited_and_what_it_costs_so_far(world: World) -> None:
    lan, drawer = walk.lan_full(world, world.hospital), walk.drawer(world.hospital)
    for minute in (0, 1):
        last = take_deposit(visit=lan.visit, amount=Decimal(200_000), actor=drawer, at=at(9, minute))
    text = text_of(print_receipt(entry=last, actor=drawer, at=at(10)))
    for part in (
        "PHIẾU TẠM ỨNG VIỆN PHÍ",
        "Tạm ứng lần 2",
        "đặt cọc",
        "Khoa: Khám bệnh",
        "Tổng đã tạm ứng: 400.000",
        "phải trả tạm tính: 390.160",
        "còn lại tạm tính: 9.840",
    ):
        assert part in text
    lan.close()
    assert "tạm tính" not in text_of(print_receipt(entry=CashEntry.objects.get(pk=last.pk), actor=drawer, at=at(10)))


def test_a_receipt_says_where_its_invoice_is(world: World, settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    lan, cashier = walk.lan_full(world, world.hospital), world.hospital.actor("cashier")
    lan.settled()
    entry = lan.visit.cash_entries.get()
    InvoiceProfile.objects.create(
        facility=world.hospital.facility, symbol="C26TYY", tax_code="0199000002", valid_from="2026-01-01"
    )
    assert "Hóa đơn điện tử" not in text_of(print_receipt(entry=entry, actor=cashier, at=at(10)))
    made = issue_invoice(visit=lan.visit, buyer=Buyer(buyer_name="Lan"), actor=cashier, at=at(10))
    send_waiting(actor=cashier, at=at(10))
    made.refresh_from_db()
    text = text_of(print_receipt(entry=entry, actor=cashier, at=at(10)))
    assert f"Hóa đơn điện tử C26TYY số 00000001 · tra cứu https://hoadon.invalid/tra-cuu, mã {made.lookup_code}" in text


def test_the_settlement_leads_from_the_cost_to_what_is_left(world: World) -> None:
    lan, entries = every_kind(world)
    pdf = print_settlement(visit=lan.visit, actor=world.hospital.actor("cashier"), at=at(11))
    text = text_of(pdf)

    def said(label: str) -> Decimal:
        return amount(re.search(rf"{label} ([\d.,]+) đ", text)[1])

    cost = said("Tổng chi phí") - said("Quỹ BHYT thanh toán")
    assert cost == said("Người bệnh phải trả") == 390_160
    left = cost - said("trừ hoàn\\)") - said("Tạm ứng đã bù")
    account = account_of(lan.visit)
    assert left - account.held == account.due == said("Còn phải thu thêm")
    assert amount_in_words(account.due) in text
    for entry in entries.values():
        assert entry.number in text
    answer = walk.signed_in(world.hospital).get(
        reverse("settlement-pdf", args=[walk.hung(world, world.hospital).visit.pk])
    )
    assert answer.status_code == 422


def test_the_report_of_a_drawer_adds_up(world: World) -> None:
    every_kind(world)
    drawer, cashier = CashSession.objects.get(), world.hospital.actor("cashier")
    found = report_amounts(print_session_report(session=drawer, actor=cashier, at=at(12)))
    entries = {entry.number: entry for entry in CashEntry.objects.all() if cash_of(entry)}
    assert set(entries) == {name for name in found if name in entries}
    methods = ("cash", "transfer", "card")
    for number, entry in entries.items():
        wanted = tuple(cash_of(entry) if entry.method == method else 0 for method in methods)
        assert found[number] == (*wanted, cash_of(entry)), number
    taken, given = found["TỔNG THU"], found["TỔNG HOÀN, HỦY"]
    net = found["CÒN PHẢI NỘP (thu − hoàn)"]
    for place, method in enumerate(methods):
        mine = [cash_of(entry) for entry in entries.values() if entry.method == method]
        assert taken[place] == sum(money for money in mine if money > 0)
        assert given[place] == -sum(money for money in mine if money < 0)
        assert net[place] == taken[place] - given[place] == sum(mine)
    assert net[0] == expected_cash(drawer) - drawer.opening_float
    roll = text_of(print_session_report(session=drawer, actor=cashier, at=at(12), on_roll=True))
    for label, sums in (("TỔNG THU", taken), ("TỔNG HOÀN, HỦY", given), ("CÒN PHẢI NỘP", net)):
        assert amount(re.search(rf"{label} ([\d.,]+)", roll)[1]) == sums[3]
    assert "Phiếu thu · 2 phiếu" in roll


def test_the_report_says_what_was_counted_and_handed_over(world: World) -> None:
    every_kind(world)
    drawer, cashier = CashSession.objects.get(), world.hospital.actor("cashier")
    assert "ca đang mở" in text_of(print_session_report(session=drawer, actor=cashier, at=at(12)))
    assert "Số liệu tạm thời" in text_of(print_day_report(day=DAY, actor=cashier, at=at(12)))
    expected = expected_cash(drawer)
    notes = {100_000: 2, 50_000: 1, 20_000: 1, 10_000: 1, 5_000: 1, 2_000: 2, 500: 1}
    close_session(session=drawer, denominations=notes, note="Tiền lẻ", actor=cashier, at=at(16))
    drawer.refresh_from_db()
    text = text_of(print_session_report(session=drawer, actor=cashier, at=at(17)))
    counted = sum(face * count for face, count in notes.items())
    for part in (
        "Tiền mặt phải có khi chốt ca: " + f"{int(expected):,}".replace(",", "."),
        "đếm được: " + f"{counted:,}".replace(",", "."),
        "Tiền lẻ",
        "Phiếu thu: PT26.000001 đến PT26.000002 (2)",
        "Số phiếu đã hủy: PT26.000001, TU26.000002",
        "không thu chi tiền",
    ):
        assert part in text
    accountant = world.hospital.actor("accountant")
    receive_drawer(session=drawer, amount=Decimal(counted), actor=accountant, at=at(17))
    close_day(day=DAY, actor=accountant, at=at(18))
    day = text_of(print_day_report(day=DAY, actor=accountant, at=at(18)))
    assert "đã khóa sổ lúc 06/10/2026 18:00" in day
    assert f"Tạm ứng còn giữ cuối ngày: {int(CashEntry.objects.count() and held(world)):,}".replace(",", ".") in day
    forms = PrintRecord.objects.order_by("pk").values_list("form", flat=True)
    assert list(forms) == ["cash_session", "cash_day_draft", "cash_session", "cash_day"]


def held(world: World) -> Decimal:
    return account_of(CashEntry.objects.first().visit).held


def test_a_day_with_hundreds_of_papers_goes_over_pages(world: World) -> None:
    lan = walk.lan_full(world, world.hospital)
    lan.close()
    drawer = walk.drawer(world.hospital)
    for n in range(70):
        entry = lan.collect(1_000 + n)
        refund(entry=entry, amount=entry.amount, reason="Thử <b> #đ $x$ dài " * 5, actor=drawer, at=lan.now)
    pdf = print_day_report(day=DAY, actor=drawer, at=at(12))
    pieces = pdf_text.pieces(pdf)
    pages = {piece.page for piece in pieces}
    assert len(pages) > 3
    for page in pages:
        if any(re.match(r"P[TH]26\.", piece.text) for piece in pieces if piece.page == page):
            assert any(
                piece.text == "Đối tượng" or piece.text.startswith("Đối") for piece in pieces if piece.page == page
            )
    found = report_amounts(pdf)
    assert found["TỔNG THU"][3] == found["TỔNG HOÀN, HỦY"][3] == sum(1_000 + n for n in range(70))
    assert len([name for name in found if name.startswith("PT26")]) == 70


def test_a_day_is_asked_by_its_date(world: World) -> None:
    client = walk.signed_in(world.hospital)
    assert client.get(reverse("cash-day-pdf"), {"day": "06102026"}).status_code == 200
    assert client.get(reverse("cash-day-pdf"), {"day": "<b>"}).status_code == 422
    assert walk.signed_in(world.hospital, "nurse").get(reverse("cash-day-pdf")).status_code == 403
