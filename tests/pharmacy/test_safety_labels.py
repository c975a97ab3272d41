"""What a label says: how much of each ingredient a unit holds, and which ingredients these are."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.rules.engine.prescribing import lists_on
from pharmacy.safety.strength import Amount, Strength, read_strength

LISTS = lists_on(date(2026, 10, 6))


def amounts(found: tuple[Amount, ...] | None) -> list[tuple[str, str]] | None:
    return None if found is None else [(f"{one.value.normalize():f}", one.unit) for one in found]


@pytest.mark.parametrize(
    ("text", "unit", "ml"),
    [
        ("500mg", [("500", "mg")], None),
        ("7,5 mg", [("7.5", "mg")], None),
        ("100mcg", [("0.1", "mg")], None),
        ("1g", [("1000", "mg")], None),
        ("500mg + 125mg", [("500", "mg"), ("125", "mg")], None),
        ("800,4mg + 3058,83mg + 80mg", [("800.4", "mg"), ("3058.83", "mg"), ("80", "mg")], None),
        ("100.000IU", [("100000", "IU")], None),
        ("250mg/5ml", [("250", "mg")], [("50", "mg")]),
        ("75mg/3ml", [("75", "mg")], [("25", "mg")]),
        ("100mg/5ml; 10ml", [("200", "mg")], [("20", "mg")]),
        ("120mg/5ml; 60ml", [("1440", "mg")], [("24", "mg")]),
        ("(15mg + 5mg)/5ml", [("15", "mg"), ("5", "mg")], [("3", "mg"), ("1", "mg")]),
        ("0,9%; 500ml", [("4500", "mg")], [("9", "mg")]),
        ("10mg/ml", None, [("10", "mg")]),
    ],
)
def test_a_strength_is_read_as_amounts_in_a_unit_and_in_a_millilitre(text, unit, ml):
    strength = read_strength(text)
    assert strength is not None
    assert amounts(strength.in_unit()) == unit
    assert amounts(strength.in_ml()) == ml


WITHOUT_CERTAINTY = (
    "", "500", "10^8 CFU", "2 tỷ bào tử/5ml", "theo nhãn", "5mg/5", "1.2.3mg", "1.250mg", "0mg", "500mg/viên x 2",
    "5% + 3mg",
)  # fmt: skip


@pytest.mark.parametrize("text", WITHOUT_CERTAINTY)
def test_what_is_not_certain_is_not_read(text):
    assert read_strength(text) is None


@given(st.integers(1, 5000), st.sampled_from(["mg", "MG", " mg"]), st.integers(1, 500))
def test_a_liquid_holds_as_much_in_a_bottle_as_in_all_its_millilitres(dose, unit, bottle):
    strength = read_strength(f"{dose}{unit}/5ml; {bottle}ml")
    assert isinstance(strength, Strength)
    in_unit, in_ml = strength.in_unit(), strength.in_ml()
    assert in_unit is not None
    assert in_ml is not None
    assert abs(in_unit[0].value - in_ml[0].value * bottle) < Decimal("1e-20") * in_unit[0].value + Decimal("1e-15")


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        ("Amoxicillin", ("amoxicilin",)),
        ("amoxicilin trihydrat", ("amoxicilin",)),
        ("Amoxicilin (dạng trihydrat) + Acid clavulanic (kali clavulanat)", ("amoxicilin", "acid clavulanic")),
        ("Acetaminophen", ("paracetamol",)),
        ("PARACETAMOL + Codein phosphat", ("paracetamol", "codein")),
        ("Diclofenac natri", ("diclofenac",)),
        ("Diclofenac sodium", ("diclofenac",)),
        ("Natri montelukast", ("montelukast",)),
        ("Metformin hydrochloride", ("metformin",)),
        ("Chlorpheniramine maleate", ("clorpheniramin",)),
        ("Acid acetylsalicylic", ("aspirin",)),
        ("Acetylsalicylic acid", ("aspirin",)),
        ("Kali clorid", ("kali clorid",)),
        ("Natri clorid", ("natri clorid",)),
        ("Furosemide; Spironolactone", ("furosemid", "spironolacton")),
        ("Hoạt chất lạ", ("hoat chat la",)),
        ("", ()),
    ],
)  # fmt: skip
def test_names_become_one_key_whatever_marks_salt_or_spelling(written, keys):
    assert LISTS.names.split(written) == keys


def test_a_free_text_names_ingredients_and_groups():
    assert LISTS.names.within("Dị ứng Penicillin, mẩn ngứa khi uống aspirin") == {"@penicillin", "aspirin"}
    assert LISTS.names.within("Không rõ") == frozenset()


def test_the_lists_are_wide_enough_to_be_useful():
    assert len(LISTS.interactions) >= 60
    assert len(LISTS.doses) >= 60
    assert all(row.source and row.management for row in LISTS.interactions.values())
