"""The entitlement code of QĐ 3276: which row fits first, what it pays, and what is refused instead of guessed."""

from datetime import date
from decimal import Decimal

import pytest

from insurance.benefits.engine import BenefitError, load, split
from tests.insurance.benefit_builders import facts, item, split_on

OLD_PROVINCE = {"facility_points": Decimal(65), "former_line": "province"}
TOP = {"facility_tier": "specialised", "facility_points": Decimal(80)}
STATION = {"facility_tier": "primary", "facility_kind": "commune_station", "former_line": "commune"}


@pytest.mark.parametrize(
    ("code", "percent", "changes"),
    [
        ("1.2", 100, STATION),
        ("1.2", 100, {**STATION, "registered_facility": "99002", "route": "registered"}),
        ("1.2", 100, {**STATION, "route": "emergency"}),
        ("1.1", 80, {"registered_facility": "99002", "route": "registered"}),
        ("1.1", 80, {"registered_facility": "99002", "route": "emergency"}),
        ("1.3", 80, {"route": "referral"}),
        ("1.4", 80, {"route": "residence_change"}),
        ("1.5", 80, {"route": "follow_up"}),
        ("1.6", 80, {"route": "organ_donor"}),
        ("1.7", 80, {"route": "newborn"}),
        ("1.11", 80, {**STATION, "facility_kind": "polyclinic"}),
        ("1.12", 80, {}),
        ("1.12", 80, {"facility_points": None, "facility_provisional": True}),
        ("1.15", 80, {"visit_type": "03"}),
        ("1.13", 40, {"facility_points": Decimal(50), "former_line": ""}),
        ("3.3", 80, {"facility_points": Decimal(50)}),
        ("1.14", 40, OLD_PROVINCE),
        ("1.14", 40, {**OLD_PROVINCE, "facility_points": Decimal(40)}),
        ("1.16", 80, {**OLD_PROVINCE, "main_icd": "G40.1"}),
        ("1.17", 80, {**TOP, "former_line": "central", "main_icd": "C25"}),
        ("1.18", 40, {**TOP, "former_line": "province"}),
        ("2", 80, {**TOP, "former_line": "central", "route": "emergency"}),
        ("3.1", 32, {**TOP, "former_line": "central", "visit_type": "03"}),
        ("3.2", 80, {**TOP, "former_line": "province", "visit_type": "03"}),
        ("3.3", 80, {**TOP, "former_line": "district"}),
        ("3.6", 80, {**TOP, "former_line": "central", "visit_type": "03", "area_code": "K2"}),
        ("10", 80, {"route": "drug_appointment", "origin_code": "1.1"}),
        ("10", 100, {"route": "drug_appointment", "origin_code": "1.2"}),
    ],
)
def test_first_row_that_fits(code, percent, changes):
    answer = split_on(facts(**changes), item())
    assert (answer.entitlement_code, answer.benefit_percents) == (code, (percent,))


@pytest.mark.parametrize(
    ("day", "code", "percent", "changes"),
    [
        (date(2026, 6, 30), "9", 0, OLD_PROVINCE),
        (date(2026, 7, 1), "1.14", 40, OLD_PROVINCE),
        (date(2026, 10, 5), "9", 0, {**TOP, "former_line": "central"}),
    ],
)
def test_a_route_that_pays_nothing_is_recorded_as_not_insured(day, code, percent, changes):
    answer = split_on(facts(ended_on=day, **changes), item())
    assert (answer.entitlement_code, answer.benefit_percents) == (code, (percent,))
    assert (answer.totals.fund > 0) == (code != "9")
    if code == "9":
        assert answer.route_code in answer.entitlement_reason
        assert answer.totals.self_paid == answer.totals.hospital


def test_self_paying_visit():
    answer = split_on(facts(card_number=None), item(), item("b", 5, insured_price=Decimal(0)))
    assert (answer.entitlement_code, answer.totals.insured, answer.totals.self_paid) == ("9", 0, 1_000_005)


def test_named_settings_of_the_route():
    mid_points = facts(facility_points=Decimal(50))
    assert split_on(mid_points, item(), former_district_50_points="list_order").entitlement_code == "1.13"
    day_care = facts(**TOP | {"former_line": "central", "visit_type": "04"})
    assert split_on(day_care, item()).entitlement_code == "9"
    assert split_on(day_care, item(), day_treatment_is_inpatient="yes").entitlement_code == "3.1"
    assert split_on(day_care, item(), zero_rate_code="keep").entitlement_code == "3.1"
    severe = facts(**OLD_PROVINCE, main_icd="E11.2")
    assert split_on(severe, item()).entitlement_code == "1.16"
    assert split_on(severe, item(), annex_condition="confirmed_only").entitlement_code == "1.14"


def test_reviewer_overrules_the_listed_disease():
    assert (
        split_on(facts(**OLD_PROVINCE, main_icd="E11.2", disease_condition_met=False), item()).entitlement_code
        == "1.14"
    )
    assert split_on(facts(**OLD_PROVINCE, main_icd="G40.1", listed_disease=""), item()).entitlement_code == "1.14"
    assert split_on(facts(**OLD_PROVINCE, main_icd="J00", listed_disease="I"), item()).entitlement_code == "1.16"


def test_the_reviewer_is_told_about_a_clinical_condition():
    def told(icd):
        return " ".join(s.text_vi for s in split_on(facts(**OLD_PROVINCE, main_icd=icd), item()).explanation)

    assert "II.29" in told("E11.2")
    assert "xác nhận điều kiện" in told("E11.2")
    assert "xác nhận điều kiện" in told("I50.0")  # also hit by way of Annex I, which has its own condition
    assert "xác nhận điều kiện" not in told("G40.1")
    assert "từ trước lượt khám này" in told("G40.1")
    assert "từ trước lượt khám này" not in told("N18.5")


def test_listed_disease_of_a_child_ends_with_the_eighteenth_birthday():
    child = {**TOP, "former_line": "province", "main_icd": "C22.0"}
    confirmed = {**child, "disease_condition_met": True}
    assert split_on(facts(**confirmed, patient_born=date(2008, 10, 6)), item()).entitlement_code == "1.17"
    assert split_on(facts(**confirmed, patient_born=date(2008, 10, 5)), item()).entitlement_code == "1.18"
    assert split_on(facts(**confirmed), item()).entitlement_code == "1.18"


def test_chronic_patient_sent_back_to_the_station_keeps_the_card_level():
    assert split_on(facts(**STATION, is_chronic_return=True), item()).benefit_percents == (80,)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("card_number_wrong", {"card_number": "DN9990123456789"}),
        ("route", {"route": "walked_in"}),
        ("facility_tier", {"facility_tier": "tertiary"}),
        ("ended_before_admitted", {"admitted_on": date(2026, 10, 6)}),
        ("copay_parts", {"copay_paid_before_change": Decimal(1)}),
        ("route_contradicts_card", {"route": "registered"}),
        ("entitlement_undecided", {"facility_points": None, "former_line": ""}),
        ("entitlement_unknown", {"entitlement_code": "1.99"}),
        ("not_a_benefit", {"entitlement_code": "8"}),
        ("card_missing", {"entitlement_code": "1.1", "card_number": None}),
        ("origin_code_missing", {"route": "drug_appointment"}),
        ("origin_code_wrong", {"route": "drug_appointment", "origin_code": "7.2"}),
        ("card_expired", {"card_valid_to": date(2026, 10, 4)}),
        ("card_not_yet_valid", {"card_valid_from": date(2026, 10, 6)}),
    ],
)
def test_contradictions_are_refused_with_a_name(code, changes):
    with pytest.raises(BenefitError) as refused:
        split_on(facts(**changes), item())
    assert refused.value.code == code
    assert refused.value.message_vi


def test_parameters_of_another_day_are_a_defect():
    with pytest.raises(ValueError, match="2026-07-01"):
        split(facts(), [item()], load(on=date(2026, 7, 1)))
