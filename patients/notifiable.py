"""Which diagnoses are cases that must be reported, and until when (bệnh truyền nhiễm phải báo ca). Pure.

TT 15/2026/TT-BYT asks for case reports and leaves the clocks of each disease to guidance; groups are those of the law
and of QĐ 1965/QĐ-BYT. Both are dated data (`patients/data/notifiable_diseases.csv`) and **a default to be edited**:
the hours come from the repealed TT 54/2015/TT-BYT. A file of the same name in `lists/` of the data folder replaces it.

A row without hours has no report of its own: its cases are only counted for the monthly form. `repeat_days`: a
diagnosis within so many days of a case of the same person is the same case.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from his.core import icd

DATA = Path(__file__).parent / "data" / "notifiable_diseases.csv"
SUSPECTED, CLINICAL, CONFIRMED = "suspected", "clinical", "confirmed"
CERTAINTY = (SUSPECTED, CLINICAL, CONFIRMED)
"""Classes of a case, the less certain first (ca nghi ngờ, ca lâm sàng, ca xác định)."""
DEATH_HOURS = 24
"""A death from an infectious or suspected infectious disease is reported within 24 hours (TT 15/2026/TT-BYT)."""
DEATH_RESULTS = frozenset({"5", "8"})
"""Treatment results (KET_QUA_DTRI) of a death."""


@dataclass(frozen=True, slots=True)
class Notifiable:
    """One row: the codes of a disease, and what a case of them asks for. `hours` is None: it is only counted."""

    disease: str
    name: str
    group: str
    codes: icd.Limits
    case_class: str
    hours: int | None
    repeat_days: int
    valid_from: date
    valid_to: date | None
    law: str

    def due(self, detected_at: datetime) -> datetime | None:
        """Until when the case is to be reported; None when it is only counted."""
        return None if self.hours is None else detected_at + timedelta(hours=self.hours)


def matching(codes: Iterable[str], day: date, folder: Path | None = None) -> dict[str, tuple[str, Notifiable]]:
    """The diseases that diagnoses of a day are cases of: by disease the code and its row, the most certain one.

    `folder` is where a list of the installation may lie in the place of the product's.
    """
    found: dict[str, tuple[str, Notifiable]] = {}
    for code in codes:
        for row in rules(folder):
            if row.valid_from <= day and (row.valid_to is None or day <= row.valid_to) and icd.holds(row.codes, code):
                known = found.get(row.disease)
                if known is None or rank(row.case_class) > rank(known[1].case_class):
                    found[row.disease] = (code, row)
    return found


def rank(case_class: str) -> int:
    """How certain a class is."""
    return CERTAINTY.index(case_class)


def rules(folder: Path | None = None) -> tuple[Notifiable, ...]:
    """All rows of the list in force here. Raises ValueError, with the line, for a list that cannot be read."""
    own = folder / "lists" / DATA.name if folder is not None else None
    path = own if own is not None and own.is_file() else DATA
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int) -> tuple[Notifiable, ...]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return tuple(_row(cells, line) for line, cells in enumerate(csv.DictReader(file), start=2))


def _row(cells: Mapping[str, str], line: int) -> Notifiable:
    try:
        if cells["case_class"] not in CERTAINTY or cells["group"] not in {"A", "B", "C"} or not cells["disease"]:
            raise ValueError("disease, group or case_class")
        repeat_days = int(cells["repeat_days"])
        if repeat_days < 1:
            raise ValueError("repeat_days")
        return Notifiable(
            disease=cells["disease"],
            name=cells["name"],
            group=cells["group"],
            codes=icd.read_list(cells["icd"]),
            case_class=cells["case_class"],
            hours=int(cells["hours"]) if cells["hours"] else None,
            repeat_days=repeat_days,
            valid_from=date.fromisoformat(cells["valid_from"]),
            valid_to=date.fromisoformat(cells["valid_to"]) if cells["valid_to"] else None,
            law=cells["law"],
        )
    except (KeyError, ValueError) as wrong:
        raise ValueError(f"{DATA.name}, line {line}: {wrong}") from wrong
