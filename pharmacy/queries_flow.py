"""What went in and out in a period, lot by lot, from the ledger; and what goes out in a month on average.

Everything is summed by the database over the movements; a reversal counts against the kind that it undoes.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.core.dates import day_range
from pharmacy.allocation import ZERO
from pharmacy.models import SIGNS, Lot, LotBalance, MovementKind, StockMovement, Store

Kind = MovementKind
TRANSFERS: Final = (Kind.TRANSFER_IN, Kind.TRANSFER_OUT)
CONSUMED: Final = (Kind.DISPENSE, Kind.PATIENT_RETURN)
"""What patients used: handed out, less what they brought back."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One lot in a period, in units of the drug. `moved` holds signed sums by kind; opening + moved = closing."""

    lot: Lot
    opening: Decimal
    moved: Mapping[str, Decimal]

    def total(self, kinds: Iterable[str]) -> Decimal:
        """The signed sum of some kinds."""
        return sum((self.moved.get(kind, ZERO) for kind in kinds), ZERO)

    @property
    def closing(self) -> Decimal:
        return self.opening + self.total(self.moved)


def movements(facility: Facility, store: Store | None = None) -> QuerySet[StockMovement]:
    """The ledger of a facility or of one store of it."""
    rows = StockMovement.objects.for_facility(facility)
    return rows if store is None else rows.filter(store=store)


def flows(facility: Facility, first: date, last: date, *, store: Store | None = None) -> list[Flow]:
    """Each lot that was there or moved from the first to the last day, both included, by name of drug and expiry."""
    start, end = day_range(first)[0], day_range(last)[1]
    sums: dict[str, Any] = {"opening": Coalesce(Sum("quantity", filter=Q(at__lt=start)), ZERO)}
    for kind in SIGNS:
        sums[f"moved_{kind}"] = Sum("quantity", filter=Q(at__gte=start, kind=kind))
    rows: list[dict[str, Any]] = list(
        movements(facility, store).filter(at__lt=end).values("lot_id").annotate(**sums)  # type: ignore[arg-type]
    )
    lots = Lot.objects.for_facility(facility).select_related("drug").in_bulk([row["lot_id"] for row in rows])
    found = []
    for row in rows:
        moved = {str(kind): row[f"moved_{kind}"] for kind in SIGNS if row[f"moved_{kind}"] is not None}
        if row["opening"] or moved:
            found.append(Flow(lots[row["lot_id"]], row["opening"], moved))
    return sorted(found, key=lambda flow: (flow.lot.drug.name, flow.lot.drug.code, flow.lot.expires_on, flow.lot.pk))


def differing_balances(facility: Facility, last: date, *, store: Store | None = None) -> set[int]:
    """Lots whose balances, less what moved after the day, are not the sum of the movements up to it."""
    end = day_range(last)[1]
    rows = movements(facility, store)
    up_to = _by_lot(rows.filter(at__lt=end))
    after = _by_lot(rows.filter(at__gte=end))
    balances = LotBalance.objects.for_facility(facility)
    if store is not None:
        balances = balances.filter(store=store)
    held = {row["lot_id"]: row["total"] for row in balances.values("lot_id").annotate(total=Sum("on_hand"))}
    lots = {*up_to, *after, *held}
    return {lot for lot in lots if held.get(lot, ZERO) - after.get(lot, ZERO) != up_to.get(lot, ZERO)}


def _by_lot(rows: QuerySet[StockMovement]) -> dict[int, Decimal]:
    return {row["lot_id"]: row["total"] for row in rows.values("lot_id").annotate(total=Sum("quantity"))}


def consumption(
    facility: Facility,
    first: date,
    last: date,
    *,
    store: Store | None = None,
    with_transfers: bool = False,
    codes: Collection[str] | None = None,
) -> dict[str, Decimal]:
    """What went out to patients by drug code from the first to the last day, in units, of these codes only when they
    are given; with transfers also what other stores took (a main store hands nothing to patients itself)."""
    start, end = day_range(first)[0], day_range(last)[1]
    kinds = [*CONSUMED, *(TRANSFERS if with_transfers else ())]
    rows = movements(facility, store).filter(kind__in=kinds, at__gte=start, at__lt=end)
    if codes is not None:
        rows = rows.filter(lot__drug__code__in=codes)
    sums = rows.values(code=F("lot__drug__code")).annotate(total=-Sum("quantity"))
    return {row["code"]: row["total"] for row in sums if row["total"] > 0}
