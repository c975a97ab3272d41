"""What the split is told about a stored visit: co-payment of the year in its own measure, and on routes that count."""

from datetime import date
from decimal import Decimal

import pytest

from his.core.dates import local
from insurance.benefits.engine import Facts
from insurance.billing.facts import facts_of
from insurance.models import BenefitResult
from patients.models import InsuranceCard, Visit
from patients.services.visits import open_visit
from tests.cast import World, at
from tests.insurance import walk
from tests.scenes import scene

pytestmark = pytest.mark.django_db


@scene
def earlier(world: World) -> BenefitResult:
    """A closed visit of bà Lan, whose five years are complete; she paid 90 160 đồng of co-payment."""
    result = walk.lan_full(world, world.hospital).close()
    InsuranceCard.objects.update(five_years_from=date(2020, 1, 1))
    return result


def told(world: World, **changes: object) -> Facts:
    """The facts of another visit in the afternoon, after the earlier one was changed."""
    BenefitResult.objects.update(**changes)
    first = Visit.objects.get()
    visit = open_visit(
        patient=first.patient,
        card=first.card,
        is_insured=True,
        room=first.room,
        route="registered",
        actor=world.hospital.actor("reception"),
        at=at(14),
    )
    return facts_of(visit, on=local(visit.arrived_at).date())


def test_copayment_of_the_year_counts(world: World, earlier: BenefitResult) -> None:
    facts = told(world)
    assert (facts.copay_paid_this_year, facts.copay_paid_before_change) == (Decimal(90_160), 0)


@pytest.mark.parametrize(
    ("day", "paid", "before"),
    [
        (date(2026, 7, 1), 90_160, 0),
        (date(2026, 6, 30), 90_160, 90_160),
        (date(2026, 1, 1), 90_160, 90_160),
        (date(2025, 12, 31), 0, 0),
    ],
)
def test_what_was_paid_before_the_base_salary_changed_is_told_apart(
    world: World, earlier: BenefitResult, day: date, paid: int, before: int
) -> None:
    Visit.objects.filter(pk=earlier.visit_id).update(arrived_at=at(0, 5, day), ended_at=at(0, 30, day))
    facts = told(world)
    assert (facts.copay_paid_this_year, facts.copay_paid_before_change) == (paid, before)


@pytest.mark.parametrize("change", [{"entitlement_code": "1.14"}, {"is_current": False}])
def test_routes_that_the_limit_leaves_out_and_replaced_results_do_not_count(
    world: World, earlier: BenefitResult, change: dict[str, object]
) -> None:
    assert told(world, **change).copay_paid_this_year == 0


def test_without_five_years_nothing_is_asked(world: World, earlier: BenefitResult) -> None:
    InsuranceCard.objects.update(five_years_from=None)
    assert told(world).copay_paid_this_year == 0
