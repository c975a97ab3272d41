"""What the cashier's desk asks of the layer above: the filed reports that a correction touches, and where it counts."""

from dataclasses import dataclass
from datetime import date, datetime

from his.core.dates import local
from his.core.hooks import Hook
from patients.models import Visit


@dataclass(frozen=True, slots=True)
class FiguresChange:
    """One figure of a filed report, or one thing that it says of the visit, before and after; texts as printed."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class FiledReport:
    """A report that was signed or sent and that a visit stands in, or would stand in; `pk` is its version.

    `is_counted`: whether its figures hold the visit, and not only the day on which it ended. `changes` are what closing
    the visit as it is now does to it: the report itself never changes, a supplement is due.
    """

    pk: int
    title: str
    state: str
    month: date
    is_counted: bool
    changes: tuple[FiguresChange, ...] = ()


filed_reports: Hook[[Visit, bool], list[FiledReport]] = Hook("filed_reports")
"""(visit, with changes) -> the reports in force that were signed or sent and that hold the visit or its last day,
filled by the reports package. With changes the visit is compared as it is stored now: the caller may have closed it in
a savepoint that it rolls back."""

filed_month: Hook[[Visit], date | None] = Hook("filed_month")
"""(visit) -> the first day of the settlement month whose form 01/BH was signed or sent with the visit in it, filled by
the reports package; None when the visit stands in none that is in force."""


def settlement_month(visit: Visit, at: datetime) -> date:
    """The settlement month of a visit that is closed at `at`, as its first day.

    It is the month of closing. A visit that is closed again after the form 01/BH of its month was signed or sent stays
    in that month: the fund was asked for it there, and the correction is an adjustment (form 09/BH) and no second
    request (TT 12/2026/TT-BTC).
    """
    filed = filed_month(visit) if visit.version > 1 else None
    return filed or local(at).date().replace(day=1)
