"""Where a finding is mended: the field or panel of the doctor's desk, and which desk can mend it (data/desks.csv)."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from insurance import law
from insurance.standards import Standard

ANY = "*"
DOCTOR, NURSE = "Bác sĩ", "Điều dưỡng"


@dataclass(frozen=True, slots=True)
class Place:
    """`field` is a field or panel of the exam, empty when it has none; `mended_by` a desk in Vietnamese."""

    field: str
    mended_by: str


def place_of(standard: Standard, table: str, tag: str) -> Place:
    """The place of a field of the claim; of the table when the field has none of its own."""
    spec = standard.tables.get(table)
    source = next((f.source for f in spec.fields if f.tag == tag), "") if spec else ""
    places = _places(law.roots())
    return places.get((table, source)) or places.get((table, ANY)) or places[ANY, ANY]


@cache
def _places(roots: tuple[Path, ...]) -> dict[tuple[str, str], Place]:
    found: dict[tuple[str, str], Place] = {}
    for path in (root / "desks.csv" for root in roots):
        if path.exists():
            found |= _read(path)
    return found


def _read(path: Path) -> dict[tuple[str, str], Place]:
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["table"], row["source"]): Place(row["field"], row["mended_by"]) for row in csv.DictReader(file)}
