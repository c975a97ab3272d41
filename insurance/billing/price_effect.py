"""What a patient pays more when the pharmacy gives another product than the prescribed one."""

from decimal import Decimal

from his.catalogs.models import Drug
from his.core.errors import Refusal
from insurance.billing.charges import find_sources
from insurance.billing.closing import preview
from insurance.billing.origins import drug_source
from insurance.models import Charge
from patients.models import PrescriptionLine
from pharmacy.queries_given import parts_of


def price_effect(line: PrescriptionLine, drug: Drug, quantity: Decimal) -> Decimal | None:
    """The patient's part with so much of the other product less that with the prescribed one, đồng.

    Both as if the whole prescription were handed out and the visit closed now. None while no split can be computed.
    """
    visit, at = line.prescription.visit, line.prescription.prescribed_at
    found, _missing = find_sources(visit)
    key = (Charge.SourceKind.PRESCRIPTION_LINE, line.pk)
    sources = [source for source in found if source.key != key]
    sources += [
        drug_source(part.line.pk, part.line.drug, part.open, at, is_insured=part.line.is_insured)
        for part in parts_of(line.prescription)
        if part.open > 0 and part.line.pk != line.pk
    ]
    usual = drug_source(line.pk, line.drug, quantity, at, is_insured=line.is_insured)
    other = drug_source(line.pk, drug, quantity, at, is_insured=line.is_insured)
    try:
        before, after = (preview(visit, [*sources, one])[0].patient_amount for one in (usual, other))
    except Refusal:
        return None
    return after - before
