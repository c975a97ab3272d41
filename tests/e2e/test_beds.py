"""A ward at the keyboard: somebody is found, admitted, moved to another bed and let go."""

from pathlib import Path

import pytest
import time_machine
from django.urls import reverse
from playwright.sync_api import expect

from patients.models import BedStay
from tests.cast import World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.insurance import walk
from tests.wards import admitted, bed_prices, on_day

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def test_a_person_is_admitted_moved_and_let_go_by_keys(
    world: World,
    desks: Desks,  # noqa: F811
    tmp_path: Path,
) -> None:
    place = world.hospital
    bed_prices(place)
    step = walk.lan(world, place).examine()
    for number, name in enumerate(["Lý Văn Mẫu", "Phạm Thị Thử"]):
        patient, card = walk.someone(place, name, card=f"GD499991234567{number}")
        other = walk.visit_of(world, place, patient, card).examine()
        admitted(other, "K02", f"H00{number + 2}", "K02.1911", at(9, number), patients_in_bed=2 - number)
    with time_machine.travel(on_day(7, 9), tick=True):
        page, hands = desks.open("nurse.bv", "beds")
        expect(page.locator("a.row-link").first).to_be_focused()
        page.screenshot(path=tmp_path / "ward.png")
        page.keyboard.press("F3")
        hands.type("Lan").press("Enter")
        page.wait_for_url("**" + reverse("bed-visit", args=[step.visit.pk]) + "*")
        expect(page.locator("[name=bed_code]")).to_be_focused()
        page.screenshot(path=tmp_path / "admit.png")
        hands.type("h001")
        page.locator("[name=service_code]").focus()
        hands.type("K02.19").press("F9")
        expect(page.locator("#messages")).to_contain_text("vào giường H001, Hồi sức cấp cứu")
    with time_machine.travel(on_day(7, 9, 10), tick=True):
        page.reload()
        page.locator("[name=bed_code]").fill("H005")
        hands.press("F9")
        expect(page.locator("#messages")).to_contain_text("nằm giường H005")
        page.screenshot(path=tmp_path / "person.png")
    with time_machine.travel(on_day(7, 9, 20), tick=True):
        page.reload()
        hands.press("Alt+r")
        expect(page.locator("#messages")).to_contain_text("đã ra khoa")
        page.screenshot(path=tmp_path / "left.png")
    assert [stay.ended_at is not None for stay in BedStay.objects.filter(visit=step.visit)] == [True, True]
