"""Two desks at once: no number twice, no gap, no second visit, no number called by both."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connection

from his.core.dates import BirthDate
from his.core.errors import Refusal
from patients.models import Patient, QueueTicket, Visit
from patients.services.people import register_patient
from patients.services.reception import PersonInput, VisitInput, receive
from patients.services.visits import call_next, open_visit
from tests.cast import anh_hung, at
from tests.insurance import walk
from tests.wards import admitted, bed_prices

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(task, times: int):
    """Run the task in threads that start together; each gives its result or its Refusal."""
    gate = threading.Barrier(times)

    def run(number: int):
        try:
            gate.wait(timeout=10)
            return task(number)
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def person(number: int) -> PersonInput:
    return PersonInput(full_name=f"Lê Thử {number}", birth=BirthDate(date(1990, 1, 1), "year"), sex="1")


def test_numbers_are_given_out_once_and_without_a_gap(world):
    place, actor = world.station, world.station.actor("reception")
    visit = VisitInput(room=place.rooms["PK1"])
    done = at_once(lambda n: receive(person=person(n), visit=visit, actor=actor, at=at()), 4)
    assert all(isinstance(row, Visit) for row in done)
    assert sorted(Visit.objects.values_list("claim_code", flat=True)) == [f"99001.2610.{n:06d}" for n in range(1, 5)]
    assert sorted(Patient.objects.values_list("code", flat=True)) == [f"99001.{n:06d}" for n in range(1, 5)]
    assert sorted(QueueTicket.objects.values_list("number", flat=True)) == [1, 2, 3, 4]


def test_the_same_person_at_two_desks_gets_one_visit(world):
    hung, place = anh_hung(world.station), world.station
    actor = place.actor("reception")
    done = at_once(lambda _: open_visit(patient=hung, room=place.rooms["PK1"], actor=actor, at=at()), 2)
    assert sorted(type(row).__name__ for row in done) == ["Refusal", "Visit"]
    assert Visit.objects.get().claim_code == "99001.2610.000001"


def test_one_key_sent_twice_at_once_opens_one_visit(world):
    place, actor = world.station, world.station.actor("reception")
    visit = VisitInput(room=place.rooms["PK1"])
    done = at_once(lambda _: receive(person=person(1), visit=visit, actor=actor, at=at(), idempotency_key="once"), 2)
    assert {row.pk for row in done} == {Visit.objects.get().pk}


def test_two_rooms_desks_never_call_the_same_number(world):
    place, actor = world.station, world.station.actor("reception")
    for n in range(2):
        facts = {"full_name": f"Lê Thử {n}", "birth": BirthDate(date(1990, 1, 1), "year"), "sex": "1"}
        patient = register_patient(**facts, actor=actor, at=at(7))
        open_visit(patient=patient, room=place.rooms["PK1"], actor=actor, at=at())
    nurse = place.actor("nurse")
    called = at_once(lambda _: call_next(room=place.rooms["PK1"], actor=nurse, at=at(9)), 2)
    assert sorted(ticket.label for ticket in called) == ["001", "002"]


def test_two_nurses_never_give_the_same_bed_to_two_people_alone(world):
    place = world.hospital
    bed_prices(place)
    steps = [walk.lan(world, place).examine()]
    steps.append(walk.visit_of(world, place, anh_hung(place), None).examine())
    done = at_once(lambda n: admitted(steps[n], "K02", "H001", "K02.1911", at(9)), 2)
    assert sorted(type(row).__name__ for row in done) == ["BedStay", "Refusal"]
    assert [row.code for row in done if isinstance(row, Refusal)] == ["bed_taken"]
