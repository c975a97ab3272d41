"""Duties in hours: how many clocks run at a facility, how many are over, and the list where they stand.

The clocks are those of the desks that keep them: cases of infectious diseases and deaths of them, losses of drugs under
special control. Which of them a duty means is its proof in `data/duties.csv`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import local
from patients.queries_cases import cases_to_report
from pharmacy.incidents import deadline
from pharmacy.queries_incidents import open_incidents, unreported
from reports.duties.rules import Duty, load_duties
from reports.duties.states import owner_of, owners_at
from reports.period import Period


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where the clocks of a proof are read, the list that shows them, and who may open it."""

    read: Callable[[Facility, datetime], list[datetime]]
    page: str
    permission: str


@dataclass(frozen=True, slots=True)
class EventTask:
    """A duty that follows events, as of an instant; `next_due_at` is the first red line ahead, `url` its list."""

    duty: Duty
    waiting: int
    late: int
    next_due_at: datetime | None
    url: str
    owner: str
    is_mine: bool

    @property
    def badge(self) -> tuple[str, str]:
        """(words, kind): n việc, k quá hạn."""
        if not self.waiting:
            return "Không có việc nào chờ báo", "ok"
        words = f"{self.waiting} việc"
        return (f"{words}, {self.late} quá hạn", "stop") if self.late else (words, "warn")


def event_tasks(actor: Actor, at: datetime) -> list[EventTask]:
    """The duties in hours of the actor's facility. Who may not open the desk of the clocks sees how many run."""
    day = Period.day(local(at).date())
    duties = [duty for duty in load_duties() if duty.every == "event" and duty.concerns(actor.facility.kind, day)]
    owners = owners_at(actor.facility)
    return [_task(duty, actor, at, *owner_of(duty, owners.get(duty.code), actor)) for duty in duties]


def _task(duty: Duty, actor: Actor, at: datetime, owner: str, is_mine: bool) -> EventTask:
    clocks = CLOCKS[duty.proof]
    dues = clocks.read(actor.facility, at)
    ahead = [due for due in dues if due >= at]
    url = reverse(clocks.page) if actor.may(clocks.permission) else ""
    return EventTask(duty, len(dues), len(dues) - len(ahead), min(ahead, default=None), url, owner, is_mine)


def _cases(facility: Facility, at: datetime) -> list[datetime]:
    return list(cases_to_report(facility).values_list("next_due", flat=True))


def _incidents(facility: Facility, at: datetime) -> list[datetime]:
    """Documents that nobody has written a report of nor dismissed, and reports that were not sent yet."""
    written = [deadline(report.found_at, at).due_at for report in open_incidents(facility)]
    return [*written, *(row.deadline.due_at for row in unreported(facility, at))]


CLOCKS = {
    "cases": Clocks(_cases, "cases", "cases.report"),
    "incidents": Clocks(_incidents, "controlled-incidents", "pharmacy.view"),
}
"""By the proof of a duty."""
