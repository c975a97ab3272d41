"""The claim of a visit that still goes on, as the rules read it: built by the same code as the claim that is exported.

What nobody can know yet (amounts before the split, the end before signing) stays empty, so that no rule speaks of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from his.core.dates import local
from his.core.errors import Refusal
from his.core.money import ZERO
from insurance.billing.charges import charge_values, pricing_day
from insurance.billing.origins import Source, drug_source, service_price, service_source
from insurance.claims.build import tables_of
from insurance.claims.document_sources import documents_of
from insurance.claims.gather import (
    Record,
    fill,
    read_beds,
    read_course,
    read_documents,
    read_exams,
    read_orders,
    read_procedure_codes,
    read_signatories,
    read_weights,
)
from insurance.claims.inclusion import reason_left_out_of
from insurance.claims.visit_facts import claim_end
from insurance.hooks import settlement_month
from insurance.models import BenefitLine, BenefitResult, Charge
from insurance.rules.engine import Stage, VisitFacts
from insurance.standards import Standard, row_texts, select_standard
from patients.models import Prescription, PrescriptionLine, Visit
from patients.notices import Line, LineKind
from patients.wards import WARD_TYPES

_UNTIL_SPLIT = frozenset(
    {
        "entitlement_code", "service_percent", "benefit_percent", "paid_at", "settlement_year", "settlement_month",
        "hospital_amount", "insured_amount", "ceiling_amount", "self_paid_amount", "copay_amount", "fund_amount",
        "other_sources_amount", "drugs_amount", "supplies_amount", "total_hospital_amount", "total_insured_amount",
        "fund_fee_for_service_amount", "state_budget_amount", "foreign_aid_amount", "domestic_aid_amount",
        "other_support_amount",
    }
)  # fmt: skip
_UNTIL_SIGNED = _UNTIL_SPLIT | {"ended_at", "treatment_days", "treatment_result_code", "discharge_kind_code"}
_LINE_AMOUNTS = (
    "benefit_percent", "hospital_amount", "insured_amount", "fund_amount", "copay_amount", "self_paid_amount",
    "other_amount",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LiveClaim:
    """The facts of an open visit; `lines` says what each row of drugs and services is at the desk."""

    facts: VisitFacts
    lines: Mapping[tuple[str, int], Line]
    doctor: str
    """Who examined last, by name."""


def planned(
    visit: Visit, stage: Stage, at: datetime, typed: Sequence[PrescriptionLine] | None = None
) -> LiveClaim | None:
    """The claim as the doctor's desk knows it at `at`: exams, standing orders, drugs prescribed but not handed out.

    `typed` are unsaved lines in the place of those of the last exam. None for a visit without insurance or exam.
    """
    visit = _read(visit, at)
    record = Record(visit, BenefitResult())
    records = {visit.pk: record}
    if visit.is_insured:
        read_exams(visit.facility, records)
    if not record.exams:
        return None
    read_orders(visit.facility, records)
    if visit.visit_type in WARD_TYPES:
        read_beds(visit.facility, records)
    read_weights(visit.facility, records)
    record.drugs = _drugs(record, typed, at)
    record.lines = [_line(Charge(visit=visit, **charge_values(source))) for source in _sources(record)]
    read_procedure_codes(records)
    if stage == Stage.ORDER:
        return _live(record, _UNTIL_SIGNED)
    read_course(visit.facility, records)
    read_signatories(visit.facility, records)
    read_documents(visit.facility, records)
    return _live(record, _UNTIL_SPLIT)


def settled(visit: Visit, result: BenefitResult, lines: Sequence[BenefitLine], at: datetime) -> LiveClaim | None:
    """The whole claim that a split gives, as if the visit were closed and paid at `at`; the split need not be stored.

    None for a visit that makes no claim.
    """
    visit = _read(visit, at)
    if reason_left_out_of(visit, result):
        return None
    record = Record(visit, result, list(lines), paid_at=at)
    fill(visit.facility, {visit.pk: record})
    return _live(record, frozenset())


def _read(visit: Visit, at: datetime) -> Visit:
    """The stored visit, in memory as if it ended (unless it did) and were closed at `at`."""
    found = Visit.objects.select_related("patient", "card", "facility").get(pk=visit.pk)
    found.ended_at, found.claim_month = found.ended_at or at, settlement_month(found, at)
    return found


def _drugs(record: Record, typed: Sequence[PrescriptionLine] | None, at: datetime) -> dict[int, PrescriptionLine]:
    """Prescribed lines by id; typed ones by their negative place."""
    rows = PrescriptionLine.objects.for_facility(record.visit.facility).filter(
        prescription__visit=record.visit, prescription__voided_at__isnull=True
    )
    related = ("drug", "prescription__prescribed_by", "prescription__exam__department")
    if typed is None:
        return {row.pk: row for row in rows.select_related(*related).order_by("prescription_id", "position")}
    draft = Prescription(visit=record.visit, exam=record.exam, prescribed_by=record.exam.doctor, prescribed_at=at)
    for row in typed:
        row.prescription = draft
    # Only who was examined before in another room has other lines.
    others = rows.exclude(prescription__exam=record.exam).select_related(*related) if len(record.exams) > 1 else ()
    return {row.pk: row for row in others} | {-row.position: row for row in typed}


def _sources(record: Record) -> Iterator[Source]:
    """What would be charged: exams, then orders, then drugs. An exam without a price is left out."""
    visit, on = record.visit, pricing_day(record.visit)
    for exam in record.exams:
        if exam.service_code:
            with suppress(Refusal):
                price = service_price(visit, exam.service_code, on)
                kind = Charge.SourceKind.EXAM
                yield service_source(kind, exam.pk, price, Decimal(1), exam.started_at, is_insured=True)
    for pk, order in record.orders.items():
        kind = Charge.SourceKind.ORDER
        how = {"is_insured": order.is_insured, "is_on_demand": order.is_on_demand}
        yield service_source(kind, pk, order.service, order.quantity, order.ordered_at, **how)
    for key, row in record.drugs.items():
        at = row.prescription.prescribed_at
        yield drug_source(key, row.drug, row.quantity, at, is_insured=row.is_insured)


def _line(charge: Charge) -> BenefitLine:
    """A line without a split: what is not known is zero here and left out of the facts."""
    return BenefitLine(
        charge=charge,
        service_rate=charge.service_rate or ZERO,
        payment_rate=charge.payment_rate,
        **dict.fromkeys(_LINE_AMOUNTS, ZERO),
    )


def _live(record: Record, unknown: frozenset[str]) -> LiveClaim:
    tables = tables_of(record)
    if unknown != _UNTIL_SIGNED:
        tables.documents = documents_of(record)
    on = local(claim_end(record)).date()
    standard = select_standard(on)
    rows = dict(tables.in_envelope(standard))
    if not unknown and tables.check_in is not None:
        rows["XML0"] = [tables.check_in]
    facts = {name: _known(standard, name, found, unknown) for name, found in rows.items()}
    return LiveClaim(VisitFacts(standard, facts, on=on), _places(record), record.exam.doctor.full_name)


def _known(standard: Standard, table: str, rows: Sequence[object], unknown: frozenset[str]) -> list[dict[str, str]]:
    fields = standard.table(table).fields
    empty = {field.tag: "" for field in fields if field.source in unknown}
    tags = [field.tag for field in fields]
    return [dict(zip(tags, texts, strict=True)) | empty for texts in row_texts(standard, table, rows)]


def _places(record: Record) -> dict[tuple[str, int], Line]:
    """The desk's line of each row of drugs and services; exams and earlier rooms' drugs have none."""
    found: dict[tuple[str, int], Line] = {}
    numbers = {"XML2": 0, "XML3": 0}
    for line in record.lines:
        kind, source = line.charge.source_kind, line.charge.source_id
        table = "XML2" if line.charge.line_kind == Charge.LineKind.DRUG else "XML3"
        numbers[table] += 1
        if kind == Charge.SourceKind.ORDER:
            found[table, numbers[table]] = Line(LineKind.ORDER, source)
        elif kind == Charge.SourceKind.PRESCRIPTION_LINE and _is_of_last_exam(record, source):
            found[table, numbers[table]] = Line(LineKind.DRUG, record.drugs[source].position)
    return found


def _is_of_last_exam(record: Record, source: int) -> bool:
    return source in record.drugs and record.drugs[source].prescription.exam_id == record.exam.pk
