"""The programming interface settles, collects and builds by the same services as the screens."""

from decimal import Decimal

import pytest
from django.test import Client

from his.catalogs.models import Drug
from insurance.billing.queries import current_result
from insurance.claims.stored import content_of
from insurance.models import CashEntry, Claim
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import drawer, signed_in

pytestmark = pytest.mark.django_db
ROOT = "/api/insurance"


@pytest.fixture(autouse=True)
def clock(time_machine) -> None:
    time_machine.move_to(at(14), tick=False)


def post(client: Client, path: str, **body: object):
    return client.post(ROOT + path, body, content_type="application/json")


def test_close_collect_refund(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    drawer(place)
    client, visit = signed_in(place), step.visit.pk
    (due,) = client.get(f"{ROOT}/visits/due").json()
    assert (due["claim_code"], due["is_closed"]) == (step.visit.claim_code, False)
    assert client.get(f"{ROOT}/visits/{visit}/split").status_code == 404
    closed = post(client, f"/visits/{visit}/close").json()
    assert Decimal(closed["payable_amount"]) == 390160
    assert sum(Decimal(line["fund_amount"]) for line in closed["lines"]) == Decimal(closed["fund_amount"])
    assert closed == client.get(f"{ROOT}/visits/{visit}/split").json()
    again = post(client, f"/visits/{visit}/close")
    assert (again.status_code, again.json()["code"]) == (409, "already_closed")
    for _ in range(2):
        entry = post(client, f"/visits/{visit}/collect", amount="390160", idempotency_key="k").json()
    assert entry["number"] == "PT26.000001"
    refused = post(client, f"/visits/{visit}/collect", amount="1")
    assert (refused.status_code, refused.json()["code"]) == (422, "nothing_due")
    back = post(client, f"/receipts/{entry['id']}/refund", amount="160", reason="Thừa").json()
    assert (back["kind"], back["reverses"]) == ("refund", "PT26.000001")
    assert CashEntry.objects.count() == 2
    for amount in ("NaN", "Infinity", "1e400", "x"):
        assert post(client, f"/visits/{visit}/collect", amount=amount).status_code == 422


def test_deposit_use_void(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    drawer(place)
    client, visit = signed_in(place), step.visit.pk
    for _ in range(2):
        taken = post(client, f"/visits/{visit}/deposit", amount="500000", idempotency_key="d").json()
    assert (taken["kind"], taken["number"]) == ("deposit", "TU26.000001")
    account = client.get(f"{ROOT}/visits/{visit}/account").json()
    assert (account["payable"], Decimal(account["held"])) == (None, 500000)
    wrong = post(client, f"/visits/{visit}/deposit", amount="1", method="transfer").json()
    assert (wrong["code"], wrong["field"]) == ("reference_missing", "bank_reference")
    post(client, f"/visits/{visit}/close")
    used = post(client, f"/visits/{visit}/use-deposits").json()
    assert (used["kind"], Decimal(used["amount"]), used["reverses"]) == ("deposit_use", 390160, taken["number"])
    assert Decimal(client.get(f"{ROOT}/visits/{visit}/account").json()["due"]) == -109840
    void = post(client, f"/receipts/{taken['id']}/void", reason="Nhầm")
    assert (void.status_code, void.json()["code"]) == (422, "not_whole_any_more")


def test_claims(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    client, visit = signed_in(world.hospital, "claims"), step.visit.pk
    assert client.get(f"{ROOT}/claims/{visit}/file").status_code == 404
    built = post(client, f"/claims/{visit}/build").json()
    assert (built["version"], built["state"]) == (1, "clean")
    assert "blocking" not in {finding["severity"] for finding in built["findings"]}
    assert client.get(f"{ROOT}/claims/{visit}/file").content == content_of(Claim.objects.get())
    listed = client.get(f"{ROOT}/claims", {"month": "2026-10", "view": "clean"}).json()
    assert (listed["count"], listed["counts"]["closed"]) == (1, 1)
    (item,) = listed["items"]
    result = current_result(step.visit)
    assert result is not None
    assert (item["state"], Decimal(item["fund_amount"])) == ("clean", result.fund_amount)
    assert client.get(f"{ROOT}/claims", {"month": "x"}).json()["code"] == "bad_month"
    assert client.get(f"{ROOT}/claims", {"month": "2026-10", "view": "x"}).status_code == 404
    hung = walk.hung(world, world.hospital).examine("J06.9").sign()
    hung.close()
    assert post(client, f"/claims/{hung.visit.pk}/build").json()["code"] == "not_claimed"


def test_permissions_and_other_facilities(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    visit, entry = step.visit.pk, CashEntry.objects.get().pk
    paths = [f"/visits/{visit}/split", f"/visits/{visit}/account", f"/claims/{visit}/file"]
    writes = [
        f"/visits/{visit}/close",
        f"/visits/{visit}/collect",
        f"/visits/{visit}/deposit",
        f"/visits/{visit}/use-deposits",
        f"/receipts/{entry}/refund",
        f"/receipts/{entry}/void",
        f"/claims/{visit}/build",
    ]
    body = {"amount": "1", "reason": "Thử"}
    for path in paths:
        assert Client().get(ROOT + path).status_code == 401
        assert signed_in(world.hospital, "doctor").get(ROOT + path).status_code == 403
        assert signed_in(world.station, "claims").get(ROOT + path).status_code == 404
    for path in writes:
        assert post(Client(), path, **body).status_code == 401
        assert post(signed_in(world.hospital, "doctor"), path, **body).status_code == 403
        key = "claims" if "claims" in path else "cashier"
        assert post(signed_in(world.station, key), path, **body).status_code == 404
    assert signed_in(world.station).get(f"{ROOT}/visits/due").json() == []
    assert signed_in(world.station, "claims").get(f"{ROOT}/claims", {"month": "2026-10"}).json()["count"] == 0


def test_findings_are_read_and_waived(world: World) -> None:
    Drug.objects.filter(code=walk.HALF_PAID).update(route_code="99.99")
    step = walk.lan_full(world, world.hospital)
    step.settled()
    client, visit = signed_in(world.hospital, "claims"), step.visit.pk
    built = post(client, f"/claims/{visit}/build").json()
    first = client.get(f"{ROOT}/claims/{visit}/findings").json()[0]
    assert built["state"] == "findings"
    assert (first["rule"], first["severity"], first["waiver"]) == ("structure.too_long", "blocking", None)
    refused = post(client, f"/findings/{first['id']}/waive", code="correct", text="x")
    assert (refused.status_code, refused.json()["code"]) == (422, "no_reason")
    waiver = post(client, f"/findings/{first['id']}/waive", code="correct", text="Đã xem bệnh án").json()
    assert (waiver["by"], waiver["reason"]) == ("claims.bv", "Đã xem bệnh án")
    last = client.get(f"{ROOT}/claims/{visit}/findings").json()[-1]
    assert (last["key"], last["waiver"]["id"]) == (first["key"], waiver["id"])
    assert client.get(f"{ROOT}/claims", {"month": "2026-10", "view": "waived"}).json()["count"] == 1
    assert post(client, f"/waivers/{waiver['id']}/revoke").status_code == 200
    assert Claim.objects.get().state == "findings"
    other = signed_in(world.station, "claims")
    assert post(other, f"/findings/{first['id']}/waive", code="correct", text="Đã xem").status_code == 404
