"""A loaded month after an evening of corrections by two cashiers at once: every number still agrees."""

from io import StringIO

import pytest
from django.core.management import call_command

from his.catalogs.services import import_catalog
from his.demo.places import HOSPITAL, build_places
from his.demo.volume.load import load_month
from his.demo.volume.stir import stir_month
from insurance.claims.services import build_month
from insurance.models import CashSession
from patients.models import Visit
from reports.reconcile import reconcile
from tests.cast import at
from tests.insurance.test_export import MONTH


@pytest.mark.django_db(transaction=True)
def test_two_cashiers_at_once_leave_a_month_that_agrees() -> None:
    place = build_places()[HOSPITAL]
    import_catalog(kind="starter", path=None, actor_name="test", facility=place.facility)
    load_month(facility=place.facility, month=MONTH, visits=40, seed=1)
    build_month(month=MONTH, actor=place.actor("claims"), at=at(18), limit=300)
    done = stir_month(place=place, month=MONTH, acts=120, seed=1)
    wanted = ("reopened", "moved to self-pay", "collected", "refunded", "voided", "deposit")
    assert min(done[name] for name in wanted) > 0
    assert not Visit.objects.exclude(state=Visit.State.CLOSED).exists()
    assert not CashSession.objects.filter(closed_at=None).exists()
    build_month(month=MONTH, actor=place.actor("claims"), at=at(18), limit=300)
    checks = reconcile(place.facility, MONTH)
    compared = {check.name: check.compared for check in checks}
    assert compared["refunds"] >= done["refunded"] + done["voided"], "the corrected visits are in the month"
    assert compared["journal"] >= done["closed again"] / 2
    assert {check.name: check.differences for check in checks if check.differences} == {}
    assert all(check.compared for check in checks if check.name not in ("days", "invoices", "filed"))
    call_command("reconcile", stdout=StringIO())
