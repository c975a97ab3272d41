"""Signing of an exam with its prescription, amendments afterwards, and clinical notes (ký phiếu khám)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from his.accounts.actor import Actor
from his.accounts.models import Room, Staff
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import fitting, nfc, nfc_lines
from his.service import audit_facts, service
from patients import dosing, hooks
from patients.models import (
    ClinicalNote,
    Exam,
    ExamAmendment,
    Prescription,
    PrescriptionLine,
    QueueTicket,
    ServiceOrder,
    Visit,
)
from patients.notices import SafetyReport, Stage, refuse_blocking, refuse_without_reason
from patients.queries_clinical import days_allowed, lines_of, orders_of
from patients.queries_safety import overrides_of
from patients.services.beds import end_of
from patients.services.cases import note_amendment, open_cases
from patients.services.exams import TEXT_MAX, editable, licensed, refuse_finished, set_texts
from patients.services.outcomes import Transfer, clear_outcome, number_slips, set_outcome
from patients.services.safety import Reason, examine_safety, signed_words
from patients.services.sheets import make_sheets
from patients.services.unseen import refuse_unseen
from patients.services.visits import send_on
from patients.shortages import NotReserved
from patients.snapshot import Record, fingerprint, snapshot_of

TREATMENT_RESULTS = ("1", "2", "3", "4", "5", "6", "7", "8")
"""Codes of KET_QUA_DTRI (QĐ 130/QĐ-BYT, 8 added by QĐ 4750/QĐ-BYT)."""


@service(action="patients.sign_exam", permission="patients.examine")
def sign_exam(
    *,
    exam: Exam,
    actor: Actor,
    at: datetime,
    outcome: str = "home",
    treatment_result_code: str = "2",
    follow_up_on: date | None = None,
    transfer: Transfer | None = None,
    advice: str | None = None,
    treatment: str | None = None,
    send_on_to: Room | None = None,
    reasons: Mapping[str, Reason] | None = None,
    seen: str | None = None,
) -> Exam:
    """Sign the exam and its prescription (ký, kết thúc khám).

    Afterwards both are frozen, a follow-up or transfer slip has its number, each paper of the prescription its code (a
    facility without a prescribing code: none), a snapshot with its SHA-256 is stored, the
    visit is examined and ended at `at` (or when its patient left the ward, `end_of`), and the number of the room is
    done. With `send_on_to` the visit goes on in that room instead, and this exam has no outcome: that of the last one
    counts. Who signs is the doctor of the exam.
    Refuses an exam that is another than the one `seen` (`already_changed`).
    Refuses without a main diagnosis, with orders that have no result, with an outcome that lacks its details (a future
    day for a follow-up; what `Transfer` must say for a transfer), with more days prescribed than the main diagnosis
    allows, and with times out of order; an insured visit also without a reason and a weight, which its claim must say
    (LY_DO_VV, CAN_NANG of XML1), and with `rule_broken` when a blocking rule is broken. What other rules find is in
    `exam.notices`, their ids in the audit entry. Stock is kept for the prescription; of what there is too little is in
    `exam.not_reserved` and refuses nothing.

    The prescription is checked for safety, insured or not: what must not be is refused with `rule_broken`, what wants
    a reason with `reason_needed` until it has one (`reasons`, by the key of the notice). Both are covered by the
    signature. A check that cannot be made stops nobody; it is kept as a `SafetyGap`.

    Diagnoses that must be reported open cases of an infectious disease (`exam.cases`, `patients.services.cases`).
    """
    visit = Visit.objects.select_for_update(of=("self",)).get(pk=exam.visit_id)
    exam = editable(exam)
    doctor = licensed(actor)
    orders = orders_of(visit)
    prescription = Prescription.objects.select_for_update().filter(exam=exam, voided_at__isnull=True).first()
    record = record_of(exam, doctor, orders, prescription)
    refuse_unseen(exam, seen, record.diagnoses)
    _refuse_unfinished(exam, orders, at)
    if not record.main_code:
        raise Refusal("no_main_diagnosis", "Chưa có bệnh chính", field="main")
    if visit.is_insured:
        _refuse_gaps_of_claim(record)
    if prescription is not None:
        _refuse_prescription(prescription, record, at)
    report = _refuse_unsafe(record, reasons or {}, actor, at)
    set_texts(exam, {"advice": advice, "treatment": treatment})
    if send_on_to is None:
        set_outcome(exam, outcome, follow_up_on, transfer, at)
    else:
        clear_outcome(exam)
    if treatment_result_code not in TREATMENT_RESULTS:
        raise Refusal("treatment_result", "Hãy chọn kết quả điều trị", field="treatment_result_code")
    if exam.doctor_id != doctor.pk:
        audit_facts(begun_by=exam.doctor_id)
    exam.doctor = doctor
    exam.treatment_result_code = treatment_result_code
    exam.signed_at = at
    exam.signed_by = actor.user
    number_slips(exam, at)
    _sign_prescription(record, at)
    exam.snapshot = snapshot_of(replace(record, safety=signed_words(exam, report)))
    if send_on_to is not None:
        exam.snapshot["exam"]["sent_on_to"] = send_on_to.name
    exam.snapshot_sha256 = fingerprint(exam.snapshot)
    exam.save()
    visit.ended_at = at
    Visit.objects.filter(pk=visit.pk).update(state=Visit.State.EXAMINED, ended_at=end_of(visit))
    busy = [QueueTicket.State.WAITING, QueueTicket.State.CALLED, QueueTicket.State.SERVING, QueueTicket.State.SKIPPED]
    QueueTicket.objects.filter(visit=visit, room_id=exam.room_id, state__in=busy).update(
        state=QueueTicket.State.DONE, done_at=at
    )
    if send_on_to is not None:
        send_on(visit=visit, room=send_on_to, actor=actor, at=at)
    exam.notices = [*hooks.visit_checks(visit, Stage.SIGN, at, None), *report.notices]
    refuse_blocking(exam.notices)
    exam.not_reserved = _reserved(prescription, actor, at)
    exam.cases = open_cases(
        exam=exam, visit=visit, diagnoses=record.diagnoses, orders=record.orders, by=actor.user, at=at
    )
    findings = ";".join(sorted({notice.rule for notice in exam.notices}))
    audit_facts(outcome=exam.outcome, sha256=exam.snapshot_sha256, findings=findings, cases=len(exam.cases))
    return exam


def _reserved(prescription: Prescription | None, actor: Actor, at: datetime) -> list[NotReserved]:
    if prescription is None or not prescription.is_signed:
        return []
    return hooks.reserve_stock(prescription, actor, at)


def _sign_prescription(record: Record, at: datetime) -> None:
    """The prescription with drugs gets its papers and is signed by the doctor of the exam; an empty one stays."""
    prescription = record.prescription
    if prescription is None or not record.lines:
        return
    make_sheets(prescription=prescription, lines=record.lines, at=at)
    PrescriptionLine.objects.bulk_update(record.lines, ["sheet"])
    prescription.signed_at, prescription.prescribed_by = at, record.doctor
    prescription.save(update_fields=["signed_at", "prescribed_by"])


def record_of(exam: Exam, doctor: Staff, orders: Sequence[ServiceOrder], prescription: Prescription | None) -> Record:
    """What is signed with an exam; `orders` are those of its visit, read with their results."""
    return Record(
        facility=exam.facility,
        patient=exam.visit.patient,
        visit=exam.visit,
        exam=exam,
        doctor=doctor,
        room=exam.room,
        department=exam.department,
        vitals=exam.visit.vital_signs.order_by("taken_at", "pk").last(),
        diagnoses=list(exam.diagnoses.all()),
        orders=[(order, list(order.results.all())) for order in orders if order.exam_id == exam.pk],
        prescription=prescription,
        lines=lines_of(prescription) if prescription is not None else [],
    )


def _refuse_gaps_of_claim(record: Record) -> None:
    if not record.visit.reason and not record.exam.reason:
        raise Refusal("reason_missing", "Chưa có lý do khám: hồ sơ BHYT bắt buộc", field="reason")
    is_weighed = record.vitals is not None and record.vitals.weight_kg is not None
    if not is_weighed and not record.visit.vital_signs.filter(weight_kg__isnull=False).exists():
        message = "Chưa có cân nặng: hồ sơ BHYT bắt buộc. Hãy đo sinh hiệu."
        raise Refusal("weight_missing", message, field="weight_kg")


def _refuse_unfinished(exam: Exam, orders: list[ServiceOrder], at: datetime) -> None:
    if at < exam.started_at:
        raise Refusal("before_exam", "Giờ ký trước giờ bắt đầu khám", field="signed_at")
    pending = [order.service.name for order in orders if order.state == ServiceOrder.State.ORDERED]
    if pending:
        raise Refusal(
            "results_pending",
            f"Còn chỉ định chưa có kết quả: {', '.join(pending)}",
            field="orders",
            pending=len(pending),
        )
    if any(order.result_at and order.result_at > at for order in orders):
        raise Refusal("before_result", "Giờ ký trước giờ có kết quả dịch vụ", field="signed_at")


def _refuse_prescription(prescription: Prescription, record: Record, at: datetime) -> None:
    if prescription.prescribed_at > at:
        raise Refusal("before_prescription", "Giờ ký trước giờ kê đơn", field="signed_at")
    usual = days_allowed(record.main_code, local(at).date())
    for line in record.lines:
        allowed = dosing.days_allowed_of(line.drug.control_class, record.main_code, usual)
        if line.days > allowed:
            message = (
                f"{line.drug.name} kê {line.days} ngày, bệnh chính {record.main_code} chỉ được kê tối đa {allowed} "
                "ngày (TT 26/2025)"
            )
            raise Refusal("days", message, field="prescription", allowed=allowed)


def _refuse_unsafe(record: Record, reasons: Mapping[str, Reason], actor: Actor, at: datetime) -> SafetyReport:
    """What the checks of the prescription gave; refuses what must not be, and what has no reason yet."""
    if not record.lines:
        return SafetyReport()
    report = examine_safety(record.exam, record.doctor, Stage.SIGN, reasons, actor, at)
    refuse_blocking(report.notices)
    refuse_without_reason(report.notices, overrides_of(record.exam).keys())
    return report


# After signing


@service(action="patients.amend_exam", permission="patients.examine")
def amend_exam(*, exam: Exam, text: str, reason: str, actor: Actor, at: datetime) -> ExamAmendment:
    """Add a correction to a signed exam; the signed text stays as it is (bổ sung hồ sơ).

    Cases of an infectious disease of the visit are marked to be looked at again.
    """
    if not exam.is_signed:
        raise Refusal("not_signed", "Phiếu khám chưa ký, hãy sửa trực tiếp")
    if exam.signed_at is not None and at < exam.signed_at:
        raise Refusal("before_signing", "Giờ bổ sung trước giờ ký", field="at")
    text, reason = nfc_lines(text), nfc(reason)
    if not text or len(text) > TEXT_MAX:
        raise Refusal("no_text", "Hãy ghi nội dung bổ sung (tối đa 20.000 ký tự)", field="text")
    if not reason or len(reason) > 500:
        raise Refusal("no_reason", "Hãy ghi lý do bổ sung (tối đa 500 ký tự)", field="reason")
    note_amendment(exam=exam, reason=reason, by=actor.user, at=at)
    return ExamAmendment.objects.create(
        facility=actor.facility, exam=exam, text=text, reason=reason, at=at, by=actor.user
    )


@service(action="patients.write_note", permission="patients.examine")
def write_note(
    *,
    visit: Visit,
    text: str,
    actor: Actor,
    at: datetime,
    stage: str = "",
    consultation: str = "",
    procedure: str = "",
) -> ClinicalNote:
    """Write a note on the clinical course (diễn biến lâm sàng, table XML5 of the claim). Notes are never changed."""
    visit = Visit.objects.select_for_update(of=("self",)).get(pk=visit.pk)
    refuse_finished(visit)
    if at < visit.arrived_at:
        raise Refusal("before_arrival", "Giờ ghi trước giờ đến khám", field="at")
    texts = {
        name: fitting(nfc_lines(value), TEXT_MAX, name)
        for name, value in (("text", text), ("stage", stage), ("consultation", consultation), ("procedure", procedure))
    }
    if not texts["text"]:
        raise Refusal("no_text", "Hãy ghi diễn biến", field="text")
    return ClinicalNote.objects.create(
        facility=actor.facility, visit=visit, at=at, written_by=actor.practitioner(), **texts
    )
