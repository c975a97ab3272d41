"""The programming interface of people and visits: same services, same refusals, same walls."""

import pytest
import time_machine

from patients.models import Visit
from tests.cast import at, ba_lan, lan_visit

ROOT = "/api/patients"


@pytest.fixture(autouse=True)
def morning():
    with time_machine.travel(at(9), tick=False):
        yield


@pytest.fixture
def api(world, client):
    client.force_login(world.station.users["reception"])
    return client


def post(client, path, body):
    return client.post(ROOT + path, body, content_type="application/json")


PERSON = {"full_name": "Lê O'Thử <b>", "birth": {"date": "1990-01-01", "precision": "year"}, "sex": "1"}


def test_from_person_to_visit(api, world):
    person = post(api, "/people", PERSON)
    assert person.status_code == 201
    pk = person.json()["id"]
    card = {"number": "GD4999900000001", "registered_facility_code": "99001", "valid_from": "2026-01-01"}
    card_id = post(api, f"/people/{pk}/cards", card).json()["id"]
    assert post(api, f"/people/{pk}/cards", card).json()["id"] == card_id
    body = {"patient_id": pk, "room_id": world.station.rooms["PK1"].pk, "card_id": card_id, "idempotency_key": "k"}
    homeless = post(api, "/visits", body)
    assert (homeless.status_code, homeless.json()["code"]) == (422, "residence_missing")
    home = {"province_code": "99", "commune_code": "99001"}
    moved = api.patch(f"{ROOT}/people/{pk}", home, content_type="application/json")
    assert (moved.json()["commune_code"], moved.json()["full_name"]) == ("99001", PERSON["full_name"])
    visit = post(api, "/visits", body)
    assert visit.status_code == 201
    assert post(api, "/visits", body).json() == visit.json()
    assert visit.json()["claim_code"] == "99001.2610.000001"
    assert visit.json()["tickets"][0]["label"] == "001"
    detail = api.get(f"{ROOT}/visits/{visit.json()['id']}").json()
    assert (detail["patient_name"], detail["card"]["number"]) == ("Lê O'Thử <b>", "GD4999900000001")
    assert [row["id"] for row in api.get(f"{ROOT}/visits").json()] == [visit.json()["id"]]
    assert api.get(f"{ROOT}/people/{pk}").json()["birth"] == {"date": "1990-01-01", "precision": "year"}


def test_a_scan_is_read_and_its_person_found(api, world):
    lan, card = ba_lan(world.station)
    answer = post(api, "/scan", {"text": card.number}).json()
    assert (answer["kind"], [person["code"] for person in answer["patients"]]) == ("card_number", [lan.code])
    assert post(api, "/scan", {"text": "a|b"}).json()["kind"] == "unsupported"
    assert post(api, "/people/search", {"text": "nguyen lan"}).json()[0]["cards"][0]["number"] == card.number


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"phone": "12"}, 422, "phone"),
        ({"birth": {"date": "2090-01-01"}}, 422, "birth"),
        ({"full_name": " "}, 422, "full_name"),
    ],
)
def test_refusals_are_problem_documents(api, changes, status, field):
    answer = post(api, "/people", {**PERSON, **changes})
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert (answer.json()["field"], answer.json()["status"]) == (field, status)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-10-06"])
def test_any_day_can_be_asked_for(api, world, day):
    lan_visit(world.station)
    answer = api.get(f"{ROOT}/visits", {"day": day})
    assert answer.status_code in (200, 422)
    assert len(answer.json() if answer.status_code == 200 else []) == (day == "2026-10-06")


def test_nothing_of_the_other_facility(world, client):
    visit = lan_visit(world.station)
    client.force_login(world.hospital.users["reception"])
    own_room = world.hospital.rooms["PK1"].pk
    for path in (f"/people/{visit.patient_id}", f"/visits/{visit.pk}", f"/visits/{10**30}"):
        assert client.get(ROOT + path).status_code == 404
    assert post(client, "/visits", {"patient_id": visit.patient_id, "room_id": own_room}).status_code == 404
    assert post(client, "/people/search", {"text": "nguyen thi lan"}).json() == []
    assert client.get(f"{ROOT}/visits").json() == []
    assert Visit.objects.count() == 1


def test_roles_and_sign_in_are_asked_for(world, client):
    assert client.get(f"{ROOT}/visits").status_code == 401
    client.force_login(world.station.users["technician"])
    assert client.get(f"{ROOT}/visits").status_code == 200
    assert post(client, "/people", PERSON).status_code == 403
