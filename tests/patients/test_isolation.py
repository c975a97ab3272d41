"""Isolation: what belongs to the other facility is not found, on every address of the package and in every service."""

import pytest
import time_machine
from django.urls import URLPattern, reverse

from his.accounts.models import Membership
from his.core.errors import NotFound
from patients import urls
from patients.services.people import add_card, update_patient
from patients.services.reception import VisitInput, receive
from patients.services.visits import call_next, call_ticket, cancel_visit, open_visit, record_vitals, skip_ticket
from tests.cast import at, lan_visit

ROLES = ("reception", "nurse", "doctor", "technician")
PATTERNS = [pattern for pattern in urls.urlpatterns if isinstance(pattern, URLPattern) and pattern.pattern.converters]


@pytest.fixture(autouse=True)
def morning():
    with time_machine.travel(at(9), tick=False):
        yield


@pytest.fixture
def stranger(world, client):
    """Someone who may do everything at the hospital and nothing at the station."""
    user = world.hospital.users["doctor"]
    for role in ROLES:
        Membership.objects.get_or_create(
            facility=world.hospital.facility, user=user, role=role, defaults={"staff": world.hospital.staff["doctor"]}
        )
    client.force_login(user)
    return client


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_no_address_with_an_id_answers_for_the_other_facility(world, stranger, pattern):
    visit = lan_visit(world.station)
    names = list(pattern.pattern.converters)
    # Whatever kind of row the address means, it is a row of the station: not by chance a room of the hospital.
    pks = {visit.pk, visit.patient_id, visit.room_id, visit.card_id, visit.tickets.get().pk, 10**30}
    for pk in pks - {room.pk for room in world.hospital.rooms.values()}:
        url = reverse(pattern.name, kwargs=dict.fromkeys(names, pk))
        for answer in (stranger.get(url), stranger.post(url, {"reason": "x"})):
            assert answer.status_code in (404, 405), (pattern.name, answer.status_code)
            assert "Nguyễn Thị Lan" not in answer.content.decode()
    visit.refresh_from_db()
    assert visit.state == "open"


def test_the_walk_reaches_the_addresses_it_should(world):
    assert {"reception-known", "reception-slip", "queue-next", "triage-visit"} <= {p.name for p in PATTERNS}


@pytest.mark.parametrize("code", ["number", "name", "claim"])
def test_searching_finds_nobody_of_the_other_facility(world, stranger, code):
    visit = lan_visit(world.station)
    text = {"number": visit.patient.citizen_id, "name": "nguyen thi lan", "claim": visit.claim_code}[code]
    answer = stranger.post(reverse("reception-find"), {"text": text})
    assert "Nguyễn Thị Lan" not in answer.content.decode()
    for name in ("patient", "use_patient"):
        url = reverse("reception-find" if name == "patient" else "reception-save-new")
        assert stranger.post(url, {"text": text, name: visit.patient_id}).status_code == 404
    assert stranger.get(f"{reverse('reception')}?done={visit.pk}").status_code == 404


def test_every_service_refuses_rows_of_the_other_facility(world):
    visit = lan_visit(world.station)
    ticket, patient, card, room = visit.tickets.get(), visit.patient, visit.card, visit.room
    here = world.hospital
    reception, nurse, when = here.actor("reception"), here.actor("nurse"), at(9)
    calls = [
        lambda: update_patient(patient=patient, phone="", actor=reception, at=when),
        lambda: add_card(
            patient=patient,
            number=card.number,
            registered_facility_code="99001",
            valid_from=card.valid_from,
            valid_to=None,
            actor=reception,
            at=when,
        ),
        lambda: open_visit(patient=patient, room=here.rooms["PK1"], actor=reception, at=when),
        lambda: receive(person=patient, visit=VisitInput(room=here.rooms["PK1"]), actor=reception, at=when),
        lambda: cancel_visit(visit=visit, reason="x", actor=reception, at=when),
        lambda: call_next(room=room, actor=nurse, at=when),
        lambda: call_ticket(ticket=ticket, actor=nurse, at=when),
        lambda: skip_ticket(ticket=ticket, actor=nurse, at=when),
        lambda: record_vitals(visit=visit, pulse=80, actor=nurse, at=when),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
