"""Ingredients, strengths and bids as tender lists really write them; what can be read in two ways is not read."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from his.catalogs.bids import read_bid
from his.catalogs.control import control_rules, is_due, propose
from his.catalogs.strengths import Amount, Strength, ingredients_of, read_amount, read_strength

DAY = date(2026, 10, 6)


def told(text: str) -> tuple[str, ...] | None:
    found = read_amount(text)
    if found is None:
        return None
    per = () if found.per is None else (f"{found.per.normalize():f}", found.per_unit)
    return (f"{found.value.normalize():f}", found.unit, *per)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("500mg", ("500", "mg")),
        ("12,5mg", ("12.5", "mg")),
        ("0.4mg/ml", ("0.4", "mg", "1", "ml")),
        ("840 mg/ 10 ml", ("840", "mg", "10", "ml")),
        ("120mg/5ml; 60ml", ("120", "mg", "5", "ml")),
        ("100mcg/liều; 200 liều", ("100", "mcg", "1", "liều")),
        ("2,5g/100g gel, 30g", ("2.5", "g", "100", "g")),
        ("100.000IU", ("100000", "IU")),
        ("400UI", ("400", "IU")),
        ("300U/3ml", ("300", "U", "3", "ml")),
        ("2 tỷ bào tử", ("2000000000", "bào tử")),
        ("2,26 x 10^9 CFU", ("2260000000", "CFU")),
        ("10^8 CFU", ("100000000", "CFU")),
        ("2x10^9 CFU (2 tỷ)", ("2000000000", "CFU")),
        ("0,9%; 500ml", ("0.9", "%")),
        ("1%/10g", ("1", "%")),
        ("2% x 10ml", ("2", "%")),
        ("1.234.567,5 mg", ("1234567.5", "mg")),
    ],
)
def test_strengths_are_read(text: str, amount: tuple[str, ...]) -> None:
    assert told(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "2.940mg",  # 2940 or 2,94
        "1,250g",
        "500ml",  # a content, no strength
        "400mg + 80mg",
        "0,1%)/5ml",
        "0mg",
        "một viên",
        "",
        "10^99999999 CFU",
        "9" * 40 + "mg",
    ],
)
def test_what_is_not_certain_is_not_read(text: str) -> None:
    assert told(text) is None


@pytest.mark.parametrize(
    ("names", "strength", "found"),
    [
        ("Amlodipin + valsartan", "5mg + 80mg", [("Amlodipin", "5 mg"), ("valsartan", "80 mg")]),
        ("Ambroxol + clenbuterol", "15mg + 10mcg/5ml", [("Ambroxol", "15 mg/5 ml"), ("clenbuterol", "10 mcg/5 ml")]),
        ("Diosmin; Hesperidin", "450mg; 50mg", [("Diosmin", "450 mg"), ("Hesperidin", "50 mg")]),
        ("Lá sen,Vông nem", "2,5g, 0,625g", [("Lá sen", "2.5 g"), ("Vông nem", "0.625 g")]),
        (
            "Vitamin B1 + B6 + B12",
            "125mg + 125mg + 250mcg",
            [("Vitamin B1", "125 mg"), ("Vitamin B6", "125 mg"), ("Vitamin B12", "250 mcg")],
        ),
        (
            "Budesonid + formoterol",
            "160mcg + 4,5mcg; 60 liều",
            [("Budesonid", "160 mcg"), ("formoterol", "4.5 mcg")],
        ),
        (
            "Dexamethason (natri phosphat); Neomycin; Polymyxin B",
            "(10mg; 35mg; 100.000IU)/10ml",
            [
                ("Dexamethason (natri phosphat)", "10 mg/10 ml"),
                ("Neomycin", "35 mg/10 ml"),
                ("Polymyxin B", "100000 IU/10 ml"),
            ],
        ),
        (
            "Mỗi liều hít chứa: Salmeterol (dưới dạng Salmeterol xinafoate) 50mcg; Fluticason propionat 250mcg",
            "50mcg/ 250mcg",
            [("Salmeterol (dưới dạng Salmeterol xinafoate)", "50 mcg"), ("Fluticason propionat", "250 mcg")],
        ),
        (
            "Esomeprazol (dưới dạng Esomeprazol (magnesi dihydrat + vi hạt 22%))",
            "20mg",
            [("Esomeprazol (dưới dạng Esomeprazol (magnesi dihydrat + vi hạt 22%))", "20 mg")],
        ),
        # one of two read, the other not; two names for one strength; a damaged text
        ("Calci carbonat + calci lactat", "300mg + 2.940mg", [("Calci carbonat", "300 mg"), ("calci lactat", None)]),
        ("Sulfamethoxazol + trimethoprim", "480mg", [("Sulfamethoxazol", None), ("trimethoprim", None)]),
        ("Tobramycin + dexamethason", "*0,3% + 0,1%)/5ml", [("Tobramycin", None), ("dexamethason", None)]),
        (
            "Natri clorid, kali clorid, calci clorid",
            "500ml",
            [("Natri clorid", None), ("kali clorid", None), ("calci clorid", None)],
        ),
    ],
)
def test_combinations_become_a_row_for_each_ingredient(
    names: str, strength: str, found: list[tuple[str, str | None]]
) -> None:
    read = []
    for part in ingredients_of("40.1", names, strength):
        one = part.amount
        per = f"/{one.per.normalize():f} {one.per_unit}" if one and one.per else ""
        read.append((part.name, f"{one.value.normalize():f} {one.unit}{per}" if one else None))
    assert read == found


def test_codes_of_components_go_to_their_ingredients_and_the_code_of_a_combination_to_none() -> None:
    assert [part.code for part in ingredients_of("40.48+40.50", "A + B", "1mg + 2mg")] == ["40.48", "40.50"]
    assert [part.code for part in ingredients_of("40.521", "A + B", "1mg + 2mg")] == ["", ""]
    assert [part.code for part in ingredients_of("40.48", "A", "1mg")] == ["40.48"]


amounts = st.decimals(min_value="0.01", max_value="9999", places=2).map(lambda value: f"{value.normalize():f}")
parts = st.lists(st.tuples(st.sampled_from(["mg", "g", "mcg", "IU"]), amounts), min_size=1, max_size=6)


@given(parts, st.sampled_from([" + ", "+", "; "]), st.sampled_from([",", "."]))
def test_any_list_written_plainly_comes_back(parts: list[tuple[str, str]], sign: str, point: str) -> None:
    names = sign.join(f"Chất {letter}" for letter in "ABCDEF"[: len(parts)])
    strength = sign.join(f"{value.replace('.', point)}{unit}" for unit, value in parts)
    read = [(part.amount.unit, part.amount.value) for part in ingredients_of("1", names, strength) if part.amount]
    assert read == [(unit, Decimal(value)) for unit, value in parts]


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_breaks_the_reading(names: str, strength: str) -> None:
    found = ingredients_of("1+2", names, strength)
    assert found
    for part in found:
        assert part.amount is None or Decimal("0.000001") <= part.amount.value < Decimal(10) ** 13


def measured(found: tuple[Amount, ...] | None) -> list[tuple[str, str]] | None:
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
        ("5%", None, [("50", "mg")]),
        ("15mg + 5mg/5ml", [("15", "mg"), ("5", "mg")], [("3", "mg"), ("1", "mg")]),
        ("15mg + 5mg/5ml; 100ml", [("300", "mg"), ("100", "mg")], [("3", "mg"), ("1", "mg")]),
        ("500mg/viên", [("500", "mg")], None),
        ("50mcg/liều; 200 liều", None, None),
        ("1%/10g", None, None),
        ("5% + 3mg", None, None),
        ("10^8 CFU", [("100000000", "CFU")], None),
        ("2 tỷ bào tử/5ml", [("2000000000", "bào tử")], [("400000000", "bào tử")]),
    ],
)
def test_a_strength_is_read_as_amounts_in_a_unit_and_in_a_millilitre(
    text: str, unit: list[tuple[str, str]] | None, ml: list[tuple[str, str]] | None
) -> None:
    strength = read_strength(text, text.count("+") + 1)
    assert strength is not None
    assert measured(strength.in_unit()) == unit
    assert measured(strength.in_ml()) == ml


@pytest.mark.parametrize("text", ["500", "theo nhãn", "5mg/5", "1.2.3mg", "1.250mg", "500mg/viên x 2", "5mg + 80mg"])
def test_a_strength_of_one_ingredient_that_is_not_certain_is_not_read(text: str) -> None:
    assert read_strength(text, 1) is None


@given(st.integers(1, 5000), st.sampled_from(["mg", "MG", " mg"]), st.integers(1, 500))
def test_a_liquid_holds_as_much_in_a_bottle_as_in_all_its_millilitres(dose: int, unit: str, bottle: int) -> None:
    strength = read_strength(f"{dose}{unit}/5ml; {bottle}ml", 1)
    assert isinstance(strength, Strength)
    in_unit, in_ml = strength.in_unit(), strength.in_ml()
    assert in_unit is not None
    assert in_ml is not None
    assert abs(in_unit[0].value - in_ml[0].value * bottle) < Decimal("1e-20") * in_unit[0].value + Decimal("1e-15")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("53/QĐ-TTMS;G1;N2;2025", ("53/QĐ-TTMS", "G1", "N2", "2025", "", "")),
        ("720/QĐ-SYT;G1;N4;2024;93", ("720/QĐ-SYT", "G1", "N4", "2024", "", "93")),
        ("9/QĐ-BV; G2 ;n1; 2026;G3.25;00", ("9/QĐ-BV", "G2", "N1", "2026", "G3.25", "00")),
        ("18/QĐ-BV.99001;G1;N0;2026", ("18/QĐ-BV", "G1", "N0", "2026", "", "99001")),
        ("12/BB-BV;2026", ("12/BB-BV", "", "", "2026", "", "")),
        ("", ("", "", "", "", "", "")),
    ],
)
def test_the_bid_is_read_as_far_as_the_format_tells(text: str, parts: tuple[str, ...]) -> None:
    bid = read_bid(text)
    assert (bid.decision, bid.package, bid.group, bid.year, bid.second, bid.issuer) == parts
    assert (bid.text, bid.rest) == (text, ())
    assert bid.is_read == bool(text)


def test_parts_that_do_not_fit_are_kept_and_told() -> None:
    bid = read_bid("18/QĐ-ZZ G1 N2 26;gói thuốc generic;2026")
    assert (bid.year, bid.rest, bid.is_read) == ("2026", ("gói thuốc generic",), False)
    assert not read_bid("18/QĐ-ZZ G1 N2 26").is_read


@pytest.mark.parametrize(
    ("ingredients", "control_class"),
    [
        (["Morphin hydroclorid"], "narcotic"),
        (["Fentanyl (dưới dạng Fentanyl citrat)"], "narcotic"),
        (["Paracetamol", "Codeine phosphate"], "narcotic_combo"),
        (["Paracetamol", "Tramadol HCl"], "narcotic_combo"),
        (["Diazepam"], "psychotropic"),
        (["Chlordiazepoxid", "Clidinium bromid"], "psychotropic_combo"),
        (["Loratadin", "Pseudoephedrin sulfat"], "precursor_combo"),
        (["Ephedrin hydroclorid"], "precursor"),
        (["Morphin", "Diazepam"], "narcotic"),
        (["Paracetamol"], None),
        (["Dextromethorphan"], None),
        (["Methylergometrin"], None),
        ([], None),
    ],
)
def test_rules_propose_a_class_by_ingredient(ingredients: list[str], control_class: str | None) -> None:
    found = propose(ingredients, DAY)
    assert (found.control_class if found else None) == control_class


def test_a_later_rule_is_asked_again_though_the_drug_was_confirmed_ordinary() -> None:
    assert propose(["Etomidate"], date(2026, 5, 31)) is None
    found = propose(["Etomidate"], date(2026, 6, 1))
    assert found is not None
    assert (found.control_class, found.rule.law) == ("psychotropic", "TT 18/2026/TT-BYT")
    assert is_due(found, "", None)
    assert is_due(found, "", date(2026, 5, 31))
    assert not is_due(found, "", date(2026, 6, 1))
    assert not is_due(found, "psychotropic", None)
    assert len({rule.ingredient for rule in control_rules()}) == len(control_rules())
