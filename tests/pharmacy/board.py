"""A stock-take for the tests: its board, counts written down, and sheets filled in."""

import io
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from openpyxl import load_workbook

from his.demo.places import Place
from pharmacy.counting import FIRST_ROUND
from pharmacy.models import StockCount, StockCountEntry, StockCountLine, StockCountMember, StockDocument, Store
from pharmacy.printing.count_sheet import lines_to_count
from pharmacy.printing.count_workbook import count_workbook
from pharmacy.queries_stocktake import counters_of
from pharmacy.services.stock import LotLine, record_loss
from pharmacy.services.stocktake import Found, Member, explain, open_count, record_count
from pharmacy.services.stocktake_end import approve_count, post_count
from tests.cast import at
from tests.pharmacy import shelf

BOARD = [
    Member("Phan Giám Đốc", "Giám đốc", "chairman"),
    Member("Tạ Thư Ký", "Kế toán", "secretary"),
    Member("Mai Thị Dược", "Dược sĩ", "member", is_counter=True),
    Member("Lý Thị Điều", "Điều dưỡng", "member", is_counter=True),
]
HEADER = 5
"""Row of the headings in a sheet, as a spreadsheet shows it."""


def opened(place: Place, store: Store, *, when: datetime | None = None, **asked: object) -> StockCount:
    """A stock-take of the whole store, opened by the pharmacist at 8:00."""
    wanted: dict[str, object] = {"occasion": "monthly", "scope": "store", "members": BOARD, **asked}
    return open_count(store=store, actor=place.actor("pharmacist"), at=when or at(8), **wanted)  # type: ignore[arg-type]


def line(count: StockCount, lot: str) -> StockCountLine:
    found: StockCountLine = count.lines.select_related("lot__drug", "count").get(lot__number=lot)
    return found


def counter(count: StockCount, which: int = 0) -> StockCountMember:
    return list(counters_of(count))[which]


def seen(
    place: Place,
    count: StockCount,
    lot: str,
    counted: int | str,
    *,
    when: datetime,
    damaged: int | str = 0,
    round_no: int = FIRST_ROUND,
    who: int = 0,
) -> StockCountEntry:
    """One figure, counted and written down at that time."""
    return record_count(
        line=line(count, lot),
        counter=counter(count, who),
        round_no=round_no,
        found=Found(line(count, lot), Decimal(counted), Decimal(damaged), counted_at=when),
        actor=place.actor("pharmacist"),
        at=when,
    )


def twice(place: Place, count: StockCount, lot: str, counted: int | str, *, when: datetime, **more: int | str) -> None:
    """A figure that differs from the book, counted a second time at the same instant, with a reason."""
    for round_no in (1, 2):
        seen(place, count, lot, counted, when=when, round_no=round_no, **more)  # type: ignore[arg-type]
    because(place, count, lot)


def because(place: Place, count: StockCount, lot: str, reason: str = "Cấp nhầm lô") -> None:
    explain(line=line(count, lot), reason=reason, actor=place.actor("pharmacist"), at=at(11))


def approve(place: Place, count: StockCount, when: datetime | None = None) -> StockCount:
    return approve_count(count=count, proposal="Sắp xếp lại kho", actor=place.actor("manager"), at=when or at(12))


def post(place: Place, count: StockCount, when: datetime | None = None) -> StockCount:
    return post_count(count=count, actor=place.actor("pharmacist"), at=when or at(13))


def out(place: Place, store: Store, lot: str, quantity: int | str, when: datetime) -> StockDocument:
    """So much of a lot leaves the store."""
    line = LotLine(lot=shelf.lot(lot), quantity=Decimal(quantity))
    return record_loss(store=store, lines=[line], reason="Thử", actor=place.actor("pharmacist"), at=when)


class Paper:
    """A count sheet as a counter fills it in."""

    def __init__(self, count: StockCount, *, who: int = 0, round_no: int = FIRST_ROUND) -> None:
        book = count_workbook(count, lines_to_count(count, round_no), [counter(count, who)], round_no)
        self.book = load_workbook(io.BytesIO(book))
        self.sheet = self.book.worksheets[0]
        self.columns = {cell.value: cell.column for cell in self.sheet[HEADER]}

    def row_of(self, lot: str) -> int:
        column = self.columns["Số lô"]
        return next(row for row in range(HEADER + 1, 200) if self.sheet.cell(row, column).value == lot)

    def free_row(self) -> int:
        return next(row for row in range(HEADER + 1, 200) if not self.sheet.cell(row, self.columns["Mã thuốc"]).value)

    def put(self, row: int, column: str, value: object) -> None:
        self.sheet.cell(row, self.columns[column]).value = value

    def fill(self, lot: str, counted: object, damaged: object = None, time: object = None) -> "Paper":
        row = self.row_of(lot)
        for column, value in (("Số đếm (còn tốt)", counted), ("Hỏng, vỡ", damaged), ("Giờ đếm", time)):
            self.put(row, column, value)
        return self

    def save(self, path: Path) -> Path:
        self.book.save(path)
        return path
