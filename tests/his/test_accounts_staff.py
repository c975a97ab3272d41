"""Staff: dated records with the licence that claims name, one head at a time."""

from datetime import date

import pytest

from his.accounts.models import Staff
from his.accounts.services.staff import add_staff, end_staff, update_staff
from his.core.errors import NotFound, Refusal
from tests.cast import DAY, World, at


def put(world: World, staff: Staff, **changes) -> Staff:
    names = (
        "full_name", "department", "title", "licence_no", "licence_issued_on", "working_scope", "is_head",
        "prescribes_controlled",
    )  # fmt: skip
    facts = {name: getattr(staff, name) for name in names}
    return update_staff(staff=staff, **{**facts, **changes}, actor=world.hospital.actor("admin"), at=at())


def add(world: World, **more) -> Staff:
    facts = {"code": "BS09", "full_name": "Trần Thị Mới", "department": world.hospital.departments["K01"]}
    return add_staff(**{**facts, "since": DAY, "actor": world.hospital.actor("admin"), **more})


def refused(code: str, field: str):
    return pytest.raises(Refusal, check=lambda refusal: (refusal.code, refusal.field) == (code, field))


def test_a_person_is_added_as_typed(world: World) -> None:
    staff = add(world, full_name="Trần  'Thị' <Mới>", licence_no="000299/VD-GPHN", licence_issued_on=date(2020, 5, 1))
    staff.refresh_from_db()
    assert (staff.full_name, staff.licence_no, staff.valid_to) == ("Trần 'Thị' <Mới>", "000299/VD-GPHN", None)


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"code": "BS01"}, "taken", "code"),
        ({"code": "BS01", "since": date(2010, 1, 1)}, "taken", "code"),
        ({"code": " "}, "empty", "code"),
        ({"full_name": " "}, "empty", "full_name"),
        ({"licence_issued_on": date(2020, 5, 1)}, "licence", "licence_no"),
        ({"is_head": True}, "head_taken", "is_head"),
    ],
)
def test_a_slip_adds_nobody(world: World, wrong, code, field) -> None:
    before = Staff.objects.count()
    with refused(code, field):
        add(world, **wrong)
    assert Staff.objects.count() == before


def test_a_mistake_is_put_right_in_the_record(world: World) -> None:
    doctor = world.hospital.staff["doctor"]
    assert put(world, doctor, licence_no="000299/VD-GPHN").pk == doctor.pk
    assert world.hospital.actor("doctor").practitioner().licence_no == "000299/VD-GPHN"


def test_a_change_from_a_day_keeps_the_licence_of_older_days(world: World) -> None:
    doctor = world.hospital.staff["doctor"]
    changed = put(world, doctor, licence_no="000299/VD-GPHN", since=date(2026, 10, 1))
    records = Staff.objects.for_facility(world.hospital.facility).filter(code=doctor.code)
    assert records.on(date(2026, 9, 30)).get().licence_no == "000201/VD-GPHN"
    assert records.on(DAY).get() == changed
    assert world.hospital.actor("doctor").practitioner() == changed


@pytest.mark.parametrize(
    ("day", "code"),
    [(date(2026, 10, 7), "future"), (date(2020, 1, 1), "staff_period"), (date(2026, 10, 5), "staff_ended")],
)
def test_a_change_on_an_impossible_day_is_refused(world: World, day, code) -> None:
    doctor = world.hospital.staff["doctor"]
    if code == "staff_ended":
        end_staff(staff=doctor, last_day=date(2026, 10, 4), actor=world.hospital.actor("admin"))
    with refused(code, "since"):
        put(world, doctor, since=day)


def test_work_ends_and_is_resumed(world: World) -> None:
    doctor, admin = world.hospital.staff["doctor"], world.hospital.actor("admin")
    with refused("staff_period", "last_day"):
        end_staff(staff=doctor, last_day=date(2019, 12, 31), actor=admin)
    end_staff(staff=doctor, last_day=date(2026, 10, 1), actor=admin)
    assert not Staff.objects.for_facility(doctor.facility).on(DAY).filter(code=doctor.code).exists()
    again = add(world, code=doctor.code, since=date(2026, 10, 3))
    with refused("staff_period", "last_day"):
        end_staff(staff=doctor, last_day=None, actor=admin)
    end_staff(staff=again, last_day=None, actor=admin)
    end_staff(staff=doctor, last_day=date(2026, 10, 2), actor=admin)


def test_one_head_follows_another(world: World) -> None:
    old, doctor = world.hospital.staff["manager"], world.hospital.staff["doctor"]
    with refused("head_taken", "is_head"):
        put(world, doctor, is_head=True, since=date(2026, 10, 1))
    end_staff(staff=old, last_day=date(2026, 9, 30), actor=world.hospital.actor("admin"))
    assert put(world, doctor, is_head=True, since=date(2026, 10, 1)).is_head
    with refused("head_taken", "last_day"):
        end_staff(staff=old, last_day=None, actor=world.hospital.actor("admin"))


def test_people_and_places_of_another_facility_are_not_found(world: World) -> None:
    theirs, admin = world.station.staff["doctor"], world.hospital.actor("admin")
    calls = [
        lambda: put(world, theirs),
        lambda: end_staff(staff=theirs, last_day=DAY, actor=admin),
        lambda: add(world, department=world.station.departments["K01"]),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
