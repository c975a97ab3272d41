"""Many processes at the same lots, killed in the middle: nothing is lost, doubled or negative.

A few seconds with 8 clients here; in full by `manage.py bench torture --clients 32 --seconds 60` (docs/benchmarks.md).
"""

import io
import json

import pytest
from django.core.management import call_command
from django.db.models import F

from his.accounts.models import Facility
from his.audit.models import IdempotencyKey
from his.demo.places import STATION
from his.demo.volume.torture_checks import torture_checks
from pharmacy.models import LotBalance, StockDocument

CLIENTS = 8
DEFECTS = ("negative", "differences", "lost", "unasked", "gaps", "issued_twice", "broken_audit")


@pytest.mark.django_db(transaction=True)
def test_killed_clients_lose_and_double_nothing():
    out = io.StringIO()
    call_command("bench", "torture", "--clients", str(CLIENTS), "--seconds", "5", "--facility", STATION, stdout=out)
    figures = json.loads(out.getvalue().splitlines()[-1])
    assert figures["killed"]
    assert figures["done"] > CLIENTS
    assert figures["busy"] < figures["done"] / 10, "desks that lock in one order need not repeat what they ask"
    assert {name: figures[name] for name in DEFECTS} == dict.fromkeys(DEFECTS, 0)

    # The checks see what they are for.
    facility = Facility.objects.get(code=STATION)
    last = StockDocument.objects.latest("pk").pk
    LotBalance.objects.filter(pk=LotBalance.objects.latest("pk").pk).update(on_hand=F("on_hand") + 1)
    key = IdempotencyKey.objects.filter(action="pharmacy.loss").latest("pk").key
    lies = [{"asked": "lose", "key": key, "done": last + 1}]
    found = torture_checks(facility, after=last, done=lies, prescribed=21)
    assert (found["differences"], found["lost"], found["unasked"]) == (1, 1, 1)
