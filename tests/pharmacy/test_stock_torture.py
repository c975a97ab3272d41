"""Many processes at the same lots, killed in the middle: nothing is lost, doubled or negative.

A few seconds with 8 clients here; in full by `manage.py bench torture --clients 32 --seconds 60` (docs/benchmarks.md).
"""

import io
import json
from datetime import date

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone

from his.accounts.actor import system_actor
from his.accounts.models import Facility
from his.audit.models import IdempotencyKey
from his.core.dates import BirthDate
from his.demo.places import STATION, load_places
from his.demo.volume.clearing import MARK, clear, left_behind
from his.demo.volume.torture import NAMES, _prescribed
from his.demo.volume.torture_checks import torture_checks
from insurance.billing.closing import close_visit
from insurance.billing.ledger import account_of
from insurance.models import CashSession
from patients.models import QueueTicket, Visit
from patients.services.people import register_patient
from patients.services.visits import open_visit
from pharmacy.models import LotBalance, Reservation, StockDocument
from pharmacy.queries import waiting_prescriptions
from pharmacy.services.dispensing import dispense
from tests.pharmacy import shelf

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

    # The desks are as before: nobody waits, owes or has a drawer open, nothing is kept.
    visits = Visit.objects.filter(reason=MARK)
    assert {(visit.state, account_of(visit).due) for visit in visits} == {(Visit.State.CLOSED, 0)}
    assert visits.count() == len(NAMES)
    assert not QueueTicket.objects.exclude(state=QueueTicket.State.DONE).exists()
    assert not waiting_prescriptions(visits[0].facility, timezone.localdate()).exists()
    assert not Reservation.objects.filter(state=Reservation.State.HELD).exists()
    assert not CashSession.objects.filter(closed_at=None).exists()

    # The checks see what they are for.
    facility = Facility.objects.get(code=STATION)
    last = StockDocument.objects.latest("pk").pk
    LotBalance.objects.filter(pk=LotBalance.objects.latest("pk").pk).update(on_hand=F("on_hand") + 1)
    key = IdempotencyKey.objects.filter(action="pharmacy.loss").latest("pk").key
    lies = [{"asked": "lose", "key": key, "done": last + 1}]
    found = torture_checks(facility, after=last, done=lies, prescribed=21)
    assert (found["differences"], found["lost"], found["unasked"]) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_the_next_one_ends_what_a_killed_one_left(world):
    """Killed when one visit was only opened, one examined, one handed out, one closed and not paid."""
    place = load_places()[STATION]
    system, store = system_actor(place.facility), shelf.dispensary(world.station)
    shelf.receive(world.station, store, shelf.goods(world, world.station), when=timezone.now())
    _waiting, given, owing = (_prescribed(place, name, shelf.lot("L1"), timezone.now()) for name in NAMES[:3])
    how = {"prescription": given, "store": store, "actor": system}
    dispense(at=timezone.now(), **how)
    close_visit(visit=owing.visit, actor=system, at=timezone.now(), drugs_declined_reason="Thử", extra_told=True)
    patient = register_patient(
        full_name=NAMES[3], birth=BirthDate(date(1990, 1, 1), "year"), sex="2", actor=system, at=timezone.now()
    )
    room = place.rooms["PK1"]
    open_visit(patient=patient, room=room, reason=MARK, actor=system, at=timezone.now())
    mine = open_visit(patient=patient, room=room, confirm_second=True, actor=system, at=timezone.now())
    assert len(left_behind(system)) == 4
    said: list[str] = []
    clear(system, said.append)
    assert (left_behind(system), said) == ([], ["  đã kết thúc 4 lượt khám của lần đo"])
    assert sorted(Visit.objects.filter(reason=MARK).values_list("state", flat=True)) == ["cancelled", *["closed"] * 3]
    assert Visit.objects.get(pk=mine.pk).state == Visit.State.OPEN
    clear(system, said.append)
    assert len(said) == 1
