"""Registers of services that were performed: tests, imaging, procedures with their results."""

from datetime import date
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import TruncDate

from his.accounts.models import Facility
from his.core.dates import VIETNAM, day_range
from patients.models import ServiceOrder
from reports.registers.definition import Register
from reports.registers.facts import ONE, Names, order_facts
from reports.registers.sources.base import Line, Source, chosen, words_of


class Orders(Source):
    """Orders with a result of the cost groups (MA_NHOM) that the register names in its filter, as they were done."""

    def rows(self, facility: Facility, register: Register, start: date, end: date) -> QuerySet[Any]:
        return (
            ServiceOrder.objects.for_facility(facility)
            .filter(
                state=ServiceOrder.State.PERFORMED,
                performed_at__gte=day_range(start)[0],
                performed_at__lt=day_range(end)[1],
                service__group_code__in=register.filter["groups"],
            )
            .annotate(day=TruncDate("performed_at", tzinfo=VIETNAM))
            .order_by("performed_at", "pk")
        )

    def search(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        for word in words_of(text):
            rows = rows.filter(
                Q(visit__patient__search_name__contains=word)
                | Q(service__search_name__contains=word)
                | Q(visit__claim_code__iendswith=word)
            )
        return rows

    def loaded(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return (
            rows.select_related(
                "visit__patient", "visit__card", "service", "department", "ordered_by", "performed_by", "exam"
            )
            .defer("exam__snapshot")
            .prefetch_related("results", "exam__diagnoses")
        )

    def line(self, register: Register, row: Any, names: Names) -> Line:
        return Line(
            ref=f"O{row.pk}",
            key=row.visit_id,
            day=row.day,
            cells=chosen(register, order_facts(row, names)),
            amounts={"BHYT": ONE} if row.is_insured else {},
            is_final=row.exam.is_signed,
        )
