"""The frozen table of a report: rows as texts and whole numbers, sections, sums. Pure.

What is stored, compared, checked and exported is this table and nothing else. Amounts are texts with two
decimals, instants are twelve digits of local time, so that the table is plain JSON and its SHA-256 is stable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from his.core.dates import local
from his.core.money import CENT
from insurance.standards import PartialDate
from reports.definition import NUMBERS, Column, Form

Cell = str | int
BLANK = object()
"""The value of a number that a row does not have, as rows that only name their part."""
UNPLACED = ""
"""The section of rows for which the form has no place; a blocking check names them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A section with its rows and sums in đồng by column."""

    section: str
    title: str
    positions: tuple[int, ...]
    sums: Mapping[str, Decimal]
    is_numbered: bool = True

    @property
    def label(self) -> str:
        """As printed: number and title, or the title alone."""
        return f"{self.section}. {self.title}" if self.section and self.is_numbered else self.title


def cell(column: Column, value: Any) -> Cell:
    """A typed value as it is stored. Raises TypeError for a value of the wrong kind, such as a float."""
    if value is BLANK or (value is None and (column.type not in NUMBERS or column.type == "share")):
        return ""
    if column.type == "money":
        return _money(value)
    if column.type in NUMBERS:
        return _exact(value)
    if column.type == "datetime12":
        return _instant(value)
    wanted = int if column.type == "int" else str
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise TypeError(f"{column.tag} takes {'a whole number' if wanted is int else 'a text'}, not {value!r}")
    return value


def _money(value: Any) -> str:
    if not isinstance(value, Decimal):
        raise TypeError(f"money is a Decimal, not {value!r}")
    if value != value.quantize(CENT):
        raise TypeError(f"more than two decimals: {value}")
    return f"{value:.2f}"


def _exact(value: Any) -> str:
    if not isinstance(value, Decimal):
        raise TypeError(f"a number is a Decimal, not {value!r}")
    return f"{value.normalize():f}" if value else "0"


def _instant(value: Any) -> str:
    if isinstance(value, PartialDate):
        return value.digits()
    if isinstance(value, datetime):
        return f"{local(value):%Y%m%d%H%M}"
    raise TypeError(f"not an instant: {value!r}")


def sums_of(form: Form, rows: Iterable[Sequence[Cell]]) -> dict[str, Decimal]:
    """Sums of the money columns, never rounded."""
    places = [(tag, form.tags.index(tag)) for tag in form.summed_tags]
    totals = {tag: Decimal("0.00") for tag, _ in places}
    for row in rows:
        for tag, at in places:
            totals[tag] += Decimal(row[at] or 0)
    return totals


def totals_of(form: Form, values: Mapping[str, Any]) -> dict[str, Decimal]:
    """Sums of all rows that are part of the total."""
    apart = set(values.get("not_added", ()))
    rows = zip(values["rows"], values["sections"], strict=True)
    return sums_of(form, (row for row, section in rows if section not in apart))


def parts_of(form: Form, values: Mapping[str, Any]) -> list[Part]:
    """The sections of a stored report in order: those of the form, also empty ones, with unplaced rows last; or those
    that its data made."""
    rows, sections = values["rows"], values["sections"]
    headings = set(values.get("headings", ()))
    titles = form.section_order() if form.sections else dict(values["titles"])
    if form.sections and UNPLACED in sections:
        titles = {**titles, UNPLACED: "Chưa xếp được vào phần nào"}
    parts = []
    for section, title in titles.items():
        at = tuple(i for i, name in enumerate(sections) if name == section and values["refs"][i] not in headings)
        parts.append(Part(section, title, at, sums_of(form, (rows[i] for i in at)), bool(form.sections)))
    return parts


def day_of(digits: str) -> date:
    """The day of twelve digits."""
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))


def fingerprint(values: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a stored report, or of the facts that it counts."""
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
