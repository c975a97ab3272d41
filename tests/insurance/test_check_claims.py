"""Checking claim files of any system: what is read, what is named, the forms of the list and the exit codes."""

import json
import re
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from insurance.rules.books import RuleBooks
from insurance.rules.catalogs import DatabaseCatalogs
from insurance.rules.engine import NoCatalogs, load_rules
from insurance.rules.files import FileCheck, Summary
from insurance.rules.sources import bytes_of, find_sources
from insurance.standards import EnvelopeReader, ParsedClaim, load
from tests.cast import World
from tests.insurance.claim_files import OTHER, file_xml, packed, plain, table_xml, visit_xml
from tests.insurance.rule_claims import claim

pytestmark = pytest.mark.django_db

GOLDEN = Path(__file__).parent.parent / "golden" / "check_claims.json"
BROKEN = "XML1.GIOI_TINH=22; XML2[2].SO_LUONG=sáu; -XML1.HO_TEN; XML3[1].KHONG_CO=1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of several makers: two sound ones, one with mistakes, one cut off, one that is no XML, one archive."""
    (tmp_path / "sound.xml").write_bytes(file_xml(visit_xml(), visit_xml(OTHER, code="99001.2608.000018")))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mistakes.XML").write_bytes(file_xml(visit_xml(BROKEN)))
    whole = file_xml(visit_xml(code="99001.2608.000001"), visit_xml(code="99001.2608.000002"))
    (tmp_path / "cut.xml").write_bytes(whole[: len(whole) * 3 // 4])
    (tmp_path / "words.xml").write_text("không phải XML", "utf-8")
    (tmp_path / "notes.txt").write_text("không phải hồ sơ", "utf-8")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("in/claim.xml", file_xml(visit_xml("qd3176", plain)))
        archive.writestr("again.zip", b"PK")
    return tmp_path


def run(*args: Any, **options: Any) -> tuple[int, str]:
    """Exit code and output of the command."""
    out = StringIO()
    try:
        call_command("check_claims", *map(str, args), stdout=out, stderr=StringIO(), **options)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


def rules_of(output: str) -> set[str]:
    return {record["rule"] for record in json.loads(output)}


def test_a_sound_file_has_nothing_blocking(folder: Path) -> None:
    code, output = run(folder / "sound.xml", format="json")

    assert (code, json.loads(output)) == (0, [])


def test_a_file_without_signature_is_refused_only_before_sending(tmp_path: Path) -> None:
    (tmp_path / "unsigned.xml").write_bytes(file_xml(visit_xml()).replace(b"<CHUKYDONVI>x<", b"<CHUKYDONVI><"))

    assert run(tmp_path, format="json")[0] == 0
    code, output = run(tmp_path, format="json", before_sending=True)
    assert (code, rules_of(output)) == (1, {"file.signed"})


def test_the_list_of_a_file_with_mistakes_is_the_golden_one(folder: Path) -> None:
    code, output = run(folder / "sub", format="json")

    assert code == 1
    found = json.loads(output.replace(str(folder), "FOLDER"))
    wanted = json.loads(GOLDEN.read_text("utf-8"))
    assert [one for one in found if one["rule"].startswith(("structure.", "file."))] == wanted


def test_what_cannot_be_read_is_named_and_the_rest_is_checked(folder: Path) -> None:
    code, output = run(folder, format="json")
    by_file: dict[str, set[str]] = {}
    for record in json.loads(output):
        if not record["rule"].startswith("batch."):
            by_file.setdefault(str(Path(record["file"]).relative_to(folder)), set()).add(record["rule"])

    assert code == 2
    assert by_file["words.xml"] == by_file["archive.zip/again.zip"] == {"file.unreadable_file"}
    assert by_file["cut.xml"] == {"file.broken"}
    assert "structure.too_long" in by_file["sub/mistakes.XML"]
    assert not by_file.keys() & {"sound.xml", "archive.zip/in/claim.xml", "notes.txt"}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, output = run(tmp_path / "nowhere.xml", format="json")

    assert (code, rules_of(output)) == (2, {"file.unreadable_file"})


def _lower(xml: bytes) -> str:
    return re.sub(r"</?[A-Z_0-9]+", lambda tag: tag[0].lower(), xml.decode())


@pytest.mark.parametrize("pack", [packed, plain, _lower])
@pytest.mark.parametrize("broken", [False, True])
def test_files_of_other_makers_give_the_same_findings(tmp_path: Path, pack: Any, broken: bool) -> None:
    visit = visit_xml("XML3[2].SO_LUONG=-1" if broken else "", pack)
    turned = "<HOSO>" + "".join(reversed(re.findall(r"<FILEHOSO>.*?</FILEHOSO>", visit, re.DOTALL))) + "</HOSO>"
    (tmp_path / "other.xml").write_bytes(file_xml(turned))

    code, output = run(tmp_path, format="json")

    found = rules_of(output) - {"file.letter_case"}
    assert ("structure.negative" in found) is broken
    assert code == int(broken)


@pytest.mark.parametrize("name", ["XML0", "XML2", "XML12"])
def test_a_table_alone_is_checked_by_the_rules_that_can_run(tmp_path: Path, name: str) -> None:
    standard = load("qd1931")
    (tmp_path / "alone.xml").write_bytes(
        f"<{standard.tables[name].root}><MA_LK>1</MA_LK></{standard.tables[name].root}>".encode()
        if name != "XML2"
        else table_xml(standard, name, claim("XML2[1].SO_LUONG=x"))
    )
    _, output = run(tmp_path, format="json")
    found = json.loads(output)

    assert {record["table"] for record in found} == {name}
    if name == "XML2":
        assert [(one["row"], one["field"]) for one in found] == [(1, "SO_LUONG")]


def test_lost_tables_bring_no_findings_of_their_absence(tmp_path: Path) -> None:
    visit = visit_xml().replace("<LOAIHOSO>XML3</LOAIHOSO><NOIDUNGFILE>", "<LOAIHOSO>XML3</LOAIHOSO><NOIDUNGFILE>%%")
    (tmp_path / "lost.xml").write_bytes(file_xml(visit))
    code, output = run(tmp_path, format="json")

    assert code == 2
    assert [(one["rule"], one["table"]) for one in json.loads(output)] == [("file.unreadable", "XML3")]


def test_what_a_file_says_of_itself_is_told_once(tmp_path: Path) -> None:
    visits = [visit_xml(code=f"99001.2608.00000{number}") for number in range(1, 4)]
    (tmp_path / "wrong_count.xml").write_bytes(file_xml(*visits, count="7"))
    _, output = run(tmp_path, format="json")

    (record,) = [one for one in json.loads(output) if one["field"] == "SOLUONGHOSO"]
    assert (record["claim_code"], record["table"], record["rule"]) == ("", "GIAMDINHHS", "file.count_differs")


def test_the_standard_follows_each_visit_or_is_forced(tmp_path: Path) -> None:
    old = "out; qd3176; XML1.NGAY_VAO=202606010800; XML1.NGAY_RA=202606011000"
    (tmp_path / "two.xml").write_bytes(file_xml(visit_xml(old), visit_xml("out", code="99001.2608.000018")))

    def standards(name: str) -> dict[str, int]:
        check = FileCheck(RuleBooks(NoCatalogs()), name)
        list(check.run(find_sources([tmp_path])))
        return dict(check.summary.standards)

    assert standards("auto") == {"qd3176": 1, "qd1931": 1}
    assert standards("qd130") == {"qd130": 2}


def test_progress_tells_bytes_and_claims(folder: Path) -> None:
    seen: list[tuple[int, int]] = []

    def note(summary: Summary) -> None:
        seen.append((summary.bytes_read, summary.claims))

    paths = [folder / "sound.xml", folder / "archive.zip"]
    list(FileCheck(RuleBooks(NoCatalogs()), on_progress=note).run(find_sources(paths)))
    assert seen[-1] == (bytes_of(paths), 3)


def test_the_text_groups_by_cause_with_counts(folder: Path) -> None:
    code, output = run(folder, places=1)

    assert code == 2
    assert "[Từ chối] Giá trị dài quá độ rộng của trường (XML1, GIOI_TINH): 1 chỗ, 1 hồ sơ" in output
    assert f"{folder}/words.xml" in output
    assert "Không kiểm được" in output or not any(rule.needs for rule in load_rules())
    assert "Đã đọc 6 tệp" in output


def test_the_workbook_has_the_list_the_causes_and_what_could_not_be_checked(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "findings.xlsx"
    code, _ = run(folder, format="xlsx", out=out)
    book = openpyxl.load_workbook(out)
    records = json.loads(run(folder, format="json")[1])

    assert code == 2
    assert book.sheetnames == ["Danh sách", "Theo nguyên nhân", "Không kiểm được"]
    sheet = book["Danh sách"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", f"A1:K{len(records) + 1}")
    assert sheet.max_row == len(records) + 1
    assert {row[5] for row in sheet.iter_rows(min_row=2, values_only=True)} <= {"Từ chối", "Cảnh báo", "Lưu ý"}
    assert any("words.xml" in str(row[0]) for row in book["Không kiểm được"].iter_rows(values_only=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "xlsx"}, "cần --out"),
        ({"facility": "00000"}, "Không có cơ sở 00000"),
        ({"format": "json", "out": Path("/nowhere/at/all.json")}, "Không ghi được"),
    ],
)
def test_what_was_asked_wrongly_has_an_exit_code_of_its_own(
    folder: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(CommandError, match=message) as raised:
        call_command("check_claims", str(folder / "sound.xml"), stdout=StringIO(), **options)
    assert raised.value.returncode == 3


def test_without_a_database_the_structure_is_checked_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> bool:
        raise OperationalError("connection refused")

    monkeypatch.setattr(DatabaseCatalogs, "has", unreachable)
    errors = StringIO()
    with pytest.raises(CommandError):
        call_command("check_claims", str(folder / "sub"), stdout=StringIO(), stderr=errors)
    assert errors.getvalue().strip() == "Không dùng được cơ sở dữ liệu, kiểm mà không có danh mục: connection refused"


def test_the_lists_of_a_facility_are_used_when_it_is_named(world: World, folder: Path) -> None:
    code, output = run(folder / "sound.xml", facility=world.station.facility.code)

    assert code in (0, 1)
    assert "bảng giá dịch vụ của cơ sở" not in output


def test_every_problem_of_reading_has_a_rule() -> None:
    told = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", (EnvelopeReader.__doc__ or "").partition("problems: ")[2]))
    told |= set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", (ParsedClaim.__doc__ or "").partition("`problems`:")[2]))
    assert {"unreadable", "letter_case"} < told
    ruled = {code for rule in load_rules() if rule.kind == "file" for code in rule.params["code"].split("|")}
    assert told - ruled == set()
