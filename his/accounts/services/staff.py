"""People who work at the facility, with the practice licence that claims name (giấy phép hành nghề, QĐ 3176).

A record is dated. A mistake is put right in the record; a change from a day on closes it and opens the next, so that
older claims keep naming the licence of their day.
"""

from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from his.accounts.actor import Actor
from his.accounts.models import Department, Membership, Staff
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import nfc
from his.locks import lock_name
from his.service import audit_facts, service


@service(action="accounts.add_staff", permission="accounts.manage")
def add_staff(
    *,
    code: str,
    full_name: str,
    department: Department | None,
    actor: Actor,
    since: date,
    licence_no: str = "",
    licence_issued_on: date | None = None,
    working_scope: str = "",
    title: str = "",
    is_head: bool = False,
    prescribes_controlled: bool = False,
) -> Staff:
    """Add a person from a day on.

    Refuses a code in use on that day or later, an empty name, a licence date without a number, and a second head of
    the facility at the same time. `licence_no` may be empty for those who do not practise.
    """
    if not nfc(code):
        raise Refusal("empty", "Hãy gõ mã nhân viên", field="code")
    staff = Staff(facility=actor.facility, code=nfc(code), valid_from=since)
    _lock(actor)
    if _periods(actor, since, None).filter(code=staff.code).exists():
        raise Refusal("taken", f"Nhân viên {staff.code} đã có", field="code")
    facts = {
        "full_name": full_name,
        "department": department,
        "title": title,
        "licence_no": licence_no,
        "licence_issued_on": licence_issued_on,
        "working_scope": working_scope,
        "is_head": is_head,
        "prescribes_controlled": prescribes_controlled,
    }
    _put(staff, facts, actor)
    audit_facts(code=staff.code, licence_no=staff.licence_no, since=since)
    return staff


@service(action="accounts.update_staff", permission="accounts.manage")
def update_staff(
    *,
    staff: Staff,
    full_name: str,
    department: Department | None,
    actor: Actor,
    at: datetime,
    licence_no: str = "",
    licence_issued_on: date | None = None,
    working_scope: str = "",
    title: str = "",
    is_head: bool = False,
    prescribes_controlled: bool = False,
    since: date | None = None,
) -> Staff:
    """Put a record right, or with `since` end it the day before and open the next one, which accounts then act as.

    Refuses a day of change that is in the future, not after the record's first day, or when the person has left.
    """
    _lock(actor)
    staff.refresh_from_db()
    facts = {
        "full_name": full_name,
        "department": department,
        "title": title,
        "licence_no": licence_no,
        "licence_issued_on": licence_issued_on,
        "working_scope": working_scope,
        "is_head": is_head,
        "prescribes_controlled": prescribes_controlled,
    }
    if since is None:
        _put(staff, facts, actor)
        audit_facts(code=staff.code, licence_no=staff.licence_no)
        return staff
    _may_change(staff, since, local(at).date())
    new = Staff(facility=actor.facility, code=staff.code, valid_from=since, valid_to=staff.valid_to)
    staff.valid_to = since - timedelta(days=1)
    staff.save(update_fields=["valid_to"])
    _put(new, facts, actor)
    Membership.objects.for_facility(actor.facility).filter(staff=staff).update(staff=new)
    audit_facts(code=new.code, licence_no=new.licence_no, since=since)
    return new


@service(action="accounts.end_staff", permission="accounts.manage")
def end_staff(*, staff: Staff, last_day: date | None, actor: Actor) -> Staff:
    """Set the last day of work; None: the person works on. Accounts are not touched: they are stopped on their own.

    Refuses a day before the record begins, and one that runs into the next record of the same code.
    """
    _lock(actor)
    staff.refresh_from_db()
    if last_day is not None and last_day < staff.valid_from:
        message = f"Ngày cuối không được trước ngày bắt đầu {staff.valid_from:%d/%m/%Y}"
        raise Refusal("staff_period", message, field="last_day")
    others = _periods(actor, staff.valid_from, last_day).exclude(pk=staff.pk)
    if others.filter(code=staff.code).exists():
        raise Refusal("staff_period", "Nhân viên có hồ sơ sau đó; hãy sửa ngày cuối ở hồ sơ mới nhất", field="last_day")
    staff.valid_to = last_day
    _one_head(staff, actor, "last_day")
    staff.save(update_fields=["valid_to"])
    audit_facts(code=staff.code, last_day=last_day)
    return staff


def _lock(actor: Actor) -> None:
    """Staff records of a facility are changed one after the other: their periods exclude each other."""
    lock_name("staff", actor.facility.pk)


def _periods(actor: Actor, first: date, last: date | None) -> QuerySet[Any]:
    """Records of the facility in force on any day of the period."""
    rows = Staff.objects.for_facility(actor.facility).filter(valid_from__lte=last or date.max)
    return rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=first))


def _may_change(staff: Staff, since: date, today: date) -> None:
    if since > today:
        raise Refusal("future", "Chưa tới ngày này; hãy ghi khi thay đổi có hiệu lực", field="since")
    if since <= staff.valid_from:
        message = f"Ngày thay đổi phải sau ngày bắt đầu {staff.valid_from:%d/%m/%Y}; bỏ trống để sửa chính hồ sơ này"
        raise Refusal("staff_period", message, field="since")
    if staff.valid_to is not None and since > staff.valid_to:
        raise Refusal("staff_ended", f"Hồ sơ đã kết thúc ngày {staff.valid_to:%d/%m/%Y}", field="since")


def _put(staff: Staff, facts: dict[str, Any], actor: Actor) -> None:
    for name, value in facts.items():
        setattr(staff, name, nfc(value) if isinstance(value, str) else value)
    if not staff.full_name:
        raise Refusal("empty", "Hãy gõ họ tên", field="full_name")
    if staff.licence_issued_on and not staff.licence_no:
        raise Refusal("licence", "Có ngày cấp thì phải có số giấy phép", field="licence_no")
    _one_head(staff, actor, "is_head")
    staff.save()


def _one_head(staff: Staff, actor: Actor, field: str) -> None:
    """Claims name one head of the facility on a day (người đứng đầu)."""
    if not staff.is_head:
        return
    rows = _periods(actor, staff.valid_from, staff.valid_to).filter(is_head=True).exclude(pk=staff.pk)
    if other := rows.first():
        raise Refusal("head_taken", f"Đã có người đứng đầu cùng thời gian: {other.full_name} ({other.code})", field)
