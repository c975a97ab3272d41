"""A decree is a folder: a new table, fields, codes, a rule and a parameter come into force without a line of code."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from insurance import law
from insurance.apps import law_data_is_sound
from insurance.benefits.engine import load as load_params
from insurance.claims.export import export_month
from insurance.rules.engine import NoCatalogs, RuleBook, VisitFacts, load_rules
from insurance.rules.engine.load import COLUMNS
from insurance.standards import available, load, parse_file, select_standard
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.rule_claims import claim

FIRST_DAY = date(2031, 1, 1)
STANDARD = """
extends = "qd1931"
title = "Quyết định thử nghiệm"
law = "qd9999"
valid_from = 2031-01-01

[tables.XML16]
title = "Chăm sóc tại nhà"
row_class = "SummaryRow"
root = "CHAM_SOC_TAI_NHA"
list = "DANH_SACH"
row = "LAN_CHAM_SOC"
"""
SUMMARY = """op,order,tag,type,max,required,codelist,source,law,name,note
remove,,NGAY_RA,,,,,,qd9999,,
add,37,NGAY_KET_THUC,datetime12,12,yes,,ended_at,qd9999,Thời điểm kết thúc,Renamed.
change,,HO_TEN,,300,,,,qd9999,,
"""
RULE = {
    "id": "decree.no_weekend",
    "title": "Không kết thúc vào ngày thử",
    "kind": "compare",
    "table": "XML1",
    "field": "NGAY_RA",
    "params": "op=<; other=20310601",
    "severity": "blocking",
    "valid_from": "2031-01-01",
    "message": "{value} sau ngày cho phép",
    "fix": "Sửa ngày ra",
    "law": "QĐ 9999",
}


CARE = """order,tag,type,max,required,codelist,source,law,name,note
1,MA_LK,code,100,yes,,claim_code,qd9999,Mã liên kết,
2,CAN_DO,quantity:2,6,no,,weight_kg,qd9999,Cân đo,
"""


def write_decree(tmp_path, day):
    """A decree in force from a day: a new table, a renamed and a widened field, codes, a rule, a parameter."""
    before = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    for name in ("standards/qd9999", "codelists", "rules", "benefits"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "laws.toml").write_text('[qd9999]\ntitle = "Thử"\nnumber = "9999/QĐ"\n', "utf-8")
    (tmp_path / "standards/qd9999/standard.toml").write_text(STANDARD.replace("2031-01-01", day), "utf-8")
    (tmp_path / "standards/qd9999/XML16.csv").write_text(CARE, "utf-8")
    (tmp_path / "standards/qd9999/XML1.csv").write_text(SUMMARY, "utf-8")
    (tmp_path / "codelists/treatment_results.csv").write_text(
        f"code,name,valid_from,valid_to,law\n9,Kết quả thử,{day},,qd9999\n1,Khỏi (cũ),,{before},qd9999\n", "utf-8"
    )
    cells = dict.fromkeys(COLUMNS, "") | RULE | {"valid_from": day}
    (tmp_path / "rules/new.csv").write_text(
        ",".join(COLUMNS) + "\n" + ",".join(cells[name] for name in COLUMNS) + "\n", "utf-8"
    )
    (tmp_path / "benefits/parameters.csv").write_text(
        f"key,value,unit,valid_from,valid_to,law\nbase_salary,3000000,VND,{day},,QĐ 9999\n", "utf-8"
    )
    law.use(tmp_path)


@pytest.fixture
def decree(tmp_path):
    write_decree(tmp_path, "2031-01-01")
    yield tmp_path
    law.use()


@pytest.fixture
def decree_of_the_month(tmp_path):
    write_decree(tmp_path, "2026-10-01")
    rule = (tmp_path / "rules/new.csv").read_text("utf-8")
    (tmp_path / "rules/new.csv").write_text(rule.replace("other=20310601", "other=20261001"), "utf-8")
    salary = (tmp_path / "benefits/parameters.csv").read_text("utf-8")
    (tmp_path / "benefits/parameters.csv").write_text(salary.replace("3000000", "50000"), "utf-8")
    yield tmp_path
    law.use()


def test_the_decree_is_chosen_from_its_day_and_the_former_one_before(decree):
    assert available()[-1] == "qd9999"
    assert select_standard(FIRST_DAY).name == "qd9999"
    assert select_standard(date(2030, 12, 31)).name == "qd1931"
    assert load("qd9999").table("XML1").field("NGAY_KET_THUC").source == "ended_at"
    assert load("qd9999").table("XML1").field("HO_TEN").max == 300


def test_codes_of_the_decree_join_those_of_the_product(decree):
    codes = load("qd9999").codelists["treatment_results"]
    assert codes.admits("9", FIRST_DAY)
    assert codes.admits("2", FIRST_DAY)
    assert not codes.admits("1", FIRST_DAY)
    assert codes.admits("1", date(2030, 12, 31))


def test_a_parameter_of_the_decree_closes_the_former_one(decree):
    def salary(on: date) -> Decimal:
        return load_params(on=on).number("base_salary")

    assert salary(FIRST_DAY) == 3000000
    assert salary(date(2030, 12, 31)) == 2530000


def test_rules_of_the_decree_and_of_the_product_follow_the_renamed_field(decree):
    standard = load("qd9999")
    book = RuleBook(standard, load_rules(), NoCatalogs())
    tables = {name: [dict(row.texts) for row in rows] for name, rows in claim("out").tables.items()}
    summary = tables["XML1"][0]
    summary["NGAY_KET_THUC"] = summary.pop("NGAY_RA").replace("2026", "2031")
    facts = VisitFacts(standard, tables)
    assert facts.ended_on == date(2031, 8, 3)
    found = {f.rule: f for f in book.check(facts)}
    assert (found["decree.no_weekend"].field, found["decree.no_weekend"].value) == ("NGAY_KET_THUC", "203108031000")
    assert "structure.unknown_field" not in found


def test_without_the_decree_all_is_as_before():
    assert "qd9999" not in available()
    assert "decree.no_weekend" not in {rule.id for rule in load_rules()}
    assert load_params(on=FIRST_DAY).number("base_salary") == 2530000
    assert law_data_is_sound() == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("benefits/parameters.csv", "key,value\nbase_salary,3\n", "columns missing"),
        ("benefits/parameters.csv", "key,value,unit,valid_from,valid_to,law\na,x,VND,2031-01-01,,Q\n", "line 2"),
        ("rules/new.csv", "id,title\n", "the columns must be"),
        ("standards/qd9999/XML1.csv", "op,order,tag\nrename,1,HO_TEN\n", "cannot rename HO_TEN"),
    ],
)
def test_a_faulty_decree_stops_the_start_and_is_named(decree, name, text, message):
    (decree / name).write_text(text, "utf-8")
    (error,) = law_data_is_sound()
    assert message in error.msg
    assert name.rpartition("/")[2] in error.msg


@pytest.mark.django_db
def test_a_month_under_the_decree_is_split_built_checked_and_exported(
    decree_of_the_month: Path, world: World, tmp_path: Path
) -> None:
    visit = walk.lan_full(world, world.hospital).settled()
    result = visit.visit.benefit_results.get(is_current=True)
    assert result.copay_amount > 0, "15 % of the made-up base salary is less than the visit costs"
    out = tmp_path / "out"
    export_month(month=walk.MONTH, out_dir=out, actor=world.hospital.actor("claims"), at=at(18))
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["standards"] == ["qd9999"]
    (file,) = out.glob("*.xml")
    (read,) = parse_file(load("qd9999"), file.read_bytes()).claims
    summary, care = read.tables["XML1"][0], read.tables["XML16"]
    assert summary["NGAY_KET_THUC"].startswith("202610")
    assert "NGAY_RA" not in summary
    assert care == [{"MA_LK": summary["MA_LK"], "CAN_DO": summary["CAN_NANG"]}]
    with pytest.raises(CommandError) as ended:
        call_command("check_claims", str(file), "--format", "json", "--out", str(tmp_path / "found.json"))
    assert ended.value.returncode == 1
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    blocking = {(row["rule"], row["table"], row["field"]) for row in found if row["severity"] == "blocking"}
    assert blocking == {("decree.no_weekend", "XML1", "NGAY_KET_THUC")}
