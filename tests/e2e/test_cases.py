"""Signed diagnoses become a case to report and a person to manage, followed to their end at the keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from django.urls import reverse
from playwright.sync_api import expect

from his.catalogs.models import Diagnosis
from patients.models import DiseaseCase, ManagedPatient
from tests.cast import DAY, World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.insurance import walk
from tests.insurance.walk import Walk

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def step(world: World) -> Iterator[Walk]:
    """Bà Lan with dengue fever and hypertension, ready to be signed."""
    since = DAY.replace(year=2020)
    Diagnosis.objects.create(code="A97.0", name="Sốt xuất huyết Dengue", search_name="a97.0", valid_from=since)
    with time_machine.travel(at(9), tick=True):
        yield walk.lan(world, world.hospital).examine("A97.0", ["I10"])


def test_a_case_is_reported_and_a_person_enrolled_by_keys(
    step: Walk,
    desks: Desks,  # noqa: F811
    tmp_path: Path,
) -> None:
    page, hands = desks.open("doctor.bv", "doctor")
    page.goto(reverse("doctor-visit", args=[step.visit.pk]))
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Ca bệnh phải báo: Sốt xuất huyết Dengue, hạn 08/10/2026")
    page.goto(reverse("doctor-visit", args=[step.visit.pk]))
    note = page.locator(".care-note")
    expect(note).to_contain_text("Chưa quản lý THA")
    note.get_by_role("button", name="Phát hiện mới").focus()
    hands.press("Enter")
    expect(note).to_contain_text("Đang quản lý THA")
    assert ManagedPatient.objects.get().is_newly_found

    page.goto(reverse("cases"))
    expect(page.locator("a.row-link")).to_be_focused()
    page.screenshot(path=tmp_path / "cases.png")
    hands.press("Enter")
    page.wait_for_url("**" + reverse("case", args=[DiseaseCase.objects.get().pk]))
    onset = page.locator("[name=onset_on]")
    onset.focus()
    hands.type("04102026").press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã lưu phiếu điều tra")
    page.locator("[name=system_code]").focus()
    hands.type("099-26-1").press("Alt+b")
    page.wait_for_url("**" + reverse("cases"))
    expect(page.locator("#messages")).to_contain_text("Đã ghi báo ca")
    case = DiseaseCase.objects.get()
    assert (case.state, case.system_code, case.onset_on) == ("reported", "099-26-1", DAY.replace(day=4))

    page.goto(reverse("care"))
    hands.press("Enter")
    expect(page.locator("h2").first).to_have_text("Tăng huyết áp")
