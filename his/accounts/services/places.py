"""Departments and rooms (khoa, phòng). Nothing is deleted: what is no longer used is switched off."""

from datetime import date, datetime

from django.db import IntegrityError, transaction

from his.accounts.actor import Actor
from his.accounts.models import Department, Room
from his.catalogs.queries import service_on
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import nfc
from his.service import audit_facts, service

EXAM_GROUPS = ("13", "")  # cost group of exams (QĐ 3176); empty where the price list does not tell


@service(action="accounts.add_department", permission="accounts.manage")
def add_department(*, code: str, name: str, actor: Actor) -> Department:
    """Add a department with its national code (khoa). Refuses a code the facility already has, and empty texts."""
    department = Department(facility=actor.facility, code=_given(code, "code"), name=_given(name, "name"))
    _create(department, f"Khoa {department.code} đã có")
    audit_facts(code=department.code)
    return department


@service(action="accounts.update_department", permission="accounts.manage")
def update_department(*, department: Department, name: str, is_active: bool, actor: Actor) -> Department:
    """Rename a department, or switch it off or on. Refuses to switch one off whose rooms are in use."""
    rooms = Room.objects.for_facility(actor.facility).filter(department=department, is_active=True)
    used = list(rooms.order_by("code").values_list("code", flat=True))
    if not is_active and used:
        raise Refusal("rooms_in_use", f"Khoa còn phòng đang dùng: {', '.join(used)}", field="is_active")
    department.name, department.is_active = _given(name, "name"), is_active
    department.save(update_fields=["name", "is_active"])
    audit_facts(code=department.code, is_active=is_active)
    return department


@service(action="accounts.add_room", permission="accounts.manage")
def add_room(
    *,
    department: Department,
    code: str,
    name: str,
    kind: str,
    actor: Actor,
    at: datetime,
    exam_service_code: str = "",
) -> Room:
    """Add a room. An exam room charges an exam of the facility's price list on the day; others charge none.

    Refuses a taken code, an unknown kind, a department that is switched off, and an exam not on the price list.
    """
    if kind not in Room.Kind.values:
        raise Refusal("kind", "Loại phòng không hợp lệ", field="kind")
    _in_use(department)
    room = Room(
        facility=actor.facility,
        department=department,
        code=_given(code, "code"),
        name=_given(name, "name"),
        kind=kind,
        exam_service_code=_exam(actor, kind, exam_service_code, local(at).date()),
    )
    _create(room, f"Phòng {room.code} đã có")
    audit_facts(code=room.code, kind=kind, exam_service_code=room.exam_service_code)
    return room


@service(action="accounts.update_room", permission="accounts.manage")
def update_room(
    *,
    room: Room,
    department: Department,
    name: str,
    is_active: bool,
    actor: Actor,
    at: datetime,
    exam_service_code: str = "",
) -> Room:
    """Rename a room, move it to another department, change its exam, switch it off or on; code and kind stay.

    Visits already charged keep the price they were charged with. Refuses as `add_room` does.
    """
    if is_active:
        _in_use(department)
    if exam_service_code != room.exam_service_code or (is_active and not room.is_active):
        exam_service_code = _exam(actor, room.kind, exam_service_code, local(at).date())
    room.department, room.name, room.is_active = department, _given(name, "name"), is_active
    room.exam_service_code = exam_service_code
    room.save(update_fields=["department", "name", "is_active", "exam_service_code"])
    audit_facts(code=room.code, is_active=is_active, exam_service_code=exam_service_code)
    return room


def _exam(actor: Actor, kind: str, code: str, on: date) -> str:
    if kind != Room.Kind.EXAM:
        return ""
    if not code:
        raise Refusal("exam_service", "Phòng khám phải có mã công khám", field="exam_service_code")
    try:
        chosen = service_on(actor.facility, code, on)
    except Refusal as refusal:
        raise Refusal(refusal.code, refusal.message_vi, field="exam_service_code") from refusal
    if chosen.group_code not in EXAM_GROUPS:
        raise Refusal("not_an_exam", f"{chosen.code} {chosen.name} không phải công khám", field="exam_service_code")
    return chosen.code


def _in_use(department: Department) -> None:
    if not department.is_active:
        raise Refusal("department_off", f"Khoa {department.name} đã ngừng dùng", field="department")


def _given(text: str, field: str) -> str:
    if not nfc(text):
        raise Refusal("empty", "Hãy gõ mã" if field == "code" else "Hãy gõ tên", field=field)
    return nfc(text)


def _create(row: Department | Room, taken_vi: str) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:  # the unique code of the facility, also when two add it at once
        raise Refusal("taken", taken_vi, field="code") from error
