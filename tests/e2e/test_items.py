"""The list of drugs and supplies by keyboard in a real browser: find, confirm a class, write a strength, keep it."""

from collections.abc import Iterator

import pytest
import time_machine
from playwright.sync_api import expect

from his.catalogs.models import Drug, DrugIngredient
from his.catalogs.services import import_catalog
from tests.cast import World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.e2e.test_workbench import fits

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def listed(world: World) -> Iterator[World]:
    """The starter list at the hospital, in the morning of the test day."""
    facility = world.hospital.facility
    Drug.objects.for_facility(facility).delete()
    import_catalog(kind="starter", path=None, actor_name="test", facility=facility)
    with time_machine.travel(at(8, 30), tick=True):
        yield world


def test_a_pharmacist_confirms_what_is_proposed_and_mends_what_could_not_be_read(
    listed: World,
    desks: Desks,  # noqa: F811
) -> None:
    page, hands = desks.open("pharmacist.bv", "items")
    expect(page.locator("main caption").first).to_contain_text("168 mặt hàng")
    fits(page)
    page.get_by_role("link", name="Chờ dược sĩ xác nhận (2)").press("Enter")
    expect(page.locator("main tbody tr")).to_have_count(2)
    fits(page)
    page.get_by_label("Xác nhận Paracetamol codein").press("Space")
    hands.press("F9")
    expect(page.locator(".notices")).to_contain_text("Đã xác nhận phân loại của 1 thuốc")
    expect(page.locator("main tbody tr")).to_have_count(1)

    page.get_by_role("link", name="Danh mục", exact=True).press("Enter")
    expect(page.locator("[name=q]")).to_be_focused()
    hands.type("ringer").press("Enter")
    expect(page.locator("main tbody tr")).to_have_count(1)
    page.locator("main tbody a.row-link").press("Enter")
    expect(page.locator("main")).to_contain_text("Có hàm lượng không đọc được")
    fits(page)
    page.locator("[name=ing-0-name]").fill("Natri clorid")
    page.locator("[name=ing-0-amount]").focus()
    hands.type("3").press("Tab").type("g").press("Alt+h")
    expect(page.locator(".notices")).to_contain_text("Đã lưu 1 hoạt chất")
    expect(page.locator("main")).to_contain_text("do dược sĩ ghi")
    page.locator("[name=storage]").focus()
    hands.press("ArrowDown", "ArrowDown").press("F9")
    expect(page.locator(".notices")).to_contain_text("Đã lưu thuộc tính")

    drug = Drug.objects.for_facility(listed.hospital.facility).get(ingredient="Ringer lactat")
    assert drug.storage == "cold"
    row = DrugIngredient.objects.get(drug_code=drug.code, facility=drug.facility)
    assert (row.name, row.amount, row.unit) == ("Natri clorid", 3, "g")
    combined = Drug.objects.for_facility(listed.hospital.facility).get(control_class="narcotic_combo")
    assert combined.ingredient == "Paracetamol + codein phosphat"
