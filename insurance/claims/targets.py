"""Where an export goes: a folder or a zip, and in it one file for each claim or one envelope for all of a standard.

The same claims give the same bytes, whatever the machine and the day.
"""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import IO, Protocol

from insurance.claims.manifest import MANIFEST, Envelope, ExportResult
from insurance.claims.stored import CHECK_IN
from insurance.standards import Template

_COPY = 1 << 20


class Store(Protocol):
    """Takes whole files by name; without `finish` what it took is not complete."""

    def write(self, name: str, content: bytes) -> None: ...

    def stream(self, name: str, parts: Iterable[bytes]) -> None: ...

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


class Folder:
    """Files in a folder.

    With `claims_of`, the code of a facility, the folder has a manifest only when it is complete, and claim files of an
    earlier run go at the end; other files of the folder are not ours.
    """

    def __init__(self, path: Path, claims_of: str = "") -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._old: set[str] = set()
        if claims_of:
            (path / MANIFEST).unlink(missing_ok=True)
            self._old = {found.name for found in path.glob(f"{claims_of}[.-]*.xml")}

    def write(self, name: str, content: bytes) -> None:
        self._old.discard(name)
        file = os.open(f"{self._path}{os.sep}{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            written = os.write(file, content)
            while written < len(content):
                written += os.write(file, memoryview(content)[written:])
        finally:
            os.close(file)

    def stream(self, name: str, parts: Iterable[bytes]) -> None:
        self._old.discard(name)
        with (self._path / name).open("wb", buffering=_COPY) as file:
            file.writelines(parts)

    def finish(self) -> None:
        for name in self._old:
            (self._path / name).unlink(missing_ok=True)

    def abandon(self) -> None:
        """What was written stays, without a manifest."""


class Zip:
    """Files in one zip, which appears under its name when it is complete."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        self._archive = zipfile.ZipFile(self._part, "w", zipfile.ZIP_DEFLATED)

    def write(self, name: str, content: bytes) -> None:
        self._archive.writestr(_entry(name), content)

    def stream(self, name: str, parts: Iterable[bytes]) -> None:
        with self._archive.open(_entry(name), "w", force_zip64=True) as file:
            for part in parts:
                file.write(part)

    def finish(self) -> None:
        self._archive.close()
        self._part.replace(self._path)

    def abandon(self) -> None:
        self._archive.close()
        self._part.unlink(missing_ok=True)


def _entry(name: str) -> zipfile.ZipInfo:
    """A file of a zip that says nothing of the day or machine."""
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


class Target(Protocol):
    """Takes the claims of a month in order; `write` answers the size of the claim's own file."""

    def write(self, code: str, standard: str, template: Template, made_on: date, body: bytes) -> int: ...

    def finish(self, result: ExportResult) -> None: ...

    def abandon(self) -> None: ...


class FileEach:
    """A file for each claim, named by claim code."""

    def __init__(self, facility_code: str, store: Store) -> None:
        self._facility, self._store = facility_code, store
        self._around = lru_cache(maxsize=128)(self._envelope)

    def write(self, code: str, standard: str, template: Template, made_on: date, body: bytes) -> int:
        content = template.visit(body, self._around(template, made_on))
        self._store.write(f"{code}.xml", content)
        return len(content)

    def finish(self, result: ExportResult) -> None:
        _close(self._store, result)

    def abandon(self) -> None:
        self._store.abandon()

    def _envelope(self, template: Template, made_on: date) -> tuple[bytes, bytes]:
        return template.envelope(self._facility, made_on, 1)


@dataclass(slots=True)
class _Gathered:
    """The visits of one standard on their way into one file, which must first say how many they are."""

    template: Template
    made_on: date
    count: int = 0
    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)


class _Measured:
    """The parts of a file on their way to a store, counted and hashed."""

    def __init__(self, before: bytes, file: IO[bytes], after: bytes) -> None:
        self._before, self._file, self._after = before, file, after
        self.size, self.digest = 0, hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        for part in chain((self._before,), iter(lambda: self._file.read(_COPY), b""), (self._after,)):
            self.digest.update(part)
            self.size += len(part)
            yield part
        self._file.close()


class OneEnvelope:
    """All claims of a standard in one file; its NGAYLAP is the latest of its claims."""

    def __init__(self, facility_code: str, month: date, store: Store) -> None:
        self._facility, self._month, self._store = facility_code, month, store
        self._gathered: dict[str, _Gathered] = {}

    def write(self, code: str, standard: str, template: Template, made_on: date, body: bytes) -> int:
        if standard not in self._gathered:
            self._gathered[standard] = _Gathered(template, made_on)
        one = self._gathered[standard]
        one.made_on = max(one.made_on, made_on)
        one.count += 1
        visit = template.visit(body)
        one.file.write(visit)
        return len(visit) + sum(map(len, template.envelope(self._facility, made_on, 1)))

    def finish(self, result: ExportResult) -> None:
        for standard, one in sorted(self._gathered.items()):
            name = f"{self._facility}-{self._month:%Y-%m}-{standard}.xml"
            before, after = one.template.envelope(self._facility, one.made_on, one.count)
            written = _Measured(before, one.file, after)
            self._store.stream(name, written)
            result.files.files[standard] = name
            result.envelopes.append(Envelope(name, one.count, written.size, written.digest.hexdigest()))
        _close(self._store, result)

    def abandon(self) -> None:
        for one in self._gathered.values():
            one.file.close()
        self._store.abandon()


class WithCheckIns:
    """Another target, and beside it a folder with the message of arrival (XML0) of each claim that has one."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._target, self._folder = target, Folder(folder)

    def write(self, code: str, standard: str, template: Template, made_on: date, body: bytes) -> int:
        if message := template.alone(CHECK_IN, body):
            self._folder.write(f"{code}.xml", message)
        return self._target.write(code, standard, template, made_on, body)

    def finish(self, result: ExportResult) -> None:
        self._target.finish(result)

    def abandon(self) -> None:
        self._target.abandon()


def _close(store: Store, result: ExportResult) -> None:
    store.stream(MANIFEST, (part.encode() for part in result.manifest_text()))
    store.finish()
