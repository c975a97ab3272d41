"""What goes wrong at desks, in a real browser: two cashiers, an empty shelf, hostile words, a session that ended."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from his.demo.places import DEMO_PASSWORD
from insurance.models import BenefitResult, CashEntry
from patients.models import Exam, Patient, PrescriptionLine, ServiceResult, Visit
from pharmacy.models import Dispense, Lot, LotBalance
from pharmacy.queries import balance_differences
from pharmacy.services.stock import LotLine, record_loss
from tests.browser import Hands
from tests.cast import World, at, lan_visit, weigh
from tests.insurance import walk
from tests.pharmacy import shelf

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

HOSTILE = """<script>alert("x")</script> O'Brien & "Ế" 🙂 {{7*7}} ;--"""
Open = Callable[..., Page]


@pytest.fixture
def open_desk(world: World, live_server: Any, chromium: Browser) -> Iterator[Open]:
    """Open an address as somebody of the hospital. A dialog (injected script), a crash or an error fails the test."""
    contexts, wrong = [], []

    def open_at(role: str, url_name: str, *args: object) -> Page:
        client = Client()
        client.force_login(world.hospital.users[role])
        context = chromium.new_context(viewport={"width": 1366, "height": 768}, base_url=live_server.url)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
        page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 500 else None)
        page.goto(reverse(url_name, args=args))
        page.wait_for_load_state()
        return page

    with time_machine.travel(at(14), tick=True):
        yield open_at
        for context in contexts:
            context.close()
    assert wrong == []


def test_two_cashiers_close_and_collect_the_same_visit(world: World, open_desk: Open) -> None:
    place = world.hospital
    visit = walk.lan_full(world, place).visit
    walk.drawer(place, "cashier")
    walk.drawer(place, "cashier2")
    first, second = (open_desk(role, "cashier-visit", visit.pk) for role in ("cashier", "cashier2"))
    for page in (first, second):
        expect(page.locator("#work")).to_contain_text("Chi phí dự kiến")
    first.keyboard.press("F9")
    expect(first.locator("#messages")).to_contain_text("Đã chốt")
    second.keyboard.press("F9")
    expect(second.locator("[role=alert].summary")).to_contain_text("đã được chốt chi phí")
    expect(second.locator("#work")).to_contain_text("Chi phí đã chốt")  # and goes on from what is true now
    first.keyboard.press("F9")
    first.keyboard.press("F9")  # twice, as in a hurry
    expect(first.locator("#messages")).to_contain_text("Đã thu")
    second.keyboard.press("F9")
    expect(second.locator("[role=alert].summary")).to_be_visible()
    expect(second.locator("#work")).to_contain_text("Đã thanh toán")
    assert BenefitResult.objects.filter(visit=visit).count() == 1
    assert CashEntry.objects.filter(visit=visit).count() == 1


def test_a_lot_runs_out_between_prescribing_and_dispensing(world: World, open_desk: Open) -> None:
    place = world.hospital
    store = walk.stocked(world, place)
    signed = walk.lan(world, place).examine().prescribe((walk.PARACETAMOL, 14)).sign()
    assert signed.prescription is not None
    page = open_desk("pharmacist", "dispensing-open", signed.prescription.pk)
    expect(page.locator("#work")).to_contain_text("L'TH0001")
    lot = Lot.objects.get(number="L'TH0001")
    left = LotBalance.objects.get(lot=lot, store=store).on_hand
    pharmacist = place.actor("pharmacist")
    record_loss(store=store, lines=[LotLine(lot, left - 3)], reason="Vỡ kệ", actor=pharmacist, at=at(13))
    page.keyboard.press("F9")
    expect(page.locator("[role=alert].summary")).to_contain_text("Paracetamol 500mg")
    assert not Dispense.objects.exists()
    assert LotBalance.objects.get(lot=lot, store=store).on_hand == Decimal(3)
    shelf.receive(place, store, shelf.goods(world, place, code=walk.PARACETAMOL, lot="L2", quantity=100, unit_cost=150))
    page.goto(reverse("dispensing-open", args=[signed.prescription.pk]))
    page.wait_for_load_state()
    page.keyboard.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã cấp phát")
    assert Dispense.objects.count() == 1
    assert balance_differences(place.facility) == []


def test_hostile_words_are_stored_as_typed_and_shown_as_words(world: World, open_desk: Open) -> None:
    """From reception to the signed view and the technician's desk, one patient whose every text is hostile."""
    place = world.hospital
    page = open_desk("reception", "reception-new")
    for name, text in (("full_name", HOSTILE), ("birth", "1990"), ("address", HOSTILE), ("reason", HOSTILE)):
        page.fill(f"[name={name}]", text)
    page.select_option("[name=sex]", "1")
    page.select_option("[name=room]", str(place.rooms["PK1"].pk))
    hands = Hands(page)
    hands.press("F9", "F9")  # twice, as in a hurry
    expect(page.locator(".ticket-number")).to_have_text("001")
    visit, patient = Visit.objects.get(), Patient.objects.get()
    assert (patient.full_name, patient.address, visit.reason) == (HOSTILE, HOSTILE, HOSTILE)

    weigh(visit, place)
    page = open_desk("doctor", "doctor-visit", visit.pk)
    expect(page.locator("#id_history")).to_be_visible()
    for name in ("history", "findings", "treatment", "advice"):
        page.fill(f"[name={name}]", HOSTILE)
    page.fill("[name=main_text]", "")
    page.locator("[name=main_text]").type("tang huyet ap", delay=45)
    page.locator("[role=option]").first.wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("F6")
    expect(page.locator("[name=service_text]")).to_be_focused()  # the part has settled
    page.locator("[name=note]").fill(HOSTILE)
    page.locator("[name=service_text]").type("glucose", delay=45)
    page.locator("[role=option]").first.wait_for()
    page.keyboard.press("Enter")
    expect(page.locator("#panel table")).to_contain_text("Định lượng Glucose")  # ordered, not only offered

    desk = open_desk("technician", "result", visit.orders.get().pk)
    expect(desk.locator("#work")).to_contain_text(HOSTILE)
    desk.locator("input[name$=value]").first.fill(HOSTILE[:40])
    desk.keyboard.press("F9")
    expect(desk.locator("#work td .error")).to_contain_text(f"Không đọc được “{HOSTILE[:20]}”")
    expect(desk.locator("input[name$=value]").first).to_have_value(HOSTILE[:40])
    words = """Vỡ mẫu & "Ế" O'Brien {{7*7}} ;--"""
    desk.locator("input[name$=value]").first.fill(words)
    desk.keyboard.press("F9")
    expect(desk.locator("#messages")).to_contain_text(HOSTILE)
    assert ServiceResult.objects.filter(value=words).exists()

    page.reload()
    expect(page.locator("#id_history")).to_have_value(HOSTILE)  # the draft
    page.wait_for_load_state()
    page.keyboard.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã ký")
    exam = Exam.objects.get()
    assert {exam.history, exam.findings, exam.treatment, exam.advice} == {HOSTILE}
    page.goto(reverse("doctor-visit", args=[visit.pk]))
    assert page.locator("main").inner_text().count(HOSTILE) >= 4


def sign_in_again(page: Page, username: str) -> None:
    """In another tab, as the page says."""
    with page.expect_popup() as opened:
        page.get_by_role("link", name="ăng nhập ở thẻ mới").click()
    tab = opened.value
    tab.fill("[name=login]", username)
    tab.fill("[name=password]", DEMO_PASSWORD)
    tab.keyboard.press("Enter")
    expect(tab.locator(".tiles, .panes").first).to_be_visible()
    tab.close()


def test_a_session_that_ends_in_mid_form_loses_nothing(world: World, open_desk: Open) -> None:
    page = open_desk("reception", "reception-new")
    for name, text in (("full_name", "Lê O'Thử <b>"), ("birth", "1990"), ("reason", "Ho\tsốt")):
        page.fill(f"[name={name}]", text)
    page.select_option("[name=sex]", "2")
    page.select_option("[name=room]", str(world.hospital.rooms["PK2"].pk))
    Session.objects.all().delete()
    page.keyboard.press("F9")
    expect(page.locator("h1")).to_have_text("Phiên làm việc đã hết")
    assert not Visit.objects.exists()
    sign_in_again(page, "reception.bv")
    page.get_by_role("button", name="Gửi lại").press("Enter")
    expect(page.locator(".ticket-number")).to_have_text("001")
    assert Visit.objects.get().patient.full_name == "Lê O'Thử <b>"


def test_a_session_that_ends_in_the_prescription_leaves_it_on_the_screen(world: World, open_desk: Open) -> None:
    place = world.hospital
    walk.stocked(world, place)
    started = walk.lan(world, place).examine()
    page = open_desk("doctor", "doctor-visit", started.visit.pk)
    page.keyboard.press("F8")
    page.locator("[name=lines-0-drug_text]").type("amlodipin", delay=45)
    page.locator("[role=option]").first.wait_for()
    page.keyboard.press("Enter")
    page.fill("[name=lines-0-morning]", "1")
    page.fill("[name=lines-0-days]", "28")
    Session.objects.all().delete()
    page.keyboard.press("F9")
    expect(page.locator("#messages")).to_contain_text("Phiên làm việc đã hết")
    expect(page.locator("[name=lines-0-days]")).to_have_value("28")
    sign_in_again(page, "doctor.bv")
    page.locator("[name=lines-0-days]").focus()
    page.keyboard.press("F9")
    expect(page.locator("#panel")).to_contain_text("Đã lưu đơn 1 thuốc")
    assert started.exam is not None
    assert PrescriptionLine.objects.get(prescription__exam=started.exam).days == 28


def test_quantities_that_cannot_be(world: World, open_desk: Open) -> None:
    """Zero, negative, huge, letters, in the goods receipt: beside the field, and what was typed stays."""
    walk.stocked(world, world.hospital)
    page = open_desk("pharmacist", "stock-new")
    page.keyboard.press("Enter")
    page.select_option("[name=store]", label="Kho cấp phát CP")
    page.locator("[name=lines-0-text]").type("para", delay=45)
    page.locator("[role=option]").first.wait_for()
    page.keyboard.press("Enter")
    page.fill("[name=lines-0-lot_number]", HOSTILE)
    page.fill("[name=lines-0-expires_on]", "31122027")
    page.fill("[name=lines-0-unit_cost]", "150")
    for quantity in ("0", "-5", "9" * 30, "mười", "1e9", "²"):
        page.fill("[name=lines-0-quantity]", quantity)
        page.keyboard.press("F9")
        expect(page.locator("[role=alert].summary, td .error").first).to_be_visible()
        expect(page.locator("[name=lines-0-quantity]")).to_have_value(quantity)
        expect(page.locator("[name=lines-0-lot_number]")).to_have_value(HOSTILE)
    page.fill("[name=lines-0-quantity]", "10")
    page.keyboard.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã ghi sổ")
    assert Lot.objects.filter(number=HOSTILE).exists()


def test_the_back_button_saves_nothing_twice(world: World, open_desk: Open) -> None:
    page = open_desk("reception", "reception-new")
    page.fill("[name=full_name]", "Lê Thị Thử")
    page.fill("[name=birth]", "1990")
    page.select_option("[name=sex]", "2")
    page.select_option("[name=room]", str(world.hospital.rooms["PK1"].pk))
    page.keyboard.press("F9")
    expect(page.locator(".ticket-number")).to_have_text("001")
    page.go_back()
    page.wait_for_load_state()
    expect(page.locator("[name=full_name]")).to_be_visible()
    assert Visit.objects.count() == 1


def test_a_second_visit_of_the_day_is_asked_about(world: World, open_desk: Open) -> None:
    visit = lan_visit(world.hospital)
    page = open_desk("reception", "reception-known", visit.patient_id)
    page.select_option("[name=room]", str(world.hospital.rooms["PK2"].pk))
    page.keyboard.press("F9")
    expect(page.locator("main")).to_contain_text("đang có lượt khám hôm nay")
    assert Visit.objects.count() == 1
