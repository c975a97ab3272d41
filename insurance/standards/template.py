"""The fast way from the stored documents of a claim to the bytes of its file: an envelope compiled once from a layout.

The bytes are those of `render_envelope`, which a test asserts.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from datetime import date
from functools import partial

from insurance.standards.layout import TABLE, Layout
from insurance.standards.values import xml_text

_TABLE = TABLE.encode()


class Template:
    """Writes the claims of one layout. Bodies come as UTF-8, as the database sends them."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._encoded = _base64(layout.encoding)
        names = layout.envelope
        self._labels = [
            self._bytes(f"<{names.file}><{names.table}>{xml_text(table.name)}</{names.table}><{names.content}>")
            if table.in_envelope
            else b""
            for table in layout.tables
        ]
        self._places = {table.name: place for place, table in enumerate(layout.tables)}
        self._end = self._bytes(f"</{names.content}></{names.file}>")
        self._visit = self._bytes(f"<{names.claim}>"), self._bytes(f"</{names.claim}>")

    def visit(self, body: bytes, around: tuple[bytes, bytes] = (b"", b"")) -> bytes:
        """The element of one visit with its tables in base64; `around` is what stands before and after it."""
        encoded, end = self._encoded, self._end
        opening, closing = self._visit
        parts = [around[0], opening]
        for label, document in zip(self._labels, body.split(_TABLE), strict=True):
            if document and label:
                parts += label, encoded(document), end
        parts += closing, around[1]
        return b"".join(parts)

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
        return self._bytes(before), self._bytes(after)

    def file(self, facility_code: str, made_on: date, body: bytes) -> bytes:
        """The file of one visit."""
        return self.visit(body, self.envelope(facility_code, made_on, 1))

    def alone(self, table: str, body: bytes) -> bytes:
        """The document of a table that travels alone, such as the check-in; empty when the visit has none."""
        return self._bytes(body.split(_TABLE)[self._places[table]].decode())

    def _bytes(self, text: str) -> bytes:
        return text.encode(self.layout.encoding)


def _base64(encoding: str) -> Callable[[bytes], bytes]:
    """From a document in UTF-8 to the base64 of its bytes, both in the encoding of the standard."""
    if encoding.lower().replace("_", "-") in {"utf-8", "utf8"}:
        return partial(b2a_base64, newline=False)
    return lambda document: b2a_base64(document.decode().encode(encoding), newline=False).decode().encode(encoding)
