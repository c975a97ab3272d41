"""The safety of a prescription that is being written, for insured and uninsured visits: the facts as tables, and the
rules over them (docs/safety.md).

Each rule is asked on its own: one that fails is said and recorded, the others still count, and nobody is stopped.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from math import ceil
from pathlib import Path

from django.db import transaction

from his.accounts.models import Facility, Staff
from his.core.dates import age_months, day_range, local
from his.core.text import fold
from insurance import law
from insurance.rules.engine import NoCatalogs, Rule, RuleBook, RuleError, Stage, VisitFacts, load_rules
from insurance.rules.engine.model import Finding
from insurance.rules.engine.prescribing import ALLERGY, HOME, PERSON, RX, lists_on
from insurance.standards import Standard, select_standard
from patients import dosing
from patients import notices as desk
from patients.allergens import Allergen
from patients.models import Exam, Patient, PatientAllergy, Prescription, PrescriptionLine, Visit, VisitDiagnosis
from patients.notices import Line, LineKind, Notice, SafetyReport
from patients.queries_clinical import days_allowed
from patients.queries_safety import allergies_of, health_state
from pharmacy.models import Dispense

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=dosing.DAYS_MAX_LONG)
"""How far back a prescription may still be in use: the longest that may be written."""
ADULT_MONTHS = 216
"""From here on a birth date of which only the year is known is good enough for limits by age."""
_EVERYTHING = "An toàn kê đơn"

Cells = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A rule with its book: compiled alone, so that a faulty one takes no other along."""

    rule: Rule
    book: RuleBook | None


def prescribing_report(
    visit: Visit, prescriber: Staff | None, at: datetime, typed: Sequence[PrescriptionLine] | None = None
) -> SafetyReport:
    """What the rules find in the drugs of the open exam (the hook `patients.hooks.prescribing_checks`).

    `typed` are unsaved lines in their place. What cannot be checked is named in the report and in the log; it never
    raises. The report has no notices when nothing is prescribed.
    """
    try:
        with transaction.atomic():  # a query that fails must not take the signing along
            facts = gather(visit, prescriber, at, typed)
            asked = _rules(law.roots(), facts.standard)
    except Exception:
        logger.exception("the safety of a prescription cannot be checked")
        return SafetyReport(not_checked=[_EVERYTHING])
    if not facts.rows(RX):
        return SafetyReport()
    notices: list[Notice] = []
    not_checked: list[str] = []
    for one in asked:
        if not one.rule.in_force(facts.ended_on):
            continue
        try:
            notices += _found(one, facts)
        except Exception:
            logger.exception("safety rule %s cannot be asked", one.rule.id)
            not_checked.append(one.rule.title)
    return SafetyReport(desk.worst_first(notices), not_checked)


def known_allergens(on: date) -> Sequence[Allergen]:
    """What allergies are recorded against (the hook `patients.hooks.allergens`); none when the lists are wrong."""
    try:
        return _allergens(law.roots(), on)
    except RuleError:
        logger.exception("the lists of ingredients cannot be read")
        return ()


@lru_cache(maxsize=8)
def _allergens(roots: tuple[Path, ...], on: date) -> Sequence[Allergen]:
    lists = lists_on(on)
    groups = [Allergen(f"@{one.key}", one.name, fold(one.name)) for one in lists.groups if one.is_allergen]
    names: dict[str, list[str]] = {}
    for spelled, key in lists.names.keys.items():
        names.setdefault(key, []).append(spelled)
    ingredients = [
        Allergen(key, name, fold(f"{name} {' '.join(names.get(key, ()))}"))
        for key, name in lists.titles.items()
        if not key.startswith("@")
    ]
    return (*groups, *ingredients)


@lru_cache(maxsize=16)
def _rules(roots: tuple[Path, ...], standard: Standard) -> tuple[_Asked, ...]:
    return tuple(_compiled(rule, standard) for rule in load_rules() if rule.table == RX)


def _compiled(rule: Rule, standard: Standard) -> _Asked:
    try:
        return _Asked(rule, RuleBook(standard, [rule], NoCatalogs()))
    except RuleError:
        logger.exception("safety rule %s cannot be read", rule.id)
        return _Asked(rule, None)


def _found(asked: _Asked, facts: VisitFacts) -> list[Notice]:
    if asked.book is None or asked.book.cannot_run:
        raise RuleError(f"{asked.rule.id} cannot be asked")
    stage = Stage.ORDER if Stage.ORDER in asked.rule.stages else Stage.SIGN
    return [_notice(asked.rule, finding) for finding in asked.book.check(facts, stage)]


def _notice(rule: Rule, finding: Finding) -> Notice:
    return Notice(
        rule=finding.rule,
        severity=desk.Severity(finding.severity),
        message=finding.message,
        fix=finding.fix,
        law=finding.law,
        field="prescription",
        line=Line(LineKind.DRUG, finding.row or 0),
        key=sha256(f"{finding.rule}|{finding.value}".encode()).hexdigest(),
        needs_reason=rule.params.get("reason") == "1",
    )


# The facts


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
        RX: [_line(line) for line in lines],
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


def _line(line: PrescriptionLine) -> Cells:
    drug, doses = line.drug, dosing.Doses(line.morning, line.noon, line.afternoon, line.evening)
    return {
        "DRUG": drug.code,
        "NAME": drug.name,
        "INGREDIENT": drug.ingredient,
        "STRENGTH": drug.strength,
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
    """Drugs of other signed prescriptions of the person that last beyond the day. Handed out, they count from that day;
    never handed out here, from the signature, since they may be bought elsewhere; taken back, they are not at home."""
    earlier = Prescription.objects.for_facility(patient.facility_id).filter(
        visit__patient=patient, voided_at__isnull=True, signed_at__gte=day_range(day - LOOK_BACK)[0]
    )
    earlier = earlier.exclude(exam=exam).prefetch_related("lines__drug")
    prescriptions = list(earlier)
    given = _given(patient.facility, prescriptions)
    rows = []
    for prescription in prescriptions:
        if prescription.pk in given and given[prescription.pk] is None:
            continue
        from_at = given.get(prescription.pk) or prescription.signed_at
        assert from_at is not None
        for line in prescription.lines.all():
            until = local(from_at).date() + timedelta(days=_lasts(line))
            if until > day:
                rows.append(
                    {
                        "DRUG": line.drug.code,
                        "NAME": line.drug.name,
                        "INGREDIENT": line.drug.ingredient,
                        "ROUTE": line.drug.route_code,
                        "UNTIL": f"{until:%Y%m%d}",
                        "LEFT": str((until - day).days),
                        "DISPENSED": _flag(prescription.pk in given),
                    }
                )
    return rows


def _given(facility: Facility, prescriptions: Iterable[Prescription]) -> Mapping[int, datetime | None]:
    """When each prescription was handed out; None when it was taken back."""
    found: dict[int, datetime | None] = {}
    rows = Dispense.objects.for_facility(facility).filter(prescription__in=[one.pk for one in prescriptions])
    for row in rows.order_by("pk"):
        found[row.prescription_id] = None if row.is_reversed else row.dispensed_at
    return found


def _lasts(line: PrescriptionLine) -> int:
    """How many days a line lasts: its days, or fewer when less was given than the doses take."""
    a_day = dosing.Doses(line.morning, line.noon, line.afternoon, line.evening).a_day
    if a_day <= 0 or line.drug.quantity_rule == dosing.PACK:
        return int(line.days)
    content = line.drug.pack_size if line.drug.quantity_rule == dosing.VOLUME else 1
    return min(int(line.days), ceil(line.quantity * content / a_day))


def _flag(is_so: bool) -> str:
    return "1" if is_so else ""
