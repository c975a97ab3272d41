"""The figures of a month, of one facility or of each of a group: one statement a question, however many there are.

Nothing is worked out anew: money is the cash ledger with the signs of the cash report, the funnel and its causes are
those of the claims screen, stock is judged as on the lists ahead. What is not closed yet is counted as it stands now.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

from django.db.models import Count
from django.db.models.functions import TruncDate, TruncMonth

from his.accounts.reach import Reach
from his.core.dates import VIETNAM
from his.core.money import ZERO
from insurance.billing.ledger import taken_by
from insurance.claims import causes, queries
from insurance.models import CashEntry
from insurance.rules.engine import Severity
from patients.models import Visit
from patients.queries_waiting import Waiting, waiting_by
from pharmacy.queries_risk import StockRisk, stock_risk
from reports.period import Period

MONTHS = 12
METHODS = tuple(str(method) for method in CashEntry.Method)
REFUSABLE = queries.View(
    "refusable",
    "Có thể bị từ chối",
    queries.view_of("findings").where,
    found=queries.open_of(Severity.BLOCKING, Severity.WARNING),
)
"""Findings that stand against payment: those that block, and those for which the fund may take money back."""


class Figures:
    """What is known of a reach in a month; each question is asked once, when it is needed."""

    def __init__(self, reach: Reach, month: date, today: date, *, is_year: bool = False) -> None:
        self.reach, self.today, self.is_year = reach, today, is_year
        self.month = Period.month(month)
        self.shown = Period.months_to(month, MONTHS) if is_year else self.month

    @cached_property
    def steps(self) -> list[date]:
        """What is shown step by step: the days of the month, or twelve months by their first days."""
        return [month.start for month in self.shown.months()] if self.is_year else self.shown.days()

    # Visits

    @cached_property
    def _arrivals(self) -> list[tuple[int, date, bool, int]]:
        start, end = self.shown.instants()
        rows = Visit.objects.for_reach(self.reach).filter(arrived_at__gte=start, arrived_at__lt=end)
        rows = rows.exclude(state=Visit.State.CANCELLED).order_by().annotate(period=self._period("arrived_at"))
        groups = rows.values_list("facility_id", "period", "is_insured").annotate(count=Count("pk"))
        return [(facility, _day(period), insured, count) for facility, period, insured, count in groups]

    def visits(self, *, insured: bool | None = None) -> list[int]:
        """Visits by period that is shown, of all or only of the insured or the others; cancelled ones do not count."""
        found: Counter[date] = Counter()
        for _, period, is_insured, count in self._arrivals:
            if insured is None or insured == is_insured:
                found[period] += count
        return [found[period] for period in self.steps]

    @cached_property
    def visits_of_month(self) -> dict[int, int]:
        """Visits of the month by facility."""
        found: Counter[int] = Counter()
        for facility, period, _, count in self._arrivals:
            if self._is_of_month(period):
                found[facility] += count
        return found

    @cached_property
    def insured_of_month(self) -> int:
        """Insured visits of the month of all together."""
        return sum(n for _, period, is_insured, n in self._arrivals if is_insured and self._is_of_month(period))

    # Money

    @cached_property
    def _taken(self) -> list[tuple[int, date, str, Decimal]]:
        rows = taken_by(self.reach, *self.shown.instants(), self._period("at"))
        return [(facility, _day(period), method, amount) for facility, period, method, amount in rows]

    def money(self, method: str = "") -> list[Decimal]:
        """What came in less what went out by period that is shown, đồng, by one way of payment or by all."""
        found: dict[date, Decimal] = defaultdict(lambda: ZERO)
        for _, period, way, amount in self._taken:
            if not method or way == method:
                found[period] += amount
        return [found[period] for period in self.steps]

    @cached_property
    def money_of_month(self) -> dict[int, Decimal]:
        """The same of the month by facility."""
        found: dict[int, Decimal] = defaultdict(lambda: ZERO)
        for facility, period, _, amount in self._taken:
            if self._is_of_month(period):
                found[facility] += amount
        return found

    # Claims

    @cached_property
    def funnels(self) -> dict[int, dict[str, int]]:
        """Steps of the claims by facility (`insurance.claims.queries.funnels`)."""
        return queries.funnels(self.reach, self.month.start)

    def step(self, code: str) -> int:
        """One step of all together."""
        return sum(found[code] for found in self.funnels.values())

    @cached_property
    def causes(self) -> Sequence[causes.CauseRow]:
        """What stands against payment, by cause: those in most claims first, of as many those that block."""
        found = causes.causes_of_reach(self.reach, self.month.start, REFUSABLE)
        return sorted(found, key=lambda row: (-row.claims, row.severity != Severity.BLOCKING))

    # Stock, of today

    @cached_property
    def risks(self) -> dict[int, StockRisk]:
        """Stock at risk by facility."""
        return stock_risk(self.reach, self.today)

    @cached_property
    def risk(self) -> StockRisk:
        """Of all together."""
        total = StockRisk()
        for one in self.risks.values():
            total.add(one)
        return total

    # Waiting

    @cached_property
    def waited(self) -> Waiting | None:
        """Of all together; None when nobody was called."""
        return self._waiting().get(())

    @cached_property
    def waited_by_hour(self) -> dict[tuple[int, ...], Waiting]:
        """By hour of the day at which the number was taken."""
        return self._waiting("hour")

    @cached_property
    def waited_by_weekday(self) -> dict[tuple[int, ...], Waiting]:
        """By weekday (1 is Monday) and hour."""
        return self._waiting("weekday", "hour")

    @cached_property
    def waited_by_facility(self) -> dict[tuple[int, ...], Waiting]:
        """By facility."""
        return self._waiting("facility_id")

    def _waiting(self, *names: str) -> dict[tuple[int, ...], Waiting]:
        return waiting_by(self.reach, *self.month.instants(), *names)

    def _period(self, name: str) -> TruncDate | TruncMonth:
        cut: Callable[..., TruncDate | TruncMonth] = TruncMonth if self.is_year else TruncDate
        return cut(name, tzinfo=VIETNAM)

    def _is_of_month(self, period: date) -> bool:
        return period.replace(day=1) == self.month.start


def _day(period: date | datetime) -> date:
    return period.date() if isinstance(period, datetime) else period
