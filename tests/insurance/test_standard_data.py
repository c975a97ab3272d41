"""The claim standard as shipped: versions, dates, fields, sources and code lists."""

import csv
import typing
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from insurance.standards import (
    PartialDate,
    StandardError,
    available,
    describe,
    diff,
    document_rows,
    load,
    load_from,
    rows,
    select_standard,
)
from insurance.standards.model import FieldType

COUNTS = {
    "qd130": [18, 65, 38, 47, 12, 9, 31, 25, 22, 34, 12, 22, 35],
    "qd4750": [26, 66, 39, 47, 12, 9, 47, 26, 22, 35, 13, 23, 35, 39, 22, 20],
    "qd3176": [26, 66, 39, 47, 12, 9, 47, 26, 22, 35, 13, 23, 35, 37, 22, 20],
    "qd1931": [26, 66, 39, 47, 12, 9, 47, 26, 22, 35, 13, 23, 35, 37, 22, 20],
}
LAST_DRUG_FIELDS = [
    "MUC_HUONG", "T_BNTT", "T_BNCCT", "T_BHTT", "MA_KHOA", "MA_BAC_SI", "MA_DICH_VU", "NGAY_YL", "NGAY_TH_YL",
    "MA_PTTT", "NGUON_CTRA", "VET_THUONG_TP", "DU_PHONG",
]  # fmt: skip


GOLDEN = Path(__file__).parent.parent / "golden" / "standard_fields.csv"
FITTING = {
    str: {"code", "text"},
    int: {"int", "percent", "money", "quantity"},
    Decimal: {"money", "quantity", "percent"},
    date: {"date8"},
    datetime: {"datetime12"},
    PartialDate: {"datetime12:partial"},
}


def row_class(name):
    return getattr(rows, name, None) or getattr(document_rows, name)


def test_versions_in_order_with_their_number_of_fields():
    assert available() == ("qd130", "qd4750", "qd3176", "qd1931")
    for name, counts in COUNTS.items():
        assert [len(table.fields) for table in load(name).tables.values()] == counts, name


@pytest.mark.parametrize(
    ("on", "name"),
    [
        (date(2023, 1, 18), "qd130"),
        (date(2023, 12, 28), "qd130"),
        (date(2023, 12, 29), "qd4750"),
        (date(2024, 12, 31), "qd4750"),
        (date(2025, 1, 1), "qd3176"),
        (date(2026, 6, 30), "qd3176"),
        (date(2026, 7, 1), "qd1931"),
    ],
)
def test_the_end_date_of_the_visit_picks_the_version(on, name):
    assert select_standard(on).name == name


def test_no_version_before_the_first():
    with pytest.raises(StandardError):
        select_standard(date(2023, 1, 17))


def test_no_field_of_the_published_lists_is_lost():
    """The list was taken from the annexes apart from the shipped data: place, width and duty of each field."""
    listed = list(csv.DictReader(GOLDEN.read_text("utf-8").splitlines()))
    in_force = [row for row in listed if row["order"]]
    assert len(in_force) == 479
    standard = load("qd3176")
    shipped = [
        (table.name, str(f.order), f.tag, "n" if f.max is None else str(f.max), f.required)
        for table in standard.tables.values()
        for f in table.fields
    ]
    assert shipped == [(r["table"], r["order"], r["tag"], r["max"], r["required"]) for r in in_force]
    for name in ("qd130", "qd4750"):
        wanted = {(row["table"], row["tag"]) for row in listed if row[name] == "1"}
        assert {(table.name, f.tag) for table in load(name).tables.values() for f in table.fields} == wanted


@pytest.mark.parametrize("name", available())
def test_every_source_is_an_attribute_of_its_row_that_fits_the_type(name):
    for table in load(name).tables.values():
        kinds = typing.get_type_hints(row_class(table.row_class))
        for f in table.fields:
            takes = {base for kind in f.types for base in accepted(kind)}
            for kind in scalars(kinds[f.source]):
                assert FITTING[kind] & takes, f"{table.name}.{f.tag}: {kind} as {f.type}"


def scalars(hint):
    """The plain types of an attribute: those in a tuple, and without None."""
    parts = [part for part in typing.get_args(hint) if part not in (type(None), ...)]
    return [one for part in parts for one in scalars(part)] if parts else [hint]


def accepted(kind: FieldType):
    base = kind.item if kind.base == "list" else kind.base
    return {"datetime12", "datetime12:partial", "date8"} if kind.partial else {base}


def test_every_attribute_of_a_row_is_written_by_some_version():
    for table in load("qd3176").tables.values():
        written = {f.source for name in available() for f in getattr(load(name).tables.get(table.name), "fields", ())}
        assert {f.name for f in fields(row_class(table.row_class))} == written, table.name


def test_the_fields_in_force_have_their_place_and_width():
    standard = load("qd3176")
    assert [f.tag for f in standard.table("XML2").fields][-13:] == LAST_DRUG_FIELDS
    widths = {
        ("XML1", "MA_LK"): 100, ("XML1", "SO_CCCD"): None, ("XML1", "MA_TTDV"): 255, ("XML2", "MUC_HUONG"): 3,
        ("XML3", "TT_THAU"): 50, ("XML3", "T_BHTT"): 15, ("XML4", "MA_DICH_VU"): 50, ("XML14", "NGAY_HEN_KL"): 8,
    }  # fmt: skip
    assert {key: standard.table(key[0]).field(key[1]).max for key in widths} == widths


def test_the_decree_of_july_2026_widens_the_benefit_percent_and_nothing_else():
    changes = diff(load("qd3176"), load("qd1931"))
    assert {(c.table, c.tag, c.what, c.before, c.after) for c in changes} == {
        (table, "MUC_HUONG", what, before, after)
        for table in ("XML2", "XML3")
        for what, before, after in (("max", "3", "4"), ("type", "percent", "percent:1"))
    }


def test_the_transfer_slip_was_renamed_in_part():
    changes = [c for c in diff(load("qd4750"), load("qd3176")) if c.table == "XML13"]
    assert {c.tag for c in changes if c.kind == "removed"} == {
        "MA_NOI_DI", "MA_NOI_DEN", "TEN_DICH_VU", "TEN_THUOC", "PP_DIEU_TRI"
    }  # fmt: skip
    assert {c.tag: c.after for c in changes if c.kind == "added"} == {
        "MA_CSKCB_DI": "6", "MA_CSKCB_DEN": "7", "TINH_TRANG_CT": "28"
    }  # fmt: skip
    assert not [c for c in changes if c.kind == "moved"]


def test_readings_on_which_the_sources_disagree_are_named_settings():
    settings = load("qd1931").settings
    assert {key: s.value for key, s in settings.items()} == {
        "transfer_slip_used": "absent", "follow_up_day": "day", "unconfirmed_widths": "stated"
    }  # fmt: skip
    assert all(s.note for s in settings.values())
    assert (load("qd130").money.fund_total, load("qd1931").money.fund_total) == ("either", "either")


def test_another_choice_of_a_setting_changes_its_tables(tmp_path):
    chosen = {"transfer_slip_used": "present", "follow_up_day": "moment", "unconfirmed_widths": "widest"}
    folder = tmp_path / "standards" / "own"
    folder.mkdir(parents=True)
    own = 'extends = "qd1931"\ntitle = "Riêng"\nlaw = "qd3176"\nvalid_from = 2026-07-01\n'
    toml = folder / "standard.toml"
    toml.write_text(own + "".join(f'[settings.{key}]\nvalue = "{value}"\n' for key, value in chosen.items()), "utf-8")
    standard = load_from(folder)
    assert len(standard.table("XML13").fields) == 39
    changed = {(c.table, c.tag, c.what, c.after) for c in diff(load("qd1931"), standard) if c.what in {"max", "order"}}
    assert changed == {
        ("XML13", "TEN_DICH_VU", "order", "29"), ("XML13", "TEN_THUOC", "order", "30"),
        ("XML14", "NGAY_HEN_KL", "max", "12"), ("XML2", "TT_THAU", "max", "255"), ("XML3", "TT_THAU", "max", "255"),
        ("XML3", "NGUOI_THUC_HIEN", "max", "1024"), ("XML3", "MA_BENH_YHCT", "max", "255"),
        ("XML4", "GIA_TRI", "max", "1024"),
    }  # fmt: skip


@pytest.mark.parametrize(("value", "message"), [("both", "cannot be"), (None, "value")])
def test_a_choice_that_does_not_exist_is_named(tmp_path, value, message):
    folder = tmp_path / "standards" / "own"
    folder.mkdir(parents=True)
    own = 'extends = "qd130"\ntitle = "Riêng"\nlaw = "qd130"\nvalid_from = 2026-07-01\n[settings.new]\n'
    given = f'value = "{value}"\n' if value else ""
    (folder / "standard.toml").write_text(f'{own}{given}choices = ["one"]\nnote = "n"\n', "utf-8")
    with pytest.raises(StandardError, match=f"new.*{message}"):
        load_from(folder)


def test_description_has_a_line_for_each_field_and_names_its_law():
    lines = describe(load("qd3176"))
    assert len(lines) == 479
    licence = next(line for line in lines if (line["table"], line["tag"]) == ("XML1", "MA_TTDV"))
    assert licence["law"] == "3176/QĐ-BYT"
    assert licence["filled_from"] == "SummaryRow.signatory_code"
    assert "Practice" in licence["note"] or "practice" in licence["note"]


def test_codes_know_their_dates():
    codes = load("qd1931").codelists
    types = codes["visit_types"]
    assert types.admits("01", date(2026, 7, 1))
    assert not types.admits("12", date(2026, 7, 31))
    assert types.admits("12", date(2026, 8, 1))
    assert types.admits("12")
    route = codes["entitlement_codes"]
    assert route.entry("1.13", date(2026, 6, 30)).extra["route_rate_pct"] == "0"
    assert route.entry("1.13", date(2026, 7, 1)).extra["route_rate_pct"] == "50"
    assert route.entry("1.1", date(2025, 8, 1)).law == "qd3276"
    assert route.entry("1.1", date(2024, 8, 1)).law == "qd824"


def test_a_ward_of_a_department_is_a_department_code_but_a_word_is_not():
    departments = load("qd1931").codelists["departments"]
    assert departments.admits("K02.D35")
    assert departments.admits("K2627")
    assert not departments.admits("Khoa nội")
    assert departments.entry("K50").name == ""
