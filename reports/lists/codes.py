"""Codes of the lists of before, from the codes of today, with the days for which that holds. Pure.

`old_codes.csv` has a row for each code that somebody has mapped. A code without a row is unknown: its cell stays empty
and a check names the visits; nothing is guessed.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("old_codes.csv")
PLACE = "place"
"""The list that says whether a type of visit (MA_LOAI_KCB) is an outpatient or an inpatient."""
HERE, ELSEWHERE = "here", "elsewhere"


@dataclass(frozen=True, slots=True)
class OldCode:
    """One row: `when` narrows it to patients registered at the facility (`here`) or elsewhere."""

    list: str
    code: str
    when: str
    old: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class OldCodes:
    """The mappings of one day."""

    rows: tuple[OldCode, ...]

    def old(self, name: str, code: str, *, is_here: bool) -> str:
        """The old code; empty when nobody has mapped it."""
        where = HERE if is_here else ELSEWHERE
        return next(
            (row.old for row in self.rows if row.list == name and row.code == code and row.when in ("", where)), ""
        )

    def known(self, name: str) -> tuple[str, ...]:
        """The codes of a list that are mapped."""
        return tuple(dict.fromkeys(row.code for row in self.rows if row.list == name))

    def into(self, name: str, old: str) -> tuple[str, ...]:
        """The codes that become an old one."""
        return tuple(row.code for row in self.rows if row.list == name and row.old == old)

    def table(self, name: str, *, is_here: bool) -> Mapping[str, str]:
        """All of a list: code -> old code."""
        return {code: self.old(name, code, is_here=is_here) for code in self.known(name)}


@cache
def old_codes(on: date) -> OldCodes:
    """The mappings in force on a day."""
    return OldCodes(
        tuple(row for row in _rows() if row.valid_from <= on and (row.valid_to is None or on <= row.valid_to))
    )


@cache
def _rows() -> tuple[OldCode, ...]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(
            OldCode(
                cells["list"],
                cells["code"],
                cells["when"],
                cells["old"],
                date.fromisoformat(cells["valid_from"]),
                date.fromisoformat(cells["valid_to"]) if cells["valid_to"] else None,
            )
            for cells in csv.DictReader(file)
        )
