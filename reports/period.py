"""The span of a report. Pure."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from his.core.dates import month_range


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
    def before(cls, period: Period) -> Period:
        """The month before the one in which a period begins."""
        return cls.month(period.start - timedelta(days=1))

    @classmethod
    def parse_month(cls, text: str) -> Period:
        """A month written 2026-10 or 10/2026. Raises ValueError in Vietnamese."""
        for shape in ("%Y-%m", "%m/%Y"):
            try:
                return cls.month(datetime.strptime(text.strip(), shape).date())
            except ValueError:
                continue
        raise ValueError("Tháng viết dạng 2026-10 hoặc 10/2026")

    def label(self) -> str:
        """As printed under the title: Tháng 10 năm 2026."""
        return f"Tháng {self.start:%m} năm {self.start:%Y}"

    def key(self) -> str:
        """As in file names: 2026-10."""
        return f"{self.start:%Y-%m}"


def month_argument(text: str) -> Period:
    """A month on the command line."""
    try:
        return Period.parse_month(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None
