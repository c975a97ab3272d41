"""Turn the elements of an envelope into visits.

The elements may stand in any order and case. A file without an envelope is one visit with one table. Text and
nested tables are taken as they come, so that memory depends on one visit only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from insurance.standards.limits import Limits
from insurance.standards.model import Standard
from insurance.standards.problems import ParseError, Problem
from insurance.standards.sax import ForbiddenError, OverLimitError
from insurance.standards.shapes import Row, older_formats, other_roots, shapes_of
from insurance.standards.tables import FoundTable, TableReader, read_packed, too_large

_CLAIM_CODE = "MA_LK"
_MAIN = "XML1"
_SHOWN = 60
_WRAPPED = 3  # an envelope inside unknown elements is looked for down to this depth


@dataclass(frozen=True, slots=True)
class ParsedClaim:
    """One visit of a file: its tables as rows of tag to text, in the order of the file.

    `position` counts from 1; `facility_code`, `made_on` and `declared` (number of visits) are what the file
    says, empty or None when it says nothing before this visit. `labels` are those of its parts as written, in
    the order of the file, also of parts that could not be read. `claim_code` is the first one in its tables.
    Rows hold all tags that the file has, also unknown ones; `check` names those and the missing.

    Codes of `problems`: `unreadable`, `too_large`, `empty_content` (the table is lacking); `broken` (the visit
    was cut off by broken XML); `older_format` (from before QĐ 130: named, its tables left out);
    `not_well_formed`, `bad_encoding`, `wrong_declaration`, `unknown_encoding`, `escaped_twice`, `wrong_label`,
    `label_form`, `wrong_root`, `table_twice`, `tag_twice`, `stray_field`, `letter_case` (read all the same).
    """

    position: int
    tables: Mapping[str, list[Row]]
    facility_code: str = ""
    made_on: str = ""
    declared: int | None = None
    problems: tuple[Problem, ...] = ()
    labels: tuple[str, ...] = ()
    claim_code: str = ""


def declared_count(text: str) -> int | None:
    """The number of visits that an envelope declares, None when it is no number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


@dataclass(slots=True)
class _Part:
    """A part of a visit that began at `depth`: its label, and the content that is being collected."""

    depth: int
    label: str = ""
    has_content: bool = False
    pieces: list[str] = field(default_factory=list)
    size: int = 0
    table: TableReader | None = None
    refused: str = ""


@dataclass(slots=True)
class _Visit:
    """The visit that is being read; it began at `depth`."""

    depth: int
    tables: dict[str, list[Row]] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    elements: int = 0
    size: int = 0


class Walk:
    """Receives the elements and gathers finished visits in `ready`.

    `header` holds what the envelope says of itself, by tag; `ancestors` the open elements, as written, that
    visits stand in; `is_alone` is true for a file without an envelope, `is_closed` after the outermost element.
    """

    def __init__(self, standard: Standard, limits: Limits) -> None:
        names = self._tags = standard.envelope
        self._shapes = shapes_of(standard)
        self._limits = limits
        self._names: dict[str, str] = {}
        self._singles = {names.facility, names.made_on, names.count}
        self._containers = {names.root, names.body, names.list, names.claim, names.file}
        self.ready: deque[ParsedClaim] = deque()
        self.position = 0
        self.next_document()

    def next_document(self) -> None:
        """Another envelope begins: forget what the last one said."""
        self.header: dict[str, str] = {}
        self.signature = "absent"
        self.ancestors: list[str] = []
        self.resume()

    def resume(self) -> None:
        """Begin again at the outermost element, in the same envelope."""
        self._stack: list[str] = []
        self._visit: _Visit | None = None
        self._part: _Part | None = None
        self._is_inside = False
        self._inner = 0
        self._caught_depth = 0
        self._caught_name = ""
        self._caught = ""
        self._outside = self._stray = 0
        self.is_alone = self.is_closed = False

    def cut(self, reason: str) -> None:
        """The XML broke: what was read of the open visit is kept, with the reason."""
        if self._visit is None or self.is_alone:
            return
        lost = self._part.label.strip()[:_SHOWN] if self._part else ""
        message = f"Hồ sơ bị hỏng{f' ở {lost}' if lost else ''}: {reason}"
        self._visit.problems.append(Problem(lost or self._tags.claim, None, "", "broken", message))
        self._part = None
        self._finish_visit(self._visit)

    def start(self, raw: str, attributes: list[str]) -> None:
        """An element begins."""
        if self._is_inside:
            self._inner += 1
            if self._inner > self._limits.depth:  # also of a part that is refused: the parser itself remembers
                raise self._too_deep()
            if not self.is_alone or not self._is_wrapper(raw):
                self._into_table(raw, attributes)
                return
        self._stack.append(raw)
        depth = len(self._stack)
        if depth > self._limits.depth:
            raise self._too_deep()
        if len(attributes) > 2 * self._limits.attributes:
            raise OverLimitError(f"một thẻ có quá {self._limits.attributes} thuộc tính")
        self._outside += 1
        if self._outside > self._limits.elements:
            raise OverLimitError(f"có quá {self._limits.elements} thẻ ngoài các bảng")
        name = self._names.get(raw) or self._name(raw)
        if depth == 1 and self._begins_alone(name):
            self._into_table(raw, attributes)
        else:
            self._open(name, depth)

    def text(self, data: str) -> None:
        """Text of the open element, or a piece of it."""
        if self._is_inside:
            self._into_content(data)
        elif self._caught_name == self._tags.signature:
            if data.strip():
                self.signature = "present"
        elif self._caught_name:
            self._caught += data
            if len(self._caught) > self._limits.header:
                raise OverLimitError(f"{self._caught_name} dài quá {self._limits.header} ký tự")
        elif not data.isspace():
            self._stray += len(data)
            if self._stray > self._limits.token:
                raise OverLimitError(f"có quá {self._limits.token} ký tự thừa ngoài các bảng")

    def end(self, raw: str) -> None:
        """The open element ends."""
        if self._inner:
            self._inner -= 1
            self._out_of_table(raw)
            if self._inner or not self.is_alone:
                return
        self._is_inside = False
        depth = len(self._stack)
        self._stack.pop()
        if depth == self._caught_depth:
            self._catch()
        if self._part and depth == self._part.depth and self._visit:
            self._finish_part(self._visit, self._part)
        if self._visit and depth == self._visit.depth:
            self._finish_visit(self._visit)
        self.is_closed = not self._stack

    def _too_deep(self) -> OverLimitError:
        return OverLimitError(f"thẻ lồng nhau quá {self._limits.depth} tầng")

    def _name(self, raw: str) -> str:
        name = self._names[raw] = raw.rpartition(":")[2].upper()
        return name

    def _begins_alone(self, name: str) -> bool:
        """The outermost element: whether it is no envelope. Refuses the envelopes of other messages."""
        if name in other_roots():
            raise ForbiddenError(
                f"Đây là tệp {other_roots()[name]}, không phải hồ sơ khám chữa bệnh ({self._tags.root})"
            )
        if name in self._containers:
            return False
        self.is_alone = self._is_inside = True
        self._visit, self._part, self._inner = _Visit(1), _Part(1, has_content=True), 1
        return True

    def _is_wrapper(self, raw: str) -> bool:
        """An envelope inside an unknown outermost element, after all; what was open is not told apart."""
        if self._inner > _WRAPPED or self._name(raw) not in self._containers:
            return False
        stack = [self._stack[0]] * (self._inner - 1)
        self.resume()
        self._stack = stack
        return True

    def _open(self, name: str, depth: int) -> None:
        """An element of the envelope begins."""
        tags = self._tags
        if name == tags.claim:
            self._begin_visit(depth)
            self.ancestors = self._stack[:-1]
        elif name == tags.file:
            self._begin_part(depth)
        elif name == tags.content and self._part and self._visit:
            if self._part.has_content:
                label, at = self._part.label, self._part.depth
                self._finish_part(self._visit, self._part)
                self._part = _Part(at, label)
            self._part.has_content = self._is_inside = True
        elif self._caught_name:
            if self._caught_name == tags.signature:
                self.signature = "present"
        elif name == tags.signature and self._visit is None:
            self.signature = "empty"
            self._caught_name, self._caught_depth = name, depth
        elif name in self._singles or name == tags.table:
            self._caught_name, self._caught_depth = name, depth

    def _catch(self) -> None:
        """An element of the envelope with text ends."""
        name, text = self._caught_name, self._caught.strip()
        self._caught_name, self._caught, self._caught_depth = "", "", 0
        if name == self._tags.table:
            if self._part:
                self._part.label += text
        elif name in self._singles and self._visit is None:
            self.header.setdefault(name, text)

    def _begin_visit(self, depth: int) -> None:
        if self._visit:
            self.cut("thiếu thẻ đóng")
        self._visit = _Visit(depth)

    def _begin_part(self, depth: int) -> None:
        """A part of the visit; one outside all visits makes its parent the visit."""
        if self._visit is None:
            self._begin_visit(max(1, depth - 1))
        if self._visit and self._part:
            self._finish_part(self._visit, self._part)
        if self._visit and len(self._visit.labels) >= self._limits.parts:
            raise OverLimitError(f"một hồ sơ có quá {self._limits.parts} {self._tags.file}")
        self._part = _Part(depth)

    def _into_table(self, raw: str, attributes: list[str]) -> None:
        part, visit = self._part, self._visit
        if part is None or visit is None or part.refused:
            return
        if part.table is None:
            part.table = TableReader(self._shapes, self._left(visit), self._tags.signature)
            part.pieces.clear()
            part.size = 0
        try:
            part.table.start(raw, attributes)
        except OverLimitError as error:
            self._refuse(part, str(error))

    def _into_content(self, data: str) -> None:
        part, visit = self._part, self._visit
        if part is None or visit is None or part.refused:
            return
        part.size += len(data)
        if part.table is None:
            part.pieces.append(data)
            size = part.size * 2 // 3  # packed text is a third larger, and may be wrapped
        else:
            part.table.text(data)
            size = part.size
        if size > self._limits.content - visit.size:
            self._refuse(part, too_large(self._limits))

    def _left(self, visit: _Visit) -> Limits:
        """What the visit has left of its limits."""
        if not visit.tables:
            return self._limits
        content, elements = self._limits.content - visit.size, self._limits.elements - visit.elements
        return replace(self._limits, content=content, elements=elements)

    def _out_of_table(self, raw: str) -> None:
        if self._part and self._part.table:
            try:
                self._part.table.end(raw)
            except OverLimitError as error:
                self._refuse(self._part, str(error))

    def _refuse(self, part: _Part, reason: str) -> None:
        """Keep nothing of the part; the rest of the file is read on, where there can be more."""
        if self.is_alone:
            raise ForbiddenError(f"Tệp có thẻ gốc {self._stack[0][:_SHOWN]}: {reason}")
        part.refused, part.table = reason, None
        part.pieces.clear()

    def _finish_part(self, visit: _Visit, part: _Part) -> None:
        self._part = None
        label = part.label.strip()[:_SHOWN]
        if not self.is_alone:
            visit.labels.append(label)
        wanted = self._shapes.by_label(label)
        where = wanted or label or self._tags.file
        try:
            found = self._found(visit, part, label)
        except ParseError as error:
            if self.is_alone:
                raise ForbiddenError(f"Tệp không phải hồ sơ khám chữa bệnh: {error}") from error
            code = "too_large" if isinstance(error, OverLimitError) else "unreadable"
            visit.problems.append(Problem(where, None, "", code, f"{where}: {error}"))
            return
        if found is None:
            message = f"{where}: {self._tags.content} trống"
            visit.problems.append(Problem(where, None, self._tags.content, "empty_content", message))
            return
        self._keep(visit, found, label, wanted)

    def _found(self, visit: _Visit, part: _Part, label: str) -> FoundTable | None:
        """The table of a part, None when its content is empty."""
        if part.refused:
            raise OverLimitError(part.refused)
        if not part.has_content:
            raise ParseError("thiếu nội dung")
        if part.table:
            return replace(part.table.finish(label), size=part.size)
        content = "".join(part.pieces)
        if not content or content.isspace():
            return None
        part.pieces.clear()
        return read_packed(self._shapes, content, label, self._left(visit), self._tags.signature)

    def _keep(self, visit: _Visit, found: FoundTable, label: str, wanted: str) -> None:
        name, tag = found.name, self._tags.table
        if label and name != wanted:
            message = f"{tag} ghi {label} nhưng nội dung là {name}"
            visit.problems.append(Problem(name, None, tag, "wrong_label", message, label))
        elif label and label != name:
            message = f"{tag} ghi {label!r}, phải ghi {name}"
            visit.problems.append(Problem(name, None, tag, "label_form", message, label))
        if name in visit.tables:
            message = f"{name} xuất hiện hai lần trong một hồ sơ"
            visit.problems.append(Problem(name, None, "", "table_twice", message))
        visit.tables.setdefault(name, []).extend(found.rows)
        visit.problems.extend(found.problems)
        visit.elements += found.elements
        visit.size += found.size
        if self.is_alone:
            self.signature = found.signature or self.signature

    def _finish_visit(self, visit: _Visit) -> None:
        if self._part:
            self._finish_part(visit, self._part)
        self._visit = None
        self._outside = self._stray = 0
        self.position += 1
        if self.position > self._limits.visits:
            raise ForbiddenError(f"Tệp có quá {self._limits.visits} hồ sơ")
        tables = visit.tables
        code = _claim_code(tables)
        older = next((one for one in older_formats() if one.fits(tables)), None)
        if older:
            message = f"Hồ sơ theo {older.title}, trước QĐ 130/QĐ-BYT; chương trình không kiểm được"
            visit.problems.append(Problem(_MAIN, None, "", "older_format", message))
            tables = {}
        claim = ParsedClaim(
            position=self.position,
            tables=tables,
            facility_code=self.header.get(self._tags.facility, ""),
            made_on=self.header.get(self._tags.made_on, ""),
            declared=declared_count(self.header.get(self._tags.count, "")),
            problems=tuple(visit.problems),
            labels=tuple(visit.labels),
            claim_code=code,
        )
        self.ready.append(claim)


def _claim_code(tables: Mapping[str, list[Row]]) -> str:
    ordered = sorted(tables, key=lambda name: name != _MAIN)
    return next((row[_CLAIM_CODE] for name in ordered for row in tables[name] if row.get(_CLAIM_CODE)), "")
