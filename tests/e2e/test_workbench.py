"""The claim workbench by keyboard in a real browser: build, find the cause, waive, compare, export, take the file."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.urls import reverse
from playwright.sync_api import Page, expect

from his.catalogs.models import Drug
from insurance.models import Claim, ClaimJob
from tests.browser import Hands
from tests.cast import World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.insurance.test_export import month
from tests.insurance.walk import HALF_PAID, Walk

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def steps(world: World, settings: Any, tmp_path: Path) -> Iterator[dict[str, Walk]]:
    """A month of five visits, one of whose drugs has a route that is too long."""
    settings.VAR_DIR = tmp_path
    Drug.objects.filter(code=HALF_PAID).update(route_code="99.99")
    with time_machine.travel(at(8, 30), tick=True):
        yield month(world)


def fits(page: Page) -> None:
    """Nothing must be scrolled sideways at 1366 x 768."""
    page.wait_for_load_state()
    page.wait_for_function("document.fonts.status == 'loaded'")
    wide = page.evaluate(
        "[document.documentElement, ...document.querySelectorAll('.pane, .scroll')]"
        ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.className || e.tagName)"
    )
    assert wide == []


def test_from_building_to_the_file(steps: dict[str, Walk], desks: Desks, tmp_path: Path) -> None:  # noqa: F811
    page, hands = desks.open("claims.bv", "claims")
    lan = steps["lan"].visit
    build(page, hands)
    fits(page)
    open_cause(page, hands, lan.claim_code)
    waive(page, hands)
    assert Claim.objects.get(visit=lan, is_current=True).state == "clean"
    changed(page, hands, steps["lan"])
    export(page, hands, tmp_path)


def build(page: Page, hands: Hands) -> None:
    hands.press("F9")
    expect(page.locator("#progress")).to_contain_text("Đã lập 2 hồ sơ, 1 có lỗi", timeout=20_000)
    page.locator("#progress a").press("Enter")
    expect(page.locator("caption").first).to_have_text("Gom theo nguyên nhân")


def open_cause(page: Page, hands: Hands, code: str) -> None:
    """From the cause to its only claim, from there to the field."""
    page.locator(".causes a.row-link").first.press("Enter")
    expect(page.locator(".cause-head")).to_contain_text("DUONG_DUNG")
    fits(page)
    expect(page.locator("tbody a.row-link").first).to_be_focused()
    hands.press("Enter")
    expect(page.locator("#panel")).to_contain_text(code)
    fits(page)
    page.locator(".finding a.code").first.press("Enter")
    expect(page.locator("tr.found.blocking:target")).to_be_in_viewport()


def waive(page: Page, hands: Hands) -> None:
    page.locator(".finding >> text=Bỏ qua, ghi lý do").first.press("Enter")
    expect(page.locator("[name=code]")).to_be_focused()
    hands.press("ArrowDown", "Tab")
    hands.type("Da xem benh an giay")
    fits(page)
    hands.press("Alt+q")
    expect(page.locator("#messages")).to_contain_text("Đã bỏ qua một lỗi")
    expect(page.locator(".finding.waived")).to_contain_text("Da xem benh an giay")


def changed(page: Page, hands: Hands, step: Walk) -> None:
    """A name is mended elsewhere; the claim is built again and compared with what it was."""
    step.visit.patient.full_name = "Nguyễn Thị Lan Anh"
    step.visit.patient.save()
    hands.press("Alt+l")
    expect(page.locator("#messages")).to_contain_text("bản 2: không có lỗi")
    hands.press("Alt+s")
    expect(page.locator("ins").first).to_have_text("Nguyễn Thị Lan Anh")
    fits(page)
    hands.press("Alt+g")
    expect(page.locator("#panel")).to_contain_text("Bản 2")


def export(page: Page, hands: Hands, folder: Path) -> None:
    hands.press("Alt+x")
    expect(page.locator("#outcome")).to_contain_text("Đã xuất 2 hồ sơ", timeout=20_000)
    expect(page.locator("#outcome")).to_contain_text("Người bệnh tự chi trả")
    fits(page)
    with page.expect_download() as loading:
        hands.press("Alt+t")
    loading.value.save_as(folder / "month.zip")
    with zipfile.ZipFile(folder / "month.zip") as archive:
        assert sorted(Path(name).suffix for name in archive.namelist()) == [".json", ".xml", ".xml"]
    job = ClaimJob.objects.latest("pk")
    assert loading.value.suggested_filename == "99002-2026-10.zip"
    assert page.url.endswith(reverse("claims-job", args=[job.pk]))
