"""Worked cases, to the đồng: every row of the golden file, and the named settings that the disputed ones hang on."""

import csv
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from insurance.benefits.engine import BenefitError, load
from insurance.benefits.engine.case_remarks import remarks
from insurance.benefits.engine.cases import OUTPUT_COLUMNS, run_case
from insurance.benefits.engine.rates import bed_days
from tests.insurance.test_benefit_data import LIST_CODES

GOLDEN = Path(__file__).parents[1] / "golden" / "benefit_cases.csv"
INVENTED = GOLDEN.with_name("benefit_invented_cases.csv")
"""Further cases of the same form: percents, rates and bases decided by hand from the rules, the products by plain
arithmetic outside the engine. The column `source` names the rule."""
ROWS = {
    row["case_id"]: row
    for path in (GOLDEN, INVENTED)
    for row in csv.DictReader(path.open(encoding="utf-8", newline=""))
}
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
    assert sum(row.get("confidence") == "high" for row in ROWS.values()) == 87


def test_the_cases_touch_every_code_and_every_level():
    codes = {row["ma_doituong_kcb"] for row in ROWS.values()} - {""}
    assert codes == set(LIST_CODES.split()) - {"8"}  # 8 is no benefit but the withdrawal of a claim
    made = [row for name, row in ROWS.items() if name.startswith("N")]
    assert {row["card_code"][2:3] for row in made} >= set("12345")
    assert {row["group"][0] for row in made} >= set("ABCDEFGHIKLMNOPQ")


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


@pytest.mark.parametrize(("exempt", "percent"), [("Y", "100"), ("N", "80")])
def test_a_stay_across_the_new_year_is_not_refused(exempt, percent):
    stay = {"ngay_ra": "2027-01-02", "five_years": "Y", "copay_exempt": exempt}
    assert run_case(given("C057", **stay, extra_json='{"ngay_vao": "202612280800"}'))["MUC_HUONG"] == percent
    lines = [{"qty": "1", "price": "1000000", "seg": seg} for seg in (0, 1)]
    limit = '{"threshold": "15180000", "copay_ytd_before": "15080000"}'
    row = given("C057", **{**stay, "ngay_ra": "2027-01-01"}, items_json=json.dumps(lines), extra_json=limit)
    assert run_case(row)["T_BNCCT"] == "100000"


def test_an_outpatient_whose_card_ran_out_before_pays_himself():
    answer = run_case(given("C034", extra_json='{"gt_the_den": "20260802"}'))
    assert (answer["T_TONGCHI_BH"], answer["T_BNTT"]) == ("0", "2000000")


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


def test_a_line_needs_no_more_than_quantity_and_price():
    bare = {"case_id": "X", "ngay_ra": "20261005", "ma_loai_kcb": "01", "card_code": "dn4990123456789"}
    answer = run_case({**bare, "in_network": "y", "items_json": '[{"qty": 2, "price": 500000.5}]'})
    assert (answer["MUC_HUONG"], answer["T_BHTT"], answer["T_BNCCT"]) == ("80", "800000.8", "200000.2")
    empty = {
        "kind": None,
        "bh": None,
        "dv": "",
        "tl": None,
        "pv": "",
        "grp": "",
        "src": None,
        "srcmode": None,
        "seg": None,
    }
    nulls = json.dumps([{"qty": "2", "price": "500000.5", "pkg": None, "cap": "", "mh": None, **empty}])
    assert run_case({**bare, "in_network": "Y", "items_json": nulls}) == answer


def test_codes_may_be_written_as_numbers():
    line = {"qty": 1, "price": 300000, "grp": 15.0, "pv": 1.0, "pttt": 2.0, "tl": 100.0, "seg": 0.0}
    answer = run_case(given("C053", ma_loai_kcb="3", items_json=json.dumps([line])))
    assert (answer["MUC_HUONG"], answer["T_BHTT"], answer["T_BHTT_GDV"]) == ("40", "120000", "0")


def test_a_visit_without_lines_costs_nothing():
    answer = run_case(given("C004", items_json="[]"))
    assert (answer["T_TONGCHI_BV"], answer["T_BHTT"], answer["lines_json"]) == ("0", "0", "[]")


def test_exams_without_a_rate_are_rated_by_their_order():
    lines = [{"qty": "1", "price": "50600", "grp": 13} for _ in range(3)]
    assert run_case(given("C069", items_json=json.dumps(lines)))["T_TONGCHI_BV"] == "80960"


def test_segments_may_begin_with_any_number_and_choose_no_base_salary():
    line = {"qty": "1", "price": "110000000", "grp": 10, "pkg": "G1"}
    lines = json.dumps([{**line, "seg": 1}, {"qty": "1", "price": "1000000", "seg": 2}])
    row = given("C098", items_json=lines, card_code="DN4990112345678;HN2990112345678")
    answer = run_case(row)
    assert (answer["MUC_HUONG"], answer["T_TRANTT"], answer["T_BNCCT"]) == ("80|100", "", "22000000")


def test_the_limit_may_be_told_in_any_of_its_forms():
    lines = json.dumps([{"qty": "1", "price": "9000000"}])
    told = [
        {"copay_ytd_before": "14180000", "threshold": "15180000"},
        {"copay_ytd_before": 14180000},
        {"threshold": "1000000"},
        {"remaining": "1000000.00"},
        {"copay_before_0107": "0", "copay_ytd_before": "14180000.0"},
    ]
    for extra in told:
        row = given("C064", ngay_ra="2026-10-05", items_json=lines, extra_json=json.dumps(extra))
        assert run_case(row)["T_BNCCT"] == "1000000", extra


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("items_json", {"items_json": '{"qty": 1}'}),
        ("items_json", {"items_json": ""}),
        ("extra_json", {"extra_json": "[]"}),
        ("ngay_ra", {"ngay_ra": "hôm qua"}),
        ("number_missing", {"items_json": '[{"qty": "1"}]'}),
        ("number", {"items_json": '[{"qty": "1", "price": "-5"}]'}),
        ("number", {"items_json": '[{"qty": "một", "price": "5"}]'}),
        ("number", {"items_json": '[{"qty": NaN, "price": "5"}]'}),
        ("source_mode", {"items_json": '[{"qty": "1", "price": "5", "srcmode": "z"}]'}),
        ("facility_tier", {"facility_tier": "cấp 5", "ma_doituong_kcb": ""}),
        ("number", {"facility_tier": "co_ban", "facility_points": "<50", "ma_doituong_kcb": ""}),
        ("emergency", {"in_network": "N", "emergency": "có", "ma_doituong_kcb": ""}),
        ("five_years", {"five_years": "đủ"}),
        ("copay_exempt", {"copay_exempt": "1"}),
        ("ngay_ra", {"ngay_ra": "2026-1"}),
        ("ngay_ra", {"ngay_ra": "20260803 lúc 8 giờ"}),
        ("ngay_ra", {"ngay_ra": "31/06/2026"}),
        ("ngay_ra", {"ngay_ra": "46237"}),
        ("items_json", {"items_json": '[{"qty": "1", "price": "5", "price": "6"}]'}),
        ("origin_code_missing", {"in_network": "N", "ma_doituong_kcb": "10"}),
        ("visit_type_missing", {"ma_loai_kcb": ""}),
        ("card_number_wrong", {"card_code": "DN4"}),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(code, changes):
    with pytest.raises(BenefitError) as refused:
        run_case(given("C004", **changes))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("written", "salary"),
    [
        ("2026-06-30 23:59", "2340000"),
        ("2026-07-01T00:00:00", "2530000"),
        ("202606302359", "2340000"),
        ("20260701000000", "2530000"),
        ("30/06/2026", "2340000"),
        ("1/7/2026", "2530000"),
        ("01/07/2026 08:00", "2530000"),
        ("2026/06/30", "2340000"),
        ("2026-1-11", "2340000"),  # without its dashes it would read as the first of November
        ("2026-7-1", "2530000"),
    ],
)
def test_a_day_is_read_in_the_ways_it_is_written(written, salary):
    assert run_case(given("C004", ngay_ra=written))["base_salary"] == salary


def test_what_may_still_be_collected_goes_before_sums_that_do_not_tell_all():
    """7,020,000 before 1 July and 7,500,000 after it leave 90,000 (CV 302 2.5); only the first sum has a key."""
    told = {"copay_before_0107": "7020000", "copay_after_0107": "7500000", "remaining": "90000.00"}
    row = given("C065", ngay_ra="2026-10-05", extra_json=json.dumps(told))
    answer = run_case(row)
    assert (answer["MUC_HUONG"], answer["T_BHTT"], answer["T_BNCCT"]) == ("80|100", "910000", "90000")
    assert remarks(row) == ["extra_json có khóa chưa biết, tính không dùng đến: copay_after_0107"]


def test_a_line_of_no_percent_is_self_paid_and_counts_to_no_limit():
    """As a visit of 0 % (C036): without a share of the fund there is no co-payment (Luật BHYT Đ22 k1)."""
    lines = [{"qty": "1", "price": "1000000"}, {"qty": "1", "price": "300000", "mh": 0}]
    answer = run_case(
        given(
            "C064",
            ngay_ra="2026-10-05",
            items_json=json.dumps(lines),
            extra_json='{"copay_ytd_before": "14980000", "threshold": "15180000"}',
        )
    )
    amounts = [answer[name] for name in ("MUC_HUONG", "T_TONGCHI_BH", "T_BHTT", "T_BNCCT", "T_BNTT")]
    assert amounts == ["80", "1000000", "800000", "200000", "300000"]


@pytest.mark.parametrize("cards", ["HN2990112345678;TE1990112345678", "TE1990112345678; HN2990112345678"])
def test_of_two_cards_of_100_percent_the_one_without_limits_counts(cards):
    """The higher of two benefits (Luật BHYT Đ22 k2): level 1 has neither rates nor the cap (TT 04/2017 Đ3 k2 d)."""
    line = {"qty": "1", "price": "150000000", "grp": 10, "pkg": "G1"}
    answer = run_case(given("C099", card_code=cards, items_json=json.dumps([line])))
    assert (answer["T_BHTT"], answer["T_TRANTT"]) == ("150000000", "")


def test_with_a_code_an_unknown_word_about_the_place_stops_nobody_but_is_told():
    place = {"facility_tier": "Cấp 2", "facility_points": "<50", "old_tier_before_2025": "qd", "referral": "?"}
    row = given("C035", **place)
    assert run_case(row) == run_case(given("C035"))
    assert [remark.split(" = ")[0] for remark in remarks(row)] == [f"bỏ qua {name}" for name in place]


@pytest.mark.parametrize(("annex", "referral", "percent"), [("PL4", "Y", "80"), ("PL4", "N", "100"), ("", "Y", "100")])
def test_a_stable_chronic_patient_sent_back_to_the_station_has_his_card_level(annex, referral, percent):
    """NĐ 146/2018 Đ14 k1 h; TT 01/2025 Annex IV; QĐ 4750: not the 100 % of the commune."""
    assert run_case(given("C033", disease_annex=annex, referral=referral))["MUC_HUONG"] == percent


def test_the_row_may_name_the_visit_that_issued_the_note():
    """Code 10 is paid as the visit that issued the note (QĐ 3276 PL1): half of the level after code 1.14."""
    row = given("C039", ma_doituong_kcb="10", extra_json='{"origin_code": "1.14"}')
    assert run_case(row) == run_case(given("C039"))


def test_what_a_row_says_beside_the_answer_is_told():
    line = {"kind": "máu", "qty": "1", "price": "500000", "tyle": "50"}
    extra = {"gt_the_den": "20260803", "ngay_ra": "20260818", "who": "x"}
    row = given("C122", ngay_ra="19/08/2026", items_json=json.dumps([line]), extra_json=json.dumps(extra))
    assert run_case(row)["T_BNCCT"] == "100000"
    assert remarks(row) == [
        "ngay_ra 19/08/2026 đọc là ngày 19/08/2026",
        "extra_json có khóa chưa biết, tính không dùng đến: who",
        "items_json có khóa chưa biết, tính không dùng đến: tyle",
        "dòng 1: không biết loại máu, tính như dịch vụ kỹ thuật",
        "ngay_ra của extra_json khác cột ngay_ra, tính theo cột",
        "thẻ hết hạn quá số ngày được hưởng tiếp mà không dòng nào ghi tự trả (pv = 2)",
    ]
    marked = json.dumps([{"qty": "1", "price": "5000000"}, {"qty": "1", "price": "300000", "pv": 2}])
    kept = given("C122", ngay_ra="2026-08-19", items_json=marked, extra_json='{"gt_the_den": "20260803"}')
    assert (run_case(kept)["T_BNTT"], remarks(kept)) == ("300000", [])


@pytest.mark.parametrize("case_id", ROWS)
def test_nothing_is_left_to_tell_about_the_worked_cases(case_id):
    assert remarks(given(case_id)) == []


def test_an_unknown_cap_mode_is_refused():
    with pytest.raises(BenefitError) as refused:
        run_case(given("C099", supply_cap_mode="B"))
    assert refused.value.code == "supply_cap_mode"


def test_the_base_salary_of_the_case_is_that_of_its_day():
    assert (
        Decimal(run_case(given("C021"))["base_salary"]) * 15
        == Decimal(run_case(given("C021"))["threshold_15pct"]) * 100
    )
