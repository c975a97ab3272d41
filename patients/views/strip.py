"""The patient strip as the desks of this package show it: who is open, in the same place on every screen."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from his.core import dates
from his.ui.text import day_text
from patients.models import InsuranceCard, Patient, PatientAllergy, Visit
from patients.queries_safety import allergies_of, allergy_words, is_none_known


def strip_of_visit(visit: Visit, coded: Sequence[PatientAllergy] | None = None) -> dict[str, Any]:
    """The strip of a visit: its card, the age on the day of arrival, who pays. `coded`: allergies when already read."""
    on = dates.local(visit.arrived_at).date()
    payer = "" if visit.is_insured else "Tự trả"
    return {
        **strip_for(visit.patient, on=on, card=visit.card, coded=coded),
        "visit_text": visit.claim_code,
        "rate_text": payer,
    }


def strip_for(
    patient: Patient, *, on: date, card: InsuranceCard | None = None, coded: Sequence[PatientAllergy] | None = None
) -> dict[str, Any]:
    """What the component `patient_strip.html` wants of a person, with the card that counts on the day."""
    coded = allergies_of(patient) if coded is None else coded
    until = f" · đến {day_text(card.valid_to)}" if card and card.valid_to else ""
    return {
        "full_name": patient.full_name,
        "code": patient.code,
        "birth_text": patient.birth.text(),
        "age_text": dates.age_text(patient.born_on, on, patient.birth.precision),
        "sex_text": patient.get_sex_display(),
        "card_text": f"{card.number} · ĐK {card.registered_facility_code}{until}" if card else "",
        "allergy_text": allergy_words(patient, coded),
        "none_known": is_none_known(coded),
    }
