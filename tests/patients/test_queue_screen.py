"""The queue of a room, the screen on the wall and the triage list."""

from datetime import date
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from his.core.dates import BirthDate
from patients.models import QueueTicket, VitalSigns
from patients.services.people import register_patient
from patients.services.visits import open_visit
from tests.cast import at, lan_visit


@pytest.fixture(autouse=True)
def morning():
    with time_machine.travel(at(8, 30), tick=False):
        yield


@pytest.fixture
def desk(world, client):
    client.force_login(world.station.users["nurse"])
    return client


def people_wait(world, count: int) -> None:
    actor = world.station.actor("reception")
    for n in range(count):
        born = BirthDate(date(1980, 1, 1 + n), "day")
        person = register_patient(full_name=f"Lê Văn Thử {n}", birth=born, sex="1", actor=actor, at=at(7))
        open_visit(patient=person, room=world.station.rooms["PK1"], actor=actor, at=at(8))


def room_url(world, name: str) -> str:
    return reverse(name, args=[world.station.rooms["PK1"].pk])


def test_calling_skipping_and_calling_again(desk, world):
    people_wait(world, 2)
    assert desk.get(reverse("queue"))["Location"] == room_url(world, "queue-room")
    page = desk.post(room_url(world, "queue-next"), follow=True).content.decode()
    assert "Đang gọi số 001: Lê Văn Thử 0" in page
    first = QueueTicket.objects.get(number=1)
    assert "Đã cho vắng số 001" in desk.post(reverse("queue-skip", args=[first.pk]), follow=True).content.decode()
    desk.post(room_url(world, "queue-next"))
    assert "không còn ai chờ" in desk.post(room_url(world, "queue-next"), follow=True).content.decode()
    assert "Đang gọi số 001" in desk.post(reverse("queue-call", args=[first.pk]), follow=True).content.decode()
    QueueTicket.objects.update(state="serving")
    assert "không còn chờ" in desk.post(reverse("queue-call", args=[first.pk]), follow=True).content.decode()


def test_the_screen_on_the_wall_shows_numbers_and_rooms_but_no_names(desk, world):
    people_wait(world, 2)
    assert "Chưa gọi số nào" in desk.get(reverse("queue-board")).content.decode()
    desk.post(room_url(world, "queue-next"))
    page = desk.get(reverse("queue-board")).content.decode()
    assert "001" in page
    assert "Phòng khám bệnh" in page
    assert "Thử" not in page


@pytest.mark.parametrize("name", ["queue-board-numbers", "queue-room-list", "triage-list"])
def test_polling_answers_304_until_something_changes(desk, world, name):
    people_wait(world, 1)
    url = room_url(world, name) if "room" in name else reverse(name)
    first = desk.get(url, headers={"X-Poll": "1"})
    same = desk.get(url, headers={"X-Poll": "1", "If-None-Match": first["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    people_wait(world, 1)
    desk.post(room_url(world, "queue-next"))
    changed = desk.get(url, headers={"X-Poll": "1", "If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_vital_signs_are_stored_and_the_next_person_is_offered(desk, world):
    visit = lan_visit(world.station)
    people_wait(world, 1)
    readings = {"pulse": "82", "temperature": "36,8", "systolic": "150", "diastolic": "90", "weight_kg": "52,5"}
    answer = desk.post(reverse("triage-visit", args=[visit.pk]), readings)
    other = QueueTicket.objects.exclude(visit=visit).get().visit
    assert answer["Location"] == reverse("triage-visit", args=[other.pk])
    stored = VitalSigns.objects.get()
    assert (stored.pulse, stored.temperature, stored.weight_kg) == (82, Decimal("36.8"), Decimal("52.5"))
    assert "Đã ghi sinh hiệu của Nguyễn Thị Lan" in desk.get(answer["Location"]).content.decode()


@pytest.mark.parametrize(
    ("readings", "field", "message"),
    [
        ({"temperature": "375"}, "temperature", "30 đến 45"),
        ({"pulse": "80,5"}, "pulse", "20 đến 300"),
        ({"systolic": "120"}, "diastolic", "đủ hai số"),
        ({"pulse": "<b>"}, "pulse", "gõ một số"),
        ({"pulse": "1e999999"}, "pulse", ""),
        ({"weight_kg": "-1"}, "weight_kg", "0,3 đến 400"),
        ({}, "__all__", "Chưa nhập"),
    ],
)
def test_wrong_readings_stay_on_the_screen_with_their_message(desk, world, readings, field, message):
    visit = lan_visit(world.station)
    answer = desk.post(reverse("triage-visit", args=[visit.pk]), {**readings, "height_cm": "150"} if readings else {})
    assert answer.status_code == 422
    assert message in " ".join(answer.context["form"].errors[field])
    assert not readings or answer.context["form"]["height_cm"].value() == "150"
    assert not VitalSigns.objects.exists()


@pytest.mark.parametrize("people", [2, 25])
def test_lists_ask_the_database_as_often_for_many_as_for_few(desk, world, django_assert_max_num_queries, people):
    people_wait(world, people)
    desk.get(reverse("triage"))
    for url, most in (
        (room_url(world, "queue-room"), 9),
        (reverse("queue-board"), 6),
        (reverse("triage"), 7),
        (reverse("triage-list"), 6),
    ):
        with django_assert_max_num_queries(most):
            desk.get(url)


def test_triage_is_for_those_who_measure(world, client):
    client.force_login(world.station.users["reception"])
    assert client.get(reverse("triage")).status_code == 403
