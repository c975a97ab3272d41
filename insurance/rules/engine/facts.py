"""What rules read: the tables of one claim as rows of text, the same for a live visit and for anybody's file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from typing import Any

from insurance.rules.engine.money_rows import money_rows
from insurance.standards import Problem, Standard, check
from insurance.standards.load import available, load
from insurance.standards.money_check import Claim, check_money
from insurance.standards.values import SEPARATOR, day


class Row:
    """One row of a table: its number from 1 and its texts by tag."""

    __slots__ = ("number", "table", "texts")

    def __init__(self, table: str, number: int, texts: Mapping[str, str]) -> None:
        self.table, self.number, self.texts = table, number, texts

    def text(self, tag: str) -> str:
        """The text of a tag, empty when it has none."""
        return self.texts.get(tag, "")

    def items(self, tag: str) -> list[str]:
        """The filled parts of a list field."""
        text = self.texts.get(tag, "")
        if SEPARATOR not in text:
            text = text.strip()
            return [text] if text else []
        return [part.strip() for part in text.split(SEPARATOR) if part.strip()]

    def number_of(self, tag: str) -> Decimal | None:
        """The number of a tag; None when empty or no number."""
        return number(self.texts.get(tag, ""))


class VisitFacts:
    """The tables of one visit under one standard; absent tables are simply not there. `problems` are those that
    reading its file gave; `on` is the day by which rules and codes are chosen while a visit has no end yet; `known`
    keeps what one rule worked out for the next."""

    def __init__(
        self,
        standard: Standard,
        tables: Mapping[str, Iterable[Mapping[str, str]]],
        problems: Sequence[Problem] = (),
        on: date | None = None,
    ) -> None:
        self.standard, self._on = standard, on
        self.problems = problems
        self.known: dict[str, Any] = {}
        self.tables: dict[str, list[Row]] = {
            name: [Row(name, number, texts) for number, texts in enumerate(rows, 1)] for name, rows in tables.items()
        }

    def rows(self, table: str) -> list[Row]:
        """The rows of a table, none when it is absent."""
        return self.tables.get(table, [])

    def first(self, table: str) -> Row | None:
        """The first row of a table, or None."""
        rows = self.tables.get(table)
        return rows[0] if rows else None

    def text(self, table: str, tag: str) -> str:
        """A text of the first row of a table, by whichever name this standard has for the field."""
        row = self.first(table)
        return row.text(tag_in(self.standard, table, tag) or tag) if row else ""

    @cached_property
    def ended_on(self) -> date | None:
        """The day the visit ended, by which rules and codes are chosen; of an open one the day given or of arrival."""
        texts = (self.text("XML1", "NGAY_RA"), self.text("XML1", "NGAY_VAO"), self.text("XML0", "NGAY_VAO"))
        return self._on or next((found for text in texts if (found := day(text)) is not None), None)

    @cached_property
    def structure(self) -> dict[str, list[Problem]]:
        """Structural problems of all tables of the standard, by their code."""
        found: dict[str, list[Problem]] = {}
        for name, rows in self.tables.items():
            if name in self.standard.tables:
                for problem in check(self.standard, name, [row.texts for row in rows], self.ended_on):
                    found.setdefault(problem.code, []).append(problem)
        return found

    @cached_property
    def money(self) -> dict[str, list[Problem]]:
        """Disagreements between amounts, by their code; lines without readable amounts are left to the structure."""
        found: dict[str, list[Problem]] = {}
        rows = {name: self._money_rows(name) for name in ("XML1", "XML2", "XML3")}
        summary = rows["XML1"][0] if rows["XML1"] else None
        for problem in check_money(self.standard, Claim(summary, rows["XML2"], rows["XML3"])):
            found.setdefault(problem.code, []).append(problem)
        return found

    def _money_rows(self, table: str) -> list[Any]:
        return money_rows(self.standard, table, [row.texts for row in self.rows(table)])


@lru_cache(maxsize=8192)
def tag_in(standard: Standard, table: str, tag: str) -> str | None:
    """The tag by which a standard calls a field that another standard calls `tag`; None when it has no such field.

    A decree may rename a field; both names then read the same attribute, and rules written with the old name go on.
    """
    spec = standard.tables.get(table)
    if spec is None:
        return None
    if any(f.tag == tag for f in spec.fields):
        return tag
    known = [standard, *(load(name) for name in available())]
    fields = (f for one in known if table in one.tables for f in one.tables[table].fields)
    sources = {f.source for f in fields if f.tag == tag and f.source}
    return next((f.tag for f in spec.fields if f.source and f.source in sources), None)


def number(text: str) -> Decimal | None:
    """A number as the standard writes it; None for anything else, also for infinities."""
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def moment(text: str) -> datetime | None:
    """The moment of 12 digits, or midnight of 8; None when it is none."""
    on = day(text)
    if on is None:
        return None
    hour, minute = (int(text[8:10]), int(text[10:])) if len(text) == 12 else (0, 0)
    return datetime.combine(on, time(hour, minute)) if hour < 24 and minute < 60 else None
