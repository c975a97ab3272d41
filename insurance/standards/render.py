"""Write claim tables and the envelope as XML. The one place where XML is put together from strings.

The same rows always give the same bytes: elements in the order of the standard, no white space between
them, an empty field as `<X></X>`, text clean and escaped, every document in the standard's encoding. `template` puts
documents that are finished into the same envelope, faster.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any

from insurance.standards.model import Standard, StandardError, Table
from insurance.standards.values import clean_text, escaped, formatter, xml_text

Texts = list[str]
RowReader = Callable[[object], Texts]


class RenderError(ValueError):
    """A row cannot be written: the message names table, field and value."""


def render_table(standard: Standard, table: str, rows: Iterable[object]) -> bytes:
    """The inner document of one table.

    A row is a typed row (attributes named by `source`) or a mapping of tag to text, as parsing gives it.
    Refuses no row at all, or several where the table holds one.
    """
    return table_document(standard, table, row_texts(standard, table, rows)).encode(standard.encoding)


def table_document(standard: Standard, table: str, rows: Sequence[Texts]) -> str:
    """The inner document of one table, not yet in bytes, given the texts of its rows by `row_texts`."""
    spec = standard.table(table)
    opening, closing = (f"<{spec.row}>", f"</{spec.row}>") if spec.many else ("", "")
    tags = [field.tag for field in spec.fields]
    body = [
        opening + "".join(f"<{tag}>{escaped(text)}</{tag}>" for tag, text in zip(tags, texts, strict=True)) + closing
        for texts in rows
    ]
    return _document(standard, spec, "".join(body))


def row_texts(standard: Standard, table: str, rows: Iterable[object]) -> list[Texts]:
    """The texts of each row in the order of the table's fields: formatted and clean, not escaped.

    A row is as in `render_table`, which refuses the same.
    """
    spec = standard.table(table)
    read = _row_reader(standard, table)
    found = [read(row) for row in rows]
    if not found or (len(found) > 1 and not spec.many):
        raise RenderError(f"{table}: {len(found)} rows")
    return found


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
        f"<{names.signature}></{names.signature}></{names.root}>"
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


def _document(standard: Standard, table: Table, rows: str) -> str:
    body = f"<{table.list}>{rows}</{table.list}>" if table.list else rows
    name = standard.envelope.signature
    signature = f"<{name}></{name}>" if table.signed else ""
    head = _declaration(standard) if standard.declaration else ""
    return f"{head}<{table.root}>{body}{signature}</{table.root}>"


def _element(tag: str, text: str) -> str:
    return f"<{tag}>{xml_text(text)}</{tag}>"


@lru_cache(maxsize=256)
def _row_reader(standard: Standard, table: str) -> RowReader:
    """How the texts of one table's rows are read."""
    spec = standard.table(table)
    typed = _typed_reader(standard, spec)

    def read(row: object) -> Texts:
        if isinstance(row, Mapping):
            return [clean_text(row.get(field.tag, "")) for field in spec.fields]
        return typed(row)

    return read


def _typed_reader(standard: Standard, table: Table) -> RowReader:
    named = [f for f in table.fields if f.source]
    get = _getter([f.source for f in named])
    position = {f.tag: index for index, f in enumerate(named)}
    plan = [(position.get(f.tag), formatter(standard, f), f.tag) for f in table.fields]

    def read(row: object) -> Texts:
        try:
            values = get(row)
        except AttributeError as error:
            raise RenderError(f"{table.name}: {error}") from error
        texts = []
        for index, write, tag in plan:
            value = None if index is None else values[index]
            if value is None or value == "":
                texts.append("")
                continue
            try:
                texts.append(clean_text(write(value)))
            except TypeError as error:
                raise RenderError(f"{table.name}.{tag}: {error}") from error
        return texts

    return read


def _getter(sources: list[str]) -> Callable[[object], tuple[Any, ...]]:
    """All attributes of a row at once, always as a tuple."""
    if not sources:
        raise StandardError("a table whose fields name no source cannot be written from typed rows")
    get = attrgetter(*sources)
    return get if len(sources) > 1 else lambda row: (get(row),)
