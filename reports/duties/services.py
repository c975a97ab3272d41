"""Duties without a report in the product are ticked off by hand; each duty is given to a role or a person."""

from datetime import date, datetime

from his.accounts.actor import Actor
from his.accounts.models import Membership, User
from his.accounts.roles import ROLES
from his.core.dates import local
from his.core.errors import Refusal
from his.locks import lock_name
from his.service import audit_facts, service
from reports.duties.rules import Duty, load_duties
from reports.filing_models import DutyOwner, DutyTick
from reports.period import Period


def duty_by_code(code: str) -> Duty:
    """A duty of the data. Refuses an unknown code."""
    found = next((duty for duty in load_duties() if duty.code == code), None)
    if found is None:
        raise Refusal("unknown_duty", "Không có việc này trong lịch báo cáo")
    return found


@service(action="reports.tick_duty", permission="reports.duties")
def tick_duty(*, duty: str, period_start: date, done_on: date, note: str, actor: Actor, at: datetime) -> DutyTick:
    """Say that a duty of a period was done outside the product, on a day, with a note (đánh dấu đã làm).

    Refuses `is_report` for a duty that a report of the product fulfils by being sent, a period that is none of the
    duty, a day before the period or in the future, an empty note, and a second tick.
    """
    chosen = duty_by_code(duty)
    if chosen.proof == "filing":
        raise Refusal("is_report", "Việc này xong khi báo cáo được ghi nhận đã gửi")
    if chosen.every == "event" or Period.of(chosen.every, period_start).start != period_start:
        raise Refusal("bad_period", "Kỳ báo cáo không đúng")
    if not note.strip():
        raise Refusal("note_missing", "Ghi số văn bản, nơi nhận hoặc cách đã làm", field="note")
    if done_on > local(at).date():
        raise Refusal("future_day", "Ngày làm còn ở phía trước", field="done_on")
    if done_on < period_start:
        raise Refusal("before_period", "Ngày làm trước khi kỳ báo cáo bắt đầu", field="done_on")
    lock_name("duty", actor.facility.code, duty, period_start)
    known = DutyTick.objects.for_facility(actor.facility).filter(duty=duty, period_start=period_start)
    if known.filter(taken_back_at__isnull=True).exists():
        raise Refusal("already_ticked", "Việc này đã được đánh dấu")
    audit_facts(duty=duty, period=period_start, done_on=done_on)
    return DutyTick.objects.create(
        facility=actor.facility,
        duty=duty,
        period_start=period_start,
        done_on=done_on,
        note=note.strip(),
        by=actor.user,
        at=at,
    )


@service(action="reports.untick_duty", permission="reports.duties")
def untick_duty(*, tick: DutyTick, actor: Actor, at: datetime) -> DutyTick:
    """Take a tick back; the duty is open again, the tick stays on record. Refuses what was taken back already."""
    row: DutyTick = DutyTick.objects.for_facility(actor.facility).select_for_update(no_key=True).get(pk=tick.pk)
    if row.taken_back_at is not None:
        raise Refusal("already_taken_back", "Đánh dấu này đã bỏ")
    row.taken_back_at, row.taken_back_by = at, actor.user
    row.save(update_fields=["taken_back_at", "taken_back_by"])
    audit_facts(duty=row.duty, period=row.period_start)
    return row


@service(action="reports.assign_duty", permission="reports.sign")
def assign_duty(*, duty: str, owner: str, actor: Actor, at: datetime) -> DutyOwner:
    """Give a duty to a role (`role:accountant`) or a person (`user:17`) of the facility (giao việc).

    Refuses a role that is none, and a person without an active role at the facility.
    """
    duty_by_code(duty)
    kind, _, value = owner.partition(":")
    user: User | None = None
    if kind == "user":
        rows = Membership.objects.for_facility(actor.facility).filter(is_active=True, user__is_active=True)
        member = rows.filter(user_id=int(value) if value.isdecimal() else 0).select_related("user").first()
        user = member.user if member else None
    if user is None and (kind != "role" or value not in ROLES):
        raise Refusal("unknown_owner", "Chọn một vai trò hoặc một người của cơ sở", field="owner")
    audit_facts(duty=duty, owner=owner)
    row, _ = DutyOwner.objects.update_or_create(
        facility=actor.facility,
        duty=duty,
        defaults={"user": user, "role": "" if user else value},
    )
    return row
