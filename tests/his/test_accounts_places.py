"""Departments, rooms, the facility's details and its tier by periods."""

from datetime import date
from decimal import Decimal

import pytest

from his.accounts.models import Department, FacilityStatus, Room
from his.accounts.services.facilities import set_tier, update_facility
from his.accounts.services.places import add_department, add_room, update_department, update_room
from his.core.errors import NotFound, Refusal
from tests.cast import World, at

EXAM = "02.1896"


def refused(code: str, field: str):
    return pytest.raises(Refusal, check=lambda refusal: (refusal.code, refusal.field) == (code, field))


def room(world: World, **more) -> Room:
    facts = {"code": "PK9", "name": "Phòng khám 9", "kind": "exam", "exam_service_code": EXAM, "at": at()}
    place = world.hospital
    return add_room(**{**facts, "department": place.departments["K01"], "actor": place.actor("admin"), **more})


def test_a_room_charges_an_exam_of_the_price_list(world: World) -> None:
    assert room(world, name="Phòng 'khám' <9>").name == "Phòng 'khám' <9>"
    assert room(world, code="TT9", kind="procedure").exam_service_code == ""


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"code": "PK1"}, "taken", "code"),
        ({"code": ""}, "empty", "code"),
        ({"name": " "}, "empty", "name"),
        ({"kind": "bếp"}, "kind", "kind"),
        ({"exam_service_code": ""}, "exam_service", "exam_service_code"),
        ({"exam_service_code": "99.9999"}, "unknown_service", "exam_service_code"),
        ({"exam_service_code": "18.0015.0001"}, "not_an_exam", "exam_service_code"),
        ({"at": at(day=date(2025, 12, 31))}, "unknown_service", "exam_service_code"),
    ],
)
def test_a_slip_adds_no_room(world: World, wrong, code, field) -> None:
    before = Room.objects.count()
    with refused(code, field):
        room(world, **wrong)
    assert Room.objects.count() == before


def test_a_department_is_switched_off_after_its_rooms(world: World) -> None:
    place, admin = world.hospital, world.hospital.actor("admin")
    nhi, pk3 = place.departments["K18"], place.rooms["PK3"]
    facts = {"department": nhi, "name": pk3.name, "exam_service_code": pk3.exam_service_code}
    with refused("rooms_in_use", "is_active"):
        update_department(department=nhi, name=nhi.name, is_active=False, actor=admin)
    update_room(room=pk3, **facts, is_active=False, actor=admin, at=at())
    update_department(department=nhi, name="Nhi 'cũ'", is_active=False, actor=admin)
    assert Department.objects.get(pk=nhi.pk).name == "Nhi 'cũ'"
    with refused("department_off", "department"):
        update_room(room=pk3, **facts, is_active=True, actor=admin, at=at())
    with refused("taken", "code"):
        add_department(code="K18", name="Nhi", actor=admin)


def test_a_room_keeps_working_when_its_price_has_ended_but_is_not_given_such_a_price(world: World) -> None:
    place, admin = world.hospital, world.hospital.actor("admin")
    late = at(day=date(2027, 1, 5))
    world.service(place, EXAM).__class__.objects.filter(code=EXAM).update(valid_to=date(2026, 12, 31))
    pk1 = place.rooms["PK1"]
    facts = {"department": pk1.department, "is_active": True, "actor": admin, "at": late}
    assert update_room(room=pk1, name="Tên mới", exam_service_code=EXAM, **facts).name == "Tên mới"
    with refused("unknown_service", "exam_service_code"):
        update_room(room=place.rooms["PK3"], name="PK3", exam_service_code=EXAM, **facts)


def test_places_of_another_facility_are_not_found(world: World) -> None:
    theirs, admin = world.station, world.hospital.actor("admin")
    facts = {"name": "X", "is_active": True, "actor": admin}
    calls = [
        lambda: room(world, department=theirs.departments["K01"]),
        lambda: update_department(department=theirs.departments["K01"], **facts),
        lambda: update_room(room=theirs.rooms["XN"], department=world.hospital.departments["K01"], at=at(), **facts),
        lambda: update_room(room=world.hospital.rooms["XN"], department=theirs.departments["K01"], at=at(), **facts),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()


def test_details_change_but_not_what_decides_rights(world: World) -> None:
    facility = world.hospital.facility
    update_facility(name="Bệnh viện  'Mới' <A&B>", phone="0900000009", actor=world.hospital.actor("admin"))
    code, kind = facility.code, facility.kind
    facility.refresh_from_db()
    assert (facility.name, facility.phone) == ("Bệnh viện 'Mới' <A&B>", "0900000009")
    assert (facility.code, facility.kind) == (code, kind)
    with refused("name", "name"):
        update_facility(name=" ", actor=world.hospital.actor("admin"))
    with refused("place_code", "province_code"):
        update_facility(name="X", province_code="9a", actor=world.hospital.actor("admin"))


def test_a_new_tier_closes_the_old_one(world: World) -> None:
    facility, admin = world.hospital.facility, world.hospital.actor("admin")
    set_tier(tier="specialised", points=Decimal("72.5"), since=date(2026, 11, 1), actor=admin)
    tiers = FacilityStatus.objects.for_facility(facility)
    assert tiers.on(date(2026, 10, 31)).get().tier == "basic"
    assert tiers.on(date(2026, 11, 1)).get().points == Decimal("72.5")
    set_tier(tier="basic", points=Decimal(60), since=date(2026, 11, 1), actor=admin)
    assert [(row.tier, row.points) for row in tiers.order_by("valid_from")] == [("basic", 45), ("basic", 60)]
    assert FacilityStatus.objects.for_facility(world.station.facility).count() == 1


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"since": date(2024, 12, 31)}, "tier_period", "since"),
        ({"points": Decimal(101)}, "points", "points"),
        ({"points": Decimal(-1)}, "points", "points"),
        ({"tier": "vip"}, "tier", "tier"),
        ({"former_line": "xa"}, "former_line", "former_line"),
    ],
)
def test_an_impossible_tier_is_refused(world: World, wrong, code, field) -> None:
    facts = {"tier": "basic", "since": date(2026, 11, 1), "actor": world.hospital.actor("admin")}
    with refused(code, field):
        set_tier(**{**facts, **wrong})
    assert FacilityStatus.objects.for_facility(world.hospital.facility).count() == 1
