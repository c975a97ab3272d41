"""The data of the split: a made-up decree works without code, a faulty file never comes into use."""

import csv
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from insurance.benefits.engine import BenefitError, load, split
from insurance.benefits.engine.diseases import matching_rows
from insurance.benefits.engine.params import DATA_DIR, validate
from insurance.benefits.engine.tables import read_tables
from tests.insurance.benefit_builders import DAY, facts, item

ANNEX_CASES = Path(__file__).parents[1] / "golden" / "benefit_annex_cases.csv"
LIST_CODES = (
    "1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.11 1.12 1.13 1.14 1.15 1.16 1.17 1.18 2 3.1 3.2 3.3 3.6 7 7.2 7.3 7.4 8 9 10"
)


@pytest.fixture
def folder(tmp_path):
    copy = tmp_path / "benefits"
    shutil.copytree(DATA_DIR, copy)
    return copy


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_made_up_decree_is_a_change_of_data_only(folder):
    edit(
        folder / "parameters.csv",
        "base_salary,2530000,VND/month,2026-07-01,,",
        "base_salary,2530000,VND/month,2026-07-01,2027-06-30,",
    )
    with (folder / "parameters.csv").open("a", encoding="utf-8") as parameters:
        parameters.write("base_salary,3000000,VND/month,2027-07-01,,NĐ 99/2027/NĐ-CP,\n")
    edit(
        folder / "entitlement.csv",
        "10,7,route = drug_epidemic,",
        "5,1.18,route = self & facility_points >= 40 & inpatient = N,2027-07-01,,NĐ 99/2027/NĐ-CP,Nghị định giả định,\n"
        "10,7,route = drug_epidemic,",
    )
    edit(folder / "card_levels.csv", "4,80,N,N,2015-01-01,,", "4,80,N,N,2015-01-01,2027-06-30,")
    with (folder / "card_levels.csv").open("a", encoding="utf-8") as levels:
        levels.write("4,90,N,N,2027-07-01,,NĐ 99/2027/NĐ-CP,\n")
    visit = facts(ended_on=date(2027, 7, 1))
    answer = split(visit, [item(price=450_000)], load(folder, on=visit.ended_on))
    assert (answer.entitlement_code, answer.benefit_percents) == ("1.18", (45,))
    below = split(visit, [item(price=449_999)], load(folder, on=visit.ended_on))
    assert below.benefit_percents == (50,)
    before = facts(ended_on=date(2027, 6, 30))
    assert split(before, [item()], load(folder, on=before.ended_on)).benefit_percents == (80,)


def test_a_decree_may_settle_a_disputed_point_from_a_day_on(tmp_path):
    decree = tmp_path / "decree" / "benefits"
    decree.mkdir(parents=True)
    head = "key,value,choices,valid_from,valid_to,law\n"
    row = "off_route_patient_part,self_paid,copay|self_paid,2027-01-01,,NĐ 99/2026/NĐ-CP\n"
    (decree / "settings.csv").write_text(head + row, encoding="utf-8")
    tables = read_tables(DATA_DIR, decree)
    found = {s.period.first: s.value for s in tables.settings if s.key == "off_route_patient_part"}
    assert found == {date(2015, 1, 1): "copay", date(2027, 1, 1): "self_paid"}
    assert [s.period.last for s in tables.settings if s.key == "off_route_patient_part"] == [date(2026, 12, 31), None]


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("parameters.csv", "2026-06-30,NĐ 73", "2026-07-01,NĐ 73", "base_salary: two rows are in force on 2026-07-01"),
        ("parameters.csv", "base_salary,2530000", "base_salary,2.530.000", "parameters.csv line 9"),
        ("parameters.csv", "2026-07-01,,NĐ 161/2026/NĐ-CP Đ3", "2026-07-01,,", "law is empty"),
        ("entitlement.csv", "route = emergency", "rout = emergency", "unknown metric 'rout'"),
        ("entitlement.csv", "facility_points < 50", "facility_points < fifty", "not a number"),
        ("entitlement.csv", "facility_points < 50", "facility_points ~ 50", "unknown operator"),
        ("route_rates.csv", "any,100,absolute", "any,100,always", "always"),
        ("settings.csv", "discharge,discharge|admission", "birth,discharge|admission", "'birth' is not one of"),
        ("card_levels.csv", "4,80,N,N", "4,80,N,maybe", "not Y or N"),
    ],
)
def test_a_faulty_file_is_refused_by_file_and_line(folder, name, old, new, says):
    edit(folder / name, old, new)
    with pytest.raises(ValueError, match=says):
        validate(folder)


def test_missing_columns_are_named(folder):
    edit(folder / "card_overrides.csv", "printed_level", "digit")
    with pytest.raises(ValueError, match="printed_level"):
        validate(folder)


def test_a_day_without_parameters_is_refused():
    with pytest.raises(BenefitError) as refused:
        split(facts(ended_on=date(2012, 1, 1)), [item()], load(on=date(2012, 1, 1)))
    assert refused.value.code in {"card_level_unknown", "parameter_missing"}


@pytest.mark.parametrize("code", LIST_CODES.split())
@pytest.mark.parametrize("inpatient", [True, False])
def test_every_code_of_the_national_list_has_a_rate(code, inpatient):
    assert load(on=DAY).route(code, inpatient=inpatient).code == code


def test_every_decision_row_gives_a_code_of_the_list():
    assert {row.code for row in load(on=DAY).entitlement_rows()} <= set(LIST_CODES.split())


@pytest.mark.parametrize(
    ("day", "salary"),
    [
        (date(2017, 6, 30), 1_210_000),
        (date(2023, 7, 1), 1_800_000),
        (date(2024, 7, 1), 2_340_000),
        (date(2026, 6, 30), 2_340_000),
        (date(2026, 7, 1), 2_530_000),
    ],
)
def test_base_salary_of_the_day(day, salary):
    assert load(on=day).number("base_salary") == Decimal(salary)


@pytest.mark.parametrize("case", list(csv.DictReader(ANNEX_CASES.open(encoding="utf-8"))), ids=lambda case: case["icd"])
def test_listed_diseases(case):
    rows, near = load(on=DAY).diseases, load(on=DAY).diseases_near(case["icd"])
    for annex, column in (("I", "annex_1_rows"), ("II", "annex_2_rows"), ("III", "annex_3_rows")):
        found = [str(row.row) for row in matching_rows(rows, annex, case["icd"], int(case["age"]))]
        assert ";".join(found) == case[column], annex
        assert matching_rows(near, annex, case["icd"], int(case["age"])) == matching_rows(
            rows, annex, case["icd"], int(case["age"])
        )
