"""The typed rows of the programme and document tables: HIV, discharge paper, birth certificate, leave,
assessment, transfer, follow-up, tuberculosis.

Same conventions as `insurance.standards.rows`. Where two decrees name one fact differently, both names read
the same attribute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from insurance.standards.values import PartialDate


@dataclass(frozen=True, slots=True, kw_only=True)
class HivRow:
    """HIV care record of the visit."""

    claim_code: str
    card_numbers: tuple[str, ...] = ()
    citizen_id: str = ""
    birth_at: PartialDate | None = None
    sex_code: str = ""
    address: str = ""
    province_code: str = ""
    district_code: str = ""
    commune_code: str = ""
    hiv_confirmed_on: date | None = None
    sampling_facility_code: str = ""
    confirming_facility_code: str = ""
    arv_start_facility_code: str = ""
    arv_started_on: date | None = None
    first_regimen_code: str = ""
    first_regimen_line_code: str = ""
    registration_reason_code: str = ""
    tb_treatment_kind_code: str = ""
    tb_screening_code: str = ""
    tb_regimen_code: str = ""
    tb_treatment_from: date | None = None
    tb_treatment_to: date | None = None
    tb_result_code: str = ""
    viral_load_reason_code: str = ""
    viral_load_sampled_on: date | None = None
    viral_load_result_code: str = ""
    viral_load_result_on: date | None = None
    patient_kind_code: str = ""
    clinical_stage_code: str = ""
    risk_group_code: str = ""
    arrival_state_codes: tuple[str, ...] = ()
    pcr_round: int | None = None
    pcr_sampled_on: date | None = None
    pcr_result_on: date | None = None
    pcr_result_code: str = ""
    pregnancy_known_on: date | None = None
    ctx_started_on: date | None = None
    management_codes: tuple[str, ...] = ()
    management_from: date | None = None
    management_to: date | None = None
    regimen_code: str = ""
    regimen_line_code: str = ""
    arv_days: int | None = None
    regimen_changed_on: date | None = None
    regimen_change_reason_code: str = ""
    facility_code: str = ""
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DischargePaperRow:
    """Discharge paper (giấy ra viện)."""

    claim_code: str
    archive_number: str = ""
    medical_code: str = ""
    discharge_department_code: str = ""
    arrived_at: datetime | None = None
    ended_at: datetime | None = None
    pregnancy_ended_code: str = ""
    pregnancy_end_cause: str = ""
    pregnancy_ended_at: datetime | None = None
    gestation_weeks: int | None = None
    discharge_diagnosis: str = ""
    treatment_method: str = ""
    note: str = ""
    signatory_code: str = ""
    doctor_code: str = ""
    doctor_name: str = ""
    issued_on: date | None = None
    father_insurance_number: str = ""
    mother_insurance_number: str = ""
    temporary_card_number: str = ""
    father_name: str = ""
    mother_name: str = ""
    leave_days: int | None = None
    leave_from: date | None = None
    leave_to: date | None = None
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSummaryRow:
    """Summary of the medical record (tóm tắt hồ sơ bệnh án)."""

    claim_code: str
    visit_type_code: str = ""
    father_name: str = ""
    mother_name: str = ""
    guardian_name: str = ""
    employer: str = ""
    arrived_at: datetime | None = None
    ended_at: datetime | None = None
    arrival_diagnosis: str = ""
    discharge_diagnosis: str = ""
    disease_course: str = ""
    test_summary: str = ""
    treatment_method: str = ""
    birth_given_on: date | None = None
    child_died_on: date | None = None
    dead_children: int | None = None
    treatment_result_code: str = ""
    note: str = ""
    signatory_code: str = ""
    issued_on: date | None = None
    temporary_card_number: str = ""
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthCertificateRow:
    """Birth certificate, one row per child (giấy chứng sinh)."""

    claim_code: str
    carer_insurance_number: str = ""
    carer_card_number: str = ""
    carer_name: str = ""
    carer_birth_on: date | None = None
    carer_ethnic_group_code: str = ""
    carer_citizen_id: str = ""
    carer_id_issued_on: date | None = None
    carer_id_issued_by: str = ""
    carer_address: str = ""
    nationality_code: str = ""
    province_code: str = ""
    district_code: str = ""
    commune_code: str = ""
    father_name: str = ""
    temporary_card_number: str = ""
    child_name: str = ""
    child_sex_code: str = ""
    children_this_birth: int | None = None
    birth_number: int | None = None
    living_children: int | None = None
    child_weight_g: int | None = None
    born_at: datetime | None = None
    birth_place: str = ""
    child_condition: str = ""
    surgical_birth_code: str = ""
    premature_birth_code: str = ""
    note: str = ""
    midwife_name: str = ""
    recorder_name: str = ""
    issued_on: date | None = None
    certificate_number: str = ""
    book_number: str = ""
    signatory_code: str = ""
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrenatalLeaveRow:
    """Leave to protect a pregnancy (giấy nghỉ dưỡng thai)."""

    claim_code: str
    serial_number: str = ""
    document_number: str = ""
    leave_days: int | None = None
    employer: str = ""
    discharge_diagnosis: str = ""
    leave_from: date | None = None
    leave_to: date | None = None
    signatory_code: str = ""
    doctor_name: str = ""
    doctor_code: str = ""
    issued_on: date | None = None
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SickLeaveRow:
    """Sick-leave certificate (giấy nghỉ việc hưởng BHXH)."""

    claim_code: str
    document_number: str = ""
    serial_number: str = ""
    visit_number: str = ""
    employer: str = ""
    insurance_number: str = ""
    card_numbers: tuple[str, ...] = ()
    discharge_diagnosis: str = ""
    treatment_method: str = ""
    pregnancy_ended_code: str = ""
    pregnancy_end_cause: str = ""
    gestation_weeks: int | None = None
    leave_days: int | None = None
    leave_from: date | None = None
    leave_to: date | None = None
    father_name: str = ""
    mother_name: str = ""
    signatory_code: str = ""
    doctor_code: str = ""
    issued_on: date | None = None
    temporary_card_number: str = ""
    form_code: str = ""
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRow:
    """Medical assessment board minutes (giám định y khoa)."""

    chair_name: str = ""
    chair_role_code: str = ""
    met_on: date | None = None
    full_name: str = ""
    birth_on: date | None = None
    citizen_id: str = ""
    id_issued_on: date | None = None
    id_issued_by: str = ""
    address: str = ""
    province_code: str = ""
    district_code: str = ""
    commune_code: str = ""
    insurance_number: str = ""
    card_number: str = ""
    occupation: str = ""
    phone: str = ""
    assessment_group_code: str = ""
    assessment_kind_code: str = ""
    minutes_number: str = ""
    previous_impairment_percent: Decimal | None = None
    current_benefit_codes: tuple[str, ...] = ()
    document_on: date | None = None
    introduction_number: str = ""
    requested_on: date | None = None
    introducing_unit_code: str = ""
    introducing_unit_name: str = ""
    assessment_findings: str = ""
    basis_document_number: str = ""
    impairment_percent: Decimal | None = None
    total_impairment_percent: Decimal | None = None
    disability_kind_code: str = ""
    disability_degree_code: str = ""
    request: str = ""
    determination: str = ""
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRow:
    """Transfer slip (giấy chuyển tuyến)."""

    claim_code: str
    record_number: str = ""
    transfer_book_number: str = ""
    transfer_number: str = ""
    facility_code: str = ""
    passed_facility_codes: tuple[str, ...] = ()
    receiving_facility_code: str = ""
    full_name: str = ""
    birth_at: PartialDate | None = None
    sex_code: str = ""
    nationality_code: str = ""
    ethnic_group_code: str = ""
    occupation_code: str = ""
    address: str = ""
    card_numbers: tuple[str, ...] = ()
    cards_valid_to: tuple[date, ...] = ()
    arrival_times: tuple[datetime, ...] = ()
    admitted_at: datetime | None = None
    end_times: tuple[datetime, ...] = ()
    clinical_signs: str = ""
    discharge_diagnosis: str = ""
    disease_course: str = ""
    test_summary: str = ""
    treatment_method: str = ""
    main_disease_code: str = ""
    other_disease_codes: tuple[str, ...] = ()
    traditional_disease_codes: tuple[str, ...] = ()
    transfer_condition: str = ""
    discharge_kind_code: str = ""
    transfer_reason_code: str = ""
    treatment_plan: str = ""
    transport: str = ""
    escort_name: str = ""
    escort_title: str = ""
    doctor_code: str = ""
    signatory_code: str = ""
    reserve: str = ""
    services_used: str = ""
    drugs_used: str = ""
    treatment_used: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpRow:
    """Follow-up slip (giấy hẹn khám lại)."""

    claim_code: str
    slip_number: str = ""
    facility_code: str = ""
    full_name: str = ""
    birth_at: PartialDate | None = None
    sex_code: str = ""
    address: str = ""
    card_numbers: tuple[str, ...] = ()
    cards_valid_to: tuple[date, ...] = ()
    arrived_at: datetime | None = None
    admitted_at: datetime | None = None
    ended_at: datetime | None = None
    follow_up_on: date | None = None
    discharge_diagnosis: str = ""
    main_disease_code: str = ""
    other_disease_codes: tuple[str, ...] = ()
    traditional_disease_codes: tuple[str, ...] = ()
    entitlement_code: str = ""
    doctor_code: str = ""
    signatory_code: str = ""
    issued_on: date | None = None
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuberculosisRow:
    """Tuberculosis treatment (điều trị lao)."""

    claim_code: str
    line_no: int = 1
    patient_code: str = ""
    full_name: str = ""
    citizen_id: str = ""
    tb_site_code: str = ""
    tb_history_code: str = ""
    tb_hiv_code: str = ""
    tb_bacteriology_code: str = ""
    tb_resistance_code: str = ""
    tb_treatment_kind_code: str = ""
    tb_treatment_from: date | None = None
    tb_regimen_code: str = ""
    tb_treatment_to: date | None = None
    tb_result_code: str = ""
    facility_code: str = ""
    hiv_confirmed_on: date | None = None
    arv_started_on: date | None = None
    ctx_started_on: date | None = None
    reserve: str = ""
