"""Reading claim files of any system: what must be accepted, counted and refused."""

from base64 import b64encode
from datetime import date

import pytest

from insurance.standards import ParseError, load, parse_envelope, parse_file, render_envelope, render_table
from tests.insurance import standard_cases as cases

STANDARD = load("qd1931")
SUMMARY = render_table(STANDARD, "XML1", [cases.SUMMARY])
DRUGS = render_table(STANDARD, "XML2", cases.DRUGS)


def file_with(*contents, count="1"):
    files = "".join(
        f"<FILEHOSO><LOAIHOSO>{name}</LOAIHOSO><NOIDUNGFILE>{content}</NOIDUNGFILE></FILEHOSO>"
        for name, content in contents
    )
    return (
        f"<GIAMDINHHS><THONGTINDONVI><MACSKCB>99001</MACSKCB></THONGTINDONVI><THONGTINHOSO><NGAYLAP>20260806</NGAYLAP>"
        f"<SOLUONGHOSO>{count}</SOLUONGHOSO><DANHSACHHOSO><HOSO>{files}</HOSO></DANHSACHHOSO></THONGTINHOSO>"
        f"<CHUKYDONVI/></GIAMDINHHS>"
    ).encode()


def plain(content):
    return content.decode().partition("?>")[2]


def escaped(content):
    return content.decode().replace("&", "&amp;").replace("<", "&lt;")


@pytest.mark.parametrize(
    "content",
    [
        b64encode(DRUGS).decode(),
        "\n" + "\n".join(b64encode(DRUGS).decode()[i : i + 76] for i in range(0, 3000, 76)) + "\n",
        b64encode(b"\xef\xbb\xbf" + DRUGS).decode(),
        plain(DRUGS),
        f"<![CDATA[{DRUGS.decode()}]]>",
        escaped(DRUGS),
    ],
    ids=["base64", "wrapped base64", "byte order mark", "nested xml", "cdata", "escaped"],
)
def test_every_way_to_pack_a_table_reads_the_same(content):
    (claim,) = parse_envelope(STANDARD, file_with(("XML2", content)))
    assert claim.problems == ()
    assert claim.tables["XML2"][0]["TEN_THUOC"] == "Paracetamol <500> & caffein"
    assert claim.tables["XML2"][0]["MUC_HUONG"] == "80"


def test_lower_case_tags_other_order_and_comments_are_forgiven():
    inner = "<TONG_HOP><HO_TEN>trần <!-- x -->thử</HO_TEN><MA_LK> 99001.1 </MA_LK></TONG_HOP>"
    (claim,) = parse_envelope(STANDARD, file_with(("XML1", inner)).decode().lower().encode())
    assert claim.tables == {"XML1": [{"HO_TEN": "trần thử", "MA_LK": "99001.1"}]}
    assert (claim.facility_code, claim.made_on, claim.declared) == ("99001", "20260806", 1)


def test_a_file_on_disk_with_many_visits_is_read_one_at_a_time(tmp_path):
    path = tmp_path / "month.xml"
    path.write_bytes(render_envelope(STANDARD, "99001", date(2026, 8, 31), [[("XML1", SUMMARY), ("XML2", DRUGS)]] * 50))
    claims = parse_envelope(STANDARD, path)
    assert next(claims).position == 1
    assert [claim.position for claim in claims] == list(range(2, 51))


@pytest.mark.parametrize("count", ["2", "", "nhiều"])
def test_a_wrong_count_of_visits_is_told(count):
    file = parse_file(STANDARD, file_with(("XML1", b64encode(SUMMARY).decode()), count=count))
    assert [p.code for p in file.problems] == ["count_differs"]
    assert len(file.claims) == 1


def test_a_table_that_cannot_be_read_is_named_and_the_others_are_read():
    good = b64encode(SUMMARY).decode()
    (claim,) = parse_envelope(
        STANDARD,
        file_with(("XML1", good), ("XML2", "không phải base64"), ("XML3", b64encode(b"<KHAC/>").decode())),
    )
    assert [(p.table, p.code) for p in claim.problems] == [("XML2", "unreadable"), ("XML3", "unreadable")]
    assert list(claim.tables) == ["XML1"]


def test_a_table_under_a_wrong_label_or_twice_is_told():
    content = b64encode(DRUGS).decode()
    (claim,) = parse_envelope(STANDARD, file_with(("XML3", content), ("XML2", content)))
    assert [p.code for p in claim.problems] == ["wrong_label", "table_twice"]
    assert len(claim.tables["XML2"]) == 2


def test_a_check_in_alone_is_a_file_too():
    (claim,) = parse_envelope(STANDARD, render_table(STANDARD, "XML0", [cases.CHECK_IN]))
    assert claim.tables["XML0"][0]["NGAY_SINH"] == "195400000000"


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01\x02",
        b"khong phai xml",
        b"<GIAMDINHHS><THONGTINHOSO>",
        b"<KHAC/>",
        BOMB + b"<GIAMDINHHS><MACSKCB>&b;</MACSKCB></GIAMDINHHS>",
        b'<!DOCTYPE x SYSTEM "file:///etc/hostname"><GIAMDINHHS/>',
        b"<GIAMDINHHS>" + b"<a>" * 5000,
    ],
    ids=["empty", "binary", "text", "cut short", "other root", "entities", "outer dtd", "deep"],
)
def test_a_hostile_or_broken_file_is_refused_in_words(content):
    with pytest.raises(ParseError) as refused:
        list(parse_envelope(STANDARD, content))
    assert str(refused.value)


def test_entities_inside_a_table_are_refused():
    inner = BOMB + b"<TONG_HOP><MA_LK>&b;</MA_LK></TONG_HOP>"
    (claim,) = parse_envelope(STANDARD, file_with(("XML1", b64encode(inner).decode())))
    assert [p.code for p in claim.problems] == ["unreadable"]
