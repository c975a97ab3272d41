"""Six forms of a month against a program that shares no code with the product (`second_opinion`), cell by cell."""

import ast
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from openpyxl import load_workbook

from his.catalogs.models import Diagnosis
from reports.period import Period
from tests.cast import World
from tests.insurance import walk
from tests.reports import second_opinion as other
from tests.reports import second_opinion_more as more
from tests.reports import second_opinion_wards as wards
from tests.reports.month import OCTOBER, person_visit

MONTH = "2026-10"
FORMS = ("01BH", "79A", "20BHYT", "21BHYT", "B14", "NXT")


def compared(folder: Path, period: Period = OCTOBER) -> list[str]:
    """What the second program finds in the files of a folder."""
    claims, after = other.claims_in(folder / "xml"), period.end + timedelta(days=1)
    files = {form: folder / f"{form}_99002_{period.key()}.xlsx" for form in FORMS}
    with connection.cursor() as cursor:
        everybody = other.people(claims, cursor, "99002", period.key())
        return [
            *other.form_01bh(files["01BH"], claims),
            *other.form_79a(files["79A"], claims),
            *other.form_20(files["20BHYT"], claims),
            *other.form_21(files["21BHYT"], claims),
            *other.form_14(files["B14"], everybody),
            *other.stock(files["NXT"], cursor, "99002", str(period.start), str(after)),
        ]


def test_six_forms_are_what_another_program_computes(world: World, tmp_path: Path, list_month: list[walk.Walk]) -> None:
    for code in ("S52.5", "W10.1"):
        Diagnosis.objects.create(code=code, name=code, search_name=code, valid_from=date(2020, 1, 1), source="test")
    hurt = person_visit(world, world.hospital, "Trịnh Bị Ngã", "GD4999912345631", hour=12)
    hurt.examine("S52.5", ("W10.1",)).order(walk.CBC).prescribe((walk.AMLODIPIN, 3)).sign().dispense().settled()
    call_command("export_claims", "--facility", "99002", "--month", MONTH, "--out", str(tmp_path / "xml"))
    where = ("--facility", "99002", "--month", MONTH, "--out", str(tmp_path))
    for form in FORMS:
        with suppress(CommandError):  # a check may block the signature: the files are written all the same
            call_command("run_report", form, *where, "--format", "xlsx")
    call_command(
        *("run_report", "03DM", "--facility", "99002", "--month", MONTH, "--out", str(tmp_path), "--format", "xml")
    )
    assert other.etree.parse(tmp_path / f"03DM_99002_{MONTH}.xml").getroot().tag == "HSDANHMUC"
    assert compared(tmp_path) == []

    damaged = {"01BH": ("M", 2), "79A": ("AA", 2), "20BHYT": ("L", 2), "21BHYT": ("F", 2), "B14": ("D", 2)}
    for form, (column, row) in {**damaged, "NXT": ("P", 2)}.items():
        path = tmp_path / f"{form}_99002_{MONTH}.xlsx"
        whole = path.read_bytes()
        book = load_workbook(path)
        cell = book.worksheets[0][f"{column}{row}"]
        cell.value = (cell.value or 0) + 1
        book.save(path)
        assert len(compared(tmp_path)) >= 1, f"a wrong cell of {form} is found"
        path.write_bytes(whole)


@pytest.mark.parametrize("program", [other, more, wards], ids=["first", "further", "wards"])
def test_the_second_program_shares_no_code_with_the_product(program: ModuleType) -> None:
    """Its own parts it may import, and nothing else of the project."""
    tree = ast.parse(Path(program.__file__ or "").read_text(encoding="utf-8"))
    names = {
        f"{node.module}.{one.name}" if isinstance(node, ast.ImportFrom) else one.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for one in node.names
    }
    modules = {name.split(".")[0] for name in names if not name.startswith("tests.reports.second_opinion")}
    assert modules.isdisjoint({"his", "patients", "pharmacy", "insurance", "reports", "tests", "django"})
