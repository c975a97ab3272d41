"""From the bytes of a file to its characters, whatever they are packed in.

Finds the encoding from the byte order mark, the bytes themselves and the declaration, in this order of trust;
unwraps a file that is base64 or gzip as a whole; says what a file that is no XML looks like. Bytes that are
wrong in their encoding become U+FFFD and are told, so that one spoiled letter does not cost a file.
"""

from __future__ import annotations

import binascii
import codecs
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Protocol
from urllib.parse import unquote_to_bytes

from insurance.standards.limits import MIB, Limits
from insurance.standards.problems import ParseError

CHUNK = 1 << 16

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DECLARED = re.compile(rb"""<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:\-]{1,40})["']""", re.IGNORECASE)
_WIDE_NAME = re.compile(r"utf-?(16|32).*|ucs-?[24].*|unicode.*", re.IGNORECASE)
_SINGLE_BYTE = re.compile(r"iso-?8859-?\d{1,2}|latin-?\d|(windows|cp)-?125\d|us-ascii|ascii", re.IGNORECASE)
_WINDOWS = "windows-1258"
_XML_DECLARATION = re.compile(r"<\?xml\s[^>]{0,400}?\?>", re.IGNORECASE)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\-=\s]{40,}\Z")
_GZIP = b"\x1f\x8b"
_LOOKS_LIKE = (
    (b"PK\x03\x04", "tệp nén ZIP"),
    (b"%PDF", "tệp PDF"),
    (b"MZ", "chương trình Windows"),
    (b"\x7fELF", "chương trình Linux"),
    (b"\xd0\xcf\x11\xe0", "tệp Office cũ (xls, doc)"),
    (b"Rar!", "tệp nén RAR"),
    (b"7z\xbc\xaf", "tệp nén 7z"),
    (b"\x89PNG", "ảnh PNG"),
    (b"\xff\xd8\xff", "ảnh JPEG"),
    (b"SQLite format 3", "cơ sở dữ liệu SQLite"),
    (b"{", "dữ liệu JSON"),
    (b"[", "dữ liệu JSON"),
)
_OFFICE = ((b"xl/", "bảng tính Excel (xlsx)"), (b"word/", "văn bản Word (docx)"))
BLANKS = " \t\r\n\f\v\0\ufeff\u200b\x1a"


class Readable(Protocol):
    """What bytes can be read from, piece by piece."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, none at the end."""


class Notes:
    """What was odd about a file or table though it was read: code and Vietnamese message, each code once."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def add(self, code: str, message_vi: str) -> None:
        """Keep the first message of a code."""
        self.found.setdefault(code, message_vi)


def sliced(data: bytes) -> Iterator[bytes]:
    """The data in pieces of the size that a file is read in."""
    return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))


def looks_like(head: bytes) -> str:
    """What the first bytes of a file that is no XML seem to be, in Vietnamese."""
    if head.startswith(b"PK\x03\x04"):
        for mark, name in _OFFICE:
            if mark in head:
                return name
    bare = head.lstrip()
    for magic, name in _LOOKS_LIKE:
        if head.startswith(magic) or bare.startswith(magic):
            return name
    if bare[:15].lower().startswith((b"<!doctype html", b"<html")):
        return "trang web (HTML)"
    return "tệp nhị phân" if b"\0" in head else "văn bản thường"


def texts(chunks: Iterable[bytes], limits: Limits, notes: Notes) -> Iterator[str]:
    """The characters of an XML document from its first `<` on, without XML declarations.

    Raises ParseError when the data are empty or no XML, saying what they look like.
    """
    for _ in range(4):
        head, chunks = _head(chunks)
        if not head.strip(b" \t\r\n\0"):
            raise ParseError("Tệp rỗng")
        if head.startswith(_GZIP):
            chunks = _inflated(chunks, limits)
            continue
        codec, skip = _encoding(head, notes)
        start = codecs.getincrementaldecoder(codec)("replace").decode(head[skip : skip + 400]).lstrip(BLANKS)
        if start.startswith("<"):
            if looks_like(start.encode()).startswith("trang web"):
                raise ParseError("Tệp là trang web (HTML), không phải tệp hồ sơ XML")
            return _without_declarations(_decoded(chunks, codec, skip, notes))
        if not _BASE64.match(head[:CHUNK].strip()):
            raise ParseError(f"Tệp không phải XML, trông như {looks_like(head)}")
        notes.add("packed_file", "Cả tệp được mã hóa base64, đã giải mã")
        chunks = _from_base64(chunks)
    raise ParseError("Tệp được đóng gói quá nhiều lớp")


def text_pieces(text: str) -> Iterator[str]:
    """The same for an XML document that is characters already."""
    return _without_declarations(text[at : at + CHUNK] for at in range(0, len(text), CHUNK))


def _head(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """At least the first chunk's worth of bytes, if there are so many, and all the chunks again."""
    rest = iter(chunks)
    head = b""
    for chunk in rest:
        head += chunk
        if len(head) >= CHUNK:
            break
    return head, chain([head] if head else [], rest)


def _encoding(head: bytes, notes: Notes) -> tuple[str, int]:
    """The codec of a document, and how many bytes its mark takes."""
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return codec, len(mark)
    bare = head.lstrip(b" \t\r\n")
    for start, codec in _WIDE:
        if bare.startswith(start):
            return codec, 0
    match = _DECLARED.match(bare)
    name = match[1].decode() if match else "utf-8"
    if name.lower() in ("utf-8", "utf8"):
        return ("utf-8" if _is_mostly_utf8(head) else _guessed(notes)), 0
    return _declared(name, head, notes), 0


def _guessed(notes: Notes) -> str:
    """The codec of a document that is not in UTF-8 and names no other: that of Windows for Vietnamese."""
    notes.add("wrong_declaration", f"Tệp không phải UTF-8, đã đọc như {_WINDOWS}")
    return _WINDOWS


def _is_mostly_utf8(head: bytes) -> bool:
    """True when the bytes beyond ASCII are letters of UTF-8, but for a few that are spoiled."""
    if head.isascii() or _is_utf8(head):
        return True
    spoiled = head.decode("utf-8", "replace").count("\ufffd")
    return spoiled * 4 <= sum(byte >= 0xC2 for byte in head)


def _declared(name: str, head: bytes, notes: Notes) -> str:
    """The codec to use where the declaration names another than UTF-8."""
    if _WIDE_NAME.fullmatch(name):
        notes.add("wrong_declaration", f"Tệp khai encoding {name!r} nhưng thực là UTF-8")
        return "utf-8"
    try:
        codec = codecs.lookup(name).name if _SINGLE_BYTE.fullmatch(name) else ""
    except LookupError:
        codec = ""
    if not codec:
        notes.add("unknown_encoding", f"Không biết bảng mã {name!r}, đọc như UTF-8")
        return "utf-8"
    if not head.isascii() and _is_utf8(head):
        notes.add("wrong_declaration", f"Tệp khai encoding {name!r} nhưng thực là UTF-8")
        return "utf-8"
    return codec


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(chunks: Iterable[bytes], codec: str, skip: int, notes: Notes) -> Iterator[str]:
    """The characters; the first wrong byte is told with its place, counted from 1."""
    decoder = codecs.getincrementaldecoder(codec)()
    seen = lines = 0
    for chunk in chain(chunks, [b""]):
        data = chunk[skip:] if skip else chunk
        seen, skip = seen + skip, 0
        try:
            text = decoder.decode(data, final=not chunk)
        except UnicodeDecodeError as error:
            before = seen + len(data) - len(error.object)
            line = lines + error.object[: error.start].count(b"\n") + 1
            place = f"byte thứ {before + error.start + 1}, dòng {line}"
            notes.add("bad_encoding", f"Có byte không đúng bảng mã {codec} ({place}), thay bằng dấu \ufffd")
            decoder = codecs.getincrementaldecoder(codec)("replace")
            text = decoder.decode(error.object, final=not chunk)
        seen += len(data)
        lines += text.count("\n")
        if text:
            yield text


def _without_declarations(pieces: Iterable[str]) -> Iterator[str]:
    """The characters from the first `<` on, each XML declaration blanked.

    The declaration is of no more use, and vendors also leave it in the middle: before an inner document, or
    where files were put one after another. It becomes a blank, so that no new markup can arise.
    """
    started, held = False, ""
    for piece in chain(pieces, [None]):
        text = held + (piece or "")
        if not started:
            text = text.lstrip(BLANKS)
            started = bool(text)
        held = ""
        if piece is not None:
            at = text.rfind("<", max(0, len(text) - 400))
            if at >= 0 and ">" not in text[at:]:
                text, held = text[:at], text[at:]
        if "<?" in text:
            text = _XML_DECLARATION.sub(" ", text)
        if text:
            yield text


def _inflated(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """What gzip packed; refused when it grows beyond all measure."""
    inflater = zlib.decompressobj(31)
    taken = given = 0
    for chunk in chunks:
        taken += len(chunk)
        data = chunk
        while data and not inflater.eof:
            try:
                piece = inflater.decompress(data, CHUNK)
            except zlib.error as error:
                raise ParseError("Dữ liệu nén gzip bị hỏng") from error
            given += len(piece)
            if given > MIB + taken * limits.ratio:
                raise ParseError("Dữ liệu nén gzip phình quá lớn, không được nhận")
            data = inflater.unconsumed_tail
            if piece:
                yield piece
    if not inflater.eof:
        raise ParseError("Dữ liệu nén gzip bị cắt cụt")


def from_base64(text: bytes) -> bytes:
    """The bytes that base64 stands for; blanks, missing padding, the URL-safe letters and `%2B` are forgiven.

    Raises ParseError when it is no base64.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        pass
    bare = unquote_to_bytes(b"".join(text.split())).translate(_URL_SAFE).rstrip(b"=")
    try:
        return binascii.a2b_base64(bare + b"=" * (-len(bare) % 4), strict_mode=True)
    except binascii.Error as error:
        raise ParseError("nội dung không phải base64") from error


_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _from_base64(chunks: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for chunk in chunks:
        held += b"".join(chunk.split())
        whole = len(held) // 4 * 4
        if b"=" in held[:whole]:
            continue  # the end: padding is read with all that follows
        data, held = held[:whole], held[whole:]
        if data:
            yield from_base64(data)
        if len(held) > MIB:
            raise ParseError("Tệp base64 có ký tự đệm ở giữa")
    if held:
        yield from_base64(held)
