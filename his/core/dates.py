"""Dates as desks type them and as claims need them. Nothing here reads a clock: `on` is always given."""

import calendar
import re
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
Precision = Literal["day", "month", "year"]
FIRST_YEAR = 1900  # of what a hospital writes down; dates of birth have their own limit

_DIGITS = re.compile(r"^(\d{1,2})[./\- ]?(\d{2})[./\- ]?(\d{4})$", re.ASCII)
_PARTS = re.compile(r"^(\d{1,2})[./\- ](\d{1,2})[./\- ](\d{4})$", re.ASCII)
_MONTH = re.compile(r"^(\d{1,2})[./\-](\d{4})$")
_MONTH_TYPED = re.compile(r"^(\d{1,2})[./\- ]?(\d{4})$", re.ASCII)
_MONTH_WRITTEN = re.compile(r"^(\d{4})-(\d{1,2})$", re.ASCII)
_MOMENT = re.compile(r"^(\S+)\s+(\d{1,2})[:hg. ]?(\d{2})$", re.IGNORECASE)
_AGE = re.compile(r"^(\d{1,3})\s*(t|tuoi|tuổi)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BirthDate:
    """A birth date as far as it is known. `value` holds 1 for unknown parts; `precision` says which are real."""

    value: date
    precision: Precision

    def text(self) -> str:
        """As printed: 15/03/1954, 03/1954 or 1954."""
        if self.precision == "day":
            return self.value.strftime("%d/%m/%Y")
        return self.value.strftime("%m/%Y") if self.precision == "month" else str(self.value.year)


def parse_birth(text: str, *, on: date) -> BirthDate:
    """Read `15031954`, `15/3/1954`, `03/1954`, `1954` or `72t` (age in years on `on`).

    Raises ValueError with a Vietnamese message for impossible or future dates, and for ages over 130 years.
    """
    raw = text.strip()
    found = _birth_parts(raw, on)
    if found is None:
        raise ValueError("Ngày sinh gõ dạng 15031954, 1954 hoặc 72t")
    if found.value > on:
        raise ValueError("Ngày sinh ở tương lai")
    if on.year - found.value.year > 130:
        raise ValueError("Ngày sinh quá xa, hãy kiểm tra lại")
    return found


def _birth_parts(raw: str, on: date) -> BirthDate | None:
    if re.fullmatch(r"\d{4}", raw):
        if int(raw) < 1:
            return None
        return BirthDate(date(int(raw), 1, 1), "year")
    if age := _AGE.match(raw):
        return BirthDate(date(max(1, on.year - int(age[1])), 1, 1), "year")
    if month := _MONTH.match(raw):
        return _safe(int(month[2]), int(month[1]), 1, "month")
    if parts := _PARTS.match(raw) or _DIGITS.match(raw):
        return _safe(int(parts[3]), int(parts[2]), int(parts[1]), "day")
    return None


def _safe(year: int, month: int, day: int, precision: Precision) -> BirthDate:
    try:
        return BirthDate(date(year, month, day), precision)
    except ValueError:
        raise ValueError("Ngày không có thật") from None


def parse_day(text: str) -> date:
    """Read a full day typed as `22112026` or `22/11/2026`. Raises ValueError in Vietnamese.

    The first and the last year of the calendar are refused, since the day before or after is asked for everywhere, and
    with them, as for months, everything before 1900: a slip of the hand. Days of birth are read by `parse_birth`.
    """
    parts = _PARTS.match(text.strip()) or _DIGITS.match(text.strip())
    if not parts:
        raise ValueError("Ngày gõ dạng 22112026 hoặc 22/11/2026")
    if not FIRST_YEAR <= int(parts[3]) < MAXYEAR:
        raise ValueError(f"Năm phải từ {FIRST_YEAR} đến {MAXYEAR - 1}")
    return _safe(int(parts[3]), int(parts[2]), int(parts[1]), "day").value


def parse_month(text: str) -> date:
    """The first day of a month typed as `10/2026`, `102026` or `2026-10`. Raises ValueError in Vietnamese."""
    if found := _MONTH_TYPED.match(text.strip()):
        month, year = int(found[1]), int(found[2])
    elif found := _MONTH_WRITTEN.match(text.strip()):
        year, month = int(found[1]), int(found[2])
    else:
        year = month = 0
    if not 1 <= month <= 12:
        raise ValueError("Tháng viết dạng 2026-10 hoặc 10/2026")
    if not FIRST_YEAR <= year < MAXYEAR:
        raise ValueError(f"Năm phải từ {FIRST_YEAR} đến {MAXYEAR - 1}")
    return date(year, month, 1)


def parse_moment(text: str) -> datetime:
    """Read a minute of Vietnamese wall time typed as `22112026 0805` or `22/11/2026 8:05`. Raises ValueError."""
    if not (parts := _MOMENT.match(text.strip())):
        raise ValueError("Ngày giờ gõ dạng 22/11/2026 08:05")
    hour, minute = int(parts[2]), int(parts[3])
    if hour > 23 or minute > 59:
        raise ValueError("Giờ không có thật")
    return vn_datetime(parse_day(parts[1]), time(hour, minute))


def local(at: datetime) -> datetime:
    """The instant in Vietnamese wall time."""
    return at.astimezone(VIETNAM)


def vn_datetime(day: date, at: time) -> datetime:
    """An aware instant from Vietnamese wall time."""
    return datetime.combine(day, at, tzinfo=VIETNAM)


def month_range(year: int, month: int) -> tuple[date, date]:
    """First day of the month and first day of the next: a half-open range for queries."""
    last = calendar.monthrange(year, month)[1]
    return date(year, month, 1), date(year, month, last) + timedelta(days=1)


def day_range(day: date) -> tuple[datetime, datetime]:
    """Half-open range of instants of one Vietnamese day."""
    start = vn_datetime(day, time())
    return start, start + timedelta(days=1)


def age_years(born: date, on: date) -> int:
    """Completed years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def age_months(born: date, on: date) -> int:
    """Completed months."""
    return (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)


def age_text(born: date, on: date, precision: Precision = "day") -> str:
    """Age in the unit a clinician expects: days under one month, months under six years, then years."""
    if precision != "day":
        return f"{on.year - born.year} tuổi"
    if (on - born).days < 31:
        return f"{(on - born).days} ngày"
    months = age_months(born, on)
    return f"{months} tháng" if months < 72 else f"{age_years(born, on)} tuổi"
