"""Bringing planned rows into a dated table: new rows open, changed rows close the old version, nothing is deleted."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Model

from his.catalogs.loaders.plan import Plan, Record, Section
from his.catalogs.report import Change
from his.core.text import fold
from his.ui.text import day_text

BATCH = 2000
_PRICES = ("price", "insured_price", "on_demand_price")
_SILENT = frozenset({"source", "search_name"})
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Merge:
    """Counts of one section and the rows to write, old versions first so that periods never overlap."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    closed: int = 0
    to_update: dict[int, Any] = field(default_factory=dict)
    to_create: list[Any] = field(default_factory=list)
    names: set[str] = field(default_factory=lambda: {"valid_to"})
    to_close: dict[date, list[int]] = field(default_factory=lambda: defaultdict(list))
    changes: list[Change] = field(default_factory=list)

    def close(self, row: Any, last_day: date) -> None:
        """End the period of a version."""
        row.valid_to = last_day
        self.closed += 1
        if row.pk is not None:
            self.to_close[last_day].append(row.pk)

    def correct(self, row: Any, values: Mapping[str, Any], last_day: date | None) -> None:
        """Put a version right in place; one that is not stored yet is simply stored right."""
        for name, value in values.items():
            setattr(row, name, value)
        row.valid_to = last_day
        if row.pk is not None:
            self.names.update(values)
            self.to_update[row.pk] = row

    def write(self, model: type[Model]) -> None:
        """Store everything. Closing goes by last day, because thousands of rows end together."""
        for last_day, ids in self.to_close.items():
            model._default_manager.filter(pk__in=ids).update(valid_to=last_day)
        model._default_manager.bulk_update(self.to_update.values(), sorted(self.names), batch_size=BATCH)
        model._default_manager.bulk_create(self.to_create, batch_size=BATCH)


def merge(plan: Plan, section: Section, *, replaces_from: date | None = None, tells: bool = False) -> Merge:
    """Bring the section's rows in and count them; with `tells`, say of each what changes.

    A row is compared with the version in force on its first day. Equal: nothing happens. Different: that version ends
    the day before and a new one opens, or, when it began on the very same day, it is put right in place. A later
    version is never touched: the new one ends before it begins. With `replaces_from` the file is the whole list from
    that day: what it lacks ends the day before; what began on that very day cannot end before and is told.

    Columns that the model says are the facility's own (`OWNED`) are set for a row that is new, and never compared or
    changed after: a new version has those of the former one, a new code those of the same product (`SAME_PRODUCT`).
    """
    versions = _stored(section)
    done = Merge()
    section.records = [record for record in section.records if _fits(plan, section, record)]
    products = _products(section, versions)
    for record in _once_each(plan, section):
        _bring_in(done, section, versions[_key(section, record.values)], record, products)
    if replaces_from is not None:
        _end_missing(plan, done, section, versions, replaces_from)
    if not tells:
        done.changes.clear()
    done.write(section.model)
    return done


def _end_missing(
    plan: Plan, done: Merge, section: Section, versions: Mapping[tuple[Any, ...], list[Any]], day: date
) -> None:
    """End what was in force and is not in the file, on the day before the list begins."""
    named = {_key(section, record.values) for record in section.records}
    for key, rows in versions.items():
        row = next((row for row in rows if key not in named and _in_force(row, day) and section.is_whole(row)), None)
        if row is None:
            continue
        if row.valid_from == day:
            text = f"Bắt đầu đúng ngày {day:%d/%m/%Y} và không có trong tệp: vẫn giữ"
            plan.warn(0, section.keys[-1], "begins_that_day", text, key[-1])
            continue
        done.close(row, day - _DAY)
        done.changes.append(_change(Change.CLOSED, 0, section, row))


def _change(what: str, row_no: int, section: Section, row: Any, before: Mapping[str, Any] | None = None) -> Change:
    """What happens to a row; `before` are its earlier values, None for a row that is new or ends."""
    after = {name: getattr(row, name) for name in before or ()}
    fields = tuple(
        (name, _said(old), _said(after[name]))
        for name, old in (before or {}).items()
        if old != after[name] and name not in _SILENT
    )
    code = str(getattr(row, section.keys[-1]))
    return Change(what, row_no, code, str(getattr(row, "name", "")), row.valid_from, row.valid_to, fields)


def _said(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return day_text(value) if isinstance(value, date) else "" if value is None else str(value)


def _stored(section: Section) -> dict[tuple[Any, ...], list[Any]]:
    stored: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in section.model._default_manager.filter(**section.scope).order_by("valid_from").iterator(chunk_size=BATCH):
        stored[tuple(getattr(row, name) for name in section.keys)].append(row)
    return stored


def _fits(plan: Plan, section: Section, record: Record) -> bool:
    """Whether the table can hold the row; spoils a row with a text or an amount that is too long for its column."""
    for name, value in record.values.items():
        column: Any = section.model._meta.get_field(name)
        if isinstance(value, str) and column.max_length and len(value) > column.max_length:
            plan.error(record.row, name, "too_long", f"Dài quá {column.max_length} ký tự", value)
            return False
        if isinstance(value, Decimal) and value >= (limit := _limit(column)):
            plan.error(record.row, name, "too_large", f"Số phải nhỏ hơn {limit}", value)
            return False
    return True


def _limit(column: Any) -> int:
    whole_digits: int = column.max_digits - column.decimal_places
    return 10**whole_digits


def _key(section: Section, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(values[name] for name in section.keys)


def _once_each(plan: Plan, section: Section) -> list[Record]:
    """Records in order of their first day, without repeats: an equal repeat is a warning, a contradiction an error."""
    kept: dict[tuple[Any, ...], Record] = {}
    for record in section.records:
        key = (*_key(section, record.values), record.valid_from)
        first = kept.setdefault(key, record)
        if first is record:
            continue
        same = dict(first.values) == dict(record.values) and first.valid_to == record.valid_to
        name, value = section.keys[-1], str(record.values[section.keys[-1]])
        if same:
            plan.warn(record.row, name, "duplicate_row", f"Lặp lại dòng {first.row}", value)
        elif section.repeats_are_errors:
            message = f"Trùng với dòng {first.row} nhưng nội dung khác, không rõ dùng dòng nào"
            plan.error(record.row, name, "conflicting_row", message, value)
        else:
            message = f"Lặp lại dòng {first.row} với nội dung khác, dùng dòng {first.row}"
            plan.warn(record.row, name, "duplicate_row", message, value)
    return sorted(kept.values(), key=lambda record: record.valid_from)


def _products(section: Section, versions: Mapping[tuple[Any, ...], list[Any]]) -> dict[tuple[str, ...], Any]:
    """The latest row of each product whatever its code; empty for a table that knows no products."""
    names: tuple[str, ...] = getattr(section.model, "SAME_PRODUCT", ())
    rows = [row for rows in versions.values() for row in rows] if names else []
    return {_product(row.__dict__, names): row for row in sorted(rows, key=lambda row: (row.valid_from, row.pk))}


def _product(values: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fold(str(values.get(name, ""))) for name in names)


def _owned(
    section: Section, versions: list[Any], record: Record, products: Mapping[tuple[str, ...], Any]
) -> dict[str, Any]:
    """What a new row takes over: from the version before it, else from the first one, else from the same product."""
    names: tuple[str, ...] = getattr(section.model, "OWNED", ())
    if not names:
        return {}
    before = [row for row in versions if row.valid_from < record.valid_from] or versions[:1]
    known = before[-1] if before else products.get(_product(record.values, section.model.SAME_PRODUCT))  # type: ignore[attr-defined]
    return {name: getattr(known, name) for name in names} if known is not None else {}


def _bring_in(
    done: Merge,
    section: Section,
    versions: list[Any],
    record: Record,
    products: Mapping[tuple[str, ...], Any],
) -> None:
    current = next((row for row in versions if _in_force(row, record.valid_from)), None)
    ends = _last_day(versions, record)
    owned = _owned(section, versions, record, products)
    if current is None:
        row = _open(done, section, versions, record, ends, owned)
        done.added += 1
        shown = {name: None for name in _PRICES if name in record.values}
        done.changes.append(_change(Change.ADDED, record.row, section, row, shown))
        return
    values = {name: value for name, value in record.values.items() if name not in owned}
    differs = any(getattr(current, name) != value for name, value in values.items() if name != "source")
    if not differs and current.valid_to == ends:
        done.unchanged += 1
        return
    done.changed += 1
    before = {name: getattr(current, name) for name in (*values, "valid_to")}
    if differs and current.valid_from < record.valid_from:
        done.close(current, record.valid_from - _DAY)
        row = _open(done, section, versions, record, ends, owned)
    else:
        done.correct(current, values, ends)
        row = current
    done.changes.append(_change(Change.CHANGED, record.row, section, row, before))


def _in_force(row: Any, day: date) -> bool:
    return row.valid_from <= day and (row.valid_to is None or row.valid_to >= day)


def _last_day(versions: list[Any], record: Record) -> date | None:
    later = [row.valid_from - _DAY for row in versions if row.valid_from > record.valid_from]
    return min([*later, *([record.valid_to] if record.valid_to else [])], default=None)


def _open(
    done: Merge,
    section: Section,
    versions: list[Any],
    record: Record,
    ends: date | None,
    owned: Mapping[str, Any],
) -> Any:
    values = {**section.scope, **record.values, **owned}
    row = section.model(**values, valid_from=record.valid_from, valid_to=ends)
    versions.append(row)
    versions.sort(key=lambda version: version.valid_from)
    done.to_create.append(row)
    return row
