"""A register as a spreadsheet, written row by row to a file: memory does not grow with the number of lines."""

import tempfile
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from reports.period import Period
from reports.registers.book import Book, Totals
from reports.registers.definition import OWN_LAYOUT, Column
from reports.registers.sources import Line

FONT = {"font_name": "Times New Roman", "font_size": 10}
_PAPER_A3 = 8
_FIRST_YEAR = 1900
"""A spreadsheet knows no earlier days."""


def write_xlsx(book: Book, lines: Iterable[Line], target: Path, foot: str = "") -> int:
    """Write the lines of a book to the file; answers how many. Days are dates, numbers are numbers, codes are texts.
    `foot` is one more note below the totals.

    What is written on the way lies in a folder of its own, which is gone afterwards, also when a line cannot be read.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        options = {"constant_memory": True, "strings_to_numbers": False, "strings_to_formulas": False}
        workbook = xlsxwriter.Workbook(str(target), {**options, "strings_to_urls": False, "tmpdir": scratch})
        sheet = _Sheet(workbook, book)
        for line in lines:
            sheet.add(line)
        count = sheet.finish(foot)
        workbook.close()
    return count


class _Sheet:
    """The one sheet, its looks, and how far it is."""

    def __init__(self, workbook: xlsxwriter.Workbook, book: Book) -> None:
        self.register, self.totals, self.count = book.register, Totals(), 0
        border = {**FONT, "border": 1, "valign": "vcenter"}
        heads = {
            "title": {**FONT, "bold": True, "font_size": 14},
            "plain": FONT,
            "head": {**border, "bold": True, "align": "center", "text_wrap": True, "bg_color": "#E7ECF3"},
        }
        cells = {
            "text": {**border, "text_wrap": True, "num_format": "@"},
            "day": {**border, "num_format": "dd/mm/yyyy", "align": "center"},
            "whole": {**border, "num_format": "#,##0"},
            "decimal": {**border, "num_format": "#,##0.###"},
        }
        made: dict[str, Format] = {name: workbook.add_format(look) for name, look in {**heads, **cells}.items()}
        self.looks = made
        self.crossed_out = {name: workbook.add_format({**cells[name], "font_strikeout": True}) for name in cells}
        self.sheet: Worksheet = workbook.add_worksheet(self.register.code.replace(".", "_"))
        self._head(book)

    def _head(self, book: Book) -> None:
        register, sheet, looks = self.register, self.sheet, self.looks
        sheet.set_landscape()
        sheet.set_paper(_PAPER_A3)
        sheet.fit_to_pages(1, 0)
        sheet.set_column(0, 0, 7)
        sheet.set_column(1, 1, 11)
        for x, column in enumerate(register.columns, 2):
            sheet.set_column(x, x, max(8, column.width * 1.6))
        note = f" · {OWN_LAYOUT}" if register.has_own_layout else ""
        sheet.write_string(0, 0, f"{book.facility.name} ({book.facility.code})", looks["plain"])
        sheet.write_string(1, 0, register.title, looks["title"])
        span = Period(book.start, book.end).label()
        sheet.write_string(2, 0, f"{span} · {register.law}{note}", looks["plain"])
        headings = [f"{c.group}: {c.heading}" if c.group else c.heading for c in register.columns]
        for x, heading in enumerate(["STT", register.day_heading, *headings, "Ghi nhận sửa, hủy"]):
            sheet.write_string(3, x, heading, looks["head"])
        sheet.freeze_panes(4, 3)
        sheet.repeat_rows(3)

    def add(self, line: Line) -> None:
        """One line below the last one; the cells of a cancelled one are crossed out."""
        y, looks = 4 + self.count, self.crossed_out if line.cancelled else self.looks
        self.totals.add(line)
        self.sheet.write_number(y, 0, line.number, self.looks["whole"])
        self.sheet.write_datetime(y, 1, line.day, self.looks["day"])
        for x, column in enumerate(self.register.columns, 2):
            look, value = typed_cell(column, line.cells[column.key])
            write = {"text": self.sheet.write_string, "day": self.sheet.write_datetime}.get(
                look, self.sheet.write_number
            )
            write(y, x, value, looks[look])
        self.sheet.write_string(y, len(self.register.columns) + 2, _state(line), self.looks["text"])
        self.count += 1

    def finish(self, foot: str) -> int:
        """The totals and the note below the last line; answers how many lines there are."""
        words = f"Tổng cộng: {self.totals.text(self.register.noun)}"
        self.sheet.write_string(4 + self.count, 0, words, self.looks["plain"])
        self.sheet.write_string(5 + self.count, 0, foot, self.looks["plain"])
        return self.count


def typed_cell(column: Column, cell: str) -> tuple[str, Any]:
    """(look, value) of a cell as it is shown: `whole` or `decimal` number, `day`, or `text` for all else."""
    if column.kind == "number" and cell:
        try:
            number = Decimal(cell.replace(".", "").replace(",", "."))
        except InvalidOperation:
            return "text", cell
        return ("whole" if number == number.to_integral_value() else "decimal"), number
    if column.kind in ("date", "birth") or column.key == "birth":
        try:
            day = datetime.strptime(cell, "%d/%m/%Y")
        except ValueError:
            return "text", cell
        return ("day", day) if day.year >= _FIRST_YEAR else ("text", cell)
    return "text", cell


def _state(line: Line) -> str:
    if line.cancelled:
        return f"Đã hủy: {line.cancelled}"
    if line.is_changed:
        return "Đã sửa sau lần in đầu"
    return "Đã sửa" if line.is_corrected else ""
