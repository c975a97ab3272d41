"""Duties to report as data, and when each is due. Pure.

A duty is a row of `data/duties.csv`: what, for which period, by when, who, to whom, by which law, from when to when and
for which kinds of facility (empty: all). `due` and `warn` are rules counted from the end of the period:

    day:n       day n of the month after it
    before:n    before day n of the month after it: the last day is n - 1
    working:n   the n-th working day after it
    end:n       n days after its last day (n may be negative)
    hours:n     n hours after what happened, for duties of the period `event`

The warning line never lies behind the red line. Deadlines do not move when they fall on a day off: nothing is lost by
being early, and the circulars name no postponement.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal

from reports.duties.workdays import Holidays, working_day
from reports.period import KINDS, Period

FILE = Path(__file__).parents[1] / "data" / "duties.csv"
Every = Literal["month", "quarter", "half_year", "year", "event"]
RULES = ("day", "before", "working", "end", "hours")
PROOFS = ("filing", "claims_export", "stocktake", "tick", "cases", "incidents")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a date: its kind and its number."""

    kind: str
    count: int

    @classmethod
    def parse(cls, text: str) -> Rule:
        """A rule as written in the file. Raises ValueError."""
        kind, _, count = text.partition(":")
        if kind not in RULES:
            raise ValueError(f"unknown rule {text!r}")
        return cls(kind, int(count))


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty. `proof` says what shows that it is done: a filed report, an export, a stock-take, a tick, or, of a duty
    in hours, that no case or no incident waits for its report any more."""

    code: str
    form: str
    proof: str
    title: str
    every: Every
    due: Rule
    warn: Rule
    role: str
    kinds: frozenset[str]
    receiver: str
    law: str
    valid_from: date
    valid_to: date | None

    def concerns(self, kind: str, period: Period) -> bool:
        """Whether a facility of this kind has it for the period: the law is in force when the period ends."""
        is_in_force = self.valid_from <= period.end and (self.valid_to is None or period.end <= self.valid_to)
        return is_in_force and (not self.kinds or kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Due:
    """Warning line and red line of a duty, both the last day on which one is in time; `is_certain` is false when days
    off on the way are not announced yet."""

    warn_on: date
    due_on: date
    is_certain: bool


def due_of(duty: Duty, period: Period, holidays: Holidays) -> Due:
    """When a duty of a period is due."""
    due_on = _day(duty.due, period.end, holidays)
    warn_on = min(_day(duty.warn, period.end, holidays), due_on)
    counts_work = "working" in {duty.due.kind, duty.warn.kind}
    is_certain = not counts_work or holidays.is_certain(period.end + timedelta(days=1), due_on)
    return Due(warn_on, due_on, is_certain)


def due_at(duty: Duty, happened_at: datetime) -> tuple[datetime, datetime]:
    """(warning, red line) of a duty that follows an event, in hours by the clock."""
    return happened_at + timedelta(hours=duty.warn.count), happened_at + timedelta(hours=duty.due.count)


def _day(rule: Rule, end: date, holidays: Holidays) -> date:
    if rule.kind == "working":
        return working_day(end, rule.count, holidays)
    shift = {"day": rule.count, "before": rule.count - 1, "end": rule.count}[rule.kind]
    return end + timedelta(days=shift)


def periods_ending(every: str, first: date, last: date) -> Iterator[Period]:
    """The periods that end between two days, both included."""
    period = Period.of(every, first)
    while period.end <= last:
        yield period
        period = Period.of(every, period.end + timedelta(days=1))


def dues_between(
    kind: str, first: date, last: date, holidays: Holidays, duties: tuple[Duty, ...]
) -> list[tuple[Duty, Period, Due]]:
    """What a facility of this kind has to do with a red line between two days, both included, earliest first."""
    found = []
    for duty in duties:
        if duty.every == "event":
            continue
        for period in periods_ending(duty.every, first - timedelta(days=62), last + timedelta(days=31)):
            due = due_of(duty, period, holidays)
            if first <= due.due_on <= last and duty.concerns(kind, period):
                found.append((duty, period, due))
    return sorted(found, key=lambda item: (item[2].due_on, item[0].code))


@lru_cache(maxsize=4)
def load_duties(path: Path = FILE) -> tuple[Duty, ...]:
    """The duties of the file. Raises ValueError for a rule, period or proof that is not known."""
    with path.open(encoding="utf-8", newline="") as file:
        duties = tuple(_duty(row) for row in csv.DictReader(file))
    if len({duty.code for duty in duties}) != len(duties):
        raise ValueError(f"{path.name}: a code stands there twice")
    return duties


def _duty(row: dict[str, str]) -> Duty:
    due, warn = Rule.parse(row["due"]), Rule.parse(row["warn"])
    is_event = row["period"] == "event"
    if (row["proof"] in {"cases", "incidents"}) != is_event:
        raise ValueError(f"{row['code']}: a duty of events is shown by the clocks of a desk, another one is not")
    if row["period"] not in {*KINDS, "event"} or row["proof"] not in PROOFS:
        raise ValueError(f"{row['code']}: unknown period or proof")
    if {due.kind == "hours", warn.kind == "hours"} != {is_event} or (row["proof"] == "filing") != bool(row["form"]):
        raise ValueError(f"{row['code']}: hours go with events, a form with the proof by filing")
    return Duty(
        code=row["code"],
        form=row["form"],
        proof=row["proof"],
        title=row["title"],
        every=row["period"],  # type: ignore[arg-type]
        due=due,
        warn=warn,
        role=row["role"],
        kinds=frozenset(row["kinds"].split()),
        receiver=row["receiver"],
        law=row["law"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
    )
