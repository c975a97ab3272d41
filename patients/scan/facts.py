"""What a scanned or typed text was found to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from his.core.dates import BirthDate

Kind = Literal[
    "citizen_card",
    "insurance_card",
    "chip",
    "citizen_id",
    "passport",
    "old_id",
    "social_insurance_no",
    "card_number",
    "claim_code",
    "prescription_code",
    "patient_code",
    "phone",
    "name",
    "unsupported",
]


@dataclass(frozen=True, slots=True)
class Scan:
    """What was read. Empty text and None mean "not said". `warnings` are for the person at the desk.

    `damaged` names the fields whose text could not be decoded and holds the raw text; those fields are empty.
    """

    kind: Kind
    full_name: str = ""
    birth: BirthDate | None = None
    sex: str = ""
    citizen_id: str = ""
    old_id_number: str = ""
    address: str = ""
    issued_on: date | None = None
    nationality: str = ""
    ethnicity: str = ""
    guardian_name: str = ""
    card_number: str = ""
    social_insurance_no: str = ""
    registered_facility_code: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    card_issued_on: date | None = None
    five_years_from: date | None = None
    area_code: str = ""
    phone: str = ""
    claim_code: str = ""
    prescription_code: str = ""
    patient_code: str = ""
    warnings: tuple[str, ...] = ()
    damaged: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Literal["qr", "chip", "typed"]:
        """How the facts came in, as stored with the person, card and visit."""
        if self.kind in {"citizen_card", "insurance_card"}:
            return "qr"
        return "chip" if self.kind == "chip" else "typed"

    @property
    def has_person(self) -> bool:
        """Whether it says enough of a person to fill in a registration."""
        return self.kind in {"citizen_card", "insurance_card", "chip"}


def unsupported(warning: str) -> Scan:
    """What could not be read, and why."""
    return Scan("unsupported", warnings=(warning,))
