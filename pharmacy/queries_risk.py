"""Stock at risk, counted for many facilities at once: the same judgement as the lists ahead, without their rows.

One statement adds up the ledger by lot, one reads the lots, one the limits that the facilities set; `planning` judges.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from his.accounts.reach import Reach
from his.catalogs.models import Drug
from his.core.dates import day_range, local
from pharmacy import planning
from pharmacy.allocation import ZERO
from pharmacy.models import Lot, StockMovement
from pharmacy.planning import LotLeft, Position
from pharmacy.queries_flow import CONSUMED, TRANSFERS


@dataclass(slots=True)
class StockRisk:
    """What the lists ahead of a facility come to: lots and đồng by step of expiry, items too low, items that lie too
    long and what is usable of them in đồng."""

    expiring: dict[int, tuple[int, Decimal]] = field(default_factory=dict)
    low: int = 0
    over: int = 0
    over_value: Decimal = ZERO

    @property
    def expiring_lots(self) -> int:
        return sum(lots for lots, _ in self.expiring.values())

    @property
    def expiring_value(self) -> Decimal:
        return sum((value for _, value in self.expiring.values()), ZERO)

    def add(self, other: "StockRisk") -> None:
        """Take another facility's figures in."""
        for step, (lots, value) in other.expiring.items():
            known, sums = self.expiring.get(step, (0, ZERO))
            self.expiring[step] = (known + lots, sums + value)
        self.low, self.over, self.over_value = (
            self.low + other.low,
            self.over + other.over,
            self.over_value + other.over_value,
        )


@dataclass(slots=True)
class _Code:
    """One item of one facility."""

    lots: list[LotLeft] = field(default_factory=list)
    costs: dict[int, Decimal] = field(default_factory=dict)
    used: Decimal = ZERO


def stock_risk(reach: Reach, on: date) -> dict[int, StockRisk]:
    """The risk by facility at the end of the day; facilities whose stock never moved are absent."""
    first = _first_month(on)
    codes: dict[int, dict[str, _Code]] = defaultdict(lambda: defaultdict(_Code))
    began: dict[int, datetime] = {}
    sums = {row["lot_id"]: row for row in _sums(reach, first, on)}
    lots = Lot.objects.for_reach(reach).values_list(
        "pk", "facility_id", "drug__code", "expires_on", "is_blocked", "unit_cost"
    )
    for pk, facility, name, expires_on, is_blocked, unit_cost in lots.iterator(chunk_size=10_000):
        if (row := sums.get(pk)) is None:
            continue
        code = codes[facility][name]
        code.used += row["used"]
        began[facility] = min(row["began"], began.get(facility, row["began"]))
        if row["held"]:
            code.lots.append(LotLeft(pk, row["held"], expires_on, is_blocked))
            code.costs[pk] = unit_cost
    limits = _limits(reach, on)
    return {
        facility: _judged(facility, found, limits, _months(local(began[facility]).date(), first, on), on)
        for facility, found in codes.items()
    }


def _sums(reach: Reach, first: date, on: date) -> QuerySet[StockMovement, dict[str, Any]]:
    """Of each lot that moved: what is left of it, what patients used from the first day to the month, and since when.

    Only the ledger is read here, without a join: it is by far the longest table.
    """
    kept = Q(at__gte=day_range(first)[0], at__lt=day_range(on.replace(day=1))[0], kind__in=CONSUMED)
    rows = StockMovement.objects.for_reach(reach).filter(at__lt=day_range(on)[1]).order_by()
    return rows.values("lot_id").annotate(
        held=Coalesce(Sum("quantity", filter=~Q(kind__in=TRANSFERS)), ZERO),
        used=Coalesce(-Sum("quantity", filter=kept), ZERO),
        began=Min("at"),
    )


def _first_month(on: date) -> date:
    """The first day of the months over which use is averaged, as `queries_planning.window` counts them."""
    first = on.replace(day=1)
    for _ in range(planning.LOOK_BACK_MONTHS):
        first = (first - timedelta(days=1)).replace(day=1)
    return first


def _months(began: date, first: date, on: date) -> int:
    first = max(first, began.replace(day=1))
    return max(0, (on.year - first.year) * 12 + on.month - first.month)


def _limits(reach: Reach, on: date) -> dict[tuple[int, str], tuple[Decimal | None, Decimal | None]]:
    """Least and most stock by facility and code, of the row in force or the last before it."""
    rows = Drug.objects.for_reach(reach).filter(valid_from__lte=on).order_by("facility_id", "code", "-valid_from")
    newest = rows.distinct("facility_id", "code")
    listed = newest.values_list("facility_id", "code", "min_stock", "max_stock")
    return {(facility, code): (least, most) for facility, code, least, most in listed}


def _judged(
    facility: int,
    codes: dict[str, _Code],
    limits: dict[tuple[int, str], tuple[Decimal | None, Decimal | None]],
    months: int,
    on: date,
) -> StockRisk:
    risk = StockRisk()
    for name, code in codes.items():
        monthly = max(code.used, ZERO) / months if months else None
        position = Position(tuple(code.lots), monthly, *limits.get((facility, name), (None, None)))
        risk.low += planning.is_low(position, on)
        if planning.is_over(position, on):
            risk.over += 1
            risk.over_value += sum((lot.usable(on) * code.costs[lot.lot_id] for lot in code.lots), ZERO)
        for lot in code.lots:
            step = planning.expiry_step(lot.expires_on, on)
            if lot.quantity > 0 and step is not None:
                lots, value = risk.expiring.get(step, (0, ZERO))
                risk.expiring[step] = (lots + 1, value + lot.quantity * code.costs[lot.lot_id])
    return risk
