"""Cashiers as processes at the same visits, killed in the middle: nothing is collected twice, lost or left over.

A few seconds with 6 clients here; in full by `manage.py bench cashiers --clients 32 --seconds 60` (docs/benchmarks.md).
"""

import io
import json

import pgtrigger
import pytest
from django.core.management import call_command
from django.db.models import F

from his.accounts.models import Facility
from his.audit.models import IdempotencyKey
from his.demo.places import STATION
from his.demo.volume.cash_checks import cash_checks
from insurance.models import CashEntry, CashSession
from patients.models import Visit

CLIENTS = 6
DEFECTS = (
    "deadlocks", "collected_twice", "overdrawn", "lost", "unasked", "bank_twice", "gaps", "drawers", "splits",
    "differences", "broken_audit",
)  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_killed_cashiers_collect_nothing_twice() -> None:
    out = io.StringIO()
    call_command("bench", "cashiers", "--clients", str(CLIENTS), "--seconds", "5", "--facility", STATION, stdout=out)
    figures = json.loads(out.getvalue().splitlines()[-1])
    assert figures["killed"]
    assert figures["done"] > CLIENTS
    assert figures["entries"]
    assert {name: figures[name] for name in DEFECTS} == dict.fromkeys(DEFECTS, 0)

    # The checks see what they are for.
    facility = Facility.objects.get(code=STATION)
    visits = list(Visit.objects.for_facility(facility).values_list("pk", flat=True))
    entries = CashEntry.objects.for_facility(facility).order_by("pk")
    receipt = entries.filter(kind="receipt", refunds=None).last()
    asked = {"asked": "pay", "key": "none", "done": receipt.pk, "number": receipt.number, "amount": "1"}
    with pgtrigger.ignore():
        CashEntry.objects.filter(pk=receipt.pk).update(amount=F("amount") + 1000)
        CashSession.objects.filter(pk=receipt.session_id).update(expected_amount=F("expected_amount") + 7)
        CashEntry.objects.filter(pk=entries.last().pk).update(number="PT26.999999")
    last = entries.last().pk
    found = cash_checks(facility, visits=visits, after=last - 1, until=last, done=[asked])
    assert not IdempotencyKey.objects.filter(key="none").exists()
    assert found["collected_twice"] == found["lost"] == 1
    assert found["drawers"] >= 1
    assert found["gaps"] > 1
    assert found["differences"] >= 2
    assert found["unasked"] == (0 if receipt.pk == last else 1)
