"""Models of the pharmacy."""

from pharmacy.models.controlled import ControlledPage, ControlledSignature
from pharmacy.models.dispensing import Dispense, DispenseLine
from pharmacy.models.documents import StockDocument, StockDocumentLine
from pharmacy.models.reservations import Reservation
from pharmacy.models.stock import SIGNS, Lot, LotBalance, MovementKind, StockMovement
from pharmacy.models.stores import Store

__all__ = [
    "SIGNS",
    "ControlledPage",
    "ControlledSignature",
    "Dispense",
    "DispenseLine",
    "Lot",
    "LotBalance",
    "MovementKind",
    "Reservation",
    "StockDocument",
    "StockDocumentLine",
    "StockMovement",
    "Store",
]
