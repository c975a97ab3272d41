"""Worked cases, to the đồng: every row of the golden file, and the named settings that the disputed ones hang on."""

import csv
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from insurance.benefits.engine import BenefitError, load
from insurance.benefits.engine.cases import OUTPUT_COLUMNS, run_case
from insurance.benefits.engine.rates import bed_days

GOLDEN = Path(__file__).parents[1] / "golden" / "benefit_cases.csv"
ROWS = {row["case_id"]: row for row in csv.DictReader(GOLDEN.open(encoding="utf-8", newline=""))}
INPUTS = next(csv.reader(GOLDEN.open(encoding="utf-8", newline="")))[:18]
STAYS = [name for name, row in ROWS.items() if "bed_days" in row["extra_json"]]


def given(case_id, **changes):
    return {**{name: ROWS[case_id][name] for name in INPUTS}, **changes}


@pytest.mark.parametrize("case_id", ROWS)
def test_case_matches_to_the_dong(case_id):
    answer = run_case(given(case_id))
    expected = ROWS[case_id]
    assert tuple(answer) == OUTPUT_COLUMNS
    assert json.loads(answer.pop("lines_json")) == json.loads(expected["lines_json"])
    assert answer == {name: expected[name] for name in answer}


def test_the_golden_file_holds_the_sure_cases():
    assert sum(row["confidence"] == "high" for row in ROWS.values()) == 87


@pytest.mark.parametrize("case_id", STAYS)
def test_bed_days_of_the_cases(case_id):
    stay = json.loads(ROWS[case_id]["extra_json"])
    days = bed_days(
        load(on=datetime.strptime(stay["ngay_ra"], "%Y%m%d%H%M").date()),
        admitted_at=datetime.strptime(stay["ngay_vao"], "%Y%m%d%H%M"),
        left_at=datetime.strptime(stay["ngay_ra"], "%Y%m%d%H%M"),
        has_extra_day=stay["special"],
    )
    assert days == stay["bed_days"]


@pytest.mark.parametrize(
    ("case_id", "setting", "value", "column", "expected"),
    [
        ("C053", "low_cost_off_route", "level_times_rate", "MUC_HUONG", "32"),
        ("C023", "low_cost_outpatient", "skipped", "MUC_HUONG", "80"),
        ("C032", "low_cost_outpatient", "skipped", "MUC_HUONG", "100"),
        ("C050", "off_route_patient_part", "self_paid", "T_BNTT", "6000000"),
        ("C050", "off_route_patient_part", "self_paid", "T_BNCCT", "200000"),
        ("C115", "arv_source", "state", "T_NGUONKHAC", "200000"),
    ],
)
def test_disputed_points_follow_their_setting(case_id, setting, value, column, expected):
    assert run_case(given(case_id), settings={setting: value})[column] == expected


@pytest.mark.parametrize(
    ("case_id", "code"), [("C034", "1.11"), ("C035", "1.12"), ("C046", "1.16"), ("C039", "1.14"), ("C041", "1.18")]
)
def test_the_decision_rows_find_the_code_when_the_row_names_none(case_id, code):
    assert given(case_id)["ma_doituong_kcb"] == code
    assert run_case(given(case_id, ma_doituong_kcb="")) == run_case(given(case_id))


def test_segments_take_their_card_and_an_exemption_from_the_last_one():
    lines = [{"kind": "dv", "qty": "1", "price": "1000000", "seg": seg} for seg in (0, 1)]
    row = given("C004", items_json=json.dumps(lines))
    assert run_case({**row, "card_code": "DN4990112345678;HT3990112345678"})["MUC_HUONG"] == "80|95"
    assert run_case({**row, "five_years": "Y", "copay_exempt": "Y"})["T_BNCCT"] == "200000"


def test_a_row_cannot_be_exempt_without_five_years():
    assert run_case(given("C062", five_years="N"))["MUC_HUONG"] == "80"


def test_support_to_the_facility_comes_off_the_price_first():
    line = {"kind": "thuoc", "qty": "1", "price": "10000000", "tl": 50, "src": "3000000", "srcmode": "b"}
    answer = run_case(given("C004", items_json=json.dumps([line])))
    amounts = [answer[name] for name in ("T_TONGCHI_BH", "T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")]
    assert amounts == ["3500000", "2800000", "700000", "3500000", "3000000"]


def test_support_to_the_patient_may_reach_the_fund():
    line = {"kind": "thuoc", "qty": "10", "price": "100000", "tl": 50, "src": "700000"}
    answer = run_case(given("C004", items_json=json.dumps([line])))
    assert [answer[name] for name in ("T_BHTT", "T_BNCCT", "T_BNTT")] == ["300000", "0", "0"]


def test_the_limit_stops_the_copay_of_a_capped_package():
    answer = run_case(given("C099", five_years="Y", extra_json='{"copay_ytd_before": "0", "threshold": "15180000"}'))
    assert (answer["T_BHTT"], answer["T_BNCCT"]) == (str(39 * 2_530_000), "15180000")


def test_an_unknown_cap_mode_is_refused():
    with pytest.raises(BenefitError) as refused:
        run_case(given("C099", supply_cap_mode="B"))
    assert refused.value.code == "supply_cap_mode"


def test_the_base_salary_of_the_case_is_that_of_its_day():
    assert (
        Decimal(run_case(given("C021"))["base_salary"]) * 15
        == Decimal(run_case(given("C021"))["threshold_15pct"]) * 100
    )
