"""How a claim is kept: the documents of its tables as they travel but for base64, joined by what XML forbids.

A layout says everything else of a standard that decides the bytes of a file. It is kept beside the documents, so that a
claim that was built once is written the same when the standard's data are corrected later.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from insurance.standards.model import Envelope, Standard
from insurance.standards.values import unescaped

TABLE = "\x1d"
"""Between two documents; a table without a row has an empty one."""
_FIELD = re.compile(r"<([^<>/]+)>([^<]*)</\1>")


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

    def join(self, documents: Mapping[str, str]) -> str:
        """The body of a claim, given the documents of its tables by name (`render.table_document`)."""
        return TABLE.join(documents.get(table.name, "") for table in self.tables)

    def split(self, body: str) -> dict[str, list[dict[str, str]]]:
        """The rows of a body by table, as tag to text; tables without a row are left out."""
        pairs = zip(self.tables, body.split(TABLE), strict=True)
        return {table.name: rows_in(table, document) for table, document in pairs if document}


def rows_in(table: TableLayout, document: str) -> list[dict[str, str]]:
    """The rows of a document that this product wrote, as tag to text: every field is there, in order."""
    texts = [unescaped(text) for _, text in _FIELD.findall(document)]
    if table.signed:
        texts.pop()  # the empty element of the signature
    width = len(table.tags)
    return [dict(zip(table.tags, texts[start : start + width], strict=True)) for start in range(0, len(texts), width)]
