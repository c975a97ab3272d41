"""What the lists ahead read: every item of the facility on a day, from the ledger, with what a month uses of it.

Goods between two stores of the facility still belong to it: transfers are left out of the sums.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import OuterRef, Subquery, Sum

from his.accounts.models import Facility
from his.catalogs.models import Drug
from his.core.dates import day_range, local
from pharmacy import planning
from pharmacy.allocation import ZERO
from pharmacy.models import Lot, MovementKind, StockMovement
from pharmacy.planning import LotLeft, Position
from pharmacy.queries_flow import TRANSFERS, consumption, movements

Kind = MovementKind


@dataclass(frozen=True, slots=True)
class Item:
    """One item (a code of the list) on a day, with its lots by id."""

    drug: Drug
    position: Position
    lots: dict[int, Lot]


@dataclass(frozen=True, slots=True)
class LookBack:
    """The whole months over which consumption is averaged; `months` is zero when there is no whole month yet."""

    first: date
    last: date
    months: int


def look_back(facility: Facility, on: date, months: int = planning.LOOK_BACK_MONTHS) -> LookBack:
    """Up to so many whole months before the month of the day, since the ledger knows what is used
    (`planning.counted_from`)."""
    last = on.replace(day=1) - timedelta(days=1)
    first = counted_since([facility.pk], on, months).get(facility.pk)
    if first is None:
        return LookBack(planning.look_back_from(on, months), last, 0)
    return LookBack(first, last, planning.whole_months(first, on))


def counted_since(facilities: Collection[int], on: date, months: int = planning.LOOK_BACK_MONTHS) -> dict[int, date]:
    """The first day of the months over which the use of each facility, by id, is averaged; facilities whose stock
    never moved up to the day are absent. One query."""
    rows = StockMovement.objects.filter(facility=OuterRef("pk"), at__lt=day_range(on)[1]).order_by("at")
    handed = rows.filter(kind=Kind.DISPENSE)
    found = Facility.objects.filter(pk__in=facilities).annotate(
        began=Subquery(rows.values("at")[:1]), handed=Subquery(handed.values("at")[:1])
    )
    return {
        facility: planning.counted_from(local(at).date(), local(first).date() if first else None, on, months)
        for facility, at, first in found.filter(began__isnull=False).values_list("pk", "began", "handed")
    }


def items(
    facility: Facility, on: date, codes: Collection[str] | None = None, looked: LookBack | None = None
) -> list[Item]:
    """Every item that ever moved, by name, at the end of the day; of these codes only, when they are given. `looked` is
    what `look_back` says of the day, for who has it."""
    end = day_range(on)[1]
    looked = looked or look_back(facility, on)
    used = consumption(facility, looked.first, looked.last, codes=codes) if looked.months else {}
    held = movements(facility).filter(at__lt=end).exclude(kind__in=TRANSFERS)
    if codes is not None:
        held = held.filter(lot__drug__code__in=codes)
    left = {row["lot_id"]: row["total"] for row in held.values("lot_id").annotate(total=Sum("quantity"))}
    by_code: dict[str, list[Lot]] = defaultdict(list)
    for lot in (
        Lot.objects.for_facility(facility).filter(pk__in=left).select_related("drug").order_by("expires_on", "pk")
    ):
        by_code[lot.drug.code].append(lot)
    newest = _in_force(facility, by_code, on)
    found = []
    for code, lots in by_code.items():
        drug = newest.get(code) or lots[-1].drug
        monthly = used.get(code, ZERO) / looked.months if looked.months else None
        parts = tuple(LotLeft(lot.pk, left[lot.pk], lot.expires_on, lot.is_blocked) for lot in lots)
        position = Position(parts, monthly, drug.min_stock, drug.max_stock)
        found.append(Item(drug, position, {lot.pk: lot for lot in lots}))
    return sorted(found, key=lambda item: (item.drug.name, item.drug.code))


def _in_force(facility: Facility, codes: Iterable[str], on: date) -> dict[str, Drug]:
    """The row of the list in force on the day, else the latest before it, by code."""
    rows = Drug.objects.for_facility(facility).filter(code__in=list(codes), valid_from__lte=on).order_by("valid_from")
    return {drug.code: drug for drug in rows}


@dataclass(frozen=True, slots=True)
class Expiring:
    """A lot that expires within the longest step, with what will be left of it then (None: not known)."""

    item: Item
    lot: Lot
    quantity: Decimal
    days: int
    surplus: Decimal | None

    @property
    def value(self) -> Decimal:
        return self.quantity * self.lot.unit_cost


def surplus_of(item: Item, on: date) -> dict[int, Decimal]:
    """What will be left of each usable lot when it expires, all stores together; nothing while no month was whole."""
    if item.position.monthly is None:
        return {}
    rest = planning.left_over(item.position, on)
    return {part.lot_id: rest.get(part.lot_id, ZERO) for part in item.position.lots if part.usable(on) > 0}


def expiring(
    facility: Facility, on: date, within_days: int = planning.EXPIRY_STEPS[-1], looked: LookBack | None = None
) -> list[Expiring]:
    """Lots with stock that have expired or expire within the days, earliest first; `looked` as in `items`."""
    found = []
    for item in items(facility, on, looked=looked):
        rest = surplus_of(item, on)
        for part in item.position.lots:
            days = (part.expires_on - on).days
            if part.quantity > 0 and days <= within_days:
                found.append(Expiring(item, item.lots[part.lot_id], part.quantity, days, rest.get(part.lot_id)))
    return sorted(found, key=lambda row: (row.lot.expires_on, row.item.drug.name, row.lot.pk))


@dataclass(frozen=True, slots=True)
class BidUse:
    """A code of the list under a bid: what was won, what was taken of it up to the day, and what is left."""

    drug: Drug
    won: Decimal | None
    taken: Decimal

    @property
    def left(self) -> Decimal | None:
        return None if self.won is None else self.won - self.taken

    @property
    def part_taken(self) -> Decimal | None:
        """Percent of what was won."""
        return (self.taken * 100 / self.won).quantize(Decimal("0.1")) if self.won else None


def bids(facility: Facility, on: date) -> list[BidUse]:
    """Every item in force on the day that names a bid, by bid and name; taken = received less sent back, all stores."""
    end = day_range(on)[1]
    rows = movements(facility).filter(kind__in=[Kind.RECEIPT, Kind.SUPPLIER_RETURN], at__lt=end)
    taken = {
        row["lot__drug__code"]: row["total"] for row in rows.values("lot__drug__code").annotate(total=Sum("quantity"))
    }
    listed = Drug.objects.for_facility(facility).on(on).exclude(bid_info="").order_by("bid_info", "name", "code")
    return [BidUse(drug, drug.bid_quantity, taken.get(drug.code, ZERO)) for drug in listed]


@dataclass(frozen=True, slots=True)
class PriceGap:
    """A lot in stock that was bought for another price than the list says, đồng a unit."""

    item: Item
    lot: Lot
    quantity: Decimal
    listed: Decimal
    gap: Decimal
    """As a part of the price of the list."""


def price_gaps(facility: Facility, on: date, most: Decimal = ZERO) -> list[PriceGap]:
    """Lots in stock whose price differs from that of the list in force by more than `most` of it, the widest first."""
    found = []
    for item in items(facility, on):
        for part in item.position.lots:
            lot = item.lots[part.lot_id]
            gap = planning.price_gap(lot.unit_cost, item.drug.price, most)
            if part.quantity > 0 and gap is not None:
                found.append(PriceGap(item, lot, part.quantity, item.drug.price, gap))
    return sorted(found, key=lambda row: (-abs(row.gap), row.item.drug.name, row.lot.pk))
