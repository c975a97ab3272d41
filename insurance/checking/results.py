"""What a check found, in one file beside the uploaded ones: causes, places by page, and the claims they lie in."""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from insurance.rules.engine import VisitFacts
from insurance.rules.files import Found, Place
from insurance.rules.listing import Cause

_SCHEMA = """
CREATE TABLE cause (number INTEGER PRIMARY KEY, place INTEGER, severity TEXT, rule TEXT, title TEXT, name TEXT,
    field TEXT, message TEXT, fix TEXT, law TEXT, count INTEGER, claims INTEGER);
CREATE TABLE finding (id INTEGER PRIMARY KEY, cause INTEGER, file TEXT, position INTEGER, claim_code TEXT, name TEXT,
    row INTEGER, field TEXT, rule TEXT, severity TEXT, message TEXT, value TEXT, fix TEXT, law TEXT);
CREATE TABLE claim (file TEXT, position INTEGER, standard TEXT, content BLOB, PRIMARY KEY (file, position));
"""
_INDEXES = """
CREATE INDEX finding_cause ON finding (cause, id);
CREATE INDEX finding_claim ON finding (file, position);
"""
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class FoundCause:
    """Findings of one rule at one field of a table (`name`); `place` orders causes, the worst first."""

    number: int
    place: int
    severity: str
    rule: str
    title: str
    name: str
    field: str
    message: str
    fix: str
    law: str
    count: int
    claims: int


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """One finding. `position` is that of the claim in its file, 0 the file itself; `name` is the table."""

    id: int
    cause: int
    file: str
    position: int
    claim_code: str
    name: str
    row: int | None
    field: str
    rule: str
    severity: str
    message: str
    value: str
    fix: str
    law: str


@dataclass(frozen=True, slots=True)
class KeptClaim:
    """The tables of one claim as they were read, and the standard it was checked under."""

    standard: str
    tables: Mapping[str, Sequence[Mapping[str, str]]]


class ResultsWriter:
    """Writes results while a check runs; nobody reads them before `close`."""

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.executescript(_SCHEMA)
        self._base.execute("BEGIN")
        self._findings: list[tuple[Any, ...]] = []

    def claim(self, place: Place, facts: VisitFacts) -> None:
        """Keep a claim, so that any of its lines can be shown."""
        tables = {name: [dict(row.texts) for row in rows] for name, rows in facts.tables.items()}
        packed = zlib.compress(json.dumps(tables, ensure_ascii=False).encode(), 1)
        row = (place.file, place.position, facts.standard.name, packed)
        self._base.execute("INSERT INTO claim VALUES (?, ?, ?, ?)", row)

    def finding(self, found: Found, cause: Cause) -> None:
        """Keep one finding under its cause."""
        at, one = found.place, found.finding
        self._findings.append(
            (
                None, cause.number, at.file, at.position, at.named, one.table, one.row, one.field, one.rule,
                one.severity.value, one.message, one.value, one.fix, one.law,
            )
        )  # fmt: skip
        if len(self._findings) >= _BATCH:
            self._flush()

    def close(self, causes: Iterable[Cause]) -> None:
        """Keep the causes, the worst first, and end."""
        self._flush()
        rows = (
            (
                one.number, place, *(one.first[name] for name in ("severity", "rule")), one.title,
                *(one.first[name] for name in ("table", "field", "message", "fix", "law")), one.count, one.claims,
            )
            for place, one in enumerate(causes)
        )  # fmt: skip
        self._base.executemany("INSERT INTO cause VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._base.execute("COMMIT")
        self._base.executescript(_INDEXES)
        self._base.close()

    def _flush(self) -> None:
        self._base.executemany("INSERT INTO finding VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._findings)
        self._findings.clear()


class Results:
    """Reads the results of a check that is done."""

    def __init__(self, path: Path) -> None:
        self._address = f"{path.absolute().as_uri()}?mode=ro"

    def causes(self) -> list[FoundCause]:
        """All causes, the worst and most frequent first."""
        return [FoundCause(*row) for row in self._rows("SELECT * FROM cause ORDER BY place")]

    def places(self, cause: int, start: int, count: int) -> list[FoundPlace]:
        """Places of a cause in the order of the files."""
        asked = "SELECT * FROM finding WHERE cause = ? ORDER BY id LIMIT ? OFFSET ?"
        return [FoundPlace(*row) for row in self._rows(asked, cause, count, start)]

    def place(self, number: int) -> FoundPlace | None:
        """One finding."""
        return next((FoundPlace(*row) for row in self._rows("SELECT * FROM finding WHERE id = ?", number)), None)

    def of_claim(self, place: FoundPlace) -> list[FoundPlace]:
        """Everything found in the claim of a finding."""
        asked = "SELECT * FROM finding WHERE file = ? AND position = ? ORDER BY id"
        return [FoundPlace(*row) for row in self._rows(asked, place.file, place.position)]

    def claim(self, place: FoundPlace) -> KeptClaim | None:
        """The claim in which a finding lies; None for the file itself."""
        asked = "SELECT standard, content FROM claim WHERE file = ? AND position = ?"
        for standard, content in self._rows(asked, place.file, place.position):
            return KeptClaim(standard, json.loads(zlib.decompress(content)))
        return None

    def _rows(self, asked: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._address, uri=True)) as base:
            return base.execute(asked, values).fetchall()
