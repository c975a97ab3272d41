"""A report at its desk in a real browser: made, checked, signed, sent; a visit is corrected, and both desks say so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from django.urls import reverse
from playwright.sync_api import expect

from his.catalogs.models import PricedService
from his.demo.places import DEMO_PASSWORD
from reports.models import Filing, FilingStep, ReportRun
from tests.cast import World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.insurance import walk
from tests.reports.month import exported, small_month

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def lan(world: World, tmp_path: Path) -> Iterator[walk.Walk]:
    """The October of the hospital with its claims, on the third of November."""
    step = small_month(world, world.hospital)[0]
    exported(world.hospital, tmp_path / "claims")
    with time_machine.travel(at(8).replace(month=11, day=12), tick=True):
        yield step


def test_make_check_sign_send_correct_and_see_the_difference(lan: walk.Walk, desks: Desks) -> None:  # noqa: F811
    page, hands = desks.open("manager.bv", "home")
    expect(page.locator("section.waiting tbody tr").first).to_contain_text("Quá hạn")
    page.locator("section.waiting .head a").focus()
    hands.press("Enter")
    row = page.locator("tr", has_text="01/BH Tổng hợp")
    expect(row).to_contain_text("Chưa làm")
    row.locator("a").focus()
    hands.press("Enter")
    expect(page.locator("#panel")).to_contain_text("TT 12/2026/TT-BTC")
    hands.press("Alt+m")
    expect(page.locator("[name=form]")).to_have_value("01BH")
    expect(page.locator("[name=month]")).to_have_value("10/2026")
    hands.press("F9")
    expect(page.locator("#panel .badge").first).to_have_text("Nháp")
    hands.press("Alt+k")
    expect(page.locator("#panel .badge").first).to_have_text("Đã kiểm tra")
    page.locator("[name=password]").focus()
    hands.type(DEMO_PASSWORD).press("Alt+y")
    expect(page.locator("#panel .badge").first).to_have_text("Đã ký")
    page.locator("[name=receipt]").focus()
    hands.type("TN-99002-0001")
    hands.press("Alt+g")
    expect(page.locator("#panel .badge").first).to_have_text("Đã gửi")
    assert FilingStep.objects.get(state="sent").receipt == "TN-99002-0001"

    PricedService.objects.filter(code=walk.CBC).update(price=40000, insured_price=40000)
    page.goto(reverse("cashier-visit", args=[lan.visit.pk]))
    page.locator("summary", has_text="Mở lại lượt khám").press("Enter")
    expect(page.locator(".filed")).to_contain_text("01/BH 10/2026")
    expect(page.locator(".filed")).to_contain_text("vẫn thuộc tháng 10/2026")
    page.locator("[name=reason]:visible").focus()
    hands.type("Sai gia").press("Tab", "Enter")
    expect(page.locator("#confirm")).to_be_visible()
    hands.press("Tab", "Enter")
    expect(page.locator(".head h2").first).to_have_text("Chi phí dự kiến")

    cash, keys = desks.open("cashier.bv", "cashier")
    keys.type(lan.visit.claim_code).press("Enter")
    told = cash.locator(".filed")
    expect(told).to_contain_text("01/BH 10/2026")
    expect(told).to_contain_text("Tổng chi phí: 750.800 → 741.100")
    filing = Filing.objects.get()
    page.goto(f"/reports/{filing.run_id}/compare/")
    expect(page.locator("#work .badge").first).to_have_text("Khác")
    link = page.locator("#work tbody a.code", has_text=lan.visit.claim_code).first
    link.focus()
    hands.press("Enter")
    expect(page.locator("#panel")).to_contain_text(lan.visit.claim_code)
    assert ReportRun.objects.count() == 1
