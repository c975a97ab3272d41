"""Figures of the briefing and how a cell is read: what was counted, what was written over it, what follows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from his.core.dates import vn_datetime

TURN = time(7)
"""The hour at which a duty ends and the next begins."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One column. Not `is_counted`: nothing in the records tells it, so it is written by hand."""

    code: str
    heading: str
    group: str
    is_counted: bool = False


_BEDS, _WORK, _OUT, _TESTS = "Người bệnh nội trú", "Phẫu thuật, đẻ, thủ thuật", "Khám bệnh", "Cận lâm sàng"
METRICS: tuple[Metric, ...] = (
    Metric("before", "BN cũ", _BEDS, is_counted=True),
    Metric("admitted", "Vào", _BEDS, is_counted=True),
    Metric("moved_in", "Chuyển đến", _BEDS, is_counted=True),
    Metric("moved_out", "Chuyển khoa", _BEDS, is_counted=True),
    Metric("discharged", "Ra viện", _BEDS, is_counted=True),
    Metric("sent_away", "Chuyển viện", _BEDS, is_counted=True),
    Metric("died", "Tử vong", _BEDS, is_counted=True),
    Metric("present", "Hiện có", _BEDS),
    Metric("beds_wanted", "Giường yêu cầu", _BEDS),
    Metric("urgent_surgery", "PT cấp cứu", _WORK),
    Metric("planned_surgery", "PT phiên", _WORK),
    Metric("births", "Đẻ thường", _WORK),
    Metric("procedures", "Thủ thuật", _WORK, is_counted=True),
    Metric("visits", "Lượt khám", _OUT, is_counted=True),
    Metric("emergencies", "Cấp cứu", _OUT, is_counted=True),
    Metric("to_ward", "Vào viện", _OUT, is_counted=True),
    Metric("transfers", "Chuyển viện", _OUT, is_counted=True),
    Metric("blood", "XN huyết học", _TESTS, is_counted=True),
    Metric("chemistry", "XN sinh hoá", _TESTS, is_counted=True),
    Metric("urine", "XN nước tiểu", _TESTS, is_counted=True),
    Metric("other_tests", "XN khác", _TESTS, is_counted=True),
    Metric("x_ray", "X-quang", _TESTS, is_counted=True),
    Metric("ultrasound", "Siêu âm", _TESTS, is_counted=True),
    Metric("other_imaging", "CĐHA, TDCN khác", _TESTS, is_counted=True),
)
BY_CODE = {metric.code: metric for metric in METRICS}
PRESENT = "present"
_COMING, _GOING = ("before", "admitted", "moved_in"), ("moved_out", "discharged", "sent_away", "died")


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of one department: counted, written by hand, and a note. None: not known."""

    counted: int | None = None
    written: int | None = None
    note: str = ""

    @property
    def value(self) -> int | None:
        """What counts: the hand before the records."""
        return self.counted if self.written is None else self.written


def window(day: date) -> tuple[datetime, datetime]:
    """The duty that the briefing of a morning is about: from 07:00 the day before to 07:00."""
    end = vn_datetime(day, TURN)
    return end - timedelta(days=1), end


def present(cells: Mapping[str, Cell]) -> int | None:
    """Hiện có = cũ + vào + đến - chuyển khoa - ra - chuyển viện - tử vong; None while who was there is not known."""
    if "before" not in cells or cells["before"].value is None:
        return None

    def total(codes: tuple[str, ...]) -> int:
        return sum(cells[code].value or 0 for code in codes if code in cells)

    return total(_COMING) - total(_GOING)


def completed(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    """All metrics of a department; what is there now follows from the others."""
    found = {metric.code: cells.get(metric.code, Cell()) for metric in METRICS}
    found[PRESENT] = Cell(counted=present(found), note=found[PRESENT].note)
    return found
