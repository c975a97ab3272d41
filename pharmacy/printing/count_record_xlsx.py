"""The record of a stock-take as a spreadsheet: the same 13 columns, with real numbers."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import xlsxwriter

from his.accounts.models import Facility
from his.core.money import round0
from his.ui.text import day_text

_COLUMNS: Final = (
    ("STT", 5),
    ("Tên thuốc, nồng độ, hàm lượng", 36),
    ("Đơn vị", 8),
    ("Đơn giá", 11),
    ("Số kiểm soát", 13),
    ("Nước sản xuất", 11),
    ("Hạn dùng", 11),
    ("Sổ sách: số lượng", 10),
    ("Sổ sách: thành tiền", 14),
    ("Thực tế: số lượng", 10),
    ("Thực tế: thành tiền", 14),
    ("Hỏng, vỡ", 9),
    ("Ghi chú", 30),
)
_LAST = len(_COLUMNS) - 1
_PAPER_A4 = 9
_FONT = {"font_name": "Times New Roman", "font_size": 10, "valign": "vcenter"}


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One lot. Quantities are None while they are not settled; amounts are whole đồng."""

    name: str
    unit: str
    unit_cost: Decimal
    lot: str
    country: str
    expires_on: date
    book: Decimal | None
    counted: Decimal | None
    damaged: Decimal | None
    note: str

    @property
    def book_amount(self) -> Decimal | None:
        return round0(self.book * self.unit_cost) if self.book is not None else None

    @property
    def counted_amount(self) -> Decimal | None:
        return round0(self.counted * self.unit_cost) if self.counted is not None else None


def record_workbook(data: Mapping[str, Any], rows: Sequence[RecordRow], facility: Facility) -> bytes:
    """The workbook of one form; `data` are its texts."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False})
    border = {**_FONT, "border": 1}
    looks: dict[str, dict[str, Any]] = {
        "plain": _FONT,
        "bold": {**_FONT, "bold": True},
        "right": {**_FONT, "align": "right", "bold": True},
        "center": {**_FONT, "align": "center"},
        "title": {**_FONT, "bold": True, "align": "center", "font_size": 14},
        "signer": {**_FONT, "bold": True, "align": "center"},
        "head": {**border, "bold": True, "align": "center", "text_wrap": True, "bg_color": "#E7ECF3"},
        "text": {**border, "text_wrap": True, "num_format": "@"},
        "number": {**border, "num_format": "#,##0.###"},
        "money": {**border, "num_format": "#,##0"},
        "total": {**border, "bold": True, "num_format": "#,##0"},
    }
    formats = {name: book.add_format(look) for name, look in looks.items()}
    sheet = book.add_worksheet(data["form_no"].split("/")[0])
    y = _head(sheet, data, facility, formats)
    sheet.freeze_panes(y + 1, 2)
    sheet.repeat_rows(y)
    for number, row in enumerate(rows, 1):
        _write_row(sheet, y + number, number, row, formats)
    _foot(sheet, y + len(rows) + 1, data, rows, formats)
    sheet.set_landscape()
    sheet.set_paper(_PAPER_A4)
    sheet.set_margins(left=0.3, right=0.3, top=0.4, bottom=0.5)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer(f"&L&8{data['count_number']}&R&8Trang &P/&N")
    book.close()
    return out.getvalue()


def _head(sheet: Any, data: Mapping[str, Any], facility: Facility, formats: Mapping[str, Any]) -> int:
    merge = sheet.merge_range
    merge(0, 0, 0, 6, facility.parent_name, formats["plain"])
    merge(0, 7, 0, _LAST, f"MS: {data['form_no']}", formats["right"])
    merge(1, 0, 1, 6, facility.name, formats["bold"])
    merge(1, 7, 1, _LAST, f"Số: {data['count_number']}", formats["right"])
    merge(2, 0, 2, _LAST, data["title"], formats["title"])
    where = f"Nơi kiểm kê: {data['store']} · Từ {data['from']} đến {data['until']} · Chốt sổ lúc {data['snapshot']}"
    merge(3, 0, 3, _LAST, where, formats["center"])
    y = 4
    for number, member in enumerate(data["members"], 1):
        who = f"{number}. {member['name']} · {member['title']} · {member['role']}"
        merge(y, 0, y, _LAST, who, formats["plain"])
        y += 1
    for x, (title, width) in enumerate(_COLUMNS):
        sheet.set_column(x, x, width)
        sheet.write_string(y, x, title, formats["head"])
    sheet.set_row(y, 32)
    return y


def _write_row(sheet: Any, y: int, number: int, row: RecordRow, formats: Mapping[str, Any]) -> None:
    values = (
        (number, "number"),
        (row.name, "text"),
        (row.unit, "text"),
        (row.unit_cost, "number"),
        (row.lot, "text"),
        (row.country, "text"),
        (day_text(row.expires_on), "text"),
        (row.book, "number"),
        (row.book_amount, "money"),
        (row.counted, "number"),
        (row.counted_amount, "money"),
        (row.damaged or None, "number"),
        (row.note, "text"),
    )
    for x, (value, look) in enumerate(values):
        if value is None or value == "":
            sheet.write_blank(y, x, None, formats[look])
        elif look == "text":
            sheet.write_string(y, x, value, formats[look])
        else:
            sheet.write_number(y, x, value, formats[look])


def _foot(sheet: Any, y: int, data: Mapping[str, Any], rows: Sequence[RecordRow], formats: Mapping[str, Any]) -> None:
    sheet.merge_range(y, 0, y, 7, f"Cộng khoản: {data['lines']}", formats["total"])
    sheet.write_number(y, 8, sum(row.book_amount or 0 for row in rows), formats["total"])
    sheet.write_blank(y, 9, None, formats["total"])
    sheet.write_number(y, 10, sum(row.counted_amount or 0 for row in rows), formats["total"])
    for x in (11, 12):
        sheet.write_blank(y, x, None, formats["total"])
    sheet.merge_range(y + 1, 0, y + 1, _LAST, f"Ý kiến đề xuất: {data['proposal']}", formats["plain"])
    if data["state"]:
        sheet.merge_range(y + 2, 0, y + 2, _LAST, f"({data['state']})", formats["bold"])
    for signer, (first, last) in zip(data["signers"], ((0, 3), (4, 7), (8, _LAST)), strict=True):
        sheet.merge_range(y + 4, first, y + 4, last, signer["role"], formats["signer"])
        sheet.merge_range(y + 5, first, y + 5, last, "(Ký, họ tên)", formats["center"])
        sheet.merge_range(y + 9, first, y + 9, last, ", ".join(signer["names"]), formats["center"])
