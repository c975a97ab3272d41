"""Count sheets to fill in at a computer: one sheet for each counter, what is known protected, the rest free.

A blind sheet has no book figure. Rows at the end take lots that lie on the shelf and are not in the book.
"""

import io
import re
from collections.abc import Sequence
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from his.ui.text import day_text, minute_text
from pharmacy.count_sheet import (
    BOOK,
    CODE,
    COLUMNS,
    COUNTED,
    DAMAGED,
    EXPIRY,
    KEY,
    LOT,
    NAME,
    NO,
    NOTE,
    SHEET_CODE,
    TIME,
    UNIT,
    row_key,
    sheet_code,
)
from pharmacy.models import StockCount, StockCountLine, StockCountMember

SPARE_ROWS = 20
"""Free rows for lots found outside the book."""

_WIDTHS: Final = {
    KEY: 24,
    NO: 5,
    CODE: 12,
    NAME: 40,
    UNIT: 8,
    LOT: 14,
    EXPIRY: 12,
    BOOK: 10,
    COUNTED: 12,
    DAMAGED: 9,
    TIME: 12,
    NOTE: 28,
}
_PAPER_A4 = 9
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\']")
_HEADER_ROW = 4


def count_workbook(
    count: StockCount, lines: Sequence[StockCountLine], counters: Sequence[StockCountMember], round_no: int
) -> bytes:
    """The workbook of these lines, one sheet for each of the counters."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False})
    book.set_properties({"title": f"Phiếu đếm {count.number}", "created": count.snapshot_at.replace(tzinfo=None)})
    formats = _formats(book)
    for counter in counters:
        _Sheet(book.add_worksheet(_name(counter)), formats, count).write(lines, counter, round_no)
    book.close()
    return out.getvalue()


def _name(counter: StockCountMember) -> str:
    """The counter's name, as far as a spreadsheet lets a sheet be called."""
    return f"{counter.position}. {_NOT_IN_NAMES.sub(' ', counter.name)}"[:31].strip()


def _formats(book: Any) -> dict[str, Format]:
    cell = {"border": 1, "valign": "vcenter", "font_name": "Times New Roman", "font_size": 11}
    free = {**cell, "locked": False, "bg_color": "#FFF9E0"}
    looks: dict[str, dict[str, Any]] = {
        "title": {"bold": True, "font_size": 14, "font_name": "Times New Roman"},
        "plain": {"font_name": "Times New Roman", "font_size": 11},
        "head": {**cell, "bold": True, "align": "center", "text_wrap": True, "bg_color": "#E7ECF3"},
        "key": {**cell, "font_size": 8, "font_color": "#808080", "num_format": "@"},
        "text": {**cell, "num_format": "@", "text_wrap": True},
        "number": {**cell, "num_format": "#,##0.###"},
        "free_number": {**free, "num_format": "#,##0.###"},
        "free_text": {**free, "num_format": "@"},
    }
    return {name: book.add_format(look) for name, look in looks.items()}


class _Sheet:
    """One counter's sheet."""

    def __init__(self, sheet: Worksheet, formats: dict[str, Format], count: StockCount) -> None:
        self.sheet, self.formats, self.count = sheet, formats, count
        self.columns = [column for column in COLUMNS if column != BOOK or not count.is_blind]
        self.at = {column: x for x, column in enumerate(self.columns)}

    def write(self, lines: Sequence[StockCountLine], counter: StockCountMember, round_no: int) -> None:
        self._head(counter, round_no)
        for y, line in enumerate(lines, _HEADER_ROW + 1):
            self._line(y, line)
        first_spare = _HEADER_ROW + 1 + len(lines)
        for y in range(first_spare, first_spare + SPARE_ROWS):
            self._spare(y)
        self._protect(first_spare + SPARE_ROWS - 1)

    def _head(self, counter: StockCountMember, round_no: int) -> None:
        count, write = self.count, self.sheet.write_string
        way = "đếm mù" if count.is_blind else "có số sổ sách"
        write(0, 0, f"PHIẾU ĐẾM KIỂM KÊ {count.number} · lần {round_no} ({way})", self.formats["title"])
        write(1, 0, SHEET_CODE, self.formats["plain"])
        write(1, 1, sheet_code(count, counter, round_no), self.formats["plain"])
        frozen = f"Kho: {count.store.name} · Chốt sổ lúc {minute_text(count.snapshot_at)} · Người đếm: {counter.name}"
        write(2, 0, frozen, self.formats["plain"])
        write(
            3,
            0,
            "Ghi vào ô vàng. Không có thì ghi 0, ô trống là chưa đếm. Lô có nhập xuất trong lúc kiểm kê cần giờ đếm "
            "(14:35). Lô không có trong sổ: ghi mã thuốc, số lô, hạn dùng ở các dòng cuối.",
            self.formats["plain"],
        )
        for x, column in enumerate(self.columns):
            write(_HEADER_ROW, x, column, self.formats["head"])
            self.sheet.set_column(x, x, _WIDTHS[column])
        self.sheet.set_row(_HEADER_ROW, 32)

    def _line(self, y: int, line: StockCountLine) -> None:
        drug = line.lot.drug
        texts = {
            KEY: row_key(line, self.count.number),
            NO: str(line.position),
            CODE: drug.code,
            NAME: drug.label,
            UNIT: drug.unit,
            LOT: line.lot.number,
            EXPIRY: day_text(line.lot.expires_on),
        }
        for column, value in texts.items():
            self.sheet.write_string(y, self.at[column], value, self.formats["key" if column == KEY else "text"])
        if BOOK in self.at:
            number: Any = line.snapshot_quantity  # a Decimal is written as it is
            self.sheet.write_number(y, self.at[BOOK], number, self.formats["number"])
        self._free(y)

    def _spare(self, y: int) -> None:
        for column in (KEY, NO, NAME, UNIT, *([BOOK] if BOOK in self.at else [])):
            self.sheet.write_blank(y, self.at[column], None, self.formats["text"])
        for column in (CODE, LOT, EXPIRY):
            self.sheet.write_blank(y, self.at[column], None, self.formats["free_text"])
        self._free(y)

    def _free(self, y: int) -> None:
        for column in (COUNTED, DAMAGED):
            self.sheet.write_blank(y, self.at[column], None, self.formats["free_number"])
        for column in (TIME, NOTE):
            self.sheet.write_blank(y, self.at[column], None, self.formats["free_text"])

    def _protect(self, last: int) -> None:
        sheet = self.sheet
        sheet.protect(options={"format_columns": True, "format_rows": True, "select_locked_cells": True})
        sheet.data_validation(
            _HEADER_ROW + 1,
            self.at[COUNTED],
            last,
            self.at[DAMAGED],
            {
                "validate": "decimal",
                "criteria": ">=",
                "value": 0,
                "error_title": "Số đếm",
                "error_message": "Ghi số từ 0 trở lên",
            },
        )
        sheet.freeze_panes(_HEADER_ROW + 1, self.at[NAME] + 1)
        sheet.set_landscape()
        sheet.set_paper(_PAPER_A4)
        sheet.set_margins(left=0.3, right=0.3, top=0.4, bottom=0.5)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(_HEADER_ROW)
        sheet.set_footer(f"&L&8{self.count.number}&R&8Trang &P/&N")
