"""Registers that are written at the desk, line by line."""

from datetime import date
from typing import Any

from django.db.models import F, Q, QuerySet

from his.accounts.models import Facility
from reports.registers.definition import Register, register_version
from reports.registers.facts import Names
from reports.registers.models import RegisterEntry
from reports.registers.sources.base import Line, Source, words_of
from reports.registers.values import amounts_of, shown_cell


class Entries(Source):
    """Stored lines by day and number. A cancelled line stays in its place and adds nothing."""

    has_numbers = True

    def rows(self, facility: Facility, register: Register, start: date, end: date) -> QuerySet[Any]:
        rows = RegisterEntry.objects.for_facility(facility).filter(
            register=register.code, entered_on__gte=start, entered_on__lte=end
        )
        return rows.annotate(day=F("entered_on")).order_by("entered_on", "number")

    def search(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        for word in words_of(text):
            wanted = Q(search_text__contains=word)
            rows = rows.filter(wanted | Q(number=int(word)) if word.isdecimal() and len(word) < 9 else wanted)
        return rows

    def loaded(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows

    def line(self, register: Register, row: Any, names: Names) -> Line:
        written = register_version(row.register, row.definition)
        cells = {
            column.key: shown_cell(column, row.values.get(column.key, ""))
            for column in written.columns
            if column.key in register.keys
        }
        return Line(
            ref=f"E{row.pk}",
            key=row.pk,
            day=row.day,
            cells={key: cells.get(key, "") for key in register.keys},
            amounts={} if row.cancelled_at else amounts_of(written, row.values),
            number=row.number,
            is_corrected=row.version > 1,
            cancelled=row.cancel_reason,
        )
