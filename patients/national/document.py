"""A signed paper of a prescription as it is sent to the national system."""

from datetime import timedelta

from his.core.dates import local
from patients.models import PrescriptionLine, PrescriptionSheet
from patients.naming import drug_name, guardian_text, is_small_child, usage_text
from patients.national.port import Course, Sent, SentDiagnosis, SentLine
from patients.queries import latest_vitals
from patients.series import Portion, portions
from patients.sheets import HERBS, ORDINARY


def sent_of(sheet: PrescriptionSheet) -> Sent:
    """What is sent of a paper, from the signed record only."""
    prescription = sheet.prescription
    visit, exam = prescription.visit, prescription.exam
    patient = visit.patient
    signed = local(prescription.signed_at or prescription.prescribed_at)
    rows = PrescriptionLine.objects.filter(prescription=prescription, sheet__kind=sheet.kind).select_related("drug")
    held = portions(sheet, rows.order_by("position"), signed.date())
    vitals = latest_vitals(visit)
    return Sent(
        code=sheet.code,
        kind=sheet.kind,
        facility_code=sheet.facility.prescribing_code,
        doctor=prescription.prescribed_by.licence_no,
        patient_name=patient.full_name,
        born_on=patient.born_on,
        sex=patient.sex,
        weight_kg=vitals.weight_kg if vitals is not None else None,
        citizen_id=patient.citizen_id,
        card_number=visit.card.number if visit.card is not None and visit.is_insured else "",
        address=patient.address,
        phone=patient.phone,
        guardian=guardian_text(patient) if is_small_child(patient, signed.date()) else "",
        diagnoses=tuple(SentDiagnosis(row.code, row.name) for row in exam.diagnoses.order_by("-is_main", "position")),
        lines=tuple(_line(one) for one in held),
        course=_course(sheet, held),
        advice=exam.advice or prescription.note,
        follow_up_days=(exam.follow_up_on - signed.date()).days if exam.follow_up_on is not None else None,
        signed_at=signed,
    )


def _line(one: Portion) -> SentLine:
    line, drug = one.line, one.line.drug
    name = f"{drug_name(drug)} {drug.strength}".strip()
    return SentLine(drug.code, drug.name, name, drug.unit, one.quantity, usage_text(line, one.days))


def _course(sheet: PrescriptionSheet, held: list[Portion]) -> Course | None:
    """Ordinary papers name none; of consecutive ones each names its own days."""
    if sheet.kind == ORDINARY or not held:
        return None
    if sheet.first_day is not None and sheet.last_day is not None:
        return Course(sheet.part, sheet.first_day, sheet.last_day)
    signed_on = local(sheet.prescription.signed_at or sheet.prescription.prescribed_at).date()
    days = max(one.days for one in held)
    return Course(1, signed_on, signed_on + timedelta(days=days - 1), days if sheet.kind == HERBS else 0)
