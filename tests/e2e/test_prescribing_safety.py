"""An interaction at the doctor's desk, by keyboard: seen in its row, refused at signing, given a reason, seen later."""

from collections.abc import Iterator

import pytest
import time_machine
from playwright.sync_api import Page, expect

from patients.models import Exam, HealthFacts, PatientAllergy, SafetyOverride
from patients.services.visits import record_vitals
from tests.browser import Hands
from tests.cast import World, at
from tests.e2e.test_walk import Desks, choose, desks  # noqa: F401 - a fixture
from tests.insurance.test_prescribing_safety import add_drug
from tests.insurance.walk import Walk, lan
from tests.pharmacy import shelf

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def step(world: World) -> Iterator[Walk]:
    """Bà Lan waits, weighed; warfarin and aspirin are on the list and on the shelf."""
    walk = lan(world, world.hospital)
    for code, ingredient in (("WAR", "Warfarin"), ("ASP", "Aspirin")):
        add_drug(walk, code, ingredient)
    store = shelf.dispensary(world.hospital)
    goods = [shelf.goods(world, world.hospital, code=code, lot=f"L{code}", quantity=1000) for code in ("WAR", "ASP")]
    shelf.receive(world.hospital, store, *goods)
    record_vitals(visit=walk.visit, weight_kg=50, actor=world.hospital.actor("nurse"), at=at(8, 5))
    with time_machine.travel(at(8, 30), tick=True):
        yield walk


def test_an_interaction_gets_its_reason_by_keyboard(step: Walk, desks: Desks) -> None:  # noqa: F811
    page, hands = desks.open("doctor.bv", "doctor")
    hands.press("F12")
    expect(page.locator("[name=history]")).to_be_focused()
    know_the_person(page, hands)
    page.locator("#id_main_text").focus()
    choose(page, hands, "I10")
    prescribe_two(page, hands)
    page.locator("[name=history]").focus()
    hands.press("F9")
    expect(page.locator(".reasons")).to_contain_text("Warfarin")
    assert not Exam.objects.filter(signed_at__isnull=False).exists()
    expect(page.locator(".reasons select")).to_be_focused()
    desks.wrong.clear()  # the refusal
    hands.press("ArrowDown", "Tab")
    hands.type("Theo doi INR")
    hands.press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã ký phiếu khám")
    row = SafetyOverride.objects.get()
    assert (row.rule, row.reason_code, row.words) == ("safety.interaction", "benefit", "Theo doi INR")
    page, hands = desks.open("pharmacist.bv", "dispensing")
    hands.press("F12")
    expect(page.locator(".overrides")).to_contain_text("Lý do: Lợi ích lớn hơn nguy cơ, có theo dõi, Theo doi INR")


def know_the_person(page: Page, hands: Hands) -> None:
    """Alt+G, an allergy with its reaction, the kidneys; F9."""
    hands.press("Alt+g")
    expect(page.locator("#id_allergen_text")).to_be_focused()
    choose(page, hands, "penicilin")
    expect(page.locator("#id_allergen")).not_to_have_value("")  # the answer to the last letter has come
    page.locator("#safety-card [name=reaction]").select_option("rash")
    page.locator("#safety-card [name=kidneys]").select_option("mild")
    hands.press("F9")
    expect(page.locator("#strip-allergy")).to_contain_text("Nhóm penicilin (mẩn ngứa, mày đay)")
    assert PatientAllergy.objects.get().item == "@penicillin"
    assert HealthFacts.objects.get().kidneys == "mild"


def prescribe_two(page: Page, hands: Hands) -> None:
    """F8, two drugs once a day for a week; the second row says what is wrong with it. F9."""
    hands.press("F8")
    for number, name in enumerate(("warfarin", "aspirin")):
        expect(page.locator(f"[name=lines-{number}-drug_text]")).to_be_focused()
        choose(page, hands, name)
        expect(page.locator(f"[name=lines-{number}-morning]")).to_be_focused()
        hands.type("1")
        hands.press("Enter", "Enter", "Enter", "Enter")
        expect(page.locator(f"[name=lines-{number}-days]")).to_be_focused()
        hands.type("7")
        hands.press("Control+Insert")
    expect(page.locator(".rx")).to_contain_text("safety.interaction", timeout=20_000)
    hands.press("F9")
    expect(page.locator("#panel .notice.success")).to_contain_text("Đã lưu đơn 2 thuốc")
    expect(page.locator("#reasons")).to_contain_text("Cần lý do")
