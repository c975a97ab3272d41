"""The structural check: a sound visit has no problem, and each kind of fault is named at its field."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from insurance.standards import check, load, parse_table, render_table
from tests.insurance import standard_cases as cases

STANDARD = load("qd1931")


def found(table, rows, on=cases.ENDED_ON, standard=STANDARD):
    return [(p.row, p.tag, p.code) for p in check(standard, table, rows, on=on)]


def parsed(table, **changes):
    return [row | changes for row in parse_table(STANDARD, render_table(STANDARD, table, cases.TABLES[table]))[1]]


@pytest.mark.parametrize("table", sorted(cases.TABLES))
def test_a_sound_visit_has_no_problem(table):
    assert found(table, cases.TABLES[table]) == []
    assert found(table, parsed(table)) == []


@pytest.mark.parametrize(
    ("change", "tag", "code"),
    [
        ({"full_name": " "}, "HO_TEN", "required"),
        ({"full_name": "A" * 256}, "HO_TEN", "too_long"),
        ({"sex_code": "4"}, "GIOI_TINH", "not_in_list"),
        ({"visit_type_code": "1"}, "MA_LOAI_KCB", "not_in_list"),
        ({"entitlement_code": "3.5"}, "MA_DOITUONG_KCB", "not_in_force"),
        ({"department_codes": ("K01", "nội")}, "MA_KHOA", "not_in_list"),
        ({"fund_amount": Decimal("-1")}, "T_BHTT", "negative"),
        ({"fund_amount": Decimal("1.005")}, "T_BHTT", "too_many_decimals"),
        ({"fund_amount": Decimal("1234567890123")}, "T_BHTT", "too_long"),
        ({"fund_amount": 1.5}, "T_BHTT", "bad_type"),
        ({"arrived_at": date(2026, 8, 3)}, "NGAY_VAO", "bad_type"),
        ({"arrived_at": None}, "NGAY_VAO", "required"),
        ({"main_disease_code": "J06\n9"}, "MA_BENH_CHINH", "bad_code"),
    ],
)
def test_a_fault_in_a_typed_row_is_named_at_its_field(change, tag, code):
    assert found("XML1", [replace(cases.SUMMARY, **change)]) == [(1, tag, code)]


@pytest.mark.parametrize(
    ("tag", "text", "code"),
    [
        ("NGAY_VAO", "202602301200", "bad_date"),
        ("NGAY_VAO", "20260230", "bad_date"),
        ("NGAY_VAO", "202608032400", "bad_date"),
        ("NGAY_VAO", "٢٠٢٦٠٨٠٣٠٨٠٥", "bad_date"),
        ("NGAY_SINH", "195400150000", "bad_date"),
        ("GT_THE_TU", "20260101;2026", "bad_date"),
        ("NAM_NAM_LIEN_TUC", "20261301", "bad_date"),
        ("NGAY_MIEN_CCT", "2026", "bad_date"),
        ("T_BHTT", "1,5", "bad_number"),
        ("T_BHTT", "1e3", "bad_number"),
        ("SO_NGAY_DTRI", "-1", "bad_number"),
        ("THANG_QT", "tám", "too_long"),
    ],
)
def test_a_fault_in_a_file_is_named_at_its_field(tag, text, code):
    assert (1, tag, code) in found("XML1", parsed("XML1", **{tag: text}))


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("NGAY_SINH", "195403000000"),
        ("NGAY_SINH", "195403150730"),
        ("NGAY_MIEN_CCT", "20260501"),
        ("NGAY_MIEN_CCT", "202605010907"),
        ("T_BHTT", "5"),
        ("T_BHTT", "5.1000"),
        ("GT_THE_DEN", ";20261231"),
        ("THANG_QT", "8"),
    ],
)
def test_other_ways_to_write_a_good_value_are_accepted(tag, text):
    assert found("XML1", parsed("XML1", **{tag: text})) == []


def test_a_missing_and_an_unknown_tag_are_told():
    (row,) = parsed("XML1", KHAC="1")
    del row["HO_TEN"]
    assert found("XML1", [row]) == [(1, "HO_TEN", "missing_field"), (1, "KHAC", "unknown_field")]


def test_a_wrong_number_of_rows_is_told():
    assert found("XML1", [cases.SUMMARY] * 2) == [(None, "", "many_rows")]
    assert found("XML2", []) == [(None, "", "no_rows")]


def test_the_row_is_counted_and_the_message_is_vietnamese():
    rows = [cases.SERVICES[0], replace(cases.SERVICES[1], unit="")]
    (problem,) = check(STANDARD, "XML3", rows)
    assert (problem.table, problem.row, problem.tag) == ("XML3", 2, "DON_VI_TINH")
    assert problem.message_vi == "DON_VI_TINH (Đơn vị tính): bắt buộc có giá trị"


def test_half_a_percent_is_new_in_july_2026():
    drug = replace(cases.DRUGS[0], benefit_percent=Decimal("47.5"))
    assert found("XML2", [drug]) == []
    assert [code for _, _, code in found("XML2", [drug], standard=load("qd3176"))] == ["too_long", "too_many_decimals"]
    assert found("XML2", [replace(drug, benefit_percent=Decimal(101))]) == [(1, "MUC_HUONG", "out_of_range")]


def test_width_is_counted_in_composed_characters():
    assert found("XML1", [replace(cases.SUMMARY, full_name="e\u0302\u0301" * 255)]) == []
