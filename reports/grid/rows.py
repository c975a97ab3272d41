"""The rows and parts of a statistical form, from `rows.csv` and `parts.csv` of its folder. Pure.

`rows.csv`: `row` (key, unique), `part`, `label`, `code` (as printed), `facts` (another set of facts than the form's),
`where` (a condition), `measure` (empty: facts are counted; a measure that is summed; `ratio ROW ROW`; `unknown`: no
source, shown empty). `parts.csv`: `part`, `title`, `is_added` (0: its rows are printed and not part of the total).

A form without `rows.csv` makes its rows from the facts: `by` of its `[grid]` names the fields that make a row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reports.grid.conditions import Condition, read

FORMULAS = frozenset({"ratio", "unknown"})
"""First words of the measures of rows that count nothing themselves."""


@dataclass(frozen=True, slots=True)
class GridRow:
    """One printed row of a form: what it is called and what it counts."""

    key: str
    part: str
    label: str
    code: str
    facts: str
    where: Condition
    measure: str = ""

    @property
    def formula(self) -> tuple[str, ...]:
        """Of a row that is reckoned from others: what is done, and their keys; of others empty."""
        words = tuple(self.measure.split())
        return words if words and words[0] in FORMULAS else ()


@dataclass(frozen=True, slots=True)
class GridPart:
    """A group of rows under a title; `is_added`: whether it is part of the total."""

    part: str
    title: str
    is_added: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a form in the order of the paper."""

    parts: tuple[GridPart, ...]
    rows: tuple[GridRow, ...]

    def of(self, facts: str, measure: str = "") -> tuple[GridRow, ...]:
        """The rows that count one set of facts, or sum one measure of it."""
        return tuple(row for row in self.rows if (row.facts, row.measure) == (facts, measure) and not row.formula)

    def counted(self) -> dict[tuple[str, str], None]:
        """What the rows count, in order: a set of facts, and the measure that is summed."""
        return dict.fromkeys((row.facts, row.measure) for row in self.rows if not row.formula)

    def formulas(self) -> dict[str, tuple[str, ...]]:
        """The rows that are reckoned from others, by key."""
        return {row.key: row.formula for row in self.rows if row.formula}

    def added(self) -> frozenset[str]:
        """Keys of the rows that are part of the total."""
        parts = {part.part for part in self.parts if part.is_added}
        return frozenset(row.key for row in self.rows if row.part in parts)


@lru_cache(maxsize=64)
def load_rows(folder: Path, facts: str) -> Rows:
    """The rows of a version of a form; `facts` is what a row counts that names nothing. Raises ValueError."""
    parts = load_parts(folder)
    rows = tuple(
        GridRow(
            cells["row"],
            cells["part"],
            cells["label"],
            cells["code"],
            cells.get("facts") or facts,
            read(cells["where"]),
            cells.get("measure") or "",
        )
        for cells in _cells(folder / "rows.csv")
    )
    keys = [row.key for row in rows]
    if len(set(keys)) != len(keys):
        raise ValueError(f"{folder}: a row is named twice")
    if lost := {key for row in rows for key in row.formula[1:]} - set(keys):
        raise ValueError(f"{folder}: a row is reckoned from {sorted(lost)}, which are no rows")
    if lost := {row.part for row in rows} - {part.part for part in parts}:
        raise ValueError(f"{folder}: parts.csv has no part {sorted(lost)}")
    return Rows(parts, rows)


@lru_cache(maxsize=64)
def load_parts(folder: Path) -> tuple[GridPart, ...]:
    """The parts of a version of a form in order; without `parts.csv` one without a title."""
    path = folder / "parts.csv"
    if not path.exists():
        return (GridPart("", "", True),)
    return tuple(GridPart(row["part"], row["title"], row.get("is_added", "1") != "0") for row in _cells(path))


def _cells(path: Path) -> Iterable[Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
