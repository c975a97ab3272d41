"""The span of a report. Pure."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from his.core.dates import day_range, month_range, parse_month


@dataclass(frozen=True, slots=True)
class Period:
    """First and last day of a report (kỳ báo cáo), both included."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("a period does not end before it begins")

    @classmethod
    def month(cls, day: date) -> Period:
        """The month of a day."""
        start, after = month_range(day.year, day.month)
        return cls(start, after - timedelta(days=1))

    @classmethod
    def quarter(cls, day: date) -> Period:
        """The quarter of a day."""
        return cls._months(day.year, (day.month - 1) // 3 * 3 + 1, 3)

    @classmethod
    def half_year(cls, day: date) -> Period:
        """The half-year of a day."""
        return cls._months(day.year, 1 if day.month <= 6 else 7, 6)

    @classmethod
    def year(cls, day: date) -> Period:
        """The year of a day."""
        return cls._months(day.year, 1, 12)

    @classmethod
    def day(cls, day: date) -> Period:
        """One day."""
        return cls(day, day)

    @classmethod
    def _months(cls, year: int, first: int, count: int) -> Period:
        return cls(date(year, first, 1), month_range(year, first + count - 1)[1] - timedelta(days=1))

    @classmethod
    def of(cls, kind: str, day: date) -> Period:
        """The period of a kind of `KINDS` in which a day lies."""
        return KINDS[kind](day)

    @property
    def kind(self) -> str:
        """Which of `KINDS` it is; empty for a span of its own."""
        return next((kind for kind, of in KINDS.items() if of(self.start) == self), "")

    def fitting(self, kinds: Sequence[str]) -> Period:
        """Itself, or of a month that is none of the kinds the period around it of the first kind."""
        return self if self.kind in kinds or self.kind != "month" else Period.of(kinds[0], self.start)

    def instants(self) -> tuple[datetime, datetime]:
        """The local midnight at which it begins, and the one at which it is over."""
        return day_range(self.start)[0], day_range(self.end)[1]

    def months(self) -> list[Period]:
        """The months that it touches, in order."""
        found = [Period.month(self.start)]
        while found[-1].end < self.end:
            found.append(Period.month(found[-1].end + timedelta(days=1)))
        return found

    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.start + timedelta(days=number) for number in range((self.end - self.start).days + 1)]

    @classmethod
    def months_to(cls, day: date, count: int) -> Period:
        """So many whole months, the last of them the month of the day."""
        first = day.year * 12 + day.month - count
        return cls(date(first // 12, first % 12 + 1, 1), cls.month(day).end)

    @classmethod
    def before(cls, period: Period) -> Period:
        """The period of the same kind before it; of a span of its own the month before."""
        return cls.of(period.kind or "month", period.start - timedelta(days=1))

    @classmethod
    def parse_month(cls, text: str) -> Period:
        """A month written 2026-10 or 10/2026. Raises ValueError in Vietnamese."""
        return cls.month(parse_month(text))

    @classmethod
    def parse(cls, text: str) -> Period:
        """A month or a quarter as it is typed. Raises ValueError in Vietnamese."""
        return cls.parse_quarter(text) if "Q" in text.upper() else cls.parse_month(text)

    @classmethod
    def parse_quarter(cls, text: str) -> Period:
        """A quarter written 2026-Q4 or Q4/2026. Raises ValueError in Vietnamese."""
        found = re.fullmatch(r"(\d{4})-?Q([1-4])|Q([1-4])/(\d{4})", text.strip().upper())
        if found is None:
            raise ValueError("Quý viết dạng 2026-Q4 hoặc Q4/2026")
        year, quarter = found[1] or found[4], found[2] or found[3]
        return cls.quarter(parse_month(f"{year}-{int(quarter) * 3}"))

    def label(self) -> str:
        """As printed under the title: Tháng 10 năm 2026, Quý IV năm 2026."""
        start = self.start
        return {
            "day": f"Ngày {start:%d/%m/%Y}",
            "month": f"Tháng {start:%m} năm {start:%Y}",
            "quarter": f"Quý {_ROMAN[(start.month - 1) // 3]} năm {start:%Y}",
            "half_year": f"6 tháng {'đầu' if start.month == 1 else 'cuối'} năm {start:%Y}",
            "year": f"Năm {start:%Y}",
        }.get(self.kind, f"Từ {start:%d/%m/%Y} đến {self.end:%d/%m/%Y}")

    def short(self) -> str:
        """As in lists: tháng 10/2026, quý IV/2026, 6 tháng cuối năm 2026, năm 2026."""
        start = self.start
        return {
            "month": f"tháng {start:%m/%Y}",
            "quarter": f"quý {_ROMAN[(start.month - 1) // 3]}/{start:%Y}",
            "half_year": f"6 tháng {'đầu' if start.month == 1 else 'cuối'} năm {start:%Y}",
            "year": f"năm {start:%Y}",
        }.get(self.kind, self.key())

    def typed(self) -> str:
        """As somebody types it at the desk: 10/2026, Q4/2026."""
        start = self.start
        quarter = f"Q{(start.month - 1) // 3 + 1}/{start:%Y}"
        return {"month": f"{start:%m/%Y}", "quarter": quarter}.get(self.kind, self.key())

    def key(self) -> str:
        """As in file names: 2026-10, 2026-Q4."""
        start = self.start
        return {
            "day": f"{start:%Y-%m-%d}",
            "month": f"{start:%Y-%m}",
            "quarter": f"{start:%Y}-Q{(start.month - 1) // 3 + 1}",
            "half_year": f"{start:%Y}-H{(start.month - 1) // 6 + 1}",
            "year": f"{start:%Y}",
        }.get(self.kind, f"{start:%Y%m%d}-{self.end:%Y%m%d}")


KINDS: dict[str, Callable[[date], Period]] = {
    "day": Period.day,
    "month": Period.month,
    "quarter": Period.quarter,
    "half_year": Period.half_year,
    "year": Period.year,
}
KIND_WORDS = {"day": "ngày", "month": "tháng", "quarter": "quý", "half_year": "6 tháng", "year": "năm"}
_ROMAN = ("I", "II", "III", "IV")


def month_argument(text: str) -> Period:
    """A month on the command line."""
    return _argument(Period.parse_month, text)


def quarter_argument(text: str) -> Period:
    """A quarter on the command line."""
    return _argument(Period.parse_quarter, text)


def _argument(read: Callable[[str], Period], text: str) -> Period:
    try:
        return read(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None
