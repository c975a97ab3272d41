"""Findings of files as a spreadsheet: the list with a filter, the figures by cause, and what could not be checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from insurance.rules.files import Summary
from insurance.rules.listing import Cause, Record, figures_vi
from insurance.rules.words import SEVERITY_VI, catalog_vi

MOST_ROWS = 1_048_575
"""Rows of data that a sheet can hold below its heading."""
_LIST = (
    ("file", "Tệp", 28), ("claim_code", "Mã liên kết", 22), ("table", "Bảng", 8), ("row", "Dòng", 7),
    ("field", "Trường", 18), ("severity", "Mức", 11), ("message", "Nội dung", 60), ("value", "Giá trị", 24),
    ("fix", "Cách sửa", 50), ("law", "Căn cứ", 36), ("rule", "Quy tắc", 26),
)  # fmt: skip
_CAUSES = (
    ("Mức", 11), ("Quy tắc", 28), ("Tên quy tắc", 46), ("Bảng", 12), ("Trường", 20), ("Số chỗ", 10), ("Số hồ sơ", 10),
    ("Cách sửa", 60),
)  # fmt: skip
_FONT = {"font_name": "Times New Roman", "font_size": 11}


class FindingsBook:
    """A workbook that is written row by row, in little memory."""

    def __init__(self, path: Path) -> None:
        self._book = xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": str(path.parent)})
        self._head = self._book.add_format({**_FONT, "bold": True, "bg_color": "#E7ECF3", "border": 1})
        self._cell = self._book.add_format({**_FONT, "num_format": "@"})
        self._number = self._book.add_format({**_FONT, "num_format": "#,##0"})
        self._sheet = _sheet(self._book, "Danh sách", [(title, width) for _, title, width in _LIST], self._head)
        self._rows = 0
        self._left_out = 0

    def add(self, record: Record) -> None:
        """One finding; those beyond the size of a sheet are counted only."""
        if self._rows == MOST_ROWS:
            self._left_out += 1
            return
        self._rows += 1
        cells = [record[name] for name, _, _ in _LIST]
        cells[5] = SEVERITY_VI[str(cells[5])]
        _row(self._sheet, self._rows, cells, self._cell, self._number)

    def close(self, causes: Iterable[Cause], summary: Summary) -> None:
        """Write the other sheets and the file."""
        self._sheet.autofilter(0, 0, max(1, self._rows), len(_LIST) - 1)
        by_cause = _sheet(self._book, "Theo nguyên nhân", _CAUSES, self._head)
        number = 0
        for number, cause in enumerate(causes, 1):
            _row(by_cause, number, _cause_cells(cause), self._cell, self._number)
        by_cause.autofilter(0, 0, max(1, number), len(_CAUSES) - 1)
        notes = [figures_vi(summary)]
        if self._left_out:
            notes.append(f"Trang tính đã đầy, không ghi {self._left_out} dòng cuối; tải tệp JSON để có đủ")
        for at, note in enumerate(notes, number + 2):
            by_cause.write_string(at, 0, note, self._cell)
        missed = _sheet(self._book, "Không kiểm được", [("Quy tắc, tệp", 60), ("Lý do", 80)], self._head)
        rows = [(f"{one.rule}: {one.title}", f"Thiếu {catalog_vi(one.need)}") for one in summary.cannot_run]
        for at, pair in enumerate([*rows, *summary.unreadable], 1):
            _row(missed, at, pair, self._cell, self._number)
        self._book.close()


def _cause_cells(cause: Cause) -> tuple[str | int | None, ...]:
    first = cause.first
    severity = SEVERITY_VI[str(first["severity"])]
    return (
        severity, first["rule"], cause.title, first["table"], first["field"], cause.count, cause.claims, first["fix"]
    )  # fmt: skip


def _sheet(book: xlsxwriter.Workbook, name: str, columns: Iterable[tuple[str, int]], head: Format) -> Worksheet:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    for at, (title, width) in enumerate(columns):
        sheet.set_column(at, at, width)
        sheet.write_string(0, at, title, head)
    return sheet


def _row(sheet: Worksheet, at: int, cells: Iterable[str | int | None], text: Format, number: Format) -> None:
    for column, value in enumerate(cells):
        if isinstance(value, int):
            sheet.write_number(at, column, value, number)
        elif value:
            sheet.write_string(at, column, value[:32767], text)
