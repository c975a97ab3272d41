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

COLUMNS = Path(__file__).parents[1] / "data" / "bank_columns.csv"
FIELDS = {"day": "ngày", "reference": "mã giao dịch", "content": "nội dung", "credit": "số tiền ghi có"}
MOST_BYTES, MOST_LINES, HEADINGS_WITHIN = 5_000_000, 20_000, 40
_DAYS = ("%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%y")
_GROUPS = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*(?:[.,]\d{1,2})?")
_PLAIN = re.compile(r"\d+(?:[.,]\d{1,2})?")


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
    if len(content) > MOST_BYTES:
        raise Refusal("too_big", "Tệp sao kê lớn hơn 5 MB", field="file")
    rows = list(csv.reader(io.StringIO(_text(content), newline=""), delimiter=_delimiter(content)))
    head, places = _headings(rows)
    lines, skipped, seen = [], 0, set[str]()
    for number, row in enumerate(rows[head + 1 :], head + 2):
        cells = {field: row[at].strip() if at < len(row) else "" for field, at in places.items()}
        if not any(cells.values()):
            continue
        amount = _amount(cells["credit"], number)
        if not amount or not cells["reference"]:
            if amount and not _is_total(cells):
                raise _wrong(number, "không có mã giao dịch")
            skipped += 1
            continue
        if cells["reference"] in seen:
            raise _wrong(number, f"mã giao dịch {cells['reference']} có hai lần trong tệp")
        seen.add(cells["reference"])
        if len(cells["reference"]) > 50:
            raise _wrong(number, "mã giao dịch dài quá 50 ký tự")
        lines.append(StatementLine(_day(cells["day"], number), cells["reference"], nfc(cells["content"])[:500], amount))
    if len(lines) > MOST_LINES:
        raise Refusal("too_many", f"Sao kê có hơn {MOST_LINES} dòng, hãy tách theo tháng", field="file")
    if not lines:
        raise Refusal("empty", "Sao kê không có dòng tiền vào nào", field="file")
    return lines, skipped


def _text(content: bytes) -> str:
    for mark, name in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig")):
        if content.startswith(mark):
            try:
                return content.decode(name)
            except UnicodeDecodeError:
                break
    raise Refusal("encoding", "Không đọc được tệp: hãy lưu sao kê dạng CSV UTF-8", field="file")


def _delimiter(content: bytes) -> str:
    text = _text(content)
    return max(",;\t", key=lambda sign: text.count(sign))


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


def _is_total(cells: Mapping[str, str]) -> bool:
    """A sum at the foot has no day."""
    return not cells["day"] or not cells["day"][0].isdecimal()


def _day(text: str, number: int) -> date:
    for form in _DAYS:
        try:
            return datetime.strptime(text.split()[0], form).date()
        except (ValueError, IndexError):
            continue
    raise _wrong(number, f"ngày '{text}' không đọc được")


def _amount(text: str, number: int) -> Decimal:
    """1.234.567 or 1,234,567.00 or 1234567; empty and 0 are none."""
    plain = text.replace(" ", "").replace("\u00a0", "").removeprefix("+").removesuffix("VND").removesuffix("đ")
    if plain in ("", "-"):
        return ZERO
    if grouped := _GROUPS.fullmatch(plain):
        sign = grouped[1]
        return Decimal(plain.replace(sign, "").replace(",", "."))
    if _PLAIN.fullmatch(plain):
        return Decimal(plain.replace(",", "."))
    raise _wrong(number, f"số tiền '{text}' không đọc được")


def _wrong(number: int, what: str) -> Refusal:
    return Refusal("wrong_line", f"Dòng {number} của sao kê: {what}", field="file")
