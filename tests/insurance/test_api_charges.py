"""Waivers and self-pay at the programming interface: what the screens do, with the same rights and refusals."""

from decimal import Decimal

import pytest
from django.test import Client

from insurance.models import FeeWaiver, SelfPayChoice
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import signed_in

pytestmark = pytest.mark.django_db
ROOT = "/api/insurance"
HARDSHIP = {"reason_code": "hardship", "reason": "Hộ khó khăn đột xuất"}


@pytest.fixture(autouse=True)
def clock(time_machine) -> None:
    time_machine.move_to(at(14), tick=False)


def post(client: Client, path: str, **body: object):
    return client.post(ROOT + path, body, content_type="application/json")


def test_a_waiver_is_given_read_and_taken_back(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    client, visit = signed_in(place, "manager"), step.visit.pk
    split = client.get(f"{ROOT}/visits/{visit}/split").json()
    line = max(split["lines"], key=lambda one: Decimal(one["copay_amount"]) + Decimal(one["self_paid_amount"]))
    path = f"/visits/{visit}/fee-waivers"
    for _ in range(2):
        given = post(client, path, amount="10000", idempotency_key="k", **HARDSHIP).json()
    of_line = post(client, path, percent="50", line_id=line["id"], **HARDSHIP).json()
    assert (given["kind"], Decimal(given["amount"]), given["by"]) == ("grant", 10000, place.users["manager"].username)
    assert (of_line["line_id"], Decimal(of_line["percent"])) == (line["id"], 50)
    less = Decimal(given["amount"]) + Decimal(of_line["amount"])
    assert Decimal(client.get(f"{ROOT}/visits/{visit}/account").json()["due"]) == 390160 - less
    back = post(client, f"/fee-waivers/{of_line['id']}/cancel", reason="Nhầm khoản").json()
    assert (back["kind"], back["cancels_id"], back["amount"]) == ("cancellation", of_line["id"], of_line["amount"])
    assert [one["id"] for one in client.get(ROOT + path).json()] == [given["id"], of_line["id"], back["id"]]
    for body, code in (
        ({**HARDSHIP, "amount": "1", "percent": "1"}, "amount_or_percent"),
        ({**HARDSHIP, "amount": "390160"}, "too_much"),
        ({**HARDSHIP, "amount": "0.5"}, "not_whole"),
        ({**HARDSHIP, "amount": "1", "reason": " "}, "reason_missing"),
        ({**HARDSHIP, "amount": "1", "reason_code": "x"}, "reason"),
    ):
        refused = post(client, path, **body)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    twice = post(client, f"/fee-waivers/{of_line['id']}/cancel", reason="Nhầm")
    assert (twice.status_code, twice.json()["code"]) == (409, "already_cancelled")
    assert FeeWaiver.objects.count() == 3


def test_what_the_patient_pays_alone_is_chosen_and_taken_back(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    client, visit = signed_in(place), step.visit.pk
    path = f"/visits/{visit}/self-pay"
    offered = client.get(ROOT + path).json()
    assert offered["choices"] == []
    chosen = {name: offered["choosable"][0][name] for name in ("source_kind", "source_id")}
    silent = post(client, path, **chosen, reason="")
    assert (silent.status_code, silent.json()["field"]) == (422, "reason")
    made = post(client, path, **chosen, reason="Người bệnh muốn").json()
    after = client.get(ROOT + path).json()
    assert [one["id"] for one in after["choices"]] == [made["id"]]
    assert len(after["choosable"]) == len(offered["choosable"]) - 1
    again = post(client, path, **chosen, reason="Người bệnh muốn")
    assert (again.status_code, again.json()["code"]) == (409, "already_self_paid")
    assert post(client, path, source_kind="exam", source_id=10**9, reason="x").status_code == 404
    assert post(client, f"/self-pay/{made['id']}/withdraw").json()["withdrawn_at"] is not None
    assert client.get(ROOT + path).json() == offered
    step.close()
    late = post(client, path, **chosen, reason="Người bệnh muốn")
    assert (late.status_code, late.json()["code"]) == (409, "already_closed")
    assert client.get(ROOT + path).json()["choosable"] == []
    assert SelfPayChoice.objects.count() == 1


def test_who_may_and_where(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    client, visit = signed_in(world.hospital), step.visit.pk
    source = client.get(f"{ROOT}/visits/{visit}/self-pay").json()["choosable"][0]
    choice = post(client, f"/visits/{visit}/self-pay", **source, reason="Muốn").json()["id"]
    step.close()
    given = post(signed_in(world.hospital, "manager"), f"/visits/{visit}/fee-waivers", amount="1", **HARDSHIP).json()
    for path in (f"/visits/{visit}/fee-waivers", f"/visits/{visit}/self-pay"):
        assert Client().get(ROOT + path).status_code == 401
        assert signed_in(world.hospital, "doctor").get(ROOT + path).status_code == 403
        assert signed_in(world.station, "manager").get(ROOT + path).status_code == 404
    body = {**HARDSHIP, "amount": "1", "source_kind": "exam", "source_id": 1}
    for path, refused, allowed in (
        (f"/visits/{visit}/fee-waivers", "cashier", "manager"),
        (f"/fee-waivers/{given['id']}/cancel", "cashier", "manager"),
        (f"/visits/{visit}/self-pay", "doctor", "cashier"),
        (f"/self-pay/{choice}/withdraw", "doctor", "cashier"),
    ):
        assert post(Client(), path, **body).status_code == 401
        assert post(signed_in(world.hospital, refused), path, **body).status_code == 403
        assert post(signed_in(world.station, allowed), path, **body).status_code == 404
    other = walk.lan_full(world, world.station)
    other.close()
    foreign = signed_in(world.station, "manager").get(f"{ROOT}/visits/{other.visit.pk}/split").json()["lines"][0]["id"]
    path = f"/visits/{visit}/fee-waivers"
    assert post(signed_in(world.hospital, "manager"), path, **body, line_id=foreign).status_code == 404
