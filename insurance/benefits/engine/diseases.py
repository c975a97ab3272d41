"""The disease lists of Thông tư 01/2025: which rows of an annex a diagnosis hits.

A 3-character code or a range covers its 4-character codes; an exclusion works only inside its own row; a code
that a row names in full wins over an excluded 3-character parent; `age_below` means strictly younger;
`ANNEX-I` and `ANNEX-II:1-105` point to another list.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_POINTER = re.compile(r"^ANNEX-([IV]+)(?::(\d+)-(\d+))?$")
_RANGE = re.compile(r"^([A-Z]\d\d(?:\.\d+)?)-([A-Z]\d\d(?:\.\d+)?)$")


@dataclass(frozen=True, slots=True)
class DiseaseRow:
    """One row of an annex. `has_condition`: a stage, severity or indication that codes cannot show."""

    annex: str
    row: int
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    age_below: int | None
    has_condition: bool
    disease_vi: str
    condition_note: str


def matching_rows(rows: Sequence[DiseaseRow], annex: str, icd: str, age: int | None) -> tuple[DiseaseRow, ...]:
    """Rows of the annex that the diagnosis hits at that age in years (None: unknown, age conditions fail)."""
    code = icd.strip().upper().rstrip("*+†")
    if not code:
        return ()
    return tuple(row for row in rows if row.annex == annex and _hits(rows, row, code, age))


def _hits(rows: Sequence[DiseaseRow], row: DiseaseRow, code: str, age: int | None) -> bool:
    if row.age_below is not None and (age is None or age >= row.age_below):
        return False
    if code in row.include:
        return True
    if _covered(row.exclude, code):
        return False
    return _covered(row.include, code) or any(_pointed(rows, part, code, age) for part in row.include)


def _covered(parts: Iterable[str], code: str) -> bool:
    return any(_covers(part, code) for part in parts)


def _covers(part: str, code: str) -> bool:
    if found := _RANGE.match(part):
        low, high = found.groups()
        return low <= code and code[: len(high)] <= high
    return code == part or (len(part) == 3 and code.startswith(part))


def _pointed(rows: Sequence[DiseaseRow], part: str, code: str, age: int | None) -> bool:
    found = _POINTER.match(part)
    if not found:
        return False
    annex, first, last = found.groups()
    chosen = [r for r in rows if r.annex == annex and (first is None or int(first) <= r.row <= int(last))]
    return any(_hits(rows, r, code, age) for r in chosen)
