"""Enumerations of the claim standard (bộ mã dùng chung) as rows that screens can offer.

One CSV a list: `code`, `name` (or `meaning_vi`), and optionally `valid_from`, `valid_to`, `law` (or `source`); every
other column is kept in `extra`. A `list` column (or `table` and `field`) makes sub-lists, such as `hiv.arrival_state`.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from his.catalogs.loaders.plan import Plan, Record, Request, RowReader
from his.catalogs.loaders.sheet import code, day, open_workbook, text
from his.catalogs.models import CodeEntry
from his.core.errors import Refusal

# An undated code holds since before the first claim this product reads.
EFFECTIVE = date(2017, 1, 1)
_OWN_COLUMNS = {"code", "name", "meaning_vi", "valid_from", "valid_to", "law", "source", "list", "table", "field"}


def load(request: Request) -> Plan:
    """Plan one list, named by the request or by the file; or every list of a folder."""
    if request.path is None:
        raise TypeError("code lists are read from a file or a folder")
    plan = Plan(request.path.name)
    files = sorted(request.path.glob("*.csv")) if request.path.is_dir() else [request.path]
    if not files:
        raise Refusal("no_file", "Thư mục không có tệp CSV nào", field="path")
    section = plan.section(CodeEntry, "list", "code")
    for file in files:
        _read_file(file, request, plan, section.records)
    return plan


def _read_file(path: Path, request: Request, plan: Plan, records: list[Record]) -> None:
    table = open_workbook(path).table("code")
    if not {"name", "meaning_vi"} & set(table.columns):
        raise Refusal("missing_columns", f"Tệp {path.name} thiếu cột name", field="path")
    base = request.list_name or path.stem
    for position, (row, cells) in enumerate(table, 1):
        plan.read += 1
        reader = RowReader(plan, row, cells)
        starts = reader.get("valid_from", day) or request.effective_on or EFFECTIVE
        ends = reader.get("valid_to", day)
        value = reader.get("code", code)
        if not value:  # the empty code of an optional field is not an entry
            continue
        if ends and ends < starts:
            reader.fail("valid_to", "bad_period", "Ngày kết thúc trước ngày bắt đầu", ends.isoformat())
        if reader.ok:
            records.append(Record(row, _values(_list_name(base, cells), value, position, cells), starts, ends))


def _list_name(base: str, cells: Mapping[str, Any]) -> str:
    part = text(cells.get("list")) or text(cells.get("field"))
    return f"{base}.{part}" if part else base


def _values(name: str, value: str, position: int, cells: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "list": name,
        "code": value,
        "name": text(cells.get("name")) or text(cells.get("meaning_vi")),
        "law": text(cells.get("law")) or text(cells.get("source"))[:255],
        "extra": {key: text(cell) for key, cell in cells.items() if key and key not in _OWN_COLUMNS and text(cell)},
        "position": position,
    }
