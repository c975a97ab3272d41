"""Sending signed prescriptions to the national system (TT 26/2025/TT-BYT: right after the visit).

The system is asked outside any transaction; the attempt is stored before and its answer after it, each under a lock.
A paper is sent under its own code until an answer is stored, so a process that dies in between loses nothing. When an
earlier attempt has no answer and the system now says that it has the code, that counts as sent only when its checksum
is of what was sent then; else the code is somebody else's. What fails waits longer each time; what is refused waits
for a person.
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
    AnswerLost,
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
NO_ANSWER = "Đã gửi, chưa có trả lời"
NO_CHECKSUM = "Hệ thống đơn thuốc quốc gia trả lời không có mã kiểm tra"


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
    for pk in _batch(link, at, is_forced=is_forced):
        sheet = queue.to_send(link, pk)
        if sheet is None:  # sent by another, or replaced, while the batch went on
            continue
        row = send(sheet=sheet, system=system, actor=actor, at=at)
        sent += row.state == State.SENT
        rejected += row.state == State.REJECTED
        if row.state == State.WAITING:
            problem = row.last_error
            break
    return Outcome(sent, rejected, queue.waiting(link).count(), problem)


def send(*, sheet: PrescriptionSheet, system: PrescriptionSystem, actor: Actor, at: datetime) -> PrescriptionSending:
    """Send one paper: note the attempt, ask the system, store its answer. Never raises for what the system says."""
    document = sent_of(sheet)
    said, before = body(document), queue.unanswered(sheet)
    how: dict[str, Any] = {"sheet": sheet, "actor": actor, "at": at}
    row = record_attempt(body=said, **how)
    if row.state == State.SENT:
        return row
    try:
        receipt = system.send(document, at=at)
    except AnswerLost as failure:
        return record_failure(error=str(failure), is_final=False, unanswered=said, **how)
    except SystemUnavailable as failure:
        return record_failure(error=str(failure), is_final=False, unanswered=before, **how)
    except PrescriptionRejected as refusal:
        return record_failure(error=str(refusal), is_final=True, unanswered=None, **how)
    except AlreadyKnown as answer:
        if before is not None and system.is_checksum_of(before, answer.checksum):
            return record_sent(checksum=answer.checksum, body=before, **how)
        return record_failure(error=str(answer), is_final=True, unanswered=before, **how)
    if not receipt.checksum:
        return record_failure(error=NO_CHECKSUM, is_final=False, unanswered=said, **how)
    return record_sent(checksum=receipt.checksum, body=said, **how)


@service(action="patients.record_national_attempt", permission=PERMISSION)
def record_attempt(
    *, sheet: PrescriptionSheet, body: dict[str, Any], actor: Actor, at: datetime
) -> PrescriptionSending:
    """Store that a paper is about to be sent, with what is sent; until an answer is stored it waits to be sent again.

    A paper that was sent stays as it is.
    """
    row = _row(sheet, actor)
    if row.state == State.SENT:
        return row
    row.attempts += 1
    row.state, row.body, row.last_error, row.last_tried_at = State.WAITING, body, NO_ANSWER, at
    row.next_attempt_at = at + wait_after(row.attempts)
    row.save()
    audit_facts(prescription=sheet.prescription.number, code=sheet.code, attempt=row.attempts)
    return row


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
    row.save()
    audit_facts(prescription=sheet.prescription.number, code=sheet.code)
    return row


@service(action="patients.record_national_failure", permission=PERMISSION)
def record_failure(
    *,
    sheet: PrescriptionSheet,
    error: str,
    is_final: bool,
    unanswered: dict[str, Any] | None,
    actor: Actor,
    at: datetime,
) -> PrescriptionSending:
    """Store that a paper was not taken: refused until somebody looks at it, else to be sent again later.

    `unanswered` is what may have been taken all the same, by this attempt or an earlier one; None: nothing.
    """
    row = _row(sheet, actor)
    if row.state == State.SENT:
        return row
    row.state = State.REJECTED if is_final else State.WAITING
    row.last_error, row.last_tried_at, row.body = error[:500] or "Không rõ lý do", at, unanswered
    row.next_attempt_at = None if is_final else at + wait_after(row.attempts)
    row.save()
    audit_facts(prescription=sheet.prescription.number, code=sheet.code, is_final=is_final)
    return row


def _batch(link: NationalLink, at: datetime, *, is_forced: bool) -> list[int]:
    lists = [queue.waiting(link), queue.rejected(link)] if is_forced else [queue.due(link, at)]
    return [pk for rows in lists for pk in rows.values_list("pk", flat=True)[:BATCH]]


def wait_after(attempts: int) -> timedelta:
    """How long a paper waits after so many attempts in vain: 2, 4, 8 minutes, at most an hour."""
    return min(timedelta(minutes=2 ** min(attempts, 10)), LONGEST_WAIT)


def _row(sheet: PrescriptionSheet, actor: Actor) -> PrescriptionSending:
    """The row of a paper, locked; a new one is not stored yet."""
    lock_name("national", sheet.pk)
    rows = PrescriptionSending.objects.for_facility(actor.facility)
    return rows.filter(sheet=sheet).first() or PrescriptionSending(facility=actor.facility, sheet=sheet)
