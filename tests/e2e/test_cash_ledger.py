"""The cash ledger by keyboard in a real browser: deposit, QR code, use, void, refund by two, hand-over, end of day."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
import time_machine
from playwright.sync_api import Page, expect

from insurance.billing import ledger
from insurance.billing.cash_rules import set_bank_account, set_cash_rules
from insurance.billing.vietqr import parse
from insurance.models import CashDay, CashEntry, CashSession, TransferOrder
from tests.browser import Hands
from tests.cast import World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.e2e.test_workbench import fits
from tests.insurance import walk

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
SINCE = date(2026, 1, 1)


@pytest.fixture
def lan(world: World) -> Iterator[walk.Walk]:
    """Bà Lan examined, with drugs handed out and nothing closed, in the afternoon; a bank account, a limit."""
    step = walk.lan_full(world, world.hospital)
    accountant = world.hospital.actor("accountant")
    account = {"bank_bin": "970415", "number": "113366668888", "bank_name": "Ngân hàng Mẫu"}
    set_bank_account(since=SINCE, holder="Bệnh viện Đa khoa Ví Dụ", actor=accountant, **account)
    set_cash_rules(since=SINCE, refund_limit=Decimal(50_000), book_size=100, actor=accountant)
    walk.drawer(world.hospital)
    with time_machine.travel(at(14), tick=True):
        yield step


def test_deposit_qr_and_settlement(lan: walk.Walk, desks: Desks) -> None:  # noqa: F811
    page, hands = desks.open("cashier.bv", "cashier")
    hands.press("F12")
    expect(page.locator("#panel")).to_contain_text("Dự kiến phải trả")
    deposit(page, hands)
    close_and_transfer(page, hands, lan, desks)
    assert ledger.amount_due(lan.visit) == 0
    kinds = list(CashEntry.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["deposit", "deposit_use", "receipt"]


def deposit(page: Page, hands: Hands) -> None:
    hands.press("Alt+u")
    expect(page.locator("#collect [name=amount]")).to_be_focused()
    hands.type("100000")
    fits(page)
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã thu tạm ứng 100.000 đ, phiếu TU26.000001")
    expect(page.locator("#panel")).to_contain_text("Tạm ứng đang giữ")


def close_and_transfer(page: Page, hands: Hands, lan: walk.Walk, desks: Desks) -> None:  # noqa: F811
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã chốt chi phí")
    expect(page.locator("#collect [name=amount]")).to_have_value("290.160")
    hands.press("Tab")
    hands.press("ArrowDown")
    expect(page.locator(".vietqr img")).to_be_visible()
    fits(page)
    asked = parse(TransferOrder.objects.get().payload)
    assert (asked.amount, asked.account) == (290160, "113366668888")
    assert asked.purpose == "VP2610060001"
    hands.press("F9")
    expect(page.locator("#id_bank_reference_error")).to_contain_text("mã giao dịch")
    expect(page.locator(".vietqr img")).to_be_visible()
    desks.wrong.clear()  # the refusal
    page.locator("#id_bank_reference").focus()
    hands.type("FT26279000123")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã thu 290.160 đ, phiếu PT26.000001")


def test_what_goes_back_of_a_note_stands_beside_it(lan: walk.Walk, desks: Desks) -> None:  # noqa: F811
    lan.close()
    page, hands = desks.open("cashier.bv", "cashier")
    hands.press("F12")
    expect(page.locator("#collect [name=amount]")).to_be_focused()
    hands.press("Tab", "Tab")
    hands.type("300000")
    expect(page.locator("#change")).to_have_text("chưa đủ")
    hands.press("Control+a")
    hands.type("500000")
    expect(page.locator("#change")).to_have_text("109.840 đ")
    fits(page)
    hands.press("Enter")
    expect(page.locator("#messages")).to_contain_text("phiếu PT26.000001; trả lại khách 109.840 đ")


def test_a_deposit_that_covers_the_bill_is_used_and_the_rest_needs_two(lan: walk.Walk, desks: Desks) -> None:  # noqa: F811
    lan.deposit(500_000)
    lan.close()
    page, hands = desks.open("cashier.bv", "cashier")
    hands.press("F12")
    expect(page.locator("main")).to_contain_text("Bù tạm ứng 390.160 đ")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("còn phải hoàn 109.840 đ")
    expect(page.locator(".entries input[name=amount]").first).to_be_focused()
    hands.press("Enter", "Enter", "Enter")
    page.locator("[data-yes]").click()
    expect(page.locator("#panel")).to_contain_text("Cần người thứ hai duyệt: hoàn trên 50.000 đ")
    desks.wrong.clear()  # the refusal
    fits(page)
    page.locator("button", has_text="Gửi xin duyệt").focus()
    hands.press("Enter")
    expect(page.locator("#messages")).to_contain_text("Đã gửi đề nghị hoàn 109.840 đ")
    other, keys = desks.open("accountant.bv", "cash-refunds")
    expect(other.locator("main")).to_contain_text("109.840")
    fits(other)
    keys.press("F9")
    expect(other.locator("#messages")).to_contain_text("Đã duyệt hoàn 109.840 đ")
    page.reload()
    page.locator("button", has_text="Chi tiền hoàn").focus()
    hands.press("Enter")
    page.locator("[data-yes]").click()
    expect(page.locator("#messages")).to_contain_text("Đã hoàn 109.840 đ")
    assert ledger.account_of(lan.visit).is_level


def test_void_hand_over_and_end_of_day(lan: walk.Walk, desks: Desks) -> None:  # noqa: F811
    lan.now = at(13)
    lan.close()
    lan.pay()
    page, hands = desks.open("cashier.bv", "cashier")
    page.goto(f"/insurance/cashier/{lan.visit.pk}/")
    page.locator("details summary", has_text="Hủy phiếu").focus()
    hands.press("Enter", "Tab")
    hands.type("Thu nham nguoi")
    hands.press("F9")  # saves the form where the hands are, not the main one
    page.locator("[data-yes]").click()
    expect(page.locator("#messages")).to_contain_text("Đã hủy phiếu PT26.000001, phiếu hủy HT26.000001")
    expect(page.locator(".stamp")).to_have_text("HỦY")
    fits(page)
    hands.press("Alt+c")
    expect(page.locator("h1", has_text="Ca thu")).to_be_visible()
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã chốt ca thu")
    other, keys = desks.open("accountant.bv", "cash-day")
    keys.press("Alt+b")
    expect(other.locator("main")).to_contain_text("Thu ngân")
    fits(other)
    keys.press("F9")
    expect(other.locator("#messages")).to_contain_text("Đã nhận bàn giao 0 đ")
    keys.press("Alt+s")
    expect(other.locator("main")).to_contain_text("Khóa sổ ngày")
    fits(other)
    keys.press("F9")
    other.locator("[data-yes]").click()
    expect(other.locator("#messages")).to_contain_text("Đã khóa sổ ngày 06/10/2026")
    assert CashDay.objects.get().cash_amount == 0
    assert CashSession.objects.get().received_by.username == "accountant.bv"
