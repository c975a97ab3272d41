"""Shapes of files that systems in the field write: each is read whole, and what the standard has otherwise is told."""

import io
import zipfile
from base64 import b64encode
from urllib.parse import quote

import pytest

from insurance.standards import ParseError, parse_file, render_table
from tests.insurance import standard_cases as cases
from tests.insurance.standard_files import (
    DRUGS,
    SERVICES,
    STANDARD,
    SUMMARY,
    codes,
    envelope,
    escaped,
    file_with,
    hoso,
    packed,
    plain,
    visit,
)

RESULTS = render_table(STANDARD, "XML4", cases.TABLES["XML4"])
WHOLE = parse_file(STANDARD, file_with(("XML1", packed(SUMMARY)), ("XML2", packed(DRUGS)))).claims[0].tables


def read(content: bytes):
    (claim,) = parse_file(STANDARD, content).claims
    return claim


def zipped(content: bytes, name: str = "XML2.xml") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (packed(zipped(DRUGS)), "packed_file"),
        (packed(escaped(plain(DRUGS)).encode()), "escaped_twice"),
        (quote(packed(DRUGS), safe=""), None),
        (plain(DRUGS).replace("DSACH_CHI_TIET_THUOC", "DANH_SACH"), "row_place"),
        (plain(DRUGS).replace("<CHI_TIET_THUOC>", "<ROW>").replace("</CHI_TIET_THUOC>", "</ROW>"), "row_place"),
        (plain(DRUGS).replace("<DSACH_CHI_TIET_THUOC>", "").replace("</DSACH_CHI_TIET_THUOC>", ""), "row_place"),
        (f"<XML2>{plain(DRUGS)}</XML2>", "row_place"),
    ],
    ids=["zip", "escaped inside base64", "percent", "other list", "other rows", "no list", "root around"],
)
def test_other_packing_and_other_names_around_the_rows_are_read_and_told(content, code):
    claim = read(file_with(("XML2", content)))
    assert claim.tables == {"XML2": WHOLE["XML2"]}
    assert codes(claim.problems) == ([code] if code else [])


def test_a_zip_inside_a_table_that_holds_no_xml_or_grows_beyond_measure_is_named():
    for data in (zipped(b"x", "a.txt"), zipped(b"<a>" + b" " * 90_000_000)):
        claim = read(file_with(("XML2", packed(data)), ("XML1", packed(SUMMARY))))
        assert codes(claim.problems) == ["unreadable"]
        assert set(claim.tables) == {"XML1"}


@pytest.mark.parametrize(
    "inner",
    [
        plain(SUMMARY) + plain(DRUGS),
        f"<XML1>{packed(SUMMARY)}</XML1><XML2>{packed(DRUGS)}</XML2>",
        f"<XML1>{plain(SUMMARY)}</XML1><xml2>{plain(DRUGS)}</xml2>",
    ],
    ids=["tables", "base64 by label", "tables by label"],
)
def test_tables_that_stand_in_the_visit_without_a_part_are_read(inner):
    claim = read(envelope(f"<HOSO>{inner}</HOSO>"))
    assert claim.tables == WHOLE
    assert claim.labels == ("XML1", "XML2")
    assert set(codes(claim.problems)) - {"row_place"} == {"no_part"}


def test_a_visit_goes_on_after_a_table_without_a_part():
    inner = plain(SUMMARY) + hoso(("XML2", packed(DRUGS))).removeprefix("<HOSO>").removesuffix("</HOSO>")
    found = parse_file(STANDARD, envelope(f"<HOSO>{inner}</HOSO>", visit(2)))
    assert [set(claim.tables) for claim in found.claims] == [{"XML1", "XML2"}, {"XML1"}]


@pytest.mark.parametrize("around", ["HOSO_KCB", "ROOT"])
def test_a_decoded_file_with_all_tables_below_one_element_is_one_visit(around):
    claim = read(f"<{around}>{plain(SUMMARY)}{plain(DRUGS)}{plain(SERVICES)}{plain(RESULTS)}</{around}>".encode())
    assert list(claim.tables) == ["XML1", "XML2", "XML3", "XML4"]
    assert {name: claim.tables[name] for name in WHOLE} == WHOLE
    assert claim.claim_code == WHOLE["XML1"][0]["MA_LK"]


def test_tables_that_share_one_content_are_told_apart():
    claim = read(file_with(("XML1", plain(SUMMARY) + plain(DRUGS))))
    assert claim.tables == WHOLE
    assert codes(claim.problems) == ["shared_content"]


def test_values_that_hold_the_letters_of_cdata_are_freed_of_them():
    unit = WHOLE["XML2"][0]["DON_VI_TINH"]
    content = plain(DRUGS).replace(f">{unit}<", f">&lt;![CDATA[ {unit} ]]&gt;<", 1)
    claim = read(file_with(("XML2", content)))
    assert claim.tables["XML2"] == WHOLE["XML2"]
    assert [(one.code, one.tag) for one in claim.problems] == [("escaped_twice", "DON_VI_TINH")]


def test_a_file_in_the_windows_encoding_that_does_not_say_so_is_read():
    row = "<TONG_HOP><MA_LK>99001.1</MA_LK><HO_TEN>Đô Hà Mâu</HO_TEN></TONG_HOP>"
    found = parse_file(STANDARD, envelope(hoso(("XML1", row))).decode().encode("windows-1258"))
    assert found.claims[0].tables["XML1"][0]["HO_TEN"] == "Đô Hà Mâu"
    assert codes(found.problems) == ["wrong_declaration"]


def test_one_spoiled_letter_does_not_make_a_file_one_of_another_encoding():
    data = envelope(hoso(("XML1", plain(SUMMARY)))).replace(WHOLE["XML1"][0]["HO_TEN"].encode()[-3:], b"\xff", 1)
    assert codes(parse_file(STANDARD, data).problems) == ["bad_encoding"]


@pytest.mark.parametrize(
    ("label", "code"),
    [("Bảng 1", "label_form"), ("XML1.xml", "label_form"), ("4750_XML1", "label_form"), ("XML1_4750", "label_form"),
     ("", "no_label"), ("XML11", "wrong_label"), ("XML21", "wrong_label")],
)  # fmt: skip
def test_labels_of_other_makers_are_understood(label, code):
    claim = read(file_with((label, packed(SUMMARY))))
    assert [(one.table, one.tag, one.code) for one in claim.problems] == [("XML1", "LOAIHOSO", code)]


@pytest.mark.parametrize("tag", ["NOIDUNG", "NoiDung", "NOI_DUNG_FILE"])
def test_content_under_a_like_name_is_read(tag):
    content = file_with(("XML1", packed(SUMMARY))).replace(b"NOIDUNGFILE", tag.encode())
    claim = read(content)
    assert claim.tables == {"XML1": WHOLE["XML1"]}
    assert codes(claim.problems) == ["content_tag"]


def test_an_envelope_inside_a_message_is_read_and_told():
    found = parse_file(
        STANDARD, b"<s:Envelope><s:Body><a><b><c>" + envelope(visit(1)) + b"</c></b></a></s:Body></s:Envelope>"
    )
    assert [claim.claim_code for claim in found.claims] == ["99001.1"]
    assert codes(found.problems) == ["wrapped_file"]


def test_what_the_envelope_says_twice_and_differently_is_told():
    once = b"<MACSKCB>99001</MACSKCB>"
    assert codes(parse_file(STANDARD, envelope(visit(1)).replace(once, once * 2)).problems) == []
    found = parse_file(STANDARD, envelope(visit(1)).replace(once, once + b"<MACSKCB>99002</MACSKCB>"))
    assert [(one.code, one.tag, one.value) for one in found.problems] == [("said_twice", "MACSKCB", "99002")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Tổ 1 & 2", "Tổ 1 & 2"),
        ("HA < 90, SpO2 <95", "HA < 90, SpO2 <95"),
        ("&amp; & &lt; &#65;", "& & < A"),
        ("có\x0b dấu\x01", "có dấu"),
        ("<![CDATA[a & b < c &amp; d]]>", "a & b < c &amp; d"),
        ("<!-- & < -->x", "x"),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 65_530, 65_536])
def test_bare_marks_in_plain_tables_are_mended_wherever_the_file_is_cut_and_told(written, meant, before):
    content = envelope(hoso(("XML1", f"<TONG_HOP><MA_LK>1</MA_LK><GHI_CHU>{written}</GHI_CHU></TONG_HOP>")), visit(2))
    padding = b" " * max(0, before - content.index(b"<GHI_CHU>"))
    found = parse_file(STANDARD, content.replace(b"<THONGTINDONVI>", padding + b"<THONGTINDONVI>"))
    assert found.claims[0].tables["XML1"] == [{"MA_LK": "1", "GHI_CHU": meant}]
    assert [claim.claim_code for claim in found.claims] == ["1", "99001.2"]
    assert codes(found.problems) == ([] if written.startswith("<!") else ["not_well_formed"])


def test_base64_within_base64_that_is_spoiled_is_named():
    claim = read(file_with(("XML2", packed(packed(DRUGS).encode()[:80] + b"\x92")), ("XML1", packed(SUMMARY))))
    assert [(one.table, one.code) for one in claim.problems] == [("XML2", "unreadable")]


def test_base64_of_nothing_readable_stays_refused():
    with pytest.raises(ParseError):
        parse_file(STANDARD, b64encode(b"khong phai xml " * 20))


def test_an_old_format_is_named_and_nothing_else_is_said_of_it():
    old = "<TONG_HOP><MA_LK>1</MA_LK><MA_THE>x</MA_THE><MA_BENH>I10</MA_BENH><TEN_BENH>x</TEN_BENH></TONG_HOP>"
    row = "<CHI_TIET_DIEN_BIEN_BENH><MA_LK>1</MA_LK></CHI_TIET_DIEN_BIEN_BENH>"
    course = f"<DSACH_CHI_TIET_DIEN_BIEN_BENH>{row}</DSACH_CHI_TIET_DIEN_BIEN_BENH>"
    claim = read(file_with(("XML1", packed(old.encode())), ("XML5", packed(course.encode())), ("XML4", "@")))
    assert (claim.claim_code, claim.tables) == ("1", {})
    assert codes(claim.problems) == ["unreadable", "older_format"]
