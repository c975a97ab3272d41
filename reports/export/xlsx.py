"""The form as a spreadsheet: the file that the portal takes, and the paper as a second sheet.

Codes and times are texts (leading zeros matter), amounts are real numbers. The bytes depend on the report
only: the time in the file is the end of the period. Both sheets are written row after row into temporary files, so that
a month of 40,000 rows takes no more memory than its table does.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from his.core.money import round0
from reports.definition import NUMBERS, Column, Form
from reports.export import measure
from reports.export.layout import HeaderCell, Layout, layout_of, noun_of, period_text, shown
from reports.export.streamed_sheet import StreamedSheet
from reports.table import Cell

WHOLE, DECIMALS = "[$-42A]#,##0", "[$-42A]#,##0.###"
"""Numbers of the paper, grouped as in Vietnam (1.234.567) where the program knows the language of a format."""
FONT = {"font_name": "Times New Roman", "font_size": 10}
ROW_BY_ROW = {"constant_memory": True}
SHEET = StreamedSheet
PAPER_SCALE = 0.82
"""Column widths of the paper in characters, for each unit of the definition: narrow, so that it prints large."""
_DATE_LINE = "Ngày ........ tháng ........ năm ............"
_ROWS_TO_SIGN = 4
_ON_ONE_PAGE, _LEAST_SCALE = 1.6, 0.62
"""A paper of up to so many pages is printed on one, unless its letters become smaller than this share of their size."""


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
    wrapped = {"text_wrap": True, "valign": "top"}
    looks: dict[str, dict[str, Any]] = {
        "head": {**border, "bold": True, "align": "center", "text_wrap": True, "bg_color": "#E7ECF3"},
        "tag": {**border, "bold": True, "align": "center", "font_size": 7, "bg_color": "#E7ECF3"},
        "text": {"num_format": "@"},
        "int": {"num_format": "0"},
        "money2": {"num_format": "#,##0.00"},
        "whole": {"num_format": "#,##0"},
        "decimal": {"num_format": "#,##0.######"},
        "plain": {**wrapped},
        "bold": {**wrapped, "bold": True},
        "right": {**wrapped, "align": "right"},
        "right_bold": {**wrapped, "align": "right", "bold": True},
        "right_italic": {**wrapped, "align": "right", "italic": True},
        "title": {"bold": True, "align": "center", "valign": "vcenter", "font_size": 14, "text_wrap": True},
        "center": {**wrapped, "align": "center"},
        "center_bold": {**wrapped, "align": "center", "bold": True},
        "center_italic": {**wrapped, "align": "center", "italic": True},
        "head_number": {**border, "align": "center", "font_size": 8, "text_wrap": True},
        "cell_left": {**border, "text_wrap": True, "num_format": "@"},
        "cell_center": {**border, "align": "center", "text_wrap": True, "num_format": "@"},
        "cell_int": {**border, "align": "center", "num_format": "0"},
        "cell_money": {**border, "num_format": WHOLE},
        "cell_decimal": {**border, "num_format": DECIMALS},
        "part": {**border, "bold": True, "text_wrap": True, "bg_color": "#F0F0F0"},
        "part_money": {**border, "bold": True, "num_format": WHOLE, "bg_color": "#F0F0F0"},
        "total": {**border, "bold": True, "align": "center", "text_wrap": True},
        "total_money": {**border, "bold": True, "num_format": WHOLE},
        "words": {"italic": True, "bold": True, "text_wrap": True},
    }
    return {name: book.add_format({**FONT, **look}) for name, look in looks.items()}


def _file_sheet(sheet: Worksheet, form: Form, values: Mapping[str, Any], formats: Mapping[str, Format]) -> None:
    """The rows under the tags, in the order of the file; nothing else, for the portal reads it."""
    columns = form.file_columns
    places = [form.columns.index(column) for column in columns]
    file_head(sheet, form, formats)
    for y, row in enumerate(values["rows"], 1):
        for x, (column, at) in enumerate(zip(columns, places, strict=True)):
            _write_file_cell(sheet, y, x, column, row[at], formats)
    sheet.freeze_panes(1, 2)
    file_foot(sheet, form, len(values["rows"]))


def file_head(sheet: Worksheet, form: Form, formats: Mapping[str, Format]) -> None:
    """The tags over the columns of the file, each as wide as its tag and what usually stands below it."""
    for x, (column, width) in enumerate(zip(form.file_columns, _file_widths(form), strict=True)):
        sheet.write_string(0, x, column.tag, formats["tag"])
        sheet.set_column(x, x, width)


def file_foot(sheet: Worksheet, form: Form, rows: int) -> None:
    """The filter over the rows of the file, and the paper that it is printed on: all columns on one page, as large as
    the largest paper of an office allows."""
    last = len(form.file_columns) - 1
    sheet.autofilter(0, 0, max(1, rows), last)
    need = measure.dots(_file_widths(form))
    landscape = form["paper"]["landscape"] or need > measure.room("a4", landscape=False)[0]
    size = "a4" if need * _LEAST_SCALE <= measure.room("a4", landscape=landscape)[0] else "a3"
    print_setup(sheet, form, header_rows=(0, 0), size=size, landscape=landscape)
    sheet.print_area(0, 0, max(1, rows), last)


def _file_widths(form: Form) -> list[float]:
    """Widths of the columns of the file; its tags are printed smaller than what stands below them."""
    return [max(column.width * PAPER_SCALE, len(column.tag) * 0.85 + 1) for column in form.file_columns]


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


def print_setup(sheet: Worksheet, form: Form, *, header_rows: tuple[int, int], size: str, landscape: bool) -> None:
    """Paper, one page wide, the headings on every page."""
    if landscape:
        sheet.set_landscape()
    sheet.set_paper(measure.paper_number(size))
    sheet.set_margins(left=measure.SIDE, right=measure.SIDE, top=measure.TOP, bottom=measure.BOTTOM)
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
    """The paper: header, headings, sections with sums, total, words, signers.

    It is as wide as the page, each row as high as its texts need, and a table that is only a little longer than a page
    is made to fit one: nobody signs a page with nothing but signatures on it.
    """

    def __init__(self, sheet: Worksheet, form: Form, values: Mapping[str, Any], formats: Mapping[str, Format]) -> None:
        self.sheet, self.form, self.values, self.formats = sheet, form, values, formats
        self.layout: Layout = layout_of(form, values)
        self.places = [form.tags.index(column.tag) for column in self.layout.columns]
        self.last = len(self.layout.columns) - 1
        self.across, self.down = measure.room(form["paper"]["size"], landscape=form["paper"]["landscape"])
        self.widths = measure.spread([column.width * PAPER_SCALE for column in self.layout.columns], self.across)
        self.free = [measure.dots([width]) for width in self.widths]
        self.texts = [
            (x, at)
            for x, (column, at) in enumerate(zip(self.layout.columns, self.places, strict=True))
            if column.type in ("text", "code")
        ]
        self.points = 0.0

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
            y = self.sums(y, self.counted(label, self.layout.total_count), self.layout.totals, "total")
        self.foot(y, self.layout.words)

    def head(self) -> int:
        """Letterhead, title and headings, row after row; the row below them."""
        for x, width in enumerate(self.widths):
            self.sheet.set_column(x, x, width)
        first = self._letterhead()
        y = self._header(first)
        self.sheet.freeze_panes(y, 2)
        paper = self.form["paper"]
        print_setup(
            self.sheet, self.form, header_rows=(first, first + 2), size=paper["size"], landscape=paper["landscape"]
        )
        return y

    def counted(self, label: str, rows: int) -> str:
        """The label of a sum with the number of its rows."""
        return f"{label} ({rows} {noun_of(self.form)})" if self.form.counts_rows else label

    def high(self, y: int, cells: Iterable[tuple[int, object]]) -> None:
        """Make a row of the table as high as the texts of some columns need. Before its first cell is written."""
        need = 1
        for x, value in cells:
            if isinstance(value, str) and len(value) * 5.5 > self.free[x] - 5.0:
                need = max(need, measure.lines(value, self.free[x]))
        self._set_height(y, measure.height(need))

    def _set_height(self, y: int, points: float) -> None:
        self.points += points
        if points != measure.ROW:
            self.sheet.set_row(y, points)

    def _letterhead(self) -> int:
        facility = self.values["facility"]
        left, right = (measure.cuts(self.widths, 2) * 2)[:2]
        lines = [
            (facility["parent_name"], "plain", self.form["number"], "right_bold"),
            (facility["name"], "bold", f"({self.form['law']})", "right_italic"),
            (f"Mã cơ sở KCB: {facility['code']}", "plain", "", "right"),
        ]
        for y, (a, look_a, b, look_b) in enumerate(lines):
            self._line(y, [(*left, a, look_a), (*right, b, look_b)])
        self._set_height(3, measure.ROW)
        whole = (0, self.last)
        self._line(4, [(*whole, self.form["title"], "title")], letters=1.6, least=22)
        self._line(5, [(*whole, period_text(self.values), "center")])
        self._line(6, [(*whole, self.form["money_note"], "right_italic")])
        return 7

    def _header(self, top: int) -> int:
        for y, points in enumerate(self._heading_heights(), top):
            self._set_height(y, points)
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

    def _heading_heights(self) -> tuple[float, float, float]:
        """Points of the groups, of the headings below them, and of the numbers."""
        need = {0: 1, 1: 1, 2: 1}
        over_both = 1
        for cell in self.layout.header:
            free = measure.dots(self.widths[cell.x : cell.x + cell.width])
            lines = measure.lines(cell.text, free, 0.8 if cell.y == 2 else measure.BOLD)
            if cell.height > 1:
                over_both = max(over_both, lines)
            else:
                need[cell.y] = max(need[cell.y], lines)
        upper, lower, numbers = (measure.height(need[y]) + 3 for y in range(3))
        return upper, max(lower, measure.height(over_both) + 3 - upper), numbers

    def sums(self, y: int, label: str, sums: Mapping[str, Decimal], look: str) -> int:
        """A row of sums in one of the looks `part` and `total`; the row below."""
        self._line(y, [(0, self.layout.first_sum - 1, label, look)], letters=measure.BOLD)
        for x, column in enumerate(self.layout.columns[self.layout.first_sum :], self.layout.first_sum):
            if column.tag in sums:
                self.sheet.write_number(y, x, _printed(column, sums[column.tag]), self.formats[f"{look}_money"])  # type: ignore[arg-type]
            else:
                self.sheet.write_blank(y, x, None, self.formats[look])
        return y + 1

    def _row(self, y: int, row: Sequence[Cell]) -> int:
        self.high(y, [(x, row[at]) for x, at in self.texts])
        for x, (column, at) in enumerate(zip(self.layout.columns, self.places, strict=True)):
            value = row[at]
            if value == "":
                self.sheet.write_blank(y, x, None, self.formats["cell_left"])
            elif column.type in NUMBERS or column.print_as == "decimal":
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
        """Amount in words, notes and signers, room to sign; then the paper is known and set up for its printer."""
        self._set_height(y, measure.ROW)
        y += 1
        if words:
            self._line(y, [(0, self.last, f"{self.form['words_label']}: {words}", "words")], letters=measure.BOLD)
            y += 1
        for note in self.values.get("notes", []):
            self._line(y, [(0, self.last, note, "plain")])
            y += 1
        self._set_height(y, measure.ROW)
        signers = self.form["signers"]
        shares = measure.cuts(self.widths, len(signers))
        self._line(y + 1, [(*self._at_least(shares[-1], 290), _DATE_LINE, "center_italic")])
        for below, look in ((2, "center_bold"), (3, "center_italic")):  # row after row
            said = signers if below == 2 else ["(Ký, họ tên)"] * len(signers)
            cells = [(*share, text, look) for share, text in zip(shares, said, strict=False)]
            self._line(y + below, cells, letters=measure.BOLD)
        y += 3 + _ROWS_TO_SIGN
        self.points += _ROWS_TO_SIGN * measure.ROW
        self.sheet.print_area(0, 0, y, self.last)
        if self._is_a_little_too_long():
            self.sheet.fit_to_pages(1, 1)

    def _at_least(self, share: tuple[int, int], dots: float) -> tuple[int, int]:
        """The columns of a share, with neighbours on the left when they are too narrow."""
        first, last = share
        while first > 0 and measure.dots(self.widths[first : last + 1]) < dots:
            first -= 1
        return first, last

    def _is_a_little_too_long(self) -> bool:
        scale = min(1.0, self.across / measure.dots(self.widths))
        pages = self.points * scale / self.down
        return 0.97 < pages <= _ON_ONE_PAGE and scale / pages >= _LEAST_SCALE

    def _line(
        self, y: int, cells: Sequence[tuple[int, int, str, str]], *, letters: float = 1.0, least: float = measure.ROW
    ) -> None:
        """A row of joined cells (first column, last column, text, look), as high as their texts need."""
        need = max(measure.lines(text, measure.dots(self.widths[x : end + 1]), letters) for x, end, text, _ in cells)
        self._set_height(y, max(least, measure.height(need)) if letters <= measure.BOLD else least * need)
        for x, end, text, look in cells:
            if x == end:
                self.sheet.write_string(y, x, text, self.formats[look])
            else:
                self.sheet.merge_range(y, x, y, end, text, self.formats[look])


def _places(cell: HeaderCell) -> Iterator[tuple[int, int]]:
    """The rows and columns that a cell of the headings takes."""
    for y in range(cell.y, cell.y + cell.height):
        for x in range(cell.x, cell.x + cell.width):
            yield y, x
