"""Models of the pharmacy."""

from pharmacy.models.dispensing import (
    Counselling,
    Dispense,
    DispenseLine,
    NotGiven,
    PatientReturn,
    PatientReturnLine,
    Substitution,
    WindowCall,
)
from pharmacy.models.documents import StockDocument, StockDocumentLine
from pharmacy.models.reservations import Reservation
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
    "Counselling",
    "Dispense",
    "DispenseLine",
    "Lot",
    "LotBalance",
    "MovementKind",
    "NotGiven",
    "PatientReturn",
    "PatientReturnLine",
    "Reservation",
    "StockCount",
    "StockCountEntry",
    "StockCountLine",
    "StockCountMember",
    "StockCountUpload",
    "StockDocument",
    "StockDocumentLine",
    "StockMovement",
    "Store",
    "Substitution",
    "WindowCall",
]
