"""The pure rules of managed diseases: when readings are on target, how results are read, which codes are whose."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.chronic import DATA, Readings, disease_of, diseases_on, is_on_target, read_value
from tests.cast import DAY

HYPERTENSION, DIABETES = disease_of("hypertension"), disease_of("diabetes")


@pytest.mark.parametrize(
    ("systolic", "diastolic", "target"),
    [(139, 89, True), (140, 80, False), (130, 90, False), (None, None, None)],
)
def test_blood_pressure_is_on_target_below_both_limits(systolic, diastolic, target):
    assert is_on_target(HYPERTENSION, Readings(systolic=systolic, diastolic=diastolic)) is target


@pytest.mark.parametrize(
    ("hba1c", "glucose", "days", "target"),
    [
        ("6.9", None, 0, True),
        ("7", None, 0, False),
        ("6.9", "9.0", 180, True),
        ("6.9", "9.0", 181, False),
        (None, "4.4", 0, True),
        (None, "7.2", 0, True),
        (None, "7.3", 0, False),
        (None, "4.3", 0, False),
        (None, None, 0, None),
    ],
)
def test_sugar_is_judged_by_hba1c_while_it_holds(hba1c, glucose, days, target):
    readings = Readings(
        hba1c=Decimal(hba1c) if hba1c else None,
        hba1c_on=DAY if hba1c else None,
        glucose=Decimal(glucose) if glucose else None,
        glucose_on=DAY + timedelta(days=days) if glucose else None,
    )
    assert is_on_target(DIABETES, readings) is target


def test_a_disease_without_a_target_is_never_on_it():
    assert is_on_target(disease_of("epilepsy"), Readings(120, 80, DAY, Decimal(5), DAY)) is None


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("6,5", "mmol/L", "6.5"),
        ("126", "mg/dL", "7.0"),
        ("6.5", "", "6.5"),
        ("126", "", None),
        ("âm tính", "mmol/L", None),
        ("-1", "mmol/L", None),
        ("5", "g/L", None),
    ],
)
def test_a_glucose_is_read_with_its_unit_or_not_at_all(text, unit, value):
    assert read_value(text, unit, is_glucose=True) == (Decimal(value) if value else None)


@given(st.text(max_size=12), st.text(max_size=6), st.booleans())
def test_no_text_of_a_result_breaks_the_reading(text, unit, is_glucose):
    value = read_value(text, unit, is_glucose=is_glucose)
    assert value is None or value > 0


def test_every_disease_is_read_and_no_code_is_of_two_diseases():
    rows = list(diseases_on(DAY).values())
    assert len(rows) == len(DATA.read_text(encoding="utf-8").splitlines()) - 1
    spans = sorted(span for row in rows for span in row.codes)
    assert all(before[1] < after[0] for before, after in pairwise(spans))
