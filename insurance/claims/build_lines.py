"""The detail rows of a claim: drugs, services, results and notes. Amounts come from the stored split only."""

from dataclasses import replace
from datetime import datetime

from his.accounts.models import Staff
from his.core.errors import Refusal
from insurance.claims.dose import dose_text
from insurance.claims.gather import Record
from insurance.claims.supply import days_given, line_of
from insurance.claims.visit_facts import main_code_of
from insurance.models import BenefitLine, Charge
from insurance.standards.rows import DrugRow, ProgressRow, ResultRow, ServiceRow
from patients.models import ClinicalNote, Exam, ServiceOrder

FEE_FOR_SERVICE = "1"
FUND, OTHER_SOURCE = "1", "4"


def drug_row(record: Record, line: BenefitLine, number: int) -> DrugRow:
    """XML2: what was handed out of one line of a prescription. Refuses a drug whose line is gone."""
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


def service_row(record: Record, line: BenefitLine, number: int) -> ServiceRow:
    """XML3: an exam, an order that was performed, a supply, or the days in a bed. Refuses a bed that is gone."""
    row = _service_row(record, line, number)
    return _in_bed(record, line.charge, row) if Charge.SourceKind.is_bed(line.charge.source_kind) else row


def _in_bed(record: Record, charge: Charge, row: ServiceRow) -> ServiceRow:
    """The days in a bed at one price: ordered when they began (the bed, its price, its share, the ward), with a result
    when the bed was left or its price changed (QĐ 4750, NGAY_YL and NGAY_KQ)."""
    stay = record.beds.get(charge.source_id)
    if stay is None:
        raise Refusal("no_bed", f"{charge.name}: không còn lần nằm giường")
    others = [one.charge for one in record.lines if Charge.SourceKind.is_bed(one.charge.source_kind)]
    changes = [one.ordered_at for one in others if one.source_id == stay.pk and one.ordered_at > charge.ordered_at]
    return replace(
        row,
        department_code=stay.department.code,
        bed_codes=(stay.bed_code,),
        performer_codes=(),
        ordered_at=charge.ordered_at,
        performed_at=None,
        result_at=min(changes, default=stay.ended_at),
    )


def _service_row(record: Record, line: BenefitLine, number: int) -> ServiceRow:
    charge = line.charge
    order = record.orders.get(charge.source_id) if charge.source_kind == Charge.SourceKind.ORDER else None
    is_exam = charge.source_kind == Charge.SourceKind.EXAM
    exam = next((e for e in record.exams if is_exam and e.pk == charge.source_id), record.exam)
    performer = _performer(order) if order else exam.doctor
    procedure = record.procedure_codes.get(charge.code, "")
    disease = (order and order.diagnosis_code) or main_code_of(record, order.exam_id if order else exam.pk)
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
        result_at=order.result_at if order else _signed(record, exam),
        payment_method_code=FEE_FOR_SERVICE,
        device_codes=tuple(code for code in (order.device_code if order else "").split(";") if code),
    )


def _signed(record: Record, exam: Exam) -> datetime | None:
    """When an exam was done: with its signature, but not after the visit's end, which a doctor may sign later."""
    ended_at = record.visit.ended_at
    return min(exam.signed_at, ended_at) if exam.signed_at and ended_at else exam.signed_at


def _performer(order: ServiceOrder) -> Staff | None:
    """Who did it: the one who ordered it when nobody else is named, nobody while it waits."""
    return order.performed_by or (order.ordered_by if order.performed_at else None)


def result_rows(record: Record) -> list[ResultRow]:
    """XML4: the readings of what was charged."""
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


def progress_row(record: Record, note: ClinicalNote, number: int) -> ProgressRow:
    """XML5: one note on how the patient does."""
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
