"""What a label says of its ingredients: which they are. How much a unit holds is `tests/his/test_strengths.py`."""

from datetime import date

import pytest

from insurance.rules.engine.prescribing import lists_on

LISTS = lists_on(date(2026, 10, 6))


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
