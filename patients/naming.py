"""How papers and what is sent name a drug, a dose, a disease, a result, and who answers for a child: all the same."""

from collections.abc import Iterable
from datetime import date

from his.catalogs.models import Drug, ItemKind
from his.core.dates import age_months
from his.core.text import fold
from patients import dosing
from patients.models import Patient, PrescriptionLine, ServiceResult, VisitDiagnosis

SMALL_CHILD_MONTHS = 72
"""Below this age a prescription says the age in months, the weight and who answers for the child (TT 26/2025)."""


def drug_name(drug: Drug) -> str:
    """International name with the trade name in brackets; the trade name of several ingredients (TT 26/2025).

    Of herbal products the name. The list does not say which drugs are biological; they count by their ingredients.
    """
    if drug.kind != ItemKind.DRUG:
        return drug.name
    if any(mark in drug.ingredient for mark in "+;,") or not drug.ingredient:
        return drug.name
    return drug.ingredient if fold(drug.ingredient) == fold(drug.name) else f"{drug.ingredient} ({drug.name})"


def usage_text(line: PrescriptionLine, days: int) -> str:
    """How a drug is taken for so many days: route, doses, and what the doctor wrote beside them."""
    drug = line.drug
    doses = dosing.Doses(line.morning, line.noon, line.afternoon, line.evening)
    taken = dosing.dose_text(drug.quantity_rule, drug.unit, doses, days) or f"{days} ngày"
    return ". ".join(filter(None, (f"{drug.route_name}: {taken}" if drug.route_name else taken, line.usage)))


def is_small_child(patient: Patient, on: date) -> bool:
    """Whether a person is below 72 months on a day."""
    return age_months(patient.born_on, on) < SMALL_CHILD_MONTHS


def guardian_text(patient: Patient) -> str:
    """Who answers for a person, with their telephone; empty when nobody said."""
    return ", ".join(filter(None, (patient.guardian_name, patient.guardian_phone)))


def diagnosis_text(diagnoses: Iterable[VisitDiagnosis]) -> str:
    """Diagnoses as printed: code - name, in their order, each once."""
    return "; ".join({one.code: f"{one.code} - {one.name}" for one in diagnoses}.values())


def reading_text(reading: ServiceResult) -> str:
    """A result in words: what was read with its unit, else what was concluded or described."""
    said = " ".join(part for part in (reading.value, reading.unit) if part) or reading.conclusion or reading.description
    return f"{reading.indicator_name}: {said}"
