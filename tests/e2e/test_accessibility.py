"""Every desk, full of people, is read by axe: no violation of WCAG 2.2 A and AA, nor of its advice on structure."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page

from his.demo.places import Place
from insurance.claims.services import build_claim
from patients.models import ServiceOrder
from pharmacy.models import Lot, StockDocument
from pharmacy.services.drafts import start_draft
from reports.engine import run
from reports.period import Period
from reports.registers.services import write_entry
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.wards import admitted, bed_prices

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

ROLES = (
    "reception",
    "nurse",
    "doctor",
    "technician",
    "pharmacist",
    "cashier",
    "accountant",
    "claims",
    "admin",
)
"""Who opens desks in the tests."""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def busy(world: World) -> Iterator[dict[str, list[str]]]:
    """A hospital with somebody at every desk; the addresses that each role opens."""
    place = world.hospital
    done = walk.lan_full(world, place)
    done.settled()
    build_claim(visit=done.visit, actor=place.actor("claims"), at=at(16))
    period = Period.month(walk.MONTH)
    made = run(form="01BH", facility=place.facility, period=period, actor=place.actor("manager"), at=at(17))
    waiting = walk.hung(world, place)

    def next_one(name: str, number: int) -> walk.Walk:
        person, card = walk.someone(place, name, card=f"DN4999900000{number:03d}", allergies="Penicillin")
        return walk.visit_of(world, place, person, card, hour=9)

    ordered = next_one("Người Chờ Kết Quả", 1).examine().order(walk.CBC, walk.ULTRASOUND, results=False)
    lying = next_one("Người Nằm Viện", 4).examine()
    bed_prices(place)
    admitted(lying, "K02", "H001", "K02.1911", at(10), patients_in_bed=2)
    signed = next_one("Người Chờ Thuốc", 2).examine().prescribe((walk.PARACETAMOL, 14)).sign()
    examined = next_one("Người Chờ Thu", 3).examine().order(walk.CBC).sign()
    orders = ServiceOrder.objects.filter(visit=ordered.visit).order_by("pk")
    lot = Lot.objects.filter(facility=place.facility).first()
    assert lot is not None
    assert signed.prescription is not None
    pregnant = {"full_name": "Phạm Thị Mai", "gestation": "24"}
    line = write_entry(register="A3", on=DAY, typed=pregnant, actor=place.actor("nurse"), at=at(17))
    draft = start_draft(kind="receipt", actor=world.hospital.actor("pharmacist"), at=at(17))
    with time_machine.travel(at(18), tick=True):
        yield {
            "reception": [
                reverse("home"),
                reverse("reception"),
                reverse("reception-new"),
                reverse("reception-known", args=[waiting.visit.patient_id]),
                reverse("reception-visit", args=[waiting.visit.pk]),
                reverse("queue-room", args=[waiting.visit.room_id]),
                reverse("queue-board"),
                reverse("keys"),
            ],
            "nurse": [
                reverse("triage"),
                reverse("triage-visit", args=[waiting.visit.pk]),
                reverse("beds"),
                reverse("bed-visit", args=[ordered.visit.pk]),
                reverse("bed-visit", args=[lying.visit.pk]),
                f"{reverse('register', args=['A1'])}?end=06/10/2026",
                reverse("register-entry-new", args=["A3"]),
                reverse("register-entry", args=[line.pk]),
                reverse("register-visit", args=[done.visit.pk]),
                reverse("briefing"),
                reverse("briefing-department", args=[done.visit.department_id]),
            ],
            "doctor": [
                reverse("doctor"),
                *(reverse("doctor-visit", args=[v.pk]) for v in (ordered.visit, done.visit)),
                reverse("cases"),
                reverse("care"),
                reverse("care-proposals"),
                reverse("care-new"),
            ],
            "technician": [reverse("results"), *(reverse("result", args=[order.pk]) for order in orders)],
            "pharmacist": [
                reverse("dispensing-open", args=[signed.prescription.pk]),
                reverse("dispensing-open", args=[done.prescription.pk]),
                reverse("dispensing-return", args=[done.given.pk]),
                reverse("dispensing-board"),
                reverse("stock"),
                reverse("stock-drugs"),
                reverse("stock-card", args=[lot.drug_id]),
                reverse("stock-lot", args=[lot.pk]),
                reverse("stock-new"),
                reverse("stock-draft", args=[draft.pk]),
                reverse("stock-documents"),
                reverse("stock-document", args=[StockDocument.objects.earliest("pk").pk]),
                reverse("stock-transit"),
                reverse("stock-requests"),
                reverse("stock-request-new"),
                reverse("stock-handovers"),
                reverse("stock-stores"),
            ],
            "cashier": [
                reverse("cashier"),
                reverse("cashier-visit", args=[examined.visit.pk]),
                f"{reverse('cashier-visit', args=[examined.visit.pk])}?deposit=1",
                reverse("cashier-visit", args=[done.visit.pk]),
                f"{reverse('cashier-receipts')}?day=06102026",
                reverse("cashier-debts"),
                reverse("cashier-session"),
            ],
            "accountant": [
                reverse(f"cash-{name}")
                for name in ("day", "refunds", "handover", "deposits", "transfers", "books", "settings")
            ]
            + [reverse("bank")],
            "claims": [
                f"{reverse('claims')}?month=2026-10&visit={done.visit.pk}",
                reverse("report-run", args=[made.pk]),
                reverse("report-compare", args=[made.pk]),
                reverse("report-calendar"),
                reverse("report-duty", args=["CLAIMS", "2026-10-01"]),
                reverse("report-compared-visit", args=[made.pk, done.visit.claim_code]),
            ],
            "admin": [
                *(
                    reverse(f"admin{name}")
                    for name in ("", "-account-new", "-staff", "-places", "-facility", "-catalogs")
                ),
                reverse("audit"),
                reverse("account_change_password"),
            ],
        }


@pytest.mark.parametrize("role", ROLES)
def test_no_desk_has_a_violation(
    world: World, busy: dict[str, list[str]], live_server: Any, chromium: Browser, role: str
) -> None:
    assert tuple(busy) == ROLES
    axe, page = Axe(), signed_in(chromium, live_server.url, world.hospital, role)
    found = [row for address in busy[role] for row in violations(axe, page, address)]
    if role == "doctor":
        found += grids(axe, page, busy[role][1])
    page.context.close()
    assert found == []


def test_triage_on_a_phone(world: World, busy: dict[str, list[str]], live_server: Any, chromium: Browser) -> None:
    page = signed_in(chromium, live_server.url, world.hospital, "nurse", width=320)
    for address in busy["nurse"]:
        assert violations(Axe(), page, address) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            "it reflows without sideways scrolling"
        )
    page.context.close()


def test_the_sign_in_page(live_server: Any, chromium: Browser) -> None:
    page = chromium.new_page(base_url=live_server.url)
    assert violations(Axe(), page, reverse("account_login")) == []
    page.close()


def signed_in(chromium: Browser, url: str, place: Place, role: str, width: int = 1366) -> Page:
    client = Client()
    client.force_login(place.users[role])
    context = chromium.new_context(viewport={"width": width, "height": 768}, base_url=url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])
    return context.new_page()


def violations(axe: Axe, page: Page, address: str) -> list[str]:
    answer = page.goto(address)
    assert answer is not None
    assert answer.ok, f"{address}: {answer.status}"
    return read(axe, page, address)


def grids(axe: Axe, page: Page, address: str) -> list[str]:
    """The panels of orders and of the prescription, with the suggestions of a search open."""
    found = []
    for key, field, words in (("F6", "[name=service_text]", "sieu"), ("F8", "[name=lines-0-drug_text]", "para")):
        page.goto(address)
        page.keyboard.press(key)
        page.locator(field).focus()
        page.keyboard.type(words, delay=45)
        page.locator("[role=option]").first.wait_for()
        found += read(axe, page, f"{address} {key}")
    return found


def read(axe: Axe, page: Page, where: str) -> list[str]:
    rows = axe.run(page, options=RULES).response["violations"]
    return [f"{where}: {row['impact']} {row['id']} {[node['target'] for node in row['nodes']][:3]}" for row in rows]
