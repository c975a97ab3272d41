"""The fast way from the text of a claim to the bytes of its file: templates compiled once from a layout.

A table becomes one flat list of tags with its values put between them by one slice, and is joined once. A block is
escaped as a whole and only when it needs it. The bytes are those of `render`, which a test asserts.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from datetime import date

from insurance.standards.layout import FIELD, ROW, TABLE, Layout, TableLayout
from insurance.standards.values import xml_text

_FIELD, _ROW, _TABLE = FIELD.encode(), ROW.encode(), TABLE.encode()
_ESCAPES = ((b"&", b"&amp;"), (b"<", b"&lt;"), (b">", b"&gt;"))
_KEPT = 64
"""Lists of tags are kept for tables of at most this many rows."""

Document = Callable[[bytes], bytes]


class Template:
    """Writes the claims of one layout. Texts come as UTF-8, as the database sends them."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._recode = _recoder(layout.encoding)
        self._plan: list[tuple[Document, bytes] | None] = []
        self._alone: dict[str, tuple[int, Document]] = {}
        names = layout.envelope
        for position, table in enumerate(layout.tables):
            write = _document(layout, table)
            label = f"<{names.file}><{names.table}>{xml_text(table.name)}</{names.table}><{names.content}>"
            self._plan.append((write, label.encode()) if table.in_envelope else None)
            self._alone[table.name] = position, write
        self._closing = f"</{names.content}></{names.file}>".encode()
        self._visit = f"<{names.claim}>".encode(), f"</{names.claim}>".encode()

    def visit(self, body: bytes) -> bytes:
        """The element of one visit with its tables in base64."""
        opening, closing = self._visit
        parts = [opening]
        for plan, block in zip(self._plan, body.split(_TABLE), strict=True):
            if block and plan is not None:
                write, label = plan
                parts += label, binascii.b2a_base64(write(block), newline=False), self._closing
        parts.append(closing)
        return self._recode(b"".join(parts))

    def envelope(self, facility_code: str, made_on: date, count: int) -> tuple[bytes, bytes]:
        """What stands before and after the visits of a file that carries `count` of them."""
        layout, names = self.layout, self.layout.envelope
        spaces = "".join(f' xmlns:{prefix}="{xml_text(uri)}"' for prefix, uri in names.namespaces.items())
        before = (
            f'<?xml version="1.0" encoding="{layout.encoding}"?><{names.root}{spaces}>'
            f"<{names.unit}><{names.facility}>{xml_text(facility_code)}</{names.facility}></{names.unit}>"
            f"<{names.body}><{names.made_on}>{made_on:%Y%m%d}</{names.made_on}>"
            f"<{names.count}>{count}</{names.count}><{names.list}>"
        )
        after = f"</{names.list}></{names.body}><{names.signature}></{names.signature}></{names.root}>"
        return before.encode(layout.encoding), self._recode(after.encode())

    def file(self, facility_code: str, made_on: date, body: bytes) -> bytes:
        """The file of one visit."""
        before, after = self.envelope(facility_code, made_on, 1)
        return b"".join((before, self.visit(body), after))

    def alone(self, table: str, body: bytes) -> bytes:
        """The document of a table that travels alone, such as the check-in; empty when the visit has none."""
        position, write = self._alone[table]
        block = body.split(_TABLE)[position]
        return write(block) if block else b""


def _document(layout: Layout, table: TableLayout) -> Document:
    """How the text of a table becomes its document."""
    signature = layout.envelope.signature
    head = f'<?xml version="1.0" encoding="{layout.encoding}"?>' if layout.declaration else ""
    head += f"<{table.root}>" + (f"<{table.list}>" if table.list else "")
    tail = (f"</{table.list}>" if table.list else "") + (f"<{signature}></{signature}>" if table.signed else "")
    tail += f"</{table.root}>"
    opening, closing = (f"<{table.row}>", f"</{table.row}>") if table.row else ("", "")
    first, last, width = table.tags[0], table.tags[-1], len(table.tags)
    before = f"{head}{opening}<{first}>".encode()
    within = [f"</{one}><{next_one}>".encode() for one, next_one in zip(table.tags, table.tags[1:], strict=False)]
    between = f"</{last}>{closing}{opening}<{first}>".encode()
    after = f"</{last}>{closing}{tail}".encode()
    kept: dict[int, list[bytes]] = {}
    recode = _recoder(layout.encoding)

    def tags(count: int) -> list[bytes]:
        rows, rest = divmod(count, width)
        if rest or not rows or (rows > 1 and not table.row):
            raise ValueError(f"{table.name}: {count} texts for rows of {width}")
        marks = [*within, between] * rows
        marks[-1] = after
        found = [b""] * (2 * count + 2)
        found[0] = before
        found[2::2] = marks
        if rows <= _KEPT:
            kept[count] = found
        return found

    def write(block: bytes) -> bytes:
        for char, entity in _ESCAPES:
            if char in block:
                block = block.replace(char, entity)
        texts = block.replace(_ROW, _FIELD).split(_FIELD)  # one more than there are fields, and that one is empty
        count = len(texts) - 1
        parts = (kept.get(count) or tags(count)).copy()
        parts[1::2] = texts
        return recode(b"".join(parts))

    return write


def _recoder(encoding: str) -> Document:
    """From UTF-8 into the encoding of a standard, when that is another."""
    if encoding.lower().replace("_", "-") in {"utf-8", "utf8"}:
        return lambda text: text
    return lambda text: text.decode().encode(encoding)
