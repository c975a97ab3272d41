"""A late correction at the cashier's desk, in a real browser: open again, see what changes, close, give money back."""

from collections.abc import Iterator

import pytest
import time_machine
from playwright.sync_api import expect

from his.catalogs.models import PricedService
from insurance.billing.closing import reopen_visit
from insurance.models import CashEntry
from tests.cast import World, at
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.insurance import walk
from tests.insurance.walk import CBC, Walk

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def step(world: World) -> Iterator[Walk]:
    """A visit that was closed, paid and opened again because of a price."""
    step = walk.lan_full(world, world.hospital)
    step.settled()
    reopen_visit(visit=step.visit, reason="Sai giá", actor=world.hospital.actor("manager"), at=at(12))
    PricedService.objects.filter(code=CBC).update(price=40000, insured_price=40000)
    with time_machine.travel(at(13), tick=True):
        yield step


def test_the_difference_is_seen_before_it_is_stored_and_the_money_goes_back(step: Walk, desks: Desks) -> None:  # noqa: F811
    page, hands = desks.open("cashier.bv", "cashier")
    hands.type(step.visit.claim_code).press("Enter")
    found = page.locator(".difference")
    expect(found).to_contain_text("khác lần chốt 1")
    expect(found.locator("tbody tr")).to_have_count(1)
    expect(found).to_contain_text("hoàn lại 1.940 đ")
    hands.press("F9")
    expect(page.locator(".head h2")).to_have_text("Chi phí đã chốt")
    expect(page.locator(".difference summary")).to_contain_text("Đã sửa so với lần chốt 1: người bệnh −1.940 đ")
    reason = page.locator("details[open] [name=reason]")
    reason.focus()
    hands.type("Thu thừa do sai giá")
    page.locator("details[open] button.danger").press("Enter")
    expect(page.locator("#confirm")).to_contain_text("Hoàn tiền cho người bệnh")
    hands.press("Tab", "Enter")
    expect(page.locator(".head .badge")).to_have_text("Đã thanh toán")
    assert CashEntry.objects.get(kind=CashEntry.Kind.REFUND).amount == 1940
