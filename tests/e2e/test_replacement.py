"""The doctor replaces a signed prescription at the keyboard: the grid with the old lines, a reason, the new codes."""

from collections.abc import Iterator

import pytest
import time_machine
from django.urls import reverse
from playwright.sync_api import expect

from his.accounts.models import Staff
from his.catalogs.models import Drug
from patients.models import Prescription
from tests.cast import World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.insurance import walk
from tests.insurance.walk import AMLODIPIN, PARACETAMOL, Walk

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def step(world: World) -> Iterator[Walk]:
    """A signed prescription with a psychotropic among its drugs."""
    facility = world.hospital.facility
    facility.prescribing_code = "vd992"
    facility.save()
    Staff.objects.for_facility(facility).update(prescribes_controlled=True)
    Drug.objects.for_facility(facility).filter(code=PARACETAMOL).update(control_class="psychotropic")
    step = walk.lan(world, world.hospital).examine("I10").prescribe((PARACETAMOL, 14), (AMLODIPIN, 14)).sign()
    with time_machine.travel(at(10), tick=True):
        yield step


def test_a_signed_prescription_is_replaced_by_keys(step: Walk, desks: Desks) -> None:  # noqa: F811
    page, hands = desks.open("doctor.bv", "doctor")
    page.goto(reverse("doctor-visit", args=[step.visit.pk]))
    papers = page.locator("table.papers tbody tr")
    expect(papers).to_have_count(2)
    expect(papers.first).to_contain_text("hướng thần")
    hands.press("F8")
    expect(page.locator("#panel h2").first).to_contain_text(f"Thay đơn {step.prescription.number}")
    days = page.locator("[name=lines-0-days]")
    days.fill("5")
    page.locator("#id_void_reason").focus()
    hands.type("Giam so ngay").press("F9")
    expect(page.locator("#messages")).to_contain_text("thay cho đơn")
    expect(papers.first).to_contain_text(f"thay đơn {step.prescription.number}")
    new = Prescription.objects.get(replaces=step.prescription)
    assert {line.days for line in new.lines.all()} == {5, 7}
