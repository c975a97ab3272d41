"""The dispensing window in a real browser, by keyboard: scan and F9, a part, another product, a label, a return."""

from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from his.printing.models import PrintRecord
from patients.models import Prescription
from pharmacy.models import Dispense, NotGiven, PatientReturn, Store
from pharmacy.queries import balance_differences
from tests.browser import Hands, scan
from tests.cast import World, at
from tests.e2e.test_bad_input import Open, open_desk  # noqa: F401 - a fixture
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def lan(world: World) -> Prescription:
    """Bà Lan's prescription of 20 tablets, of which 12 are there, and of 10 others; anh Hùng waits after her."""
    place, store = world.hospital, shelf.dispensary(world.hospital)
    shelf.receive(
        place, store, shelf.goods(world, place, quantity=12), shelf.goods(world, place, code=AMLODIPIN, lot="A1")
    )
    found = shelf.lan_prescription(world, place, (PARACETAMOL, 20), (AMLODIPIN, 10))
    shelf.hung_prescription(world, place, (AMLODIPIN, 5))
    return found


def more_stock(world: World) -> None:
    store = Store.objects.get(code="CP")
    shelf.receive(world.hospital, store, shelf.goods(world, world.hospital, lot="L2"), when=at(7))


def window(open_desk: Open) -> tuple[Page, Hands]:  # noqa: F811
    """The window with nobody in front of it, ready for the scanner."""
    page = open_desk("pharmacist", "dispensing")
    expect(page.locator("#id_text")).to_be_focused()
    return page, Hands(page)


def ready(page: Page, text: str) -> None:
    expect(page.locator("#work")).to_contain_text(text)
    page.wait_for_load_state()


def test_ready_takes_three_keys_and_its_label_one(world: World, lan: Prescription, open_desk: Open) -> None:  # noqa: F811
    more_stock(world)
    page, hands = window(open_desk)
    scan(page, lan.number)
    ready(page, "Chờ cấp")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã cấp phát")
    assert hands.strokes <= 3
    with page.context.expect_page() as opened:
        hands.press("F10")
    opened.value.wait_for_load_state()
    assert PrintRecord.objects.get().form == "drug_label"
    hands.press("F12")
    ready(page, "Chờ cấp")
    expect(page.locator("#strip")).to_contain_text("Trần Văn Hùng")
    expect(page.locator("#waiting [aria-current]")).to_contain_text("Đã mời")


def test_what_is_short_is_given_in_part_and_the_rest_later(world: World, lan: Prescription, open_desk: Open) -> None:  # noqa: F811
    page = open_desk("pharmacist", "dispensing-open", lan.pk)
    hands = Hands(page)
    ready(page, "Thiếu thuốc")
    hands.press("F9")
    expect(page.locator("[role=alert].summary")).to_contain_text("chọn lý do cấp thiếu")
    reason = page.locator("select[name$=-reason][aria-invalid=true]")
    expect(reason).to_have_count(1)
    reason.focus()
    hands.press("h")
    page.locator("[name$=-later]").first.focus()
    hands.press("Space", "F9")
    expect(page.locator("#messages")).to_contain_text("Đã cấp phát")
    row = NotGiven.objects.get()
    assert (row.quantity, row.reason, row.is_final) == (8, "out_of_stock", False)
    more_stock(world)
    page.goto(reverse("dispensing-open", args=[lan.pk]))
    ready(page, "Cấp một phần")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã cấp phát")
    assert sum(line.quantity for one in Dispense.objects.all() for line in one.lines.all()) == 30


def test_another_product_is_given_when_the_patient_agrees(world: World, lan: Prescription, open_desk: Open) -> None:  # noqa: F811
    other = shelf.other_brand(world, world.hospital)
    store = Store.objects.get(code="CP")
    shelf.receive(world.hospital, store, shelf.goods(world, world.hospital, code=other.code, lot="B1"), when=at(7))
    page = open_desk("pharmacist", "dispensing-open", lan.pk)
    hands = Hands(page)
    ready(page, "Thiếu thuốc")
    quantity = page.locator("[name$=-quantity]").first
    quantity.focus()
    hands.press("Control+a").type("20")
    drug = page.locator("[name$=-drug]")
    expect(drug).to_contain_text("còn 100 · giá +40 đ/viên")
    drug.focus()
    hands.press("p", "F9")
    expect(page.locator("#messages")).to_contain_text("Đã cấp phát")
    expect(page.locator("#work")).to_contain_text("thay Paracetamol 500mg, Nguyễn Thị Lan đồng ý")


def test_drugs_come_back_lot_by_lot(world: World, lan: Prescription, open_desk: Open) -> None:  # noqa: F811
    more_stock(world)
    page = open_desk("pharmacist", "dispensing-open", lan.pk)
    hands = Hands(page)
    ready(page, "Chờ cấp")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã cấp phát")
    hands.press("Alt+r")
    expect(page.locator("#work h2")).to_contain_text("Trả lại thuốc")
    first = page.locator("[name^=return-][name$=-quantity]").first
    first.focus()
    hands.type("99")
    page.locator("[name=reason]").focus()
    hands.type("Noi man")
    hands.press("F9")
    expect(page.locator("[role=alert].summary")).to_contain_text("Nhiều nhất 12")
    first = page.locator("[name^=return-][name$=-quantity]").first
    first.focus()
    hands.press("Control+a").type("5")
    hands.press("Enter", "Space", "F9")
    expect(page.locator("#messages")).to_contain_text("Đã nhận thuốc trả lại")
    made = PatientReturn.objects.get()
    assert [(line.quantity, line.is_intact) for line in made.lines.all()] == [(Decimal(5), True)]
    assert balance_differences(world.hospital.facility) == []


def test_the_doctor_sees_what_the_pharmacy_sent_back(world: World, lan: Prescription, open_desk: Open) -> None:  # noqa: F811
    page = open_desk("pharmacist", "dispensing-open", lan.pk)
    hands = Hands(page)
    ready(page, "Thiếu thuốc")
    hands.press("Alt+b")
    page.locator("#panel [name=reason]").first.focus()
    hands.press("h", "Tab")
    hands.type("Het thuoc, xin doi").press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã trả đơn lại bác sĩ")
    doctor = open_desk("doctor", "doctor")
    expect(doctor.locator("#queue")).to_contain_text("Nhà thuốc trả đơn")
    doctor.goto(reverse("doctor-visit", args=[lan.visit_id]))
    expect(doctor.locator("#panel")).to_contain_text("Het thuoc, xin doi")
