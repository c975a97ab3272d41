"""Forms are data: they are complete, they contradict nothing, and a new version needs no change of code."""

import shutil
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest

from insurance.law import PRODUCT
from insurance.standards import load_from
from insurance.standards.rows import SummaryRow
from reports.definition import ROOT, form_codes, load_form
from reports.errors import DefinitionError
from reports.export import EXPORTERS
from reports.period import Period
from tests.cast import World
from tests.reports.month import failed, made, person_visit


def test_every_source_is_a_field_of_the_claim_summary() -> None:
    form = load_form("01BH", date(2026, 10, 1))
    sources = {column.source for column in form.columns} - {"number", "card_number"}
    assert sources <= {field.name for field in fields(SummaryRow)}


def test_columns_named_as_in_the_claim_hold_the_same() -> None:
    """A column with the tag of a field of XML1 has the source of that field."""
    tags = {field.tag: field.source for field in load_from(PRODUCT / "standards" / "qd3176").tables["XML1"].fields}
    form = load_form("01BH", date(2026, 10, 1))
    shared = {column.tag: column.source for column in form.columns if column.tag in tags}
    different = {tag for tag, source in shared.items() if source != tags[tag]}
    assert different == {"STT", "MA_THE_BHYT"}, "numbered anew, and one card of several"
    assert len(shared) == 20


def test_every_visit_type_of_the_law_has_at_most_one_section() -> None:
    form = load_form("01BH", date(2026, 10, 1))
    placed = {code: form.section_of(code, date(2026, 10, 6)) for code in (f"{n:02d}" for n in range(1, 17))}
    assert {code for code, section in placed.items() if not section} == {f"{n:02d}" for n in range(10, 17)}
    assert [placed[code] for code in ("01", "06", "07", "02", "05", "08", "04", "09", "03")] == [
        *["I"] * 3,
        *["II"] * 3,
        *["III"] * 2,
        "IV",
    ]


def successor(tmp_path: Path) -> Path:
    """A made-up circular from 2027: a place for visits at home, a column fewer, another title."""
    root = tmp_path / "definitions"
    shutil.copytree(ROOT / "form_01bh", root / "form_01bh")
    new = root / "form_01bh" / "2027-01-01"
    shutil.copytree(root / "form_01bh" / "2026-04-01", new)
    toml = new / "form.toml"
    text = toml.read_text(encoding="utf-8").replace("valid_from = 2026-04-01", "valid_from = 2027-01-01")
    toml.write_text(text.replace("Mẫu số 01/BH", "Mẫu số 01a/BH"), encoding="utf-8")
    columns = new / "columns.csv"
    kept = [line for line in columns.read_text(encoding="utf-8").splitlines() if not line.startswith("THANG_QT,")]
    columns.write_text("\n".join(kept) + "\n", encoding="utf-8")
    with (new / "sections.csv").open("a", encoding="utf-8") as file:
        file.write("V,Khám tại nhà,12,2027-01-01,,\n")
    return root


def test_a_new_circular_is_a_new_folder(world: World, tmp_path: Path) -> None:
    root = successor(tmp_path)
    assert form_codes(root) == ("01BH",)
    assert load_form("01BH", date(2026, 12, 31), root)["number"] == "Mẫu số 01/BH"
    new = load_form("01BH", date(2027, 1, 1), root)
    assert (new["number"], len(new.columns)) == ("Mẫu số 01a/BH", 19)
    home = person_visit(world, world.hospital, "Bùi Tại Nhà", "GD4999912345607", visit_type="12").examine("I10").sign()
    home.settled()
    home.visit.__class__.objects.filter(pk=home.visit.pk).update(claim_month=date(2027, 1, 1))
    report = made(world.hospital, Period.parse_month("2027-01"), definitions=root)
    # The visit ended in October, before the new section: the section is chosen by the day of the visit.
    assert report.values["sections"] == [""]
    (root / "form_01bh" / "2027-01-01" / "sections.csv").write_text(
        "section,title,code,valid_from,valid_to,note\nV,Khám tại nhà,12,2026-08-01,,\n", encoding="utf-8"
    )
    moved = root.rename(tmp_path / "moved")  # another folder: definitions are read once
    report = made(world.hospital, Period.parse_month("2027-01"), definitions=moved)
    assert (report.version, report.values["sections"]) == (2, ["V"])
    assert "Mọi loại hình KCB đều thuộc một phần của biểu" not in failed(report)
    form = load_form("01BH", date(2027, 1, 1), moved)
    for make, _ in EXPORTERS.values():
        assert make(form, report.values, report.sha256)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("columns.csv", "HO_TEN,text", "HO_TEN,float", "unknown type"),
        ("columns.csv", "HO_TEN,text", "STT,text", "named twice"),
        ("form.toml", 'kind = "mapped"', 'kind = "guessed"', "unknown check"),
        ("form.toml", 'words_column = "T_BHTT"', 'words_column = "T_XYZ"', "is no column"),
        ("form.toml", "valid_from = 2026-04-01", "valid_from = 2026-05-01", "not named by valid_from"),
        ("form.toml", "[filing]", '[filing]\nnegative = ["XYZ"]', "negative names an unknown column"),
    ],
)
def test_contradictions_are_found_when_read(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    root = tmp_path / "definitions"
    shutil.copytree(ROOT / "form_01bh", root / "form_01bh")
    path = root / "form_01bh" / "2026-04-01" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DefinitionError, match=message):
        load_form("01BH", date(2026, 10, 1), root)


@pytest.mark.parametrize("text", ["", "2026", "13/2026", "2026-13", "tháng 10", "10/26", "12/9999"])
def test_months_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"Tháng viết dạng|Năm phải từ"):
        Period.parse_month(text)


def test_a_quarter_beyond_the_calendar_cannot_be() -> None:
    with pytest.raises(ValueError, match="Năm phải từ"):
        Period.parse("Q4/9999")
