"""Models of the pharmacy."""

from pharmacy.models.dispensing import Dispense, DispenseLine
from pharmacy.models.documents import StockDocument, StockDocumentLine
from pharmacy.models.stock import SIGNS, Lot, LotBalance, MovementKind, StockMovement
from pharmacy.models.stocktake import (
    StockCount,
    StockCountEntry,
    StockCountLine,
    StockCountMember,
    StockCountUpload,
)
from pharmacy.models.stores import Store

__all__ = [
    "SIGNS",
    "Dispense",
    "DispenseLine",
    "Lot",
    "LotBalance",
    "MovementKind",
    "StockCount",
    "StockCountEntry",
    "StockCountLine",
    "StockCountMember",
    "StockCountUpload",
    "StockDocument",
    "StockDocumentLine",
    "StockMovement",
    "Store",
]
