"""Two versions of a claim field by field: what was changed, added or removed, row by row.

Rows are paired by what tells them apart (the anchors of the rule engine), so a row that only moved is no difference.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from insurance.rules.engine.book import ANCHORS
from insurance.standards import Standard

Row = Mapping[str, str]
Tables = Mapping[str, Sequence[Row]]
LINE_NO = "STT"
"""The number of a row: it changes whenever a row before it comes or goes, and says nothing else."""
_MOMENTS = ("NGAY", "THOI_DIEM")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field with its old and new value."""

    tag: str
    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row that differs. `kind` is changed, added or removed; numbers count from 1, None where it is missing."""

    kind: str
    old_number: int | None
    new_number: int | None
    title: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class TableChange:
    """One table with the rows that differ."""

    name: str
    title: str
    rows: tuple[RowChange, ...]


def compare(standard: Standard, old: Tables, new: Tables) -> list[TableChange]:
    """The tables that differ, in the order of the standard; names and titles are those of `standard`."""
    order = [*standard.tables, *(name for name in (*old, *new) if name not in standard.tables)]
    found = []
    for name in dict.fromkeys(order):
        rows = tuple(_rows(standard, name, old.get(name, ()), new.get(name, ())))
        if rows:
            title = standard.tables[name].title if name in standard.tables else ""
            found.append(TableChange(name, title, rows))
    return found


def _rows(standard: Standard, table: str, old: Sequence[Row], new: Sequence[Row]) -> list[RowChange]:
    names = _names(standard, table)
    changes = []
    for before, after in _pairs(table, old, new):
        fields = _fields(names, before[1] if before else {}, after[1] if after else {})
        if fields:
            kind = "changed" if before and after else "added" if after else "removed"
            shown = (after or before or (0, {}))[1]
            title = " · ".join(shown[tag] for tag in ANCHORS.get(table, ()) if shown.get(tag))
            changes.append(RowChange(kind, before and before[0], after and after[0], title, fields))
    return changes


Numbered = tuple[int, Row]
Pair = tuple[Numbered | None, Numbered | None]


def _pairs(table: str, old: Sequence[Row], new: Sequence[Row]) -> list[Pair]:
    """Rows of the same anchor side by side; of the rest, rows that differ in their moment only; then those alone.

    Rows of tables without anchors go by their place.
    """
    gone, come = list(enumerate(old, 1)), list(enumerate(new, 1))
    pairs: list[Pair] = []
    whole = ANCHORS.get(table, ())
    for tags in dict.fromkeys((whole, tuple(tag for tag in whole if not tag.startswith(_MOMENTS)))):
        waiting: dict[tuple[str, ...], list[Numbered]] = defaultdict(list)
        for one in gone:
            waiting[_anchor(tags, one)].append(one)
        alone = []
        for other in come:
            same = waiting[_anchor(tags, other)]
            if same:
                pairs.append((same.pop(0), other))
            else:
                alone.append(other)
        gone, come = [one for rows in waiting.values() for one in rows], alone
    pairs += [(None, other) for other in come]
    pairs += [(one, None) for one in gone]
    return sorted(pairs, key=lambda pair: (pair[1] or pair[0] or (0, {}))[0])


def _anchor(tags: Sequence[str], numbered: Numbered) -> tuple[str, ...]:
    return tuple(numbered[1].get(tag, "") for tag in tags)


def _fields(names: Mapping[str, str], old: Row, new: Row) -> tuple[FieldChange, ...]:
    tags = [*names, *(tag for tag in (*old, *new) if tag not in names)]
    return tuple(
        FieldChange(tag, names.get(tag, ""), old.get(tag, ""), new.get(tag, ""))
        for tag in dict.fromkeys(tags)
        if tag != LINE_NO and old.get(tag, "") != new.get(tag, "")
    )


def _names(standard: Standard, table: str) -> dict[str, str]:
    return {field.tag: field.name for field in standard.tables[table].fields} if table in standard.tables else {}
