"""Lists 79a, 80a and C79-HD: amounts are those of the lines in the claim files, read there by other code."""

import csv
from collections import defaultdict
from decimal import Decimal
from io import StringIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from lxml import etree
from openpyxl import load_workbook
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from his.core.errors import Refusal
from insurance.claims.export import export_month
from insurance.models import BenefitResult
from reports.definition import ROOT, load_form
from reports.engine import run
from reports.export.streamed_sheet import StreamedSheet
from reports.lists.codes import old_codes
from reports.lists.rows import rows
from reports.lists.services import export_list, list_query
from reports.lists.statement import covered_groups
from reports.lists.totals import checks, totals
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.money_audit import tables_of
from tests.reports.month import HOSTILE_NAME, OCTOBER

GROUPS = {
    "T_XN": {"1"},
    "T_CDHA": {"2", "3"},
    "T_THUOC": {"4", "5", "6"},
    "T_MAU": {"7", "17"},
    "T_PTTT": {"8", "18"},
    "T_VTYT": {"10", "11"},
    "T_DVKT_TYLE": {"9"},
    "T_KHAM": {"13"},
    "T_GIUONG": {"14", "15", "16"},
    "T_VCHUYEN": {"12"},
}
SAME = {
    "MA_BN": "MA_BN",
    "HO_TEN": "HO_TEN",
    "NGAY_SINH": "NGAY_SINH",
    "GIOI_TINH": "GIOI_TINH",
    "DIA_CHI": "DIA_CHI",
    "MA_THE": "MA_THE_BHYT",
    "MA_DKBD": "MA_DKBD",
    "GT_THE_TU": "GT_THE_TU",
    "GT_THE_DEN": "GT_THE_DEN",
    "MA_BENH": "MA_BENH_CHINH",
    "MA_BENHKHAC": "MA_BENH_KT",
    "NGAY_VAO": "NGAY_VAO",
    "NGAY_RA": "NGAY_RA",
    "SO_NGAY_DTRI": "SO_NGAY_DTRI",
    "MA_KHOA": "MA_KHOA",
    "NAM_QT": "NAM_QT",
    "THANG_QT": "THANG_QT",
    "MA_CSKCB": "MA_CSKCB",
}
ORDER_41 = (Path(__file__).parents[1] / "golden" / "list_79a_columns.txt").read_text().split()
"""CV 3360/BHXH-CSYT, template of 27/08/2019."""


def claim_tables(world: World, folder: Path) -> dict[str, dict[str, list[dict[str, str]]]]:
    """All tables of each claim file of the month by claim code."""
    export_month(month=OCTOBER.start, out_dir=folder, actor=world.hospital.actor("claims"), at=at(16))
    return {path.stem: tables_of(path.read_bytes()) for path in sorted(folder.glob("*.xml"))}


def written(world: World, form: str, folder: Path, variant: str = "") -> tuple[list[str], list[dict[str, object]]]:
    """Headings and rows of the file sheet, read by another library."""
    target = folder / f"{form}{variant}.xlsx"
    export_list(
        form=form, period=OCTOBER, target=target, variant=variant, actor=world.hospital.actor("claims"), at=at(17)
    )
    head, *lines = load_workbook(target, read_only=True).worksheets[0].iter_rows(values_only=True)
    tags = [str(tag) for tag in head]
    return tags, [dict(zip(tags, line, strict=True)) for line in lines]


def test_every_amount_is_that_of_the_lines_of_the_claim_file(
    world: World, tmp_path: Path, list_month: list[walk.Walk]
) -> None:
    claims = claim_tables(world, tmp_path / "xml")
    listed = [row for form in ("79A", "80A") for row in written(world, form, tmp_path)[1]]
    assert sorted(str(row["MA_LK"]) for row in listed) == sorted(claims)
    for row in listed:
        tables = claims[str(row["MA_LK"])]
        (summary,) = tables["XML1"]
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for line in [*tables.get("XML2", []), *tables.get("XML3", [])]:
            sums[line["MA_NHOM"]] += Decimal(line["THANH_TIEN_BH"])
        for tag, groups in GROUPS.items():
            assert Decimal(str(row[tag])) == sum((sums[group] for group in groups), Decimal(0)), (row["MA_LK"], tag)
        assert sum(Decimal(str(row[tag])) for tag in GROUPS) == Decimal(summary["T_TONGCHI_BH"])
        assert Decimal(str(row["T_TONGCHI"])) == Decimal(summary["T_TONGCHI_BH"])
        assert Decimal(str(row["T_BHTT"])) == Decimal(summary["T_BHTT"])
        assert Decimal(str(row["T_BNTT"])) == Decimal(summary["T_BNTT"]) + Decimal(summary["T_BNCCT"])
        for tag, xml in SAME.items():
            assert str(row[tag] if row[tag] is not None else "") == summary[xml], (row["MA_LK"], tag)
    assert any(row["HO_TEN"] == HOSTILE_NAME for row in listed)
    assert [row["T_GIUONG"] for row in listed if row["T_GIUONG"]] == [182_200]  # half of 364.400: two in the bed


def test_the_two_files_have_the_columns_of_the_portal_and_agree(
    world: World, tmp_path: Path, list_month: list[walk.Walk]
) -> None:
    tags, usual = written(world, "80A", tmp_path)
    portal, narrow = written(world, "80A", tmp_path, "41")
    assert portal == ORDER_41
    more = [tag for tag in tags if tag not in portal]
    assert (len(tags), more, tags[1], tags[tags.index("T_KHAM") + 1]) == (
        43,
        ["MA_LK", "T_GIUONG"],
        "MA_LK",
        "T_GIUONG",
    )
    for wide, row in zip(usual, narrow, strict=True):
        assert row["T_KHAM"] == wide["T_KHAM"] + wide["T_GIUONG"]  # type: ignore[operator]


def test_a_list_says_the_same_whether_the_claims_are_stored_or_not(
    world: World, tmp_path: Path, list_month: list[walk.Walk]
) -> None:
    before = written(world, "79A", tmp_path)
    assert {c.title: c.count for c in found(world, "79A") if not c.passed and c.severity == "blocking"} == {
        "Mọi lượt khám trong danh sách đã lập hồ sơ XML từ kết quả chi phí hiện hành": len(before[1])
    }
    claim_tables(world, tmp_path / "xml")
    assert written(world, "79A", tmp_path) == before
    assert not [check for check in found(world, "79A") if not check.passed and check.severity == "blocking"]


def found(world: World, form: str) -> list:
    return checks(list_query(form, world.hospital.facility, OCTOBER))


def test_sums_of_the_database_are_those_of_the_rows(world: World, list_month: list[walk.Walk]) -> None:
    for form in ("79A", "80A", "C79HD"):
        query = list_query(form, world.hospital.facility, OCTOBER)
        with transaction.atomic():
            listed, parts = list(rows(query)), totals(query)
        assert len(listed) == sum(part.count for part in parts) > 0
        at_place = {column.tag: place for place, column in enumerate(query.form.columns)}
        for part in parts:
            own = [row for row in listed if row.part == (part.part.origin, part.part.route)]
            assert part.count == len(own)
            for tag, amount in part.sums.items():
                assert amount == sum((row.cells[at_place[tag]] for row in own), Decimal(0)), (form, tag)  # type: ignore[misc]
        assert [row.cells[0] for row in listed] == list(range(1, len(listed) + 1))
    assert {part.part.origin for part in parts if part.count} == {0, 1, 2}


def test_pages_are_pieces_of_the_whole(world: World, list_month: list[walk.Walk]) -> None:
    query = list_query("79A", world.hospital.facility, OCTOBER)
    with transaction.atomic():
        whole = list(rows(query))
        pieces = [row for start in range(0, len(whole), 2) for row in rows(query, start=start, stop=start + 2)]
    assert pieces == whole


def test_a_code_without_an_old_one_stays_empty_and_is_named(
    world: World, tmp_path: Path, list_month: list[walk.Walk]
) -> None:
    walks = list_month
    code = walks[0].visit.claim_code
    BenefitResult.objects.filter(visit=walks[0].visit, is_current=True).update(entitlement_code="1.15")
    row = next(row for row in written(world, "79A", tmp_path)[1] if row["MA_LK"] == code)
    assert row["MA_LYDO_VVIEN"] is None
    named = {check.title: check.refs for check in found(world, "79A") if not check.passed}
    assert code in named["Mã đối tượng KCB đều chuyển được sang mã lý do vào viện cũ"]


def test_a_cost_group_without_a_column_is_named(world: World, list_month: list[walk.Walk]) -> None:
    walks = list_month
    charge = walks[0].visit.charges.filter(group_code="1").first()
    type(charge).objects.filter(pk=charge.pk).update(group_code="19")
    named = {check.title: check.refs for check in found(world, "79A") if not check.passed}
    assert named["Tiền các nhóm chi phí cộng lại bằng tổng chi phí BHYT của từng lượt"] == (walks[0].visit.claim_code,)


def test_every_group_of_the_law_but_the_uninsured_one_has_a_column() -> None:
    for code in ("79A", "80A"):
        form = load_form(code, OCTOBER.start)
        for variant in form.variants:
            assert set(covered_groups(form.variant(variant))) == {str(n) for n in range(1, 19)}
    assert {str(n) for n in range(1, 19)} - set(covered_groups(load_form("C79HD", OCTOBER.start))) == {"9"}


def test_old_codes_of_1_9_depend_on_where_the_patient_is_registered() -> None:
    codes = old_codes(OCTOBER.end)
    assert [codes.old("reason", "1.9", is_here=is_here) for is_here in (True, False)] == ["1", "3"]
    assert codes.old("reason", "1.12", is_here=True) == ""
    assert codes.old("kind", "06", is_here=True) == ""


def test_the_paper_has_parts_sums_words_and_signers(world: World, tmp_path: Path, list_month: list[walk.Walk]) -> None:
    _, listed = written(world, "C79HD", tmp_path)
    paper = load_workbook(tmp_path / "C79HD.xlsx").worksheets[1]
    texts = [str(cell) for row in paper.iter_rows(values_only=True) for cell in row if cell is not None]
    for text in (
        "A. Nội tỉnh khám, chữa bệnh ban đầu",
        "Thủ trưởng đơn vị",
        "Tháng 10 năm 2026",
        "(11)",
        "Mẫu số C79-HD",
    ):
        assert text in texts
    assert any(text.startswith("Số tiền đề nghị quỹ BHYT thanh toán (viết bằng chữ): ") for text in texts)
    total = next(row for row in paper.iter_rows(values_only=True) if str(row[0]).startswith("Tổng cộng (A+B+C)"))
    place = [column.tag for column in load_form("C79HD", OCTOBER.start).printed()].index("T_BHTT")
    assert Decimal(str(total[place])) == sum(Decimal(str(row["T_BHTT"])) for row in listed).quantize(Decimal(1))
    assert (paper.sheet_properties.pageSetUpPr.fitToPage, paper.page_setup.fitToHeight) == (True, 0)
    assert paper.freeze_panes == "C11"
    assert {"A8:A9", "K8:S8"} <= {str(merged) for merged in paper.merged_cells.ranges}


def test_lists_are_no_stored_reports(world: World) -> None:
    with pytest.raises(Refusal, match="danh sách"):
        run(
            form="79A",
            facility=world.hospital.facility,
            period=OCTOBER,
            actor=world.hospital.actor("claims"),
            at=at(17),
        )
    with pytest.raises(Refusal, match="không phải danh sách"):
        list_query("01BH", world.hospital.facility, OCTOBER)
    with pytest.raises(Refusal, match="không có bản 40"):
        list_query("79A", world.hospital.facility, OCTOBER, "40")


def test_the_command_writes_the_lists_of_several_facilities(
    world: World, tmp_path: Path, list_month: list[walk.Walk]
) -> None:
    claim_tables(world, tmp_path / "xml")
    out = StringIO()
    month = ["--month", "2026-10", "--out", str(tmp_path)]
    call_command("run_report", "79A", "--all", *month, stdout=out, stderr=StringIO())
    assert {path.name for path in tmp_path.glob("79A_*")} == {"79A_99001_2026-10.xlsx", "79A_99002_2026-10.xlsx"}
    with pytest.raises(CommandError, match="không có dạng pdf"):
        call_command("run_report", "79A", "--facility", "99002", *month, "--format", "pdf")


@pytest.mark.parametrize(
    "text",
    [
        "Nguyễn Thị Lan",
        " trước",
        "sau ",
        "hai  dấu",
        "a\nb",
        "<b>&\"'",
        "_x0041_",
        "\x07",
        "=1+1",
        "0123",
        "",
        "\u00a0x",
        "ơ̛",
    ],
)
def test_cells_put_together_by_ourselves_read_as_those_of_the_library(tmp_path: Path, text: str) -> None:
    """The same file from the library's own sheet and from ours, cell by cell."""
    for name, kind in (("own", StreamedSheet), ("library", Worksheet)):
        book = Workbook(str(tmp_path / name), {"constant_memory": True, "strings_to_formulas": False})
        sheet, look = book.add_worksheet("A", kind), book.add_format({"num_format": "#,##0.00"})
        for y, number in enumerate((Decimal("0.1"), Decimal("123456789012.35"), 7, Decimal("-1E+3"))):
            sheet.write_string(y, 0, text)
            sheet.write_string(y, 1, text, look)
            sheet.write_number(y, 2, number, look)
            sheet.write_number(y, 3, number)
            sheet.write_blank(y, 30, None, look)
        book.close()
    own, library = (
        etree.fromstring(ZipFile(tmp_path / name).read("xl/worksheets/sheet1.xml")) for name in ("own", "library")
    )
    assert etree.tostring(own, method="c14n") == etree.tostring(library, method="c14n")


def test_columns_of_every_list_can_be_read() -> None:
    for code in ("79A", "80A", "C79HD"):
        form = load_form(code, OCTOBER.start)
        with (ROOT / f"form_{code.lower()}" / form.version / "columns.csv").open(encoding="utf-8") as file:
            assert len(list(csv.DictReader(file))) == len(form.all_columns) > len(form.printed()) - 1
