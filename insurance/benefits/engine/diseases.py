"""The disease lists of Thông tư 01/2025: which rows of an annex a diagnosis hits.

A 3-character code or a range covers its 4-character codes; an exclusion works only inside its own row; a code
that a row names in full wins over an excluded 3-character parent; `age_below` means strictly younger;
`ANNEX-I` and `ANNEX-II:1-105` point to another list.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from string import ascii_uppercase

_POINTER = re.compile(r"^ANNEX-([IV]+)(?::(\d+)-(\d+))?$")
_RANGE = re.compile(r"^([A-Z]\d\d(?:\.\d+)?)-([A-Z]\d\d(?:\.\d+)?)$")


@dataclass(frozen=True, slots=True)
class DiseaseRow:
    """One row of an annex.

    `condition_vi` is a stage, severity or indication that codes cannot show; `counts_from_diagnosis` tells that the
    benefit holds already in the visit that confirms the diagnosis.
    """

    annex: str
    row: int
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    age_below: int | None
    counts_from_diagnosis: bool
    disease_vi: str
    condition_vi: str

    @property
    def has_condition(self) -> bool:
        return bool(self.condition_vi)


def by_letter(rows: Sequence[DiseaseRow]) -> dict[str, tuple[DiseaseRow, ...]]:
    """The rows that can hit a code of each first letter, in their order; those that point to a list are in all."""
    return {letter: tuple(row for row in rows if _may_hit(row, letter)) for letter in ascii_uppercase}


def _may_hit(row: DiseaseRow, letter: str) -> bool:
    for part in row.include:
        low, high = _limits(part) or (part, part)
        if part.startswith("ANNEX") or low[0] <= letter <= high[0]:
            return True
    return False


def matching_rows(rows: Sequence[DiseaseRow], annex: str, icd: str, age: int | None) -> tuple[DiseaseRow, ...]:
    """Rows of the annex that the diagnosis hits at that age in years (None: unknown, age conditions fail).

    A row that points to another list takes over the conditions of the rows hit there.
    """
    code = icd.strip().upper().rstrip("*+†")
    if not code:
        return ()
    hits = (_hit(rows, row, code, age) for row in rows if row.annex == annex)
    return tuple(hit for hit in hits if hit is not None)


def _hit(rows: Sequence[DiseaseRow], row: DiseaseRow, code: str, age: int | None) -> DiseaseRow | None:
    if row.age_below is not None and (age is None or age >= row.age_below):
        return None
    if code in row.include:
        return row
    if _covered(row.exclude, code):
        return None
    if _covered(row.include, code):
        return row
    pointed = [hit for part in row.include for hit in _pointed(rows, part, code, age)]
    return _with_conditions(row, pointed) if pointed else None


def _with_conditions(row: DiseaseRow, pointed: Sequence[DiseaseRow]) -> DiseaseRow:
    conditions = dict.fromkeys(hit.condition_vi for hit in (row, *pointed) if hit.condition_vi)
    is_free = not row.condition_vi and any(not hit.condition_vi for hit in pointed)
    return replace(
        row,
        condition_vi="" if is_free else "; ".join(conditions),
        counts_from_diagnosis=any(hit.counts_from_diagnosis for hit in pointed),
    )


def _covered(parts: Iterable[str], code: str) -> bool:
    return any(_covers(part, code) for part in parts)


def _covers(part: str, code: str) -> bool:
    if limits := _limits(part):
        low, high = limits
        return low <= code and code[: len(high)] <= high
    return code == part or (len(part) == 3 and code.startswith(part))


@lru_cache(maxsize=4096)
def _limits(part: str) -> tuple[str, str] | None:
    """First and last code of a range; None for a single code or a pointer."""
    found = _RANGE.match(part)
    return (found[1], found[2]) if found else None


def _pointed(rows: Sequence[DiseaseRow], part: str, code: str, age: int | None) -> list[DiseaseRow]:
    if not part.startswith("ANNEX"):
        return []
    found = _POINTER.match(part)
    if not found:
        return []
    annex, first, last = found.groups()
    chosen = [row for row in rows if row.annex == annex and (first is None or int(first) <= row.row <= int(last))]
    return [hit for hit in (_hit(rows, row, code, age) for row in chosen) if hit is not None]
