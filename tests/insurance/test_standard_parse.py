"""Reading claim files of any system: what must be accepted, counted and told."""

from base64 import b64encode, urlsafe_b64encode
from datetime import date

import pytest

from insurance.standards import (
    ParseError,
    available,
    load,
    parse_envelope,
    parse_file,
    parse_table,
    render_envelope,
    render_table,
)
from insurance.standards.shapes import older_formats
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
    gzipped,
    hoso,
    packed,
    plain,
    visit,
)

DRUG = parse_table(STANDARD, DRUGS)[1][0]
UTF16 = '<?xml version="1.0" encoding="utf-16"?>' + plain(DRUGS)


def table_of(content, label="XML2"):
    (claim,) = parse_envelope(STANDARD, file_with((label, content)))
    return claim


@pytest.mark.parametrize(
    "content",
    [
        packed(DRUGS),
        "\n" + "\r\n  ".join(packed(DRUGS)[i : i + 76] for i in range(0, 4000, 76)) + "\n",
        packed(DRUGS).rstrip("="),
        urlsafe_b64encode(DRUGS).decode(),
        packed(b"\xef\xbb\xbf" + DRUGS),
        packed(b"\r\n " + DRUGS),
        packed(UTF16.encode("utf-16")),
        packed(UTF16.encode("utf-16-be")),
        packed(gzipped(DRUGS)),
        packed(packed(DRUGS).encode()),
        plain(DRUGS),
        DRUGS.decode(),  # with its declaration in the middle of the file
        f"<![CDATA[{DRUGS.decode()}]]>",
        f"<![CDATA[{packed(DRUGS)}]]>",
        escaped(DRUGS.decode()),
        plain(DRUGS).replace("<", "<v:").replace("<v:/", "</v:"),
    ],
    ids=[
        "base64",
        "wrapped",
        "no padding",
        "url-safe",
        "mark",
        "leading blanks",
        "utf-16 with mark",
        "utf-16 without mark",
        "gzip",
        "base64 twice",
        "nested",
        "nested with declaration",
        "cdata",
        "base64 in cdata",
        "escaped",
        "prefixed",
    ],
)
def test_every_way_to_pack_a_table_reads_the_same(content):
    claim = table_of(content)
    assert claim.problems == ()
    assert claim.tables == {"XML2": [DRUG]}
    assert DRUG["TEN_THUOC"] == "Paracetamol <500> & caffein"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (escaped(escaped(plain(DRUGS))), "escaped_twice"),
        (packed(UTF16.encode()), "wrong_declaration"),  # what a .NET string writer leaves
        (packed(DRUGS.replace(b"utf-8", b"windows-1258")), "wrong_declaration"),
        (packed(DRUGS.replace(b"utf-8", b"TCVN-3")), "unknown_encoding"),
        (packed(DRUGS.replace(b"&amp;", b"&").replace(b"&lt;", b"<")), "not_well_formed"),
        (plain(DRUGS).replace("CHI_TIET_THUOC", "DONG_THUOC").replace("CHITIEU_", "GOC_"), "wrong_root"),
        (plain(DRUGS).lower(), "letter_case"),
    ],
)
def test_what_is_wrong_but_readable_is_read_and_told(content, code):
    claim = table_of(content)
    assert codes(claim.problems) == [code]
    assert list(claim.tables) == ["XML2"]
    assert [{tag: text.lower() for tag, text in row.items()} for row in claim.tables["XML2"]] == [
        {tag: text.lower() for tag, text in DRUG.items()}
    ]


@pytest.mark.parametrize("encoding", ["windows-1258", "utf-16", "utf-8-sig", "utf-16-be"])
def test_the_file_itself_may_have_any_encoding(encoding):
    declared = encoding.removesuffix("-sig").removesuffix("-be")
    name = "Tr\u00e2\u0300n" if encoding == "windows-1258" else "Trần"
    text = (
        f'<?xml version="1.0" encoding="{declared}"?>'
        + envelope(hoso(("XML1", f"<TONG_HOP><MA_LK>1</MA_LK><HO_TEN>{name}</HO_TEN></TONG_HOP>"))).decode()
    )
    file = parse_file(STANDARD, text.encode(encoding))
    assert file.claims[0].tables["XML1"][0]["HO_TEN"] == "Trần"
    assert file.problems == ()


def test_a_spoiled_letter_costs_neither_table_nor_file():
    spoiled = SUMMARY.replace("Thôn".encode(), b"Th\xf4n")
    inner = table_of(packed(spoiled), "XML1")
    assert codes(inner.problems) == ["bad_encoding"]
    assert inner.tables["XML1"][0]["DIA_CHI"] == "Th\ufffdn Mẫu, xã Thử"
    outer = parse_file(STANDARD, b"\n\n" + file_with(("XML1", plain(SUMMARY))).replace("Thôn".encode(), b"Th\xf4n"))
    assert codes(outer.problems) == ["bad_encoding"]
    assert "dòng 3" in outer.problems[0].message_vi
    assert outer.claims[0].tables == inner.tables


def test_lower_case_tags_other_order_and_comments_are_forgiven():
    inner = "<TONG_HOP><HO_TEN>trần <!-- x -->thử</HO_TEN><?p i?><MA_LK> 99001.1 </MA_LK></TONG_HOP>"
    (claim,) = parse_envelope(STANDARD, file_with(("XML1", inner)).decode().lower().encode())
    assert claim.tables == {"XML1": [{"HO_TEN": "trần thử", "MA_LK": "99001.1"}]}
    assert (claim.facility_code, claim.made_on, claim.declared) == ("99001", "20260806", 1)


def test_the_header_may_stand_after_the_visits_and_the_label_after_the_content():
    content = f"<FILEHOSO Id='a'><NOIDUNGFILE>{packed(SUMMARY)}</NOIDUNGFILE><LOAIHOSO>XML1</LOAIHOSO></FILEHOSO>"
    file = parse_file(
        STANDARD,
        f"<g:GIAMDINHHS xmlns:g='urn:x' xmlns='urn:y'><CHUKYDONVI>abc</CHUKYDONVI><DANHSACHHOSO><HOSO>{content}</HOSO>"
        f"</DANHSACHHOSO><SOLUONGHOSO>1</SOLUONGHOSO><MACSKCB>99001</MACSKCB></g:GIAMDINHHS>".encode(),
    )
    assert (file.facility_code, file.declared, file.signature, file.problems) == ("99001", 1, "present", ())
    assert file.claims[0].labels == ("XML1",)
    assert file.claims[0].claim_code == cases.CODE


@pytest.mark.parametrize(
    ("signature", "state"),
    [("", "absent"), ("<CHUKYDONVI> </CHUKYDONVI>", "empty"), ("<CHUKYDONVI><Signature/></CHUKYDONVI>", "present")],
)
def test_whether_the_file_is_signed_is_known_at_the_end(signature, state):
    reader = parse_envelope(STANDARD, envelope(visit(1), signature=signature))
    assert (len(list(reader)), reader.signature, reader.problems) == (1, state, [])


def test_a_file_on_disk_with_many_visits_is_read_one_at_a_time(tmp_path):
    path = tmp_path / "month.xml"
    path.write_bytes(render_envelope(STANDARD, "99001", date(2026, 8, 31), [[("XML1", SUMMARY), ("XML2", DRUGS)]] * 50))
    claims = parse_envelope(STANDARD, path)
    assert next(claims).position == 1
    assert [claim.position for claim in claims] == list(range(2, 51))


@pytest.mark.parametrize("count", ["2", "", "nhiều"])
def test_a_wrong_count_of_visits_is_told(count):
    file = parse_file(STANDARD, file_with(("XML1", packed(SUMMARY)), count=count))
    assert codes(file.problems) == ["count_differs"]
    assert len(file.claims) == 1


def test_an_envelope_without_visits_is_told():
    assert codes(parse_file(STANDARD, envelope()).problems) == ["no_claims"]


def test_a_table_that_cannot_be_read_is_named_and_the_others_are_read():
    (claim,) = parse_envelope(
        STANDARD,
        file_with(
            ("XML1", packed(SUMMARY)),
            ("XML2", "không phải base64"),
            ("XML3", packed(b"<KHAC/>")),
            ("XML4", packed(b"%PDF-1.7 x")),
            ("XML5", " "),
        ),
    )
    assert [(p.table, p.code) for p in claim.problems] == [
        ("XML2", "unreadable"),
        ("XML3", "unreadable"),
        ("XML4", "unreadable"),
        ("XML5", "empty_content"),
    ]
    assert "PDF" in claim.problems[2].message_vi
    assert list(claim.tables) == ["XML1"]
    assert claim.labels == ("XML1", "XML2", "XML3", "XML4", "XML5")


def test_a_table_under_a_wrong_label_or_twice_is_told():
    (claim,) = parse_envelope(STANDARD, file_with(("XML3", packed(DRUGS)), ("XML2", packed(DRUGS))))
    assert codes(claim.problems) == ["wrong_label", "table_twice"]
    assert len(claim.tables["XML2"]) == 2


@pytest.mark.parametrize("label", ["1", "xml 1", "XML01", "Xml_1"])
def test_other_spellings_of_a_label_are_understood(label):
    claim = table_of("<BaoHiemYTe><MA_LK>1</MA_LK></BaoHiemYTe>", label)
    assert claim.tables == {"XML1": [{"MA_LK": "1"}]}
    assert codes(claim.problems) == ["label_form", "wrong_root"]


def test_without_root_and_label_the_fields_tell_the_table():
    text = plain(SERVICES)
    rows = text[text.index("<CHI_TIET_DVKT>") : text.rindex("</DSACH")].replace("CHI_TIET_DVKT", "ROW")
    claim = table_of(f"<DOC><DS>{rows}</DS></DOC>", "")
    assert claim.tables == {"XML3": parse_table(STANDARD, SERVICES)[1]}


def test_rows_keep_what_the_standard_does_not_know_and_the_first_of_a_field_twice():
    claim = table_of("<TONG_HOP><MA_LK>1</MA_LK><LA>x<b>y</b></LA><MA_LK>2</MA_LK></TONG_HOP>", "XML1")
    assert claim.tables["XML1"] == [{"MA_LK": "1", "LA": "xy"}]
    assert [(p.code, p.tag, p.value) for p in claim.problems] == [("tag_twice", "MA_LK", "2")]


def test_a_field_outside_the_rows_is_told():
    text = plain(DRUGS).replace("<DSACH_CHI_TIET_THUOC>", "<MA_LK>1</MA_LK><DSACH_CHI_TIET_THUOC>")
    claim = table_of(text)
    assert claim.tables == {"XML2": [DRUG]}
    assert [(p.code, p.tag) for p in claim.problems] == [("stray_field", "MA_LK")]


@pytest.mark.parametrize("table", sorted(cases.TABLES))
def test_a_table_alone_is_a_file_too(table):
    content = render_table(STANDARD, table, cases.TABLES[table])
    (claim,) = parse_envelope(STANDARD, content)
    assert claim.tables == {table: parse_table(STANDARD, content)[1]}
    assert claim.problems == ()


def test_a_check_in_tells_its_signature_and_a_bare_list_its_table():
    signed = render_table(STANDARD, "XML0", [cases.CHECK_IN]).replace(b"</CHUKYDONVI>", b"x</CHUKYDONVI>")
    file = parse_file(STANDARD, signed)
    assert (file.signature, next(iter(file.claims[0].tables["XML0"][0]))) == ("present", "MA_LK")
    rows = plain(DRUGS).removeprefix("<CHITIEU_CHITIET_THUOC>").removesuffix("</CHITIEU_CHITIET_THUOC>")
    assert parse_file(STANDARD, rows.encode()).claims[0].tables == {"XML2": [DRUG]}


@pytest.mark.parametrize("root", ["HOSO", "DANHSACHHOSO", "KHAC"])
def test_an_envelope_that_lacks_or_has_outer_elements_is_read(root):
    inner = visit(7) if root == "DANHSACHHOSO" else visit(7)[6:-7] if root == "HOSO" else envelope(visit(7)).decode()
    (claim,) = parse_envelope(STANDARD, f"<{root}>{inner}</{root}>".encode())
    assert claim.claim_code == "99001.7"


def test_a_whole_file_may_be_base64_or_gzip():
    whole = envelope(visit(1), visit(2))
    assert codes(parse_file(STANDARD, b64encode(whole)).problems) == ["packed_file"]
    assert len(parse_file(STANDARD, b64encode(gzipped(whole))).claims) == 2
    assert parse_file(STANDARD, gzipped(whole)).problems == ()


def test_envelopes_one_after_another_are_read_in_turn():
    one = b'<?xml version="1.0" encoding="utf-8"?>' + envelope(visit(1), visit(2))
    file = parse_file(STANDARD, one + b"\r\n\xef\xbb\xbf" + one + one)
    assert [claim.claim_code for claim in file.claims] == ["99001.1", "99001.2"] * 3
    assert [claim.position for claim in file.claims] == [1, 2, 3, 4, 5, 6]
    assert (file.declared, codes(file.problems)) == (6, ["many_envelopes"])


@pytest.mark.parametrize("version", ["qd130", "qd4750", "qd3176", "qd1931"])
def test_tables_of_other_versions_are_read_too(version):
    slip = render_table(STANDARD, "XML14", [{"MA_LK": "1", "SO_GIAYHEN_KL": "2"}])
    (claim,) = parse_envelope(load(version), file_with(("XML14", packed(slip))))
    assert claim.tables["XML14"][0]["SO_GIAYHEN_KL"] == "2"


def test_files_from_before_the_standards_are_named():
    old = "<TONG_HOP><MA_LK>1</MA_LK><MA_THE>HT2</MA_THE><MA_LYDO_VVIEN>1</MA_LYDO_VVIEN></TONG_HOP>"
    drugs = "<DSACH_CHI_TIET_THUOC><CHI_TIET_THUOC><MA_LK>1</MA_LK></CHI_TIET_THUOC></DSACH_CHI_TIET_THUOC>"
    (claim,) = parse_envelope(STANDARD, file_with(("XML1", packed(old.encode())), ("XML2", drugs)))
    assert (claim.tables, claim.claim_code) == ({}, "1")
    assert "4210" in next(p.message_vi for p in claim.problems if p.code == "older_format")


def test_a_file_of_today_with_some_old_tags_is_a_file_of_today():
    content = plain(SUMMARY).replace("<STT>", "<MA_THE>HT2</MA_THE><TEN_BENH>Ho</TEN_BENH><MIEN_CUNG_CT/><STT>")
    claim = table_of(content, "XML1")
    assert (claim.problems, claim.tables["XML1"][0]["TEN_BENH"]) == ((), "Ho")


@pytest.mark.parametrize("version", available())
def test_the_marks_of_older_formats_are_in_no_standard_and_the_newer_tags_in_all(version):
    for older in older_formats():
        for name, marks in older.marks.items():
            tags = {field.tag for field in load(version).table(name).fields}
            assert not marks & tags
            assert older.newer[name] <= tags


@pytest.mark.parametrize("root", ["HSCHUNGTU", "KHAMSUCKHOE"])
def test_messages_of_another_kind_are_named(root):
    content = envelope(visit(1)).replace(b"GIAMDINHHS", root.encode())
    with pytest.raises(ParseError, match=root):
        parse_file(STANDARD, content)
