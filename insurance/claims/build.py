"""From the record of a closed visit to the typed rows of its claim. Amounts come from the stored split only."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from his.core.errors import Refusal
from insurance.claims.build_lines import drug_row, progress_row, result_rows, service_row
from insurance.claims.document_sources import documents_of
from insurance.claims.gather import Record
from insurance.claims.visit_facts import (
    admission_reason,
    admitted_at,
    birth_of,
    claim_end,
    department_codes,
    diagnosis_text,
    discharge_kind,
    main_code,
    other_codes,
    treatment_days,
)
from insurance.models import BenefitLine, Charge
from insurance.standards import Standard
from insurance.standards.rows import CheckInRow, DrugRow, ProgressRow, ResultRow, ServiceRow, SummaryRow

OWN = frozenset(f"XML{number}" for number in range(16))
"""The tables that the product fills itself, or knows a source for."""
SUPPLY_GROUPS = frozenset({"10", "11"})
EMERGENCY = "2"
"""Entitlement code of emergencies: no message of arrival is sent for them (QĐ 130, bảng check-in)."""


@dataclass(slots=True)
class ClaimTables:
    """The rows of one claim by table; empty tables are left out of the file."""

    check_in: CheckInRow | None
    summary: SummaryRow
    drugs: list[DrugRow] = field(default_factory=list)
    services: list[ServiceRow] = field(default_factory=list)
    results: list[ResultRow] = field(default_factory=list)
    progress: list[ProgressRow] = field(default_factory=list)
    documents: dict[str, list[object]] = field(default_factory=dict)
    """Rows of the document tables by name, such as XML13."""

    def in_envelope(self, standard: Standard) -> list[tuple[str, list[object]]]:
        """(table, rows) of the tables that travel together by this standard, in its order.

        A table that a decree has added is made of the rows that its `row_class` names: one row for each of them.
        """
        tables: dict[str, list[object]] = {
            "XML1": [self.summary],
            "XML2": list(self.drugs),
            "XML3": list(self.services),
            "XML4": list(self.results),
            "XML5": list(self.progress),
            **self.documents,
        }
        by_class = {type(row).__name__: rows for rows in tables.values() for row in rows[:1]}
        added = {name: by_class.get(table.row_class, []) for name, table in standard.tables.items() if name not in OWN}
        names = (table.name for table in standard.tables.values() if table.in_envelope)
        return [(name, rows) for name in names if (rows := tables.get(name) or added.get(name))]


def build_tables(record: Record) -> ClaimTables:
    """All rows of one claim. Refuses with `incomplete` when something that every claim says is missing."""
    if not record.exams or not record.diagnoses:
        raise Refusal("incomplete", "Lượt khám không có chẩn đoán đã ký")
    if record.visit.card is None:
        raise Refusal("incomplete", "Lượt khám không có thẻ BHYT")
    tables = tables_of(record)
    tables.documents = documents_of(record)
    return tables


def tables_of(record: Record) -> ClaimTables:
    """The rows without documents of a record that has an exam and a card, also while the visit goes on."""
    drugs = [line for line in record.lines if line.charge.line_kind == Charge.LineKind.DRUG]
    services = [line for line in record.lines if line.charge.line_kind != Charge.LineKind.DRUG]
    return ClaimTables(
        check_in=None if record.result.entitlement_code == EMERGENCY else _check_in(record),
        summary=_summary(record, drugs, services),
        drugs=[drug_row(record, line, number) for number, line in enumerate(drugs, 1)],
        services=[service_row(record, line, number) for number, line in enumerate(services, 1)],
        results=result_rows(record),
        progress=[progress_row(record, note, number) for number, note in enumerate(record.notes, 1)],
    )


def _check_in(record: Record) -> CheckInRow:
    visit, patient, card = record.visit, record.visit.patient, record.visit.card
    first = record.lines[0].charge if record.lines else None
    is_drug = first is not None and first.line_kind == Charge.LineKind.DRUG
    return CheckInRow(
        claim_code=visit.claim_code,
        patient_code=patient.code,
        full_name=patient.full_name,
        citizen_id=patient.citizen_id,
        birth_at=birth_of(patient),
        sex_code=patient.sex,
        card_number=card.number if card else "",
        registered_facility_code=card.registered_facility_code if card else "",
        card_valid_from=card.valid_from if card else None,
        card_valid_to=card.valid_to if card else None,
        entitlement_code=record.result.entitlement_code,
        arrived_at=visit.arrived_at,
        admitted_at=admitted_at(record),
        admission_reason=admission_reason(record),
        visit_type_code=visit.visit_type,
        facility_code=visit.facility.code,
        service_code=first.code if first and not is_drug else "",
        service_name=first.name if first and not is_drug else "",
        drug_code=first.code if first and is_drug else "",
        drug_name=first.name if first and is_drug else "",
        ordered_at=first.ordered_at if first else visit.arrived_at,
    )


def _summary(record: Record, drugs: list[BenefitLine], services: list[BenefitLine]) -> SummaryRow:
    visit, patient, card, result, exam = (
        record.visit,
        record.visit.patient,
        record.visit.card,
        record.result,
        record.exam,
    )
    if card is None or visit.claim_month is None:
        raise Refusal("incomplete", "Lượt khám chưa chốt hoặc không có thẻ BHYT")
    supplies = [line for line in services if line.charge.group_code in SUPPLY_GROUPS]
    return SummaryRow(
        claim_code=visit.claim_code,
        patient_code=patient.code,
        full_name=patient.full_name,
        citizen_id=patient.citizen_id,
        birth_at=birth_of(patient),
        sex_code=patient.sex,
        blood_group=patient.blood_group,
        nationality_code=patient.nationality_code,
        ethnic_group_code=patient.ethnicity_code,
        occupation_code=patient.occupation_code,
        address=patient.address,
        province_code=patient.province_code,
        commune_code=patient.commune_code,
        phone=patient.phone,
        card_numbers=(card.number,),
        registered_facility_codes=(card.registered_facility_code,),
        cards_valid_from=(card.valid_from,),
        cards_valid_to=(card.valid_to,) if card.valid_to else (),
        copay_exempt_from=card.copay_exempt_from,
        visit_reason=visit.reason or exam.reason,
        admission_reason=admission_reason(record),
        arrival_diagnosis=diagnosis_text(record),
        discharge_diagnosis=diagnosis_text(record),
        main_disease_code=main_code(record),
        other_disease_codes=other_codes(record),
        procedure_codes=tuple(dict.fromkeys(_procedures(record, services))),
        entitlement_code=result.entitlement_code,
        referring_facility_code=visit.referral_facility_code,
        receiving_facility_code=exam.transfer_facility_code,
        injury_cause_code=visit.injury_code,
        arrived_at=visit.arrived_at,
        admitted_at=admitted_at(record),
        ended_at=claim_end(record),
        referral_number=visit.referral_number,
        treatment_days=treatment_days(record),
        treatment_method=exam.treatment,
        treatment_result_code=exam.treatment_result_code,
        discharge_kind_code=discharge_kind(record),
        advice=exam.advice,
        paid_at=record.paid_at,
        drugs_amount=_total(drugs),
        supplies_amount=_total(supplies),
        total_hospital_amount=result.total_hospital_amount,
        total_insured_amount=result.total_insured_amount,
        self_paid_amount=result.self_paid_amount,
        copay_amount=result.copay_amount,
        fund_amount=result.fund_amount,
        other_sources_amount=result.other_amount,
        fund_fee_for_service_amount=result.fund_fee_for_service_amount,
        settlement_year=visit.claim_month.year,
        settlement_month=visit.claim_month.month,
        visit_type_code=visit.visit_type,
        department_codes=department_codes(record),
        facility_code=visit.facility.code,
        living_area_code=card.area_code,
        weight_kg=record.weight_kg,
        five_years_from=card.five_years_from,
        follow_up_dates=_follow_ups(record),
        record_number=visit.claim_code,
        signatory_code=record.signatory_licence,
    )


def _procedures(record: Record, services: list[BenefitLine]) -> list[str]:
    """ICD-9-CM codes of the operations and procedures among the services (QĐ 4440/2020)."""
    return [code for line in services if (code := record.procedure_codes.get(line.charge.code))]


def _follow_ups(record: Record) -> tuple[date, ...]:
    return tuple(exam.follow_up_on for exam in record.exams if exam.follow_up_on)


def _total(lines: list[BenefitLine]) -> Decimal:
    return sum((line.hospital_amount for line in lines), Decimal("0.00"))
