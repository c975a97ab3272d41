"""Show a standard as rows for documentation, and what one decree changed against another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from insurance.standards.model import Field, Standard, Table

COMPARED = ("type", "max", "required", "codelist", "source", "name")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `kind` is added, removed, moved or changed; `what` names the property, empty for a whole
    table or field; `tag` is empty when the table itself is meant."""

    table: str
    tag: str
    kind: str
    what: str = ""
    before: str = ""
    after: str = ""


def describe(standard: Standard) -> list[dict[str, str]]:
    """Every field of every table in order, as text; `filled_from` says when no typed row has it."""
    return [
        {
            "table": table.name,
            "order": str(field.order),
            "tag": field.tag,
            "name": field.name,
            "type": field.type,
            "max": _width(field),
            "required": field.required,
            "codelist": standard.codelists[field.codelist].title if field.codelist else "",
            "filled_from": f"{table.row_class}.{field.source}" if field.source else "nothing fills it yet",
            "law": str(standard.laws[field.law].get("number", field.law)),
            "note": field.note,
        }
        for table in standard.tables.values()
        for field in table.fields
    ]


def diff(old: Standard, new: Standard) -> list[Change]:
    """What `new` changes against `old`, table by table; notes and laws are left out."""
    changes: list[Change] = []
    for name in [*old.tables, *(n for n in new.tables if n not in old.tables)]:
        before, after = old.tables.get(name), new.tables.get(name)
        if before is None:
            changes.append(Change(name, "", "added"))
        elif after is None:
            changes.append(Change(name, "", "removed"))
        else:
            changes += _table_changes(before, after)
    return changes


def _table_changes(before: Table, after: Table) -> Iterator[Change]:
    for what in ("root", "list", "row"):
        if getattr(before, what) != getattr(after, what):
            yield Change(before.name, "", "changed", what, getattr(before, what), getattr(after, what))
    old = {field.tag: field for field in before.fields}
    new = {field.tag: field for field in after.fields}
    for tag in old:
        if tag not in new:
            yield Change(before.name, tag, "removed")
    kept_before = [tag for tag in old if tag in new]
    kept_after = [tag for tag in new if tag in old]
    for tag, field in new.items():
        if tag not in old:
            yield Change(before.name, tag, "added", "order", "", str(field.order))
            continue
        yield from _field_changes(before.name, old[tag], field)
        if kept_before.index(tag) != kept_after.index(tag):
            yield Change(before.name, tag, "moved", "order", str(old[tag].order), str(field.order))


def _field_changes(table: str, old: Field, new: Field) -> Iterator[Change]:
    for what in COMPARED:
        before, after = getattr(old, what), getattr(new, what)
        if what == "max":
            before, after = _width(old), _width(new)
        if before != after:
            yield Change(table, new.tag, "changed", what, before, after)


def _width(field: Field) -> str:
    return "n" if field.max is None else str(field.max)
