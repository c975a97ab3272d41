"""Values that the claim tables need and Python lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A moment known only in part, such as a birth with a year and nothing more (không rõ ngày, tháng).

    Written as twelve digits, year first; an unknown month, day or time is written as zeros. Refuses a
    day without its month, a time without its day, and any impossible date or time.
    """

    year: int
    month: int | None = None
    day: int | None = None
    hour: int | None = None
    minute: int | None = None

    def __post_init__(self) -> None:
        if self.day is not None and self.month is None:
            raise ValueError("a day needs its month")
        if self.hour is not None and self.day is None:
            raise ValueError("a time needs its day")
        if (self.hour is None) != (self.minute is None):
            raise ValueError("an hour needs its minute")
        datetime(
            self.year, self.month or 1, self.day or 1, self.hour or 0, self.minute or 0
        )
        if self.month == 0 or self.day == 0:
            raise ValueError("an unknown month or day is None, not 0")

    @classmethod
    def of(cls, value: date | datetime) -> PartialDate:
        """The fully known date; with the time of day when the value has one."""
        if isinstance(value, datetime):
            return cls(value.year, value.month, value.day, value.hour, value.minute)
        return cls(value.year, value.month, value.day)

    @classmethod
    def parse(cls, digits: str) -> PartialDate:
        """Read twelve digits; zeros for month, day or time mean unknown. Refuses anything else."""
        if len(digits) != 12 or not digits.isascii() or not digits.isdigit():
            raise ValueError(f"not twelve digits: {digits!r}")
        year, month, day = (
            int(digits[:4]),
            int(digits[4:6]) or None,
            int(digits[6:8]) or None,
        )
        if digits[8:] == "0000":
            return cls(year, month, day)
        return cls(year, month, day, int(digits[8:10]), int(digits[10:]))

    def digits(self) -> str:
        """The twelve digits of the claim tables, zeros where unknown."""
        return (
            f"{self.year:04d}{self.month or 0:02d}{self.day or 0:02d}"
            f"{self.hour or 0:02d}{self.minute or 0:02d}"
        )
