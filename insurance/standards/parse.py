"""Read claim files, our own or anybody's, one visit at a time.

Accepts what the field sends: base64, gzip, nested or escaped XML inside the content element, one visit or many,
several envelopes one after another, a table alone, any order, letter case, prefix and encoding. Nothing in a
file can hurt: no document type, no entity, no network, limits on everything (`limits`), and no tree in memory.

What is odd but readable becomes a Problem, of the visit or of the file. When the XML breaks in the middle, the
visits before are kept, reading goes on at the next visit, and the file has the problem `file_broken`;
ParseError is raised only when nothing could be read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from insurance.standards.decode import CHUNK, Notes, Readable, texts
from insurance.standards.limits import LIMITS, Limits
from insurance.standards.mending import mended
from insurance.standards.model import Standard
from insurance.standards.parsed import ParsedClaim, declared_count
from insurance.standards.problems import ParseError, Problem
from insurance.standards.sax import BrokenXmlError, XmlFeed
from insurance.standards.shapes import Row, shapes_of
from insurance.standards.tables import read_packed
from insurance.standards.walk import Walk

Source = bytes | Path | Readable

_BLANKS = b" \t\r\n\0\x1a"
_MARK = b"\xef\xbb\xbf"
_DOCUMENT = re.compile(rb"<[A-Za-z_?!]")
_TAG_BYTES = 100  # more than the start tag of a visit takes up to its name


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A whole file: what it declares, its visits, and what is wrong with the file itself.

    `signature` is `absent`, `empty` or `present`; whether it is valid is not looked at. The codes of `problems`
    are listed at EnvelopeReader.
    """

    facility_code: str
    made_on: str
    declared: int | None
    claims: tuple[ParsedClaim, ...]
    problems: tuple[Problem, ...]
    signature: str = "absent"


def parse_envelope(standard: Standard, source: Source, *, limits: Limits = LIMITS) -> EnvelopeReader:
    """The visits of a file, one at a time; the reader also tells what is known of the file at the end.

    A file that holds a single table alone, such as a check-in, is one visit with that table. Tables of other
    versions than `standard` are read too. Iterating raises ParseError when nothing can be read.
    """
    return EnvelopeReader(standard, source, limits)


def parse_file(standard: Standard, source: Source, *, limits: Limits = LIMITS) -> ParsedFile:
    """The whole file at once. Raises ParseError when nothing can be read."""
    reader = parse_envelope(standard, source, limits=limits)
    claims = tuple(reader)
    return ParsedFile(
        facility_code=reader.facility_code,
        made_on=reader.made_on,
        declared=reader.declared,
        claims=claims,
        problems=tuple(reader.problems),
        signature=reader.signature,
    )


def parse_table(standard: Standard, content: bytes, *, limits: Limits = LIMITS) -> tuple[str, list[Row]]:
    """One inner document: the table its root names, and its rows. Raises ParseError."""
    found = read_packed(shapes_of(standard), content, "", limits, standard.envelope.signature)
    return found.name, found.rows


class EnvelopeReader(Iterator[ParsedClaim]):
    """An iterator over the visits of a file.

    After the last visit, `facility_code`, `made_on`, `declared` (of several envelopes the sum), `signature`
    (`absent`, `empty` or `present`) and `problems` speak of the whole file. Codes of problems: `count_differs`,
    `no_claims`, `file_broken` (visits may be lacking), `many_envelopes`, `junk_after_root`, `packed_file`,
    `wrapped_file`, `said_twice`, `not_well_formed`, `bad_encoding`, `wrong_declaration`, `unknown_encoding`.
    """

    def __init__(self, standard: Standard, source: Source, limits: Limits) -> None:
        self.facility_code = ""
        self.made_on = ""
        self.declared: int | None = None
        self.signature = "absent"
        self.problems: list[Problem] = []
        self._names = standard.envelope
        self._source = source
        self._limits = limits
        self._notes = Notes()
        self._walk = Walk(standard, limits)
        self._feed: XmlFeed | None = XmlFeed(self._walk, limits)
        self._line = 1
        self._count = 0
        self._documents = 1
        self._resumes = 0
        self._declared_text = ""
        self._held = b""
        self._is_seeking = self._is_done = False
        opening = rf"<(?:[A-Za-z_][\w.\-]{{0,50}}:)?{re.escape(self._names.claim)}(?=[\s/>])"
        self._next_visit = re.compile(opening.encode(), re.IGNORECASE)
        self._visits = self._read()

    def __next__(self) -> ParsedClaim:
        return next(self._visits)

    def _read(self) -> Iterator[ParsedClaim]:
        try:
            with _opened(self._source) as stream:
                for piece in mended(texts(_chunks(stream), self._limits, self._notes), self._notes):
                    data = piece.encode("utf-8", "replace")
                    while data and not self._is_done:
                        data = self._advance(data)
                        yield from self._ready()
                    if self._is_done:
                        break
            self._close()
        except ParseError as error:
            self._walk.cut(str(error))
            self._tell("file_broken", str(error))
        yield from self._ready()
        self._finish()

    def _ready(self) -> Iterator[ParsedClaim]:
        while self._walk.ready:
            self._count += 1
            yield self._walk.ready.popleft()

    def _advance(self, data: bytes) -> bytes:
        """Read on; what is left when the document ended or broke."""
        if self._is_seeking:
            data = self._seek(data)
        if not data:
            return b""
        if self._feed is None:
            return self._next_document(data)
        try:
            self._feed.feed(data)
        except BrokenXmlError as broken:
            return self._recover(broken, data)
        self._line += data.count(b"\n")
        return b""

    def _recover(self, broken: BrokenXmlError, data: bytes) -> bytes:
        """The document ended with more to follow, or broke: go on after it, or at the next visit."""
        self._line += data.count(b"\n", 0, broken.at)
        rest = data[broken.at :]
        if self._walk.is_closed:
            self._end_document()
            self._feed = None
            return self._next_document(rest)
        if self._walk.is_alone:
            raise broken
        self._tell_broken(broken)
        self._resumes += 1
        self._is_done = self._resumes > self._limits.resumes
        self._is_seeking = True
        return rest

    def _tell_broken(self, broken: BrokenXmlError) -> None:
        self._walk.cut(str(broken))
        self._tell("file_broken", f"XML bị hỏng ở dòng {broken.line}: {broken.reason}")

    def _seek(self, data: bytes) -> bytes:
        """From the next visit on, read as if nothing had been between the list's start and it."""
        data = self._held + data
        named = self._names.claim.upper().encode() in data.upper()  # quick, also where the file is nothing but marks
        match = self._next_visit.search(data) if named else None
        if not match:
            self._held = data[-_TAG_BYTES:]
            self._line += data.count(b"\n") - self._held.count(b"\n")
            return b""
        self._held = b""
        self._is_seeking = False
        self._line += data.count(b"\n", 0, match.start())
        names = self._walk.ancestors or [self._names.root, self._names.body, self._names.list]
        self._walk.resume()
        self._feed = XmlFeed(self._walk, self._limits, self._line)
        self._feed.feed("".join(f"<{name}>" for name in names).encode())
        return data[match.start() :]

    def _next_document(self, data: bytes) -> bytes:
        """After the end of a document: another one may follow, and nothing else."""
        bare = data.lstrip(_BLANKS).removeprefix(_MARK).lstrip(_BLANKS)
        if not bare:
            return b""
        if not _DOCUMENT.match(bare) or self._documents >= self._limits.documents:
            self._tell("junk_after_root", f"Sau thẻ gốc còn nội dung thừa (dòng {self._line}), đã bỏ qua")
            self._is_done = True
            return b""
        self._documents += 1
        self._tell("many_envelopes", "Tệp gồm nhiều tài liệu XML nối nhau, đã đọc lần lượt")
        self._walk.next_document()
        self._feed = XmlFeed(self._walk, self._limits, self._line)
        return bare

    def _close(self) -> None:
        """The file ends: nothing may be left open."""
        if self._feed is None or self._is_seeking or self._is_done:
            return
        try:
            self._feed.close()
        except BrokenXmlError as broken:
            if self._walk.is_alone:
                raise
            self._tell_broken(broken)
        self._end_document()

    def _end_document(self) -> None:
        """Keep what the envelope said of itself."""
        header = self._walk.header
        self.facility_code = self.facility_code or header.get(self._names.facility, "")
        self.made_on = self.made_on or header.get(self._names.made_on, "")
        self.signature = self._walk.signature
        if self._walk.wrapper:
            self._tell("wrapped_file", f"{self._names.root} nằm trong thẻ {self._walk.wrapper[:60]}")
        for tag, (first, other) in self._walk.repeated.items():
            message = f"{tag} ghi hai lần khác nhau: {first[:60]!r} và {other[:60]!r}"
            self.problems.append(Problem(self._names.root, None, tag, "said_twice", message, other[:60]))
        if header:
            self._declared_text = header.get(self._names.count, "")
            declared = declared_count(self._declared_text)
            self.declared = declared if self.declared is None else self.declared + (declared or 0)

    def _finish(self) -> None:
        names = self._names
        if self._feed is not None and (self._is_seeking or self._is_done):
            self._end_document()
        if not self._count:
            broken = next((p.message_vi for p in self.problems if p.code == "file_broken"), "")
            if broken:
                raise ParseError(broken)
            self._tell("no_claims", f"Tệp không có {names.claim} nào")
        for code, message in self._notes.found.items():
            self._tell(code, message)
        if self._walk.header and self.declared != self._count:
            message = f"{names.count} ghi {self._declared_text!r} nhưng đọc được {self._count} hồ sơ"
            self.problems.append(Problem(names.root, None, names.count, "count_differs", message, self._declared_text))

    def _tell(self, code: str, message: str) -> None:
        """A problem of the file, each code once."""
        if all(problem.code != code for problem in self.problems):
            self.problems.append(Problem(self._names.root, None, "", code, message))


def _opened(source: Source) -> AbstractContextManager[Readable]:
    if isinstance(source, bytes):
        return BytesIO(source)
    if not isinstance(source, Path):
        return nullcontext(source)
    if source.is_dir():
        raise ParseError(f"{source.name} là thư mục, không phải tệp")
    if not source.is_file():
        raise ParseError(f"Không có tệp {source.name}, hoặc nó không phải tệp thường")
    try:
        return source.open("rb")
    except OSError as error:
        raise ParseError(f"Không mở được tệp {source.name}") from error


def _chunks(stream: Readable) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk
