"""A span of days of a register: counted, paged, searched and read line by line, however long it is.

Only rows that are looked at are loaded: a page of the screen, or a chunk while a file is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from django.db.models import Count, QuerySet

from his.accounts.models import Facility
from his.ui.text import decimal_text
from reports.registers.definition import Register
from reports.registers.facts import Names
from reports.registers.models import PrintedLine, RegisterSetting
from reports.registers.sources import SOURCES, Line

CHUNK = 500
PART = 1000
"""Most lines of one printed file: what typst holds in memory grows with them."""


@dataclass(frozen=True, slots=True)
class Part:
    """Whole days that are printed together."""

    start: date
    end: date
    count: int


class Book:
    """The lines of a register at a facility from `start` to `end`, both days included; `text` searches among them.

    `register` is the version in force on the last day.
    """

    def __init__(self, facility: Facility, register: Register, start: date, end: date, text: str = "") -> None:
        self.facility, self.register, self.start, self.end, self.text = facility, register, start, end, text
        self.source = SOURCES[register.source]

    @cached_property
    def rows(self) -> QuerySet[Any]:
        """Rows in order, not loaded."""
        rows = self.source.rows(self.facility, self.register, self.start, self.end)
        return self.source.search(rows, self.text) if self.text else rows

    @cached_property
    def numbering(self) -> str:
        """Whether lines are numbered anew each year or each month here."""
        own = RegisterSetting.objects.for_facility(self.facility).filter(register=self.register.code)
        return own.values_list("numbering", flat=True).first() or self.register.numbering

    @cached_property
    def names(self) -> Names:
        """Words for codes as they are on the last day."""
        return Names.on(self.end)

    def day_counts(self) -> list[tuple[date, int]]:
        """How many lines each day has, days without any left out."""
        found = self.rows.order_by().values("day").annotate(n=Count("pk"))
        return sorted(found.values_list("day", "n"))

    def parts(self) -> list[Part]:
        """The days in parts of at most `PART` lines; a day is never divided."""
        parts: list[Part] = []
        for day, count in self.day_counts():
            if parts and parts[-1].count + count <= PART:
                parts[-1] = Part(parts[-1].start, day, parts[-1].count + count)
            else:
                parts.append(Part(day, day, count))
        return parts

    def section(self, part: Part) -> Book:
        """The book of some of its days, read as the whole: by the same version, with the names of its last day."""
        section = Book(self.facility, self.register, part.start, part.end)
        section.names = self.names
        return section

    def shown(self, rows: Iterable[Any]) -> list[Line]:
        """The lines of some rows of this book, numbered and marked: a page of the screen."""
        keys = [row.pk for row in rows]
        loaded = self.source.loaded(self.rows.filter(pk__in=keys))
        numbers = {} if self.source.has_numbers else self._numbers_of([(row.day, row.pk) for row in loaded])
        lines = [self._line(row, numbers.get(row.pk)) for row in loaded]
        return self._marked(lines)

    def lines(self) -> Iterator[Line]:
        """All lines, read by a server cursor in chunks; memory does not grow with their number."""
        number, period = 0, date.min
        rows = iter(self.source.loaded(self.rows).iterator(chunk_size=CHUNK))
        while chunk := list(islice(rows, CHUNK)):
            lines = []
            for row in chunk:
                if self.source.has_numbers:
                    lines.append(self._line(row, None))
                    continue
                if self.period_of(row.day) != period:
                    period = self.period_of(row.day)
                    number = self._before(row.day)
                number += 1
                lines.append(self._line(row, number))
            yield from self._marked(lines)

    def _line(self, row: Any, number: int | None) -> Line:
        line = self.source.line(self.register, row, self.names)
        return line if number is None else line.with_number(number)

    def period_of(self, day: date) -> date:
        """The first day of the year or month in which the day is numbered."""
        return day.replace(month=1, day=1) if self.numbering == "year" else day.replace(day=1)

    def _before(self, day: date) -> int:
        """How many lines of the same numbering stand before the day."""
        first = self.period_of(day)
        if first == day:
            return 0
        return self.source.rows(self.facility, self.register, first, day - timedelta(days=1)).count()

    def _numbers_of(self, wanted: Sequence[tuple[date, int]]) -> dict[int, int]:
        """The numbers of some rows: those of a search, or of a page in the middle."""
        numbers: dict[int, int] = {}
        for period in {self.period_of(day) for day, _ in wanted}:
            days = {day for day, _ in wanted if self.period_of(day) == period}
            counts = Book(self.facility, self.register, period, max(days)).day_counts()
            before = {day: sum(count for other, count in counts if other < day) for day in days}
            rows = self.source.rows(self.facility, self.register, min(days), max(days)).filter(day__in=days)
            for day, keys in groupby(rows.values_list("day", "pk"), key=itemgetter(0)):
                numbers |= {key: before[day] + at for at, (_, key) in enumerate(keys, 1)}
        return numbers

    def _marked(self, lines: list[Line]) -> list[Line]:
        printed = dict(
            PrintedLine.objects.for_facility(self.facility)
            .filter(register=self.register.code, ref__in=[line.ref for line in lines])
            .values_list("ref", "digest")
        )
        return [
            replace(line, is_changed=True) if printed.get(line.ref, line.digest) != line.digest else line
            for line in lines
        ]


@dataclass(slots=True)
class Totals:
    """What lines add up to: how many, and sums by word."""

    count: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        """Count a line; a cancelled one adds nothing."""
        if line.cancelled:
            return
        self.count += 1
        for name, amount in line.amounts.items():
            self.sums[name] = self.sums.get(name, Decimal(0)) + amount

    def text(self, noun: str) -> str:
        """In words: 45 lượt khám; nữ 20; BHYT 40."""
        sums = [f"{name} {decimal_text(amount)}" for name, amount in self.sums.items()]
        return "; ".join([f"{self.count} {noun}", *sums])
