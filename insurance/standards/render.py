"""Write claim tables and the envelope as XML. The one place where XML is put together from strings.

The same rows always give the same bytes: elements in the order of the standard, no white space between
them, an empty field as `<X/>`, text clean and escaped, every document in the standard's encoding.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any

from insurance.standards.model import Field, Standard, StandardError, Table
from insurance.standards.values import formatter, xml_text

RowWriter = Callable[[object], str]


class RenderError(ValueError):
    """A row cannot be written: the message names table, field and value."""


def render_table(standard: Standard, table: str, rows: Iterable[object]) -> bytes:
    """The inner document of one table.

    A row is a typed row (attributes named by `source`) or a mapping of tag to text, as parsing gives it.
    Refuses no row at all, or several where the table holds one.
    """
    spec = standard.table(table)
    write = _row_writer(standard, table)
    body = [write(row) for row in rows]
    if not body or (len(body) > 1 and not spec.many):
        raise RenderError(f"{table}: {len(body)} rows")
    return _document(standard, spec, "".join(body))


def render_checkin(standard: Standard, rows: Iterable[object]) -> bytes:
    """The check-in message (XML0), which travels alone, with its empty signature element."""
    return render_table(standard, "XML0", rows)


def render_envelope(
    standard: Standard, facility_code: str, made_on: date, claims: Sequence[Sequence[tuple[str, bytes]]]
) -> bytes:
    """The file that carries claims: for each visit its tables as (name, inner document), in table order.

    Writes the number of visits, and the signature element empty for the signer. Refuses a table that does
    not travel in the envelope, or one that a visit has twice.
    """
    names = standard.envelope
    spaces = "".join(f' xmlns:{prefix}="{xml_text(uri)}"' for prefix, uri in names.namespaces.items())
    visits = "".join(_visit(standard, tables) for tables in claims)
    text = (
        f"{_declaration(standard)}<{names.root}{spaces}>"
        f"<{names.unit}>{_element(names.facility, facility_code)}</{names.unit}>"
        f"<{names.body}>{_element(names.made_on, made_on.strftime('%Y%m%d'))}"
        f"{_element(names.count, str(len(claims)))}<{names.list}>{visits}</{names.list}></{names.body}>"
        f"<{names.signature}/></{names.root}>"
    )
    return text.encode(standard.encoding)


def _visit(standard: Standard, tables: Sequence[tuple[str, bytes]]) -> str:
    names = standard.envelope
    order = {name: position for position, name in enumerate(standard.tables)}
    for name, _ in tables:
        if not standard.table(name).in_envelope:
            raise RenderError(f"{name} does not travel in {names.root}")
    if len({name for name, _ in tables}) != len(tables):
        raise RenderError("a table stands twice in one visit")
    files = "".join(
        f"<{names.file}>{_element(names.table, name)}"
        f"<{names.content}>{b64encode(content).decode('ascii')}</{names.content}></{names.file}>"
        for name, content in sorted(tables, key=lambda item: order[item[0]])
    )
    return f"<{names.claim}>{files}</{names.claim}>"


def _declaration(standard: Standard) -> str:
    return f'<?xml version="1.0" encoding="{standard.encoding}"?>'


def _document(standard: Standard, table: Table, rows: str) -> bytes:
    body = f"<{table.list}>{rows}</{table.list}>" if table.list else rows
    signature = f"<{standard.envelope.signature}/>" if table.signed else ""
    head = _declaration(standard) if standard.declaration else ""
    return f"{head}<{table.root}>{body}{signature}</{table.root}>".encode(standard.encoding)


def _element(tag: str, text: str) -> str:
    content = xml_text(text)
    return f"<{tag}>{content}</{tag}>" if content else f"<{tag}/>"


@lru_cache(maxsize=256)
def _row_writer(standard: Standard, table: str) -> RowWriter:
    """The compiled writer of one table's rows."""
    spec = standard.table(table)
    typed = _typed_writer(standard, spec)
    opening, closing = (f"<{spec.row}>", f"</{spec.row}>") if spec.many else ("", "")

    def write(row: object) -> str:
        if isinstance(row, Mapping):
            return opening + "".join(_element(f.tag, row.get(f.tag, "")) for f in spec.fields) + closing
        return opening + typed(row) + closing

    return write


def _typed_writer(standard: Standard, table: Table) -> RowWriter:
    named = [f for f in table.fields if f.source]
    get = _getter([f.source for f in named])
    position = {f.tag: index for index, f in enumerate(named)}
    plan = [_step(standard, f, position.get(f.tag)) for f in table.fields]

    def write(row: object) -> str:
        try:
            values = get(row)
        except AttributeError as error:
            raise RenderError(f"{table.name}: {error}") from error
        parts = []
        for index, write_value, tag, opening, closing, empty in plan:
            value = None if index is None else values[index]
            if value is None or value == "":
                parts.append(empty)
                continue
            try:
                text = xml_text(write_value(value))
            except TypeError as error:
                raise RenderError(f"{table.name}.{tag}: {error}") from error
            parts.append(f"{opening}{text}{closing}" if text else empty)
        return "".join(parts)

    return write


def _step(standard: Standard, field: Field, index: int | None) -> tuple[Any, ...]:
    tag = field.tag
    return index, formatter(standard, field), tag, f"<{tag}>", f"</{tag}>", f"<{tag}/>"


def _getter(sources: list[str]) -> Callable[[object], tuple[Any, ...]]:
    """All attributes of a row at once, always as a tuple."""
    if not sources:
        raise StandardError("a table whose fields name no source cannot be written from typed rows")
    get = attrgetter(*sources)
    return get if len(sources) > 1 else lambda row: (get(row),)
