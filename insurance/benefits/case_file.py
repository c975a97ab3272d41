"""A CSV file of worked cases, row by row: one row that cannot be taken apart spoils no other and is never left out.

A quotation mark that is not closed would swallow all rows after it. In a sound row they come in pairs, so a row ends
with the first line that makes them even. When none does, or when what was gathered has not the cells of the heading,
that line stands alone and reading goes on with the next.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from his.core.errors import Refusal

_NEEDED = ("ngay_ra", "items_json")
_PROSE = frozenset({"group", "description", "source", "note"})
_QUOTES = "dấu ngoặc kép mở, đóng không đúng chỗ"
_LONGEST_CELL = 64 * 1024 * 1024
"""A stay of a month has more lines than the reader's own limit of a cell allows."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A row: the number of its first line in the file, its cells by column, what is wrong with it or nothing."""

    line: int
    cells: dict[str, str]
    fault_vi: str


def read_cases(path: Path) -> tuple[list[str], list[CaseRow]]:
    """The column names, without blanks around them, and all rows; empty lines are none.

    Raises OSError, and `Refusal` for a file without the columns that every case needs or with a column twice.
    """
    text = path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    usual = csv.field_size_limit(_LONGEST_CELL)
    try:
        records = list(_records(list(io.StringIO(text, newline=""))))
    finally:
        csv.field_size_limit(usual)  # it is one for the whole process
    names = [name.strip() for name in records[0][1]] if records else []
    if missing := [name for name in _NEEDED if name not in names]:
        raise Refusal("columns_missing", f"{path.name} thiếu cột {', '.join(missing)}", field="path")
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise Refusal("columns_twice", f"{path.name} có hai cột cùng tên {', '.join(twice)}", field="path")
    return names, [_case(names, *record) for record in records[1:]]


def _case(names: Sequence[str], line: int, cells: Sequence[str], fault: str) -> CaseRow:
    by_name = dict(zip(names, cells, strict=False))
    if not fault and (len(cells) < len(names) or any(cell.strip() for cell in cells[len(names) :])):
        fault = f"hàng có {len(cells)} ô, tiêu đề có {len(names)} cột"
    if not fault and (garbled := [name for name in names if name not in _PROSE and _is_garbled(by_name[name])]):
        fault = f"chữ ở cột {', '.join(garbled)} không phải UTF-8"
    return CaseRow(line, by_name, fault)


def _is_garbled(cell: str) -> bool:
    """Whether some of it was no UTF-8 (`surrogateescape`)."""
    return any("\udc80" <= sign <= "\udcff" for sign in cell)


def _records(lines: Sequence[str]) -> Iterator[tuple[int, list[str], str]]:
    """Number of the first line, cells and fault of each record that is not empty; the first one is the heading."""
    at, width = 0, 0
    while at < len(lines):
        end = _closing(lines, at)
        cells, fault, end = _taken_apart(lines, at, end)
        if end - at > 1 and (fault or len(cells) != (width or len(cells))):
            cells, fault, end = _taken_apart(lines, at, at + 1)
        if any(cell.strip() for cell in cells):
            width = width or len(cells)
            yield at + 1, cells, fault
        at = end


def _closing(lines: Sequence[str], first: int) -> int:
    """Where the record that begins at `first` ends: after the line that makes its quotation marks even."""
    is_open = False
    for at in range(first, len(lines)):
        is_open ^= lines[at].count('"') % 2 == 1
        if not is_open:
            return at + 1
    return len(lines)


def _taken_apart(lines: Sequence[str], first: int, end: int) -> tuple[list[str], str, int]:
    """The cells of the record and where it really ends; with a fault the cells are what stands between the commas."""
    reader = csv.reader(lines[first:end], skipinitialspace=True, strict=True)
    try:
        cells = next(reader, [])
    except csv.Error:
        return lines[first].split(","), _QUOTES, end
    return cells, "", first + max(1, reader.line_num)
