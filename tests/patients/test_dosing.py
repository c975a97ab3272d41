"""Quantities, doses in words, lengths of prescriptions and reference ranges: pure rules."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients import dosing, ranges
from patients.dosing import Doses
from patients.queries_clinical import stock_in_words

halves = st.integers(0, 20).map(lambda n: Decimal(n) / 2)


@pytest.mark.parametrize(
    ("rule", "pack", "doses", "days", "quantity"),
    [
        ("count", "1", Doses(Decimal(1), Decimal(0), Decimal(1), Decimal(0)), 5, "10"),
        ("count", "1", Doses(Decimal("0.5")), 5, "3"),
        ("count", "1", Doses(Decimal("0.5"), Decimal(0), Decimal(0), Decimal("0.5")), 30, "30"),
        ("volume", "60", Doses(Decimal(5), Decimal(5), Decimal(5), Decimal(5)), 3, "1"),
        ("volume", "60", Doses(Decimal(5), Decimal(5), Decimal(5), Decimal(5)), 4, "2"),
        ("volume", "0", Doses(Decimal(5)), 4, "0"),
        ("pack", "1", Doses(Decimal(1), Decimal(0), Decimal(1), Decimal(0)), 7, "0"),
        ("weight", "1", Doses(Decimal("12.5")), 7, "87.5"),
        ("count", "1", Doses(), 7, "0"),
        ("count", "1", Doses(Decimal(1)), 0, "0"),
    ],
)
def test_quantity_follows_the_rule_of_the_dose_form(rule, pack, doses, days, quantity):
    assert dosing.quantity_of(rule, Decimal(pack), doses, days) == Decimal(quantity)


@given(
    st.builds(Doses, halves, halves, halves, halves), st.integers(1, 90), st.sampled_from(["count", "volume", "weight"])
)
def test_the_quantity_of_some_days_lasts_them_and_less_lasts_less(doses, days, rule):
    pack = Decimal(60) if rule == "volume" else Decimal(1)
    whole = dosing.quantity_of(rule, pack, doses, days)
    assert dosing.days_lasting(rule, pack, doses, days, whole) == days
    if doses.a_day and whole:
        part = dosing.days_lasting(rule, pack, doses, days, whole / 2)
        assert doses.a_day * (part - 1) < whole / 2 * pack
        assert part == days or doses.a_day * part >= whole / 2 * pack


def test_what_comes_in_packs_lasts_as_the_doctor_wrote():
    assert dosing.days_lasting("pack", Decimal(1), Doses(Decimal(1)), 7, Decimal(1)) == 7
    assert dosing.days_lasting("count", Decimal(1), Doses(), 7, Decimal(1)) == 7


@given(st.builds(Doses, halves, halves, halves, halves), st.integers(1, 90), st.sampled_from(["count", "volume"]))
def test_quantity_is_the_smallest_whole_number_that_is_enough(doses, days, rule):
    quantity = dosing.quantity_of(rule, Decimal(60) if rule == "volume" else Decimal(1), doses, days)
    needed = doses.a_day * days / (60 if rule == "volume" else 1)
    assert quantity == int(quantity)
    assert needed <= quantity < needed + 1


def test_dose_in_words():
    twice = Doses(Decimal(1), Decimal(0), Decimal(1))
    assert dosing.dose_text("count", "Viên", twice, 5) == "1 viên x 2 lần/ngày x 5 ngày [2 viên/ngày]"
    mixed = Doses(Decimal(1), Decimal(0), Decimal(0), Decimal("0.50"))
    assert dosing.dose_text("count", "Viên", mixed, 7) == "sáng 1, tối 0,5 viên x 7 ngày [1,5 viên/ngày]"
    assert dosing.dose_text("volume", "Chai", Doses(Decimal(10)), 3) == "10 ml x 1 lần/ngày x 3 ngày [10 ml/ngày]"
    assert dosing.dose_text("pack", "Tuýp", Doses(), 3) == ""


DIABETES = "E10 - E14 (trừ E10.0, E10.1, E11.0, E11.1)"


@pytest.mark.parametrize(
    ("expression", "code", "fits"),
    [
        ("I10", "I10", True),
        ("C50", "C50.9", True),
        ("B18.1", "B18.1", True),
        ("B18.1", "B18.2", False),
        ("B20 đến B24, Z21", "B22.7", True),
        ("B20 đến B24, Z21", "B24", True),
        ("B20 đến B24, Z21", "Z21", True),
        ("B20 đến B24, Z21", "B25", False),
        (DIABETES, "E11.9", True),
        (DIABETES, "E14.9", True),
        (DIABETES, "E11.0", False),
        (DIABETES, "E15", False),
        ("I20, I21, I22, I23", "I22.1", True),
        ("I1", "I10", False),
        ("I10", "", False),
    ],
)
def test_diseases_of_long_prescriptions(expression, code, fits):
    assert dosing.covers(expression, code) is fits
    assert dosing.days_allowed(code, ["Z99.9", expression]) == (90 if fits else 30)


@pytest.mark.parametrize(
    ("value", "low", "high", "abnormal"),
    [
        ("5,6", "3.9", "6.4", False),
        ("6.4", "3.9", "6.4", False),
        ("7,1", "3.9", "6.4", True),
        ("3", "3,9", "6,4", True),
        ("<0,01", "0.01", "", True),
        (">10", "", "10", True),
        ("≤ 10", "", "10", False),
        ("Dương tính", "0", "1", False),
        ("12", "", "", False),
        ("", "1", "2", False),
    ],
)
def test_values_outside_the_range_are_abnormal(value, low, high, abnormal):
    assert ranges.is_abnormal(value, low, high) is abnormal


@given(st.text(max_size=40), st.text(max_size=10), st.text(max_size=10))
def test_no_text_breaks_the_reading_of_values(value, low, high):
    assert ranges.is_abnormal(value, low, high) in {True, False}


def test_ranges_in_words():
    assert ranges.reference_text("3.9", "6.4") == "3,9 - 6,4"
    assert ranges.reference_text("", "5") == "≤ 5"
    assert ranges.reference_text("60", "") == "≥ 60"
    assert ranges.reference_text() == ""


def test_stock_is_written_like_every_other_number():
    assert stock_in_words(Decimal("1274.000")) == "tồn 1.274"
    assert stock_in_words(Decimal("0.5")) == "tồn 0,5"
    assert stock_in_words(Decimal(0)) == stock_in_words(None) == "hết"
