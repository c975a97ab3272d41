"""`manage.py split_cases`: a file of cases in, the expected columns out; a case that cannot be read is named."""

import csv
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

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
