"""Everything that a claim is made of, read from the database for many visits at once: one query for each table."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, Model, QuerySet

from his.accounts.models import Facility, Staff
from his.catalogs.models import ProcedureCode
from his.core.dates import local
from insurance.billing.effects import PAYS, paid_of
from insurance.billing.ledger import payable_amount
from insurance.claims.document_sources import registered
from insurance.models import BenefitLine, BenefitResult, CashEntry, Charge
from patients.models import (
    BedStay,
    ClinicalNote,
    Exam,
    PrescriptionLine,
    ServiceOrder,
    ServiceResult,
    Visit,
    VisitDiagnosis,
    VitalSigns,
)
from patients.queries_beds import standing_stays
from pharmacy.models import DispenseLine, Substitution


@dataclass(slots=True)
class Record:
    """One closed visit with all that its claim says."""

    visit: Visit
    result: BenefitResult
    lines: list[BenefitLine] = field(default_factory=list)
    exams: list[Exam] = field(default_factory=list)
    diagnoses: list[VisitDiagnosis] = field(default_factory=list)
    """Those of the last exam first, each exam's main one before its others."""
    orders: dict[int, ServiceOrder] = field(default_factory=dict)
    beds: dict[int, BedStay] = field(default_factory=dict)
    """The stays in beds that count, in their order."""
    results: list[ServiceResult] = field(default_factory=list)
    drugs: dict[int, PrescriptionLine] = field(default_factory=dict)
    substitutions: dict[int, Substitution] = field(default_factory=dict)
    """Products given in place of prescribed ones; their lines are among the drugs."""
    dispensed_at: dict[tuple[str, int], datetime] = field(default_factory=dict)
    """When what a charge names was first handed out, by kind and id of its source."""
    notes: list[ClinicalNote] = field(default_factory=list)
    weight_kg: Decimal | None = None
    paid_at: datetime | None = None
    signatory_licence: str = ""
    procedure_codes: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    """What the sources of document tables read, by table."""

    @property
    def exam(self) -> Exam:
        """The last examination: its outcome is the outcome of the visit."""
        return self.exams[-1]


def gather(facility: Facility, visits: Sequence[Visit], *, with_course: bool = True) -> list[Record]:
    """The records of closed visits in the given order. Visits without a split in force are left out.

    Without `with_course` results and notes are not read: who wants no more than the summaries of a month.
    """
    ids = [visit.pk for visit in visits]
    current = BenefitResult.objects.for_facility(facility).filter(visit_id__in=ids, is_current=True)
    results = {r.visit_id: r for r in current.defer("explanation", "parameters")}
    records = {visit.pk: Record(visit, results[visit.pk]) for visit in visits if visit.pk in results}
    _lines(facility, records)
    fill(facility, records, with_course=with_course)
    _payments(facility, records)
    return [records[pk] for pk in ids if pk in records]


def fill(facility: Facility, records: dict[int, Record], *, with_course: bool = True) -> None:
    """Read into records by visit id what was done; their lines are there, who paid when is not read."""
    read_exams(facility, records)
    read_orders(facility, records)
    read_beds(facility, records)
    if with_course:
        read_course(facility, records)
    read_weights(facility, records)
    read_procedure_codes(records)
    _drugs(facility, records)
    read_signatories(facility, records)
    read_documents(facility, records)


def _lines(facility: Facility, records: dict[int, Record]) -> None:
    owners = {record.result.pk: record for record in records.values()}
    rows = BenefitLine.objects.for_facility(facility).filter(result__in=owners)
    for line in rows.select_related("charge").defer("reasons").order_by("result_id", "position"):
        owners[line.result_id].lines.append(line)


def read_exams(facility: Facility, records: dict[int, Record]) -> None:
    """The exams in the order they began, and the diagnoses."""
    exams = Exam.objects.for_facility(facility).filter(visit_id__in=records).select_related("doctor", "department")
    for exam in exams.defer("snapshot").order_by("started_at", "id"):
        records[exam.visit_id].exams.append(exam)
    diagnoses = VisitDiagnosis.objects.for_facility(facility).filter(visit_id__in=records)
    for diagnosis in diagnoses.order_by("-exam_id", "-is_main", "position", "id"):
        records[diagnosis.visit_id].diagnoses.append(diagnosis)


def read_orders(facility: Facility, records: dict[int, Record]) -> None:
    """The orders that stand; those of a closed visit are all performed."""
    orders = ServiceOrder.objects.for_facility(facility).filter(visit_id__in=records)
    orders = orders.exclude(state=ServiceOrder.State.CANCELLED)
    orders = orders.select_related("ordered_by", "performed_by", "department", "service")
    for order in orders.defer("service__indicators", "service__search_name").order_by("ordered_at", "id"):
        records[order.visit_id].orders[order.pk] = order


def read_beds(facility: Facility, records: dict[int, Record]) -> None:
    """The stays in beds."""
    for stay in standing_stays(facility, records):
        records[stay.visit_id].beds[stay.pk] = stay


def read_course(facility: Facility, records: dict[int, Record]) -> None:
    """Results and notes."""
    readings = ServiceResult.objects.for_facility(facility).filter(order__visit_id__in=records)
    ordered = readings.annotate(visit=F("order__visit_id")).order_by("order_id", "position")
    for reading in ordered.select_related("read_by"):
        records[reading.visit].results.append(reading)  # type: ignore[attr-defined]
    for note in _of(ClinicalNote, facility, records).select_related("written_by").order_by("at", "id"):
        records[note.visit_id].notes.append(note)


def read_weights(facility: Facility, records: dict[int, Record]) -> None:
    """The last weight of each visit."""
    for vitals in _of(VitalSigns, facility, records).filter(weight_kg__isnull=False).order_by("taken_at", "id"):
        records[vitals.visit_id].weight_kg = vitals.weight_kg


def read_procedure_codes(records: dict[int, Record]) -> None:
    """The international codes of the procedures among the lines."""
    codes = {
        line.charge.code
        for record in records.values()
        for line in record.lines
        if line.charge.group_code in {"8", "18"}
    }
    rows = ProcedureCode.objects.filter(service_code__in=codes) if codes else ()
    mapping = {row.service_code: row.icd9_code for row in rows}
    for record in records.values():
        record.procedure_codes = mapping


def _drugs(facility: Facility, records: dict[int, Record]) -> None:
    sources = _by_source(records, Charge.SourceKind.PRESCRIPTION_LINE)
    replaced = _by_source(records, Charge.SourceKind.SUBSTITUTION)
    if replaced:
        swapped = Substitution.objects.for_facility(facility).filter(pk__in=replaced)
        for one in swapped.select_related("drug"):
            replaced[one.pk].substitutions[one.pk] = one
            sources[one.prescription_line_id] = replaced[one.pk]
    rows = PrescriptionLine.objects.for_facility(facility).filter(pk__in=sources)
    exams = {exam.pk: exam for record in records.values() for exam in record.exams}
    related = ("drug", "prescription", "prescription__prescribed_by")
    for row in rows.select_related(*related).defer("drug__search_name"):
        if known := exams.get(row.prescription.exam_id):
            row.prescription.exam = known
        sources[row.pk].drugs[row.pk] = row
    given = DispenseLine.objects.for_facility(facility).filter(
        prescription_line_id__in=sources, dispense__is_reversed=False
    )
    times = given.order_by("dispense__dispensed_at", "pk")
    for pk, swap, when in times.values_list("prescription_line_id", "substitution_id", "dispense__dispensed_at"):
        sources[pk].dispensed_at.setdefault(dispensed_key(pk, swap), when)


def _by_source(records: dict[int, Record], kind: str) -> dict[int, Record]:
    return {
        line.charge.source_id: record
        for record in records.values()
        for line in record.lines
        if line.charge.source_kind == kind
    }


def dispensed_key(line_id: int, substitution_id: int | None) -> tuple[str, int]:
    """The source of the charge for what was handed out of a line."""
    if substitution_id is None:
        return str(Charge.SourceKind.PRESCRIPTION_LINE), line_id
    return str(Charge.SourceKind.SUBSTITUTION), substitution_id


def _payments(facility: Facility, records: dict[int, Record]) -> None:
    paid: dict[int, Decimal] = defaultdict(Decimal)
    last: dict[int, datetime] = {}
    for entry in _of(CashEntry, facility, list(records)).filter(kind__in=PAYS).order_by("at", "id"):
        paid[entry.visit_id] += paid_of(entry)
        last[entry.visit_id] = entry.at
    for pk, record in records.items():
        if payable_amount(record.result) <= paid[pk]:
            record.paid_at = last.get(pk, record.visit.closed_at)


def read_signatories(facility: Facility, records: dict[int, Record]) -> None:
    """Who heads the facility on the day the visit ends."""
    heads = list(Staff.objects.for_facility(facility).filter(is_head=True).order_by("valid_from"))
    for record in records.values():
        day = local(record.visit.ended_at or record.visit.arrived_at).date()
        record.signatory_licence = next(
            (h.licence_no for h in heads if h.valid_from <= day and (h.valid_to is None or day <= h.valid_to)), ""
        )


def read_documents(facility: Facility, records: dict[int, Record]) -> None:
    """What the registered documents add."""
    for source in registered():
        found = source.facts(facility, list(records)) if source.facts is not None else {}
        for pk, facts in found.items():
            records[pk].facts[source.table] = facts


def _of(model: type[Model], facility: Facility, visit_ids: Iterable[int]) -> QuerySet[Any]:
    return model._default_manager.filter(facility=facility, visit_id__in=visit_ids)
