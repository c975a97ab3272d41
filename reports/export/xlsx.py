"""The form as a spreadsheet: the file that the portal takes, and the paper as a second sheet.

Codes and times are texts (leading zeros matter), amounts are real numbers. The bytes depend on the report
only: the time in the file is the end of the period. Both sheets are written row after row into temporary files, so that
a month of 40,000 rows takes no more memory than its table does.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from his.core.money import round0
from reports.definition import NUMBERS, Column, Form
from reports.export.layout import HeaderCell, Layout, layout_of, noun_of, period_text, shown
from reports.export.streamed_sheet import StreamedSheet
from reports.table import Cell

FONT = {"font_name": "Times New Roman", "font_size": 10}
_PAPER_A4 = 9
ROW_BY_ROW = {"constant_memory": True}
SHEET = StreamedSheet
PAPER_SCALE = 0.82
"""Column widths of the paper in characters, for each unit of the definition: narrow, so that it prints large."""


def to_xlsx(form: Form, values: Mapping[str, Any], sha256: str) -> bytes:
    """The workbook of a stored report."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {**ROW_BY_ROW, "strings_to_numbers": False, "strings_to_formulas": False})
    made = datetime.combine(date.fromisoformat(values["period"]["end"]), time())
    book.set_properties({"title": form["title"], "subject": f"{form['number']}, {sha256}", "created": made})
    formats = formats_of(book)
    _file_sheet(book.add_worksheet(form["xlsx"]["sheet"], SHEET), form, values, formats)
    PaperSheet(book.add_worksheet(form["xlsx"]["printed_sheet"], SHEET), form, values, formats).write()
    book.close()
    return out.getvalue()


def formats_of(book: xlsxwriter.Workbook) -> dict[str, Format]:
    """The looks of cells by name."""
    border = {"border": 1, "valign": "vcenter"}
    looks: dict[str, dict[str, Any]] = {
        "head": {**border, "bold": True, "align": "center", "text_wrap": True, "bg_color": "#E7ECF3"},
        "text": {"num_format": "@"},
        "int": {"num_format": "0"},
        "money2": {"num_format": "#,##0.00"},
        "whole": {"num_format": "#,##0"},
        "decimal": {"num_format": "#,##0.######"},
        "plain": {},
        "bold": {"bold": True},
        "right": {"align": "right"},
        "right_bold": {"align": "right", "bold": True},
        "right_italic": {"align": "right", "italic": True},
        "title": {"bold": True, "align": "center", "valign": "vcenter", "font_size": 14, "text_wrap": True},
        "center": {"align": "center"},
        "center_bold": {"align": "center", "bold": True},
        "center_italic": {"align": "center", "italic": True},
        "head_number": {**border, "align": "center", "font_size": 8, "text_wrap": True},
        "cell_left": {**border, "text_wrap": True, "num_format": "@"},
        "cell_center": {**border, "align": "center", "num_format": "@"},
        "cell_int": {**border, "align": "center", "num_format": "0"},
        "cell_money": {**border, "num_format": "#,##0"},
        "cell_decimal": {**border, "num_format": "#,##0.###"},
        "part": {**border, "bold": True, "bg_color": "#F0F0F0"},
        "part_money": {**border, "bold": True, "num_format": "#,##0", "bg_color": "#F0F0F0"},
        "total": {**border, "bold": True, "align": "center"},
        "total_money": {**border, "bold": True, "num_format": "#,##0"},
        "words": {"italic": True, "bold": True, "text_wrap": True},
    }
    return {name: book.add_format({**FONT, **look}) for name, look in looks.items()}


def _file_sheet(sheet: Worksheet, form: Form, values: Mapping[str, Any], formats: Mapping[str, Format]) -> None:
    """The rows under the tags, in the order of the file; nothing else, for the portal reads it."""
    columns = form.file_columns
    places = [form.columns.index(column) for column in columns]
    for x, column in enumerate(columns):
        sheet.write_string(0, x, column.tag, formats["head"])
        sheet.set_column(x, x, max(column.width, len(column.tag) + 2))
    for y, row in enumerate(values["rows"], 1):
        for x, (column, at) in enumerate(zip(columns, places, strict=True)):
            _write_file_cell(sheet, y, x, column, row[at], formats)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, max(1, len(values["rows"])), len(columns) - 1)
    print_setup(sheet, form, header_rows=(0, 0))


def _write_file_cell(
    sheet: Worksheet, y: int, x: int, column: Column, value: Cell, formats: Mapping[str, Format]
) -> None:
    if value == "":
        sheet.write_blank(y, x, None, formats["text"])
    elif column.type in NUMBERS:
        number = Decimal(value)
        look = "money2" if column.type == "money" else "whole" if _is_whole(number) else "decimal"
        sheet.write_number(y, x, number, formats[look])  # type: ignore[arg-type]  # written as it is
    elif column.type == "int":
        sheet.write_number(y, x, int(value), formats["int"])
    else:
        sheet.write_string(y, x, str(value), formats["text"])


def print_setup(sheet: Worksheet, form: Form, *, header_rows: tuple[int, int]) -> None:
    """Paper, one page wide, the headings on every page."""
    if form["paper"]["landscape"]:
        sheet.set_landscape()
    sheet.set_paper(_PAPER_A4)
    sheet.set_margins(left=0.35, right=0.35, top=0.4, bottom=0.5)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(*header_rows)
    sheet.set_footer(f"&L&8{form['number']}&R&8Trang &P/&N")


def _is_whole(number: Decimal) -> bool:
    return number == number.to_integral_value()


def _printed(column: Column, value: Decimal) -> Decimal:
    """The number of a cell on paper."""
    if column.print_as == "thousands":
        return round0(value / 1000)
    return round0(value) if column.print_as == "money" else value


class PaperSheet:
    """The paper: header, headings, sections with sums, total, words, signers."""

    def __init__(self, sheet: Worksheet, form: Form, values: Mapping[str, Any], formats: Mapping[str, Format]) -> None:
        self.sheet, self.form, self.values, self.formats = sheet, form, values, formats
        self.layout: Layout = layout_of(form, values)
        self.places = [form.tags.index(column.tag) for column in self.layout.columns]
        self.last = len(self.layout.columns) - 1

    def write(self) -> None:
        """All of it."""
        y = self.head()
        for part in self.layout.parts:
            if part.label:
                sums = part.sums if self.form.sums_parts else {}
                y = self.sums(y, self.counted(part.label, len(part.positions)), sums, "part")
            for position in part.positions:
                y = self._row(y, self.values["rows"][position])
        if label := self.form["total_label"]:
            y = self.sums(y, self.counted(label, len(self.values["rows"])), self.layout.totals, "total")
        self.foot(y, self.layout.words)

    def head(self) -> int:
        """Letterhead, title and headings, row after row; the row below them."""
        for x, column in enumerate(self.layout.columns):
            self.sheet.set_column(x, x, column.width * PAPER_SCALE)
        first = self._letterhead()
        y = self._header(first)
        self.sheet.freeze_panes(y, 2)
        print_setup(self.sheet, self.form, header_rows=(first, first + 2))
        return y

    def counted(self, label: str, rows: int) -> str:
        """The label of a sum with the number of its rows."""
        return f"{label} ({rows} {noun_of(self.form)})" if self.form.counts_rows else label

    def _letterhead(self) -> int:
        facility, half = self.values["facility"], self.last // 2
        left = [facility["parent_name"], facility["name"], f"Mã cơ sở KCB: {facility['code']}"]
        right = [self.form["number"], f"({self.form['law']})", ""]
        looks = (("plain", "right_bold"), ("bold", "right_italic"), ("plain", "right"))
        for y, (a, b, (look_a, look_b)) in enumerate(zip(left, right, looks, strict=True)):
            self._merge(y, 0, half, a, look_a)
            self._merge(y, half + 1, self.last, b, look_b)
        self.sheet.set_row(4, 22)
        self._merge(4, 0, self.last, self.form["title"], "title")
        self._merge(5, 0, self.last, period_text(self.values), "center")
        self._merge(6, 0, self.last, self.form["money_note"], "right_italic")
        return 7

    def _header(self, top: int) -> int:
        self.sheet.set_row(top, 30)
        self.sheet.set_row(top + 1, self._heading_height())
        places = {(y, x): cell for cell in self.layout.header for y, x in _places(cell)}
        for (y, x), cell in sorted(places.items(), key=lambda item: item[0]):
            look = self.formats["head" if cell.y < 2 else "head_number"]
            if (y, x) == (cell.y, cell.x):
                self.sheet.write_string(top + y, x, cell.text, look)
            else:
                self.sheet.write_blank(top + y, x, None, look)
        for cell in self.layout.header:
            if cell.width > 1 or cell.height > 1:
                # `merge_range` writes the cells again, which a sheet that is streamed row after row refuses
                y, end = top + cell.y, cell.x + cell.width - 1
                self.sheet.merge.append([y, cell.x, y + cell.height - 1, end])
        return top + 3

    def _heading_height(self) -> int:
        """Points that the longest heading needs in its column below the row of groups."""
        lines = (
            -(-len(column.heading) * 1.25 // (column.width * PAPER_SCALE)) - (0 if column.group else 2)
            for column in self.layout.columns
        )
        return max(28, min(80, int(max(lines)) * 14))

    def sums(self, y: int, label: str, sums: Mapping[str, Decimal], look: str) -> int:
        """A row of sums in one of the looks `part` and `total`; the row below."""
        self._merge(y, 0, self.layout.first_sum - 1, label, look)
        for x, column in enumerate(self.layout.columns[self.layout.first_sum :], self.layout.first_sum):
            if column.tag in sums:
                self.sheet.write_number(y, x, _printed(column, sums[column.tag]), self.formats[f"{look}_money"])  # type: ignore[arg-type]
            else:
                self.sheet.write_blank(y, x, None, self.formats[look])
        return y + 1

    def _row(self, y: int, row: Sequence[Cell]) -> int:
        for x, (column, at) in enumerate(zip(self.layout.columns, self.places, strict=True)):
            value = row[at]
            if value == "":
                self.sheet.write_blank(y, x, None, self.formats["cell_left"])
            elif column.type in NUMBERS:
                number = _printed(column, Decimal(value))
                look = "cell_money" if _is_whole(number) else "cell_decimal"
                self.sheet.write_number(y, x, number, self.formats[look])  # type: ignore[arg-type]
            elif column.type == "int":
                self.sheet.write_number(y, x, int(value), self.formats["cell_int"])
            else:
                look = "cell_left" if column.print_as == "text" else "cell_center"
                self.sheet.write_string(y, x, shown(column, value), self.formats[look])
        return y + 1

    def foot(self, y: int, words: str) -> None:
        """Amount in words, notes and signers."""
        y += 1
        if words:
            self._merge(y, 0, self.last, f"{self.form['words_label']}: {words}", "words")
            y += 1
        for note in self.values.get("notes", []):
            self._merge(y, 0, self.last, note, "plain")
            y += 1
        self._merge(y + 1, self.last - 4, self.last, "Ngày ........ tháng ........ năm ............", "center_italic")
        signers = self.form["signers"]
        width = (self.last + 1) // len(signers)
        for below, look in ((2, "center_bold"), (3, "center_italic")):  # row after row
            for i, role in enumerate(signers):
                x, end = i * width, (i + 1) * width - 1 if i < len(signers) - 1 else self.last
                self._merge(y + below, x, end, role if below == 2 else "(Ký, họ tên)", look)

    def _merge(self, y: int, x: int, end: int, text: str, look: str) -> None:
        if x == end:
            self.sheet.write_string(y, x, text, self.formats[look])
        else:
            self.sheet.merge_range(y, x, y, end, text, self.formats[look])


def _places(cell: HeaderCell) -> Iterator[tuple[int, int]]:
    """The rows and columns that a cell of the headings takes."""
    for y in range(cell.y, cell.y + cell.height):
        for x in range(cell.x, cell.x + cell.width):
            yield y, x
