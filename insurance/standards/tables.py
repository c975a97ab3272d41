"""Read one table of a visit, nested in the file or packed as text, base64, gzip or ZIP.

Rows hold every tag of the file, known to the standard or not, in upper case; a tag that a row lacks is not in
it. A table is recognised by its root, else by its list or rows, else by its label, else by its fields. A document
that holds the roots of several tables gives them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from insurance.standards.archive import archive_members
from insurance.standards.decode import CHUNK, Notes, from_base64, sliced, text_pieces, texts
from insurance.standards.limits import Limits
from insurance.standards.mending import BARE, FORBIDDEN
from insurance.standards.problems import ParseError, Problem
from insurance.standards.sax import BrokenXmlError, OverLimitError, XmlFeed
from insurance.standards.shapes import Element, Row, Shapes
from insurance.standards.values import clean_text

_BARE_MARK = re.compile(BARE)
_CDATA = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_FORBIDDEN = re.compile(FORBIDDEN)
_CDATA_TEXT = re.compile(r"\s*<!\[CDATA\[(.*)\]\]>\s*", re.DOTALL)
_LEVELS = 4


@dataclass(frozen=True, slots=True)
class FoundTable:
    """One table as it was read: its rows, what was odd about it, and how large it is. `more` are the other tables
    of the same document."""

    name: str
    rows: list[Row]
    problems: list[Problem]
    signature: str
    elements: int
    size: int = 0
    more: tuple[FoundTable, ...] = ()


@dataclass(slots=True)
class _Frame:
    """An open element that is no row: `fields` are its children that hold text only."""

    name: str
    known: Element | None
    fields: Row = field(default_factory=dict)
    is_parent: bool = False


class TableReader:
    """Receives the elements of one table through `start`, `text` and `end`, which raise OverLimitError.

    The three are closures: they run for each field of each row, and this halves the time of a month's files.
    """

    start: Callable[[str, list[str]], None]
    end: Callable[[str], None]
    text: Callable[[str], None]

    def __init__(self, shapes: Shapes, limits: Limits, signature: str) -> None:
        self._shapes = shapes
        self._limits = limits
        self._short = min(100, limits.value)
        self._signature_tag = signature
        self._parts: list[str] = []
        self._frames: list[_Frame] = []
        self._skip_depth = self._opened = 0
        self._root = ""
        self._by_root = self._by_part = ""
        self._rows: list[Row] = []
        self._loose: list[Row] = []
        self._odd_case = self._odd_place = self._wrapped = ""
        self._twice: dict[str, str] = {}
        self._done: list[FoundTable] = []
        self.signature = ""
        self.count = 0
        self.text = self._parts.append
        self.start, self.end = self._handlers()

    def _handlers(self) -> tuple[Callable[[str, list[str]], None], Callable[[str], None]]:
        """`start` and `end`; a row is open while `field_depth` is not 0."""
        depth = count = field_depth = 0
        row: Row = {}
        parts, clear, rows, known = self._parts, self._parts.clear, self._rows, self._shapes.names
        deepest, most = self._limits.depth, self._limits.elements

        def start(raw: str, attributes: list[str]) -> None:
            nonlocal depth, count, field_depth, row
            depth += 1
            count += 1
            if depth == field_depth:
                clear()
            elif not field_depth and self._opens_row(raw, depth):
                row, field_depth = {}, depth + 1
            if depth > deepest or count > most:
                self._refuse(depth)

        def end(raw: str) -> None:
            nonlocal depth, field_depth
            if depth == field_depth:
                name = known.get(raw) or self._name(raw)
                value = self._value(name) if parts else ""
                if name in row:
                    self._again(name, value)
                else:
                    row[name] = value
            elif not field_depth:
                self._close(depth)
            elif depth < field_depth:
                rows.append(row)
                field_depth = 0
                self.count = count
            depth -= 1

        return start, end

    def _refuse(self, depth: int) -> None:
        if depth > self._limits.depth:
            raise OverLimitError(f"thẻ lồng nhau quá {self._limits.depth} tầng")
        raise OverLimitError(f"có quá {self._limits.elements} thẻ")

    def finish(self, label: str = "") -> FoundTable:
        """The table, when its last element has ended. Raises ParseError when it cannot be told which it is."""
        if not self._done:
            return self._finished(label)
        first, *others = [*self._done, self._finished()]
        told = {first.name}
        for one in others:
            if one.name not in told:
                told.add(one.name)
                message = f"{one.name} nằm chung một nội dung với {first.name}"
                one.problems.append(Problem(one.name, None, "", "shared_content", message))
        return replace(first, more=tuple(others), elements=self.count, signature=self.signature)

    def _finished(self, label: str = "") -> FoundTable:
        rows = list(self._rows or self._loose)
        labelled = self._shapes.by_label(label) if rows else ""
        fields = next((row.keys() for row in rows), ())
        name = self._by_root or self._by_part or labelled or self._shapes.by_fields(fields)
        if not name:
            raise ParseError(f"không nhận ra bảng có thẻ gốc {self._root[:60]}")
        problems = []
        if self._root and not self._by_root:
            message = f"Thẻ gốc {self._root[:60]} không phải của bảng {name}"
            problems.append(Problem(name, None, "", "wrong_root", message, self._root[:60]))
        elif self._odd_place:
            message = f"Dòng của bảng {name} nằm ở {self._odd_place[:120]}"
            problems.append(Problem(name, None, "", "row_place", message, self._odd_place[:120]))
        if self._odd_case:
            message = f"Tên thẻ phải viết hoa, tệp viết {self._odd_case[:60]}"
            problems.append(Problem(name, None, self._odd_case.upper()[:60], "letter_case", message))
        if self._wrapped:
            message = f"{self._wrapped[:60]} có chữ <![CDATA[ trong giá trị (mã hóa hai lần), đã bỏ"
            problems.append(Problem(name, None, self._wrapped[:60], "escaped_twice", message))
        if self._rows and self._loose:
            tag = next(iter(self._loose[0]))[:60]
            problems.append(Problem(name, None, tag, "stray_field", f"{tag} nằm ngoài các dòng của bảng"))
        for tag, value in self._twice.items():
            problems.append(Problem(name, None, tag, "tag_twice", f"{tag} xuất hiện hai lần trong một dòng", value))
        return FoundTable(name, rows, problems, self.signature, self.count)

    def _value(self, name: str) -> str:
        """The text just read, as a field of that name has it."""
        parts = self._parts
        value = parts[0] if len(parts) == 1 else "".join(parts)
        parts.clear()
        if value.isascii() and len(value) <= self._short and "\r" not in value and value[:1] != "<":
            return value.strip()
        if len(value) > self._limits.value:
            raise OverLimitError(f"{name} dài quá {self._limits.value} ký tự")
        wrapped = _CDATA_TEXT.fullmatch(value)
        if wrapped:
            self._wrapped = self._wrapped or name
        return clean_text(wrapped[1] if wrapped else value)

    def _again(self, name: str, value: str) -> None:
        """A field stands twice in a row: the first counts, and it is told."""
        if len(self._twice) < self._limits.attributes:
            self._twice.setdefault(name, value[:60])

    def _name(self, raw: str) -> str:
        """The upper-case name without prefix of an element that is not written so, or not known."""
        local = raw.rpartition(":")[2]
        name = local.upper()
        if name != local and not self._odd_case and name in self._shapes.names:
            self._odd_case = local
        return name

    def _opens_row(self, raw: str, depth: int) -> bool:
        """An element outside all rows begins: whether it is a row."""
        if self._skip_depth:
            return False
        name = self._shapes.names.get(raw) or self._name(raw)
        element = self._shapes.elements.get(name)
        parent = self._frames[-1] if self._frames else None
        if parent:
            parent.is_parent = True
        self._parts.clear()
        if depth == 1:
            self._root = name
        elif name == self._signature_tag:
            self._skip_depth, self.signature = depth, "empty"
            return False
        if element:
            self._recognise(element)
        below_list = parent is not None and parent.known is not None and not parent.known.is_root
        if (element and element.is_row) or (below_list and element is None):
            self._place(name, element)
            return True
        self._frames.append(_Frame(name, element))
        return False

    def _place(self, name: str, element: Element | None) -> None:
        """Count the row, and keep where it stands when the standard has its rows elsewhere."""
        self._opened += 1
        if self._opened > self._limits.rows:
            raise OverLimitError(f"có quá {self._limits.rows} dòng")
        if self._odd_place or (element and len(self._frames) == element.depth and self._is_known_path(element.table)):
            return
        self._odd_place = "/".join([*(frame.name for frame in self._frames), name])

    def _is_known_path(self, table: str) -> bool:
        return all(frame.known and frame.known.table == table for frame in self._frames)

    def _recognise(self, element: Element) -> None:
        if element.is_root and self._by_root not in ("", element.table):
            self._done.append(self._finished())
            self._begin_next()
        if element.is_root:
            self._by_root = self._by_root or element.table
        else:
            self._by_part = self._by_part or element.table

    def _begin_next(self) -> None:
        """Another table begins in the same document."""
        self._rows.clear()
        self._loose.clear()
        self._by_part = self._by_root = self._odd_case = self._odd_place = self._wrapped = ""
        self._twice = {}

    def _close(self, depth: int) -> None:
        """An element that is no row ends: it was a field of its parent, or held fields, or rows."""
        if self._skip_depth:
            self._skip(depth)
            return
        frame = self._frames.pop()
        if frame.is_parent:
            if frame.fields:
                self._loose.append(frame.fields)
        elif frame.known is None and self._frames:
            self._frames[-1].fields.setdefault(frame.name, self._value(frame.name))

    def _skip(self, depth: int) -> None:
        """Inside a signature: only whether it holds anything matters."""
        if depth > self._skip_depth or "".join(self._parts).strip():
            self.signature = "present"
        self._parts.clear()
        if depth == self._skip_depth:
            self._skip_depth = 0


def read_packed(shapes: Shapes, content: str | bytes, label: str, limits: Limits, signature: str) -> FoundTable:
    """The table in a text that is XML, or XML escaped again, or base64, or such bytes.

    A table whose XML is broken by bare `&` and `<` or forbidden characters is read mended, and told. Raises
    ParseError.
    """
    notes = Notes()
    try:
        reader, size = _read(shapes, _pieces(content, limits, notes), limits, signature)
    except OverLimitError:
        raise
    except ParseError as error:
        mended = _mended(content, limits)
        if mended is None:
            raise
        reader, size = _read(shapes, text_pieces(mended), limits, signature)
        notes.add("not_well_formed", f"Nội dung không phải XML hợp lệ: {error}; đã đọc sau khi sửa tạm")
    found = reader.finish(label)
    found.problems.extend(Problem(found.name, None, "", code, message) for code, message in notes.found.items())
    return replace(found, size=size)


def _read(shapes: Shapes, pieces: Iterable[str], limits: Limits, signature: str) -> tuple[TableReader, int]:
    """The reader after the last element, and how many characters it read."""
    reader = TableReader(shapes, limits, signature)
    feed = XmlFeed(reader, limits)
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limits.content:
            raise OverLimitError(too_large(limits))
        try:
            feed.feed(piece.encode("utf-8", "replace"))
        except BrokenXmlError as broken:
            if isinstance(broken.__cause__, OverLimitError):
                raise broken.__cause__ from None
            raise
    feed.close()
    return reader, size


def too_large(limits: Limits) -> str:
    """Why a table is refused for its size."""
    return f"nội dung quá lớn, hồ sơ có trên {limits.content} ký tự"


def _pieces(content: str | bytes, limits: Limits, notes: Notes) -> Iterator[str]:
    """The characters of the document, out of what it is packed in."""
    for _ in range(_LEVELS):
        if isinstance(content, bytes):
            content = _unzipped(content, limits, notes)
            if content[:20].lstrip().startswith(b"&lt;"):
                content = content.decode("utf-8", "replace")
                continue
            if not _is_base64_again(content):
                return texts(sliced(content), limits, notes)
            content = content.decode("ascii", "replace")
        head = content[:200].lstrip()
        if head.startswith("<"):
            return text_pieces(content)
        if head.startswith("&lt;"):
            notes.add("escaped_twice", "Nội dung bị mã hóa ký tự hai lần, đã giải mã")
            content = _unescaped(content)
        else:
            content = _unpacked(content)
    raise ParseError("nội dung được đóng gói quá nhiều lớp")


def _unpacked(content: str) -> bytes:
    try:
        data = from_base64(content.partition(";base64,")[2].encode("ascii") or content.encode("ascii"))
    except UnicodeEncodeError as error:
        raise ParseError("nội dung không phải base64") from error
    if not data.strip():
        raise ParseError("nội dung trống")
    return data


def _unzipped(data: bytes, limits: Limits, notes: Notes) -> bytes:
    """What the only XML file of a ZIP archive holds; anything else as it is."""
    if not data.startswith(b"PK\x03\x04"):
        return data
    members = archive_members(data, limits=replace(limits, member=limits.content, total=limits.content))
    member = next((one for one in members if not one.is_other), None)
    if member is None or member.stream is None:
        raise ParseError(member.refused if member else "tệp nén ZIP không có tệp XML nào")
    pieces = []
    while piece := member.stream.read(CHUNK):
        pieces.append(piece)
    notes.add("packed_file", "Nội dung bảng là tệp nén ZIP, đã giải nén")
    return b"".join(pieces)


def _is_base64_again(data: bytes) -> bool:
    """True for base64 of base64 of XML, with or without a byte order mark."""
    return data[:8].startswith((b"PD94", b"PFRP", b"PENI", b"77u/"))


def _unescaped(text: str) -> str:
    for mark, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(mark, sign)
    return text


def _mended(content: str | bytes, limits: Limits) -> str | None:
    """The whole document with bare marks escaped and forbidden characters left out; None when that is no help."""
    try:
        pieces = []
        size = 0
        for piece in _pieces(content, limits, Notes()):
            pieces.append(piece)
            size += len(piece)
            if size > limits.repair:
                return None
    except ParseError:
        return None
    text = "".join(pieces)
    parts = _CDATA.split(_FORBIDDEN.sub("", text))
    parts[::2] = [_BARE_MARK.sub(_escaped, part) for part in parts[::2]]
    mended = "".join(parts)
    return None if mended == text else mended


def _escaped(match: re.Match[str]) -> str:
    return "&amp;" if match[0] == "&" else "&lt;"
