"""What is typed at the doctor's desk, for the tests of its screens."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from his.core.dates import local
from patients.models import Exam, Visit
from patients.services.exams import set_diagnoses, start_exam
from patients.services.prescriptions import LineInput, prescribe
from patients.services.signing import sign_exam
from patients.services.visits import open_visit
from tests.cast import World, at, lan_visit, weigh

HTMX = {"HX-Request": "true"}

TEXT = 'Đau <b>đầu</b>, bà nói: "nhức" & d\'accord'


def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The desk's clock stands at half past eight of the test day; who moves its one hand moves it."""
    hands = [at(8, 30)]
    for module in ("desk", "doctor", "orders", "prescription", "results"):
        monkeypatch.setattr(f"patients.views.{module}.now", lambda: hands[0])
        monkeypatch.setattr(f"patients.views.{module}.today", lambda: local(hands[0]).date(), raising=False)
    return hands


def weighed_visit(world: World) -> Visit:
    row = lan_visit(world.station)
    weigh(row, world.station)
    return row


def signed_in(world: World) -> Client:
    """The browser of the doctor of the station."""
    client = Client()
    client.force_login(world.station.users["doctor"])
    return client


def url(name: str, row: Visit) -> str:
    return reverse(name, args=[row.pk])


def typed(**changes: str) -> dict[str, str]:
    """What a doctor sends for a common visit."""
    return {
        "reason": "Đau đầu",
        "findings": TEXT,
        "main": "I10",
        "outcome": "home",
        "treatment_result_code": "2",
        **changes,
    }


LINES = {
    "lines-0-drug": "TH0001",
    "lines-0-morning": "1",
    "lines-0-evening": "0,5",
    "lines-0-days": "5",
    "lines-0-usage": "Uống sau ăn <30'>",
    "lines-0-is_insured": "on",
    "lines-1-drug": "",
    "lines-3-drug_text": "TH0002",
    "lines-3-morning": "1",
    "lines-3-days": "7",
    "lines-3-quantity": "10",
}


def examined(world: World, row: Visit) -> Exam:
    """A signed exam with one drug."""
    doctor = world.station.actor("doctor")
    exam = start_exam(visit=row, actor=doctor, at=at(8, 10))
    set_diagnoses(exam=exam, main="I10", actor=doctor, at=at(8, 10))
    drug = world.drug(world.station, "TH0002")
    prescribe(
        exam=exam, lines=[LineInput(drug, morning=Decimal(1), days=28, usage="Uống sáng")], actor=doctor, at=at(8, 15)
    )
    return sign_exam(exam=exam, actor=doctor, at=at(8, 20))


def second_visit(world: World, first: Visit) -> Visit:
    """The same person comes again on the day."""
    place = world.station
    more = {"card": first.card, "room": place.rooms["PK1"], "actor": place.actor("reception"), "confirm_second": True}
    return open_visit(patient=first.patient, at=at(8, 25), **more)
