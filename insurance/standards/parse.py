"""Read claim files, our own or anybody's.

Accepts base64 or plain XML inside the content element, CDATA or escaped text, a byte order mark, one visit or
many, other element orders and letter cases. Nothing in a file can hurt: document types and entities are
refused, the network is never used, the parser keeps its own limits of size and depth, and a large file is
read one visit at a time.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO

from lxml import etree

from insurance.standards.model import Envelope, Standard, Table
from insurance.standards.problems import Problem
from insurance.standards.values import clean_text

Row = dict[str, str]

_BLANK = re.compile(rb"\s+")
_MARK = b"\xef\xbb\xbf"


class ParseError(ValueError):
    """The file cannot be read as a claim file; the message is in Vietnamese, for the person who chose it."""


@dataclass(frozen=True, slots=True)
class ParsedClaim:
    """One visit of a file: its tables as rows of tag to text, in the order of the file.

    `position` counts from 1; `facility_code`, `made_on` and `declared` (number of visits) are what the file
    says, empty or None when it says nothing before this visit. `problems` names tables that could not be read.
    """

    position: int
    tables: Mapping[str, list[Row]]
    facility_code: str = ""
    made_on: str = ""
    declared: int | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A whole file: what it declares, its visits, and what is wrong with the file itself."""

    facility_code: str
    made_on: str
    declared: int | None
    claims: tuple[ParsedClaim, ...]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Header:
    texts: dict[str, str] = field(default_factory=dict)

    def declared(self, names: Envelope) -> int | None:
        text = self.texts.get(names.count, "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def parse_envelope(standard: Standard, source: bytes | Path) -> Iterator[ParsedClaim]:
    """The visits of a file, one at a time.

    A file that holds a single table alone, such as a check-in, is one visit with that table. Raises
    ParseError when the file is no XML, has a document type, or has a root that the standard does not know.
    """
    return _claims(standard, source, _Header())


def parse_file(standard: Standard, source: bytes | Path) -> ParsedFile:
    """The whole file at once, with the declared number of visits compared to those read. Raises as above."""
    header = _Header()
    claims = tuple(_claims(standard, source, header))
    names = standard.envelope
    declared = header.declared(names)
    problems = []
    if header.texts and declared != len(claims):
        message = f"{names.count} ghi {header.texts.get(names.count, '')!r} nhưng đọc được {len(claims)} hồ sơ"
        problems.append(Problem(names.root, None, names.count, "count_differs", message, str(declared)))
    return ParsedFile(
        facility_code=header.texts.get(names.facility, ""),
        made_on=header.texts.get(names.made_on, ""),
        declared=declared,
        claims=claims,
        problems=tuple(problems),
    )


def parse_table(standard: Standard, content: bytes) -> tuple[str, list[Row]]:
    """One inner document: the table its root names, and its rows. Raises ParseError."""
    root = _root(content)
    table = _table_of(standard, root)
    if table is None:
        raise ParseError(f"Không nhận ra bảng có thẻ gốc {_name(root)}")
    return table.name, _rows(table, root)


def _claims(standard: Standard, source: bytes | Path, header: _Header) -> Iterator[ParsedClaim]:
    with _opened(source) as stream:
        try:
            yield from _walk(standard, stream, header)
        except etree.XMLSyntaxError as error:
            raise ParseError(f"Tệp không phải XML hợp lệ: {error.msg}") from error


def _opened(source: bytes | Path) -> IO[bytes]:
    return BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _walk(standard: Standard, stream: IO[bytes], header: _Header) -> Iterator[ParsedClaim]:
    names = standard.envelope
    singles = {names.facility.upper(), names.made_on.upper(), names.count.upper()}
    spelled = {name.upper(): name for name in (names.facility, names.made_on, names.count)}
    position = 0
    root = None
    events = etree.iterparse(
        stream, events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    for event, element in events:
        if event == "start":
            if root is None:
                root = element
                _refuse_doctype(root)
            continue
        name = _name(element)
        if name in singles and spelled[name] not in header.texts and _name(root) == names.root.upper():
            header.texts[spelled[name]] = _text(element)
        elif name == names.claim.upper():
            position += 1
            yield _claim(standard, element, position, header)
            _release(element)
    if root is None:
        raise ParseError("Tệp rỗng")
    if _name(root) != names.root.upper():
        yield _alone(standard, root)


def _alone(standard: Standard, root: etree._Element) -> ParsedClaim:
    table = _table_of(standard, root)
    if table is None:
        raise ParseError(f"Không nhận ra tệp có thẻ gốc {_name(root)}")
    return ParsedClaim(1, {table.name: _rows(table, root)})


def _claim(standard: Standard, element: etree._Element, position: int, header: _Header) -> ParsedClaim:
    names = standard.envelope
    tables: dict[str, list[Row]] = {}
    problems: list[Problem] = []
    for file in _children(element, names.file):
        label = "".join(_text(child) for child in _children(file, names.table)).upper()
        content = next(_children(file, names.content), None)
        try:
            name, rows = _content(standard, label, content)
        except ParseError as error:
            problems.append(Problem(label or names.file, None, "", "unreadable", str(error)))
            continue
        if name in tables:
            problems.append(Problem(name, None, "", "table_twice", f"{name} xuất hiện hai lần trong một hồ sơ"))
        if label and name != label:
            message = f"{names.table} ghi {label} nhưng nội dung là {name}"
            problems.append(Problem(name, None, names.table, "wrong_label", message, label))
        tables.setdefault(name, []).extend(rows)
    return ParsedClaim(
        position=position,
        tables=tables,
        facility_code=header.texts.get(names.facility, ""),
        made_on=header.texts.get(names.made_on, ""),
        declared=header.declared(names),
        problems=tuple(problems),
    )


def _content(standard: Standard, label: str, content: etree._Element | None) -> tuple[str, list[Row]]:
    """Table name and rows of one content element: nested XML, XML as text, or base64 of XML."""
    if content is None:
        raise ParseError(f"{label}: thiếu nội dung")
    nested = next((child for child in content if isinstance(child.tag, str)), None)
    if nested is not None:
        table = _table_of(standard, nested)
        if table is None:
            raise ParseError(f"{label}: không nhận ra thẻ gốc {_name(nested)}")
        return table.name, _rows(table, nested)
    raw = (content.text or "").strip()
    if raw.startswith("<"):
        return parse_table(standard, re.sub(r"^<\?xml[^>]*\?>", "", raw).encode())
    try:
        return parse_table(standard, b64decode(_BLANK.sub(b"", raw.encode()), validate=True))
    except binascii.Error as error:
        raise ParseError(f"{label}: nội dung không phải base64") from error


def _root(content: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content.removeprefix(_MARK).strip(), parser)
    except etree.XMLSyntaxError as error:
        raise ParseError(f"Nội dung không phải XML hợp lệ: {error.msg}") from error
    _refuse_doctype(root)
    return root


def _refuse_doctype(root: etree._Element) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise ParseError("Tệp có khai báo DOCTYPE, không được nhận")


def _table_of(standard: Standard, root: etree._Element) -> Table | None:
    name = _name(root)
    return next((table for table in standard.tables.values() if table.root.upper() == name), None)


def _rows(table: Table, root: etree._Element) -> list[Row]:
    """The rows below a table's root; a list element left out, or none at all, is forgiven."""
    if not table.many:
        return [_row(root)]
    wanted = table.row.upper()
    return [_row(element) for element in root.iter() if isinstance(element.tag, str) and _name(element) == wanted]


def _row(element: etree._Element) -> Row:
    return {_name(child): _text(child) for child in element if isinstance(child.tag, str)}


def _text(element: etree._Element) -> str:
    text = (element.text or "") if len(element) == 0 else str(element.xpath("string()"))
    return clean_text(text)


def _name(element: etree._Element) -> str:
    """The element's name without its namespace, in upper case as the standard spells all names."""
    return str(element.tag).rpartition("}")[2].upper()


def _children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    return (child for child in element if isinstance(child.tag, str) and _name(child) == name.upper())


def _release(element: etree._Element) -> None:
    """Free a visit that was read, and those before it."""
    element.clear()
    while (before := element.getprevious()) is not None:
        parent = before.getparent()
        if parent is None:
            return
        parent.remove(before)
