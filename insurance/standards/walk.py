"""Turn the elements of an envelope into visits.

The elements may stand in any order and case. A file without an envelope is one visit with one table. Text and
nested tables are taken as they come, so that memory depends on one visit only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from insurance.standards.limits import Limits
from insurance.standards.model import Standard
from insurance.standards.parsed import ParsedClaim, Part, Visit, declared_count
from insurance.standards.problems import ParseError, Problem
from insurance.standards.sax import ForbiddenError, OverLimitError
from insurance.standards.shapes import Row, older_formats, other_roots, shapes_of
from insurance.standards.tables import FoundTable, TableReader, read_packed, too_large

_CLAIM_CODE = "MA_LK"
_MAIN = "XML1"
_SHOWN = 60
_CONTENT = "NOIDUNG"
_LOSSES = frozenset({"unreadable", "too_large", "broken"})
_WRAPPED = 8  # an envelope inside unknown elements is looked for down to this depth


class Walk:
    """Receives the elements and gathers finished visits in `ready`.

    `header` holds what the envelope says of itself, by tag; `ancestors` the open elements, as written, that
    visits stand in; `wrapper` is a foreign element around the envelope, `repeated` what the envelope says twice and
    differently; `is_alone` is true for a file without an envelope, `is_closed` after the outermost element.
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
        self.wrapper = ""
        self.repeated: dict[str, tuple[str, str]] = {}
        self.ancestors: list[str] = []
        self.resume()

    def resume(self) -> None:
        """Begin again at the outermost element, in the same envelope."""
        self._stack: list[str] = []
        self._visit: Visit | None = None
        self._part: Part | None = None
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
        elif self._begins_bare(name, depth):
            if self._part and self._part.is_bare:
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
            is_on_stack = self.is_alone or (self._part is not None and self._part.is_bare)
            if self._inner or not is_on_stack:
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
        self._visit, self._part, self._inner = Visit(1), Part(1, has_content=True), 1
        return True

    def _begins_bare(self, name: str, depth: int) -> bool:
        """A table that stands in the visit itself, or under an element such as XML1, and not in a part."""
        visit = self._visit
        if visit is None or self._part or self._caught_name or depth != visit.depth + 1:
            return False
        is_table, is_label = name in self._shapes.elements, name in self._shapes.tags
        if not (is_table or is_label):
            return False
        if len(visit.labels) >= self._limits.parts:
            raise OverLimitError(f"một hồ sơ có quá {self._limits.parts} bảng")
        self._part = Part(depth, "" if is_table else name, has_content=True, is_bare=is_table, is_outside=True)
        self._is_inside, self._inner = True, int(is_table)
        return True

    def _is_wrapper(self, raw: str) -> bool:
        """An envelope inside an unknown outermost element, after all; what was open is not told apart."""
        if self._inner > _WRAPPED or self._name(raw) not in self._containers:
            return False
        stack = [self._stack[0]] * (self._inner - 1)
        self.resume()
        self.wrapper = stack[0]
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
        elif self._part and self._visit and depth > self._part.depth and self._holds_content(name):
            if self._part.has_content:
                label, at = self._part.label, self._part.depth
                self._finish_part(self._visit, self._part)
                self._part = Part(at, label)
            self._part.has_content = self._is_inside = True
            self._part.content_tag = name
        elif self._caught_name:
            if self._caught_name == tags.signature:
                self.signature = "present"
        elif name == tags.signature and self._visit is None:
            self.signature = "empty"
            self._caught_name, self._caught_depth = name, depth
        elif name in self._singles or name == tags.table:
            self._caught_name, self._caught_depth = name, depth

    def _holds_content(self, name: str) -> bool:
        """The content element, also under a name such as NOIDUNG or NOI_DUNG_FILE."""
        return name == self._tags.content or (not self._caught_name and name.replace("_", "").startswith(_CONTENT))

    def _catch(self) -> None:
        """An element of the envelope with text ends."""
        name, text = self._caught_name, self._caught.strip()
        self._caught_name, self._caught, self._caught_depth = "", "", 0
        if name == self._tags.table:
            if self._part:
                self._part.label += text
        elif name in self._singles and self._visit is None:
            first = self.header.setdefault(name, text)
            if first != text:
                self.repeated.setdefault(name, (first, text))

    def _begin_visit(self, depth: int) -> None:
        if self._visit:
            self.cut("thiếu thẻ đóng")
        self._visit = Visit(depth)

    def _begin_part(self, depth: int) -> None:
        """A part of the visit; one outside all visits makes its parent the visit."""
        if self._visit is None:
            self._begin_visit(max(1, depth - 1))
        if self._visit and self._part:
            self._finish_part(self._visit, self._part)
        if self._visit and len(self._visit.labels) >= self._limits.parts:
            raise OverLimitError(f"một hồ sơ có quá {self._limits.parts} {self._tags.file}")
        self._part = Part(depth)

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

    def _left(self, visit: Visit) -> Limits:
        """What the visit has left of its limits."""
        if not visit.tables:
            return self._limits
        content, elements = self._limits.content - visit.size, self._limits.elements - visit.elements
        return replace(self._limits, content=content, elements=elements, rows=self._limits.rows - visit.rows)

    def _out_of_table(self, raw: str) -> None:
        if self._part and self._part.table:
            try:
                self._part.table.end(raw)
            except OverLimitError as error:
                self._refuse(self._part, str(error))

    def _refuse(self, part: Part, reason: str) -> None:
        """Keep nothing of the part; the rest of the file is read on, where there can be more."""
        if self.is_alone:
            raise ForbiddenError(f"Tệp có thẻ gốc {self._stack[0][:_SHOWN]}: {reason}")
        part.refused, part.table = reason, None
        part.pieces.clear()

    def _finish_part(self, visit: Visit, part: Part) -> None:
        self._part = None
        label = part.label.strip()[:_SHOWN]
        if not self.is_alone and not part.is_outside:
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
        if part.is_outside:
            visit.labels.append(found.name)
            message = f"{found.name} nằm ngoài {self._tags.file}"
            visit.problems.append(Problem(found.name, None, "", "no_part", message))
        elif not label and not self.is_alone:
            message = f"{self._tags.file} có nội dung {found.name} nhưng không ghi {self._tags.table}"
            visit.problems.append(Problem(found.name, None, self._tags.table, "no_label", message))
        if part.content_tag not in ("", self._tags.content):
            message = (
                f"Nội dung của {found.name} nằm trong thẻ {part.content_tag[:_SHOWN]}, phải là {self._tags.content}"
            )
            visit.problems.append(Problem(found.name, None, self._tags.content, "content_tag", message))
        visit.elements += found.elements
        visit.size += found.size
        self._keep(visit, found, label, wanted)
        for one in found.more:
            self._keep(visit, one, "", "")

    def _found(self, visit: Visit, part: Part, label: str) -> FoundTable | None:
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

    def _keep(self, visit: Visit, found: FoundTable, label: str, wanted: str) -> None:
        name, tag = found.name, self._tags.table
        if label and name != wanted:
            message = f"{tag} ghi {label} nhưng nội dung là {name}"
            visit.problems.append(Problem(name, None, tag, "wrong_label", message, label))
        elif label and label != name:
            message = f"{tag} ghi {label!r}, phải ghi {name}"
            visit.problems.append(Problem(name, None, tag, "label_form", message, label))
        if name in visit.tables and not self.is_alone:
            message = f"{name} xuất hiện hai lần trong một hồ sơ"
            visit.problems.append(Problem(name, None, "", "table_twice", message))
        visit.tables.setdefault(name, []).extend(found.rows)
        visit.rows += len(found.rows)
        visit.problems.extend(found.problems)
        if self.is_alone:
            self.signature = found.signature or self.signature

    def _finish_visit(self, visit: Visit) -> None:
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
            kept = [one for one in visit.problems if one.code in _LOSSES]  # how else it differs says nothing
            visit.problems = [*kept, Problem(_MAIN, None, "", "older_format", message)]
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
