"""Spoiled files: whatever happens to the bytes of a sound file, there is a result or a refusal in words.

And what is written is read back the same, for all tables of all versions.
"""

import base64
import re
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insurance.standards import (
    LIMITS,
    ParseError,
    archive_members,
    available,
    detect_standard,
    load,
    parse_envelope,
    parse_file,
    parse_table,
    render_envelope,
    render_table,
)
from insurance.standards.values import clean_text
from tests.insurance.standard_files import DRUGS, SERVICES, STANDARD, SUMMARY, envelope, escaped, hoso, packed, plain
from tests.insurance.test_standard_archive import MONTH

SMALL = replace(LIMITS, content=200_000, elements=2_000, token=20_000, resumes=20, documents=20, header=100)
PACKED = hoso(("XML1", packed(SUMMARY)), ("XML2", packed(DRUGS)))
NESTED = hoso(("XML1", plain(SUMMARY)), ("XML3", plain(SERVICES)))
TEXT = hoso(("XML1", escaped(SUMMARY.decode())), ("XML2", f"<![CDATA[{DRUGS.decode()}]]>"))
FILES = [
    envelope(PACKED, NESTED, TEXT),
    (b'<?xml version="1.0" encoding="utf-8"?>' + envelope(NESTED)) * 2,
    envelope(NESTED).decode().encode("utf-16"),
    base64.b64encode(envelope(TEXT)),
    DRUGS,
]
BITS = [
    *(b"<", b">", b"&", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<?xml ?>", b"<!DOCTYPE a [", b"\0", b"\xff\xfe", b"="),
    *(b"<HOSO>", b"</HOSO>", b"<FILEHOSO>", b"<NOIDUNGFILE>", b"</NOIDUNGFILE>", b"<TONG_HOP>", b"<CHUKYDONVI>"),
    *(b"<GIAMDINHHS>", b"</GIAMDINHHS>", b'<x a="', b"&#0;", b"&#x1F600;", b"&nbsp;", b"\xf0\x9f\x98\x80"),
    *(b"\xef\xbb\xbf", b"\x1f\x8b\x08"),
]


@st.composite
def spoiled(draw, files):
    """A file with a few bytes flipped, cut, doubled, put in, or written in another encoding."""
    content = draw(st.sampled_from(files))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(1, 3_000))
        how = draw(st.sampled_from(["flip", "cut", "double", "insert", "end", "recode"]))
        if how == "flip" and content:
            content = content[:at] + bytes([content[at] ^ draw(st.integers(1, 255))]) + content[at + 1 :]
        elif how == "cut":
            content = content[:at] + content[at + length :]
        elif how == "double":
            content = content[: at + length] + content[at:]
        elif how == "insert":
            content = content[:at] + draw(st.sampled_from(BITS)) + content[at:]
        elif how == "end":
            content = content[:at]
        elif how == "recode":
            text = content.decode("utf-8", "replace")
            content = text.encode(draw(st.sampled_from(["utf-16", "utf-16-be", "utf-32", "cp1258"])), "replace")
    return content


def read(content):
    """All that a caller does with a file; any other exception than ParseError fails the test."""
    reader = parse_envelope(STANDARD, content, limits=SMALL)
    try:
        claims = list(reader)
    except ParseError as error:
        return str(error)
    assert [claim.position for claim in claims] == list(range(1, len(claims) + 1))
    for claim in claims:
        detect_standard(claim)
        for name, rows in claim.tables.items():
            assert name in STANDARD.tables
            assert all(isinstance(text, str) and len(text) < SMALL.content for row in rows for text in row.values())
    return claims or reader.problems


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(spoiled(FILES))
def test_a_spoiled_file_gives_a_result_or_a_refusal(content):
    assert read(content)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(BITS), max_size=40))
def test_markup_at_random_gives_a_result_or_a_refusal(bits):
    assert read(b"".join(bits))
    assert read(b"<GIAMDINHHS>" + b"".join(bits))


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(spoiled([MONTH]))
def test_a_spoiled_archive_gives_members_or_a_refusal(content):
    members = archive_members(content, limits=SMALL)
    with suppress(ParseError):
        assert all(member.refused or member.is_other or read(member.stream) for member in members)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_a_spoiled_visit_leaves_its_neighbours_alone(data):
    """Damage inside one visit that opens or closes nothing above it."""
    inner = data.draw(spoiled([NESTED[6:-7].encode()])).decode("utf-8", "ignore")
    inner = re.sub(r"[<:/]HOSO|<!|<\?", "x", inner, flags=re.IGNORECASE)
    claims = parse_file(STANDARD, envelope(PACKED, f"<HOSO>{inner}</HOSO>", TEXT)).claims
    assert claims[0].problems == ()
    assert list(claims[0].tables) == ["XML1", "XML2"]
    assert claims[-1].tables == claims[0].tables


WORDS = st.text(max_size=12) | st.sampled_from(["a & b", "<500>", "]]>", "Trần", "1;2", " x\ny "])


@pytest.mark.parametrize("version", available())
@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.data())
def test_what_is_written_is_read_back_the_same(version, data):
    standard = load(version)
    name = data.draw(st.sampled_from(sorted(standard.tables)))
    table = standard.table(name)
    tags = [field.tag for field in table.fields]
    count = data.draw(st.integers(1, 3)) if table.many else 1
    filled = [data.draw(st.dictionaries(st.sampled_from(tags), WORDS)) for _ in range(count)]
    rows = [{tag: clean_text(row.get(tag, "")) for tag in tags} for row in filled]
    content = render_table(standard, name, rows)
    assert parse_table(standard, content) == (name, rows)
    if table.in_envelope:
        file = parse_file(standard, render_envelope(standard, "99001", date(2026, 8, 6), [[(name, content)]]))
        assert (file.claims[0].tables, file.claims[0].problems, file.problems) == ({name: rows}, (), ())
