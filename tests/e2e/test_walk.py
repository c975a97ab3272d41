"""One patient from the scan of a card to the exported claim, over every desk, by keyboard, in a real browser."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect

from his.catalogs.models import PricedService
from his.demo.places import DEMO_PASSWORD
from insurance.billing.ledger import amount_due, payable_amount
from insurance.models import BenefitResult, CashEntry
from insurance.standards import load, parse_file
from patients.models import Visit
from pharmacy.queries import balance_differences
from tests.browser import Hands, scan
from tests.cast import World, at
from tests.insurance.walk import stocked
from tests.patients.test_scan import CARD

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
GLUCOSE = "23.0075.1494"
REASON = "Đau đầu, chóng mặt <từ sáng> & 'mệt'"


@pytest.fixture
def ready(world: World) -> Iterator[World]:
    """Stock on the shelf, a dear test so that she pays her share, and the morning of the test day."""
    dear = {"price": 500_000, "insured_price": 500_000}
    PricedService.objects.filter(facility=world.hospital.facility, code=GLUCOSE).update(**dear)
    stocked(world, world.hospital)
    with time_machine.travel(at(8, 30), tick=True):
        yield world


class Desks:
    """One browser window for each account, as the desks of a hospital stand side by side."""

    def __init__(self, chromium: Browser, base_url: str) -> None:
        self.chromium, self.base_url = chromium, base_url
        self.contexts: list[BrowserContext] = []
        self.wrong: list[str] = []

    def open(self, username: str, url_name: str) -> tuple[Page, Hands]:
        """Sign in by typing, then open a desk."""
        context = self.chromium.new_context(viewport={"width": 1366, "height": 768}, base_url=self.base_url)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda m: self.wrong.append(m.text) if m.type == "error" else None)
        page.goto(reverse(url_name))
        expect(page.locator("[name=login]")).to_be_focused()
        page.keyboard.type(username, delay=40)
        page.keyboard.press("Tab")
        page.keyboard.type(DEMO_PASSWORD, delay=40)
        page.keyboard.press("Enter")
        page.wait_for_url(self.base_url + reverse(url_name))
        return page, Hands(page)


@pytest.fixture
def desks(live_server: Any, chromium: Browser) -> Iterator[Desks]:
    found = Desks(chromium, live_server.url)
    yield found
    for context in found.contexts:
        context.close()
    assert found.wrong == []


def choose(page: Page, hands: Hands, text: str) -> None:
    """Type into a search box and take the first answer."""
    hands.type(text)
    expect(page.locator("[role=option]").first).to_be_visible()
    hands.press("Enter")


def test_from_scan_to_exported_claim(ready: World, desks: Desks, tmp_path: Path) -> None:
    reception(desks)
    triage(desks)
    page, hands = examine(desks)
    results(desks)
    sign(page, hands)
    dispense(desks)
    settle(desks)
    visit = Visit.objects.get()
    assert visit.state == Visit.State.CLOSED
    assert balance_differences(ready.hospital.facility) == []
    claims(desks, visit)
    same_amounts_everywhere(visit, tmp_path)


def reception(desks: Desks) -> None:
    page, hands = desks.open("reception.bv", "reception")
    scan(page, CARD.replace("99 - 001", "99 - 002"))
    expect(page.locator("[name=room]")).to_be_focused()
    hands.press("ArrowDown")
    hands.press("F9")
    expect(page.locator(".ticket-number")).to_have_text("001")


def triage(desks: Desks) -> None:
    page, hands = desks.open("nurse.bv", "triage")
    hands.press("F12")
    expect(page.locator("[name=pulse]")).to_be_focused()
    for value in ("80", "36,8", "150", "90", "18", "98", "52,5", "150"):
        hands.type(value)
        hands.press("Enter")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Trần Văn Mẫu")


def examine(desks: Desks) -> tuple[Page, Hands]:
    """The doctor's desk with the examination begun, a diagnosis chosen and a test ordered."""
    page, hands = desks.open("doctor.bv", "doctor")
    hands.press("F12")
    expect(page.locator("#id_history")).to_be_focused()
    hands.press("Shift+Tab")
    hands.type(REASON)
    hands.press("Enter")
    hands.type("Tăng huyết áp 10 năm")
    hands.press("Tab", "Tab")
    expect(page.locator("#id_main_text")).to_be_focused()
    choose(page, hands, "tang huyet ap")
    hands.press("F6")
    expect(page.locator("[name=service_text]")).to_be_focused()
    choose(page, hands, "glucose")
    expect(page.locator("#panel table")).to_contain_text("Định lượng Glucose")
    return page, hands


def results(desks: Desks) -> None:
    page, hands = desks.open("technician.bv", "results")
    hands.press("F7", "Enter")
    expect(page.locator("#work input[name$=value]").first).to_be_focused()
    hands.type("6,1")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Glucose")


def sign(page: Page, hands: Hands) -> None:
    hands.press("F8")
    expect(page.locator("[name=lines-0-drug_text]")).to_be_focused()
    choose(page, hands, "amlodipin")
    expect(page.locator("[name=lines-0-morning]")).to_be_focused()
    hands.type("1")
    hands.press("Enter", "Enter", "Enter", "Enter")
    expect(page.locator("[name=lines-0-days]")).to_be_focused()
    hands.type("28")
    hands.press("F9")
    expect(page.locator("#panel")).to_contain_text("Đã lưu đơn 1 thuốc")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã ký")


def dispense(desks: Desks) -> None:
    page, hands = desks.open("pharmacist.bv", "dispensing")
    hands.press("F12")
    expect(page.locator("#work")).to_contain_text("Amlodipin")
    page.wait_for_load_state()
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã cấp phát")


def settle(desks: Desks) -> None:
    """Open the drawer, close the visit, collect her share."""
    page, hands = desks.open("cashier.bv", "cashier")
    hands.press("Alt+c")
    page.wait_for_url(f"**{reverse('cashier-session')}")
    hands.type("500000")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("ca")
    page.goto(reverse("cashier"))
    hands.press("F12")
    expect(page.locator("#work")).to_contain_text("Chi phí dự kiến")
    page.wait_for_load_state()
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã chốt")
    page.wait_for_load_state()
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã thu")


def claims(desks: Desks, visit: Visit) -> None:
    """The month is built on the claims screen; the claim only notes that the card gave no citizen number."""
    page, hands = desks.open("claims.bv", "claims")
    page.goto(f"{reverse('claims')}?month=2026-10")
    expect(page.locator("main")).to_contain_text(visit.claim_code)
    hands.press("F9")
    expect(page.locator("#progress")).to_contain_text("Đã lập 1 hồ sơ, không có lỗi")
    claim = visit.claims.get(is_current=True)
    assert list(claim.findings.values_list("rule", "severity")) == [("summary.id_number_absent", "info")]


def same_amounts_everywhere(visit: Visit, folder: Path) -> None:
    """The receipt, the stored split and the exported file say the same."""
    result = BenefitResult.objects.get(visit=visit)
    receipt = CashEntry.objects.get(visit=visit)
    assert result.copay_amount > 0
    assert receipt.amount == payable_amount(result)
    assert amount_due(visit) == 0
    call_command("export_claims", "--facility", "99002", "--month", "2026-10", "--out", str(folder))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["counts"] == {"claims": 1, "claims_with_findings": 0, "left_out": 0, "errors": 0}
    parsed = parse_file(load("qd1931"), folder / f"{visit.claim_code}.xml")
    summary = parsed.claims[0].tables["XML1"][0]
    assert summary["LY_DO_VV"] == REASON
    assert Decimal(summary["T_TONGCHI_BV"]) == result.total_hospital_amount
    assert Decimal(summary["T_BHTT"]) == result.fund_amount
    assert Decimal(summary["T_BNCCT"]) + Decimal(summary["T_BNTT"]) == result.patient_amount
