"""Find claim files: in files, folders and ZIP archives, each as a stream with a name that people recognise."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from insurance.standards import ParseError, archive_members, is_archive
from insurance.standards.decode import Readable

READ = frozenset({".xml", ".zip"})
"""Endings of the files that a folder is searched for; a file that is named itself may have any."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read: its name with folder or archive, and its stream, to be read before the next source is asked
    for. The stream is None when the file cannot be opened, and `refused` says why in Vietnamese."""

    name: str
    stream: Readable | None
    refused: str = ""


def find_sources(paths: Iterable[Path]) -> Iterator[Source]:
    """The files of the paths in the order given, those of a folder by name.

    What cannot be opened is a source with its reason, so that it is named and the others are read.
    """
    for path in find_files(paths):
        if is_archive(path):
            yield from _members(path)
        else:
            yield from _file(path)


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The paths with each folder replaced by the claim files and archives below it."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in READ)
        else:
            yield path


def bytes_of(paths: Iterable[Path]) -> int:
    """How many bytes there are to read, as archives declare them; what cannot be opened counts nothing."""
    return sum(_bytes(path) for path in find_files(paths))


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


def _members(path: Path) -> Iterator[Source]:
    found = False
    try:
        for member in archive_members(path):
            found = True
            yield Source(f"{path}/{member.name}", member.stream, member.refused)
    except ParseError as error:
        yield Source(str(path), None, str(error))
    else:
        if not found:
            yield Source(str(path), None, "tệp ZIP không có tệp XML nào")
