"""The paper sheet of every form: nothing is cut, it fills its page, and nobody signs a page without figures.

Room is judged by letters a column holds, not by the product's own measure: a text of n letters needs at least
0.75 n / width lines of 12.75 points.
"""

import io
import math
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from reports.definition import NUMBERS, Form, form_codes, latest
from reports.export import measure
from reports.export.pdf import paper_data
from reports.export.xlsx import to_xlsx
from reports.period import Period
from tests.reports import workbook
from tests.reports.frozen import report

LONG = "Viêm họng cấp và các bệnh đường hô hấp trên khác, không phân loại ở phần nào của danh mục"
CODES = sorted(form_codes())
INCHES = {"9": (8.27, 11.69), "8": (11.69, 16.54)}


def filled(form: Form, rows: int) -> dict[str, Any]:
    """A report of a form with some rows of long texts."""
    values = report()
    title = form.get("title_column")

    def cell(tag: str, kind: str) -> str | int:
        if kind in NUMBERS:
            return "1234567.00" if kind == "money" else "1234567"
        if kind == "int":
            return 1
        if form.column(tag).print_as == "decimal":
            return "14650.5"  # a number that the file of a catalogue has as text
        return "202610060800" if kind == "datetime12" else LONG if tag == title or kind == "text" else "A00"

    section = next(iter(form.section_order())) if form.sections else "1"
    return {
        **values,
        "form": form.code,
        "definition": form.version,
        "period": {"start": "2026-10-01", "end": "2026-10-31", "label": Period.parse_month("2026-10").label()},
        "columns": list(form.tags),
        "rows": [[cell(column.tag, column.type) for column in form.columns] for _ in range(rows)],
        "sections": [section] * rows,
        "refs": [str(n) for n in range(rows)],
        "titles": [["1", "Phần một"]],
        "notes": [LONG, f"{LONG}; {LONG.lower()}; {LONG.lower()}"],
    }


def paper_of(form: Form, rows: int) -> tuple[bytes, Worksheet]:
    content = to_xlsx(form, filled(form, rows), "0" * 64)
    return content, openpyxl.load_workbook(io.BytesIO(content))[form["xlsx"]["printed_sheet"]]


def widths_of(sheet: Worksheet) -> dict[int, float]:
    return {
        x: one.width for one in sheet.column_dimensions.values() for x in range(one.min or 1, (one.max or one.min) + 1)
    }


def cut_texts(sheet: Worksheet) -> list[str]:
    """Texts that their cells, joined ones too, have no room for."""
    widths = widths_of(sheet)
    joined = {(area.min_row, area.min_col): area for area in sheet.merged_cells.ranges}
    told = []
    for row in sheet.iter_rows():
        for cell in row:
            if not isinstance(cell.value, str):
                continue
            area = joined.get((cell.row, cell.column))
            across = range(area.min_col, area.max_col + 1) if area else [cell.column]
            down = range(area.min_row, area.max_row + 1) if area else [cell.row]
            size = (cell.font.sz or 10) / 10
            lines = math.ceil(0.75 * size * len(cell.value) / sum(widths[x] for x in across))
            room = sum(sheet.row_dimensions[y].height or 15 for y in down)
            if lines * 12.75 * size > room + 0.1 or (lines > 1 and not cell.alignment.wrap_text):
                told.append(f"{cell.coordinate}: {cell.value[:40]}")
    return told


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("rows", [0, 3])
def test_no_text_of_any_form_is_cut_and_the_paper_is_whole(code: str, rows: int) -> None:
    form = latest(code)
    content, sheet = paper_of(form, rows)
    assert workbook.faults(content) == []
    assert cut_texts(sheet) == []
    said = [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None]
    facility = report()["facility"]
    for text in (facility["parent_name"], facility["name"], form["number"], form["title"], form["money_note"]):
        assert not text or text in said, text
    assert f"({form['law']})" in said
    assert "Tháng 10 năm 2026" in said
    assert said[-2 * len(form["signers"]) : -len(form["signers"])] == list(form["signers"])
    assert sum(text.startswith("Ngày ....") for text in said) == 1
    last = max(cell.row for row in sheet.iter_rows() for cell in row if cell.value is not None)
    printed = openpyxl.worksheet.cell_range.CellRange(sheet.print_area.rpartition("!")[2])
    assert (printed.min_row, printed.min_col, printed.max_col) == (1, 1, len(form.printed()))
    assert printed.max_row >= last + 4, "room to sign"


@pytest.mark.parametrize("code", CODES)
def test_every_paper_is_as_wide_as_its_page_and_its_letters_can_be_read(code: str) -> None:
    form = latest(code)
    _, sheet = paper_of(form, 1)
    short, long = INCHES[str(sheet.page_setup.paperSize)]
    page = (long if sheet.page_setup.orientation == "landscape" else short) - 0.7
    wide = sum(widths_of(sheet).values()) * 7 / 96
    assert wide > 0.9 * page, "a narrow table is spread"
    assert 10 * min(1.0, page / wide) >= 8, "points of its letters"


def test_numbers_are_numbers_and_are_grouped_as_in_vietnam() -> None:
    form = latest("THUNGAN")
    _, sheet = paper_of(form, 2)
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value in (1234567, 2469134)]
    assert len(cells) == 4 * sum(1 for column in form.printed() if column.type == "value")
    assert {cell.number_format for cell in cells} == {"[$-42A]#,##0"}


def test_prices_and_days_of_a_catalogue_are_texts_in_the_file_and_numbers_and_days_on_paper() -> None:
    form = latest("03DM")
    values = filled(form, 1)
    values["rows"][0][form.tags.index("TU_NGAY")] = "20260131"
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(form, values, "0" * 64)))
    file = dict(zip(form.tags, (cell.value for cell in book.worksheets[0][2]), strict=True))
    assert (file["DON_GIA"], file["TU_NGAY"]) == ("14650.5", "20260131")
    paper = [cell.value for row in book[form["xlsx"]["printed_sheet"]].iter_rows() for cell in row]
    assert 14650.5 in paper
    assert "31/01/2026" in paper
    printed = paper_data(form, values, "0" * 64)["parts"][0]["rows"][0]
    assert {"14.650,5", "31/01/2026"} <= set(printed)


def test_a_paper_a_little_longer_than_a_page_is_printed_on_one() -> None:
    heights = {}
    for rows in (1, 5, 200):
        _, sheet = paper_of(latest("THUNGAN"), rows)
        heights[rows] = sheet.page_setup.fitToHeight
    assert (heights[1], heights[5] or 1, heights[200]) == (0, 1, 0)


def test_the_total_of_the_quarter_counts_what_it_adds_up() -> None:
    """A heading is no row of the total, nor is a part that tells the same visits apart in another way."""
    form = latest("02BH")
    values = filled(form, 5)
    values |= {"sections": ["A", "A", "B", "B", "B"], "titles": [["A", "A. Loại hình"], ["B", "B. Nơi đăng ký"]]}
    values |= {"refs": ["A", "01", "B", "B1", "B2"], "headings": ["A", "B"], "not_added": ["B"]}
    content = to_xlsx(form, values, "0" * 64)
    sheet = openpyxl.load_workbook(io.BytesIO(content))[form["xlsx"]["printed_sheet"]]
    labels = [str(row[0].value) for row in sheet.iter_rows() if row[0].value is not None]
    assert "A. Loại hình (1 dòng)" in labels
    assert "B. Nơi đăng ký (2 dòng)" in labels
    assert f"{form['total_label']} (1 dòng)" in labels


@pytest.mark.parametrize(
    ("widths", "shares", "wanted"),
    [
        ([5, 8, 20], 2, [(0, 1), (2, 2)]),
        ([5, 8, 20], 3, [(0, 0), (1, 1), (2, 2)]),
        ([10] * 8, 4, [(0, 1), (2, 3), (4, 5), (6, 7)]),
        ([5, 60, 5, 5], 2, [(0, 1), (2, 3)]),
        ([5, 5], 4, [(0, 0), (1, 1)]),
    ],
)
def test_shares_of_a_table_are_about_equally_wide(
    widths: list[float], shares: int, wanted: list[tuple[int, int]]
) -> None:
    assert measure.cuts(widths, shares) == wanted
