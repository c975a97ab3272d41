"""Reading the register of managed patients: who comes, who is overdue or lost, who is on target, who is proposed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber, Substr
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

from his.accounts.models import Facility
from his.core import icd
from his.core.dates import day_range, local
from his.core.errors import NotFound
from patients.chronic import (
    GLUCOSE_CODES,
    HBA1C_CODES,
    ManagedDisease,
    Readings,
    disease_of,
    diseases_on,
    expected_on,
    is_lost,
    is_on_target,
    read_value,
)
from patients.models import Exam, ManagedPatient, Patient, ServiceResult, VisitDiagnosis, VitalSigns

State = ManagedPatient.State
LOOKED_AT = 5
"""Results of one kind and person that are read to find the last that is a figure."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The last signed exam with a diagnosis of the disease: when, with which code, the appointment given."""

    at: datetime
    code: str
    follow_up_on: date | None
    visit_id: int

    @property
    def on(self) -> date:
        return local(self.at).date()


@dataclass(frozen=True, slots=True)
class Followed:
    """A managed person as of a day: the last visit for the disease and the last readings until then."""

    row: ManagedPatient
    disease: ManagedDisease
    as_of: date
    seen: Seen | None
    readings: Readings

    @property
    def last_seen_on(self) -> date:
        """The last visit, else the day of enrolment."""
        return max(self.seen.on, self.row.enrolled_on) if self.seen is not None else self.row.enrolled_on

    @property
    def expected_on(self) -> date:
        """The day of the next visit."""
        return expected_on(self.disease, self.last_seen_on, self.seen.follow_up_on if self.seen else None)

    @property
    def overdue_days(self) -> int:
        """Days since the next visit should have been; 0 when it is not due."""
        return max(0, (self.as_of - self.expected_on).days)

    @property
    def is_lost(self) -> bool:
        return is_lost(self.disease, self.last_seen_on, self.as_of)

    @property
    def is_on_target(self) -> bool | None:
        """None: the disease has no target, or nothing was measured."""
        return is_on_target(self.disease, self.readings)


def in_codes(limits: icd.Limits, field: str = "code") -> Q:
    """The condition that a code lies in a list, as `his.core.icd.holds` has it."""
    parts = (
        Q(GreaterThanOrEqual(Substr(field, 1, len(low)), low)) & Q(LessThanOrEqual(Substr(field, 1, len(high)), high))
        for low, high in limits
    )
    return reduce(or_, parts)


def _signed_until(facility: Facility, on: date) -> QuerySet[VisitDiagnosis]:
    rows = VisitDiagnosis.objects.for_facility(facility)
    return rows.filter(exam__signed_at__isnull=False, exam__started_at__lt=day_range(on)[1])


def last_seen(facility: Facility, disease: ManagedDisease, patients: Iterable[int], on: date) -> dict[int, Seen]:
    """By patient id the last signed exam for the disease until the end of a day."""
    rows = _signed_until(facility, on).filter(in_codes(disease.codes), visit__patient__in=list(patients))
    rows = rows.order_by("visit__patient_id", "-exam__started_at", "position").distinct("visit__patient_id")
    names = ("visit__patient_id", "exam__started_at", "code", "exam__follow_up_on", "visit_id")
    return {pk: Seen(at, code, again, visit) for pk, at, code, again, visit in rows.values_list(*names)}


def last_readings(facility: Facility, patients: Iterable[int], on: date) -> dict[int, Readings]:
    """By patient id the last blood pressure, HbA1c and glucose until the end of a day, of any visit.

    A result of sugar counts when it can be read; of each kind the last five results are looked at.
    """
    ids, end = list(patients), day_range(on)[1]
    found: dict[int, Readings] = dict.fromkeys(ids, Readings())
    signs = VitalSigns.objects.for_facility(facility).filter(
        visit__patient__in=ids, systolic__isnull=False, diastolic__isnull=False, taken_at__lt=end
    )
    signs = signs.order_by("visit__patient_id", "-taken_at", "-pk").distinct("visit__patient_id")
    for pk, systolic, diastolic, at in signs.values_list("visit__patient_id", "systolic", "diastolic", "taken_at"):
        found[pk] = replace(found[pk], systolic=systolic, diastolic=diastolic, pressure_on=local(at).date())
    for pk, code, value, unit, at in _newest_results(facility, ids, end):
        is_glucose = code in GLUCOSE_CODES
        known = found[pk].glucose if is_glucose else found[pk].hba1c
        figure = read_value(value, unit, is_glucose=is_glucose)
        if known is None and figure is not None:
            day = local(at).date()
            newest = {"glucose": figure, "glucose_on": day} if is_glucose else {"hba1c": figure, "hba1c_on": day}
            found[pk] = replace(found[pk], **newest)  # type: ignore[arg-type]
    return found


def _newest_results(
    facility: Facility, patients: Sequence[int], end: datetime
) -> QuerySet[Any, tuple[int, str, str, str, datetime]]:
    """Patient id, code, value, unit and time of the last results of sugar, newest first: of each person and kind so
    many that one can be read although others are a word or have an odd unit."""
    rows = ServiceResult.objects.for_facility(facility).filter(
        order__visit__patient__in=patients, indicator_code__in=[*HBA1C_CODES, *GLUCOSE_CODES], resulted_at__lt=end
    )
    is_glucose = Q(indicator_code__in=GLUCOSE_CODES)
    newest = Window(
        RowNumber(),
        partition_by=[F("order__visit__patient_id"), ExpressionWrapper(is_glucose, BooleanField())],
        order_by=[F("resulted_at").desc(), F("pk").desc()],
    )
    rows = rows.annotate(newest=newest).filter(newest__lte=LOOKED_AT).order_by("-resulted_at", "-pk")
    return rows.values_list("order__visit__patient_id", "indicator_code", "value", "unit", "resulted_at")


def followed(facility: Facility, rows: Sequence[ManagedPatient], on: date) -> list[Followed]:
    """Managed people with their last visit and readings as of a day, in the order given."""
    readings = last_readings(facility, {row.patient_id for row in rows}, on) if rows else {}
    seen: dict[tuple[str, int], Seen] = {}
    for code in {row.disease for row in rows}:
        people = [row.patient_id for row in rows if row.disease == code]
        found = last_seen(facility, disease_of(code), people, on)
        seen |= {(code, pk): one for pk, one in found.items()}
    return [
        Followed(row, disease_of(row.disease), on, seen.get((row.disease, row.patient_id)), readings[row.patient_id])
        for row in rows
    ]


def managed_on(facility: Facility, on: date, disease: str = "") -> QuerySet[ManagedPatient]:
    """Who is under management at the end of a day, of one disease or of all."""
    rows = ManagedPatient.objects.for_facility(facility).filter(enrolled_on__lte=on).exclude(state=State.DECLINED)
    rows = rows.filter(Q(ended_on__isnull=True) | Q(ended_on__gt=on))
    return (rows.filter(disease=disease) if disease else rows).select_related("patient")


def managed_of(facility: Facility, patient: Patient, on: date) -> list[Followed]:
    """What a person is under management for, as of a day."""
    rows = list(managed_on(facility, on).filter(patient=patient).order_by("disease"))
    order = list(diseases_on(on))
    rows.sort(key=lambda row: order.index(row.disease) if row.disease in order else len(order))
    return followed(facility, rows, on)


def get_managed(facility: Facility, pk: int) -> ManagedPatient:
    """One entry of the register, or NotFound."""
    rows = ManagedPatient.objects.for_facility(facility).select_related("patient", "recorded_by", "ended_by")
    found: ManagedPatient | None = rows.filter(pk=pk).exclude(state=State.DECLINED).first()
    if found is None:
        raise NotFound
    return found


def course_of(patient: Patient, limit: int = 12) -> list[tuple[Exam, VitalSigns | None]]:
    """The last signed exams of a person with their diagnoses, each with the last blood pressure of its visit."""
    exams = Exam.objects.for_facility(patient.facility_id).filter(visit__patient=patient, signed_at__isnull=False)
    exams = exams.select_related("visit", "doctor").prefetch_related("diagnoses", "visit__vital_signs")
    return [(exam, _pressure(exam)) for exam in exams.order_by("-started_at")[:limit]]


def _pressure(exam: Exam) -> VitalSigns | None:
    taken = [row for row in exam.visit.vital_signs.all() if row.systolic is not None]
    return max(taken, key=lambda row: row.taken_at, default=None)


# Who is proposed


@dataclass(frozen=True, slots=True)
class Proposal:
    """Somebody with a signed diagnosis of a disease who is not in its register."""

    patient: Patient
    disease: ManagedDisease
    first_on: date
    seen: Seen


def proposals(facility: Facility, disease: ManagedDisease, on: date, patient: Patient | None = None) -> list[Proposal]:
    """People with a diagnosis of the disease that nobody has answered by enrolling or declining; the last seen first.

    Who was transferred is proposed again after a later visit, from that visit on; who died, was declined or ended is
    not.
    """
    rows = _signed_until(facility, on).filter(in_codes(disease.codes))
    entries = ManagedPatient.objects.for_facility(facility).filter(disease=disease.code)
    if patient is not None:
        rows, entries = rows.filter(visit__patient=patient), entries.filter(patient=patient)
    answered = _answered_until(entries)
    people: dict[int, tuple[datetime, Seen]] = {}
    names = ("visit__patient_id", "exam__started_at", "code", "exam__follow_up_on", "visit_id")
    for pk, at, code, again, visit in rows.order_by("exam__started_at").values_list(*names):
        if pk not in answered or local(at).date() > answered[pk]:
            first = people[pk][0] if pk in people else at
            people[pk] = (first, Seen(at, code, again, visit))
    known = Patient.objects.for_facility(facility).in_bulk(people) if people else {}
    found = [Proposal(known[pk], disease, local(first).date(), seen) for pk, (first, seen) in people.items()]
    return sorted(found, key=lambda one: one.seen.at, reverse=True)


def _answered_until(entries: QuerySet[ManagedPatient]) -> dict[int, date]:
    """By patient id the last day whose diagnoses the register has answered: until a transfer, else for ever."""
    found: dict[int, date] = {}
    for pk, state, ended_on in entries.values_list("patient_id", "state", "ended_on"):
        day = ended_on if state == State.TRANSFERRED and ended_on is not None else date.max
        found[pk] = max(found.get(pk, day), day)
    return found


def proposed_diseases(patient: Patient, codes: Iterable[str], on: date) -> list[ManagedDisease]:
    """The diseases of some diagnoses for which a person is proposed, by the rule of `proposals`."""
    named = list(codes)
    found = (row for row in diseases_on(on).values() if any(icd.holds(row.codes, code) for code in named))
    return [row for row in found if proposals(patient.facility, row, on, patient)]
