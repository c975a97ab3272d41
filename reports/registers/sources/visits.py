"""Registers of visits: what an examination left (sổ khám bệnh, sổ vào viện - ra viện, sổ chuyển tuyến)."""

from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import TruncDate

from his.accounts.models import Facility
from his.core.dates import VIETNAM, day_range
from patients.models import Exam, Prescription, ServiceOrder, Visit, VisitDiagnosis
from patients.services.outcomes import TRANSFERS
from reports.registers.definition import Register
from reports.registers.facts import Names, transfer_facts, visit_amounts, visit_facts
from reports.registers.sources.base import Line, Source, chosen, words_of


class Visits(Source):
    """Visits with an examination, in order of arrival or of their end; cancelled ones are no part of it.

    The filter of the register: `by` the instant that places them (`arrived_at`), `transfers` only those sent to another
    facility, `visit_types` only these kinds, or those sent on.
    """

    def rows(self, facility: Facility, register: Register, start: date, end: date) -> QuerySet[Any]:
        by = register.filter.get("by", "arrived_at")
        rows = arrived(facility, start, end, by=by).filter(Exists(Exam.objects.filter(visit=OuterRef("pk"))))
        sent_on = Exists(
            Exam.objects.filter(visit=OuterRef("pk"), outcome__in=list(TRANSFERS), signed_at__isnull=False)
        )
        if register.filter.get("transfers"):
            rows = rows.filter(sent_on)
        elif types := register.filter.get("visit_types"):
            rows = rows.filter(Q(visit_type__in=types) | Q(sent_on))
        return rows.annotate(day=TruncDate(by, tzinfo=VIETNAM)).order_by(by, "pk")

    def search(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        for word in words_of(text):
            rows = rows.filter(
                Q(patient__search_name__contains=word)
                | Q(patient__citizen_id=word)
                | Q(claim_code__iendswith=word)
                | Q(card__number__iexact=word)
                | Exists(VisitDiagnosis.objects.filter(visit=OuterRef("pk"), code__istartswith=word))
            )
        return rows

    def loaded(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.select_related("patient", "card", "department").prefetch_related(*exam_prefetch())

    def line(self, register: Register, row: Any, names: Names) -> Line:
        facts = visit_facts(row, names)
        if register.filter.get("transfers"):
            facts |= transfer_facts(row)
        return Line(
            ref=f"V{row.pk}",
            key=row.pk,
            day=row.day,
            cells=chosen(register, facts),
            amounts=visit_amounts(row),
            is_final=all(exam.is_signed for exam in row.exams.all()),
        )


def arrived(facility: Facility, start: date, end: date, *, by: str = "arrived_at") -> QuerySet[Visit]:
    """Visits of the days, by arrival or by another instant; cancelled ones are none."""
    first, after = day_range(start)[0], day_range(end)[1]
    rows = Visit.objects.for_facility(facility).filter(**{f"{by}__gte": first, f"{by}__lt": after})
    return rows.exclude(state=Visit.State.CANCELLED)


def exam_prefetch() -> list[Any]:
    """What `visit_facts` reads of the exams of visits."""
    valid = Prescription.objects.filter(voided_at__isnull=True).prefetch_related("lines__drug")
    done = ServiceOrder.objects.exclude(state=ServiceOrder.State.CANCELLED).select_related("service")
    exams = (
        Exam.objects.select_related("doctor")
        .defer("snapshot")
        .order_by("started_at", "pk")
        .prefetch_related(
            "diagnoses", "amendments", Prefetch("prescriptions", queryset=valid), Prefetch("orders", queryset=done)
        )
    )
    return [Prefetch("exams", queryset=exams)]
