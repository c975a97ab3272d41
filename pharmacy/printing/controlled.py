"""The book of drugs under special control of one closed day, and the report of a period, on A4 (TT 18/2026/TT-BYT)."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import local
from his.printing.services import Form, print_form
from his.service import service
from his.ui.text import decimal_text
from pharmacy.controlled import YearRow, books_on
from pharmacy.models import ControlledPage, ControlledSignature
from pharmacy.queries_controlled import differences, year_rows

BOOK = Form("controlled_book", "Sổ theo dõi thuốc kiểm soát đặc biệt", Path(__file__).with_name("controlled_book.typ"))
YEAR = Form("controlled_year", "Báo cáo thuốc kiểm soát đặc biệt", Path(__file__).with_name("controlled_year.typ"))

YEAR_HEADS = (
    "STT",
    "Tên thuốc, dạng bào chế, quy cách đóng gói",
    "Thành phần chính (nồng độ/hàm lượng)",
    "Tên chất GN/HT/TC kèm nồng độ/hàm lượng",
    "Số GĐKLH hoặc số GPNK",
    "Đơn vị tính",
    "Tồn kho kỳ trước chuyển sang",
    "Nhập trong kỳ",
    "Tổng số",
    "Xuất trong kỳ",
    "Hao hụt",
    "Tồn kho cuối kỳ",
    "Ghi chú",
)
YEAR_FORMULAS = ("(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)", "(8)", "(9)=(7)+(8)", "(10)", "(11)",
                 "(12)=(9)-(10)-(11)", "(13)")  # fmt: skip


@service(action="pharmacy.print_book", permission="pharmacy.view")
def print_book(*, page: ControlledPage, actor: Actor, at: datetime) -> bytes:
    """A closed day of a book as PDF with its signatures (in sổ); what changed later is said on it."""
    number = f"{page.store.code}-{page.control_class}-{page.day:%Y%m%d}"
    return print_form(form=BOOK, obj=page, data=book_data(page), number=number, actor=actor, at=at)


def book_data(page: ControlledPage) -> dict[str, Any]:
    """What the paper says: the rows as they were closed."""
    book = books_on(page.day)[page.control_class]
    signed = {one.role: one for one in page.signatures.select_related("by")}
    role = ControlledSignature.Role
    return {
        "title": book.title_vi,
        "annex": book.annex,
        "store": page.store.name,
        "day": f"{page.day:%d/%m/%Y}",
        "sha256": page.sha256,
        "drugs": [readable(row) for row in page.rows],
        "keeper": _signature(signed.get(role.KEEPER)),
        "head": _signature(signed.get(role.HEAD)),
        "changed": [row["code"] for row in differences(page)],
    }


def readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A drug of a stored day with its quantities as people write them; an empty side of a movement is empty."""
    return {
        **{name: row[name] for name in ("name", "registration_no", "unit")},
        "strength": "" if row["strength"].casefold() in row["name"].casefold() else row["strength"],
        "opening": _number(row["opening"]),
        "closing": _number(row["closing"]),
        "rows": [
            one
            | {name: _number(one[name]) if one[name] != "0" else "" for name in ("incoming", "outgoing")}
            | {"left": _number(one["left"])}
            for one in row["rows"]
        ],
    }


def _number(text: str) -> str:
    return decimal_text(Decimal(text))


def _signature(one: ControlledSignature | None) -> dict[str, str] | None:
    return {"name": one.by.display_name, "at": f"{local(one.at):%d/%m/%Y %H:%M}"} if one is not None else None


@service(action="pharmacy.print_controlled_year", permission="pharmacy.view")
def print_year(*, first: date, last: date, actor: Actor, at: datetime) -> bytes:
    """The report of annex IX for a period as PDF (báo cáo xuất, nhập, tồn kho, sử dụng)."""
    rows = year_rows(actor.facility, first, last)
    data = {
        "period": f"từ ngày {first:%d/%m/%Y} đến ngày {last:%d/%m/%Y}",
        "day": f"Ngày {local(at):%d} tháng {local(at):%m} năm {local(at):%Y}",
        "heads": list(YEAR_HEADS),
        "formulas": list(YEAR_FORMULAS),
        "rows": [[str(number), *year_cells(row)] for number, row in enumerate(rows, 1)],
    }
    number = f"{first:%Y%m%d}-{last:%Y%m%d}"
    return print_form(form=YEAR, obj=actor.facility, data=data, number=number, actor=actor, at=at)


def year_cells(row: YearRow) -> list[str]:
    """Columns (2) to (13) as texts."""
    figures = (row.opening, row.incoming, row.total, row.outgoing, row.lost, row.closing)
    return [row.name, row.ingredient, row.substance, row.registration_no, row.unit, *map(decimal_text, figures), ""]


def year_xlsx(facility: Facility, rows: Sequence[YearRow], first: date, last: date) -> bytes:
    """The same report as a workbook; quantities are numbers, (9) and (12) formulas with their values."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False})
    book.set_properties({"created": datetime(last.year, last.month, last.day, tzinfo=UTC)})
    sheet = book.add_worksheet("Phụ lục IX")
    look = {"font_name": "Times New Roman", "font_size": 11}
    bold = book.add_format(look | {"bold": True})
    middle = {"align": "center", "valign": "vcenter"}
    head = book.add_format(look | middle | {"bold": True, "border": 1, "text_wrap": True})
    text = book.add_format(look | {"border": 1, "text_wrap": True})
    figure = book.add_format(look | {"border": 1, "num_format": "#,##0.###"})
    sheet.write_string(0, 0, facility.name, bold)
    sheet.write_string(1, 0, "BÁO CÁO XUẤT, NHẬP, TỒN KHO, SỬ DỤNG THUỐC PHẢI KIỂM SOÁT ĐẶC BIỆT", bold)
    sheet.write_string(2, 0, f"Từ ngày {first:%d/%m/%Y} đến ngày {last:%d/%m/%Y}", book.add_format(look))
    for x, (name, formula) in enumerate(zip(YEAR_HEADS, YEAR_FORMULAS, strict=True)):
        sheet.write_string(4, x, name, head)
        sheet.write_string(5, x, formula, head)
        sheet.set_column(x, x, 28 if x in {1, 2, 3} else 13)
    for y, row in enumerate(rows, 6):
        line = y + 1
        sheet.write_number(y, 0, y - 5, text)
        for x, value in enumerate((row.name, row.ingredient, row.substance, row.registration_no, row.unit), 1):
            sheet.write_string(y, x, value, text)
        for x, amount in ((6, row.opening), (7, row.incoming), (9, row.outgoing), (10, row.lost)):
            sheet.write_number(y, x, amount, figure)
        sheet.write_formula(y, 8, f"=G{line}+H{line}", figure, row.total)
        sheet.write_formula(y, 11, f"=I{line}-J{line}-K{line}", figure, row.closing)
        sheet.write_blank(y, 12, None, text)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    book.close()
    return out.getvalue()
