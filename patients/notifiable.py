"""Which diagnoses are cases that must be reported, and until when (bệnh truyền nhiễm phải báo ca). Pure.

TT 15/2026/TT-BYT asks for case reports and leaves the clocks of each disease to guidance; groups are those of the law
and of QĐ 1965/QĐ-BYT. Both are dated data (`patients/data/notifiable_diseases.csv`) and **a default to be edited**:
the hours come from the repealed TT 54/2015/TT-BYT. A file of the same name in `lists/` of the data folder replaces it;
one that cannot be read is told (`DiseaseList.problem`), and the product's list stands until it is mended.

A row without hours has no report of its own: its cases are only counted for the monthly form. `repeat_days`: a
diagnosis within so many days of a case of the same person is the same case.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path

from his.core import icd
from his.core.text import nfc

DATA = Path(__file__).parent / "data" / "notifiable_diseases.csv"
SUSPECTED, CLINICAL, CONFIRMED = "suspected", "clinical", "confirmed"
CERTAINTY = (SUSPECTED, CLINICAL, CONFIRMED)
"""Classes of a case, the less certain first (ca nghi ngờ, ca lâm sàng, ca xác định)."""
DEATH_HOURS = 24
"""A death from an infectious or suspected infectious disease is reported within 24 hours (TT 15/2026/TT-BYT)."""
DEATH_RESULTS = frozenset({"5", "8"})
"""Treatment results (KET_QUA_DTRI) of a death."""
DISEASE_MAX, NAME_MAX = 40, 255
"""Most characters of the key and of the name of a disease; what is longer cannot be stored with a case."""
HOURS_MAX, REPEAT_DAYS_MAX = 366 * 24, 3660
"""More is a slip of the pen, and would lead to days that no calendar has."""
GROUPS = frozenset({"A", "B", "C"})
COLUMNS = ("disease", "name", "group", "icd", "case_class", "hours", "repeat_days", "valid_from", "valid_to", "law")
"""What a list must have; further columns are not looked at."""


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


@dataclass(frozen=True, slots=True)
class DiseaseList:
    """The rows in force. `problem` says in Vietnamese why a list of the installation is not; empty when it is."""

    rows: tuple[Notifiable, ...]
    problem: str = ""


def matching(codes: Iterable[str], day: date, folder: Path | None = None) -> dict[str, tuple[str, Notifiable]]:
    """The diseases that diagnoses of a day are cases of: by disease the code and its row, the most certain one.

    `folder` is where a list of the installation may lie in the place of the product's.
    """
    found: dict[str, tuple[str, Notifiable]] = {}
    rows = [row for row in list_in_force(folder).rows if _holds_on(row, day)]
    for code in codes:
        for row in rows:
            if icd.holds(row.codes, code):
                known = found.get(row.disease)
                if known is None or rank(row.case_class) > rank(known[1].case_class):
                    found[row.disease] = (code, row)
    return found


def _holds_on(row: Notifiable, day: date) -> bool:
    return row.valid_from <= day and (row.valid_to is None or day <= row.valid_to)


def rank(case_class: str) -> int:
    """How certain a class is."""
    return CERTAINTY.index(case_class)


def list_in_force(folder: Path | None = None) -> DiseaseList:
    """The list of the installation, or the product's when there is none or it cannot be read; never raises for it.

    Each is read once in a process; the installation's again when the file was changed.
    """
    path = folder / "lists" / DATA.name if folder is not None else None
    try:
        if path is not None and path.exists():
            known = path.stat()
            return _own(path, known.st_mtime_ns, known.st_size)
    except OSError as error:
        return DiseaseList(_products(), f"{DATA.name}: không đọc được tệp ({error.strerror or error})")
    return DiseaseList(_products())


@cache
def _products() -> tuple[Notifiable, ...]:
    return _read(DATA)


@lru_cache(maxsize=8)
def _own(path: Path, _changed: int, _size: int) -> DiseaseList:
    try:
        return DiseaseList(_read(path))
    except ValueError as wrong:
        return DiseaseList(_products(), str(wrong))


def _read(path: Path) -> tuple[Notifiable, ...]:
    """All rows of a file. Raises ValueError with a Vietnamese message that names the line, and OSError."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"thiếu cột {', '.join(missing)}")
            rows = tuple(_row(cells) for cells in reader)
        except UnicodeDecodeError as wrong:
            raise ValueError(f"{DATA.name}: tệp không ở bảng mã UTF-8") from wrong
        except csv.Error as wrong:
            raise ValueError(f"{DATA.name}, từ dòng {reader.line_num + 1}: dấu ngoặc kép không khép") from wrong
        except ValueError as wrong:
            raise ValueError(f"{DATA.name}, dòng {max(reader.line_num, 1)}: {wrong}") from wrong
    if not rows:
        raise ValueError(f"{DATA.name}: không có dòng nào")
    return rows


def _row(cells: Mapping[str | None, str | None]) -> Notifiable:
    """One row. Raises ValueError that names the column and says what it must hold."""
    if None in cells or None in cells.values():
        raise ValueError("số ô khác số cột của dòng đầu")
    told = {str(name): nfc(str(text)) for name, text in cells.items()}
    for name, most in (("disease", DISEASE_MAX), ("name", NAME_MAX)):
        if not 1 <= len(told[name]) <= most:
            raise ValueError(f"cột {name} phải có 1 đến {most} ký tự")
    if told["group"] not in GROUPS:
        raise ValueError(f"cột group phải là {', '.join(sorted(GROUPS))}")
    if told["case_class"] not in CERTAINTY:
        raise ValueError(f"cột case_class phải là {', '.join(CERTAINTY)}")
    try:
        codes = icd.read_list(told["icd"])
    except ValueError:
        codes = ()
    if not codes:
        raise ValueError(f"cột icd không phải danh sách mã ICD-10: {told['icd']}")
    valid_from, valid_to = _day(told, "valid_from"), _day(told, "valid_to") if told["valid_to"] else None
    if valid_to is not None and valid_to < valid_from:
        raise ValueError("cột valid_to trước valid_from")
    return Notifiable(
        disease=told["disease"],
        name=told["name"],
        group=told["group"],
        codes=codes,
        case_class=told["case_class"],
        hours=_number(told, "hours", HOURS_MAX) if told["hours"] else None,
        repeat_days=_number(told, "repeat_days", REPEAT_DAYS_MAX),
        valid_from=valid_from,
        valid_to=valid_to,
        law=told["law"],
    )


def _number(told: Mapping[str, str], name: str, most: int) -> int:
    text = told[name]
    if not text.isdecimal() or len(text) > len(str(most)) or not 1 <= int(text) <= most:
        raise ValueError(f"cột {name} phải là số từ 1 đến {most}")
    return int(text)


def _day(told: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(told[name])
    except ValueError:
        raise ValueError(f"cột {name} phải là ngày dạng 2026-07-01") from None
