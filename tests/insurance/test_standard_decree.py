"""A decree is a data change: a made-up one in a folder of its own works without a line of code."""

from datetime import date
from types import SimpleNamespace

import pytest

from insurance.standards import (
    StandardError,
    check,
    describe,
    diff,
    load,
    load_from,
    parse_envelope,
    parse_table,
    render_envelope,
    render_table,
)
from tests.insurance import standard_cases as cases

HEAD = "op,order,tag,type,max,required,codelist,source,law,name,note\n"
PLAIN = "order,tag,type,max,required,codelist,source,law,name,note\n"

TOML = """
extends = "qd1931"
title = "Quyết định thử nghiệm"
law = "qd9999"
valid_from = 2030-01-01

[formats.money]
decimals = 0

[tables.XML1]
root = "TONG_HOP_MOI"

[tables.XML15]
removed = true

[tables.XML16]
title = "Chăm sóc tại nhà"
root = "CHAM_SOC_TAI_NHA"
list = "DANH_SACH"
row = "LAN_CHAM_SOC"
"""

PERSON = (
    "remove,,HO_TEN,,,,,,qd9999,,\n"
    "add,4,HO_VA_TEN,text,300,yes,,full_name,qd9999,Họ và tên,Renamed and wider.\n"
    "change,,GIOI_TINH,,2,no,moods,,qd9999,,Also a made-up list.\n"
    "change,,DIA_CHI,,n,,-,,qd9999,,\n"
    "move,1,STT,,,,,,qd9999,,\n"
)

CARE = (
    "1,MA_LK,code,100,yes,,claim_code,qd9999,Mã liên kết,\n"
    "2,SO_LAN,int:3,3,yes,,rounds,qd9999,Số lần,\n"
    "3,TAM_TRANG,list,20,no,moods,moods,qd9999,Tâm trạng,\n"
    "4,CHUA_CO,text,n,no,,,qd9999,Chưa có nguồn,\n"
)


@pytest.fixture
def decree(tmp_path):
    folder = tmp_path / "standards" / "qd9999"
    folder.mkdir(parents=True)
    (folder / "standard.toml").write_text(TOML, "utf-8")
    (folder / "XML1.csv").write_text(HEAD + PERSON, "utf-8")
    (folder / "XML16.csv").write_text(PLAIN + CARE, "utf-8")
    (tmp_path / "laws.toml").write_text('[qd9999]\ntitle = "Thử"\nnumber = "9999/QĐ"\n', "utf-8")
    (tmp_path / "codelists").mkdir()
    (tmp_path / "codelists" / "moods.csv").write_text("code,name,valid_from,valid_to\n2,Vui,2030-01-01,\n", "utf-8")
    return folder


def test_the_chain_is_resolved_and_fields_stand_where_the_decree_puts_them(decree):
    standard = load_from(decree)
    assert standard.chain == ("qd130", "qd4750", "qd3176", "qd1931", "qd9999")
    assert [f.tag for f in standard.table("XML1").fields][:5] == ["STT", "MA_LK", "MA_BN", "HO_VA_TEN", "SO_CCCD"]
    assert [f.order for f in standard.table("XML1").fields] == list(range(1, 67))
    assert list(standard.tables)[-1] == "XML16"
    assert "XML15" not in standard.tables
    assert standard.covers(date(2040, 1, 1))
    assert standard.envelope.root == "GIAMDINHHS"


def test_what_the_decree_leaves_alone_is_as_before(decree):
    before, after = load("qd1931"), load_from(decree)
    assert after.table("XML2").fields == before.table("XML2").fields
    assert [f.tag for f in before.table("XML1").fields][:4] == ["MA_LK", "STT", "MA_BN", "HO_TEN"]


def test_a_changed_note_is_added_to_the_old_one(decree):
    field = load_from(decree).table("XML1").field("GIOI_TINH")
    assert (field.type, field.max, field.required, field.law) == ("code", 2, "no", "qd9999")
    assert field.note == "1 male, 2 female, 3 undetermined. Also a made-up list."


def test_the_same_rows_come_out_in_the_new_form(decree):
    standard = load_from(decree)
    care = SimpleNamespace(claim_code=cases.CODE, rounds=7, moods=("2", "2"))
    summary = render_table(standard, "XML1", [cases.SUMMARY])
    visit = render_table(standard, "XML16", [care])
    written = render_envelope(standard, "99001", date(2030, 1, 2), [[("XML1", summary), ("XML16", visit)]])
    (claim,) = parse_envelope(standard, written)
    assert claim.tables["XML1"][0]["HO_VA_TEN"] == "TRẦN THỊ THỬ"
    assert list(claim.tables["XML1"][0])[:2] == ["STT", "MA_LK"]
    assert claim.tables["XML16"] == [{"MA_LK": cases.CODE, "SO_LAN": "007", "TAM_TRANG": "2;2", "CHUA_CO": ""}]
    assert claim.tables["XML1"][0]["T_VTYT"] == "9001"
    assert claim.tables["XML1"][0]["T_THUOC"] == "15757.5"
    assert check(standard, "XML16", [care], on=date(2030, 1, 2)) == []


def test_the_check_follows_the_decree(decree):
    standard = load_from(decree)
    problems = {(p.tag, p.code) for p in check(standard, "XML1", [cases.SUMMARY], on=date(2030, 1, 2))}
    assert ("T_THUOC", "too_many_decimals") in problems
    (row,) = parse_table(standard, render_table(standard, "XML1", [cases.SUMMARY]))[1]
    assert ("GIOI_TINH", "not_in_list") in {
        (p.tag, p.code) for p in check(standard, "XML1", [row | {"GIOI_TINH": "1"}])
    }


def test_the_difference_and_the_description_tell_it(decree):
    changes = diff(load("qd1931"), load_from(decree))
    told = {(c.table, c.tag, c.kind, c.what, c.before, c.after) for c in changes}
    assert {
        ("XML1", "", "changed", "root", "TONG_HOP", "TONG_HOP_MOI"),
        ("XML1", "HO_TEN", "removed", "", "", ""),
        ("XML1", "HO_VA_TEN", "added", "order", "", "4"),
        ("XML1", "STT", "moved", "order", "2", "1"),
        ("XML1", "GIOI_TINH", "changed", "codelist", "sexes", "moods"),
        ("XML15", "", "removed", "", "", ""),
        ("XML16", "", "added", "", "", ""),
    } <= told
    assert describe(load_from(decree))[-1]["filled_from"] == "nothing fills it yet"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("remove,,KHONG_CO,,,,,,qd9999,,", "cannot remove KHONG_CO"),
        ("add,4,HO_TEN,text,300,yes,,full_name,qd9999,Họ tên,", "cannot add HO_TEN"),
        ("rename,,HO_TEN,,,,,,qd9999,,", "cannot rename HO_TEN"),
        ("add,90,THE_MOI,text,300,yes,,full_name,qd9999,Thẻ mới,", "THE_MOI cannot stand at 90"),
        ("change,,HO_TEN,blob,,,,,qd9999,,", "unknown type 'blob'"),
        ("change,,HO_TEN,,dài,,,,qd9999,,", "order 'dài'"),
        ("change,,HO_TEN,,,maybe,,,qd9999,,", "XML1.HO_TEN"),
        ("change,,HO_TEN,,,,,,qd8888,,", "XML1.HO_TEN"),
        ("change,,HO_TEN,,,,no_such_list,,qd9999,,", "no_such_list"),
    ],
)
def test_a_mistake_in_the_data_is_named(decree, line, message):
    (decree / "XML1.csv").write_text(HEAD + line + "\n", "utf-8")
    with pytest.raises(StandardError, match=message):
        load_from(decree)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('extends = "qd1931"', 'extends = "qd0000"', "qd0000"),
        ('extends = "qd1931"', 'extends = "qd9999"', "extends itself"),
        ("valid_from = 2030-01-01", "", "valid_from"),
        ("decimals = 0", "decimal = 0", "decimal"),
        ('root = "CHAM_SOC_TAI_NHA"', "", "root"),
        ("[tables.XML16]", "[tables.XML17]", "no table XML16"),
        ('title = "Quyết định thử nghiệm"', "title =", "standard.toml"),
    ],
)
def test_a_mistake_in_the_settings_is_named(decree, old, new, message):
    (decree / "standard.toml").write_text(TOML.replace(old, new), "utf-8")
    with pytest.raises(StandardError, match=message):
        load_from(decree)


def test_a_folder_without_a_standard_is_refused(tmp_path):
    with pytest.raises(StandardError, match="no such file"):
        load_from(tmp_path)
