"""The files of a report: order, types and sizes of the form, real numbers, hostile text, equal bytes."""

import io
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from lxml import etree

from his.core.money import round0
from his.printing.render import render_png
from reports.export import EXPORTERS
from reports.export.pdf import TEMPLATE, paper_data, to_pdf
from reports.export.xlsx import to_xlsx
from reports.export.xml import to_xml
from tests.his.paper_pictures import PPI, assert_looks_like
from tests.reports import workbook
from tests.reports.frozen import FORM, ROWS, digest, empty_report, report

OFFICIAL_TEXT = (
    "STT HO_TEN NGAY_SINH GIOI_TINH MA_THE_BHYT MA_BENH_CHINH NGAY_VAO NGAY_VAO_NOI_TRU NGAY_RA SO_NGAY_DTRI "
    "MA_LOAI_KCB T_TONGCHI_BV T_TONGCHI_BH T_BHTT T_BNCCT T_BNTT T_NGUONKHAC MA_CSKCB NAM_QT THANG_QT"
)
OFFICIAL = tuple(OFFICIAL_TEXT.split())
MONEY = ("T_TONGCHI_BV", "T_TONGCHI_BH", "T_BHTT", "T_BNCCT", "T_NGUONKHAC", "T_BNTT")


@pytest.fixture
def values() -> dict[str, Any]:
    return report()


@pytest.fixture
def book(values: dict[str, Any]) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(to_xlsx(FORM, values, digest(values))))


def sums(values: dict[str, Any]) -> dict[str, Decimal]:
    return {tag: sum((Decimal(row[OFFICIAL.index(tag)]) for row in values["rows"]), Decimal(0)) for tag in MONEY}


def test_the_file_sheet_is_what_the_portal_takes(book: openpyxl.Workbook) -> None:
    sheet = book["MAU_01_BH"]
    assert book.sheetnames[0] == "MAU_01_BH"
    assert tuple(cell.value for cell in sheet[1]) == OFFICIAL
    assert (sheet.freeze_panes, sheet.max_row) == ("C2", 5)
    row = dict(zip(OFFICIAL, sheet[2], strict=True))
    texts = {"HO_TEN", "NGAY_SINH", "GIOI_TINH", "MA_THE_BHYT", "MA_BENH_CHINH", "NGAY_VAO", "NGAY_RA", "MA_LOAI_KCB"}
    for tag in texts | {"MA_CSKCB"}:
        assert (row[tag].data_type, row[tag].number_format) == ("s", "@"), tag
    assert row["MA_LOAI_KCB"].value == "01"
    assert row["NGAY_VAO_NOI_TRU"].value is None
    for tag in MONEY:
        assert (row[tag].data_type, row[tag].number_format) == ("n", "#,##0.00"), tag
    assert row["T_TONGCHI_BV"].value == 750800.5
    assert [row[tag].value for tag in ("STT", "SO_NGAY_DTRI", "NAM_QT", "THANG_QT")] == [1, 1, 2026, 10]
    assert row["HO_TEN"].value == ROWS[0][0]
    assert (sheet["B3"].value, sheet["B3"].data_type) == ("=1+1", "s"), "a name is never a formula"


def test_the_file_sheet_sums_to_the_report(book: openpyxl.Workbook, values: dict[str, Any]) -> None:
    sheet = book["MAU_01_BH"]
    for tag, wanted in sums(values).items():
        column = OFFICIAL.index(tag) + 1
        cells = [sheet.cell(row, column).value for row in range(2, sheet.max_row + 1)]
        assert sum((Decimal(str(value)) for value in cells), Decimal(0)) == wanted, tag


def test_the_paper_sheet_has_sections_sums_and_signers(book: openpyxl.Workbook, values: dict[str, Any]) -> None:
    sheet = book["Bản in"]
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0), "one page wide, any height"
    assert sheet.print_title_rows == "$8:$10"
    lines = [[cell.value for cell in row] for row in sheet.iter_rows()]
    numbers = next(row for row in lines if "(4)" in row)
    # On paper other sources come before what the patient pays himself; the file has them the other way round.
    assert numbers == [*"ABCDEGHIK", "(1)", "(2)=(3)+(6)+(7)", "(3)=(4)+(5)", "(4)", "(5)", "(6)", "(7)"]
    headings = [row[0] for row in lines if isinstance(row[0], str) and re.match(r"(I|II|III|IV)\. ", row[0])]
    assert headings == [
        "I. Khám bệnh ngoại trú (2 lượt)",
        "II. Điều trị ngoại trú (1 lượt)",
        "III. Điều trị ban ngày (0 lượt)",
        "IV. Điều trị nội trú (1 lượt)",
    ]
    last = next(row for row in lines if str(row[0]).startswith("Tổng cộng (I+II+III+IV)"))
    assert last[10:] == [int(round0(sums(values)[tag])) for tag in MONEY]
    parts = [row for row in lines if row[0] in headings]
    assert [sum(column) for column in zip(*(row[10:] for row in parts), strict=True)][3:] == last[13:]
    text = " ".join(str(value) for row in lines for value in row if value is not None)
    assert "Một triệu năm trăm năm mươi mốt nghìn không trăm sáu mươi mốt đồng" in text
    for signer in ("Người lập biểu", "Kế toán trưởng", "Thủ trưởng cơ sở khám bệnh, chữa bệnh"):
        assert signer in text


def test_the_xml_has_the_form_of_the_gateway(values: dict[str, Any]) -> None:
    content = to_xml(FORM, values, digest(values))
    assert content.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    root = etree.fromstring(content)
    assert root.tag == "HSTH01BH"
    assert [child.tag for child in root] == ["DS_CHITIET", "CHUKYDONVI"]
    assert re.fullmatch(r"Id-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", root[0].get("Id", ""))
    assert (len(root[1]), root[1].text) == (0, None), "the place of the signature"
    assert [row.tag for row in root[0]] == ["CHITIET_HS01BH"] * 4
    for row, stored in zip(root[0], values["rows"], strict=True):
        assert tuple(field.tag for field in row) == OFFICIAL
        assert [field.text or "" for field in row] == [str(value) for value in stored]


def test_no_cell_is_lost_by_writing_row_after_row(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The streamed file against one that the library keeps in memory and writes as a whole: the same both ways."""
    long = report()
    for name in ("rows", "sections", "refs"):
        long[name] = long[name][:1] * 300 + long[name][1:]
    for table in (values, long, empty_report()):
        workbook.assert_no_cell_is_lost(FORM, table, monkeypatch)


@pytest.mark.parametrize("kind", sorted(EXPORTERS))
def test_the_same_report_gives_the_same_bytes(kind: str, values: dict[str, Any]) -> None:
    make = EXPORTERS[kind][0]
    assert make(FORM, values, digest(values)) == make(FORM, report(), digest(report()))
    other = report()
    other["rows"][0][1] = "Người khác"
    assert make(FORM, other, digest(other)) != make(FORM, values, digest(values))


def test_the_workbook_names_no_moment_of_making(book: openpyxl.Workbook) -> None:
    assert book.properties.created == datetime(2026, 10, 31)


@pytest.mark.parametrize("kind", sorted(EXPORTERS))
def test_an_empty_month_has_files_too(kind: str) -> None:
    values = empty_report()
    content = EXPORTERS[kind][0](FORM, values, digest(values))
    if kind == "xml":
        assert len(etree.fromstring(content)[0]) == 0
    if kind == "xlsx":
        assert openpyxl.load_workbook(io.BytesIO(content))["MAU_01_BH"].max_row == 1


def test_the_paper_says_sums_rounded_once(values: dict[str, Any]) -> None:
    paper = paper_data(FORM, values, digest(values))
    assert paper["words"] == "Một triệu năm trăm năm mươi mốt nghìn không trăm sáu mươi mốt đồng"
    assert paper["totals"] == ["2.191.221", "1.891.221", "1.551.061", "340.160", "0", "300.000"]
    assert paper["parts"][0]["rows"][0][2:5] == ["1954", "Nữ", "GD4999912345678"]
    assert paper["parts"][3]["rows"][0][6:9] == ["06/10/2026", "06/10/2026", "08/10/2026"]


def test_the_paper_looks_as_it_did(values: dict[str, Any]) -> None:
    assert_looks_like("form_01bh", render_png(TEMPLATE, paper_data(FORM, values, digest(values)), ppi=PPI))


def test_a_long_paper_repeats_its_header() -> None:
    values = report()
    many = 120
    values["rows"] = values["rows"][:1] * many
    values["sections"], values["refs"] = ["I"] * many, [str(n) for n in range(many)]
    pages = render_png(TEMPLATE, paper_data(FORM, values, digest(values)), ppi=PPI)
    assert len(pages) > 2
    values["rows"] = values["rows"] * 5
    values["sections"], values["refs"] = ["I"] * many * 5, [str(n) for n in range(many * 5)]
    content = to_pdf(FORM, values, digest(values))
    assert content == to_pdf(FORM, values, digest(values))
    assert content.startswith(b"%PDF")
    assert_looks_like("form_01bh_long", pages[1:2])
