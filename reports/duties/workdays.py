"""Working days in Vietnam: Monday to Friday, less public holidays, plus Saturdays worked in exchange. Pure.

`data/holidays.csv` is dated and is extended when the days of a year are announced. Days that are not yet announced are
there with `is_set` 0; who uses them says so.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).parents[1] / "data" / "holidays.csv"
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Day:
    """A day that is not what the week says: off, or worked."""

    is_off: bool
    name: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class Holidays:
    """The days that differ from the week, and the years for which they are known."""

    days: Mapping[date, Day]

    def is_working(self, day: date) -> bool:
        """Whether offices work on the day."""
        special = self.days.get(day)
        return not special.is_off if special else day.weekday() < _SATURDAY

    def is_certain(self, first: date, last: date) -> bool:
        """Whether the days off between two days, both included, are announced."""
        years = {day.year for day in self.days}
        if not set(range(first.year, last.year + 1)) <= years:
            return False
        return all(special.is_set for day, special in self.days.items() if first <= day <= last)


def working_day(after: date, count: int, holidays: Holidays) -> date:
    """The working day number `count` (from 1) after a day; that day itself is not counted."""
    if count < 1:
        raise ValueError("working days are counted from 1")
    day = after
    while count:
        day += timedelta(days=1)
        count -= holidays.is_working(day)
    return day


@lru_cache(maxsize=4)
def load_holidays(path: Path = FILE) -> Holidays:
    """The days of the file. Raises ValueError when one day is named twice."""
    days: dict[date, Day] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            first, last = date.fromisoformat(row["first"]), date.fromisoformat(row["last"])
            for number in range((last - first).days + 1):
                day = first + timedelta(days=number)
                if day in days or row["kind"] not in {"off", "working"}:
                    raise ValueError(f"{path.name}: {day} twice, or of an unknown kind")
                days[day] = Day(row["kind"] == "off", row["name"], row["is_set"] == "1")
    return Holidays(days)
