"""What each kind of stock document does: the letters of its number, and the movements of a line. One table.

The sign of a movement belongs to its kind (`pharmacy.models.SIGNS`); a reversing document makes the opposite ones.
"""

from dataclasses import dataclass
from typing import Final

from pharmacy.models import MovementKind, StockDocument

Kind = StockDocument.Kind


@dataclass(frozen=True, slots=True)
class Effect:
    """`prefix`: two letters of the paper's name. `moves`: kinds of movement, each in the document's own store or
    (True) in its target store."""

    prefix: str
    moves: tuple[tuple[MovementKind, bool], ...] = ()


def _own(prefix: str, kind: MovementKind) -> Effect:
    return Effect(prefix, ((kind, False),))


EFFECTS: Final[dict[str, Effect]] = {
    Kind.OPENING: _own("TD", MovementKind.OPENING),
    Kind.RECEIPT: _own("PN", MovementKind.RECEIPT),
    Kind.TRANSFER: Effect("CK", ((MovementKind.TRANSFER_OUT, False), (MovementKind.TRANSFER_IN, True))),
    # Between a shipment and its arrival the goods are in no store: they are in transit (hàng đang đi đường).
    Kind.SHIPMENT: _own("XC", MovementKind.TRANSFER_OUT),
    Kind.ARRIVAL: _own("NC", MovementKind.TRANSFER_IN),
    Kind.DISPENSE: _own("PC", MovementKind.DISPENSE),
    Kind.PATIENT_RETURN: _own("TL", MovementKind.PATIENT_RETURN),
    Kind.SUPPLIER_RETURN: _own("TN", MovementKind.SUPPLIER_RETURN),
    Kind.LOSS: _own("HH", MovementKind.LOSS),
    Kind.DESTRUCTION: _own("TH", MovementKind.DESTRUCTION),
    Kind.COUNT_UP: _own("KT", MovementKind.COUNT_UP),
    Kind.COUNT_DOWN: _own("KH", MovementKind.COUNT_DOWN),
    Kind.REVERSAL: Effect("HC"),
}
