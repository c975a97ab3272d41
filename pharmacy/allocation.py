"""Which lots cover what is asked for: first expired, first out (FEFO). Pure: no database, no clock.

Lots that are blocked or whose expiry date lies before the day are never proposed. A lot may be issued
until the end of its expiry date. Quantities are exact, in units of the drug (tablets, bottles).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class LotStock:
    """What one store holds of one lot of an item. `lot_id` grows with the first receipt: it breaks ties of expiry."""

    lot_id: int
    item: str
    expires_on: date
    on_hand: Decimal
    reserved: Decimal = ZERO
    is_blocked: bool = False

    def usable(self, on: date) -> Decimal:
        """What may be issued on the day: nothing when expired or blocked, else on hand minus reserved."""
        if self.is_blocked or self.expires_on < on:
            return ZERO
        return max(ZERO, self.on_hand - self.reserved)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request: `key` names the line that asks (unique), `item` the drug."""

    key: int
    item: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Pick:
    """So much of one lot for one line."""

    key: int
    lot_id: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Shortage:
    """A line that the usable lots do not cover: `left` is all that there is for it."""

    key: int
    item: str
    wanted: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Allocation:
    """Picks in the order of the lines and of expiry, and the lines that are not covered in full."""

    picks: tuple[Pick, ...]
    shortages: tuple[Shortage, ...]

    @property
    def is_complete(self) -> bool:
        return not self.shortages


def allocate(wanted: Sequence[Wanted], lots: Iterable[LotStock], on: date) -> Allocation:
    """Cover each line from the usable lots of its item: earliest expiry first, then earliest receipt.

    Several lots may cover one line, and lines of the same item share what there is, in their order. A line
    that cannot be covered gets what is left and is named among the shortages. Raises ValueError for a
    quantity that is not above zero and for a key given twice: both are defects of the caller.
    """
    if any(line.quantity <= 0 for line in wanted):
        raise ValueError("a wanted quantity must be above zero")
    if len({line.key for line in wanted}) != len(wanted):
        raise ValueError("each wanted line needs its own key")
    queues = _by_item(lots, on)
    picks: list[Pick] = []
    shortages: list[Shortage] = []
    for line in wanted:
        taken = _take(line, queues.get(line.item, []))
        covered = sum((pick.quantity for pick in taken), ZERO)
        if covered < line.quantity:
            shortages.append(Shortage(line.key, line.item, line.quantity, covered))
        picks.extend(taken)
    return Allocation(tuple(picks), tuple(shortages))


@dataclass(slots=True)
class _Left:
    lot_id: int
    quantity: Decimal


def _by_item(lots: Iterable[LotStock], on: date) -> dict[str, list[_Left]]:
    queues: dict[str, list[_Left]] = {}
    for lot in sorted(lots, key=lambda lot: (lot.expires_on, lot.lot_id)):
        if (usable := lot.usable(on)) > 0:
            queues.setdefault(lot.item, []).append(_Left(lot.lot_id, usable))
    return queues


def _take(line: Wanted, queue: list[_Left]) -> list[Pick]:
    picks: list[Pick] = []
    missing = line.quantity
    for lot in queue:
        quantity = min(missing, lot.quantity)
        if quantity > 0:
            picks.append(Pick(line.key, lot.lot_id, quantity))
            lot.quantity -= quantity
            missing -= quantity
        if not missing:
            break
    return picks
