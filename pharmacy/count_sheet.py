"""The count sheet as a spreadsheet: its columns, the keys that tell its rows, and how a filled one is read.

Every row carries a key made of the stock-take, the line and a check: a row of another stock-take, a key that was
dragged or mistyped, and a key beside another lot are each refused at their row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.utils.crypto import constant_time_compare, salted_hmac

from his.catalogs.loaders.sheet import CellError, Workbook, code, day, text
from his.core.dates import VIETNAM, local
from his.core.errors import Refusal
from his.core.text import fold
from pharmacy.models import StockCount, StockCountLine, StockCountMember

KEY, NO, CODE, NAME, UNIT = "Khóa dòng", "STT", "Mã thuốc", "Tên thuốc, hàm lượng", "ĐVT"
LOT, EXPIRY, BOOK = "Số lô", "Hạn dùng", "Tồn sổ"
COUNTED, DAMAGED, TIME, NOTE = "Số đếm (còn tốt)", "Hỏng, vỡ", "Giờ đếm", "Ghi chú"
COLUMNS: Final = (KEY, NO, CODE, NAME, UNIT, LOT, EXPIRY, BOOK, COUNTED, DAMAGED, TIME, NOTE)
SHEET_CODE = "Mã phiếu:"
_NOTHING = frozenset({"khong", "khong co", "k"})
_CHECK_LENGTH = 6


@dataclass(frozen=True, slots=True)
class SheetProblem:
    """What is wrong at a row of a sheet; `column` is its heading."""

    sheet: str
    row: int
    column: str
    message_vi: str


@dataclass(frozen=True, slots=True)
class FilledRow:
    """A row with a figure. `key` is empty for a lot that was found outside the book."""

    row: int
    key: str
    drug_code: str
    lot_number: str
    expires_on: date | None
    counted: Decimal
    damaged: Decimal
    counted_at: datetime | None
    note: str


@dataclass(slots=True)
class FilledSheet:
    """One counter's sheet as filled, with the problems met on the way."""

    name: str
    code: str
    code_row: int
    rows: list[FilledRow] = field(default_factory=list)
    problems: list[SheetProblem] = field(default_factory=list)

    def refuse(self, row: int, column: str, message_vi: str) -> None:
        self.problems.append(SheetProblem(self.name, row, column, message_vi))


def _check(*parts: object) -> str:
    return salted_hmac("pharmacy.count_sheet", "/".join(map(str, parts))).hexdigest()[:_CHECK_LENGTH]


def row_key(line: StockCountLine, number: str) -> str:
    """The key of a line: number of the stock-take, position, check."""
    return f"{number}/{line.position}/{_check('row', line.count_id, line.pk, line.position)}"


def sheet_code(count: StockCount, counter: StockCountMember, round_no: int) -> str:
    """What a sheet is: number of the stock-take, place of the counter in the board, round, check."""
    check = _check("sheet", count.pk, counter.pk, round_no)
    return f"{count.number}/{counter.position}/{round_no}/{check}"


def is_code(given: str, expected: str) -> bool:
    return constant_time_compare(given.encode(), expected.encode())


def filled_sheets(book: Workbook, *, snapshot_at: datetime, at: datetime) -> list[FilledSheet]:
    """Every count sheet of a workbook. Refuses a file that has none."""
    found = []
    for name, cells in book.sheets.items():
        head = _code_of(cells)
        if head is not None:
            found.append(_filled(book, name, *head, snapshot_at=snapshot_at, at=at))
    if not found:
        message = f"Tệp {book.source} không phải phiếu đếm của phần mềm (không thấy ô “{SHEET_CODE}”)"
        raise Refusal("not_a_sheet", message, field="file")
    return found


def _code_of(cells: Any) -> tuple[int, str] | None:
    for position, row in enumerate(cells[:15], 1):
        texts = [text(cell) for cell in row]
        if SHEET_CODE in texts:
            rest = texts[texts.index(SHEET_CODE) + 1 :]
            return position, next(filter(None, rest), "")
    return None


def _filled(
    book: Workbook, name: str, code_row: int, sheet_id: str, *, snapshot_at: datetime, at: datetime
) -> FilledSheet:
    sheet = FilledSheet(name, sheet_id, code_row)
    for number, cells in book.table(KEY, COUNTED, sheet=name):
        row = _row(sheet, number, cells, snapshot_at, at)
        if row is not None:
            sheet.rows.append(row)
    return sheet


def _row(
    sheet: FilledSheet, number: int, cells: Mapping[str, Any], snapshot_at: datetime, at: datetime
) -> FilledRow | None:
    """The figures of a row, None when nothing was written in it or something of it cannot be read."""
    typed = [text(cells.get(column)) for column in (COUNTED, DAMAGED, TIME, NOTE)]
    key = text(cells.get(KEY))
    if not any(typed):
        if not key and text(cells.get(CODE)):
            sheet.refuse(number, COUNTED, "Lô ghi thêm chưa có số đếm")
        return None
    if not typed[0]:
        sheet.refuse(number, COUNTED, "Chưa ghi số đếm; không có thì ghi 0")
        return None
    read = _Reader(sheet, number, cells)
    row = FilledRow(
        row=number,
        key=key,
        drug_code=read.get(CODE, code),
        lot_number=read.get(LOT, text),
        expires_on=read.get(EXPIRY, _day),
        counted=read.get(COUNTED, quantity),
        damaged=read.get(DAMAGED, quantity),
        counted_at=read.get(TIME, lambda cell: instant(cell, snapshot_at=snapshot_at, at=at)),
        note=read.get(NOTE, text),
    )
    return row if read.is_readable else None


class _Reader:
    def __init__(self, sheet: FilledSheet, row: int, cells: Mapping[str, Any]) -> None:
        self.sheet, self.row, self.cells = sheet, row, cells
        self.is_readable = True

    def get(self, column: str, read: Any) -> Any:
        try:
            return read(self.cells.get(column))
        except CellError as error:
            self.is_readable = False
            self.sheet.refuse(self.row, column, error.message_vi)
            return None


def quantity(cell: Any) -> Decimal:
    """A number of units; an empty cell (of broken ones) and “không có” are zero. What can be read in two ways is
    refused: `1.500` typed as text may be one and a half."""
    raw = text(cell).replace(" ", "")
    if not raw or fold(text(cell)) in _NOTHING:
        return Decimal(0)
    whole, _, fraction = raw.replace(",", ".").partition(".")
    if isinstance(cell, str) and len(fraction) == 3 and whole.strip("0"):
        raise CellError("ambiguous_number", "Không rõ là phần nghìn hay phần thập phân; hãy gõ số không có dấu")
    try:
        value = Decimal(f"{whole}.{fraction}" if fraction else whole)
    except InvalidOperation:
        raise CellError("not_a_number", f"“{raw}” không phải là số") from None
    if not value.is_finite() or value < 0 or value != value.quantize(Decimal("0.001")):
        raise CellError("not_a_number", "Số đếm từ 0 trở lên, tối đa 3 chữ số lẻ")
    return value


def instant(cell: Any, *, snapshot_at: datetime, at: datetime) -> datetime | None:
    """When a lot was counted: `14:35`, `14h35`, `06/10 14:35` or a time cell. A time without its day is of the only day
    of the stock-take on which it can be; refused when there are two or none."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=VIETNAM)
    clock, on = (cell, None) if isinstance(cell, time) else _typed_time(text(cell), local(at).year)
    if clock is None:
        return None
    first, last = local(snapshot_at).date(), local(at).date()
    days = [on] if on else [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    moments = [datetime.combine(one, clock, VIETNAM) for one in days]
    # The snapshot has seconds, a typed time has none: its minute may hold the snapshot or now.
    fitting = [max(one, snapshot_at) for one in moments if _minute(snapshot_at) <= one <= at]
    if len(fitting) > 1:
        raise CellError("two_days", "Đợt kiểm kê kéo dài nhiều ngày, hãy ghi cả ngày: 06/10 14:35")
    if not fitting:
        raise CellError("bad_time", "Giờ đếm phải sau lúc chốt sổ và không sau bây giờ")
    return fitting[0]


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _typed_time(raw: str, year: int) -> tuple[time | None, date | None]:
    if not raw:
        return None, None
    *days, clock = raw.lower().replace("h", ":").split(" ")
    try:
        moment = datetime.strptime(clock if not clock.endswith(":") else f"{clock}00", "%H:%M").time()
        on = _typed_day(days[0], year) if days else None
    except ValueError:
        raise CellError("bad_time", "Giờ đếm ghi dạng 14:35 hoặc 06/10 14:35") from None
    return moment, on


def _typed_day(raw: str, year: int) -> date:
    parts = raw.split("/")
    return datetime.strptime(raw if len(parts) == 3 else f"{raw}/{year}", "%d/%m/%Y").date()


def _day(cell: Any) -> date | None:
    """An expiry: a date cell, `31/12/2027` or `31122027`; a month alone, `12/2027`, is not enough."""
    raw = text(cell)
    if isinstance(cell, str) and len(raw) == 8 and raw.isdigit():
        try:
            return datetime.strptime(raw, "%d%m%Y").date()
        except ValueError:
            raise CellError("not_a_date", "Hạn dùng ghi dạng 31/12/2027") from None
    try:
        return day(cell)
    except CellError:
        raise CellError("not_a_date", "Hạn dùng ghi dạng 31/12/2027") from None
