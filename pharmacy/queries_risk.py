"""Stock at risk, counted for many facilities at once: the same judgement as the lists ahead, without their rows.

What is left is read from the balances, what is used from the months of the ledger that count, each in one statement
for all facilities together; `planning` judges. How long it takes for a province is in docs/benchmarks.md.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Sum

from his.accounts.reach import Reach
from his.catalogs.models import Drug
from his.core.dates import day_range
from pharmacy import planning
from pharmacy.allocation import ZERO
from pharmacy.models import Lot, LotBalance, StockMovement
from pharmacy.planning import LotLeft, Position
from pharmacy.queries_flow import CONSUMED, TRANSFERS
from pharmacy.queries_planning import counted_since


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


_Codes = dict[tuple[int, str], _Code]
_Limits = dict[tuple[int, str], tuple[Decimal | None, Decimal | None]]


def stock_risk(reach: Reach, on: date) -> dict[int, StockRisk]:
    """The risk by facility at the end of the day; facilities whose stock never moved are absent."""
    began, limits = counted_since(reach.ids, on), _limits(reach, on)
    codes: _Codes = defaultdict(_Code)
    for lot, quantity in _held(reach, on):
        if quantity:
            code = codes[lot["facility_id"], lot["drug__code"]]
            code.lots.append(LotLeft(lot["pk"], quantity, lot["expires_on"], lot["is_blocked"]))
            code.costs[lot["pk"]] = lot["unit_cost"]
    for facility, name, used in _used(reach, began, on):
        codes[facility, name].used = used
    for key in _gone(reach, on, {key for key, (least, _) in limits.items() if least is not None} - codes.keys()):
        codes[key] = _Code()
    found = {facility: StockRisk() for facility in began}
    months = {facility: planning.whole_months(since, on) for facility, since in began.items()}
    for (facility, name), code in codes.items():
        if facility in found:
            _judge(found[facility], code, limits.get((facility, name), (None, None)), months[facility], on)
    return found


_LOT = ("pk", "facility_id", "drug__code", "expires_on", "is_blocked", "unit_cost")


def _held(reach: Reach, on: date) -> Iterator[tuple[dict[str, Any], Decimal]]:
    """Lots with what is left of each at the end of the day, goods between two stores included.

    Read from the balances, of which most are empty, less what the ledger says beyond them: what moved after the day,
    and what left one store and has not reached the other.
    """
    moved = StockMovement.objects.for_reach(reach)
    beyond = _by_lot(moved.filter(kind__in=TRANSFERS))
    for lot_id, total in _by_lot(moved.filter(at__gte=day_range(on)[1]).exclude(kind__in=TRANSFERS)).items():
        beyond[lot_id] = beyond.get(lot_id, ZERO) + total
    names = dict(zip(_LOT, ("lot_id", *(f"lot__{name}" for name in _LOT[1:])), strict=True))
    balances = LotBalance.objects.for_reach(reach).filter(on_hand__gt=0).order_by().values_list(*names.values())
    for *lot, held in balances.annotate(held=Sum("on_hand")).iterator(chunk_size=10_000):
        yield dict(zip(_LOT, lot, strict=True)), held - beyond.pop(lot[0], ZERO)
    for lot in Lot.objects.for_reach(reach).filter(pk__in=list(beyond)).values(*_LOT):
        yield lot, -beyond[lot["pk"]]


def _by_lot(rows: QuerySet[StockMovement]) -> dict[int, Decimal]:
    """What these movements come to, lots without a rest left out."""
    sums = rows.order_by().values("facility_id", "lot_id").annotate(total=Sum("quantity")).exclude(total=0)
    return dict(sums.values_list("lot_id", "total"))


def _used(reach: Reach, began: Mapping[int, date], on: date) -> QuerySet[Any]:
    """(facility, code, what patients used since the use of the facility counts to the month of the day)."""
    first = planning.look_back_from(on)
    start, end = day_range(first)[0], day_range(on.replace(day=1))[0]
    rows = StockMovement.objects.for_reach(reach).filter(at__gte=start, at__lt=end, kind__in=CONSUMED)
    for facility, since in began.items():
        if since > first:
            rows = rows.exclude(facility=facility, at__lt=day_range(since)[0])
    return rows.order_by().values_list("facility_id", "lot__drug__code").annotate(used=-Sum("quantity"))


def _gone(reach: Reach, on: date, keys: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Of these items, (facility, code), those that ever moved: none is left, and nobody used them lately."""
    if not keys:
        return set()
    moved = Exists(StockMovement.objects.filter(lot=OuterRef("pk"), at__lt=day_range(on)[1]))
    rows = Lot.objects.for_reach(reach).filter(moved, drug__code__in={code for _, code in keys})
    return keys & set(rows.order_by().values_list("facility_id", "drug__code").distinct())


def _limits(reach: Reach, on: date) -> _Limits:
    """Least and most stock by facility and code, of the row in force or the last before it."""
    rows = Drug.objects.for_reach(reach).filter(valid_from__lte=on).order_by("facility_id", "code", "-valid_from")
    newest = rows.distinct("facility_id", "code")
    listed = newest.values_list("facility_id", "code", "min_stock", "max_stock")
    return {(facility, code): (least, most) for facility, code, least, most in listed}


def _judge(risk: StockRisk, code: _Code, limits: tuple[Decimal | None, Decimal | None], months: int, on: date) -> None:
    """Count one item in."""
    monthly = max(code.used, ZERO) / months if months else None
    position = Position(tuple(code.lots), monthly, *limits)
    risk.low += planning.is_low(position, on)
    if planning.is_over(position, on):
        risk.over += 1
        risk.over_value += sum((lot.usable(on) * code.costs[lot.lot_id] for lot in code.lots), ZERO)
    for lot in code.lots:
        step = planning.expiry_step(lot.expires_on, on)
        if lot.quantity > 0 and step is not None:
            lots, value = risk.expiring.get(step, (0, ZERO))
            risk.expiring[step] = (lots + 1, value + lot.quantity * code.costs[lot.lot_id])
