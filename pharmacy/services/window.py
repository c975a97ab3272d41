"""The dispensing window besides handing out: calling, sending a prescription back, what is not given, counselling."""

from collections.abc import Sequence
from datetime import datetime

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.text import fitting, nfc, nfc_lines
from his.locks import lock_name
from his.service import audit_facts, service
from patients.models import Prescription, PrescriptionRefusal
from pharmacy.models import Counselling, Dispense, NotGiven, Store, WindowCall
from pharmacy.queries_given import parts_of, standing_refusal
from pharmacy.queries_window import calls_of, to_call
from pharmacy.services.lines_given import locked_visit, not_given, refuse_finished
from pharmacy.services.reservations import keep_open

# Calling


@service(action="pharmacy.call_next", permission="pharmacy.dispense")
def call_next(*, store: Store, actor: Actor, at: datetime) -> WindowCall | None:
    """Call the next patient to the window (mời số): priority first, then by signing. None when nobody waits.

    Who was called already or is set aside is not called again by this. Two windows calling at once get two patients.
    """
    lock_name("window-call", actor.facility.pk)
    found = to_call(actor.facility, local(at).date())
    return _called(found, store, actor, at) if found is not None else None


@service(action="pharmacy.call_again", permission="pharmacy.dispense")
def call_again(*, prescription: Prescription, store: Store, actor: Actor, at: datetime) -> WindowCall:
    """Call one patient, again or out of turn (gọi lại)."""
    lock_name("window-call", actor.facility.pk)
    return _called(prescription, store, actor, at)


@service(action="pharmacy.set_absent", permission="pharmacy.dispense")
def set_absent(*, prescription: Prescription, store: Store, actor: Actor, at: datetime) -> WindowCall:
    """Set a patient aside who did not come (vắng); they can be called again. Refuses one set aside already."""
    lock_name("window-call", actor.facility.pk)
    last = calls_of(actor.facility, [prescription.pk]).get(prescription.pk)
    if last is not None and last.is_absent:
        raise Refusal("already_absent", "Người bệnh này đã được cho vắng", field="prescription")
    return _called(prescription, store, actor, at, is_absent=True)


def _called(
    prescription: Prescription, store: Store, actor: Actor, at: datetime, *, is_absent: bool = False
) -> WindowCall:
    audit_facts(prescription=prescription.number)
    call: WindowCall = WindowCall.objects.create(
        facility=actor.facility, prescription=prescription, store=store, is_absent=is_absent, at=at, by=actor.user
    )
    return call


# Sending back


@service(action="pharmacy.send_back", permission="pharmacy.dispense")
def send_back(*, prescription: Prescription, reason: str, note: str, actor: Actor, at: datetime) -> PrescriptionRefusal:
    """Refuse to hand out a signed prescription and send it back to the doctor (từ chối cấp, trả đơn).

    Afterwards it is on the doctor's list with its reason, and nothing of it is handed out until the refusal is
    withdrawn. What was given before stays given. Refuses without a known reason and words, a second time, with nothing
    left to hand out, and once the visit is closed.
    """
    visit = locked_visit(prescription, actor)
    refuse_finished(visit, "trả đơn")
    prescription = Prescription.objects.for_facility(actor.facility).get(pk=prescription.pk)
    if prescription.signed_at is None:
        raise Refusal("not_signed", "Đơn thuốc chưa được bác sĩ ký", field="prescription")
    if reason not in PrescriptionRefusal.Reason.values:
        raise Refusal("no_reason", "Hãy chọn lý do trả đơn", field="reason")
    note = fitting(nfc(note), 500, "note")
    if not note:
        raise Refusal("no_note", "Ghi rõ để bác sĩ biết cần sửa gì", field="note")
    if standing_refusal(prescription) is not None:
        raise Refusal("already_sent_back", "Đơn đã được trả lại bác sĩ", field="prescription")
    if all(part.open <= 0 for part in parts_of(prescription)):
        raise Refusal("nothing_open", "Đơn không còn thuốc nào chưa cấp", field="prescription")
    made: PrescriptionRefusal = PrescriptionRefusal.objects.create(
        facility=actor.facility, prescription=prescription, reason=reason, note=note, at=at, by=actor.user
    )
    keep_open(prescription=prescription, actor=actor, at=at)
    audit_facts(prescription=prescription.number, reason=reason)
    return made


@service(action="pharmacy.withdraw_refusal", permission="pharmacy.dispense")
def withdraw_refusal(*, refusal: PrescriptionRefusal, note: str, actor: Actor, at: datetime) -> PrescriptionRefusal:
    """Take back a refusal, such as after the doctor was asked; the prescription waits again. Refuses without words."""
    locked_visit(refusal.prescription, actor)
    current: PrescriptionRefusal = PrescriptionRefusal.objects.for_facility(actor.facility).get(pk=refusal.pk)
    if current.withdrawn_at is not None:
        raise Refusal("already_withdrawn", "Việc trả đơn đã được rút", field="prescription")
    note = fitting(nfc(note), 500, "withdrawn_note")
    if not note:
        raise Refusal("no_note", "Ghi lý do rút, bác sĩ nào đã đồng ý", field="withdrawn_note")
    current.withdrawn_at, current.withdrawn_by, current.withdrawn_note = at, actor.user, note
    current.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_note"])
    keep_open(prescription=refusal.prescription, actor=actor, at=at)
    audit_facts(prescription=refusal.prescription.number)
    return current


# What is not given


@service(action="pharmacy.leave_out", permission="pharmacy.dispense")
def leave_out(
    *,
    prescription: Prescription,
    reason: str,
    actor: Actor,
    at: datetime,
    note: str = "",
    line_ids: Sequence[int] = (),
) -> NotGiven:
    """Close what is still open of a prescription as not given (không cấp nữa), all lines or those named.

    Afterwards the visit can be closed without it. Refuses when nothing is open, without a reason, and once the visit is
    closed. Answers the last row.
    """
    visit = locked_visit(prescription, actor)
    refuse_finished(visit, "ghi không cấp")
    parts = [part for part in parts_of(prescription) if part.open > 0 and (not line_ids or part.line.pk in line_ids)]
    if not parts:
        raise Refusal("nothing_open", "Đơn không còn thuốc nào chưa cấp", field="prescription")
    try:
        rows = [
            not_given(part=part, quantity=part.open, reason=reason, note=note, is_final=True, actor=actor, at=at)
            for part in parts
        ]
    except Refusal as refusal:
        where = {"no_reason": "reason", "no_note": "note"}.get(refusal.code, refusal.field)
        raise Refusal(refusal.code, refusal.message_vi, field=where) from None
    rows = NotGiven.objects.bulk_create(rows)
    keep_open(prescription=prescription, actor=actor, at=at)
    audit_facts(prescription=prescription.number, lines=len(rows), reason=reason)
    return rows[-1]


@service(action="pharmacy.reopen_left_out", permission="pharmacy.dispense")
def reopen_left_out(*, not_given: NotGiven, actor: Actor, at: datetime) -> NotGiven:
    """Let what was closed as not given wait again (cấp lại phần này). Refuses once the visit is closed."""
    visit = locked_visit(not_given.prescription_line.prescription, actor)
    refuse_finished(visit, "cấp lại")
    current: NotGiven = NotGiven.objects.for_facility(actor.facility).get(pk=not_given.pk)
    if current.withdrawn_at is not None or not current.is_final:
        raise Refusal("already_open", "Phần này đang chờ cấp rồi", field="prescription")
    current.withdrawn_at, current.withdrawn_by = at, actor.user
    current.save(update_fields=["withdrawn_at", "withdrawn_by"])
    keep_open(prescription=not_given.prescription_line.prescription, actor=actor, at=at)
    audit_facts(prescription=not_given.prescription_line.prescription.number)
    return current


# Counselling


@service(action="pharmacy.counsel", permission="pharmacy.dispense")
def counsel(*, dispense: Dispense, text: str, actor: Actor, at: datetime) -> Counselling:
    """Keep what the patient was told about the drugs (tư vấn sử dụng). It is never changed. Refuses an empty text."""
    if dispense.is_reversed:
        raise NotFound("Phiếu cấp phát đã hủy")
    text = fitting(nfc_lines(text), 2000, "counselling")
    if not text:
        raise Refusal("no_text", "Hãy ghi nội dung tư vấn", field="counselling")
    made: Counselling = Counselling.objects.create(
        facility=actor.facility, dispense=dispense, text=text, at=at, by=actor.user
    )
    return made
