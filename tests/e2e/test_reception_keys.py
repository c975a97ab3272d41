"""The reception desk with scanner and keyboard only, in a real browser; key strokes are counted (ui.md budgets)."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from his.demo.places import Place
from patients.models import Patient, Visit
from patients.services.people import update_patient
from tests.browser import Hands, scan
from tests.cast import World, at, ba_lan
from tests.patients.test_scan import CARD, CITIZEN_OLD

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

KNOWN, NEW = 6, 20
"""Most key strokes from the scan to the printed number, for a known and for a new person."""
AWKWARD = "Lê O'Thử <b>"


@pytest.fixture(autouse=True)
def morning() -> Iterator[None]:
    with time_machine.travel(at(8, 30), tick=True):
        yield


@pytest.fixture
def open_desk(live_server: Any, chromium: Browser) -> Iterator[Any]:
    """Open the desk of a facility; an error in the console, or a breach of the policy, fails the test."""
    contexts, wrong = [], []

    def open_at(place: Place) -> Page:
        client = Client()
        client.force_login(place.users["reception"])
        context = chromium.new_context(viewport={"width": 1366, "height": 768}, base_url=live_server.url)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console", lambda m: wrong.append(m.text) if m.type == "error" and "status of 4" not in m.text else None
        )
        page.goto(reverse("reception"))
        expect(page.locator("#id_text")).to_be_focused()
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert wrong == []


def printed(page: Page, hands: Hands) -> str:
    """Print the slip with F10; its text."""
    expect(page.locator(".ticket-number")).to_be_visible()
    expect(page.locator("#id_text")).to_be_focused()  # the page listens
    with page.expect_popup() as slip:
        hands.press("F10")
    return slip.value.inner_text("body")


def save(page: Page, hands: Hands) -> None:
    """F9, once the page that was asked for stands."""
    expect(page.locator("form[data-main]")).to_be_visible()
    hands.press("F9")


def test_a_known_person_from_scan_to_printed_number(world: World, open_desk: Any) -> None:
    lan, card = ba_lan(world.station)
    page = open_desk(world.station)
    hands = Hands(page)
    scan(page, card.number)
    expect(page.locator(".strip h1")).to_have_text(lan.full_name)
    save(page, hands)
    assert "001" in printed(page, hands)
    assert hands.strokes <= KNOWN
    assert Visit.objects.get().card == card
    expect(page.locator("#id_text")).to_be_focused()  # ready for the next person


def test_a_known_person_whose_commune_is_missing(world: World, open_desk: Any) -> None:
    lan, card = ba_lan(world.station)
    reception = world.station.actor("reception")
    update_patient(patient=lan, address="", province_code="", commune_code="", actor=reception, at=at(7))
    page = open_desk(world.station)
    hands = Hands(page)
    scan(page, card.number)
    expect(page.locator("#id_commune_text")).to_be_focused()
    hands.type("thi")
    expect(page.locator("#id_commune_list [aria-selected=true]")).to_contain_text("Xã Thí Dụ")
    hands.press("Enter")
    expect(page.locator("#id_commune")).to_have_value("99001")
    save(page, hands)
    assert "001" in printed(page, hands)
    assert hands.strokes <= KNOWN
    lan.refresh_from_db()
    assert (lan.province_code, lan.commune_code) == ("99", "99001")


def test_a_new_person_from_the_citizen_card_and_the_insurance_card(world: World, open_desk: Any) -> None:
    page = open_desk(world.hospital)
    hands = Hands(page)
    scan(page, CITIZEN_OLD)
    expect(page.locator("#id_citizen_id")).to_have_value("999079000123")
    expect(page.locator("#id_room")).to_be_focused()
    scan(page, CARD)
    expect(page.locator("#id_card_number")).to_have_value("GD4999912345678")
    expect(page.locator("#id_citizen_id")).to_have_value("999079000123")
    expect(page.locator("#id_commune_text")).to_have_value("Xã Thí Dụ, Tỉnh Ví Dụ")
    expect(page.locator("#id_room")).to_be_focused()
    hands.press("ArrowDown", "Enter").type("Ho, sốt")
    save(page, hands)
    assert "001" in printed(page, hands)
    assert hands.strokes <= NEW
    visit = Visit.objects.get()
    assert (visit.patient.full_name, visit.patient.commune_code, visit.reason) == ("Trần Văn Mẫu", "99001", "Ho, sốt")
    assert (visit.is_insured, visit.route, visit.room) == (True, "self", world.hospital.rooms["PK1"])


def test_a_new_person_from_the_citizen_card_alone(world: World, open_desk: Any) -> None:
    page = open_desk(world.station)
    hands = Hands(page)
    scan(page, CITIZEN_OLD)
    expect(page.locator("#id_full_name")).to_have_value("Trần Văn Mẫu")
    save(page, hands)
    assert "001" in printed(page, hands)
    assert hands.strokes <= NEW
    assert not Visit.objects.get().is_insured


def test_a_scanner_that_a_busy_machine_holds_up_is_still_one_scan(world: World, open_desk: Any) -> None:
    page = open_desk(world.station)
    scan(page, CITIZEN_OLD, held_up={4: 80, 40: 120, 100: 60})
    expect(page.locator("#id_full_name")).to_have_value("Trần Văn Mẫu")
    page.locator("#id_reason").focus()  # and in a field that is not its own, which gets its words back
    page.locator("#id_reason").fill("Ho")
    scan(page, CITIZEN_OLD, held_up={60: 120})
    expect(page.locator("#live")).to_contain_text(f"Đã quét {len(CITIZEN_OLD)} ký tự")
    expect(page.locator("#id_reason")).to_have_value("Ho")


def test_keys_of_a_quick_hand_are_no_scan(world: World, open_desk: Any) -> None:
    page = open_desk(world.station)
    hands = Hands(page).press("F2")
    expect(page.locator("#id_full_name")).to_be_focused()
    hands.type("Nguyen Van Thu")
    expect(page.locator("#id_full_name")).to_have_value("Nguyen Van Thu")


def test_a_damaged_code_is_told_and_the_next_scan_goes_on(world: World, open_desk: Any) -> None:
    page = open_desk(world.station)
    scan(page, "999079000123|999000123|Trần")
    expect(page.locator("#desk-area .notice.warning")).to_contain_text("quét lại")
    scan(page, CITIZEN_OLD)
    expect(page.locator("#id_full_name")).to_have_value("Trần Văn Mẫu")
    Hands(page).press("Tab")
    scan(page, "GD499991234567")  # one digit lost: the open form stays
    expect(page.locator("#messages")).to_contain_text("15 ký tự")
    expect(page.locator("#id_full_name")).to_have_value("Trần Văn Mẫu")


def test_a_future_birth_date_and_awkward_characters(world: World, open_desk: Any) -> None:
    page = open_desk(world.station)
    hands = Hands(page).press("F2")
    expect(page.locator("#id_full_name")).to_be_focused()
    hands.type(AWKWARD).press("Enter").type("01012090").press("Enter")
    expect(page.locator("#birth_words")).to_contain_text("tương lai")
    hands.type("n").press("Enter")
    save(page, hands)
    expect(page.locator("#birth_words .error")).to_contain_text("tương lai")
    expect(page.locator("#id_full_name")).to_have_value(AWKWARD)
    expect(page.locator(".summary")).to_be_focused()  # the script is there
    page.locator("#id_birth").focus()
    hands.press("Control+a").type("1990")
    save(page, hands)
    expect(page.locator(".opened")).to_contain_text(AWKWARD)
    assert [person.full_name for person in Patient.objects.all()] == [AWKWARD]
