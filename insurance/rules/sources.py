"""Find claim files: in files, folders and zip archives, each as a stream with a name that people recognise."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from insurance.standards import LIMITS

READ = frozenset({".xml", ".zip"})
"""Endings of the files that a folder or an archive is searched for; a file that is named itself may have any."""
BROKEN = (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What a damaged disk or archive raises while it is read."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read: its name with folder or archive, its size in bytes, and how to open it.

    `refused` says in Vietnamese why it cannot be read at all; then it is not opened.
    """

    name: str
    size: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    refused: str = ""


def find_sources(paths: Iterable[Path]) -> Iterator[Source]:
    """The files of the paths in the order given, those of a folder or an archive by name.

    What cannot be opened is a source with its reason, so that it is named and the others are read.
    """
    for path in paths:
        if path.is_dir():
            for file in sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in READ):
                yield from _file(file, str(file))
        else:
            yield from _file(path, str(path))


def _file(path: Path, name: str) -> Iterator[Source]:
    try:
        if not path.is_file():
            yield _refused(name, "không có tệp này" if not path.exists() else "không phải tệp thường")
        elif zipfile.is_zipfile(path):
            yield from _members(path, name)
        else:
            yield Source(name, path.stat().st_size, lambda: path.open("rb"))
    except BROKEN as error:
        yield _refused(name, f"không mở được ({type(error).__name__})")


def _members(path: Path, name: str) -> Iterator[Source]:
    with zipfile.ZipFile(path) as archive:
        members = [one for one in archive.infolist() if not one.is_dir() and Path(one.filename).suffix.lower() in READ]
    if not members:
        yield _refused(name, "tệp nén không có tệp XML nào")
    elif len(members) > LIMITS.members or sum(one.file_size for one in members) > LIMITS.total:
        yield _refused(name, "tệp nén chứa quá nhiều dữ liệu")
    else:
        for member in sorted(members, key=lambda one: one.filename):
            yield _member(path, member, f"{name}/{member.filename}")


def _member(path: Path, member: zipfile.ZipInfo, name: str) -> Source:
    if member.flag_bits & 1:
        return _refused(name, "tệp nén có mật khẩu")
    if Path(member.filename).suffix.lower() == ".zip":
        return _refused(name, "tệp nén nằm trong tệp nén; hãy giải nén ra trước")
    if member.file_size > LIMITS.member or member.file_size > LIMITS.ratio * max(member.compress_size, 1 << 20):
        return _refused(name, "giải nén ra quá lớn")
    return Source(name, member.file_size, lambda: _Opened(path, member))


class _Opened(AbstractContextManager[IO[bytes]]):
    """A member of an archive, open for as long as it is read."""

    def __init__(self, path: Path, member: zipfile.ZipInfo) -> None:
        self._archive, self._member = zipfile.ZipFile(path), member

    def __enter__(self) -> IO[bytes]:
        return self._archive.open(self._member)

    def __exit__(self, *details: object) -> None:
        self._archive.close()


def _refused(name: str, why: str) -> Source:
    return Source(name, 0, _nothing, why)


def _nothing() -> AbstractContextManager[IO[bytes]]:
    raise OSError("not to be opened")
