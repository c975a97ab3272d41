"""From the record of a closed visit to the typed rows of its claim. Amounts come from the stored split only."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from his.accounts.models import Staff
from his.core.dates import VIETNAM, local
from his.core.errors import Refusal
from insurance.claims.document_sources import documents_of
from insurance.claims.dose import dose_text
from insurance.claims.gather import Record
from insurance.claims.supply import days_given, days_supplied, line_of
from insurance.models import BenefitLine, Charge
from insurance.standards import PartialDate, Standard
from insurance.standards.rows import CheckInRow, DrugRow, ProgressRow, ResultRow, ServiceRow, SummaryRow
from patients.models import ClinicalNote, Exam, Patient, ServiceOrder
from patients.services.exams import OTHERS_MAX
from patients.services.outcomes import TRANSFERS

OWN = frozenset(f"XML{number}" for number in range(16))
"""The tables that the product fills itself, or knows a source for."""
FEE_FOR_SERVICE = "1"
FUND, OTHER_SOURCE = "1", "4"
SUPPLY_GROUPS = frozenset({"10", "11"})
EMERGENCY = "2"
"""Entitlement code of emergencies: no message of arrival is sent for them (QĐ 130, bảng check-in)."""
INPATIENT_TYPES = frozenset({"03", "04", "09"})
COURSE_TYPES = frozenset({"02", "05", "07"})
"""Visit types that end with the last day of the drugs handed out, at 23:59 (QĐ 4750, NGAY_RA)."""

_DISCHARGE = {
    Exam.Outcome.HOME: "1",
    Exam.Outcome.FOLLOW_UP: "1",
    Exam.Outcome.TRANSFER: "2",
    Exam.Outcome.TRANSFER_REQUEST: "5",
}


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
        drugs=[_drug(record, line, number) for number, line in enumerate(drugs, 1)],
        services=[_service(record, line, number) for number, line in enumerate(services, 1)],
        results=_results(record),
        progress=[_note(record, note, number) for number, note in enumerate(record.notes, 1)],
    )


def claim_end(record: Record) -> datetime:
    """When the visit ends for the claim: for drug courses the last day of the drugs at 23:59 (QĐ 4750).

    Who is transferred ends when leaving.
    """
    ended = local(record.visit.ended_at or record.visit.arrived_at)
    days = days_supplied(record)
    is_transferred = bool(record.exams) and record.exam.outcome in TRANSFERS
    if record.visit.visit_type not in COURSE_TYPES or days == 0 or is_transferred:
        return ended
    return datetime.combine(ended.date() + timedelta(days=days - 1), time(23, 59), tzinfo=VIETNAM)


def treatment_days(record: Record) -> int:
    """SO_NGAY_DTRI (QĐ 4750), by visit type: 0, days of drugs, days with a service, or last less first day plus one."""
    kind, ended = record.visit.visit_type, claim_end(record)
    if kind == "05":
        return days_supplied(record)
    if kind == "08":
        return len({local(line.charge.ordered_at).date() for line in record.lines})
    if kind in {"02", "03", "04", "06"}:
        return (ended.date() - local(record.visit.arrived_at).date()).days + 1
    return 0


def birth_of(patient: Patient) -> PartialDate:
    """The birth date as far as it is known."""
    born, known = patient.born_on, patient.birth_precision
    return PartialDate(born.year, None if known == "year" else born.month, born.day if known == "day" else None)


def diagnosis_text(record: Record) -> str:
    """All diagnoses of the visit as printed: code - name, main first, each once."""
    return "; ".join({d.code: f"{d.code} - {d.name}" for d in record.diagnoses}.values())


def main_code(record: Record) -> str:
    """The main disease of the last exam (MA_BENH_CHINH); those of earlier exams are among the others."""
    first = record.diagnoses[0].code if record.diagnoses else ""
    return next((d.code for d in record.diagnoses if d.is_main), first)


def _main_code_of(record: Record, exam_id: int) -> str:
    """The disease that a service of an exam is for: the main one of that exam."""
    return next((d.code for d in record.diagnoses if d.is_main and d.exam_id == exam_id), main_code(record))


def other_codes(record: Record) -> tuple[str, ...]:
    """The other diseases of the visit, each once, as many as a claim takes."""
    main = main_code(record)
    return tuple(dict.fromkeys(d.code for d in record.diagnoses if d.code != main))[:OTHERS_MAX]


def admitted_at(record: Record) -> datetime | None:
    """When an inpatient was admitted; of others nothing."""
    return record.visit.arrived_at if record.visit.visit_type in INPATIENT_TYPES else None


def _admission_reason(record: Record) -> str:
    """Why an inpatient was admitted (LY_DO_VNT): the reason of the visit; of others nothing."""
    return "" if admitted_at(record) is None else record.visit.reason or record.exam.reason


def _procedures(record: Record, services: list[BenefitLine]) -> list[str]:
    """ICD-9-CM codes of the operations and procedures among the services (QĐ 4440/2020)."""
    return [code for line in services if (code := record.procedure_codes.get(line.charge.code))]


def discharge_kind(record: Record) -> str:
    """How the visit ended (MA_LOAI_RV): home, or one of the two transfers."""
    outcome = record.exam.outcome
    return _DISCHARGE.get(Exam.Outcome(outcome), "1") if outcome else "1"


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
        admission_reason=_admission_reason(record),
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
        admission_reason=_admission_reason(record),
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
        department_codes=tuple(dict.fromkeys(e.department.code for e in record.exams)),
        facility_code=visit.facility.code,
        living_area_code=card.area_code,
        weight_kg=record.weight_kg,
        five_years_from=card.five_years_from,
        follow_up_dates=_follow_ups(record),
        record_number=visit.claim_code,
        signatory_code=record.signatory_licence,
    )


def _follow_ups(record: Record) -> tuple[date, ...]:
    return tuple(exam.follow_up_on for exam in record.exams if exam.follow_up_on)


def _total(lines: list[BenefitLine]) -> Decimal:
    return sum((line.hospital_amount for line in lines), Decimal("0.00"))


def _drug(record: Record, line: BenefitLine, number: int) -> DrugRow:
    charge, key = line.charge, line_of(record, line.charge)
    if key is None or key not in record.drugs:
        raise Refusal("no_prescription", f"Thuốc {charge.name} không còn dòng đơn thuốc")
    is_swapped = charge.source_kind == Charge.SourceKind.SUBSTITUTION
    row = record.drugs[key]
    drug = record.substitutions[charge.source_id].drug if is_swapped else row.drug
    prescription = row.prescription
    return DrugRow(
        claim_code=record.visit.claim_code,
        line_no=number,
        drug_code=charge.code,
        processing_codes=tuple(code for code in drug.processing_code.split(";") if code),
        cost_group_code=charge.group_code,
        drug_name=charge.name,
        unit=charge.unit,
        strength=drug.strength,
        route_code=drug.route_code,
        dosage_form=drug.dose_form,
        dose=dose_text(row.morning, row.noon, row.afternoon, row.evening, days_given(record, key), drug.unit),
        usage=row.usage,
        registration_number=drug.registration_no,
        tender_info=drug.bid_info,
        scope_code=charge.scope_code,
        coverage_percent=line.payment_rate,
        quantity=charge.quantity,
        unit_price=charge.hospital_price,
        hospital_amount=line.hospital_amount,
        insured_amount=line.insured_amount,
        other_sources_amount=line.other_amount,
        benefit_percent=line.benefit_percent,
        self_paid_amount=line.self_paid_amount,
        copay_amount=line.copay_amount,
        fund_amount=line.fund_amount,
        department_code=prescription.exam.department.code,
        prescriber_codes=(prescription.prescribed_by.licence_no,),
        ordered_at=prescription.prescribed_at,
        performed_at=record.dispensed_at.get((charge.source_kind, charge.source_id)),
        payment_method_code=FEE_FOR_SERVICE,
        fund_source_code=FUND if charge.scope_code != "2" else OTHER_SOURCE,
    )


def _service(record: Record, line: BenefitLine, number: int) -> ServiceRow:
    charge = line.charge
    order = record.orders.get(charge.source_id) if charge.source_kind == Charge.SourceKind.ORDER else None
    exam = next((e for e in record.exams if e.pk == charge.source_id), record.exam) if order is None else record.exam
    performer = _performer(order) if order else exam.doctor
    procedure = record.procedure_codes.get(charge.code, "")
    disease = (order and order.diagnosis_code) or _main_code_of(record, order.exam_id if order else exam.pk)
    return ServiceRow(
        claim_code=record.visit.claim_code,
        line_no=number,
        service_code=charge.code,
        procedure_codes=(procedure,) if procedure else (),
        cost_group_code=charge.group_code,
        service_name=charge.name,
        unit=charge.unit,
        scope_code=charge.scope_code,
        quantity=charge.quantity,
        hospital_price=charge.hospital_price,
        insured_price=charge.insured_price,
        service_percent=line.service_rate,
        coverage_percent=line.payment_rate,
        hospital_amount=line.hospital_amount,
        insured_amount=line.insured_amount,
        ceiling_amount=line.ceiling_amount,
        benefit_percent=line.benefit_percent,
        other_sources_amount=line.other_amount,
        self_paid_amount=line.self_paid_amount,
        copay_amount=line.copay_amount,
        fund_amount=line.fund_amount,
        department_code=(order.department if order else exam.department).code,
        orderer_codes=((order.ordered_by if order else exam.doctor).licence_no,),
        performer_codes=(performer.licence_no,) if performer else (),
        disease_codes=(disease,) if disease else (),
        ordered_at=order.ordered_at if order else exam.started_at,
        performed_at=(order.performed_at if order else exam.started_at),
        result_at=order.result_at if order else exam.signed_at,
        payment_method_code=FEE_FOR_SERVICE,
        device_codes=tuple(code for code in (order.device_code if order else "").split(";") if code),
    )


def _performer(order: ServiceOrder) -> Staff | None:
    """Who did it: the one who ordered it when nobody else is named, nobody while it waits."""
    return order.performed_by or (order.ordered_by if order.performed_at else None)


def _results(record: Record) -> list[ResultRow]:
    charged = {line.charge.source_id for line in record.lines if line.charge.source_kind == Charge.SourceKind.ORDER}
    readings = [reading for reading in record.results if reading.order_id in charged]
    return [
        ResultRow(
            claim_code=record.visit.claim_code,
            line_no=number,
            service_code=record.orders[reading.order_id].service.code,
            indicator_code=reading.indicator_code,
            indicator_name=reading.indicator_name,
            value=reading.value,
            unit=reading.unit,
            description=reading.description,
            conclusion=reading.conclusion if not reading.value else "",
            result_at=reading.resulted_at,
            reader_code=reading.read_by.licence_no,
        )
        for number, reading in enumerate(readings, 1)
    ]


def _note(record: Record, note: ClinicalNote, number: int) -> ProgressRow:
    return ProgressRow(
        claim_code=record.visit.claim_code,
        line_no=number,
        clinical_course=note.text,
        disease_stage=note.stage,
        consultation=note.consultation,
        surgery=note.procedure,
        noted_at=note.at,
        writer_codes=(note.written_by.licence_no,),
    )
