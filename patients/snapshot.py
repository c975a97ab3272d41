"""What a doctor signs, as plain values with one fingerprint (ảnh chụp phiếu khám lúc ký).

Made from rows that were read before, so that signing and the loading of a demonstration month share it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from his.accounts.models import Department, Facility, Room, Staff
from his.core.dates import local
from patients.models import (
    Exam,
    Patient,
    Prescription,
    PrescriptionLine,
    PrescriptionSheet,
    ServiceOrder,
    ServiceResult,
    Visit,
    VisitDiagnosis,
    VitalSigns,
)
from patients.series import is_series

_PATIENT = ["code", "full_name", "born_on", "birth_precision", "sex", "allergies"]
_DOCTOR = ["code", "full_name", "licence_no"]
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
    "transfer_reason_code",
    "transfer_condition",
    "transfer_plan",
    "transport",
    "escort_name",
    "escort_title",
    "transfer_number",
    "follow_up_number",
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
_DIAGNOSIS = ["code", "name", "is_main", "position", "note"]
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
_SERVICE = ["code", "name", "price", "insured_price"]
_RESULT = ["indicator_code", "indicator_name", "value", "unit", "reference", "is_abnormal", "description", "conclusion"]
_PRESCRIPTION = ["number", "note", "prescribed_at"]
_SHEET = ["kind", "code", "valid_until"]
_PART = ["part", "valid_from", "first_day", "last_day"]
_LINE = ["position", "morning", "noon", "afternoon", "evening", "days", "quantity", "usage", "is_insured"]
_DRUG = [
    "code",
    "control_class",
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
    """All rows that a signature covers; `vitals` are the latest, `orders` those of the exam with their results."""

    facility: Facility
    patient: Patient
    visit: Visit
    exam: Exam
    doctor: Staff
    room: Room
    department: Department
    vitals: VitalSigns | None
    diagnoses: Sequence[VisitDiagnosis]
    orders: Sequence[tuple[ServiceOrder, Sequence[ServiceResult]]]
    prescription: Prescription | None
    lines: Sequence[PrescriptionLine]
    safety: Mapping[str, Any] | None = None
    """Warnings that the doctor passed with their reasons, and checks that could not be made."""

    @property
    def main_code(self) -> str:
        """The code of the main diagnosis; empty when none is named yet."""
        return next((row.code for row in self.diagnoses if row.is_main), "")


def snapshot_of(record: Record) -> dict[str, Any]:
    """Everything that is signed, as plain values: texts, ISO times, decimals as text."""
    safety = {"safety": dict(record.safety)} if record.safety else {}
    return safety | {
        "version": 2,
        "facility": record.facility.code,
        "claim_code": record.visit.claim_code,
        "patient": _values(record.patient, _PATIENT),
        "doctor": _values(record.doctor, _DOCTOR),
        "exam": _values(record.exam, _EXAM) | {"room": record.room.code, "department": record.department.code},
        "vital_signs": _values(record.vitals, _VITALS) if record.vitals is not None else None,
        "diagnoses": [_values(row, _DIAGNOSIS) for row in record.diagnoses],
        "orders": [_order(order, results) for order, results in record.orders],
        "prescription": _prescription(record.prescription, record.lines),
    }


def replacement_snapshot(
    prescription: Prescription, lines: Sequence[PrescriptionLine], doctor: Staff
) -> dict[str, Any]:
    """What is signed when a prescription replaces another: the new one, the number of the old one, who signs."""
    exam, old = prescription.exam, prescription.replaces
    return {
        "version": 2,
        "facility": exam.facility.code,
        "claim_code": exam.visit.claim_code,
        "exam_sha256": exam.snapshot_sha256,
        "doctor": _values(doctor, _DOCTOR),
        "replaces": old.number if old is not None else None,
        "prescription": _prescription(prescription, lines),
    }


def _order(order: ServiceOrder, results: Sequence[ServiceResult]) -> dict[str, Any]:
    return _values(order, _ORDER) | {
        "service": _values(order.service, _SERVICE),
        "results": [_values(row, _RESULT) for row in results],
    }


def _prescription(prescription: Prescription | None, rows: Sequence[PrescriptionLine]) -> dict[str, Any] | None:
    if prescription is None or not rows:
        return None
    lines = [
        _values(line, _LINE)
        | {"drug": _values(line.drug, _DRUG), "sheet": line.sheet.kind if line.sheet is not None else None}
        for line in rows
    ]
    papers = [_values(sheet, _SHEET) | _part(sheet) for sheet in _papers(prescription, rows)]
    return _values(prescription, _PRESCRIPTION) | {"lines": lines, "sheets": papers}


def _papers(prescription: Prescription, rows: Sequence[PrescriptionLine]) -> list[PrescriptionSheet]:
    """The papers that the lines name, and the later ones of a series; nothing is read when there is none."""
    named = {line.sheet.pk: line.sheet for line in rows if line.sheet is not None}
    if any(is_series(sheet) for sheet in named.values()):
        named |= {sheet.pk: sheet for sheet in prescription.sheets.all()}
    return [named[pk] for pk in sorted(named)]


def _part(sheet: PrescriptionSheet) -> dict[str, Any]:
    """Of consecutive papers, which one it is, with its days; nothing of a single one."""
    return _values(sheet, _PART) if is_series(sheet) else {}


def _values(row: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)  # of a choice, its value
    if isinstance(value, datetime):
        return local(value).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    # One form for 1, 1.0 and 1.00, so that the figures of a row read back from the database give the same text.
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def canonical(snapshot: dict[str, Any]) -> bytes:
    """The bytes of a snapshot: sorted keys, no blanks, UTF-8."""
    return json.dumps(snapshot, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def fingerprint(snapshot: dict[str, Any]) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical(snapshot)).hexdigest()
