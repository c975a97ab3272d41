"""The facts of a prescription as the safety rules read them: who, what, and what is still at home."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from his.accounts.models import Facility, Staff
from his.catalogs.ingredients import written_strengths
from his.core.dates import age_months, day_range, local
from insurance.rules.engine import VisitFacts
from insurance.rules.engine.prescribing import ALLERGY, HOME, PERSON, RX
from insurance.standards import select_standard
from patients import dosing
from patients.models import Exam, Patient, PatientAllergy, Prescription, PrescriptionLine, Visit, VisitDiagnosis
from patients.queries_clinical import days_allowed
from patients.queries_safety import allergies_of, health_state
from pharmacy.queries_given import last_dispenses, parts_of_all

LOOK_BACK = timedelta(days=dosing.DAYS_MAX_LONG)
"""How far back a prescription may still be in use: the longest that may be written."""
ADULT_MONTHS = 216
"""From here on a birth date of which only the year is known is good enough for limits by age."""

Cells = dict[str, str]


def gather(
    visit: Visit, prescriber: Staff | None, at: datetime, typed: Sequence[PrescriptionLine] | None = None
) -> VisitFacts:
    """The prescription of the open exam, or one that replaces a signed one, as the tables of `engine.prescribing`."""
    day = local(at).date()
    exam = visit.exams.filter(signed_at__isnull=True).order_by("pk").last()
    if exam is None and typed is not None:  # a signed prescription is being replaced
        exam = visit.exams.order_by("signed_at", "pk").last()
    lines = list(typed) if typed is not None else _stored(exam)
    tables = {
        PERSON: [_person(visit, exam, prescriber, day)],
        ALLERGY: [
            {"ITEM": row.item, "REACTION": _reaction(row), "SEVERE": _flag(row.is_severe)}
            for row in allergies_of(visit.patient)
        ],
        RX: _lines(visit.facility, lines),
        HOME: _at_home(visit.patient, exam, day) if lines else [],
    }
    return VisitFacts(select_standard(day), {name: rows for name, rows in tables.items() if rows}, on=day)


def _stored(exam: Exam | None) -> list[PrescriptionLine]:
    if exam is None:
        return []
    rows = PrescriptionLine.objects.for_facility(exam.facility_id).filter(prescription__exam=exam)
    return list(rows.select_related("drug").order_by("position"))


def _person(visit: Visit, exam: Exam | None, prescriber: Staff | None, day: date) -> Cells:
    patient, state = visit.patient, health_state(visit)
    weighed = visit.vital_signs.filter(weight_kg__isnull=False).order_by("taken_at", "pk").last()
    rows = list(VisitDiagnosis.objects.for_facility(visit.facility_id).filter(visit=visit))
    main = next((row.code for row in rows if exam is not None and row.exam_id == exam.pk and row.is_main), "")
    months = age_months(patient.born_on, day)
    is_certain = patient.birth_precision == Patient.Precision.DAY or months >= ADULT_MONTHS
    return {
        "AGE_MONTHS": str(months) if is_certain else "",
        "SEX": patient.sex,
        "WEIGHT": f"{weighed.weight_kg:f}" if weighed is not None else "",
        "PREGNANCY": state.pregnancy,
        "LACTATION": state.lactation,
        "EGFR": f"{state.lowest_egfr:f}" if state.lowest_egfr is not None else "",
        "DIAGNOSES": ";".join(dict.fromkeys(row.code for row in rows)),
        "MAIN": main,
        "LONG": _flag(days_allowed(main, day) > dosing.DAYS_MAX),
        "ALLERGIES": patient.allergies,
        "AUTHORISED": _flag(prescriber is not None and prescriber.prescribes_controlled),
    }


def _reaction(row: PatientAllergy) -> str:
    is_known = row.reaction != PatientAllergy.Reaction.UNKNOWN
    return str(row.get_reaction_display()).lower() if is_known else ""


def _lines(facility: Facility, lines: Sequence[PrescriptionLine]) -> list[Cells]:
    written = written_strengths(facility, {line.drug.code for line in lines})
    return [_line(line, *written.get(line.drug.code, (line.drug.ingredient, line.drug.strength))) for line in lines]


def _line(line: PrescriptionLine, ingredient: str, strength: str) -> Cells:
    """One line; `ingredient` and `strength` are what a pharmacist wrote, else the texts of the list."""
    drug, doses = line.drug, dosing.Doses(line.morning, line.noon, line.afternoon, line.evening)
    return {
        "DRUG": drug.code,
        "NAME": drug.name,
        "INGREDIENT": ingredient,
        "STRENGTH": strength,
        "ROUTE": drug.route_code,
        "RULE": drug.quantity_rule,
        "PACK": f"{drug.pack_size:f}",
        "A_DAY": f"{doses.a_day:f}",
        "ONCE": f"{max(doses.each()):f}",
        "DAYS": str(line.days),
        "CONTROL": drug.control_class,
        "INSURED": _flag(line.is_insured),
    }


def _at_home(patient: Patient, exam: Exam | None, day: date) -> list[Cells]:
    """Drugs of other signed prescriptions of the person that last beyond the day.

    Of one that was handed out, what the patient has counts, from the last handing out; one that was never handed out
    here counts from the signature, since it may be bought elsewhere; one that was taken back or left out, not at all.
    Their ingredients are those that a pharmacist wrote, else the text of the list, as for the lines.
    """
    earlier = Prescription.objects.for_facility(patient.facility_id).filter(
        visit__patient=patient, voided_at__isnull=True, signed_at__gte=day_range(day - LOOK_BACK)[0]
    )
    prescriptions = {one.pk: one for one in earlier.exclude(exam=exam)}
    handed = last_dispenses(patient.facility, prescriptions)
    parts = parts_of_all(patient.facility, prescriptions) if prescriptions else []
    written = written_strengths(patient.facility, {part.line.drug.code for part in parts})
    rows = []
    for part in parts:
        prescription = prescriptions[part.line.prescription_id]
        is_handed = prescription.pk in handed
        from_at = handed.get(prescription.pk, prescription.signed_at)
        quantity = part.net if is_handed else part.open
        if from_at is None or quantity <= 0:
            continue
        until = local(from_at).date() + timedelta(days=_lasts(part.line, quantity))
        if until > day:
            rows.append(
                {
                    "DRUG": part.line.drug.code,
                    "NAME": part.line.drug.name,
                    "INGREDIENT": written.get(part.line.drug.code, (part.line.drug.ingredient, ""))[0],
                    "ROUTE": part.line.drug.route_code,
                    "UNTIL": f"{until:%Y%m%d}",
                    "LEFT": str((until - day).days),
                    "DISPENSED": _flag(is_handed),
                }
            )
    return rows


def _lasts(line: PrescriptionLine, quantity: Decimal) -> int:
    doses, drug = dosing.Doses(line.morning, line.noon, line.afternoon, line.evening), line.drug
    return dosing.days_lasting(drug.quantity_rule, drug.pack_size, doses, int(line.days), quantity)


def _flag(is_so: bool) -> str:
    return "1" if is_so else ""
