"""Temperature and humidity of stores (nhiệt độ, độ ẩm): what is in range, and the sheet of a month. Pure.

Ranges by storage condition are data (`pharmacy/data/storage_ranges.csv`): 2 to 8 °C cold, -25 to -15 °C frozen, 15 to
30 °C and at most 75 % humidity in an ordinary store.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from his.ui.text import decimal_text

DATA = Path(__file__).parent / "data" / "storage_ranges.csv"

MORNING, AFTERNOON = "morning", "afternoon"
SHIFTS = (MORNING, AFTERNOON)


@dataclass(frozen=True, slots=True)
class Range:
    """Degrees Celsius from `low` to `high`, both included; `humidity_high` in percent, None: not asked for."""

    low: Decimal
    high: Decimal
    humidity_high: Decimal | None = None

    def deviation(self, temperature: Decimal, humidity: Decimal | None) -> str:
        """What is out of range, in words; empty when nothing is."""
        said = []
        if temperature < self.low:
            said.append(f"thấp hơn {decimal_text(self.low)} °C")
        if temperature > self.high:
            said.append(f"cao hơn {decimal_text(self.high)} °C")
        if self.humidity_high is not None and humidity is not None and humidity > self.humidity_high:
            said.append(f"ẩm quá {decimal_text(self.humidity_high)} %")
        return ", ".join(said)

    def text(self) -> str:
        """As people read it."""
        degrees = f"{decimal_text(self.low)} đến {decimal_text(self.high)} °C"
        return degrees if self.humidity_high is None else f"{degrees}, ẩm ≤ {decimal_text(self.humidity_high)} %"


@cache
def usual_ranges() -> dict[str, Range]:
    """The range that belongs to each storage condition; the empty one is that of an ordinary store."""
    with DATA.open(encoding="utf-8", newline="") as file:
        return {
            row["storage"]: Range(
                Decimal(row["low"]),
                Decimal(row["high"]),
                Decimal(row["humidity_high"]) if row["humidity_high"] else None,
            )
            for row in csv.DictReader(file)
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """One reading as the sheet of a month shows it."""

    day: int
    shift: str
    temperature: Decimal
    humidity: Decimal | None
    recorder: str
    is_deviation: bool


@dataclass(frozen=True, slots=True)
class MonthSheet:
    """A row of cells for each of the two shifts, a cell for each day; empty where nobody measured."""

    temperatures: dict[str, list[str]]
    humidities: dict[str, list[str]]
    recorders: dict[str, list[str]]
    deviations: dict[str, list[bool]]
    missing: int


def month_sheet(readings: Iterable[Measured], *, days: int, until: int) -> MonthSheet:
    """The sheet of a month of `days` days; `missing` counts the cells up to day `until` that nobody filled."""
    known = {(one.shift, one.day): one for one in readings}

    def cells(shift: str, name: str) -> list[str]:
        found = (known.get((shift, day)) for day in range(1, days + 1))
        return [_cell(getattr(one, name)) if one is not None else "" for one in found]

    return MonthSheet(
        temperatures={shift: cells(shift, "temperature") for shift in SHIFTS},
        humidities={shift: cells(shift, "humidity") for shift in SHIFTS},
        recorders={shift: cells(shift, "recorder") for shift in SHIFTS},
        deviations={
            shift: [(shift, day) in known and known[shift, day].is_deviation for day in range(1, days + 1)]
            for shift in SHIFTS
        },
        missing=sum((shift, day) not in known for shift in SHIFTS for day in range(1, until + 1)),
    )


def initials(names: Mapping[int, str]) -> dict[int, str]:
    """What fits a cell of the sheet for each person by id: `Mai Thị Dược` -> `MTD`, and `MTD1`, `MTD2` where two share
    their letters. The full names stand in the legend."""
    short = {pk: "".join(word[0] for word in name.split()).upper() or "?" for pk, name in names.items()}
    by_letters: dict[str, list[int]] = {}
    for pk in sorted(names):
        by_letters.setdefault(short[pk], []).append(pk)
    return {
        pk: letters if len(shared) == 1 else f"{letters}{number}"
        for letters, shared in by_letters.items()
        for number, pk in enumerate(shared, 1)
    }


def _cell(value: Decimal | str | None) -> str:
    if value is None:
        return ""
    return decimal_text(value) if isinstance(value, Decimal) else value
