"""`manage.py split_cases`: a file of cases in, the expected columns out; a case that cannot be read is named."""

import csv
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

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
