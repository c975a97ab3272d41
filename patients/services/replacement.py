"""A signed prescription is never changed: another one takes its place (thay đơn thuốc, TT 26/2025/TT-BYT, QĐ 425)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from patients import hooks
from patients.models import ExamAmendment, Prescription, PrescriptionLine, Visit
from patients.notices import Stage, refuse_blocking
from patients.services.exams import licensed, refuse_finished
from patients.services.prescriptions import LineInput, checked_quantities, drafted_lines, new_number
from patients.services.safety import Reason, replacement_words
from patients.services.sheets import make_sheets
from patients.snapshot import fingerprint, replacement_snapshot


@service(action="patients.replace_prescription", permission="patients.examine")
def replace_prescription(
    *,
    prescription: Prescription,
    lines: Sequence[LineInput],
    reason: str,
    actor: Actor,
    at: datetime,
    note: str = "",
    reasons: Mapping[str, Reason] | None = None,
) -> Prescription:
    """Sign another prescription in place of a signed one of the same exam (thay đơn thuốc).

    Afterwards the old one is void for the reason, its codes with it, and refers to the new one, which has a number,
    papers and codes of its own; an amendment of the exam holds what was signed. Refuses a prescription that is not
    signed or was replaced, a finished visit, drugs that were handed out and not taken back, no reason, no lines, and
    what `prescribe` and signing refuse, safety included (`reasons`, by the key of the notice). Stock kept for the old
    one is kept for the new one.
    """
    visit = Visit.objects.select_for_update(of=("self",)).get(pk=prescription.visit_id)
    refuse_finished(visit)
    old = Prescription.objects.select_related("exam__visit__patient", "exam__facility").get(pk=prescription.pk)
    exam = old.exam
    if old.signed_at is None:
        raise Refusal("not_signed", "Đơn thuốc chưa ký, hãy sửa trực tiếp")
    if old.is_void:
        raise Refusal("replaced", f"Đơn thuốc đã được thay bằng đơn {old.replaced_by.number}")
    if at < old.signed_at:
        raise Refusal("before_signing", "Giờ thay đơn trước giờ ký đơn cũ", field="at")
    if hooks.is_handed_out(old):
        message = "Thuốc của đơn này đã cấp phát; quầy thuốc nhận lại thuốc rồi mới thay đơn được"
        raise Refusal("already_dispensed", message)
    reason = nfc(reason)
    if not reason or len(reason) > 500:
        raise Refusal("no_reason", "Hãy ghi lý do thay đơn (tối đa 500 ký tự)", field="reason")
    if not lines:
        raise Refusal("no_lines", "Đơn thay phải có thuốc")
    doctor = licensed(actor)
    quantities = checked_quantities(exam, lines, local(at).date())
    note = fitting(nfc(note), 1000, "note")
    Prescription.objects.filter(pk=old.pk).update(voided_at=at, voided_by=actor.user, void_reason=reason)
    new = Prescription.objects.create(
        facility=exam.facility,
        visit=visit,
        exam=exam,
        number=new_number(exam, at),
        note=note,
        prescribed_by=doctor,
        prescribed_at=at,
        signed_at=at,
        replaces=old,
    )
    rows = drafted_lines(new, lines, quantities)
    make_sheets(prescription=new, lines=rows, at=at)
    PrescriptionLine.objects.bulk_create(rows)
    safety = replacement_words(new, rows, reasons or {}, actor, at)
    snapshot = replacement_snapshot(new, rows, doctor) | ({"safety": safety} if safety else {})
    ExamAmendment.objects.create(
        facility=exam.facility,
        exam=exam,
        text=f"Thay đơn thuốc {old.number} bằng đơn {new.number}",
        reason=reason,
        at=at,
        by=actor.user,
        prescription=new,
        snapshot=snapshot,
        snapshot_sha256=fingerprint(snapshot),
    )
    refuse_blocking(hooks.visit_checks(visit, Stage.SIGN, at, None))
    hooks.release_stock(visit, actor, at)
    for valid in Prescription.objects.filter(visit=visit, voided_at__isnull=True, signed_at__isnull=False):
        hooks.reserve_stock(valid, actor, at)
    audit_facts(replaced=old.number, number=new.number, lines=len(rows))
    return new
