"""Claim tables and envelope as XML: golden files, order, escaping, and reading back what was written."""

import unicodedata
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from insurance.standards import (
    RenderError,
    load,
    parse_file,
    parse_table,
    render_checkin,
    render_envelope,
    render_table,
)
from insurance.standards.rows import ProgressRow
from insurance.standards.values import clean_text
from tests.insurance import standard_cases as cases

GOLDEN = Path(__file__).parent.parent / "golden"
STANDARD = load("qd1931")


def text_of(table, rows, tag):
    return parse_table(STANDARD, render_table(STANDARD, table, rows))[1][0][tag]


@pytest.mark.parametrize("table", sorted(cases.TABLES))
def test_each_table_is_written_as_reviewed(table):
    written = render_table(STANDARD, table, cases.TABLES[table])
    assert written == (GOLDEN / f"standard_{table}.xml").read_bytes()


@pytest.mark.parametrize("table", sorted(cases.TABLES))
def test_fields_stand_in_the_order_of_the_standard_and_none_is_left_out(table):
    root = etree.fromstring(render_table(STANDARD, table, cases.TABLES[table]))
    spec = STANDARD.table(table)
    for row in root.iter(spec.row) if spec.many else [root]:
        assert [child.tag for child in row] == [f.tag for f in spec.fields]


def test_the_envelope_carries_each_document_in_base64():
    tables = [(name, render_table(STANDARD, name, rows)) for name, rows in cases.TABLES.items() if name != "XML0"]
    written = render_envelope(STANDARD, "99001", date(2026, 8, 6), [tables[::-1], tables[:1]])
    root = etree.fromstring(written)
    assert [child.tag for child in root] == ["THONGTINDONVI", "THONGTINHOSO", "CHUKYDONVI"]
    assert root.findtext(".//MACSKCB") == "99001"
    assert root.findtext(".//NGAYLAP") == "20260806"
    assert root.findtext(".//SOLUONGHOSO") == "2"
    first, second = root.findall(".//DANHSACHHOSO/HOSO")
    assert [f.text for f in first.iter("LOAIHOSO")] == ["XML1", "XML2", "XML3", "XML4", "XML5"]
    assert [b64decode(f.text) for f in first.iter("NOIDUNGFILE")] == [content for _, content in tables]
    assert [f.text for f in second.iter("LOAIHOSO")] == ["XML1"]
    file = parse_file(STANDARD, written)
    assert file.claims[0].tables["XML1"][0]["MA_LK"] == cases.CODE
    assert (file.declared, file.problems) == (2, ())


def test_the_check_in_travels_alone_with_room_for_its_signature():
    root = etree.fromstring(render_checkin(STANDARD, [cases.CHECK_IN]))
    assert [child.tag for child in root] == ["DSACH_TRANG_THAI_KCB", "CHUKYDONVI"]
    with pytest.raises(RenderError):
        render_envelope(STANDARD, "99001", date(2026, 8, 6), [[("XML0", b"<X/>")]])


def test_a_table_twice_in_a_visit_is_refused():
    with pytest.raises(RenderError):
        render_envelope(STANDARD, "99001", date(2026, 8, 6), [[("XML1", b"<X/>"), ("XML1", b"<X/>")]])


@pytest.mark.parametrize(("table", "rows"), [("XML1", [cases.SUMMARY] * 2), ("XML2", []), ("XML1", [])])
def test_a_wrong_number_of_rows_is_refused(table, rows):
    with pytest.raises(RenderError):
        render_table(STANDARD, table, rows)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal(0), "0.00"),
        (Decimal("-0"), "0.00"),
        (Decimal("1E+3"), "1000.00"),
        (Decimal("12345.6"), "12345.60"),
        (Decimal("0.125"), "0.125"),  # a third decimal is a fault of the sender: shown, never rounded away
        (Decimal("7.1000"), "7.10"),
        (12, "12.00"),
    ],
)
def test_money_is_written_exactly(value, text):
    assert text_of("XML1", [replace(cases.SUMMARY, fund_amount=value)], "T_BHTT") == text


@pytest.mark.parametrize(
    ("value", "text"), [(Decimal(80), "80"), (Decimal("47.5"), "47.5"), (Decimal("100.0"), "100"), (Decimal("0"), "0")]
)
def test_a_percent_has_no_needless_decimals(value, text):
    assert text_of("XML2", [replace(cases.DRUGS[0], benefit_percent=value)], "MUC_HUONG") == text


@pytest.mark.parametrize("value", [1.5, True, "12", Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_exact_number_is_refused_as_money(value):
    with pytest.raises(RenderError, match="T_BHTT"):
        render_table(STANDARD, "XML1", [replace(cases.SUMMARY, fund_amount=value)])


def test_a_number_is_refused_as_a_code():
    with pytest.raises(RenderError, match="GIOI_TINH"):
        render_table(STANDARD, "XML1", [replace(cases.SUMMARY, sex_code=1)])


def test_an_aware_moment_is_written_in_vietnamese_time():
    at = datetime(2026, 8, 2, 18, 5, tzinfo=UTC)
    assert text_of("XML1", [replace(cases.SUMMARY, arrived_at=at)], "NGAY_VAO") == "202608030105"


@pytest.mark.parametrize(
    ("value", "text"),
    [(date(2026, 5, 1), "20260501"), (datetime(2026, 5, 1, 9, 7), "202605010907"), (None, "")],
)
def test_the_exemption_is_a_day_or_a_moment(value, text):
    assert text_of("XML1", [replace(cases.SUMMARY, copay_exempt_from=value)], "NGAY_MIEN_CCT") == text


def test_a_list_keeps_the_place_of_an_unknown_item():
    row = replace(cases.SUMMARY, cards_valid_to=(None, date(2026, 12, 31)))
    assert text_of("XML1", [row], "GT_THE_DEN") == ";20261231"


@given(st.text())
def test_any_text_comes_back_clean_and_whole(text):
    row = ProgressRow(claim_code="99001.1", clinical_course=text, disease_stage=text)
    written = render_table(STANDARD, "XML5", [row])
    assert parse_table(STANDARD, written)[1][0]["DIEN_BIEN_LS"] == clean_text(text)


@given(st.text(alphabet=st.sampled_from("<>&\"'\x00\x0b\x1f\ufffe\ud800\r\n ]e\u0302\u0301ơá")))
def test_hostile_text_comes_back_clean_and_whole(text):
    row = ProgressRow(claim_code="99001.1", clinical_course=text)
    found = parse_table(STANDARD, render_table(STANDARD, "XML5", [row]))[1][0]["DIEN_BIEN_LS"]
    assert found == clean_text(text)
    assert unicodedata.is_normalized("NFC", found)


def test_marks_and_quotes_are_kept():
    text = 'HA < 120/80 & "mạch" > 60, O\'Brien ]]>'
    row = ProgressRow(claim_code="99001.1", clinical_course=text)
    assert parse_table(STANDARD, render_table(STANDARD, "XML5", [row]))[1][0]["DIEN_BIEN_LS"] == text


@pytest.mark.parametrize("table", sorted(cases.TABLES))
def test_what_was_read_can_be_written_again_unchanged(table):
    written = render_table(STANDARD, table, cases.TABLES[table])
    assert render_table(STANDARD, table, parse_table(STANDARD, written)[1]) == written
