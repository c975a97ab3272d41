"""A statement of the bank as CSV. Pure: bytes in, lines out; what cannot be read is named with its line.

Banks name their columns differently: `reports/data/bank_columns.csv` lists the headings that are known for each of day,
reference, content and credit (money that came in). The headings may stand below lines about the account.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from his.core.errors import Refusal
from his.core.money import ZERO
from his.core.text import fold, nfc
from reports.bank.matching import letters

COLUMNS = Path(__file__).parents[1] / "data" / "bank_columns.csv"
FIELDS = {"day": "ngày", "reference": "mã giao dịch", "content": "nội dung", "credit": "số tiền ghi có"}
MOST_BYTES, MOST_LINES, HEADINGS_WITHIN = 5_000_000, 20_000, 40
_DAYS = ("%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%y")
_GROUPS = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d{1,2})?")
_PLAIN = re.compile(r"\d+(?:[.,]\d{1,2})?")
_DIGITS, _YEARS = 15, range(2000, 2100)
_DAMAGED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
"""What a spreadsheet makes of a long number: its last figures are gone."""
_TOTAL = re.compile(
    r"((tong|cong|tong cong|total)( so)?( phat sinh| tien)?( co| no| vao| credit| debit)?( trong ky)?"
    r"|(so du|opening|closing|ending)( balance)?( dau| cuoi)?( ky| ngay)?)"
)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """Money that came in, đồng."""

    day: date
    reference: str
    content: str
    amount: Decimal


def read_statement(content: bytes) -> tuple[list[StatementLine], int]:
    """The lines of money that came in, and how many lines had none. Refuses a file without the four columns, and a
    line that cannot be read, by its number."""
    require_size(len(content))
    rows, places = _table(_text(content))
    lines, skipped, seen = [], 0, set[tuple[str, date, Decimal]]()
    for number, row in rows:
        cells = {field: row[at].strip() if at < len(row) else "" for field, at in places.items()}
        if not any(cells.values()):
            continue
        amount = ZERO if _is_total(cells, row) else _amount(cells["credit"], number)
        if not amount:
            skipped += 1
            continue
        line = StatementLine(
            _day(cells["day"], number), _reference(cells["reference"], number), nfc(cells["content"])[:500], amount
        )
        identity = (letters(line.reference), line.day, line.amount)
        if identity in seen:
            raise _wrong(number, f"mã giao dịch {line.reference} có hai lần trong tệp, cùng ngày và số tiền")
        seen.add(identity)
        lines.append(line)
    if len(lines) > MOST_LINES:
        raise Refusal("too_many", f"Sao kê có hơn {MOST_LINES} dòng, hãy tách theo tháng", field="file")
    if not lines:
        raise Refusal("empty", "Sao kê không có dòng tiền vào nào", field="file")
    return lines, skipped


def require_size(size: int) -> None:
    """Refuses a file of more bytes than a statement has; a page asks before it reads."""
    if size > MOST_BYTES:
        raise Refusal("too_big", "Tệp sao kê lớn hơn 5 MB", field="file")


def _text(content: bytes) -> str:
    for mark, name in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig")):
        if content.startswith(mark):
            try:
                return content.decode(name)
            except UnicodeDecodeError:
                break
    raise Refusal("encoding", "Không đọc được tệp: hãy lưu sao kê dạng CSV UTF-8", field="file")


def _table(text: str) -> tuple[list[tuple[int, list[str]]], dict[str, int]]:
    """The numbered rows below the headings, and where the four columns are; by the sign with which they are found."""
    missing: list[Refusal] = []
    for delimiter in sorted(",;\t", key=text.count, reverse=True):
        rows, broken = _rows(text, delimiter)
        try:
            head, places = _headings([row for _, row in rows])
        except Refusal as refusal:
            missing.append(broken or refusal)
            continue
        if broken:
            raise broken
        return rows[head + 1 :], places
    raise min(missing, key=lambda refusal: len(str(refusal)))


def _rows(text: str, delimiter: str) -> tuple[list[tuple[int, list[str]]], Refusal | None]:
    """The rows with the numbers of their lines, and what is wrong with the first that cannot be taken apart."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    number = 1
    try:
        for row in reader:
            rows.append((number, row))
            number = reader.line_num + 1
    except csv.Error:
        return rows, _wrong(number, "dấu ngoặc kép mở, đóng không đúng chỗ")
    return rows, None


@cache
def _known() -> Mapping[str, str]:
    with COLUMNS.open(encoding="utf-8", newline="") as file:
        return {_plain(row["heading"]): row["field"] for row in csv.DictReader(file)}


def _plain(heading: str) -> str:
    return " ".join(re.sub(r"\(.*?\)|[^a-z0-9 ]", " ", fold(heading.split("\n")[0])).split())


def _headings(rows: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]]:
    best: dict[str, int] = {}
    for number, row in enumerate(rows[:HEADINGS_WITHIN]):
        places: dict[str, int] = {}
        for at, cell in enumerate(row):
            if (field := _known().get(_plain(cell))) is not None:
                places.setdefault(field, at)
        if len(places) == len(FIELDS):
            return number, places
        best = max(best, places, key=len)
    missing = ", ".join(name for field, name in FIELDS.items() if field not in best)
    raise Refusal("no_columns", f"Không tìm thấy cột {missing} trong tệp sao kê", field="file")


def _is_total(cells: Mapping[str, str], row: Sequence[str]) -> bool:
    """A sum or a balance is called so in a cell of its own, and has no day or no reference; a sum at the foot may have
    neither day nor reference nor a name."""
    has_day = cells["day"][:1].isdecimal()
    is_called = any(_TOTAL.fullmatch(_plain(cell)) for cell in row)
    return not (has_day and cells["reference"]) and (is_called or (not has_day and not cells["reference"]))


def _reference(text: str, number: int) -> str:
    if not letters(text):
        raise _wrong(number, "không có mã giao dịch")
    if len(text) > 50:
        raise _wrong(number, "mã giao dịch dài quá 50 ký tự")
    if _DAMAGED.fullmatch(text):
        cure = "hãy tải lại tệp từ ngân hàng và nhập ngay, không lưu qua Excel"
        raise _wrong(number, f"mã giao dịch '{text}' đã bị Excel làm hỏng: {cure}")
    return text


def _day(text: str, number: int) -> date:
    for form in _DAYS:
        try:
            day = datetime.strptime(text.split()[0], form).date()
        except (ValueError, IndexError):
            continue
        if day.year not in _YEARS:
            raise _wrong(number, f"ngày '{text}' ngoài các năm {_YEARS[0]} đến {_YEARS[-1]}")
        return day
    raise _wrong(number, f"ngày '{text}' không đọc được")


def _amount(text: str, number: int) -> Decimal:
    """1.234.567 or 1,234,567.00 or 1234567; empty and 0 are none."""
    plain = text.replace(" ", "").replace("\u00a0", "").removeprefix("+").removesuffix("VND").removesuffix("đ")
    if plain in ("", "-"):
        return ZERO
    if grouped := _GROUPS.fullmatch(plain):
        plain = plain.replace(grouped[1], "")
    elif not _PLAIN.fullmatch(plain):
        raise _wrong(number, f"số tiền '{text}' không đọc được")
    amount = Decimal(plain.replace(",", "."))
    if amount >= 10**_DIGITS:
        raise _wrong(number, f"số tiền '{text}' có quá {_DIGITS} chữ số")
    return amount


def _wrong(number: int, what: str) -> Refusal:
    return Refusal("wrong_line", f"Dòng {number} của sao kê: {what}", field="file")
