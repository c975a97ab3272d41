"""What is known of a person before prescribing, and the reasons given against warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from his.catalogs.models import Sex
from his.core.dates import age_years
from his.core.text import fold
from patients import hooks
from patients.allergens import NONE_KNOWN, Allergen, search
from patients.models import Exam, HealthFacts, Patient, PatientAllergy, SafetyOverride, Visit

ASKED_FROM, ASKED_UNTIL = 12, 55
"""Whole years of age between which women are asked about pregnancy and breast-feeding."""


@dataclass(frozen=True, slots=True)
class HealthState:
    """The last known answers: of this visit for pregnancy and breast-feeding, of any visit for the kidneys."""

    pregnancy: str = ""
    lactation: str = ""
    kidneys: str = ""
    egfr: Decimal | None = None
    kidneys_at: datetime | None = None

    @property
    def lowest_egfr(self) -> Decimal | None:
        """The eGFR to check against: the figure, else the lowest of the recorded class; None when unknown."""
        if self.egfr is not None or not self.kidneys:
            return self.egfr
        return Decimal(HealthFacts.LOWEST_EGFR[HealthFacts.Kidneys(self.kidneys)])

    @property
    def kidneys_label(self) -> str:
        """The class of the kidneys in words; empty when unknown."""
        return str(HealthFacts.Kidneys(self.kidneys).label) if self.kidneys else ""


def is_asked(patient: Patient, on: date) -> bool:
    """Whether pregnancy and breast-feeding are asked: of women from 12 to 55 years."""
    return bool(patient.sex == Sex.FEMALE and ASKED_FROM <= age_years(patient.born_on, on) <= ASKED_UNTIL)


def health_state(visit: Visit) -> HealthState:
    """What was last answered."""
    rows = HealthFacts.objects.for_facility(visit.facility_id).filter(patient=visit.patient_id).order_by("at", "pk")
    state: dict[str, Any] = {}
    for row in rows:
        if row.visit_id == visit.pk:
            state |= {name: answer for name in ("pregnancy", "lactation") if (answer := getattr(row, name))}
        if row.kidneys or row.egfr is not None:
            state |= {"kidneys": row.kidneys, "egfr": row.egfr, "kidneys_at": row.at}
    return HealthState(**state)


def allergies_of(patient: Patient) -> list[PatientAllergy]:
    """The coded allergies that stand, in the order recorded; "none known" is one of them."""
    rows = PatientAllergy.objects.for_facility(patient.facility_id).filter(patient=patient, ended_at__isnull=True)
    return list(rows.order_by("recorded_at", "pk"))


def allergy_words(patient: Patient, coded: Sequence[PatientAllergy] | None = None) -> str:
    """All that is known of allergies, for the strip of the patient: coded ones, then the free text."""
    coded = allergies_of(patient) if coded is None else coded
    said = [row.name if row.reaction == "unknown" else f"{row.name} ({row.get_reaction_display().lower()})"
            for row in coded if not row.is_none_known]  # fmt: skip
    if patient.allergies:
        said.append(patient.allergies)
    return "; ".join(said)


def is_none_known(coded: Sequence[PatientAllergy]) -> bool:
    """Whether somebody asked and no allergy is known."""
    return any(row.item == NONE_KNOWN for row in coded)


def search_allergens(q: str, on: date) -> list[Allergen]:
    """Ingredients and groups that fit the query; none for an empty one."""
    folded = fold(q)
    return search(hooks.allergens(on), folded) if folded else []


def find_allergen(code: str, on: date) -> Allergen | None:
    """The ingredient or group of a code, or of its name as it is written."""
    wanted = fold(code)
    return next((one for one in hooks.allergens(on) if one.code == code or fold(one.name) == wanted), None)


def overrides_of(exam: Exam) -> dict[str, SafetyOverride]:
    """The last reason given for each thing found, by its key."""
    rows = SafetyOverride.objects.for_facility(exam.facility_id).filter(exam=exam).select_related("by")
    return {row.key: row for row in rows.order_by("at", "pk")}


def signed_safety(exam: Exam) -> Mapping[str, Any]:
    """What the signature says of the safety of the prescription: `overrides`, and `not_checked`."""
    signed = (exam.snapshot or {}).get("safety", {})
    overrides = [one | {"at": datetime.fromisoformat(one["at"])} for one in signed.get("overrides", ())]
    return {"overrides": overrides, "not_checked": signed.get("not_checked", [])}
