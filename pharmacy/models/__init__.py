"""Models of the pharmacy."""

from pharmacy.models.climate import ClimatePoint, ClimateReading, QuarantinedLot
from pharmacy.models.controlled import ControlledPage, ControlledSignature
from pharmacy.models.details import DetailFields, DocumentDetail, Funding, LineDetail, LotChoice
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
from pharmacy.models.drafts import DRAFTED, StockDraft, StockDraftLine
from pharmacy.models.handovers import CabinetHandover, CabinetHandoverLine
from pharmacy.models.incidents import ControlledIncident
from pharmacy.models.requests import OwnApprovalRule, StockRequest, StockRequestLine
from pharmacy.models.reservations import Reservation
from pharmacy.models.return_records import ReturnRecord
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
    "DRAFTED",
    "SIGNS",
    "CabinetHandover",
    "CabinetHandoverLine",
    "ClimatePoint",
    "ClimateReading",
    "ControlledIncident",
    "ControlledPage",
    "ControlledSignature",
    "Counselling",
    "DetailFields",
    "Dispense",
    "DispenseLine",
    "DocumentDetail",
    "Funding",
    "LineDetail",
    "Lot",
    "LotBalance",
    "LotChoice",
    "MovementKind",
    "NotGiven",
    "OwnApprovalRule",
    "PatientReturn",
    "PatientReturnLine",
    "QuarantinedLot",
    "Reservation",
    "ReturnRecord",
    "StockCount",
    "StockCountEntry",
    "StockCountLine",
    "StockCountMember",
    "StockCountUpload",
    "StockDocument",
    "StockDocumentLine",
    "StockDraft",
    "StockDraftLine",
    "StockMovement",
    "StockRequest",
    "StockRequestLine",
    "Store",
    "Substitution",
    "WindowCall",
]
