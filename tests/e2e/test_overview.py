"""The overview by keyboard in a real browser: a month in pictures, the list behind a number, and sums of a group."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import time_machine
from playwright.sync_api import expect

from his.accounts.models import Membership
from his.accounts.services.facilities import set_group
from his.catalogs.models import Drug
from insurance.claims.export import export_month
from tests.cast import World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.e2e.test_workbench import fits
from tests.insurance import walk
from tests.insurance.test_export import month
from tests.insurance.walk import HALF_PAID

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ready(world: World, settings: Any, tmp_path: Path) -> Iterator[World]:
    """A month with a faulty claim at the hospital, whose manager also follows a group of both facilities."""
    settings.VAR_DIR = tmp_path
    Drug.objects.filter(code=HALF_PAID).update(route_code="99.99")
    month(world)
    walk.hung(world, world.station, 9).examine("J06.9").sign().settled()
    export_month(month=date(2026, 10, 1), out_dir=tmp_path, actor=world.hospital.actor("claims"), at=at(16))
    hospital = world.hospital.facility
    set_group(facility=hospital, code="CUM", name="Cụm Ví Dụ", members=["99001", "99002"], at=at(7))
    Membership.objects.create(facility=hospital, user=world.hospital.users["manager"], role="group_viewer")
    with time_machine.travel(at(17), tick=True):
        yield world


def test_from_the_month_to_a_list_and_to_the_group(ready: World, desks: Desks) -> None:  # noqa: F811
    page, hands = desks.open("manager.bv", "overview")
    expect(page.locator("[name=month]")).to_be_focused()
    expect(page.locator("figure.picture")).to_have_count(6)
    expect(page.locator("#causes .told tbody")).to_contain_text("Lỗi chặn")
    expect(page.locator("#stock .no-data")).to_have_text("Không có thuốc, vật tư nào cận hạn hay tồn nhiều")
    fits(page)
    hands.press("Alt+m")
    expect(page.locator("#money svg.chart circle.dot").first).to_be_visible()
    fits(page)
    page.locator(".cards a", has_text="Lượt khám").press("Enter")
    expect(page.locator("main caption")).to_have_text("4 dòng")
    fits(page)
    hands.press("Alt+q")
    page.locator("#causes .told a").first.press("Enter")
    expect(page.locator(".cause-head")).to_contain_text("DUONG_DUNG")
    page.locator(".topbar a", has_text="Nhóm cơ sở").press("Enter")
    expect(page.locator(".members tbody tr")).to_have_count(2)
    expect(page.locator(".cards a")).to_have_count(0)
    fits(page)
    page.locator(".members thead a", has_text="Tiền thu").press("Enter")
    expect(page.locator(".members th[aria-sort]")).to_have_text("Tiền thu, đ")
    page.locator(".members button", has_text="99002").press("Enter")
    expect(page.locator("h1")).to_have_text("Tổng quan, tháng 10/2026")
