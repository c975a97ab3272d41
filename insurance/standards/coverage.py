"""Which fields of a standard are filled by claims that were built, and which are not yet and why."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from insurance import law
from insurance.standards.model import Standard, StandardError

REASONS = law.PRODUCT / "standards" / "coverage_reasons.csv"
WHOLE_TABLE = "*"

Tables = Mapping[str, Sequence[object]]
"""Typed rows of one claim by table."""
Reasons = Mapping[tuple[str, str], str]
"""Why a field is not filled, by table and tag; the tag `*` speaks of a whole table."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One field: the first case that fills it, or the reason why none does."""

    table: str
    tag: str
    name: str
    case: str
    reason: str

    @property
    def fault(self) -> str:
        """What is wrong in Vietnamese: neither filled nor explained, or both; empty when the field is in order."""
        if self.case and self.reason:
            return "đã có hồ sơ ghi trường này, bỏ lý do"
        return "" if self.case or self.reason else "chưa hồ sơ nào ghi và chưa nêu lý do"


def read_reasons(path: Path = REASONS) -> Reasons:
    """The reasons of a file with the columns table, tag, reason. Raises StandardError for a row without one."""
    found: dict[tuple[str, str], str] = {}
    with path.open(encoding="utf-8", newline="") as handle:
        for number, row in enumerate(csv.DictReader(handle), start=2):
            key = (row["table"], row["tag"])
            if not row["reason"] or key in found:
                raise StandardError(f"{path}, line {number}: no reason, or a second one for {'.'.join(key)}")
            found[key] = row["reason"]
    return found


def coverage(standard: Standard, cases: Iterable[tuple[str, Tables]], reasons: Reasons) -> list[Covered]:
    """Every field of the standard in order, with the first of the named cases that fills it, or the reason."""
    first = _first_cases(standard, cases)
    return [
        Covered(
            table=table.name,
            tag=field.tag,
            name=field.name,
            case=first.get((table.name, field.tag), ""),
            reason=reasons.get((table.name, field.tag)) or reasons.get((table.name, WHOLE_TABLE), ""),
        )
        for table in standard.tables.values()
        for field in table.fields
    ]


def _first_cases(standard: Standard, cases: Iterable[tuple[str, Tables]]) -> dict[tuple[str, str], str]:
    wanted: dict[str, dict[str, Callable[[object], object]]] = {
        table.name: {field.tag: attrgetter(field.source) for field in table.fields if field.source}
        for table in standard.tables.values()
    }
    first: dict[tuple[str, str], str] = {}
    for name, tables in cases:
        for table, rows in tables.items():
            left = wanted.get(table, {})
            for row in rows:
                for tag in [tag for tag, value in left.items() if _is_filled(value(row))]:
                    first[table, tag] = name
                    del left[tag]
    return first


def _is_filled(value: object) -> bool:
    if isinstance(value, tuple):
        return any(_is_filled(item) for item in value)
    return value is not None and value != ""


def unknown(standards: Iterable[Standard], reasons: Reasons) -> list[str]:
    """Reasons for fields or tables that none of the standards has: they explain nothing."""
    tables = [table for standard in standards for table in standard.tables.values()]
    known = {(table.name, field.tag) for table in tables for field in table.fields}
    known |= {(table.name, WHOLE_TABLE) for table in tables}
    return [".".join(key) for key in reasons if key not in known]
