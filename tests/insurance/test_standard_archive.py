"""Claim files in a ZIP archive: read one at a time, within limits, nothing unpacked."""

import zipfile
from dataclasses import replace
from io import BytesIO

import pytest

from insurance.standards import LIMITS, ParseError, archive_members, is_archive, parse_file
from tests.insurance.standard_files import STANDARD, envelope, visit


def zipped(**members):
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name.replace("_", "."))  # whose date is fixed: the same bytes each time
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


MONTH = zipped(a_xml=envelope(visit(1)), manifest_json="{}", **{"d/B_XML": envelope(visit(2), visit(3))})


def test_the_xml_files_of_an_archive_are_read_in_turn(tmp_path):
    path = tmp_path / "month.zip"
    path.write_bytes(MONTH)
    for source in (MONTH, path):
        assert is_archive(source)
        found, others = {}, []
        for member in archive_members(source):
            if member.is_other:
                others.append((member.name, member.stream, member.refused))
            else:
                found[member.name] = [claim.claim_code for claim in parse_file(STANDARD, member.stream).claims]
        assert found == {"a.xml": ["99001.1"], "d/B.XML": ["99001.2", "99001.3"]}
        assert others == [("manifest.json", None, "")]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", envelope(visit(1)), MONTH[:-30]])
def test_what_is_no_archive_is_refused(content):
    assert not is_archive(content)
    with pytest.raises(ParseError):
        list(archive_members(content))


def test_an_office_document_is_no_archive_of_claims():
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    assert not is_archive(target.getvalue())


def test_archives_inside_and_locked_members_are_named():
    content = zipped(inner_zip=MONTH, good_xml=envelope(visit(1)), locked_xml=b"x")
    at = content.rindex(b"PK\x01\x02")  # the last member's entry in the list
    content = content[: at + 8] + b"\x01" + content[at + 9 :]
    members = list(archive_members(content))
    assert [(m.name, bool(m.refused)) for m in members] == [
        ("inner.zip", True),
        ("good.xml", False),
        ("locked.xml", True),
    ]
    assert "mật khẩu" in members[2].refused


@pytest.mark.parametrize(
    ("limits", "word"),
    [({"members": 2}, "thành phần"), ({"directory": 50}, "danh sách")],
)
def test_an_archive_over_a_limit_is_refused(limits, word):
    with pytest.raises(ParseError, match=word):
        list(archive_members(MONTH, limits=replace(LIMITS, **limits)))


@pytest.mark.parametrize("limits", [{"ratio": 5}, {"total": 2_000_000}])
def test_a_member_that_grows_beyond_measure_is_given_up(limits):
    bomb = zipped(a_xml=b"<GIAMDINHHS>" + b" " * 5_000_000 + b"</GIAMDINHHS>")
    (member,) = archive_members(bomb, limits=replace(LIMITS, **limits))
    with pytest.raises(ParseError, match="ZIP"):
        parse_file(STANDARD, member.stream)


def test_a_member_that_is_declared_too_large_is_not_opened():
    (member,) = archive_members(zipped(a_xml=b"x" * 100), limits=replace(LIMITS, member=99))
    assert (member.stream, bool(member.refused)) == (None, True)


def test_a_spoiled_member_is_told_and_the_next_is_read():
    content = zipped(a_xml=envelope(visit(1)), b_xml=envelope(visit(2)))
    at = content.index(b"a.xml") + 30
    content = content[:at] + bytes(255 - byte for byte in content[at : at + 20]) + content[at + 20 :]
    outcome = []
    for member in archive_members(content):
        try:
            outcome.append(len(parse_file(STANDARD, member.stream).claims))
        except ParseError:
            outcome.append("refused")
    assert outcome == ["refused", 1]
