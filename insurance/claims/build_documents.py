"""From the record of a closed visit to the papers that leave with the patient: discharge (XML7), transfer (XML13),
follow-up (XML14).

All say what the summary of the visit says; whatever is on both is taken from the same functions.
"""

from his.core.dates import local
from insurance.claims.gather import Record
from insurance.claims.visit_facts import (
    admitted_at,
    birth_of,
    claim_end,
    department_codes,
    diagnosis_text,
    discharge_kind,
    main_code,
    other_codes,
)
from insurance.models import BenefitLine, Charge
from insurance.standards.document_rows import DischargePaperRow, FollowUpRow, TransferRow
from patients.naming import reading_text
from patients.services.outcomes import TRANSFERS

NAMES_MAX = 1024
"""Width of TEN_DICH_VU and TEN_THUOC (QĐ 4750); names that do not fit are left out whole."""


def discharge_paper_rows(record: Record) -> list[DischargePaperRow]:
    """The discharge paper (giấy ra viện) of who was admitted; the doctor of the last exam signs for the department.

    Its archive number is that of the record, which is kept by claim code; its day is that of the discharge (QĐ 4750).
    """
    if admitted_at(record) is None:
        return []
    exam, visit, ended = record.exam, record.visit, claim_end(record)
    return [
        DischargePaperRow(
            claim_code=visit.claim_code,
            archive_number=visit.claim_code,
            medical_code=visit.patient.code,
            discharge_department_code=department_codes(record)[-1],
            arrived_at=visit.arrived_at,
            ended_at=ended,
            discharge_diagnosis=diagnosis_text(record),
            treatment_method=exam.treatment,
            signatory_code=record.signatory_licence,
            doctor_code=exam.doctor.licence_no,
            doctor_name=exam.doctor.full_name,
            issued_on=local(ended).date(),
        )
    ]


def transfer_rows(record: Record) -> list[TransferRow]:
    """The transfer slip (giấy chuyển tuyến), when the last exam ends with a transfer."""
    exam, visit, patient, card = record.exam, record.visit, record.visit.patient, record.visit.card
    if exam.outcome not in TRANSFERS:
        return []
    drugs, services = _used(record)
    return [
        TransferRow(
            claim_code=visit.claim_code,
            record_number=visit.claim_code,
            transfer_book_number=_book_number(exam.transfer_number),
            transfer_number=exam.transfer_number,
            facility_code=visit.facility.code,
            passed_facility_codes=(visit.referral_facility_code,) if visit.referral_facility_code else (),
            receiving_facility_code=exam.transfer_facility_code,
            full_name=patient.full_name,
            birth_at=birth_of(patient),
            sex_code=patient.sex,
            nationality_code=patient.nationality_code,
            ethnic_group_code=patient.ethnicity_code,
            occupation_code=patient.occupation_code,
            address=patient.address,
            card_numbers=(card.number,) if card else (),
            cards_valid_to=(card.valid_to,) if card and card.valid_to else (),
            arrival_times=(visit.arrived_at,),
            admitted_at=admitted_at(record),
            end_times=(claim_end(record),),
            clinical_signs=exam.findings,
            discharge_diagnosis=diagnosis_text(record),
            disease_course=exam.history,
            test_summary=_test_summary(record),
            treatment_method=exam.treatment,
            treatment_used="; ".join(part for part in (exam.treatment, services, drugs) if part),
            main_disease_code=main_code(record),
            other_disease_codes=other_codes(record),
            transfer_condition=exam.transfer_condition,
            discharge_kind_code=discharge_kind(record),
            transfer_reason_code=exam.transfer_reason_code,
            treatment_plan=exam.transfer_plan,
            transport=exam.transport,
            escort_name=exam.escort_name,
            escort_title=exam.escort_title,
            doctor_code=exam.doctor.licence_no,
            signatory_code=record.signatory_licence,
            services_used=services,
            drugs_used=drugs,
        )
    ]


def follow_up_rows(record: Record) -> list[FollowUpRow]:
    """The follow-up slip (giấy hẹn khám lại): the last that the visit gave."""
    exam = next((exam for exam in reversed(record.exams) if exam.follow_up_on), None)
    if exam is None:
        return []
    visit, patient, card = record.visit, record.visit.patient, record.visit.card
    return [
        FollowUpRow(
            claim_code=visit.claim_code,
            slip_number=exam.follow_up_number,
            facility_code=visit.facility.code,
            full_name=patient.full_name,
            birth_at=birth_of(patient),
            sex_code=patient.sex,
            address=patient.address,
            card_numbers=(card.number,) if card else (),
            cards_valid_to=(card.valid_to,) if card and card.valid_to else (),
            arrived_at=visit.arrived_at,
            admitted_at=admitted_at(record),
            ended_at=claim_end(record),
            follow_up_on=exam.follow_up_on,
            discharge_diagnosis=diagnosis_text(record),
            main_disease_code=main_code(record),
            other_disease_codes=other_codes(record),
            entitlement_code=record.result.entitlement_code,
            doctor_code=exam.doctor.licence_no,
            signatory_code=record.signatory_licence,
            issued_on=local(exam.signed_at).date() if exam.signed_at else None,
        )
    ]


def _book_number(slip_number: str) -> str:
    """The line of the transfer book (sổ chuyển tuyến), which is kept by year: 26/000007 for 99001.GC26.000007."""
    _, _, rest = slip_number.partition(".GC")
    return rest.replace(".", "/")


def _used(record: Record) -> tuple[str, str]:
    """Names of the drugs and of the services of the visit, each once and as many as fit."""
    is_drug = Charge.LineKind.DRUG
    drugs = [line for line in record.lines if line.charge.line_kind == is_drug]
    services = [line for line in record.lines if line.charge.line_kind != is_drug]
    return _names(drugs), _names(services)


def _names(lines: list[BenefitLine]) -> str:
    text = ""
    for name in dict.fromkeys(line.charge.name for line in lines):
        longer = f"{text}; {name}" if text else name
        if len(longer) <= NAMES_MAX:
            text = longer
    return text


def _test_summary(record: Record) -> str:
    """All readings of the visit in words (tóm tắt kết quả cận lâm sàng)."""
    return "; ".join(reading_text(reading) for reading in record.results)
