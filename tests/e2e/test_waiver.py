"""A waiver at the cashier's desk by keyboard in a real browser: find the visit, waive a share, see what is left."""

from collections.abc import Iterator

import pytest
import time_machine
from playwright.sync_api import Page, expect

from insurance.billing.ledger import amount_due
from insurance.models import FeeWaiver
from tests.cast import World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.e2e.test_workbench import fits
from tests.insurance import walk

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def closed(world: World) -> Iterator[walk.Walk]:
    """Bà Lan's visit, closed and not paid, in the afternoon."""
    step = walk.lan_full(world, world.hospital)
    step.close()
    with time_machine.travel(at(14), tick=True):
        yield step


def test_half_of_the_visit_is_waived_by_keyboard(closed: walk.Walk, desks: Desks) -> None:  # noqa: F811
    page, hands = desks.open("manager.bv", "cashier")
    hands.press("F12")
    expect(page.locator("#panel")).to_contain_text("390.160")
    before = hands.strokes
    hands.press("Alt+m")
    expect(page.locator("[name=waive-amount]")).to_be_focused()
    fits(page)
    hands.type("50%").press("Enter", "Enter")
    chosen(page)
    hands.press("ArrowDown", "Enter")
    expect(page.locator("[name=waive-reason]")).to_be_focused()
    hands.type("Ho ngheo").press("F9")
    expect(page.locator("#messages")).to_contain_text("Đã miễn giảm 195.080 đ")
    assert hands.strokes - before <= 20
    fits(page)
    assert FeeWaiver.objects.get().percent == 50
    assert amount_due(closed.visit) == 195080


def chosen(page: Page) -> None:
    expect(page.locator("[name=waive-reason_code]")).to_be_focused()
