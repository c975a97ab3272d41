"""Tables that came without an envelope, one or many to a file, put together to visits by their claim code.

Systems also export a folder with a file for each table, of one visit or of a whole month. The tables wait in a
temporary database on disk, so that memory does not grow with them, until all files were read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from insurance.standards import LIMITS, ParsedClaim, Problem
from insurance.standards.shapes import Row

_CODE = "MA_LK"
_SUMMARY = "XML1"
_LINES = frozenset({"XML2", "XML3", "XML4", "XML5"})  # mean nothing without their visit; papers may lie alone
_SCHEMA = """
CREATE TABLE part (id INTEGER PRIMARY KEY, source INTEGER, folder TEXT, name TEXT, code TEXT, body TEXT);
CREATE TABLE source (id INTEGER PRIMARY KEY, file TEXT, problems TEXT);
CREATE INDEX part_code ON part (code);
"""


@dataclass(frozen=True, slots=True)
class Joined:
    """One visit: its tables, the file in which each of them was, and the file that stands for the whole."""

    claim: ParsedClaim
    files: Mapping[str, str]
    file: str


class LooseTables:
    """Takes claims that were read without an envelope and gives visits."""

    def __init__(self) -> None:
        self._base: sqlite3.Connection | None = None
        self._given: set[int] = set()

    def add(self, file: str, claim: ParsedClaim) -> None:
        """Keep the tables of a claim that was read from a file."""
        if self._base is None:
            self._base = sqlite3.connect("", isolation_level=None)  # a temporary file, gone when closed
            self._base.executescript(_SCHEMA)
            self._base.execute("BEGIN")
        problems = json.dumps([asdict(one) for one in claim.problems], ensure_ascii=False)
        source = self._base.execute("INSERT INTO source VALUES (NULL, ?, ?)", (file, problems)).lastrowid
        folder = str(PurePath(file).parent)
        for name, rows in claim.tables.items():
            by_code: dict[str, list[tuple[int, Row]]] = {}
            for number, row in enumerate(rows):
                by_code.setdefault(row.get(_CODE, ""), []).append((number, row))
            for code, numbered in by_code.items():
                body = json.dumps(numbered, ensure_ascii=False)
                self._base.execute("INSERT INTO part VALUES (NULL, ?, ?, ?, ?, ?)", (source, folder, name, code, body))

    def visits(self) -> Iterator[Joined]:
        """The visits that a summary is there for, each with all tables of its code, of the whole run or, when several
        files have its summary, of the same folder; then what is left, file by file as it was read."""
        if self._base is None:
            return
        has_summaries = False
        for code, files in self._rows("SELECT code, COUNT(DISTINCT source) FROM part WHERE name = ? GROUP BY code "
                                      "ORDER BY MIN(id)", _SUMMARY):  # fmt: skip
            has_summaries = True
            if files == 1:
                yield self._joined(self._rows(f"{_PARTS} WHERE code = ? ORDER BY part.id", code), code)
                continue
            asked = "SELECT DISTINCT folder FROM part WHERE name = ? AND code = ? ORDER BY id"
            for (folder,) in self._rows(asked, _SUMMARY, code):
                asked = f"{_PARTS} WHERE code = ? AND folder = ? ORDER BY part.id"
                yield self._joined(self._rows(asked, code, folder), code)
        for source, file in self._rows("SELECT id, file FROM source ORDER BY id"):
            rest = [
                part
                for part in self._rows(f"{_PARTS} WHERE source = ? ORDER BY part.id", source)
                if part[0] not in self._given
            ]
            if rest:
                yield self._left(rest, file, has_summaries)
        self._base.close()
        self._base = None

    def _joined(self, parts: Iterable[_Part], code: str) -> Joined:
        tables: dict[str, list[Row]] = {}
        files: dict[str, str] = {}
        problems: dict[int, list[Problem]] = {}
        left, cut = LIMITS.rows, set[str]()
        for number, source, file, said, name, _code, body in parts:
            self._given.add(number)
            if left <= 0:
                cut.add(name)
                continue
            rows = json.loads(body)
            left -= len(rows)
            tables.setdefault(name, []).extend(row for _number, row in rows)
            files.setdefault(name, file)
            problems.setdefault(source, self._problems(source, said))
        ordered = dict(sorted(tables.items(), key=lambda item: int(item[0].removeprefix("XML") or 0)))
        found = [one for several in problems.values() for one in several]
        for name in sorted(cut):
            message = f"{name}: hồ sơ có quá {LIMITS.rows} dòng, phần sau không được ghép"
            found.append(Problem(name, None, "", "too_large", message))
        return Joined(ParsedClaim(0, ordered, problems=tuple(found), claim_code=code), files, files[_SUMMARY])

    def _left(self, parts: list[_Part], file: str, has_summaries: bool) -> Joined:
        """What is left of one file, in the order of its rows."""
        numbered: dict[str, list[tuple[int, Row]]] = {}
        strays: list[Problem] = []
        for _id, _source, _file, _said, name, code, body in parts:
            numbered.setdefault(name, []).extend((number, row) for number, row in json.loads(body))
            if has_summaries and name in _LINES:
                strays.append(_stray(name, code))
        tables = {
            name: [row for _number, row in sorted(rows, key=lambda one: one[0])] for name, rows in numbered.items()
        }
        first = parts[0]
        problems = (*self._problems(first[1], first[3]), *strays)
        claim = ParsedClaim(0, tables, problems=problems, claim_code=first[5])
        return Joined(claim, dict.fromkeys(tables, file), file)

    def _problems(self, source: int, said: str) -> list[Problem]:
        """The problems of a file, told with its first visit only."""
        if -source in self._given:
            return []
        self._given.add(-source)
        return [Problem(**one) for one in json.loads(said)]

    def _rows(self, asked: str, *values: object) -> Iterator[Any]:
        return iter(self._base.execute(asked, values)) if self._base else iter(())


_Part = tuple[int, int, str, str, str, str, str]
_PARTS = "SELECT part.id, source, file, problems, name, code, body FROM part JOIN source ON source.id = part.source"


def _stray(name: str, code: str) -> Problem:
    message = f"Không có bảng tổng hợp {_SUMMARY} nào mang mã liên kết {code!r} của {name}"
    return Problem(name, None, _CODE, "no_summary", message, code)
