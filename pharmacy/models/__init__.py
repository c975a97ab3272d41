"""Models of the pharmacy."""

from pharmacy.models.stock import (
    SIGNS,
    Dispense,
    DispenseLine,
    Lot,
    LotBalance,
    MovementKind,
    StockDocument,
    StockDocumentLine,
    StockMovement,
    Store,
)

__all__ = [
    "SIGNS",
    "Dispense",
    "DispenseLine",
    "Lot",
    "LotBalance",
    "MovementKind",
    "StockDocument",
    "StockDocumentLine",
    "StockMovement",
    "Store",
]
