"""How long a signed prescription may be handed out: dated rows of `data/prescription_validity.csv`. No clock.

A prescription is valid for so many days from its day (TT 26/2025/TT-BYT): that day itself is not counted.
"""

import csv
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("data") / "prescription_validity.csv"


@cache
def _rows() -> tuple[tuple[date, date | None, int, str], ...]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            (
                date.fromisoformat(row["valid_from"]),
                date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
                int(row["days"]),
                row["source"],
            )
            for row in csv.DictReader(file)
        )


def last_day(signed_on: date) -> date | None:
    """The last day on which a prescription of that day may be handed out; None when no rule of the day limits it."""
    for first, last, days, _source in _rows():
        if first <= signed_on and (last is None or signed_on <= last):
            return signed_on + timedelta(days=days)
    return None


def source_of(signed_on: date) -> str:
    """The circular that limits prescriptions of that day."""
    rows = (row for row in _rows() if row[0] <= signed_on and (row[1] is None or signed_on <= row[1]))
    return next((row[3] for row in rows), "")
