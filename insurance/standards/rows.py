"""The typed rows of a claim: check-in, summary, drugs, services, results, progress.

Every attribute is the `source` of a field in the standard's data, which decides its tag, place, width and
format, so a decree that renames or widens a field changes no class here. Conventions: codes and texts are
`str` and empty when absent; amounts, prices and quantities are `Decimal`, amounts in đồng; percents are whole
numbers such as 80 (not 0.8); instants are local time; lists of codes are tuples in the order of the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from insurance.standards.values import PartialDate


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInRow:
    """The patient as known after the first charge, sent alone and at once (trạng thái khám bệnh)."""

    claim_code: str
    line_no: int = 1
    patient_code: str = ""
    full_name: str = ""
    citizen_id: str = ""
    birth_at: PartialDate | None = None
    sex_code: str = ""
    card_number: str = ""
    registered_facility_code: str = ""
    card_valid_from: date | None = None
    card_valid_to: date | None = None
    entitlement_code: str = ""
    arrived_at: datetime | None = None
    admitted_at: datetime | None = None
    admission_reason: str = ""
    admission_reason_code: str = ""
    visit_type_code: str = ""
    facility_code: str = ""
    service_code: str = ""
    service_name: str = ""
    drug_code: str = ""
    drug_name: str = ""
    supply_code: str = ""
    supply_name: str = ""
    ordered_at: datetime | None = None
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """One visit: person, cards, diagnoses, times, outcome and totals in đồng (tổng hợp)."""

    claim_code: str
    line_no: int = 1
    patient_code: str = ""
    full_name: str = ""
    citizen_id: str = ""
    birth_at: PartialDate | None = None
    sex_code: str = ""
    blood_group: str = ""
    nationality_code: str = ""
    ethnic_group_code: str = ""
    occupation_code: str = ""
    address: str = ""
    province_code: str = ""
    district_code: str = ""
    commune_code: str = ""
    phone: str = ""
    card_numbers: tuple[str, ...] = ()
    registered_facility_codes: tuple[str, ...] = ()
    cards_valid_from: tuple[date, ...] = ()
    cards_valid_to: tuple[date, ...] = ()
    copay_exempt_from: date | datetime | None = None
    visit_reason: str = ""
    admission_reason: str = ""
    admission_reason_code: str = ""
    arrival_diagnosis: str = ""
    discharge_diagnosis: str = ""
    main_disease_code: str = ""
    other_disease_codes: tuple[str, ...] = ()
    traditional_disease_codes: tuple[str, ...] = ()
    procedure_codes: tuple[str, ...] = ()
    entitlement_code: str = ""
    referring_facility_code: str = ""
    receiving_facility_code: str = ""
    injury_cause_code: str = ""
    arrived_at: datetime | None = None
    admitted_at: datetime | None = None
    ended_at: datetime | None = None
    referral_number: str = ""
    treatment_days: int | None = None
    treatment_method: str = ""
    treatment_result_code: str = ""
    discharge_kind_code: str = ""
    advice: str = ""
    paid_at: datetime | None = None
    drugs_amount: Decimal
    supplies_amount: Decimal
    total_hospital_amount: Decimal
    total_insured_amount: Decimal
    self_paid_amount: Decimal
    copay_amount: Decimal
    fund_amount: Decimal
    other_sources_amount: Decimal = Decimal(0)
    fund_fee_for_service_amount: Decimal
    settlement_year: int | None = None
    settlement_month: int | None = None
    visit_type_code: str = ""
    department_codes: tuple[str, ...] = ()
    facility_code: str = ""
    living_area_code: str = ""
    weight_kg: Decimal | None = None
    newborn_weights_g: tuple[int, ...] = ()
    five_years_from: date | None = None
    follow_up_dates: tuple[date, ...] = ()
    record_number: str = ""
    signatory_code: str = ""
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugRow:
    """One drug or blood line, amounts in đồng (thuốc, máu)."""

    claim_code: str
    line_no: int = 1
    drug_code: str = ""
    processing_codes: tuple[str, ...] = ()
    drug_facility_code: str = ""
    cost_group_code: str = ""
    drug_name: str = ""
    unit: str = ""
    strength: str = ""
    route_code: str = ""
    dosage_form: str = ""
    dose: str = ""
    usage: str = ""
    registration_number: str = ""
    tender_info: str = ""
    scope_code: str = ""
    coverage_percent: Decimal
    quantity: Decimal
    unit_price: Decimal
    hospital_amount: Decimal
    insured_amount: Decimal
    state_budget_amount: Decimal = Decimal(0)
    foreign_aid_amount: Decimal = Decimal(0)
    domestic_aid_amount: Decimal = Decimal(0)
    other_support_amount: Decimal = Decimal(0)
    other_sources_amount: Decimal = Decimal(0)
    benefit_percent: Decimal
    self_paid_amount: Decimal
    copay_amount: Decimal
    fund_amount: Decimal
    department_code: str = ""
    prescriber_codes: tuple[str, ...] = ()
    service_codes: tuple[str, ...] = ()
    ordered_at: datetime | None = None
    performed_at: datetime | None = None
    payment_method_code: str = ""
    fund_source_code: str = ""
    recurrent_wound_code: str = ""
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """One service, exam, bed, supply or transport line, amounts in đồng (dịch vụ, vật tư)."""

    claim_code: str
    line_no: int = 1
    service_code: str = ""
    procedure_codes: tuple[str, ...] = ()
    supply_code: str = ""
    cost_group_code: str = ""
    supply_package: str = ""
    supply_name: str = ""
    service_name: str = ""
    fuel_code: str = ""
    unit: str = ""
    scope_code: str = ""
    quantity: Decimal
    hospital_price: Decimal
    insured_price: Decimal
    tender_info: str = ""
    service_percent: Decimal
    coverage_percent: Decimal
    hospital_amount: Decimal
    insured_amount: Decimal
    ceiling_amount: Decimal | None = None
    benefit_percent: Decimal
    state_budget_amount: Decimal = Decimal(0)
    foreign_aid_amount: Decimal = Decimal(0)
    domestic_aid_amount: Decimal = Decimal(0)
    other_support_amount: Decimal = Decimal(0)
    other_sources_amount: Decimal = Decimal(0)
    self_paid_amount: Decimal
    copay_amount: Decimal
    fund_amount: Decimal
    department_code: str = ""
    bed_codes: tuple[str, ...] = ()
    orderer_codes: tuple[str, ...] = ()
    performer_codes: tuple[str, ...] = ()
    disease_codes: tuple[str, ...] = ()
    traditional_disease_codes: tuple[str, ...] = ()
    ordered_at: datetime | None = None
    performed_at: datetime | None = None
    result_at: datetime | None = None
    payment_method_code: str = ""
    recurrent_wound_code: str = ""
    anaesthesia_code: str = ""
    body_site_code: str = ""
    device_codes: tuple[str, ...] = ()
    product_code: str = ""
    reused_code: str = ""
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One indicator or reading of a paraclinical test (cận lâm sàng)."""

    claim_code: str
    line_no: int = 1
    service_code: str = ""
    indicator_code: str = ""
    indicator_name: str = ""
    value: str = ""
    unit: str = ""
    description: str = ""
    conclusion: str = ""
    result_at: datetime | None = None
    reader_code: str = ""
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressRow:
    """One note of the clinical course (diễn biến)."""

    claim_code: str
    line_no: int = 1
    clinical_course: str = ""
    disease_stage: str = ""
    consultation: str = ""
    surgery: str = ""
    noted_at: datetime | None = None
    writer_codes: tuple[str, ...] = ()
    reserve: str = ""
