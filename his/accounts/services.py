"""Setting up a facility: places, people, accounts and their roles."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from his.accounts.actor import Actor
from his.accounts.models import Department, Facility, FacilityStatus, Membership, Room, Staff, User
from his.accounts.roles import ROLES
from his.audit.record import Entry, append_entries
from his.core.codes import FACILITY_CODE
from his.core.errors import Refusal
from his.core.text import nfc
from his.service import audit_facts, service


@transaction.atomic
def add_facility(
    *,
    code: str,
    name: str,
    kind: str,
    tier: str,
    since: date,
    points: Decimal | None = None,
    former_line: str = "",
    is_provisional: bool = False,
    **details: str,
) -> Facility:
    """Found a facility with its tier from a day on. Only the operator at the server does this: there is no actor yet.

    Refuses a code that is not five digits, a taken code, unknown kinds and tiers.
    """
    if not FACILITY_CODE.match(code):
        raise Refusal("code", "Mã cơ sở gồm đúng 5 chữ số", field="code")
    if Facility.objects.filter(code=code).exists():
        raise Refusal("taken", f"Cơ sở {code} đã có", field="code")
    if kind not in Facility.Kind.values:
        raise Refusal("kind", f"Loại cơ sở là một trong {', '.join(Facility.Kind.values)}", field="kind")
    if tier not in FacilityStatus.Tier.values:
        raise Refusal("tier", f"Cấp chuyên môn là một trong {', '.join(FacilityStatus.Tier.values)}", field="tier")
    facility = Facility.objects.create(code=code, name=nfc(name), kind=kind, **details)
    FacilityStatus.objects.create(
        facility=facility,
        tier=tier,
        points=points,
        former_line=former_line,
        is_provisional=is_provisional,
        valid_from=since,
    )
    entry = Entry(None, "accounts.add_facility", "his.facility", facility.pk, {"code": code, "tier": tier})
    append_entries(facility, [entry], at=timezone.now())
    return facility


@service(action="accounts.add_department", permission="accounts.manage")
def add_department(*, code: str, name: str, actor: Actor) -> Department:
    """Add a department with its national code (khoa). Refuses a code the facility already has."""
    if Department.objects.for_facility(actor.facility).filter(code=code).exists():
        raise Refusal("taken", f"Khoa {code} đã có", field="code")
    return Department.objects.create(facility=actor.facility, code=code, name=nfc(name))


@service(action="accounts.add_room", permission="accounts.manage")
def add_room(
    *, department: Department, code: str, name: str, kind: str, actor: Actor, exam_service_code: str = ""
) -> Room:
    """Add a room; an exam room needs the code of the exam that it charges."""
    if kind not in Room.Kind.values:
        raise Refusal("kind", "Loại phòng không hợp lệ", field="kind")
    if kind == Room.Kind.EXAM and not exam_service_code:
        raise Refusal("exam_service", "Phòng khám phải có mã công khám", field="exam_service_code")
    if Room.objects.for_facility(actor.facility).filter(code=code).exists():
        raise Refusal("taken", f"Phòng {code} đã có", field="code")
    return Room.objects.create(
        facility=actor.facility,
        department=department,
        code=code,
        name=nfc(name),
        kind=kind,
        exam_service_code=exam_service_code,
    )


@service(action="accounts.add_staff", permission="accounts.manage")
def add_staff(
    *,
    code: str,
    full_name: str,
    department: Department,
    actor: Actor,
    since: date,
    licence_no: str = "",
    licence_issued_on: date | None = None,
    working_scope: str = "",
    title: str = "",
    is_head: bool = False,
) -> Staff:
    """Add a person with the practice licence that claims name (giấy phép hành nghề, QĐ 3176)."""
    if Staff.objects.for_facility(actor.facility).on(since).filter(code=code).exists():
        raise Refusal("taken", f"Nhân viên {code} đã có", field="code")
    return Staff.objects.create(
        facility=actor.facility,
        code=code,
        full_name=nfc(full_name),
        department=department,
        licence_no=licence_no,
        licence_issued_on=licence_issued_on,
        working_scope=working_scope,
        title=title,
        is_head=is_head,
        valid_from=since,
    )


@service(action="accounts.add_account", permission="accounts.manage")
def add_account(
    *, username: str, full_name: str, password: str, roles: Sequence[str], actor: Actor, staff: Staff | None = None
) -> User:
    """Add an account with roles at the actor's facility. Refuses weak passwords, taken names and unknown roles."""
    _known(roles)
    if User.objects.filter(username=username).exists():
        raise Refusal("taken", f"Tên đăng nhập {username} đã có", field="username")
    user = User(username=username, first_name=nfc(full_name)[:150])
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Refusal("weak_password", " ".join(error.messages), field="password") from error
    user.set_password(password)
    user.save()
    _give(actor.facility, user, roles, staff)
    audit_facts(username=username, roles=",".join(sorted(roles)))
    return user


@service(action="accounts.set_roles", permission="accounts.manage")
def set_roles(*, user: User, roles: Sequence[str], actor: Actor, at: datetime, staff: Staff | None = None) -> User:
    """Make `roles` the roles of an account at the actor's facility; an empty list takes all rights there away.

    Refuses an account that has never belonged to this facility unless it is a new member with at least one role.
    """
    _known(roles)
    held = Membership.objects.for_facility(actor.facility).filter(user=user)
    held.exclude(role__in=roles).update(is_active=False)
    _give(actor.facility, user, roles, staff)
    audit_facts(username=user.username, roles=",".join(sorted(roles)))
    return user


def _known(roles: Sequence[str]) -> None:
    if unknown := sorted(set(roles) - set(ROLES)):
        raise Refusal("role", f"Không có vai trò {', '.join(unknown)}", field="roles")


def _give(facility: Facility, user: User, roles: Sequence[str], staff: Staff | None) -> None:
    for role in roles:
        values = {"is_active": True, **({"staff": staff} if staff else {})}
        Membership.objects.update_or_create(facility=facility, user=user, role=role, defaults=values)
