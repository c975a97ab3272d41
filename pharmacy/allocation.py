"""Which lots cover what is asked for: first expired, first out (FEFO). Pure: no database, no clock.

Lots that are blocked, whose expiry date lies before the day or which the store cannot keep as they must be kept are
never proposed. A lot may be issued until the end of its expiry date. What is kept for the prescription that asks is
taken first. Quantities are exact, in units of the drug (tablets, bottles).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class LotStock:
    """What one store holds of one lot of an item. `lot_id` grows with the first receipt: it breaks ties of expiry.

    `own` is the part of `reserved` that is kept for who asks. `is_kept_well`: the store can keep it as cold as it
    must be. `tender` is the record that it was bought under, empty when none is known.
    """

    lot_id: int
    item: str
    expires_on: date
    on_hand: Decimal
    reserved: Decimal = ZERO
    is_blocked: bool = False
    own: Decimal = ZERO
    is_kept_well: bool = True
    tender: str = ""

    def usable(self, on: date) -> Decimal:
        """What may be issued on the day: nothing of a lot that is expired, blocked or not kept well, else what is on
        hand without what is reserved for others."""
        if self.is_blocked or not self.is_kept_well or self.expires_on < on:
            return ZERO
        return max(ZERO, self.on_hand - self.reserved + self.own)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request: `key` names the line that asks (unique), `item` the drug.

    `tender` is the record whose price the claim of an insured line names: lots bought under another one do not cover
    it. Empty: any lot does.
    """

    key: int
    item: str
    quantity: Decimal
    tender: str = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """So much of one lot for one line."""

    key: int
    lot_id: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Shortage:
    """A line that the usable lots do not cover: `left` is all that there is for it.

    `other_tender` is what is usable of the item but was bought under another record than the line's.
    """

    key: int
    item: str
    wanted: Decimal
    left: Decimal
    other_tender: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Allocation:
    """Picks in the order of the lines and of expiry, and the lines that are not covered in full."""

    picks: tuple[Pick, ...]
    shortages: tuple[Shortage, ...]

    @property
    def is_complete(self) -> bool:
        return not self.shortages


def allocate(wanted: Sequence[Wanted], lots: Iterable[LotStock], on: date) -> Allocation:
    """Cover each line from the usable lots of its item: what is kept for it, then by expiry, then by receipt.

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
        queue = queues.get(line.item, [])
        taken = _take(line, [left for left in queue if is_same_tender(line.tender, left.tender)])
        covered = sum((pick.quantity for pick in taken), ZERO)
        if covered < line.quantity:
            other = sum((left.quantity for left in queue if not is_same_tender(line.tender, left.tender)), ZERO)
            shortages.append(Shortage(line.key, line.item, line.quantity, covered, other))
        picks.extend(taken)
    return Allocation(tuple(picks), tuple(shortages))


def out_of_turn(taken: Mapping[int, Decimal], lots: Iterable[LotStock], on: date) -> dict[int, int]:
    """The lots that are taken although one of the same item that goes first still holds some: by lot, that other lot.

    `taken` is the quantity by lot; `lots` is what the store holds before it goes.
    """
    ordered = sorted(lots, key=_turn)
    found: dict[int, int] = {}
    passed: dict[str, int] = {}
    for lot in ordered:
        wanted = taken.get(lot.lot_id, ZERO)
        if wanted > 0 and lot.item in passed:
            found[lot.lot_id] = passed[lot.item]
        if lot.usable(on) > wanted:
            passed.setdefault(lot.item, lot.lot_id)
    return found


def _turn(lot: LotStock) -> tuple[date, int]:
    return lot.expires_on, lot.lot_id


@dataclass(slots=True)
class _Left:
    lot_id: int
    quantity: Decimal
    tender: str


def is_same_tender(asked: str, bought: str) -> bool:
    """Whether a lot bought under one record covers a line that asks for another; what is not known fits."""
    return not asked or not bought or asked == bought


def _by_item(lots: Iterable[LotStock], on: date) -> dict[str, list[_Left]]:
    """What may be taken of each item, in the order of taking; a lot stands twice when a part of it is kept."""
    kept: dict[str, list[_Left]] = {}
    rest: dict[str, list[_Left]] = {}
    for lot in sorted(lots, key=_turn):
        usable = lot.usable(on)
        own = min(lot.own, usable)
        if own > 0:
            kept.setdefault(lot.item, []).append(_Left(lot.lot_id, own, lot.tender))
        if usable > own:
            rest.setdefault(lot.item, []).append(_Left(lot.lot_id, usable - own, lot.tender))
    return {item: kept.get(item, []) + rest.get(item, []) for item in {*kept, *rest}}


def _take(line: Wanted, queue: list[_Left]) -> list[Pick]:
    taken: dict[int, Decimal] = {}
    missing = line.quantity
    for lot in queue:
        quantity = min(missing, lot.quantity)
        if quantity > 0:
            taken[lot.lot_id] = taken.get(lot.lot_id, ZERO) + quantity
            lot.quantity -= quantity
            missing -= quantity
        if not missing:
            break
    return [Pick(line.key, lot_id, quantity) for lot_id, quantity in taken.items()]
