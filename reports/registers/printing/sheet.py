"""A register as a spreadsheet, written row by row to a file: memory does not grow with the number of lines."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import xlsxwriter

from reports.registers.book import Book, Totals
from reports.registers.definition import OWN_LAYOUT
from reports.registers.printing.paper import span_text
from reports.registers.sources import Line

FONT = {"font_name": "Times New Roman", "font_size": 10}
_PAPER_A3 = 8


def write_xlsx(book: Book, lines: Iterable[Line], target: Path) -> int:
    """Write the lines of a book to the file; answers how many. Days are dates, numbers are numbers, codes are texts."""
    register = book.register
    options = {"constant_memory": True, "strings_to_numbers": False, "strings_to_formulas": False}
    workbook = xlsxwriter.Workbook(str(target), {**options, "strings_to_urls": False})
    border = {**FONT, "border": 1, "valign": "vcenter"}
    title = workbook.add_format({**FONT, "bold": True, "font_size": 14})
    plain = workbook.add_format(FONT)
    head = workbook.add_format({**border, "bold": True, "align": "center", "text_wrap": True, "bg_color": "#E7ECF3"})
    text = workbook.add_format({**border, "text_wrap": True, "num_format": "@"})
    gone = workbook.add_format({**border, "text_wrap": True, "num_format": "@", "font_strikeout": True})
    day = workbook.add_format({**border, "num_format": "dd/mm/yyyy", "align": "center"})
    number = workbook.add_format({**border, "num_format": "0.###"})
    sheet = workbook.add_worksheet(register.code.replace(".", "_"))
    sheet.set_landscape()
    sheet.set_paper(_PAPER_A3)
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 0, 7)
    sheet.set_column(1, 1, 11)
    for x, column in enumerate(register.columns, 2):
        sheet.set_column(x, x, max(8, column.width * 1.6))
    note = f" · {OWN_LAYOUT}" if register.has_own_layout else ""
    sheet.write_string(0, 0, f"{book.facility.name} ({book.facility.code})", plain)
    sheet.write_string(1, 0, register.title, title)
    sheet.write_string(2, 0, f"{span_text(book.start, book.end)} · {register.law}{note}", plain)
    headings = [f"{c.group}: {c.heading}" if c.group else c.heading for c in register.columns]
    for x, heading in enumerate(["STT", register.day_heading, *headings, "Ghi nhận sửa, hủy"]):
        sheet.write_string(3, x, heading, head)
    sheet.freeze_panes(4, 3)
    sheet.repeat_rows(3)
    y, totals = 4, Totals()
    for line in lines:
        totals.add(line)
        look = gone if line.cancelled else text
        sheet.write_number(y, 0, line.number, number)
        sheet.write_datetime(y, 1, line.day, day)
        for x, column in enumerate(register.columns, 2):
            cell = line.cells[column.key]
            if column.kind == "number" and cell:
                sheet.write_number(y, x, Decimal(cell.replace(",", ".")), number)  # type: ignore[arg-type]  # written as it is
            else:
                sheet.write_string(y, x, cell, look)
        sheet.write_string(y, len(register.columns) + 2, _state(line), text)
        y += 1
    sheet.write_string(y, 0, f"Tổng cộng: {totals.text(register.noun)}", plain)
    workbook.close()
    return y - 4


def _state(line: Line) -> str:
    if line.cancelled:
        return f"Đã hủy: {line.cancelled}"
    if line.is_changed:
        return "Đã sửa sau lần in đầu"
    return "Đã sửa" if line.is_corrected else ""
