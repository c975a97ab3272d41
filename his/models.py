"""All models of the kernel, where Django looks for them."""

from his.accounts.models import Department, Facility, FacilityGroup, FacilityStatus, Membership, Room, Staff, User
from his.audit.models import AuditEntry, IdempotencyKey
from his.catalogs.models import (
    AdministrativeUnit,
    CodeEntry,
    Diagnosis,
    DiagnosisPair,
    Drug,
    DrugIngredient,
    LongPrescriptionDisease,
    PricedService,
    ProcedureCode,
    TechnicalService,
)
from his.printing.models import PrintRecord

__all__ = [
    "AdministrativeUnit",
    "AuditEntry",
    "CodeEntry",
    "Department",
    "Diagnosis",
    "DiagnosisPair",
    "Drug",
    "DrugIngredient",
    "Facility",
    "FacilityGroup",
    "FacilityStatus",
    "IdempotencyKey",
    "LongPrescriptionDisease",
    "Membership",
    "PricedService",
    "PrintRecord",
    "ProcedureCode",
    "Room",
    "Staff",
    "TechnicalService",
    "User",
]
