"""Broken and hostile files: a clear message, bounded work, and all that is sound is still read."""

from dataclasses import replace
from io import BytesIO

import pytest

from insurance.standards import LIMITS, ParseError, parse_envelope, parse_file
from tests.insurance.standard_files import STANDARD, SUMMARY, codes, envelope, file_with, gzipped, hoso, packed, visit

BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
MARK = "<!--"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "rỗng"),
        (b" \r\n\0", "rỗng"),
        (b"\xef\xbb\xbf", "XML"),
        (b"PK\x03\x04 [Content_Types].xml xl/workbook.xml", "Excel"),
        (b"PK\x03\x04 a.xml", "ZIP"),
        (b"%PDF-1.7", "PDF"),
        (b"MZ\x90\0", "Windows"),
        (b"\x00\x01\x02", "nhị phân"),
        (b'{"a": 1}', "JSON"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"khong phai xml", "văn bản"),
        (b"<KHAC/>", "KHAC"),
        (b"<KHAC><A><B>1</B></A></KHAC>", "KHAC"),
        (b"<GIAMDINHHS><THONGTINHOSO>", "cắt ngang"),
        (b"<GIAMDINHHS><THONGTINHOSO", "cắt ngang"),
        (b"<GIAMDINHHS><a></b></GIAMDINHHS>", "không khớp"),
        (b"<TONG_HOP><MA_LK>1</MA_LK>", "cắt ngang"),
        (b"<TONG_HOP><MA_LK>&x;</MA_LK></TONG_HOP>", "thực thể"),
        (BOMB + b"<GIAMDINHHS><MACSKCB>&b;</MACSKCB></GIAMDINHHS>", "DOCTYPE"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/hostname"><GIAMDINHHS/>', "DOCTYPE"),
        ((BOMB.decode() + "<GIAMDINHHS/>").encode("utf-16"), "DOCTYPE"),
        (b"<GIAMDINHHS>" + b"<a>" * 5000, "tầng"),
        (b"<TONG_HOP>" + b"<a>" * 5000, "tầng"),
        (gzipped(b"<TONG_HOP>" + b" " * 9_000_000), "phình"),
        (gzipped(envelope(visit(1)))[:-20], "nén"),
    ],
)
def test_a_hostile_or_broken_file_is_refused_in_words(content, word):
    with pytest.raises(ParseError, match=word):
        list(parse_envelope(STANDARD, content))


def test_folders_and_absent_files_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent.xml"):
        with pytest.raises(ParseError, match=path.name):
            list(parse_envelope(STANDARD, path))


@pytest.mark.parametrize("start", [BOMB, b'<!DOCTYPE x SYSTEM "file:///etc/hostname">'])
def test_document_types_inside_a_table_are_refused(start):
    inner = start + b"<TONG_HOP><MA_LK>&b;</MA_LK></TONG_HOP>"
    (claim,) = parse_envelope(STANDARD, file_with(("XML1", packed(inner)), ("XML1", packed(SUMMARY))))
    assert codes(claim.problems) == ["unreadable"]
    assert "DOCTYPE" in claim.problems[0].message_vi
    assert len(claim.tables["XML1"]) == 1


def test_inclusions_and_external_names_are_mere_text(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    inner = (
        f'<?xml-stylesheet href="{secret}"?><TONG_HOP xmlns:xi="http://www.w3.org/2001/XInclude"><MA_LK>1</MA_LK>'
        f'<HO_TEN><xi:include href="{secret}" parse="text"/></HO_TEN></TONG_HOP>'
    )
    (claim,) = parse_envelope(STANDARD, file_with(("XML1", inner)))
    assert claim.tables["XML1"] == [{"MA_LK": "1", "HO_TEN": ""}]


BREAKS = {
    "mismatch": "<HOSO><FILEHOSO></X></HOSO>",
    "unknown reference": visit(9).replace("99001.9", "a &b; c"),
    "deep": "<HOSO>" + "<a>" * 100 + "</a>" * 100 + "</HOSO>",
    "many attributes": "<HOSO><FILEHOSO " + " ".join(f"a{n}=''" for n in range(200)) + "/></HOSO>",
    "many parts": "<HOSO>" + "<FILEHOSO/>" * 200 + "</HOSO>",
    "nul": "<HOSO>\0</HOSO>",
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_a_broken_visit_is_named_and_reading_goes_on_at_the_next(broken):
    file = parse_file(STANDARD, envelope(visit(1), "\n\n", broken, "\n", visit(3), visit(4), count=4))
    assert [claim.claim_code for claim in file.claims if not claim.problems] == ["99001.1", "99001.3", "99001.4"]
    assert [codes(claim.problems)[-1:] for claim in file.claims] == [[], ["broken"], [], []]
    assert codes(file.problems) == ["file_broken"]
    assert "dòng 3" in file.problems[0].message_vi
    assert file.declared == 4


def test_a_visit_that_is_not_closed_does_not_swallow_the_next():
    file = parse_file(STANDARD, envelope(visit(1), visit(2).removesuffix("</HOSO>"), visit(3)))
    assert [claim.claim_code for claim in file.claims] == ["99001.1", "99001.2", "99001.3"]
    assert codes(file.problems) == ["file_broken"]


def test_of_a_file_cut_short_the_visits_before_are_kept():
    whole = envelope(visit(1), visit(2), visit(3))
    file = parse_file(STANDARD, whole[: whole.index(b"99001.3")])
    assert [claim.claim_code for claim in file.claims] == ["99001.1", "99001.2", ""]
    assert codes(file.claims[2].problems) == ["broken"]
    assert codes(file.problems) == ["file_broken"]


@pytest.mark.parametrize("junk", [b"xin chao", b"\0\0\0 x", b"&x;", b"</GIAMDINHHS>"])
def test_what_follows_the_outermost_element_is_told(junk):
    file = parse_file(STANDARD, envelope(visit(1)) + junk)
    assert (len(file.claims), codes(file.problems)) == (1, ["junk_after_root"])
    assert codes(parse_file(STANDARD, envelope(visit(1)) + b"\r\n\0\x1a").problems) == []


def test_reading_gives_up_after_many_breaks():
    broken = [visit(1)] + [BREAKS["mismatch"]] * 20 + [visit(2)]
    claims = parse_file(STANDARD, envelope(*broken), limits=replace(LIMITS, resumes=5)).claims
    assert len(claims) == 7


LARGE = [
    (f"<TONG_HOP><MA_LK>1</MA_LK><GHI_CHU>{'x ' * 400}</GHI_CHU></TONG_HOP>", {"content": 500}),
    (packed(b"<TONG_HOP><MA_LK>1</MA_LK><GHI_CHU>" + b"x " * 400 + b"</GHI_CHU></TONG_HOP>"), {"content": 500}),
    (packed(gzipped(b"<TONG_HOP><MA_LK>1</MA_LK>" + b"x " * 400 + b"</TONG_HOP>")), {"content": 500}),
    (f"<TONG_HOP><GHI_CHU>{'x' * 200}</GHI_CHU></TONG_HOP>", {"value": 99}),
    (packed(b"<TONG_HOP><GHI_CHU>" + b"x" * 200 + b"</GHI_CHU></TONG_HOP>"), {"value": 99}),
    ("<TONG_HOP>" + "<A/>" * 50 + "</TONG_HOP>", {"elements": 40}),
    (packed(b"<TONG_HOP>" + b"<A/>" * 50 + b"</TONG_HOP>"), {"elements": 40}),
    (packed(b"<TONG_HOP>" + b"<A>" * 50 + b"</A>" * 50 + b"</TONG_HOP>"), {}),
    ("<A>" + "<TONG_HOP><MA_LK>1</MA_LK></TONG_HOP>" * 50 + "</A>", {"rows": 40}),
    (packed(b"<A>" + b"<TONG_HOP><MA_LK>1</MA_LK></TONG_HOP>" * 50 + b"</A>"), {"rows": 40}),
]


@pytest.mark.parametrize(("content", "limit"), LARGE)
def test_a_table_over_a_limit_is_named_and_all_others_are_read(content, limit):
    large = hoso(("XML1", content), ("XML4", "<CHI_TIET_CLS><MA_LK>99001.1</MA_LK></CHI_TIET_CLS>"))
    file = parse_file(STANDARD, envelope(large, visit(2)), limits=replace(LIMITS, **limit))
    first, second = file.claims
    assert [(p.table, p.code) for p in first.problems if p.code != "wrong_root"] == [("XML1", "too_large")]
    assert (first.claim_code, second.claim_code, file.problems) == ("99001.1", "99001.2", ())


def test_the_tables_of_a_visit_share_its_limits():
    table = "<TONG_HOP><MA_LK>1</MA_LK>" + "<A>x</A>" * 30 + "</TONG_HOP>"
    for content in (table, packed(table.encode())):
        twice = envelope(hoso(("XML1", content), ("XML1", content)))
        (claim,) = parse_envelope(STANDARD, twice, limits=replace(LIMITS, elements=50))
        assert codes(claim.problems) == ["tag_twice", "too_large"]


class Endless(BytesIO):
    """A stream that gives the same piece again and again; reading far beyond the limit fails."""

    def __init__(self, start, piece, most=300):
        super().__init__()
        self.pieces = iter([start] + [piece * (65536 // len(piece))] * most)

    def read(self, size=-1):
        return next(self.pieces)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"<GIAMDINHHS a='", b"x"),
        (b"<GIAMDINHHS><!--", b"x"),
        (b"<GIAMDINHHS><?p ", b"x"),
        (b"<GIAMDINHHS><", b"x"),
        (b"<GIAMDINHHS><MACSKCB>", b"x"),
        (b"<GIAMDINHHS><MACSKCB><![CDATA[", b"x"),
        (b"<GIAMDINHHS>", b"x"),
        (b"<GIAMDINHHS>", b"<a>"),
        (b"<GIAMDINHHS>", b"<a/>"),
        (b"<TONG_HOP><MA_LK>", b"x"),
        (b"<TONG_HOP>", b"<a>1</a>"),
    ],
)
def test_endless_files_are_given_up_early(start, piece):
    small = replace(LIMITS, token=100_000, elements=50_000, content=500_000, visits=20_000, resumes=0)
    with pytest.raises(ParseError, match="quá"):
        list(parse_envelope(STANDARD, Endless(start, piece), limits=small))


@pytest.mark.parametrize("before", ["", "<a/>" * 60_000], ids=["part", "refused part"])
def test_endless_depth_in_a_part_is_given_up_even_when_the_part_is_refused(before):
    start = f"<GIAMDINHHS><HOSO><FILEHOSO><NOIDUNGFILE>{before}".encode()
    reader = parse_envelope(STANDARD, Endless(start, b"<a>"), limits=replace(LIMITS, elements=50_000, resumes=0))
    assert [codes(claim.problems) for claim in reader] == [["broken"]]
    assert "tầng" in reader.problems[0].message_vi


def test_an_endless_row_of_visits_is_cut_off():
    reader = parse_envelope(STANDARD, Endless(b"<GIAMDINHHS>", b"<HOSO/>"), limits=replace(LIMITS, visits=20_000))
    assert sum(1 for _ in reader) == 20_000
    assert codes(reader.problems) == ["file_broken"]


def test_many_different_names_are_given_up():
    names = "".join(f"<a{n}/>" for n in range(3000))
    with pytest.raises(ParseError, match="tên thẻ"):
        parse_file(STANDARD, f"<GIAMDINHHS>{names}</GIAMDINHHS>".encode(), limits=replace(LIMITS, names=1000))
