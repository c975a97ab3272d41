"""The programming interface gives and does what the screens do, and refuses alike."""

from decimal import Decimal

import pytest
from ninja import NinjaAPI
from ninja.testing import TestClient

from his.accounts.actor import Actor
from his.catalogs.models import Drug
from his.core.errors import NotFound, PermissionRefused, Refusal
from pharmacy.api import router
from pharmacy.models import ReturnRecord
from pharmacy.services.dispensing import dispense
from tests.cast import at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import PARACETAMOL


@pytest.fixture(scope="module")
def api() -> TestClient:
    """The router alone; how refusals become answers is the composition root's."""
    root = NinjaAPI(urls_namespace="pharmacy-test")
    root.add_router("", router)
    return TestClient(root)


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(at(10), tick=False)


def call(api: TestClient, actor: Actor, method: str, path: str, **kwargs):
    return api.request(method, path, user=actor.user, actor=actor, **kwargs)


def test_stock_waiting_and_dispense(api, world):
    place, store = world.station, shelf.dispensary(world.station)
    actor = place.actor("pharmacist")
    shelf.receive(place, store, shelf.goods(world, place, lot="L'1"))
    lan = shelf.lan_prescription(world, place)
    (stock,) = call(api, actor, "GET", "/stock?store=CP").json()
    assert (stock["code"], Decimal(stock["usable"])) == ("TH0001", Decimal(80))
    (waiting,) = call(api, actor, "GET", "/prescriptions/waiting").json()
    assert (waiting["id"], waiting["lines"][0]["drug_code"]) == (lan.pk, "TH0001")
    body = {"store_code": "CP", "idempotency_key": "k"}
    for _ in range(2):
        done = call(api, actor, "POST", f"/prescriptions/{lan.pk}/dispense", json=body).json()
    assert done["number"] == shelf.current_dispense(lan).document.number
    assert [(part["lot_number"], Decimal(part["quantity"])) for part in done["lines"]] == [("L'1", Decimal(20))]
    assert call(api, actor, "GET", "/prescriptions/waiting").json() == []


def test_a_part_a_return_and_what_is_left_out(api, world):
    place, store = world.station, shelf.dispensary(world.station)
    actor = place.actor("pharmacist")
    shelf.receive(place, store, shelf.goods(world, place))
    lan = shelf.lan_prescription(world, place)
    line = {"drug_code": "TH0001", "quantity": "12", "reason": "out_of_stock", "is_final": False}
    with pytest.raises(NotFound):
        call(
            api,
            actor,
            "POST",
            f"/prescriptions/{lan.pk}/dispense",
            json={"store_code": "CP", "lines": [{**line, "drug_code": "X"}]},
        )
    with pytest.raises(NotFound):
        call(
            api,
            actor,
            "POST",
            f"/prescriptions/{lan.pk}/dispense",
            json={"store_code": "CP", "lines": [{**line, "lot_number": "X"}]},
        )
    line["lot_number"] = "L1"
    done = call(
        api, actor, "POST", f"/prescriptions/{lan.pk}/dispense", json={"store_code": "CP", "lines": [line]}
    ).json()
    (part,) = done["lines"]
    assert Decimal(part["quantity"]) == 12
    body = {"reason": "declined"}
    left = call(api, actor, "POST", f"/prescriptions/{lan.pk}/leave-out", json=body).json()
    assert Decimal(left["quantity"]) == 8
    body = {"reason": "Nổi mẩn", "lines": [{"dispense_line_id": part["id"], "quantity": "5", "is_intact": False}]}
    back = call(api, actor, "POST", f"/dispenses/{done['id']}/return", json=body).json()
    assert (back["number"][:2], back["write_off_number"][:2], back["record_number"]) == ("TL", "HH", None)
    assert shelf.on_hand(store) == {"L1": Decimal(88)}
    with pytest.raises(NotFound):
        call(api, world.hospital.actor("pharmacist"), "POST", f"/dispenses/{done['id']}/return", json=body)
    hung = shelf.hung_prescription(world, place)
    body = {"reason": "dose", "note": "Xem lại liều"}
    assert call(api, actor, "POST", f"/prescriptions/{hung.pk}/send-back", json=body).json()["note"] == "Xem lại liều"


def test_controlled_drugs_come_back_with_their_record(api, world):
    place, store = world.station, shelf.dispensary(world.station)
    actor = place.actor("pharmacist")
    shelf.receive(place, store, shelf.goods(world, place))
    done = dispense(prescription=shelf.lan_prescription(world, place), store=store, actor=actor, at=at(10))
    Drug.objects.for_facility(place.facility).filter(code=PARACETAMOL).update(control_class="psychotropic")
    line = {"dispense_line_id": done.lines.get().pk, "quantity": "5", "is_intact": False}
    path, body = f"/dispenses/{done.pk}/return", {"reason": "Người bệnh mất", "lines": [line]}
    for more, field in ({}, f"return-{line['dispense_line_id']}-condition"), ({"condition": "Còn vỉ"}, "handed_by"):
        line |= more
        with pytest.raises(Refusal) as refused:
            call(api, actor, "POST", path, json=body)
        assert refused.value.field == field
    body |= {"handed_by": "Nguyễn Thị Vợ", "handed_by_id_number": "099190000001"}
    back = call(api, actor, "POST", path, json=body).json()
    record = ReturnRecord.objects.get()
    assert (back["record_number"], record.handed_by_id_number) == (record.number, "099190000001")
    assert record.rows[0]["condition"] == "Còn vỉ"


def test_a_request_is_shipped_and_received_over_the_interface(api, world):
    place = world.hospital
    keeper, head, nurse = (place.actor(who) for who in ("keeper", "head", "nurse"))
    main, ward = shelf.main_store(place), shelf.cabinet(place)
    receipt = {
        "kind": "receipt",
        "store_code": main.code,
        "supplier": "Cty A",
        "detail": {"invoice_number": "01", "board": [{"name": "Hồ Văn Kho", "title": "Thủ kho"}]},
        "lines": [
            {
                "drug_code": "TH0001",
                "lot_number": "L'1",
                "expires_on": "2027-12-31",
                "quantity": "100",
                "unit_cost": "1800",
            }
        ],
    }
    draft = call(api, keeper, "POST", "/drafts", json=receipt).json()
    assert [row["id"] for row in call(api, nurse, "GET", "/drafts").json()] == [draft["id"]]
    with pytest.raises(Refusal) as unusual:
        call(api, keeper, "POST", f"/drafts/{draft['id']}/post", json={})
    assert unusual.value.code == "unusual_receipt"
    posted = call(api, keeper, "POST", f"/drafts/{draft['id']}/post", json={"confirm_unusual": True}).json()
    lot = posted["lines"][0]["lot_id"]
    asked = {"store_code": ward.code, "source_store_code": main.code, "idempotency_key": "k"}
    for _ in range(2):
        body = {**asked, "lines": [{"drug_code": "TH0001", "quantity": "30"}]}
        request = call(api, nurse, "POST", "/requests", json=body).json()
    line = request["lines"][0]["line_id"]
    call(api, head, "POST", f"/requests/{request['id']}/approve", json={"approved": {line: "20"}})
    goods_out = {
        "kind": "shipment",
        "store_code": main.code,
        "target_store_code": ward.code,
        "request_id": request["id"],
    }
    out = call(api, keeper, "POST", "/drafts", json={**goods_out, "lines": [{"lot_id": lot, "quantity": "20"}]}).json()
    shipment = call(api, keeper, "POST", f"/drafts/{out['id']}/post", json={}).json()
    (moving,) = call(api, nurse, "GET", "/transit").json()
    assert (moving["shipment_number"], Decimal(moving["left"])) == (shipment["number"], Decimal(20))
    body = {"kind": "arrival", "origin_id": shipment["id"], "lines": [{"lot_id": lot, "quantity": "19"}]}
    came = call(api, nurse, "POST", "/drafts", json=body).json()
    call(api, nurse, "POST", f"/drafts/{came['id']}/post", json={})
    (shown,) = call(api, nurse, "GET", "/requests").json()
    figures = shown["lines"][0]
    assert [Decimal(figures[name]) for name in ("asked", "approved", "shipped", "received", "on_the_way")] == [
        30, 20, 20, 19, 1
    ]  # fmt: skip
    listed = call(api, nurse, "GET", f"/documents?store={ward.code}").json()
    assert [row["kind"] for row in listed] == ["arrival", "shipment"]
    assert call(api, nurse, "GET", f"/documents/{posted['id']}").json()["reference"] == "01"
    with pytest.raises(NotFound):
        call(api, world.station.actor("pharmacist"), "GET", f"/documents/{posted['id']}")
    with pytest.raises(PermissionRefused):
        call(api, nurse, "POST", f"/requests/{request['id']}/approve", json={"approved": {}})


def test_refusals(api, world):
    place, store = world.station, shelf.dispensary(world.station)
    actor, body = place.actor("pharmacist"), {"store_code": "CP"}
    lan = shelf.lan_prescription(world, place)
    path = f"/prescriptions/{lan.pk}/dispense"
    with pytest.raises(Refusal) as short:
        call(api, actor, "POST", path, json=body)
    assert short.value.code == "shortage"
    with pytest.raises(PermissionRefused):
        call(api, place.actor("doctor"), "POST", path, json=body)
    with pytest.raises(NotFound):
        call(api, world.hospital.actor("pharmacist"), "POST", path, json=body)
    with pytest.raises(NotFound):
        call(api, actor, "POST", path, json={"store_code": "KHÁC"})
    with pytest.raises(NotFound):
        call(api, world.hospital.actor("pharmacist"), "GET", f"/stock?store={store.code}")


def test_it_is_reached_by_those_who_signed_in(client, world):
    address = "/api/pharmacy/stock"
    assert client.get(address).status_code == 401
    client.force_login(world.station.users["reception"])
    assert client.get(address).status_code == 403
    client.force_login(world.station.users["pharmacist"])
    refused = client.get(address, {"store": "KHÔNG"})
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert client.get(address).json() == []
