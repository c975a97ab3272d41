"""Which version of the standard a visit of a file follows."""

import pytest

from insurance.standards import detect_standard, load
from insurance.standards.parsed import ParsedClaim


def summary(**fields):
    return {"XML1": [fields]}


@pytest.mark.parametrize(
    ("tables", "made_on", "name", "word"),
    [
        (summary(NGAY_RA="202312281000"), "20260101", "qd130", "ra viện 28/12/2023"),
        (summary(NGAY_RA="202312291000"), "", "qd4750", "ra viện"),
        (summary(NGAY_RA="20241231"), "", "qd4750", "ra viện"),
        (summary(NGAY_RA="202501010000"), "", "qd3176", "ra viện"),
        (summary(NGAY_RA="202606302359", NGAY_VAO="202607010000"), "", "qd3176", "ra viện"),
        (summary(NGAY_RA="202607010000", NGAY_VAO="202606300000"), "", "qd1931", "ra viện"),
        (summary(NGAY_RA="209901010000"), "", "qd1931", "ra viện"),
        (summary(NGAY_RA="202613450000", NGAY_VAO="202501010000"), "", "qd3176", "vào viện"),
        (summary(NGAY_RA="", NGAY_VAO="xx"), "20240105", "qd4750", "lập tệp"),
        ({"XML0": [{"NGAY_VAO": "202401050000"}]}, "", "qd4750", "vào viện"),
    ],
)
def test_the_end_of_the_visit_decides_else_its_start_else_the_file(tables, made_on, name, word):
    found = detect_standard(ParsedClaim(1, tables, made_on=made_on))
    assert found.standard.name == name
    assert word in found.reason_vi
    assert found.on is not None


def rows_of(standard, *names):
    return {name: [dict.fromkeys((f.tag for f in load(standard).table(name).fields), "")] for name in names}


@pytest.mark.parametrize(
    ("tables", "name"),
    [
        (rows_of("qd130", "XML1", "XML2", "XML6"), "qd130"),
        (rows_of("qd4750", "XML1", "XML13"), "qd4750"),
        (rows_of("qd3176", "XML1", "XML13"), "qd1931"),  # the same fields in both: the newest
        ({}, "qd1931"),
    ],
)
def test_without_a_day_the_fields_decide_and_the_newest_of_equals(tables, name):
    found = detect_standard(ParsedClaim(1, tables))
    assert (found.standard.name, found.on) == (name, None)
    assert "không có ngày" in found.reason_vi


def test_a_day_before_all_standards_is_said():
    found = detect_standard(ParsedClaim(1, {"XML1": [{"NGAY_RA": "202201010800"}]}))
    assert found.on is None
    assert "01/01/2022 không thuộc chuẩn nào" in found.reason_vi
