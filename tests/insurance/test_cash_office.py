"""The cash office's pages and the desk's forms for deposits: what is typed wrong stays, with its message beside it."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from insurance.billing import ledger
from insurance.billing.approvals import request_refund
from insurance.billing.cash_rules import rules_on, set_bank_account
from insurance.billing.drawers import close_session
from insurance.models import BankAccount, CashDay, CashEntry, CashSession, RefundRequest, TransferOrder
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.test_cashier_screen import page, refused
from tests.insurance.walk import drawer, signed_in

pytestmark = pytest.mark.django_db
PAGES = ("cash-day", "cash-refunds", "cash-handover", "cash-deposits", "cash-transfers", "cash-books", "cash-settings")


@pytest.fixture(autouse=True)
def clock(time_machine) -> None:
    time_machine.move_to(at(14), tick=False)


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("accountant", set(PAGES)),
        ("manager", set(PAGES)),
        ("cashier", {"cash-refunds", "cash-handover", "cash-deposits", "cash-transfers", "cash-books"}),
        ("reception", {"cash-refunds", "cash-deposits", "cash-transfers", "cash-books"}),
        ("doctor", set()),
    ],
)
def test_who_may_open_which_page(world: World, key: str, allowed: set[str]) -> None:
    client = signed_in(world.hospital, key)
    assert {name for name in PAGES if client.get(reverse(name)).status_code == 200} == allowed


def test_pages_are_full_and_only_of_the_own_facility(world: World, django_assert_max_num_queries) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.deposit(200_000, "transfer", "FT1")
    other = walk.hung(world, place)
    receipt = other.deposit(5_000)
    request_refund(entry=receipt, amount=Decimal(5_000), reason="Về <b>", actor=drawer(place), at=at(12))
    client = signed_in(place, "accountant")
    shown = {}
    for name in PAGES:
        with django_assert_max_num_queries(14):
            shown[name] = page(client, name)
    assert "200.000" in shown["cash-day"]
    assert "Về &lt;b&gt;" in shown["cash-refunds"]
    assert "Nguyễn Thị Lan" in shown["cash-deposits"]
    assert "FT1" in shown["cash-transfers"]
    assert "TU26" in shown["cash-books"]
    for name in PAGES:
        text = page(signed_in(world.station, "manager"), name)
        assert "Nguyễn Thị Lan" not in text
        assert "TU26" not in text


def test_a_day_is_closed_on_screen(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.settled()
    client, url = signed_in(place, "accountant"), reverse("cash-day")
    assert "Còn ca thu chưa chốt: Thu ngân" in refused(client.post(url, {"day": "06/10/2026"}))
    assert "Ngày gõ dạng" in refused(client.post(url, {"day": "hôm nay"}))
    close_session(
        session=CashSession.objects.get(), denominations={}, note="x", actor=place.actor("cashier"), at=at(13)
    )
    shown = client.post(url, {"day": "06102026", "note": "Đủ"}, follow=True).content.decode()
    assert "Đã khóa sổ ngày 06/10/2026, 1 phiếu" in shown
    assert CashDay.objects.get().note == "Đủ"
    assert "Khóa sổ ngày" not in page(client, "cash-day", day="06102026")
    assert "đã khóa sổ" in refused(client.post(url, {"day": "06102026"}))
    assert "đã khóa sổ" in refused(signed_in(place).post(reverse("cashier-session"), {"opening_float": "0"}))


def test_what_the_facility_sets_is_typed_and_checked(world: World) -> None:
    place = world.hospital
    client, url = signed_in(place, "accountant"), reverse("cash-settings")
    account = {"what": "bank", "since": "06102026", "bank_bin": "970415", "number": "11336", "holder": "Bệnh viện"}
    shown = refused(client.post(url, account | {"bank_bin": "97", "content_prefix": "VP"}))
    assert "Mã BIN gồm 6 chữ số" in shown
    assert 'value="11336"' in shown
    client.post(url, account | {"content_prefix": "vp"})
    row = BankAccount.objects.get()
    assert (row.holder, row.prefix) == ("BENH VIEN", "VP")
    rules = {"what": "rules", "since": "06102026", "refund_limit": "500.000", "book_size": "0"}
    assert "Mỗi quyển từ 1 đến 100.000 số" in refused(client.post(url, rules))
    client.post(url, rules | {"book_size": "50"})
    found = rules_on(place.facility, date(2026, 10, 6))
    assert (found.refund_limit, found.book_size) == (500_000, 50)


def test_a_drawer_is_received_and_a_refund_decided_on_screen(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.settled()
    session = CashSession.objects.get()
    cashier, accountant = signed_in(place, "cashier2"), signed_in(place, "accountant")
    receipt = CashEntry.objects.get()
    form = {"amount": "90.160", "reason": "Trả <lại>", "idempotency_key": "k"}
    drawer(place, "cashier2")
    shown = page(cashier, "cashier-visit", step.visit.pk)
    assert "Gửi xin duyệt" in shown
    assert "Cần người thứ hai duyệt" in refused(cashier.post(reverse("cashier-refund", args=[receipt.pk]), form))
    cashier.post(reverse("cashier-refund-ask", args=[receipt.pk]), form)
    asked = RefundRequest.objects.get()
    assert "Chờ duyệt hoàn 90.160 đ" in page(cashier, "cashier-visit", step.visit.pk)
    decide = reverse("cash-refund-decide", args=[asked.pk])
    assert cashier.post(decide, {"decision": "approve"}).status_code == 403
    assert "lý do không duyệt" in refused(accountant.post(decide, {"decision": "decline"}))
    accountant.post(decide, {"decision": "approve"})
    assert "đã duyệt hoàn 90.160 đ" in page(cashier, "cashier-visit", step.visit.pk)
    for _ in range(2):  # the second is a second click
        cashier.post(reverse("cashier-refund-pay", args=[asked.pk]), {"idempotency_key": "p"})
    assert CashEntry.objects.get(kind="refund").request == asked
    close_session(session=session, denominations={}, note="x", actor=place.actor("cashier"), at=at(13))
    receive = reverse("cash-handover-receive", args=[session.pk])
    assert "hãy ghi lý do" in refused(accountant.post(receive, {"amount": "1.000"}))
    accountant.post(receive, {"amount": "0"})
    assert CashSession.objects.get(pk=session.pk).received_by == place.users["accountant"]


def test_deposit_code_use_and_void_on_screen(world: World) -> None:
    place = world.hospital
    set_bank_account(since=date(2026, 1, 1), bank_bin="970415", number="11", holder="BV", actor=place.actor("manager"))
    step = walk.lan_full(world, place)
    drawer(place)
    client = signed_in(place)
    shown = client.get(reverse("cashier-visit", args=[step.visit.pk]), {"deposit": "1"}).content.decode()
    assert "Thu tạm ứng" in shown
    assert 'id="close"' not in shown  # F9 takes the deposit
    url = reverse("cashier-deposit", args=[step.visit.pk])
    assert "Số tiền phải lớn hơn 0" in refused(
        client.post(url, {"amount": "0", "method": "cash", "idempotency_key": "a"})
    )
    client.post(url, {"amount": "500.000", "method": "cash", "idempotency_key": "b"})
    asked = client.post(reverse("cashier-transfer", args=[step.visit.pk]), {"amount": "1000", "method": "transfer"})
    order = TransferOrder.objects.get()
    assert reverse("cashier-transfer-qr", args=[order.pk]) in asked.content.decode()
    picture = client.get(reverse("cashier-transfer-qr", args=[order.pk]))
    assert (picture.headers["Content-Type"], picture.content[:4]) == ("image/svg+xml", b"<svg")
    assert "Mã giao dịch" in refused(client.post(url, {"amount": "1", "method": "transfer", "idempotency_key": "c"}))
    step.close()
    assert "Bù tạm ứng 390.160 đ" in page(client, "cashier-visit", step.visit.pk)
    client.post(reverse("cashier-use", args=[step.visit.pk]), {"idempotency_key": "u"})
    shown = page(client, "cashier-visit", step.visit.pk)
    assert "Hoàn tạm ứng còn thừa sau quyết toán" in shown
    deposit = CashEntry.objects.get(kind="deposit")
    void = reverse("cashier-void", args=[deposit.pk])
    assert "không hủy được" in refused(client.post(void, {"reason": "Nhầm"}))
    back = {"amount": "109.840", "reason": "Thừa", "idempotency_key": "r"}
    client.post(reverse("cashier-refund", args=[deposit.pk]), back)
    assert ledger.account_of(step.visit).is_level
    assert "Hủy phiếu</summary>" not in page(client, "cashier-visit", step.visit.pk)


def test_without_an_account_the_desk_says_why_there_is_no_code(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    client: Client = signed_in(world.hospital)
    url = reverse("cashier-transfer", args=[step.visit.pk])
    shown = client.post(url, {"amount": "1000", "method": "transfer"}).content.decode()
    assert "chưa khai báo tài khoản nhận chuyển khoản" in shown
    assert 'name="bank_reference"' in shown
    shown = client.post(url, {"amount": "1000", "method": "cash"}).content.decode()
    assert 'name="tendered"' in shown
    assert 'name="bank_reference"' not in shown
