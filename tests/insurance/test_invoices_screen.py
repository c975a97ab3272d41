"""The screens of electronic invoices: a day by F9, an invoice on request, corrections, refusals beside their field."""

from datetime import date
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from insurance.gateway.providers import stand_in_of
from insurance.models import Invoice, InvoiceNotice, InvoiceProfile
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import signed_in
from tests.scenes import scene

pytestmark = pytest.mark.django_db

DECLARED = {
    "seller_name": "Bệnh viện Ví Dụ",
    "seller_address": "Số 1 đường Mẫu",
    "tax_code": "0199000002",
    "form_no": "2",
    "symbol": "C26TYY",
    "vat_code": "KCT",
    "provider": "stand_in",
    "since": "01/10/2026",
}
BUYER = {"buyer_name": "Lan <b> & 'x'", "buyer_citizen_id": "099154000123", "idempotency_key": "k"}
FIRM = {"buyer_company": "Công ty Ví Dụ", "buyer_tax_code": "0199000001"}


@pytest.fixture(autouse=True)
def clock(time_machine, settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    time_machine.move_to(at(14), tick=False)


@scene
def declared(world: World) -> InvoiceProfile:
    answer = signed_in(world.hospital, "manager").post(reverse("invoice-profile"), DECLARED)
    assert answer.status_code == 302
    return InvoiceProfile.objects.get()


def shown(client: Client, name: str, *args: object) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def sent(client: Client, name: str, form: dict[str, str], *args: object) -> str:
    return client.post(reverse(name, args=args), form, follow=True).content.decode()


def paid(world: World) -> walk.Walk:
    lan = walk.lan_full(world, world.hospital)
    lan.settled()
    return lan


def test_a_declaration_is_checked_beside_its_fields(world: World) -> None:
    client = signed_in(world.hospital, "manager")
    assert "chưa khai báo hóa đơn điện tử" in shown(client, "invoices")
    for field, typed, said in (
        ("symbol", "C25TYY", "phải là của năm 2026"),
        ("symbol", "C26ZYY", "ví dụ C26TYY"),
        ("tax_code", "123", "Mã số thuế có 10 số"),
        ("seller_name", " ", "Hãy điền ô này"),
        ("since", "99", "Ngày gõ dạng"),
    ):
        answer = client.post(reverse("invoice-profile"), {**DECLARED, field: typed})
        page = answer.content.decode()
        assert (answer.status_code, said in page, f'id="id_{field}_error"' in page) == (422, True, True), field
    assert "Đã khai báo hóa đơn ký hiệu C26TYY" in sent(client, "invoice-profile", DECLARED)
    assert "không có giá trị pháp lý" in shown(client, "invoices")
    assert "ngày mới phải sau ngày đó" in sent(client, "invoice-profile", DECLARED)
    sent(client, "invoice-profile", {**DECLARED, "symbol": "C26MYY", "since": "10/10/2026"})
    assert [row.valid_to for row in InvoiceProfile.objects.order_by("pk")] == [date(2026, 10, 9), None]


def test_an_invoice_on_request_is_made_from_the_cashiers_desk(world: World, declared: InvoiceProfile) -> None:
    lan, client = paid(world), signed_in(world.hospital)
    desk = shown(client, "cashier-visit", lan.visit.pk)
    assert reverse("invoice-visit", args=[lan.visit.pk]) in desk
    assert reverse("statement-pdf", args=[lan.visit.pk]) in desk
    page = shown(client, "invoice-visit", lan.visit.pk)
    for part in ("390.160", "PT26.000001", 'value="099154000123"', "Nguyễn Thị Lan"):
        assert part in page
    answer = client.post(reverse("invoice-visit", args=[lan.visit.pk]), {**BUYER, "buyer_tax_code": "12"})
    page = answer.content.decode()
    assert (answer.status_code, 'id="id_buyer_tax_code_error"' in page, 'value="12"' in page) == (422, True, True)
    page = sent(client, "invoice-visit", BUYER, lan.visit.pk)
    assert "Đã lập hóa đơn 390.160 đ. Đã phát hành 1" in page
    assert "Lan &lt;b&gt; &amp; &#x27;x&#x27;" in page
    sent(client, "invoice-visit", BUYER, lan.visit.pk)
    made = Invoice.objects.get()
    xml = client.get(reverse("invoice-xml", args=[made.pk]))
    assert "Lan &lt;b&gt; &amp; 'x'" in xml.content.decode()
    assert "đã nằm trong hóa đơn" in sent(client, "invoice-visit", {**BUYER, "idempotency_key": "2"}, lan.visit.pk)
    assert "Chưa lập" in shown(client, "invoices")


def test_f9_gathers_the_day_and_a_refund_asks_for_an_adjustment(world: World, declared: InvoiceProfile) -> None:
    lan, client = paid(world), signed_in(world.hospital)
    assert "Lập hóa đơn tổng hợp (1 phiếu)" in shown(client, "invoices")
    page = sent(client, "invoices-gather", {"day": "06102026"})
    assert "Đã lập hóa đơn tổng hợp 390.160 đ. Đã phát hành 1" in page
    receipt = lan.visit.cash_entries.get()
    client.post(
        reverse("cashier-refund", args=[receipt.pk]), {"amount": "160", "reason": "Thừa", "idempotency_key": "r"}
    )
    page = shown(client, "invoices")
    assert "1 phiếu hoàn của hóa đơn đã lập cần hóa đơn điều chỉnh" in page
    page = sent(client, "invoices-send", {"day": "06102026"})
    assert "Đã phát hành 1" in page
    assert "-160" in page
    assert "không còn phiếu nào" in sent(client, "invoices-gather", {"day": "06102026"})


def test_a_provider_that_is_down_is_said_and_stops_nothing(world: World, declared: InvoiceProfile) -> None:
    client = signed_in(world.hospital)
    paid(world)
    stand_in_of(declared).fail_next("unavailable", "rejected")
    page = sent(client, "invoices-gather", {"day": "06102026"})
    assert "1 còn chờ. Không kết nối được nhà cung cấp" in page
    assert reverse("invoices-send") in page
    made = Invoice.objects.get()
    page = sent(client, "invoices-send", {"day": "06102026"})
    assert "bị từ chối: Mã số thuế người mua không tồn tại" in page
    page = sent(client, "invoice-mend", {"buyer_name": ""}, made.pk)
    assert "Hãy ghi tên người mua" in page
    assert "Đã sửa. Đã phát hành 1" in sent(client, "invoice-mend", {"buyer_name": "Bán lẻ"}, made.pk)


def test_who_may_corrects_an_issued_invoice(world: World, declared: InvoiceProfile) -> None:
    lan = paid(world)
    sent(signed_in(world.hospital), "invoice-visit", BUYER, lan.visit.pk)
    made, client = Invoice.objects.get(), signed_in(world.hospital, "manager")
    assert "Sai mã số thuế" in shown(client, "invoice", made.pk)
    assert "Sai mã số thuế" not in shown(signed_in(world.hospital), "invoice", made.pk)
    form = {**BUYER, **FIRM, "method": "replacement", "reason": "", "idempotency_key": "c"}
    assert signed_in(world.hospital).post(reverse("invoice-correct", args=[made.pk]), form).status_code == 403
    page = sent(client, "invoice-correct", form, made.pk)
    assert "Hãy ghi lý do" in page
    assert 'value="0199000001"' in page
    page = sent(client, "invoice-notify", {"reason": "Sai tên", "right_text": "Lân"}, made.pk)
    assert "Đã lập thông báo sai sót 04/SS" in page
    assert InvoiceNotice.objects.get().state == InvoiceNotice.State.SENT
    page = sent(client, "invoice-correct", {**form, "reason": "Sai MST"}, made.pk)
    assert "Đã lập hóa đơn thay thế. Đã phát hành 1" in page
    assert "Chuỗi điều chỉnh, thay thế: còn 390.160 đ" in page
    page = sent(client, "invoice-correct", {**form, "reason": "Sai MST", "idempotency_key": "d"}, made.pk)
    assert "đã được thay thế bằng C26TYY số 00000002" in page
