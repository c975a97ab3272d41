"""Sending signed prescriptions to the national system (TT 26/2025/TT-BYT: right after the visit).

The system is asked outside any transaction; the attempt is stored before and its answer after it, each under a lock.
A paper is sent under its own code until an answer is stored, so a process that dies in between loses nothing. What an
attempt without an answer may have left there is kept until an answer says what became of it. When the system says that
it has the code, that counts as sent only when its checksum is of what another attempt may have left; else the code is
somebody else's. What fails waits longer each time; what is refused waits for a person.
"""

from collections.abc import Callable
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
    said = body(document)
    how: dict[str, Any] = {"sheet": sheet, "actor": actor, "at": at}
    row = record_attempt(body=said, **how)
    if row.state == State.SENT:
        return row
    attempt = row.attempts
    try:
        receipt = system.send(document, at=at)
    except AnswerLost as failure:
        return record_failure(error=str(failure), is_final=False, attempt=attempt, is_certain=False, **how)
    except SystemUnavailable as failure:
        return record_failure(error=str(failure), is_final=False, attempt=attempt, is_certain=True, **how)
    except PrescriptionRejected as refusal:
        return record_failure(error=str(refusal), is_final=True, attempt=attempt, is_certain=True, **how)
    except AlreadyKnown as answer:

        def is_of(left: dict[str, Any], checksum: str = answer.checksum) -> bool:
            return system.is_checksum_of(left, checksum)

        return record_known(error=str(answer), checksum=answer.checksum, is_of=is_of, body=said, attempt=attempt, **how)
    if not receipt.checksum:
        return record_failure(error=NO_CHECKSUM, is_final=False, attempt=attempt, is_certain=False, **how)
    return record_sent(checksum=receipt.checksum, body=said, **how)


@service(action="patients.record_national_attempt", permission=PERMISSION)
def record_attempt(
    *, sheet: PrescriptionSheet, body: dict[str, Any], actor: Actor, at: datetime
) -> PrescriptionSending:
    """Store that a paper is about to be sent, with what is sent; until an answer is stored it waits to be sent again.

    What earlier attempts may have left stays noted. A paper that was sent stays as it is.
    """
    row = _row(sheet, actor)
    if row.state == State.SENT:
        return row
    if row.unanswered is None:  # from before attempts were noted: what waited then may have been taken
        row.unanswered = (
            [{"body": None, "attempts": [row.attempts]}] if row.attempts and row.state == State.WAITING else []
        )
    row.attempts += 1
    same = next((one for one in row.unanswered if one["body"] == body), None)
    if same is None:
        row.unanswered.append({"body": body, "attempts": [row.attempts]})
    else:
        same["attempts"].append(row.attempts)
    row.state, row.last_error, row.last_tried_at = State.WAITING, NO_ANSWER, at
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
    return _sent(row, sheet, checksum, body, at)


@service(action="patients.record_national_known", permission=PERMISSION)
def record_known(
    *,
    sheet: PrescriptionSheet,
    error: str,
    checksum: str,
    is_of: Callable[[dict[str, Any]], bool],
    body: dict[str, Any],
    attempt: int,
    actor: Actor,
    at: datetime,
) -> PrescriptionSending:
    """Store that the system has the code of a paper already, by `is_of` whether with a content.

    It was sent when that is what another attempt than this may have left there; where nobody noted what that was,
    when it is what would be sent now (`body`). Else the code is somebody else's, and the paper waits for a person.
    """
    row = _row(sheet, actor)
    if row.state == State.SENT:
        return row
    for one in row.unanswered or []:
        left = body if one["body"] is None else one["body"]
        if one["attempts"] != [attempt] and is_of(left):
            return _sent(row, sheet, checksum, left, at)
    return _failed(row, sheet, error, at, is_final=True, took_nothing=attempt)


@service(action="patients.record_national_failure", permission=PERMISSION)
def record_failure(
    *,
    sheet: PrescriptionSheet,
    error: str,
    is_final: bool,
    attempt: int,
    is_certain: bool,
    actor: Actor,
    at: datetime,
) -> PrescriptionSending:
    """Store that a paper was not taken: refused until somebody looks at it, else to be sent again later.

    `is_certain`: nothing of this attempt was taken; else it stays noted as one without an answer. Of other attempts
    it says nothing.
    """
    row = _row(sheet, actor)
    if row.state == State.SENT:
        return row
    return _failed(row, sheet, error, at, is_final=is_final, took_nothing=attempt if is_certain else None)


def _sent(
    row: PrescriptionSending, sheet: PrescriptionSheet, checksum: str, body: dict[str, Any], at: datetime
) -> PrescriptionSending:
    row.state, row.sent_at, row.checksum, row.body, row.unanswered = State.SENT, at, checksum[:128], body, []
    row.last_error, row.next_attempt_at, row.last_tried_at = "", None, at
    row.save()
    audit_facts(prescription=sheet.prescription.number, code=sheet.code)
    return row


def _failed(
    row: PrescriptionSending,
    sheet: PrescriptionSheet,
    error: str,
    at: datetime,
    *,
    is_final: bool,
    took_nothing: int | None,
) -> PrescriptionSending:
    """The row as not taken; `took_nothing` is the attempt of which that is certain."""
    left = ((one["body"], [n for n in one["attempts"] if n != took_nothing]) for one in row.unanswered or [])
    row.unanswered = [{"body": body, "attempts": attempts} for body, attempts in left if attempts]
    row.state = State.REJECTED if is_final else State.WAITING
    row.last_error, row.last_tried_at = error[:500] or "Không rõ lý do", at
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
