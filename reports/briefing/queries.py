"""What a briefing shows: figures counted from the records, cells written by hand, and who was transferred."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q

from his.accounts.models import Department, Facility
from his.core.dates import age_text, local
from insurance.claims.visit_facts import INPATIENT_TYPES
from patients.models import Exam, ServiceOrder, Visit
from patients.models.visits import Route
from patients.services.outcomes import TRANSFERS
from reports.briefing.metrics import METRICS, PRESENT, Cell, completed, window
from reports.briefing.models import Briefing
from reports.grid.ward_facts import ADMITTED, DIED, HOME, MOVED, TRANSFER, stays_between
from reports.words import diagnosis_text

# Chapters 22 and 23 of the national list of techniques are haematology and biochemistry (TT 23/2024/TT-BYT).
_URINE = Q(service__search_name__contains="nuoc tieu")
_XRAY = Q(service__search_name__contains="x quang") | Q(service__search_name__contains="x-quang")
_XRAY |= Q(service__search_name__contains="xquang")
_ULTRASOUND = Q(service__search_name__contains="sieu am")
_TEST, _IMAGE = Q(service__group_code="1"), Q(service__group_code__in=["2", "3"])
_BLOOD, _CHEMISTRY = Q(service__code__startswith="22."), Q(service__code__startswith="23.")
_SERVICES = {
    "procedures": Q(service__group_code="18"),
    "blood": _TEST & _BLOOD & ~_URINE,
    "chemistry": _TEST & _CHEMISTRY & ~_URINE,
    "urine": _TEST & _URINE,
    "other_tests": _TEST & ~_BLOOD & ~_CHEMISTRY & ~_URINE,
    "x_ray": _IMAGE & _XRAY,
    "ultrasound": _IMAGE & _ULTRASOUND & ~_XRAY,
    "other_imaging": _IMAGE & ~_XRAY & ~_ULTRASOUND,
}
_BEDS = {
    "before": Q(was_here=True),
    "admitted": Q(entry_kind=ADMITTED),
    "moved_in": Q(entry_kind=MOVED),
    "moved_out": Q(exit_kind=MOVED),
    "discharged": Q(exit_kind=HOME),
    "sent_away": Q(exit_kind=TRANSFER),
    "died": Q(exit_kind=DIED),
    "lying": Q(is_here=True),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One department with all its cells."""

    code: str
    name: str
    cells: Mapping[str, Cell]
    pk: int = 0
    lying: int | None = None
    """How many the beds say are there."""

    def values(self) -> list[Cell]:
        """The cells in the order of the columns."""
        return [self.cells[metric.code] for metric in METRICS]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A briefing as it is shown and printed."""

    day: date
    rows: list[Row]
    transfers: list[dict[str, str]]

    def totals(self) -> list[int | None]:
        """Sums by column; None where no department has a figure."""
        columns = zip(*(row.values() for row in self.rows), strict=True)
        found = [[cell.value for cell in column if cell.value is not None] for column in columns]
        return [sum(values) if values else None for values in found]

    def gaps(self) -> list[str]:
        """Departments in which what follows from the figures is not what the beds say."""
        found = [(row.name, row.cells[PRESENT].value, row.lying) for row in self.rows]
        return [
            f"{name}: hiện có {there}, theo giường {lying}"
            for name, there, lying in found
            if lying is not None and there is not None and there != lying
        ]

    def notes(self) -> list[str]:
        """All notes, with what they are about."""
        return [
            f"{row.name}, {metric.heading}: {row.cells[metric.code].note}"
            for row in self.rows
            for metric in METRICS
            if row.cells[metric.code].note
        ]


def briefing_of(facility: Facility, day: date) -> Briefing | None:
    """The briefing of a morning, when somebody began it."""
    found: Briefing | None = Briefing.objects.for_facility(facility).select_related("locked_by").filter(day=day).first()
    return found


def sheet_of(facility: Facility, day: date, briefing: Briefing | None, at: datetime) -> Sheet:
    """What a briefing says: as it was locked, else as it is at an instant; before a duty who is there is not known."""
    if briefing is not None and briefing.values is not None:
        return _stored(day, briefing.values)
    departments = list(Department.objects.for_facility(facility).filter(is_active=True).order_by("code"))
    counted, is_begun = counted_figures(facility, day, at), at >= window(day)[0]
    written: dict[tuple[int, str], Any] = {}
    if briefing is not None:
        written = {(cell.department_id, cell.metric): cell for cell in briefing.cells.all()}
    rows = []
    for department in departments:
        cells = {}
        for metric in METRICS:
            own = written.get((department.pk, metric.code))
            is_known = metric.is_counted and (is_begun or metric.code not in _BEDS)
            number = counted[department.pk].get(metric.code, 0) if is_known else None
            cells[metric.code] = Cell(number, own.written if own else None, own.note if own else "")
        lying = counted[department.pk].get("lying", 0) if is_begun else None
        rows.append(Row(department.code, department.name, completed(cells), department.pk, lying))
    return Sheet(day, rows, transfers(facility, day))


def counted_figures(facility: Facility, day: date, at: datetime) -> dict[int, dict[str, int]]:
    """Figures by department and metric of the duty that ended on the morning, or of one that runs up to `at`.

    Visits belong to their department by arrival, services to the one that performed them, by the hour of the work, and
    whoever lies in a bed to the department of the bed, at a station too.
    """
    start, end = window(day)
    figures: dict[int, dict[str, int]] = defaultdict(dict)
    stays = stays_between(facility, start, max(start, min(end, at))).values_list("department").order_by()
    counted = {name: Count("pk", filter=condition) for name, condition in _BEDS.items()}
    for department, *counts in stays.annotate(**counted):
        figures[department] |= dict(zip(_BEDS, counts, strict=True))
    examined = Exists(Exam.objects.filter(visit=OuterRef("pk")))
    visits = Visit.objects.for_facility(facility).filter(arrived_at__gte=start, arrived_at__lt=end)
    by_visit = (
        visits.filter(examined)
        .exclude(state=Visit.State.CANCELLED)
        .values_list("department")
        .annotate(
            visits=Count("pk"),
            emergencies=Count("pk", filter=Q(route=Route.EMERGENCY)),
            to_ward=Count("pk", filter=Q(visit_type__in=INPATIENT_TYPES)),
        )
    )
    for department, *counts in by_visit:
        figures[department] |= dict(zip(("visits", "emergencies", "to_ward"), counts, strict=True))
    sent_on = _sent_on(facility, day).values_list("department").annotate(n=Count("visit", distinct=True))
    for department, count in sent_on:
        figures[department]["transfers"] = count
    orders = ServiceOrder.objects.for_facility(facility).filter(
        state=ServiceOrder.State.PERFORMED, performed_at__gte=start, performed_at__lt=end
    )
    counts_of = {name: Count("pk", filter=condition) for name, condition in _SERVICES.items()}
    for department, *counts in orders.values_list("department").annotate(**counts_of):
        figures[department] |= dict(zip(_SERVICES, counts, strict=True))
    return figures


def _sent_on(facility: Facility, day: date) -> Any:
    start, end = window(day)
    return Exam.objects.for_facility(facility).filter(
        outcome__in=list(TRANSFERS), signed_at__gte=start, signed_at__lt=end
    )


def transfers(facility: Facility, day: date) -> list[dict[str, str]]:
    """Who was sent to another facility in the duty."""
    rows = _sent_on(facility, day).select_related("visit__patient", "doctor", "department")
    found = []
    for exam in rows.prefetch_related("diagnoses").defer("snapshot").order_by("signed_at", "pk"):
        patient, signed = exam.visit.patient, local(exam.signed_at)
        found.append(
            {
                "full_name": patient.full_name,
                "age": age_text(patient.born_on, signed.date(), patient.birth.precision),
                "sex": patient.get_sex_display(),
                "department": exam.department.name,
                "diagnosis": diagnosis_text(exam.diagnoses.all()),
                "condition": exam.transfer_condition,
                "to": exam.transfer_facility_code,
                "at": f"{signed:%H:%M %d/%m}",
                "doctor": exam.doctor.full_name,
            }
        )
    return found


def as_values(sheet: Sheet) -> dict[str, Any]:
    """A sheet as it is kept."""
    rows = [
        {
            "code": row.code,
            "name": row.name,
            "lying": row.lying,
            "cells": {code: asdict(cell) for code, cell in row.cells.items()},
        }
        for row in sheet.rows
    ]
    return {"rows": rows, "transfers": sheet.transfers}


def _stored(day: date, values: Mapping[str, Any]) -> Sheet:
    rows = [
        Row(
            row["code"],
            row["name"],
            {metric.code: Cell(**row["cells"].get(metric.code, {})) for metric in METRICS},
            lying=row.get("lying"),
        )
        for row in values["rows"]
    ]
    return Sheet(day, rows, values["transfers"])
