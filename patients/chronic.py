"""Diseases whose patients are under management, and when they are on target (bệnh không lây nhiễm, tâm thần). Pure.

TT 15/2026/TT-BYT Đ32-33 and Đ39-40 want monthly figures of who is under management; which codes belong to a disease,
its target, the usual distance of visits and after how many days somebody is lost are dated data
(`patients/data/managed_diseases.csv`). The targets are common clinical ones and no text of the circular.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

from his.core import icd

DATA = Path(__file__).parent / "data" / "managed_diseases.csv"
NCD, MENTAL = "ncd", "mental"
PRESSURE, GLUCOSE = "pressure", "glucose"
SYSTOLIC_BELOW, DIASTOLIC_BELOW = 140, 90
"""mmHg; blood pressure is on target when both are below."""
HBA1C_BELOW = Decimal(7)
"""Percent."""
GLUCOSE_FROM, GLUCOSE_TO = Decimal("4.4"), Decimal("7.2")
"""mmol/l, fasting; whether somebody was fasting is not recorded, so every value counts as if."""
HBA1C_HOLDS_DAYS = 180
"""So long an HbA1c goes before a glucose."""
HBA1C_CODES = frozenset({"HBA1C"})
GLUCOSE_CODES = frozenset({"GLU", "GLUM"})
_MG_DL = Decimal("18.016")


@dataclass(frozen=True, slots=True)
class ManagedDisease:
    """One disease: its codes, its target (or none), days between visits, days without a visit until lost."""

    code: str
    name: str
    short: str
    kind: str
    codes: icd.Limits
    target: str
    visit_days: int
    lost_days: int
    valid_from: date
    valid_to: date | None
    law: str


@dataclass(frozen=True, slots=True)
class Readings:
    """The last known readings of a person, each with its day: mmHg, percent, mmol/l."""

    systolic: int | None = None
    diastolic: int | None = None
    pressure_on: date | None = None
    hba1c: Decimal | None = None
    hba1c_on: date | None = None
    glucose: Decimal | None = None
    glucose_on: date | None = None


def diseases_on(day: date) -> dict[str, ManagedDisease]:
    """The diseases under management on a day by code, in the order of the forms."""
    return {
        row.code: row for row in _diseases() if row.valid_from <= day and (row.valid_to is None or day <= row.valid_to)
    }


def disease_of(code: str) -> ManagedDisease:
    """The newest row of a disease, in force or not. KeyError for none."""
    found = [row for row in _diseases() if row.code == code]
    if not found:
        raise KeyError(code)
    return max(found, key=lambda row: row.valid_from)


def is_on_target(disease: ManagedDisease, readings: Readings) -> bool | None:
    """Whether the last readings are on target; None when the disease has none or nothing was measured.

    Blood pressure: both below 140/90 mmHg. Diabetes: an HbA1c of the last 180 days before the last glucose is below
    7 %; else the last glucose is 4,4 to 7,2 mmol/l.
    """
    if disease.target == PRESSURE:
        if readings.systolic is None or readings.diastolic is None:
            return None
        return readings.systolic < SYSTOLIC_BELOW and readings.diastolic < DIASTOLIC_BELOW
    if disease.target == GLUCOSE:
        return _is_sugar_on_target(readings)
    return None


def _is_sugar_on_target(readings: Readings) -> bool | None:
    if readings.hba1c is not None and readings.hba1c_on is not None:
        newest = readings.glucose_on or readings.hba1c_on
        if (newest - readings.hba1c_on).days <= HBA1C_HOLDS_DAYS:
            return readings.hba1c < HBA1C_BELOW
    if readings.glucose is None:
        return None
    return GLUCOSE_FROM <= readings.glucose <= GLUCOSE_TO


def is_lost(disease: ManagedDisease, last_seen_on: date, on: date) -> bool:
    """Whether somebody is lost on a day (bỏ trị): more than the days of the disease without a visit."""
    return (on - last_seen_on).days > disease.lost_days


def expected_on(disease: ManagedDisease, last_seen_on: date, follow_up_on: date | None) -> date:
    """The day of the next visit: the appointment given at the last one, else the usual distance of the disease."""
    return follow_up_on or last_seen_on + timedelta(days=disease.visit_days)


def read_value(text: str, unit: str, *, is_glucose: bool) -> Decimal | None:
    """A result as typed (6,5) in % or mmol/l; None when it is no plain number or has a unit that is not known."""
    try:
        value = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    if not value.is_finite() or value <= 0:
        return None
    unit = unit.strip().lower()
    if not is_glucose:
        return value if unit in {"%", ""} and value < 30 else None
    if unit in {"mmol/l", ""}:
        return value if value < 60 else None
    return round(value / _MG_DL, 1) if unit == "mg/dl" else None


@cache
def _diseases() -> tuple[ManagedDisease, ...]:
    with DATA.open(encoding="utf-8", newline="") as file:
        return tuple(_disease(row) for row in csv.DictReader(file))


def _disease(row: Mapping[str, str]) -> ManagedDisease:
    return ManagedDisease(
        code=row["disease"],
        name=row["name"],
        short=row["short"],
        kind=row["kind"],
        codes=icd.read_list(row["icd"]),
        target=row["target"],
        visit_days=int(row["visit_days"]),
        lost_days=int(row["lost_days"]),
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        law=row["law"],
    )
