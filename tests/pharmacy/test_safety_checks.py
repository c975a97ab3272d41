"""Each check of a prescription by worked cases, and that the order of its lines never changes what is found."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insurance.rules.engine.prescribing import lists_on
from pharmacy.safety import checks, person_checks
from pharmacy.safety.facts import Allergy, AtHome, Drug, Found, Person, Prescriber, Prescribing

LISTS = lists_on(date(2026, 10, 6))
WOMAN = Person(age_months=360, sex="2", weight_kg=Decimal(50), diagnoses=("J06.9",), main="J06.9")
CHILD = Person(age_months=36, sex="1", weight_kg=Decimal(14), diagnoses=("J06.9",), main="J06.9")
OLD = Person(age_months=864, sex="2", weight_kg=Decimal(50), diagnoses=("I10",), main="I10", is_long_disease=True)
ALL = {
    "interactions": checks.interactions,
    "allergies": checks.allergies,
    "duplicates": checks.duplicates,
    "at_home": checks.still_at_home(3),
    "days": checks.days,
    "scope": checks.scope,
    "doses": person_checks.doses(10),
    "ages": person_checks.ages,
    "renal": person_checks.renal,
    "pregnancy": person_checks.pregnancy,
    "lactation": person_checks.lactation,
    "diseases": person_checks.diseases,
    "support": person_checks.support,
}


def drug(ingredient: str, strength: str = "500mg", a_day: str = "2", once: str = "1", **more: object) -> Drug:
    keys = LISTS.names.split(ingredient)
    facts = {"number": 1, "code": ingredient, "name": ingredient, "route": "1.01", "days": 5, **more}
    return Drug(keys=keys, strength=strength, a_day=Decimal(a_day), once=Decimal(once), **facts)


def case(person: Person, *drugs: Drug, **more: object) -> Prescribing:
    lines = tuple(replace(one, number=number) for number, one in enumerate(drugs, 1))
    return Prescribing(person, Prescriber(), lines, **more)


def found(check: str, of: Prescribing) -> list[Found]:
    return list(ALL[check](of, LISTS))


def levels(check: str, of: Prescribing) -> list[str]:
    return [str(one.level) for one in found(check, of)]


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("Nitroglycerin", "Sildenafil citrat", ["block"]),
        ("Simvastatin", "Clarithromycin", ["block"]),
        ("Amlodipin besilat", "Simvastatin", ["note"]),
        ("Warfarin natri", "Acid acetylsalicylic", ["reason"]),
        ("Clopidogrel", "Omeprazol", ["reason"]),
        ("Clopidogrel", "Pantoprazol", []),
        ("Ibuprofen", "Meloxicam", ["reason"]),
        ("Ketorolac", "Ibuprofen", ["block"]),
        ("Ciprofloxacin", "Nhôm hydroxyd + magnesi hydroxyd", ["note"]),
        ("Lisinopril", "Spironolacton", ["reason"]),
        ("Paracetamol", "Amlodipin", []),
        ("Thuốc lạ", "Warfarin", []),
    ],
)
def test_the_list_decides_how_bad_an_interaction_is(one, other, level):
    assert levels("interactions", case(OLD, drug(one), drug(other))) == level


def test_the_pair_of_two_ingredients_goes_before_that_of_their_groups():
    (pair,) = found("interactions", case(OLD, drug("Amiodaron"), drug("Moxifloxacin")))
    assert pair.level == "block"
    (pair,) = found("interactions", case(OLD, drug("Amiodaron"), drug("Levofloxacin")))
    assert pair.level == "reason"
    assert pair.number == 2


def test_ingredients_of_one_drug_and_drugs_for_outside_do_not_interact():
    assert levels("interactions", case(OLD, drug("Warfarin + aspirin"))) == []
    assert levels("interactions", case(OLD, drug("Warfarin"), drug("Diclofenac", route="3.05"))) == []


def at_home(ingredient: str, left: int, code: str = "") -> AtHome:
    keys = LISTS.names.split(ingredient)
    return AtHome(code or ingredient, ingredient, keys, "1.01", date(2026, 10, 20), left, is_dispensed=True)


def test_a_drug_still_at_home_interacts_and_repeats():
    home = (at_home("Warfarin", 14), at_home("Amlodipin", 14))
    of = case(OLD, drug("Aspirin"), drug("Amlodipin besilat"), at_home=home)
    (pair,) = found("interactions", of)
    assert (pair.level, pair.number, pair.words["where"]) == ("reason", 1, "thuốc còn ở nhà")
    (again,) = found("at_home", of)
    assert (again.number, again.words["left"], again.words["until"]) == (2, "14", "20/10/2026")
    assert found("at_home", replace(of, at_home=(at_home("Amlodipin", 3),))) == []


def test_the_same_ingredient_twice_under_two_names():
    (twice,) = found("duplicates", case(OLD, drug("Paracetamol"), drug("Acetaminophen + codein phosphat")))
    assert (twice.number, twice.words["ingredient"]) == (2, "Paracetamol")
    assert levels("duplicates", case(OLD, drug("Paracetamol"), drug("Paracetamol ", route="4.02"))) == ["reason"]
    (vitamin,) = found("duplicates", case(OLD, drug("Vitamin B1 + B6 + B12"), drug("Magnesi lactat + pyridoxin")))
    assert vitamin.words["ingredient"] == "Vitamin B6 (pyridoxin)"
    assert levels("duplicates", case(OLD, drug("Vitamin B1 + B6 + B12"), drug("Vitamin C"))) == []
    assert levels("duplicates", case(OLD, drug("Clotrimazol", route="3.05"), drug("Clotrimazol ", route="4.01"))) == []


@pytest.mark.parametrize(
    ("allergy", "given", "level"),
    [
        (Allergy("@penicillin", "phản vệ", is_severe=True), "Amoxicilin", ["block"]),
        (Allergy("amoxicilin", "phản vệ", is_severe=True), "Ampicilin", ["block"]),
        (Allergy("@penicillin", "mẩn ngứa"), "Amoxicilin", ["reason"]),
        (Allergy("@penicillin", is_text=True), "Amoxicilin", ["reason"]),
        (Allergy("amoxicilin", "phản vệ", is_severe=True), "Cefuroxim", ["reason"]),
        (Allergy("amoxicilin", "phản vệ", is_severe=True), "Meropenem", ["note"]),
        (Allergy("aspirin"), "Ibuprofen", ["reason"]),
        (Allergy("@sulfonamide"), "Sulfamethoxazol + trimethoprim", ["reason"]),
        (Allergy("paracetamol"), "Amoxicilin", []),
    ],
)  # fmt: skip
def test_allergies_and_what_reacts_across(allergy, given, level):
    assert levels("allergies", case(replace(OLD, allergies=(allergy,)), drug(given))) == level


def test_an_ointment_with_the_allergen_is_found_too():
    allergic = replace(OLD, allergies=(Allergy("clotrimazol"),))
    assert levels("allergies", case(allergic, drug("Clotrimazol", "1%; 10g", route="3.05"))) == ["reason"]


def dose_words(of: Prescribing) -> list[tuple[str, str, str]]:
    return [(str(one.level), one.words.get("amount", ""), one.words.get("most", "")) for one in found("doses", of)]


def test_the_most_of_a_day_is_added_over_the_lines():
    lines = drug("Paracetamol", a_day="5"), drug("Paracetamol + codein phosphat", "500mg + 15mg", a_day="4")
    assert ("reason", "4500 mg", "4000 mg") in dose_words(case(OLD, *lines))
    assert dose_words(case(OLD, lines[0])) == []


def test_methotrexate_by_mouth_every_day_is_told():
    """It is taken once a week: the classic deadly slip."""
    (told,) = found("doses", case(OLD, drug("Methotrexat", "2,5mg", a_day="4", once="4")))
    assert (told.level, told.words["per"]) == ("reason", "ngày")
    assert "MỖI TUẦN" in told.source
    assert found("doses", case(OLD, drug("Methotrexat", "2,5mg", a_day="1"))) == []


def test_an_allergy_to_a_group_says_so():
    severe = replace(OLD, allergies=(Allergy("@penicillin", "phản vệ", is_severe=True),))
    (told,) = found("allergies", case(severe, drug("Amoxicilin")))
    assert told.words["effect"] == "cùng nhóm đã dị ứng"


def test_a_childs_dose_follows_the_weight():
    syrup = {"is_volume": True, "route": "1.01"}
    fine = drug("Paracetamol", "120mg/5ml; 60ml", a_day="32", once="8", **syrup)
    assert dose_words(case(CHILD, fine)) == []
    strong = drug("Paracetamol", "120mg/5ml; 60ml", a_day="40", once="10", **syrup)
    assert dose_words(case(CHILD, strong)) == [("reason", "240 mg", "210 mg (15 mg/kg)")]
    big = replace(CHILD, age_months=140, weight_kg=Decimal(80))
    assert ("reason", "4500 mg", "4000 mg") in dose_words(case(big, drug("Paracetamol", a_day="9", once="2")))


@pytest.mark.parametrize(
    ("person", "line", "why"),
    [
        (replace(CHILD, weight_kg=None), drug("Paracetamol", "150mg"), "chưa có cân nặng"),
        (replace(CHILD, age_months=None), drug("Paracetamol", "150mg"), "chưa rõ tuổi"),
        (OLD, drug("Paracetamol", "theo nhãn"), "không đọc được hàm lượng “theo nhãn”"),
        (OLD, drug("Furosemid + spironolacton", "20mg"), "không đọc được hàm lượng “20mg”"),
        (OLD, drug("Paracetamol", a_day="0"), "chưa ghi liều"),
        (CHILD, drug("Losartan", "50mg"), "chưa có giới hạn liều cho tuổi này"),
    ],
)
def test_a_dose_that_cannot_be_computed_is_not_fine(person, line, why):
    (one,) = found("doses", case(person, line))
    assert (one.level, one.words["why"]) == ("unchecked", why)


def test_ages():
    assert levels("ages", case(CHILD, drug("Codein phosphat"))) == ["block"]
    assert levels("ages", case(CHILD, drug("Ciprofloxacin"))) == ["reason"]
    assert levels("ages", case(OLD, drug("Codein phosphat"))) == []
    assert levels("ages", case(replace(CHILD, age_months=None), drug("Codein phosphat"))) == []


@pytest.mark.parametrize(("egfr", "level"), [("25", ["block"]), ("40", ["reason"]), ("60", []), (None, [])])
def test_weak_kidneys(egfr, level):
    weak = replace(OLD, egfr=None if egfr is None else Decimal(egfr))
    assert levels("renal", case(weak, drug("Metformin hydroclorid", "850mg"))) == level


def test_pregnancy_is_asked_and_unknown_is_not_no():
    losartan, paracetamol = drug("Losartan kali", "50mg"), drug("Paracetamol")
    assert levels("pregnancy", case(replace(WOMAN, pregnancy="yes"), losartan, paracetamol)) == ["block"]
    assert levels("pregnancy", case(replace(WOMAN, pregnancy="no"), losartan)) == []
    assert levels("pregnancy", case(WOMAN, losartan, paracetamol)) == ["unknown"]
    assert levels("pregnancy", case(OLD, losartan)) == []
    assert levels("lactation", case(replace(WOMAN, lactation="yes"), drug("Codein phosphat"))) == ["block"]
    assert levels("lactation", case(WOMAN, drug("Codein phosphat"))) == []


def test_a_diagnosis_forbids_and_warns():
    dengue = replace(OLD, diagnoses=("A97.0",), main="A97.0")
    assert levels("diseases", case(dengue, drug("Ibuprofen"), drug("Paracetamol"))) == ["block"]
    assert levels("diseases", case(replace(OLD, diagnoses=("I10", "K25.9")), drug("Meloxicam", "15mg"))) == ["reason"]
    assert levels("diseases", case(OLD, drug("Meloxicam", "15mg"))) == []


@pytest.mark.parametrize(
    ("ingredient", "codes", "age", "is_insured", "refs"),
    [
        ("Piracetam", ("R42",), 60, True, ["TH48"]),
        ("Piracetam", ("G25.3",), 60, True, []),
        ("Piracetam", ("R42",), 60, False, []),
        ("Piracetam", (), 60, True, []),
        ("Glucosamin", ("M17.1",), 60, True, []),
        ("Glucosamin", ("M54.5",), 60, True, ["TH20"]),
        ("Diclofenac natri", ("I50.0",), 60, True, ["TH97"]),
        ("Diclofenac natri", ("M54.5",), 60, True, []),
        ("Diacerein", ("M17.1",), 70, True, ["TH21"]),
        ("Amoxicilin + sulbactam", ("J18.9",), 30, True, []),
        ("Amoxicilin + sulbactam", ("N39.0",), 30, True, ["TH06"]),
        ("Amoxicilin", ("N39.0",), 30, True, []),
        ("Alphachymotrypsin", ("S82.1",), 30, True, []),
    ],
)
def test_what_the_fund_pays_for_only_under_conditions(ingredient, codes, age, is_insured, refs):
    person = replace(OLD, age_months=age * 12, diagnoses=codes)
    notes = found("support", case(person, drug(ingredient, is_insured=is_insured)))
    assert [one.words["ref"] for one in notes] == refs


@pytest.mark.parametrize(
    ("control", "main", "is_long", "most"),
    [
        ("", "J06.9", False, 30),
        ("", "I10", True, 90),
        ("narcotic", "S82.1", False, 7),
        ("narcotic", "I10", True, 7),
        ("narcotic", "C34.9", True, 30),
        ("psychotropic", "F41.1", False, 10),
        ("psychotropic", "G40.9", True, 30),
        ("precursor", "J06.9", False, 10),
        ("narcotic_combo", "J06.9", False, 30),
    ],
)
def test_days_by_disease_and_control_class(control, main, is_long, most):
    person = replace(OLD, main=main, is_long_disease=is_long)
    assert levels("days", case(person, drug("Morphin", control=control, days=most))) == []
    (over,) = found("days", case(person, drug("Morphin", control=control, days=most + 1)))
    assert (over.level, over.words["most"]) == ("block", str(most))


def test_controlled_drugs_want_an_authorised_prescriber():
    of = case(OLD, drug("Morphin sulfat", control="narcotic"), drug("Codein + paracetamol", control="narcotic_combo"))
    assert [one.number for one in found("scope", of)] == [1]
    assert found("scope", replace(of, prescriber=Prescriber(controlled=True))) == []


INGREDIENTS = (
    "Warfarin", "Aspirin", "Ibuprofen", "Meloxicam", "Paracetamol", "Paracetamol + codein", "Clopidogrel", "Omeprazol",
    "Simvastatin", "Clarithromycin", "Amiodaron", "Digoxin", "Metformin", "Losartan", "Spironolacton", "Ciprofloxacin",
    "Sắt sulfat", "Amoxicilin", "Cefuroxim", "Thuốc lạ",
)  # fmt: skip
ALLERGIC = (Allergy("@penicillin", is_severe=True), Allergy("aspirin", is_text=True))
PEOPLE = (
    replace(WOMAN, pregnancy="yes", allergies=ALLERGIC),
    replace(OLD, egfr=Decimal(28), diagnoses=("I10", "K25.9", "I50.0")),
    CHILD,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(INGREDIENTS), min_size=1, max_size=7, unique=True),
    st.sampled_from(PEOPLE),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_lines_never_changes_what_is_found(names, person, rng):
    home = (at_home("Warfarin", 9, "nhà 1"), at_home("Losartan", 9, "nhà 2"))
    lines = [drug(name, "500mg + 30mg" if "+" in name else "500mg", a_day="3") for name in names]
    shuffled = lines.copy()
    rng.shuffle(shuffled)

    def all_found(drugs: list[Drug]) -> set[tuple[str, str, str]]:
        of = case(person, *drugs, at_home=home)
        return {(name, one.about, str(one.level)) for name in ALL for one in found(name, of)}

    assert all_found(lines) == all_found(shuffled)
