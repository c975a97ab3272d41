"""What the window chooses for the lines of a prescription, and the lots that follow. Pure: no database, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from pharmacy.allocation import ZERO, Allocation, LotStock, Pick, Wanted, allocate, is_same_tender


@dataclass(frozen=True, slots=True)
class LineChoice:
    """One line as the pharmacist wants it: `quantity` is what is handed out now, in units of the drug.

    When that is less than what is open, `reason` says why (a code of `NotGiven.Reason`, `note` the words) and
    `is_final` that the rest is not given any more. `lot_id` prefers a lot to the first that expires, with `lot_reason`.
    `drug_code` gives another product of the same ingredient, `agreed_by` names who agreed for the patient.
    """

    line_id: int
    quantity: Decimal
    reason: str = ""
    note: str = ""
    is_final: bool = True
    lot_id: int | None = None
    lot_reason: str = ""
    drug_code: str = ""
    agreed_by: str = ""
    doctor_name: str = ""


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """So much of a handed-out lot that came back; intact means that it may be given to another patient.

    `condition` says how it looked, where that is kept: in the record of drugs under special control.
    """

    dispense_line_id: int
    quantity: Decimal
    is_intact: bool = True
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Bringer:
    """Who hands drugs back, with the id number as it was shown; empty where nobody asked."""

    name: str = ""
    id_number: str = ""


def allocate_chosen(
    wanted: Sequence[Wanted], lots: Sequence[LotStock], chosen: Mapping[int, int], on: date
) -> Allocation:
    """As `allocate`, but a line with a chosen lot takes from that one first, and only then by expiry.

    `chosen` names lots by the key of the line; a chosen lot that cannot be used gives nothing.
    """
    left = {lot.lot_id: lot for lot in lots}
    first: list[Pick] = []
    rest: list[Wanted] = []
    for line in wanted:
        lot = left.get(chosen.get(line.key, 0))
        fits = lot is not None and lot.item == line.item and is_same_tender(line.tender, lot.tender)
        taken = min(line.quantity, lot.usable(on)) if lot is not None and fits else ZERO
        if lot is not None and taken > 0:
            first.append(Pick(line.key, lot.lot_id, taken))
            left[lot.lot_id] = replace(lot, on_hand=lot.on_hand - taken)
        if taken < line.quantity:
            rest.append(replace(line, quantity=line.quantity - taken))
    found = allocate(rest, left.values(), on)
    order = {line.key: place for place, line in enumerate(wanted)}
    picks = sorted([*first, *found.picks], key=lambda pick: order[pick.key])
    whole = {line.key: line for line in wanted}
    before = {pick.key: pick.quantity for pick in first}
    shortages = tuple(
        replace(short, wanted=whole[short.key].quantity, left=short.left + before.get(short.key, ZERO))
        for short in found.shortages
    )
    return Allocation(tuple(picks), shortages)
