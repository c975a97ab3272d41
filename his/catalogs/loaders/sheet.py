"""Reading a catalogue file (xlsx or CSV) into rows of cells, with the traps of real files handled in one place.

Spreadsheets turn codes into numbers, prices into text and names into formulas; old exports use the TCVN3 or VNI
fonts. What cannot be read for certain is refused with a message, never guessed.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

from his.core.errors import Refusal
from his.core.text import fold, nfc

# Letters of the legacy one-byte fonts, as they look when read as Unicode.
_TCVN3 = re.compile(r"[®¸¶·¹¨»¾¼½Æ©ÊÇËÉªÕÒÔÖ×ÝÞß«¬\u00ad¦§¡¢£¤¥]")
_VNI = re.compile(r"ñ|[aeouyö][ùøûõïâêéèëäöáàåãúü]", re.IGNORECASE)
_UNICODE_VIETNAMESE = re.compile(r"[\u1ea0-\u1ef9ăđơưĂĐƠƯ]")
_GROUPED = re.compile(r"^\d{1,3}([.,])\d{3}(\1\d{3})+([.,]\d+)?$")
_ONE_GROUP = re.compile(r"^\d{1,3}[.,]\d{3}$")


class CellError(ValueError):
    """A cell that cannot be read; `code` is stable, the message is Vietnamese."""

    def __init__(self, code: str, message_vi: str) -> None:
        super().__init__(message_vi)
        self.code = code
        self.message_vi = message_vi


@dataclass(frozen=True, slots=True)
class Table:
    """A header and the rows below it. `rows` pairs the number that a spreadsheet shows with cells by column name."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, Any]], ...]

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        return iter(self.rows)

    def require(self, *columns: str) -> None:
        """Refuse the file when a column is missing."""
        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise Refusal("missing_columns", f"Tệp thiếu cột: {', '.join(missing)}", field="path")


@dataclass(frozen=True, slots=True)
class Workbook:
    """All sheets of a file as raw cells; a CSV is a workbook of one sheet."""

    source: str
    sheets: Mapping[str, Sequence[Sequence[Any]]]

    def table(self, *required: str, sheet: str | None = None) -> Table:
        """The first sheet (or the named one) with a header of all required columns in its first 15 rows."""
        names = [sheet] if sheet is not None else list(self.sheets)
        for name in names:
            for position, cells in enumerate(self.sheets[name][:15]):
                columns = tuple(nfc(str(cell)) for cell in cells)
                if set(required) <= set(columns):
                    return _below(name, columns, self.sheets[name], position)
        raise Refusal("missing_columns", f"Không tìm thấy bảng có các cột: {', '.join(required)}", field="path")


def _below(name: str, columns: tuple[str, ...], cells: Sequence[Sequence[Any]], header: int) -> Table:
    rows = []
    for position, row in enumerate(cells[header + 1 :], header + 2):
        if any(text(cell) for cell in row):
            rows.append((position, dict(zip(columns, row, strict=False))))
    return Table(name, columns, tuple(rows))


def open_workbook(path: Path) -> Workbook:
    """Read a .xlsx, .xls, .ods or .csv file. Refuses a missing, damaged, empty or legacy-encoded file."""
    if not path.is_file():
        raise Refusal("no_file", f"Không thấy tệp {path.name}", field="path")
    sheets = _csv_sheets(path) if path.suffix.lower() in {".csv", ".txt"} else _excel_sheets(path)
    if not any(any(text(cell) for cell in row) for rows in sheets.values() for row in rows):
        raise Refusal("empty_file", f"Tệp {path.name} không có dữ liệu", field="path")
    _refuse_legacy(sheets)
    return Workbook(path.name, sheets)


def _excel_sheets(path: Path) -> dict[str, Sequence[Sequence[Any]]]:
    try:
        book = CalamineWorkbook.from_path(str(path))
        return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except Exception as error:  # the reader raises its own types for each way a file is broken
        raise Refusal(
            "not_a_workbook", f"Không đọc được bảng tính {path.name}: tệp hỏng hoặc sai định dạng", field="path"
        ) from error


def _csv_sheets(path: Path) -> dict[str, Sequence[Sequence[Any]]]:
    raw = path.read_bytes()
    try:
        content = raw.decode("utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    except UnicodeDecodeError:
        font = legacy_font(raw.decode("latin-1"))
        found = f"có vẻ dùng bảng mã {font}" if font else "không phải Unicode"
        raise Refusal("legacy_encoding", f"Tệp {path.name} {found}; hãy lưu lại dạng CSV UTF-8", field="path") from None
    first = content.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return {path.stem: list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter))}
    except csv.Error as error:  # a cell of more than 131,072 characters: mostly a quotation mark that never closes
        message = f"Không đọc được tệp {path.name}: có ô quá dài, có thể thiếu dấu ngoặc kép đóng"
        raise Refusal("not_a_table", message, field="path") from error


def _refuse_legacy(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> None:
    sample = " ".join(cell for rows in sheets.values() for row in rows[:400] for cell in row if isinstance(cell, str))
    if font := legacy_font(sample):
        message = f"Chữ trong tệp dùng bảng mã {font} cũ, không phải Unicode; hãy chuyển mã rồi nhập lại"
        raise Refusal("legacy_encoding", message, field="path")


def legacy_font(sample: str) -> str | None:
    """`TCVN3 (ABC)` or `VNI` when the text was typed with such a font, else None. A few stray signs do not count."""
    proper = len(_UNICODE_VIETNAMESE.findall(sample))
    tcvn3, vni = len(_TCVN3.findall(sample)), len(_VNI.findall(sample))
    if max(tcvn3, vni) < 5 or max(tcvn3, vni) <= proper:
        return None
    return "TCVN3 (ABC)" if tcvn3 >= vni else "VNI"


def text(cell: Any) -> str:
    """A cell as clean text; whole numbers lose the `.0` that spreadsheets give them."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime | date):
        return cell.strftime("%Y%m%d")
    return nfc(str(cell))


def code(cell: Any) -> str:
    """A code as text without blanks. Refuses a fraction: the spreadsheet has dropped its zeros (02.10 became 2.1)."""
    if isinstance(cell, float) and not cell.is_integer():
        raise CellError("numeric_code", "Mã bị bảng tính đổi thành số, mất số 0; hãy định dạng cột là văn bản")
    return re.sub(r"\s+", "", text(cell))


def money(cell: Any, *, empty: Decimal | None = None) -> Decimal:
    """An amount in đồng: a number, or text such as `1,363,000`, `1.363.000` or `39800.5`.

    Refuses what can be read in two ways (`39.800` may be 39800 or 39,8) and negative amounts.
    """
    raw = text(cell).replace(" ", "").removesuffix("đ")
    if not raw:
        if empty is None:
            raise CellError("required", "Thiếu số tiền")
        return empty
    if isinstance(cell, str) and _ONE_GROUP.match(raw):
        raise CellError("ambiguous_number", "Số có một dấu phân cách, không rõ là phần nghìn hay phần thập phân")
    if grouped := _GROUPED.match(raw):
        raw = raw.replace(grouped[1], "").replace(",", ".")
    elif raw.count(",") == 1 and "." not in raw:
        raw = raw.replace(",", ".")
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise CellError("not_a_number", "Không phải số tiền") from None
    if not value.is_finite() or value < 0:
        raise CellError("not_a_number", "Số tiền phải là số không âm")
    return value.quantize(Decimal("0.001"))


def optional_money(cell: Any) -> Decimal | None:
    """An amount in đồng as `money` reads it; None when the cell is empty."""
    return money(cell) if text(cell) else None


def day(cell: Any) -> date | None:
    """A date from a date cell or from `20260101`, `2026-01-01`, `01/01/2026`; None when empty."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    raw = text(cell)
    if not raw:
        return None
    for shape in ("%Y%m%d", "%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(raw, shape).date()
        except ValueError:
            continue
    raise CellError("not_a_date", "Ngày phải dạng 20260131 hoặc 31/01/2026")


def flag(cell: Any) -> bool:
    """A yes/no cell: 1, x, * or `có` is yes; empty, 0 or `không` is no."""
    raw = fold(text(cell))
    if raw in {"1", "x", "*", "(*)", "co", "true"}:
        return True
    if raw in {"", "0", "khong", "false"}:
        return False
    raise CellError("not_a_flag", "Ô này chỉ nhận 0 hoặc 1")
