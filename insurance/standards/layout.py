"""How a claim is kept as plain text: the clean texts of its fields joined by characters that XML forbids.

A layout says everything of a standard that decides the bytes of a file. It is kept beside the text, so that a claim
that was built once is written the same when the standard's data are corrected later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from insurance.standards.model import Envelope, Standard

FIELD, ROW, TABLE = "\x1f", "\x1e", "\x1d"
"""Between two fields of a row, after each row of a table, between two tables."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """The elements of one table and its tags in order; `row` is empty where the fields hang below the root."""

    name: str
    root: str
    list: str
    row: str
    in_envelope: bool
    signed: bool
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """All tables of a standard in order, with the names of the envelope that carries them."""

    encoding: str
    declaration: bool
    envelope: Envelope
    tables: tuple[TableLayout, ...]

    @classmethod
    def of(cls, standard: Standard) -> Layout:
        """The layout of a standard as its data say it now."""
        tables = (
            TableLayout(t.name, t.root, t.list, t.row, t.in_envelope, t.signed, tuple(f.tag for f in t.fields))
            for t in standard.tables.values()
        )
        return cls(standard.encoding, standard.declaration, standard.envelope, tuple(tables))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Layout:
        """The layout that `as_json` described."""
        envelope = data["envelope"] | {"namespaces": dict(data["envelope"]["namespaces"])}
        tables = (TableLayout(**table | {"tags": tuple(table["tags"])}) for table in data["tables"])
        return cls(data["encoding"], data["declaration"], Envelope(**envelope), tuple(tables))

    def as_json(self) -> dict[str, Any]:
        """Plain data; what has an order is a list, because a database may sort the keys of an object."""
        envelope = {name: getattr(self.envelope, name) for name in Envelope.__slots__}
        envelope["namespaces"] = [list(pair) for pair in self.envelope.namespaces.items()]
        tables = [
            {name: getattr(table, name) for name in TableLayout.__slots__} | {"tags": list(table.tags)}
            for table in self.tables
        ]
        return {"encoding": self.encoding, "declaration": self.declaration, "envelope": envelope, "tables": tables}

    @cached_property
    def digest(self) -> str:
        """SHA-256 by which the same layout is known again."""
        text = json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def join(self, tables: Mapping[str, Sequence[Sequence[str]]]) -> str:
        """The text of a claim: for each table its rows, each row the clean texts of its fields in order."""
        return TABLE.join("".join(FIELD.join(row) + ROW for row in tables.get(table.name, ())) for table in self.tables)

    def split(self, body: str) -> dict[str, list[dict[str, str]]]:
        """The rows of a text by table, as tag to text; tables without a row are left out."""
        found = {}
        for table, block in zip(self.tables, body.split(TABLE), strict=True):
            rows = block.split(ROW)[:-1]
            if rows:
                found[table.name] = [dict(zip(table.tags, row.split(FIELD), strict=True)) for row in rows]
        return found
