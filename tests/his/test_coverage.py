"""Each field of the standard in force is filled by the cast of the demonstration, or its absence is explained."""

import csv
import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from his.demo.catalogs import import_starter
from his.demo.month import load_facility
from his.demo.places import build_places
from insurance.claims.coverage import demo_cases
from insurance.standards import StandardError, available, load
from insurance.standards.coverage import coverage, read_reasons, unknown
from insurance.standards.rows import ProgressRow

CAST_ALONE = 1
"""Fewer visits than the cast has: nobody else comes."""


@pytest.fixture
def cast(db: None) -> None:
    places = build_places()
    import_starter([place.facility for place in places.values()])
    for place in places.values():
        load_facility(place, visits=CAST_ALONE)


def said(*words: str) -> str:
    out = io.StringIO()
    call_command("standard", "coverage", *words, stdout=out)
    return out.getvalue()


def test_every_field_is_filled_by_the_cast_or_explained(cast: None) -> None:
    reasons = read_reasons()
    assert unknown(map(load, available()), reasons) == []
    for name in available():
        standard = load(name)
        rows = coverage(standard, demo_cases(standard), reasons)
        assert [f"{row.table}.{row.tag}: {row.fault}" for row in rows if row.fault] == [], name
    rows = list(csv.DictReader(io.StringIO(said("--format", "csv"))))
    assert len(rows) == 479
    filled = {(row["table"], row["tag"]) for row in rows if row["case"]}
    assert {"XML13", "XML14"} <= {table for table, _ in filled}
    assert all(row["case"].startswith("99") for row in rows if row["case"])
    text = said()
    assert f"qd1931: 479 trường, {len(filled)} đã ghi, {479 - len(filled)} có lý do chưa ghi" in text
    assert "XML9 Giấy chứng sinh: 0/35 trường" in text
    assert "Nguyễn Thị Lan" not in text


def test_without_a_demonstration_nothing_is_told(db: None) -> None:
    with pytest.raises(CommandError, match=r"manage\.py demo"):
        said()


ROW = ProgressRow(claim_code="1", clinical_course="Đỡ", writer_codes=("", ""))


def faults(reasons: dict[tuple[str, str], str]) -> dict[str, str]:
    rows = coverage(load("qd1931"), [("a", {}), ("b", {"XML5": [ROW]}), ("c", {"XML5": [ROW]})], reasons)
    return {f"{row.table}.{row.tag}": row.fault for row in rows if row.fault}


def test_a_field_that_is_neither_filled_nor_explained_is_a_fault() -> None:
    found = faults({("XML5", "GIAI_DOAN_BENH"): "chưa có"})
    assert found["XML5.HOI_CHAN"] == found["XML5.NGUOI_THUC_HIEN"] == "chưa hồ sơ nào ghi và chưa nêu lý do"
    assert not {"XML5.DIEN_BIEN_LS", "XML5.GIAI_DOAN_BENH"} & set(found)


def test_a_reason_for_a_field_that_is_filled_is_a_fault() -> None:
    assert faults({("XML5", "*"): "chưa có"})["XML5.DIEN_BIEN_LS"] == "đã có hồ sơ ghi trường này, bỏ lý do"
    reasons = {("XML5", "X"): "a", ("XML13", "*"): "b", ("XML5", "*"): "c"}
    assert unknown([load("qd130")], reasons) == ["XML5.X", "XML13.*"]
    assert unknown(map(load, available()), reasons) == ["XML5.X"]


@pytest.mark.parametrize("row", ["XML5,DU_PHONG,", "XML5,A,x\nXML5,A,y"])
def test_a_reason_is_said_once(tmp_path: Path, row: str) -> None:
    path = tmp_path / "reasons.csv"
    path.write_text(f"table,tag,reason\n{row}\n", "utf-8")
    with pytest.raises(StandardError, match="line"):
        read_reasons(path)
