"""Sending signed prescriptions to the national system (TT 26/2025/TT-BYT: right after the visit).

The system is asked outside any transaction; only its answer is stored under a lock. A paper is sent under its own code
until an answer is stored. When an earlier answer was lost and the system now says that it has the code, that counts as
sent; a code that it knows without that is somebody else's. What fails waits longer each time; what is refused waits for
a person.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from his.accounts.actor import Actor
from his.core.errors import Refusal
from his.locks import lock_name
from his.service import audit_facts, service
from patients import queries_national as queue
from patients.models import NationalLink, PrescriptionSending, PrescriptionSheet
from patients.national.document import sent_of
from patients.national.port import (
    AlreadyKnown,
    PrescriptionRejected,
    PrescriptionSystem,
    SystemUnavailable,
    body,
)
from patients.national.systems import system_of

State = PrescriptionSending.State
PERMISSION = "patients.send_prescriptions"
LONGEST_WAIT = timedelta(hours=1)
BATCH = 200
"""Papers sent by one press of a button or one run of the timer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch; `problem` says why it stopped."""

    sent: int = 0
    rejected: int = 0
    left: int = 0
    problem: str = ""


@service(action="patients.link_national", permission="accounts.manage")
def link_national(*, system: str, since: date, actor: Actor) -> NationalLink:
    """Say where the facility sends its prescriptions and from which day of signing on (khai báo liên thông).

    Refuses a system that is not known, and a facility without a prescribing code: its papers have no codes.
    """
    if system not in NationalLink.System.values:
        raise Refusal("bad_system", "Hệ thống không có trong danh sách", field="system")
    if not actor.facility.prescribing_code:
        raise Refusal("no_code", "Cơ sở chưa có mã liên thông đơn thuốc, hãy ghi ở thông tin cơ sở", field="system")
    link, _ = NationalLink.objects.update_or_create(
        facility=actor.facility, defaults={"system": system, "since": since}
    )
    audit_facts(kind=system, since=since)
    return link


def send_waiting(*, actor: Actor, at: datetime, is_forced: bool = False) -> Outcome:
    """Send what waits at the actor's facility, the oldest first (gửi đơn đang chờ).

    The first time that the system does not answer ends the batch. `is_forced` also sends what should wait longer and
    what was refused. Refuses a facility without a link. Needs the permission `patients.send_prescriptions`.
    """
    actor.require(PERMISSION)
    link = queue.link_of(actor.facility)
    if link is None:
        raise Refusal("no_link", "Cơ sở chưa khai báo liên thông đơn thuốc quốc gia")
    sent = rejected = 0
    problem = ""
    system = system_of(link)
    for sheet in _batch(link, at, is_forced=is_forced):
        row = send(sheet=sheet, system=system, actor=actor, at=at)
        sent += row.state == State.SENT
        rejected += row.state == State.REJECTED
        if row.state == State.WAITING:
            problem = row.last_error
            break
    return Outcome(sent, rejected, queue.waiting(link).count(), problem)


def send(*, sheet: PrescriptionSheet, system: PrescriptionSystem, actor: Actor, at: datetime) -> PrescriptionSending:
    """Send one paper and store the answer. Never raises for what the system does."""
    document = sent_of(sheet)
    unanswered = PrescriptionSending.objects.filter(sheet=sheet, state=State.WAITING).exists()
    how: dict[str, Any] = {"sheet": sheet, "actor": actor, "at": at}
    try:
        receipt = system.send(document, at=at)
    except SystemUnavailable as failure:
        return record_failure(error=str(failure), is_final=False, **how)
    except PrescriptionRejected as refusal:
        return record_failure(error=str(refusal), is_final=True, **how)
    except AlreadyKnown as answer:
        if not unanswered:
            return record_failure(error=str(answer), is_final=True, **how)
        return record_sent(checksum="", body=body(document), **how)
    return record_sent(checksum=receipt.checksum, body=body(document), **how)


@service(action="patients.record_national_sent", permission=PERMISSION)
def record_sent(
    *, sheet: PrescriptionSheet, checksum: str, body: dict[str, Any], actor: Actor, at: datetime
) -> PrescriptionSending:
    """Store that a paper was taken, with what was sent. The same answer twice changes nothing."""
    row = _row(sheet, actor)
    if row.state == State.SENT:
        return row
    row.state, row.sent_at, row.checksum, row.body = State.SENT, at, checksum[:128], body
    row.last_error, row.next_attempt_at, row.last_tried_at = "", None, at
    row.attempts += 1
    row.save()
    audit_facts(prescription=sheet.prescription.number, code=sheet.code)
    return row


@service(action="patients.record_national_failure", permission=PERMISSION)
def record_failure(
    *, sheet: PrescriptionSheet, error: str, is_final: bool, actor: Actor, at: datetime
) -> PrescriptionSending:
    """Store that a paper was not taken: refused until somebody looks at it, else to be sent again later."""
    row = _row(sheet, actor)
    if row.state == State.SENT:
        return row
    row.attempts += 1
    row.state = State.REJECTED if is_final else State.WAITING
    row.last_error, row.last_tried_at = error[:500] or "Không rõ lý do", at
    row.next_attempt_at = None if is_final else at + wait_after(row.attempts)
    row.save()
    audit_facts(prescription=sheet.prescription.number, code=sheet.code, is_final=is_final)
    return row


def _batch(link: NationalLink, at: datetime, *, is_forced: bool) -> list[PrescriptionSheet]:
    if not is_forced:
        return list(queue.due(link, at)[:BATCH])
    return [*queue.waiting(link)[:BATCH], *queue.rejected(link)[:BATCH]]


def wait_after(attempts: int) -> timedelta:
    """How long a paper waits after so many attempts in vain: 2, 4, 8 minutes, at most an hour."""
    return min(timedelta(minutes=2 ** min(attempts, 10)), LONGEST_WAIT)


def _row(sheet: PrescriptionSheet, actor: Actor) -> PrescriptionSending:
    """The row of a paper, locked; a new one is not stored yet."""
    lock_name("national", sheet.pk)
    rows = PrescriptionSending.objects.for_facility(actor.facility)
    return rows.filter(sheet=sheet).first() or PrescriptionSending(facility=actor.facility, sheet=sheet)
