"""Tell which version of the standard a visit of a file follows.

The standard follows the end of the visit. Where no end is known, its start or the day of the file stands in;
where no standard covers that day, or no day is known, the version whose fields fit best is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from insurance.standards.load import available, load
from insurance.standards.model import Standard
from insurance.standards.parsed import ParsedClaim
from insurance.standards.shapes import Row
from insurance.standards.values import day

_DAYS = (
    ("XML1", "NGAY_RA", "ngày ra viện"),
    ("XML1", "NGAY_VAO", "ngày vào viện"),
    ("XML0", "NGAY_VAO", "ngày vào viện"),
)
_MADE_ON = "ngày lập tệp"


@dataclass(frozen=True, slots=True)
class Detected:
    """The standard of a visit, the day it was chosen by (None when by its fields), and why in Vietnamese."""

    standard: Standard
    on: date | None
    reason_vi: str


def detect_standard(claim: ParsedClaim, data: Path | None = None) -> Detected:
    """The version of the standard that the visit follows.

    Looks at the end of the visit, else at its start, else at the day of the file. Of several versions in force
    the newest counts. `data` is a data folder other than those in force here.
    """
    standards = [load(name, data) for name in reversed(available(data))]
    on, what = _day(claim)
    if on is not None:
        covering = next((one for one in standards if one.covers(on)), None)
        if covering is not None:
            return Detected(covering, on, f"{what} {on:%d/%m/%Y} thuộc {covering.title}")
    best = min(standards, key=lambda one: _misfits(one, claim.tables))
    why = f"{what} {on:%d/%m/%Y} không thuộc chuẩn nào" if on else "hồ sơ không có ngày đọc được"
    return Detected(best, None, f"{why}; lấy {best.title} vì các trường khớp nhất")


def _day(claim: ParsedClaim) -> tuple[date | None, str]:
    """The first day that can be read, and what it is."""
    for table, tag, what in _DAYS:
        for row in claim.tables.get(table, ()):
            on = day(row.get(tag, ""))
            if on is not None:
                return on, what
    return day(claim.made_on), _MADE_ON


def _misfits(standard: Standard, tables: Mapping[str, Iterable[Row]]) -> int:
    """How many fields the first rows of the tables have too many or too few for a version."""
    count = 0
    for name, rows in tables.items():
        found = next((row.keys() for row in rows), {}.keys())
        known = {field.tag for field in standard.tables[name].fields} if name in standard.tables else set()
        count += len(found ^ known)
    return count
