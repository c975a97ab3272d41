"""`manage.py split_cases`: a file of cases in, the expected columns out; a case that cannot be read is named."""

import csv
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from insurance.benefits.case_file import read_cases
from insurance.benefits.engine.cases import OUTPUT_COLUMNS

GOLDEN = Path(__file__).parent.parent / "golden" / "benefit_cases.csv"
EXPECTED = ("MUC_HUONG", "T_TONGCHI_BV", "T_TONGCHI_BH", "T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_worked_cases_come_out_as_printed(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    call_command("split_cases", str(GOLDEN), "--out", str(out))
    wanted, found = rows(GOLDEN), rows(out)
    assert len(found) == len(wanted) > 80
    for case, answer in zip(wanted, found, strict=True):
        shown = {name: answer[name] for name in EXPECTED}
        assert shown == {name: case[name] for name in EXPECTED}, case["case_id"]
        assert len(json.loads(answer["lines_json"])) == len(json.loads(case["lines_json"]))


def test_a_case_that_cannot_be_read_is_named_and_stops_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = rows(GOLDEN)[0], {**rows(GOLDEN)[1], "case_id": "HỎNG", "items_json": "[{]"}
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(good))
        writer.writeheader()
        writer.writerows([bad, good])
    with pytest.raises(CommandError, match="1 ca"):
        call_command("split_cases", str(source), "--out", str(out))
    assert "HỎNG" in capsys.readouterr().err
    assert [row["T_BHTT"] for row in rows(out)] == ["", good["T_BHTT"]]


def test_the_file_may_have_its_columns_in_any_order_a_mark_at_its_head_and_empty_cells(tmp_path: Path) -> None:
    known = {row["case_id"]: row for row in rows(GOLDEN)}
    names = [
        "items_json",
        "ngay_ra",
        "card_code",
        " ma_doituong_kcb",
        "case_id",
        "ma_loai_kcb",
        "extra_json",
        "unknown",
    ]
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    chosen = ["C004", "C115", "C012"]
    with source.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for case_id in chosen:
            case = {**known[case_id], "extra_json": "", "unknown": "x"}
            writer.writerow([case[name.strip()] for name in names])
    call_command("split_cases", str(source), "--out", str(out))
    found = rows(out)
    assert [row["case_id"] for row in found] == chosen
    assert [row["T_BHTT"] for row in found] == [known[case_id]["T_BHTT"] for case_id in chosen]
    assert list(found[0]) == list(OUTPUT_COLUMNS)


def test_a_stay_of_a_month_fits_into_a_cell(tmp_path: Path) -> None:
    line = {**json.loads(rows(GOLDEN)[0]["items_json"])[0], "note": "x" * 300}
    case = {**rows(GOLDEN)[0], "items_json": json.dumps([line] * 600)}
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(case))
        writer.writeheader()
        writer.writerow(case)
    call_command("split_cases", str(source), "--out", str(out))
    assert rows(out)[0]["T_BHTT"] == "600000000"


def test_a_file_without_lines_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("case_id,ngay_ra\nX,2026-08-03\n", encoding="utf-8")
    with pytest.raises(CommandError, match="items_json"):
        call_command("split_cases", str(source), "--out", str(tmp_path / "out.csv"))


DAMAGE = {
    "dấu ngoặc kép mở, đóng": lambda line: line.replace(b'"[{', b"[{", 1),
    "ngoặc kép trong mô tả": lambda line: line.replace(b",", b',"', 1),
    "thiếu đuôi": lambda line: line[: len(line) // 2],
    "thừa một ô": lambda line: line.replace(b",", b",x,", 1),
    "không phải UTF-8": lambda line: line.replace(b"TE1", b"\xe9", 1),
    "không phải JSON": lambda line: line.replace(b'""qty""', b'""qty', 1),
    "ngày": lambda line: line.replace(b"2026-08-03", b"2026-08-33", 1),
    "số tiền": lambda line: line.replace(b"1000000", b"1.000.000", 1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_spoilt_row_is_named_with_its_line_and_spoils_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    lines = GOLDEN.read_bytes().splitlines(keepends=True)[:6]
    lines[1] = DAMAGE[damage](lines[1].rstrip(b"\n")) + b"\n"
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(b"".join(lines))
    with pytest.raises(CommandError, match="1 ca không tính được"):
        call_command("split_cases", str(source), "--out", str(out))
    assert "C001 (dòng 2 của tệp): không tính được: " in capsys.readouterr().err
    wanted = {row["case_id"]: row["T_BHTT"] for row in rows(GOLDEN)[:5]}
    assert {row["case_id"]: row["T_BHTT"] for row in rows(out)} == {**wanted, "C001": ""}


@settings(max_examples=60, deadline=None)
@given(
    spoilt=st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True),
    place=st.integers(0, 10_000),
    sign=st.sampled_from([b'"', b",", b"\n", b"\r\n", b"\xff", b'""', b'",']),
)
def test_whatever_is_put_into_some_rows_the_others_stay(tmp_path_factory, spoilt, place, sign):
    lines = GOLDEN.read_bytes().splitlines()[:42]
    for number in spoilt:
        at = place % len(lines[number])
        lines[number] = lines[number][:at] + sign + lines[number][at:]
    source = tmp_path_factory.getbasetemp() / "spoilt.csv"
    source.write_bytes(b"\r\n".join(lines))
    known = rows(GOLDEN)[:41]
    found = {case.cells["case_id"]: case.cells for case in read_cases(source)[1] if not case.fault_vi}
    for number, case in enumerate(known, 1):
        assert number in spoilt or found[case["case_id"]] == case


@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
def test_the_ends_of_lines_do_not_matter(tmp_path: Path, ending: bytes) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(b"\xef\xbb\xbf" + GOLDEN.read_bytes().replace(b"\n", ending))
    assert [case.cells for case in read_cases(source)[1]] == rows(GOLDEN)


def test_columns_that_are_missing_and_keys_that_are_unknown_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    cells = ["X1", "03/08/2026", "01", "DN4990112345678", "1.1", '[{"qty": "1", "price": "1000000", "hs": 2}]']
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["case_id", "ngay_ra", "ma_loai_kcb", "card_code", "ma_doituong_kcb", "items_json"]]
        )
        csv.writer(file).writerow(cells)
    call_command("split_cases", str(source), "--out", str(out))
    told = capsys.readouterr().err
    assert "in.csv không có cột facility_tier, facility_points" in told
    assert "X1 (dòng 2 của tệp): items_json có khóa chưa biết, tính không dùng đến: hs" in told
    assert rows(out)[0]["T_BHTT"] == "800000"


def test_a_file_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("case_id,ngay_ra,items_json,ngay_ra\nX,2026-08-03,[],2026-06-30\n", encoding="utf-8")
    with pytest.raises(CommandError, match="hai cột cùng tên ngay_ra"):
        call_command("split_cases", str(source), "--out", str(tmp_path / "out.csv"))
