"""Finding claim files among others, and tables that came without an envelope put together to visits."""

import io
import zipfile
from pathlib import Path

import pytest

from insurance.claims.manifest import ExportResult, LeftOut
from insurance.rules.books import RuleBooks
from insurance.rules.engine import NoCatalogs
from insurance.rules.files import FileCheck, Found, Summary
from insurance.rules.listing import figures_vi
from insurance.rules.sources import bytes_of, find_sources
from insurance.standards.limits import Limits
from tests.insurance.claim_files import file_xml, table_xml, visit_xml
from tests.insurance.rule_catalogs import MemoryCatalogs
from tests.insurance.rule_claims import claim

CODE = "99001.2608.000017"
FACTS = claim()
TABLES = {
    name: table_xml(FACTS.standard, name, FACTS).decode() for name in FACTS.standard.tables if name in FACTS.tables
}
FILE = file_xml(visit_xml())


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def checked(*paths: Path) -> tuple[Summary, list[Found]]:
    check = FileCheck(RuleBooks(NoCatalogs()))
    found = list(check.run(find_sources(paths)))
    return check.summary, found


def zipped(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return target.getvalue()


def rules(found: list[Found]) -> set[str]:
    return {one.finding.rule for one in found}


def month_of(name: str, codes: list[str]) -> str:
    """One table of several visits in one document, as systems export a month."""
    start, _, rest = TABLES[name].partition("<MA_LK>")
    head = start[: start.rindex("<")]  # up to the row
    row_tag = start[start.rindex("<") + 1 : -1]
    rows, end = (f"<{row_tag}><MA_LK>{rest}").rsplit(f"</{row_tag}>", 1)
    every = "".join(f"{rows}</{row_tag}>".replace(CODE, code) for code in codes)
    return f"{head}{every}{end}" if head else f"<THANG>{every}</THANG>"


@pytest.mark.parametrize("layout", ["BN Nguyễn Thị Ví/{name}.xml", "{name}/{code}.XML", "{code}_{name}.xml"])
def test_a_file_for_each_table_is_one_visit_and_its_findings_name_the_file(tmp_path: Path, layout: str) -> None:
    tables = TABLES | {"XML2": TABLES["XML2"].replace("<SO_LUONG>15<", "<SO_LUONG>16<", 1)}
    for name, content in tables.items():
        put(tmp_path, layout.format(name=name, code=CODE), content)
    summary, found = checked(tmp_path)
    assert (summary.files, summary.claims, summary.claims_blocked) == (len(TABLES), 1, 1)
    of_drug = {one.place.file for one in found if one.finding.table == "XML2"}
    assert of_drug == {str(tmp_path / layout.format(name="XML2", code=CODE))}
    assert {one.place.claim_code for one in found} == {CODE}
    assert rules(found) >= {"money.differs"}


def test_sound_tables_in_files_of_their_own_have_no_finding(tmp_path: Path) -> None:
    for name, content in TABLES.items():
        put(tmp_path, f"{name}.xml", content)
    assert checked(tmp_path)[1] == []


def test_a_month_with_a_file_for_each_table_is_told_apart_by_claim_code(tmp_path: Path) -> None:
    codes = [f"99001.2608.00001{number}" for number in range(1, 5)]
    for name in TABLES:
        put(tmp_path, f"{name}.xml", month_of(name, codes))
    summary, found = checked(tmp_path)
    assert summary.claims == len(codes)
    assert summary.exit_code == 0
    assert not [one for one in found if one.finding.rule.startswith(("money", "across", "tables", "claim.one"))]


def test_a_month_decoded_into_one_file_is_told_apart_by_claim_code(tmp_path: Path) -> None:
    visits = "".join(
        f"<BN>{''.join(TABLES.values()).replace(CODE, f'99001.2608.00001{number}')}</BN>" for number in range(1, 4)
    )
    summary, found = checked(put(tmp_path, "thang.xml", f"<DULIEU>{visits}</DULIEU>"))
    assert summary.claims == 3
    assert rules(found) - {"file.row_place", "file.wrong_root"} == {
        one for one in rules(found) if one.startswith("batch.")
    }


def test_a_table_whose_code_no_summary_has_is_named(tmp_path: Path) -> None:
    for name, content in TABLES.items():
        put(tmp_path, f"{name}.xml", content.replace(CODE, "99001.X", 1) if name == "XML2" else content)
    summary, found = checked(tmp_path)
    assert summary.exit_code == 1
    (stray,) = (one for one in found if one.finding.rule == "file.no_summary")
    assert (stray.finding.table, stray.finding.field, stray.finding.value) == ("XML2", "MA_LK", "99001.X")


def test_tables_without_any_summary_are_checked_each_by_itself(tmp_path: Path) -> None:
    for name in ("XML2", "XML3"):
        put(tmp_path, f"{name}.xml", TABLES[name])
    summary, found = checked(tmp_path)
    assert (summary.claims, found) == (2, [])


def test_copies_of_the_same_visit_in_two_folders_stay_two_visits(tmp_path: Path) -> None:
    for folder in ("cũ", "mới"):
        for name, content in TABLES.items():
            put(tmp_path, f"{folder}/{name}.xml", content)
    summary, found = checked(tmp_path)
    assert summary.claims == 2
    assert rules(found) == {"batch.claim_code_twice"}


def test_files_of_other_kinds_are_named_and_the_rest_is_checked(tmp_path: Path) -> None:
    put(tmp_path, "a.xml", FILE)
    put(tmp_path, "hồ sơ.txt", FILE)
    for name, content in {"b.xlsx": b"PK\x03\x04", "c.pdf": b"%PDF-1.7", ".an/x.xml": b"x", "~$d.xml": b"x"}.items():
        put(tmp_path, name, content)
    summary, _found = checked(tmp_path)
    assert (summary.files, summary.claims, summary.passed_over, summary.unreadable) == (2, 2, 2, [])
    assert figures_vi(summary).endswith(f"bỏ qua 2 tệp loại khác: {tmp_path / 'b.xlsx'}, {tmp_path / 'c.pdf'}")


def manifest_text() -> str:
    """A manifest as an export writes it, with more claims than are read of it."""
    result = ExportResult('99"001', "2026-10")
    for number in range(50):
        result.files.add(f"99001.2610.{number:06}", 12_345, "ab" * 32, "qd1931", 0)
    result.left_out.append(LeftOut("99001.2610.000099", "error", "Thiếu thẻ"))
    return "".join(result.manifest_text())


def test_the_manifest_of_an_export_of_ours_is_no_other_file(tmp_path: Path) -> None:
    put(tmp_path, "a.xml", FILE)
    put(tmp_path, "manifest.json", manifest_text())
    put(tmp_path, "rỗng/manifest.json", "".join(ExportResult("99001", "2026-10").manifest_text()))
    put(tmp_path, "c.zip", zipped(a_xml=FILE.replace(b"000017", b"000018"), manifest_json=manifest_text().encode()))
    summary, _found = checked(tmp_path)
    assert (summary.claims, summary.passed_over, summary.others) == (2, 0, [])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", '{"name": "Trang", "version": "1.0"}'),
        ("manifest.json", '{"facility": "99001"}'),
        ("manifest.json", ""),
        ("manifest.json", b"\xff\xfe{"),
        ("bản sao manifest.json", manifest_text()),
        ("khác.json", manifest_text()),
    ],
)
def test_a_manifest_of_something_else_is_named(tmp_path: Path, name: str, content: str | bytes) -> None:
    put(tmp_path, "a.xml", FILE)
    put(tmp_path, name, content)
    inner = content if isinstance(content, bytes) else content.encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("b.xml", FILE)
        target.writestr(name, inner)
    put(tmp_path, "c.zip", archive.getvalue())
    summary, _found = checked(tmp_path)
    assert sorted(summary.others) == sorted([str(tmp_path / name), f"{tmp_path / 'c.zip'}/{name}"])


@pytest.mark.parametrize("name", ["nén.rar", "nén.7z", "hỏng.gz", "trống.xml"])
def test_archives_that_cannot_be_read_are_not_passed_over_in_silence(tmp_path: Path, name: str) -> None:
    put(tmp_path, "a.xml", FILE)
    put(tmp_path, name, b"" if name.endswith("xml") else b"Rar!\x1a")
    summary, _found = checked(tmp_path)
    assert (summary.exit_code, summary.claims) == (2, 1)
    assert [where for where, _why in summary.unreadable] == [str(tmp_path / name)]


@pytest.mark.parametrize("beside", [None, "tờ trình.pdf"])
def test_a_folder_without_claim_files_is_not_called_clean(tmp_path: Path, beside: str | None) -> None:
    if beside:
        put(tmp_path, beside, b"%PDF-1.7")
    summary, _found = checked(tmp_path)
    assert summary.exit_code == 2
    assert summary.unreadable == [(str(tmp_path), "Tệp không đọc được: thư mục không có tệp XML, ZIP nào")]
    assert bytes_of([tmp_path]) == 0


def test_an_archive_in_an_archive_is_read_and_one_inside_that_is_named(tmp_path: Path) -> None:
    inner = zipped(a_xml=FILE, b_pdf=b"%PDF", deep_zip=zipped(a_xml=FILE))
    path = put(tmp_path, "tháng.zip", zipped(day_zip=inner, c_xml=FILE, broken_zip=b"PK\x03\x04"))
    summary, found = checked(path)
    assert (summary.claims, summary.passed_over) == (2, 1)
    assert [where for where, _why in summary.unreadable] == [f"{path}/day.zip/deep.zip", f"{path}/broken.zip"]
    assert {one.place.file for one in found} >= {f"{path}/day.zip/deep.zip"}


def test_the_same_file_twice_has_places_of_its_own(tmp_path: Path) -> None:
    path = put(tmp_path, "a.xml", file_xml(visit_xml("XML1.GIOI_TINH=22")))
    places: list[tuple[str, int]] = []
    check = FileCheck(
        RuleBooks(NoCatalogs()), on_claim=lambda place, _facts: places.append((place.file, place.position))
    )
    list(check.run(find_sources([path, path])))
    assert places == [(str(path), 1), (str(path), 2)]


def test_of_a_visit_with_endless_faults_the_first_are_told_and_the_rest_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("insurance.rules.files.MOST_FINDINGS", 50)
    path = put(tmp_path, "a.xml", file_xml(visit_xml("XML2=40; XML3=40")))
    summary, found = checked(path)
    assert len([one for one in found if one.place.position]) == 50
    assert summary.exit_code == 2
    assert summary.unreadable == [(f"{path}, hồ sơ {CODE}", "Có trên 50 lỗi, chỉ nêu 50 lỗi đầu")]


def test_tables_are_joined_up_to_the_most_rows_of_a_visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("insurance.rules.pool.LIMITS", Limits(rows=2))
    for name in ("XML1", "XML2", "XML3"):
        put(tmp_path, f"{name}.xml", TABLES[name])
    summary, found = checked(tmp_path)
    assert summary.unreadable == [
        (f"{tmp_path / 'XML1.xml'}, hồ sơ {CODE}", "XML3: hồ sơ có quá 2 dòng, phần sau không được ghép")
    ]
    assert [one.finding.rule for one in found if one.finding.table == "XML3"] == ["file.unreadable"]
    assert not [one for one in found if one.finding.rule.startswith("money")]


def test_the_lists_of_a_facility_judge_its_own_claims_only(tmp_path: Path) -> None:
    own = put(tmp_path, "own.xml", file_xml(visit_xml("XML2.MA_THUOC=40.999")))
    content = file_xml(visit_xml("XML2.MA_THUOC=40.999; XML1.MA_CSKCB=99777"))
    other = put(tmp_path, "other.xml", content.replace(b"<MACSKCB>99001<", b"<MACSKCB>99777<"))
    check = FileCheck(RuleBooks(MemoryCatalogs()), facility="99001", elsewhere=RuleBooks(NoCatalogs()))
    found = list(check.run(find_sources([own, other])))
    assert [one.place.file for one in found if one.finding.rule == "drug.known"] == [str(own)]
    assert "drug.known" in {one.rule for one in check.summary.cannot_run}
