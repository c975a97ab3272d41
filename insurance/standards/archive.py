"""Read the claim files in a ZIP archive, as vendors and our own export pack a folder of them.

Nothing is unpacked to disk. Sizes are counted while reading, whatever the archive declares; archives inside
the archive are refused, but for ZIP archives when they are asked for.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from insurance.standards.decode import Readable
from insurance.standards.limits import LIMITS, MIB, Limits
from insurance.standards.problems import ParseError

_LOCAL, _END = b"PK\x03\x04", b"PK\x05\x06"
_END_BYTES = 22
_LONGEST_COMMENT = 1 << 16
_ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tar")
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive; `stream` is to be read before the next member is asked for. It is None when the
    member is refused, and `refused` says why in Vietnamese; or when it `is_other`, a file of another kind."""

    name: str
    stream: Readable | None
    refused: str = ""
    is_other: bool = False


def is_archive(source: bytes | Path) -> bool:
    """True for a ZIP archive that is not an Office document."""
    try:
        with _stream(source) as stream:
            if stream.read(4) not in (_LOCAL, _END):
                return False
            with zipfile.ZipFile(stream) as archive:
                return "[Content_Types].xml" not in archive.namelist()
    except UNREADABLE:
        return False


def archive_members(source: bytes | Path, *, limits: Limits = LIMITS, nested: bool = False) -> Iterator[Member]:
    """The files of an archive, in its order, those of other kinds than XML without a stream. With `nested`, a ZIP
    archive inside has a stream too.

    An archive inside, an encrypted member and one that is too large are given with the reason. Raises
    ParseError for what is no sound archive or has too many members; reading a stream raises it when the member
    is spoiled or grows beyond the limits.
    """
    try:
        with _stream(source) as stream:
            if _directory_bytes(stream) > limits.directory:
                raise ParseError("Tệp ZIP có danh sách thành phần quá lớn, không được nhận")
            with zipfile.ZipFile(stream) as archive:
                yield from _members(archive, limits, nested)
    except UNREADABLE as error:
        if isinstance(error, ParseError):
            raise
        raise ParseError("Tệp ZIP bị hỏng") from error


def _stream(source: bytes | Path) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _directory_bytes(stream: IO[bytes]) -> int:
    """What the list of members takes, read before anything trusts it."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - _END_BYTES - _LONGEST_COMMENT))
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise ParseError("Tệp ZIP bị hỏng hoặc bị cắt cụt")
    return int.from_bytes(tail[at + 12 : at + 16], "little")


def _members(archive: zipfile.ZipFile, limits: Limits, nested: bool) -> Iterator[Member]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > limits.members:
        raise ParseError(f"Tệp ZIP có quá {limits.members} thành phần")
    left = limits.total
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        ending = path.suffix.lower()
        if path.parts[:1] == ("__MACOSX",) or path.name.startswith("."):
            continue
        if ending not in (".xml", *_ARCHIVES):
            yield Member(info.filename, None, is_other=True)
            continue
        reason = _reason(info, "" if nested and ending == ".zip" else ending, limits)
        if reason:
            yield Member(info.filename, None, reason)
            continue
        allowed = min(limits.member, left, MIB + info.compress_size * limits.ratio)
        with archive.open(info) as inner:
            stream = _Counted(inner, allowed)
            yield Member(info.filename, stream)
            left -= stream.taken


def _reason(info: zipfile.ZipInfo, ending: str, limits: Limits) -> str:
    if ending in _ARCHIVES:
        return "Tệp nén nằm trong tệp nén, không được nhận"
    if info.flag_bits & 1:
        return "Thành phần có mật khẩu, không đọc được"
    if info.file_size > limits.member:
        return f"Thành phần quá lớn (trên {limits.member} byte)"
    return ""


class _Counted:
    """Reads a member, up to as many bytes as it may have."""

    def __init__(self, inner: IO[bytes], allowed: int) -> None:
        self._inner = inner
        self._allowed = allowed
        self.taken = 0

    def read(self, size: int, /) -> bytes:
        try:
            data = self._inner.read(min(size, self._allowed - self.taken + 1))
        except UNREADABLE as error:
            raise ParseError("Thành phần của tệp ZIP bị hỏng") from error
        self.taken += len(data)
        if self.taken > self._allowed:
            raise ParseError("Thành phần của tệp ZIP phình quá lớn, không được nhận")
        return data
