"""How long people wait for a room: from taking a number to being called (thời gian chờ khám), for many facilities.

Middle and 90th percentile are the database's (`percentile_cont`); minutes are rounded to a tenth. A number that was
called again, or whose examination began, counts to that last moment; one that nobody called counts nowhere.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import (
    Aggregate,
    Count,
    DecimalField,
    DurationField,
    Expression,
    ExpressionWrapper,
    F,
    FloatField,
    QuerySet,
)
from django.db.models.functions import Cast, Extract, ExtractHour, ExtractIsoWeekDay, Round

from his.accounts.reach import Reach
from his.core.dates import VIETNAM
from patients.models import QueueTicket, Visit

_EXACT: Any = DecimalField(max_digits=12, decimal_places=4)


class _Percentile(Aggregate):
    """`percentile_cont(part) WITHIN GROUP (ORDER BY …)`."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(part)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, expression: Any, part: Decimal) -> None:
        super().__init__(expression, part=part)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many were called, and the minutes that half and nine tenths of them waited at most."""

    count: int
    median: Decimal
    ninetieth: Decimal


def called(rows: QuerySet[QueueTicket], start: datetime, end: datetime) -> QuerySet[Any]:
    """Of some numbers those issued from `start` to before `end` and called, of visits that were not cancelled.

    Each has the `minutes` waited, and `hour` and `weekday` (1 is Monday) of issue.
    """
    rows = rows.filter(issued_at__gte=start, issued_at__lt=end, called_at__gte=F("issued_at"))
    seconds = Cast(Extract(ExpressionWrapper(F("called_at") - F("issued_at"), DurationField()), "epoch"), _EXACT)
    return rows.exclude(visit__state=Visit.State.CANCELLED).annotate(
        minutes=ExpressionWrapper(seconds / 60, _EXACT),
        hour=ExtractHour("issued_at", tzinfo=VIETNAM),
        weekday=ExtractIsoWeekDay("issued_at", tzinfo=VIETNAM),
    )


def waiting_by(reach: Reach, start: datetime, end: datetime, *names: str) -> dict[tuple[int, ...], Waiting]:
    """Waiting of a period by `hour`, `weekday` or `facility_id`, in one statement; without a name of all together."""
    rows = called(QueueTicket.objects.for_reach(reach), start, end).order_by()
    sums: dict[str, Expression] = {"count": Count("pk"), "median": _minutes("0.5"), "ninetieth": _minutes("0.9")}
    if not names:
        row = rows.aggregate(**sums)
        return {(): Waiting(**row)} if row["count"] else {}
    found = rows.values(*names).annotate(**sums)
    return {tuple(row.pop(name) for name in names): Waiting(**row) for row in found}


def _minutes(part: str) -> Expression:
    return Round(Cast(_Percentile("minutes", Decimal(part)), _EXACT), precision=1)
