"""Reads the text of a PDF back, with places: an arithmetic of its own can then add up what was printed.

Knows only what typst writes: one content stream a page, text moved by `cm` and `Tm`, fonts with two-byte codes, their
widths and a ToUnicode map.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\s(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*)\n?endstream", re.DOTALL)
_TOKEN = re.compile(rb"\s*(\(|<<|>>|<[0-9A-Fa-f]*>|/[^\s/<>\[\]()]+|[\[\]]|[^\s/<>\[\]()]+)")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_NUMBER = re.compile(r"^-?\d{1,3}(\.\d{3})*(,\d+)?$")

Matrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Piece:
    """Text set at once: page from 1, left edge, baseline from the top of the page, width, all in points."""

    page: int
    x: float
    y: float
    width: float
    text: str

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class _Font:
    letters: dict[int, str]
    widths: dict[int, float]


def pieces(pdf: bytes) -> list[Piece]:
    """All text of all pages in the order in which it was drawn; a page is told by its place in the file."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    pages = [body for _, body in sorted(objects.items()) if re.search(rb"/Type\s*/Page\b", body)]
    found = []
    for number, page in enumerate(pages, 1):
        resources = page if b"/Font" in page else objects[_ref(page, b"Resources")]
        named = re.search(rb"/Font\s*<<(.*?)>>", resources, re.DOTALL)
        fonts = {
            name: _font(objects, int(at)) for name, at in re.findall(rb"/(\S+) (\d+) 0 R", named[1] if named else b"")
        }
        height = float(re.search(rb"/MediaBox\s*\[\S+ \S+ \S+ ([\d.]+)", page)[1])
        found += _drawn(_unpacked(objects[_ref(page, b"Contents")]), fonts, number, height)
    return found


def amount(text: str) -> Decimal:
    """`1.250.500,50` as a number; raises ValueError for anything else."""
    if not _NUMBER.match(text):
        raise ValueError(text)
    return Decimal(text.replace(".", "").replace(",", "."))


def joined(found: list[Piece]) -> str:
    """The text as one, pieces apart by a blank."""
    return re.sub(r"\s+", " ", " ".join(piece.text for piece in found))


def _ref(body: bytes, key: bytes) -> int:
    return int(re.search(rb"/" + key + rb"\s*\[?(\d+) 0 R", body)[1])


def _unpacked(body: bytes) -> bytes:
    packed = _STREAM.search(body)[1]
    return zlib.decompress(packed) if b"FlateDecode" in body else packed


def _font(objects: dict[int, bytes], number: int) -> _Font:
    font = objects[number]
    letters: dict[int, str] = {}
    text = _unpacked(objects[_ref(font, b"ToUnicode")]).decode("latin-1")
    for part in re.findall(r"beginbfchar(.*?)endbfchar", text, re.DOTALL):
        for code, said in re.findall(r"<(\w+)>\s*<(\w+)>", part):
            letters[int(code, 16)] = bytes.fromhex(said).decode("utf-16-be")
    inner = objects[_ref(font, b"DescendantFonts")]
    widths: dict[int, float] = {}
    for first, last, wide in re.findall(rb"(\d+) (\d+) ([\d.]+)", re.search(rb"/W\[([^\]]*)\]", inner)[1]):
        widths |= dict.fromkeys(range(int(first), int(last) + 1), float(wide))
    return _Font(letters, widths)


def _drawn(content: bytes, fonts: dict[bytes, _Font], page: int, height: float) -> Iterator[Piece]:
    here: Matrix = (1, 0, 0, 1, 0, 0)
    kept, stack, font, size, text_at = [], [], None, 0.0, here
    for token in _tokens(content):
        if token == b"q":
            kept.append(here)
        elif token == b"Q":
            here = kept.pop()
        elif token == b"cm":
            here = _times(_matrix(stack), here)
        elif token == b"Tf":
            font, size = fonts[stack[-2][1:]], float(stack[-1])
        elif token == b"BT":
            text_at = (1, 0, 0, 1, 0, 0)
        elif token == b"Tm":
            text_at = _matrix(stack)
        elif token in {b"TJ", b"Tj"}:
            assert font is not None
            codes = [code for part in stack if part[:1] in b"(<" for code in _codes(part)]
            at, text = _times(text_at, here), "".join(font.letters.get(code, "?") for code in codes)
            wide = sum(font.widths.get(code, 1000.0) for code in codes) * size / 1000
            wide -= sum(float(part) for part in stack if re.fullmatch(rb"-?[\d.]+", part)) * size / 1000
            yield Piece(page, at[4], height - at[5], wide, text)
        else:
            stack.append(token)
            continue
        stack = []


def _tokens(content: bytes) -> Iterator[bytes]:
    at = 0
    while found := _TOKEN.match(content, at):
        start, at = found.start(1), found.end(1)
        if found[1] == b"(":  # a string goes to its own bracket; brackets inside come in pairs or are escaped
            depth = 1
            while depth:
                depth += {b"(": 1, b")": -1}.get(content[at : at + 1], 0)
                at += 2 if content[at : at + 1] == b"\\" else 1
        yield content[start:at]


def _matrix(stack: list[bytes]) -> Matrix:
    a, b, c, d, e, f = (float(part) for part in stack[-6:])
    return a, b, c, d, e, f


def _times(m: Matrix, n: Matrix) -> Matrix:
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def _codes(part: bytes) -> list[int]:
    if part.startswith(b"<"):
        raw = bytes.fromhex(part[1:-1].decode())
    else:
        raw = _ESCAPE.sub(lambda m: bytes([int(m[1], 8)]) if m[1].isdigit() else _NAMED.get(m[1], m[1]), part[1:-1])
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
