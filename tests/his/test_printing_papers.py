"""The papers of the desks: what they say, how they look, and who may print them."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from his.catalogs.models import Drug
from his.core.errors import Refusal
from his.demo.places import Place
from his.printing.codes import qr_svg
from his.printing.models import PrintRecord
from his.printing.render import render_png
from his.printing.services import Form
from insurance.billing.cash import refund
from insurance.models import CashEntry, CashSession
from insurance.printing.receipt import RECEIPT, RECEIPT_ROLL, print_receipt, receipt_data
from patients.models import QueueTicket, Visit
from patients.naming import drug_name
from patients.printing.narcotic import COMMITMENT, CONTINUATION, RETURN_RECORD
from patients.printing.prescription import (
    PRESCRIPTION,
    prescription_data,
    print_prescription,
    quantity_text,
)
from patients.printing.ticket import TICKET, print_ticket, ticket_data
from tests.cast import World, at
from tests.his.paper_pictures import PPI, assert_looks_like
from tests.insurance import walk

FACILITY = {
    "code": "99002",
    "name": "Bệnh viện Đa khoa Ví Dụ",
    "parent_name": "Sở Y tế tỉnh Ví Dụ",
    "address": "Số 1 đường Mẫu, phường Kiểm Thử, tỉnh Ví Dụ",
    "phone": "0900000002",
    "province_code": "99",
}
PRINT = {"number": "PT26.000001", "copy_no": 2, "printed_by": "Thu ngân", "printed_at": "06/10/2026 09:00"}
NAME = "Nguyễn <Thị> #Ẵng & 'Út' $x$"
LINES = [
    {
        "name": f"Dịch vụ số {n} có tên dài để xem bảng xuống dòng ở đâu",
        "unit": "Lần",
        "quantity": "1",
        "price": "1.039.800",
        "amount": "1.039.800",
        "fund": "831.840",
        "copay": "207.960",
        "self_paid": "0",
    }
    for n in range(1, 4)
]
RECEIPT_DATA: dict[str, Any] = {
    "title": "PHIẾU THU",
    "form_no": "Mẫu số C40-BB",
    "form_law": "TT 24/2024/TT-BTC",
    "said": {
        "person": "Người nộp tiền",
        "reason": "Thu chi phí khám bệnh, chữa bệnh",
        "amount": "Số tiền nộp",
        "signer": "Người thu tiền",
        "roll": "Thu lần này",
    },
    "book": "1",
    "department": "Khám bệnh",
    "bank_reference": "",
    "deposit": None,
    "void": None,
    "invoice": {"title": "C26TYY số 00000001", "url": "https://hoadon.invalid/tra-cuu", "code": "38D600627798"},
    "number": "PT26.000001",
    "day": "Ngày 06 tháng 10 năm 2026",
    "time": "09:00 06/10/2026",
    "full_name": NAME,
    "birth": "1954",
    "address": "Thôn Giả Định, xã Thí Dụ",
    "patient_code": "99002.000001",
    "claim_code": "99002.2610.000001",
    "card_number": "GD4999912345678",
    "qr": qr_svg("99002.2610.000001"),
    "amount": "423.880",
    "words": "Bốn trăm hai mươi ba nghìn tám trăm tám mươi đồng",
    "method": "Tiền mặt",
    "reason": "",
    "reverses": "",
    "cashier": "Thu ngân",
    "split": {
        "lines": LINES,
        "total": "3.119.400",
        "fund": "2.495.520",
        "copay": "623.880",
        "self_paid": "0",
        "other": "",
        "waived": "50.000",
        "payable": "573.880",
    },
    "account": {"before": "100.000", "used": "", "held": "", "left": "100.000", "to_return": ""},
}
VOID = {"number": "HT26.000001", "at": "06/10/2026 09:10", "reason": "Thu nhầm người"}
TICKET_DATA = {
    "number": "A012",
    "is_priority": True,
    "room": "Phòng khám Nội 1",
    "issued_at": "08:00 06/10/2026",
    "full_name": NAME,
    "birth": "15/03/1954",
    "patient_code": "99002.000001",
    "payer": "BHYT",
    "claim_code": "99002.2610.000001",
    "qr": qr_svg("99002.2610.000001"),
}
THREE = ["Bản lưu tại cơ sở kê đơn", "Bản giao người bệnh", "Bản lưu tại nơi cấp thuốc"]
PERIOD = "từ ngày 06/10/2026 đến hết ngày 10/10/2026"


def drugs(count: int, quantity: str = "05 viên") -> list[dict[str, str]]:
    return [
        {
            "name": f"Hoạt chất {n} (Biệt dược {n})",
            "strength": "500mg",
            "quantity": quantity,
            "usage": "Uống: 1 viên x 2 lần/ngày x 5 ngày [2 viên/ngày]. Uống sau ăn",
        }
        for n in range(1, count + 1)
    ]


def sheet(kind: str = "C", **more: Any) -> dict[str, Any]:
    code = f"vd992a1b2c3d-{kind}"
    return {
        "title": "ĐƠN THUỐC",
        "code": code,
        "qr": qr_svg(code),
        "copies": ["Bản giao người bệnh"],
        "valid_until": "11/10/2026",
        "period": "",
        "part": "",
        "valid_from": "",
        "wants_recipient": False,
        "is_herbal": False,
        "lines": drugs(4),
        "decoctions": "5",
        **more,
    }


HEAD: dict[str, Any] = {
    "number": "99002.DT26.000001",
    "replaces": "",
    "full_name": NAME,
    "birth": "15/03/1954",
    "age": "72 tuổi",
    "is_small": False,
    "sex": "Nữ",
    "weight": "52,5",
    "citizen_id": "099154000123",
    "address": "Thôn Giả Định, xã Thí Dụ",
    "card_number": "GD4999912345678",
    "guardian": "",
    "allergies": "Penicillin",
    "diagnosis": "J20.9 - Viêm phế quản cấp, không xác định; J06.9 - Nhiễm trùng đường hô hấp trên cấp tính",
    "note": "",
    "advice": "Uống nhiều nước, tái khám khi sốt cao",
    "follow_up": "16/10/2026",
    "signed": "08 giờ 37, ngày 06 tháng 10 năm 2026",
    "doctor": "Trần Quang Giả",
    "doctor_title": "Bác sĩ",
}
CHILD = {"birth": "15/03/2024", "age": "30 tháng", "is_small": True, "card_number": "TE1999912345678", "citizen_id": ""}
CONTROLLED = {"copies": THREE, "wants_recipient": True, "period": PERIOD}
HERBS = [{"name": f"Vị thuốc {n}", "each": "12", "unit": "gam", "quantity": "60 gam", "usage": ""} for n in range(1, 9)]
PRESCRIPTIONS: dict[str, dict[str, Any]] = {
    "prescription": HEAD | {"sheets": [sheet()]},
    "prescription_long": HEAD | {"sheets": [sheet(lines=drugs(14))]},
    "prescription_child": HEAD | CHILD | {"weight": "", "sheets": [sheet(code="", lines=drugs(1))]},
    "prescription_n": HEAD
    | {"sheets": [sheet("N", title="ĐƠN THUỐC “N”", lines=drugs(1, "Bảy (07) ống"), **CONTROLLED), sheet()]},
    "prescription_h": HEAD | {"sheets": [sheet("H", title="ĐƠN THUỐC “H”", lines=drugs(1), **CONTROLLED)]},
    "prescription_t": HEAD
    | {"sheets": [sheet("T", title="ĐƠN THUỐC THANG", lines=HERBS, is_herbal=True, period=PERIOD)]},
}
SHEET_DATA = {
    "code": "vd992a1b2c3d-N",
    "prescribed": "06/10/2026",
    "day": "Ngày 06 tháng 10 năm 2026",
    "full_name": NAME,
    "age": "72 tuổi",
    "birth": "15/03/1954",
    "citizen_id": "099154000123",
    "address": "",
    "phone": "",
    "diagnosis": "C34.9 - U ác của phế quản hoặc phổi, không xác định",
    "doctor": "Trần Quang Giả",
    "lines": [{"name": "Morphin 10mg", "unit": "Viên", "quantity": "14"}],
}


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (TICKET, TICKET_DATA),
        *((Form(name, "Đơn thuốc", PRESCRIPTION.template), data) for name, data in PRESCRIPTIONS.items()),
        (COMMITMENT, SHEET_DATA),
        (CONTINUATION, SHEET_DATA | {"sex": "Nữ", "station": ""}),
        (RETURN_RECORD, SHEET_DATA),
        (RECEIPT, RECEIPT_DATA),
        (RECEIPT_ROLL, RECEIPT_DATA),
        (
            Form("refund", "Phiếu hoàn", RECEIPT.template),
            RECEIPT_DATA | {"title": "PHIẾU HOÀN TIỀN", "reason": "Trả lại thuốc", "reverses": "PT1", "void": VOID},
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Form) else "",
)
def test_papers_look_as_they_did(form: Form, data: dict[str, Any]) -> None:
    assert_looks_like(form.code, render_png(form.template, {**data, "facility": FACILITY, "print": PRINT}, ppi=PPI))


def test_a_column_in_another_place_is_seen() -> None:
    split = RECEIPT_DATA["split"]
    swapped = [{**line, "fund": line["copay"], "copay": line["fund"]} for line in split["lines"]]
    data = {**RECEIPT_DATA, "split": {**split, "lines": swapped}, "facility": FACILITY, "print": PRINT}
    with pytest.raises(AssertionError, match="differs by"):
        assert_looks_like("receipt", render_png(RECEIPT.template, data, ppi=PPI))


def test_ticket_says_who_waits_where(world: World) -> None:
    lan = walk.lan(world, world.hospital)
    data = ticket_data(QueueTicket.objects.get(visit=lan.visit))
    assert (data["number"], data["room"], data["payer"]) == ("001", "Phòng khám Nội 1", "BHYT")
    assert (data["full_name"], data["claim_code"]) == ("Nguyễn Thị Lan", lan.visit.claim_code)


def test_cancelled_visit_has_no_ticket(world: World) -> None:
    ticket = QueueTicket.objects.get(visit=walk.lan(world, world.hospital).visit)
    Visit.objects.filter(pk=ticket.visit_id).update(state=Visit.State.CANCELLED)
    with pytest.raises(Refusal, match="đã hủy"):
        print_ticket(ticket=QueueTicket.objects.get(pk=ticket.pk), actor=world.hospital.actor("reception"), at=at(9))


def test_prescription_says_what_was_signed(world: World) -> None:
    lan = (
        walk.lan(world, world.hospital).examine("I10", ["E11.9"]).prescribe((walk.PARACETAMOL, 5), (walk.AMLODIPIN, 14))
    )
    with pytest.raises(Refusal, match="chưa ký"):
        print_prescription(prescription=lan.prescription, actor=world.hospital.actor("doctor"), at=at(9))
    lan.sign(outcome="follow_up", follow_up_on=date(2026, 11, 3), advice="Ăn nhạt")
    lan.prescription.refresh_from_db()
    data = prescription_data(lan.prescription)
    (paper,) = data["sheets"]
    assert [line["name"] for line in paper["lines"]] == ["Paracetamol (Paracetamol 500mg)", "Amlodipin (Amlodipin 5mg)"]
    assert [line["quantity"] for line in paper["lines"]] == ["05 viên", "14 viên"]
    assert (paper["title"], paper["code"], len(paper["copies"])) == ("ĐƠN THUỐC", "", 1)
    assert paper["lines"][0]["usage"].startswith("Uống: 1 viên x 2 lần/ngày x 7 ngày")
    assert data["diagnosis"].startswith("I10 - Bệnh tăng huyết áp")
    assert (data["card_number"], data["follow_up"], data["advice"]) == ("GD4999912345678", "03/11/2026", "Ăn nhạt")
    assert data["guardian"] == "", "only a small child is brought by somebody"


@pytest.mark.parametrize(
    ("quantity", "text"), [("5", "05"), ("0.5", "0,5"), ("10", "10"), ("2.50", "2,5"), ("30.000", "30")]
)
def test_small_quantities_have_a_leading_zero(quantity: str, text: str) -> None:
    assert quantity_text(Decimal(quantity)) == text


@pytest.mark.parametrize(
    ("ingredient", "name", "printed"),
    [
        ("Paracetamol", "Hapacol", "Paracetamol (Hapacol)"),
        ("Paracetamol", "PARACETAMOL", "Paracetamol"),
        ("Amoxicilin + Acid clavulanic", "Augmentin", "Augmentin"),
        ("", "Nước muối", "Nước muối"),
    ],
)
def test_drugs_are_named_as_the_circular_says(ingredient: str, name: str, printed: str) -> None:
    assert drug_name(Drug(ingredient=ingredient, name=name)) == printed


def test_receipts_say_what_the_ledger_says(world: World) -> None:
    lan = walk.lan_full(world, world.hospital)
    result = lan.close()
    first, second = lan.collect(100_000), lan.collect(290_160, method="transfer")
    said = receipt_data(first)
    assert (said["amount"], said["words"]) == ("100.000", "Một trăm nghìn đồng")
    level = {"before": "", "used": "", "held": "", "left": "", "to_return": ""}
    assert said["account"] == {**level, "left": "290.160"}
    assert receipt_data(second)["account"] == {**level, "before": "100.000"}
    assert said["split"]["payable"] == "390.160"
    shown = sum(int(line["amount"].replace(".", "")) for line in said["split"]["lines"])
    assert shown == result.total_hospital_amount == 750_800
    back = refund(entry=second, amount=Decimal(160), reason="Trả lại", actor=walk.drawer(world.hospital), at=at(11, 30))
    data = receipt_data(back)
    assert (data["title"], data["reverses"], data["reason"]) == ("PHIẾU HOÀN TIỀN", second.number, "Trả lại")
    assert data["account"] == {**level, "before": "390.160", "left": "160"}
    assert print_receipt(entry=back, actor=world.hospital.actor("cashier"), at=at(12)).startswith(b"%PDF")


def papers(world: World, place: Place) -> dict[str, int]:
    """URL name -> the object of a full visit at the place."""
    lan = walk.lan_full(world, place)
    lan.settled()
    return {
        "ticket-pdf": QueueTicket.objects.get(visit=lan.visit).pk,
        "prescription-pdf": lan.prescription.pk,
        "receipt-pdf": CashEntry.objects.get(visit=lan.visit).pk,
        "receipt-roll-pdf": CashEntry.objects.get(visit=lan.visit).pk,
        "statement-pdf": lan.visit.pk,
        "settlement-pdf": lan.visit.pk,
        "cash-session-pdf": CashSession.objects.get(facility=place.facility).pk,
        "cash-session-roll-pdf": CashSession.objects.get(facility=place.facility).pk,
    }


def test_papers_stay_in_their_facility_and_need_their_permission(world: World, client: Client) -> None:
    for name, pk in papers(world, world.hospital).items():
        address = reverse(name, args=[pk])
        assert walk.signed_in(world.station, "cashier").get(address).status_code == 404, name
        assert walk.signed_in(world.hospital, "admin").get(address).status_code == 403, name
        assert client.get(address).status_code == 302, "not signed in"
        assert walk.signed_in(world.hospital, "cashier").post(address).status_code == 405, name
        assert not PrintRecord.objects.filter(form=name.removesuffix("-pdf").replace("-", "_")).exists()
        answer = walk.signed_in(world.hospital, "cashier").get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf"), name
        assert answer.content.startswith(b"%PDF")
        assert answer["Cache-Control"] == "no-store"
        assert walk.signed_in(world.hospital, "cashier").get(reverse(name, args=[pk + 10_000])).status_code == 404
