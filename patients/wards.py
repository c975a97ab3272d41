"""Which visits lie in a ward, and which bed days they have; pure. Beds of outpatients are not paid (TT 39/2018 Đ6).

Visit types are those of QĐ 824/QĐ-BYT and QĐ 1804/QĐ-BYT, bed groups those of the cost groups (QĐ 5937/QĐ-BYT).
"""

from dataclasses import dataclass
from decimal import Decimal

INPATIENT, DAY_TREATMENT, STATION_STAY, SHORT_STAY = "03", "04", "06", "09"
WARD_TYPES = frozenset({INPATIENT, DAY_TREATMENT, STATION_STAY, SHORT_STAY})
BED_GROUPS = {INPATIENT: "15", SHORT_STAY: "15", DAY_TREATMENT: "14", STATION_STAY: "16"}
"""The cost group of the bed days of a visit type."""
EVERY_BED_GROUP = frozenset(BED_GROUPS.values())
SHORT_STAY_HOURS = 4
"""An inpatient stay of this length or less is of its own type, 09 (QĐ 824/QĐ-BYT)."""


@dataclass(frozen=True, slots=True)
class CountedBed:
    """The bed days of one stay at one price, as they are charged; the rate in percent, each reason with its law."""

    stay_id: int
    is_medical: bool
    quantity: Decimal
    rate: Decimal
    reasons: tuple[str, ...]


_HOSPITAL = ((INPATIENT, "Nội trú"), (DAY_TREATMENT, "Nội trú ban ngày"))
_STATION = ((STATION_STAY, "Điều trị lưu"),)


def admissions(*, is_hospital: bool) -> tuple[tuple[str, str], ...]:
    """The visit types that a facility admits to, with their words; stations and polyclinics keep for observation.

    Whether an inpatient stay is a short one (09) is known when it ends.
    """
    return _HOSPITAL if is_hospital else _STATION


def department_of(service_code: str) -> str:
    """The department that the code of a bed day begins with, such as K03; empty when it names none."""
    head = service_code[:3]
    return head if len(head) == 3 and head[0] == "K" and head[1:].isdigit() else ""
