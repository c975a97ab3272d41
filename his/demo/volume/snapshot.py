"""The snapshot of a signed exam from rows in memory, equal to the one that `patients.services.signing` reads back.

A test reads loaded exams from the database and compares the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from his.accounts.models import Department, Facility, Room, Staff
from his.catalogs.models import Drug, PricedService
from his.core.dates import local
from patients.models import (
    Exam,
    Patient,
    Prescription,
    PrescriptionLine,
    ServiceOrder,
    ServiceResult,
    Visit,
    VisitDiagnosis,
    VitalSigns,
)

_EXAM = [
    "service_code",
    "started_at",
    "reason",
    "history",
    "findings",
    "treatment",
    "outcome",
    "treatment_result_code",
    "follow_up_on",
    "transfer_facility_code",
    "transfer_reason",
    "advice",
    "signed_at",
]
_VITALS = [
    "taken_at",
    "pulse",
    "temperature",
    "systolic",
    "diastolic",
    "respiration",
    "oxygen_saturation",
    "weight_kg",
    "height_cm",
]
_ORDER = [
    "quantity",
    "is_insured",
    "note",
    "state",
    "ordered_at",
    "performed_at",
    "result_at",
    "device_code",
    "cancel_reason",
]
_RESULT = ["indicator_code", "indicator_name", "value", "unit", "reference", "is_abnormal", "description", "conclusion"]
_LINE = ["position", "morning", "noon", "afternoon", "evening", "days", "quantity", "usage", "is_insured"]
_DRUG = [
    "code",
    "ingredient_code",
    "ingredient",
    "name",
    "strength",
    "unit",
    "route_code",
    "registration_no",
    "price",
    "insured_price",
    "payment_rate",
]


@dataclass(frozen=True, slots=True)
class Record:
    """All rows that a signature covers."""

    facility: Facility
    patient: Patient
    visit: Visit
    exam: Exam
    doctor: Staff
    room: Room
    department: Department
    vitals: VitalSigns
    diagnoses: Sequence[VisitDiagnosis]
    orders: Sequence[tuple[ServiceOrder, Sequence[ServiceResult]]]
    prescription: Prescription | None
    lines: Sequence[PrescriptionLine]


def snapshot_of(record: Record) -> dict[str, Any]:
    """Everything that is signed, as plain values: texts, ISO times, decimals as text."""
    return {
        "version": 1,
        "facility": record.facility.code,
        "claim_code": record.visit.claim_code,
        "patient": _values(record.patient, ["code", "full_name", "born_on", "birth_precision", "sex", "allergies"]),
        "doctor": _values(record.doctor, ["code", "full_name", "licence_no"]),
        "exam": _values(record.exam, _EXAM) | {"room": record.room.code, "department": record.department.code},
        "vital_signs": _values(record.vitals, _VITALS),
        "diagnoses": [_values(row, ["code", "name", "is_main", "position", "note"]) for row in record.diagnoses],
        "orders": [_order(order, results) for order, results in record.orders],
        "prescription": _prescription(record),
    }


def _order(order: ServiceOrder, results: Sequence[ServiceResult]) -> dict[str, Any]:
    return _values(order, _ORDER) | {
        "service": _service(order.service),
        "results": [_values(row, _RESULT) for row in results],
    }


def _prescription(record: Record) -> dict[str, Any] | None:
    if record.prescription is None:
        return None
    lines = [_values(line, _LINE) | {"drug": _drug(line.drug)} for line in record.lines]
    return _values(record.prescription, ["number", "note", "prescribed_at"]) | {"lines": lines}


@lru_cache(maxsize=2048)
def _service(row: PricedService) -> dict[str, Any]:
    return _values(row, ["code", "name", "price", "insured_price"])


@lru_cache(maxsize=2048)
def _drug(row: Drug) -> dict[str, Any]:
    return _values(row, _DRUG)


def _values(row: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return local(value).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
