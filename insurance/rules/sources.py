"""Find claim files: in files, folders and ZIP archives, each as a stream with a name that people recognise."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from insurance.claims.manifest import MANIFEST, is_manifest
from insurance.standards import ParseError, archive_members, is_archive
from insurance.standards.archive import UNREADABLE, Member
from insurance.standards.decode import CHUNK, Readable

READ = frozenset({".xml", ".zip", ".gz", ".rar", ".7z"})
"""Endings of the files of a folder that are read, or named with the reason why not; others only when they look like
claims. A file that is named itself may have any."""
_LOOKS_LIKE_CLAIMS = re.compile(rb"<(?:\w+:)?(?:GIAMDINHHS|TONG_HOP|CHI_?TIEU_)", re.IGNORECASE)
_HEAD = 2000


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read: its name with folder or archive, and its stream, to be read before the next source is asked
    for. The stream is None when the file cannot be opened, and `refused` says why in Vietnamese; or when it `is_other`,
    a file of another kind that lay beside claim files."""

    name: str
    stream: Readable | None
    refused: str = ""
    is_other: bool = False


def find_sources(paths: Iterable[Path]) -> Iterator[Source]:
    """The files of the paths in the order given, those of a folder by name.

    What cannot be opened is a source with its reason, so that it is named and the others are read. The manifest of an
    export of ours belongs to its claims: it is no source, and nobody is told of it.
    """
    for path, is_asked in _files(paths):
        if is_asked and path.is_dir():
            yield Source(str(path), None, "thư mục không có tệp XML, ZIP nào")
        elif not is_asked and path.suffix.lower() not in READ and not _looks_like_claims(path):
            if is_manifest(path.name, _head(path)):
                continue
            yield Source(str(path), None, is_other=True)
        elif is_archive(path):
            yield from _members(path, str(path))
        else:
            yield from _file(path)


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The paths with each folder replaced by the files below it that are read."""
    for path, is_asked in _files(paths):
        if (is_asked and not path.is_dir()) or path.suffix.lower() in READ or _looks_like_claims(path):
            yield path


def bytes_of(paths: Iterable[Path]) -> int:
    """How many bytes there are to read, as archives declare them; what cannot be opened counts nothing."""
    return sum(_bytes(path) for path in find_files(paths))


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Every file, and whether it was named itself; hidden files of a folder are passed over. A folder with nothing to
    read gives itself at its end."""
    for path in paths:
        if not path.is_dir():
            yield path, True
            continue
        inside = (file for file in path.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(path)))
        has_any = False
        for file in sorted(inside):
            has_any = has_any or file.suffix.lower() in READ or _looks_like_claims(file)
            yield file, False
        if not has_any:
            yield path, True


def _is_hidden(inner: Path) -> bool:
    """Files and folders that a system keeps for itself, and the locks of Office."""
    return "__MACOSX" in inner.parts or any(part.startswith((".", "~$")) for part in inner.parts)


def _looks_like_claims(path: Path) -> bool:
    """True for a file of any ending that begins as claim files do."""
    return _LOOKS_LIKE_CLAIMS.search(_head(path).replace(b"\0", b"")) is not None


def _head(path: Path) -> bytes:
    """How a file begins; nothing when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _bytes(path: Path) -> int:
    try:
        if not is_archive(path):
            return path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            return sum(one.file_size for one in archive.infolist() if one.filename.lower().endswith(".xml"))
    except (OSError, zipfile.BadZipFile):
        return 0


def _file(path: Path) -> Iterator[Source]:
    if not path.is_file():
        yield Source(str(path), None, "không phải tệp thường" if path.exists() else "không có tệp này")
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        yield Source(str(path), None, f"không mở được ({error.strerror})")
        return
    with stream:
        yield Source(str(path), stream)


def _members(path: Path, name: str, *, nested: bool = True) -> Iterator[Source]:
    """The files of an archive; of a ZIP archive inside too, but not of one inside that."""
    found = False
    try:
        for member in archive_members(path, nested=nested):
            found = found or not member.is_other
            if member.is_other and _is_manifest_inside(path, member.name):
                continue
            if member.stream is not None and member.name.lower().endswith(".zip"):
                yield from _inner(member, f"{name}/{member.name}")
            else:
                yield Source(f"{name}/{member.name}", member.stream, member.refused, member.is_other)
    except ParseError as error:
        yield Source(name, None, str(error))
    else:
        if not found:
            yield Source(name, None, "tệp ZIP không có tệp XML nào")


def _is_manifest_inside(path: Path, inner: str) -> bool:
    """Whether a member of an archive is the manifest of an export of ours."""
    name = PurePosixPath(inner).name
    if name != MANIFEST:
        return False
    try:
        with zipfile.ZipFile(path) as archive, archive.open(inner) as file:
            return is_manifest(name, file.read(_HEAD))
    except (*UNREADABLE, KeyError):
        return False


def _inner(member: Member, name: str) -> Iterator[Source]:
    """The files of an archive inside an archive, out of a temporary copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "inner.zip"
        try:
            with copy.open("wb") as target:
                while member.stream is not None and (piece := member.stream.read(CHUNK)):
                    target.write(piece)
        except ParseError as error:
            yield Source(name, None, str(error))
            return
        yield from _members(copy, name, nested=False)
