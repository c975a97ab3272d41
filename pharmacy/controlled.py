"""The books of drugs under special control (thuốc phải kiểm soát đặc biệt, TT 18/2026/TT-BYT): which there are, what a
row is, how a day becomes plain values with one fingerprint. Pure; which class has which book is dated data."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "controlled_books.csv"
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Book:
    """The book of one control class. `is_reported`: its drugs stand in the yearly report (annex IX)."""

    control_class: str
    annex: str
    title_vi: str
    substance_vi: str
    is_reported: bool
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class BookRow:
    """One movement as the book says it, columns (1) to (8) of annex VIII; `left` is the balance after it."""

    at: str
    place: str
    number: str
    incoming: Decimal
    outgoing: Decimal
    left: Decimal
    lot: str
    expires_on: str
    note: str


@dataclass(frozen=True, slots=True)
class BookDrug:
    """One drug of a book on one day: opening + in - out = closing, in units of the drug."""

    code: str
    name: str
    strength: str
    registration_no: str
    unit: str
    opening: Decimal
    rows: Sequence[BookRow] = field(default_factory=tuple)

    @property
    def incoming(self) -> Decimal:
        return sum((row.incoming for row in self.rows), ZERO)

    @property
    def outgoing(self) -> Decimal:
        return sum((row.outgoing for row in self.rows), ZERO)

    @property
    def closing(self) -> Decimal:
        return self.opening + self.incoming - self.outgoing


@dataclass(frozen=True, slots=True)
class YearRow:
    """One drug of the report of a period, columns (2) to (12) of annex IX."""

    name: str
    ingredient: str
    substance: str
    registration_no: str
    unit: str
    opening: Decimal
    incoming: Decimal
    outgoing: Decimal
    lost: Decimal

    @property
    def total(self) -> Decimal:
        """(9) = (7) + (8)."""
        return self.opening + self.incoming

    @property
    def closing(self) -> Decimal:
        """(12) = (9) - (10) - (11)."""
        return self.total - self.outgoing - self.lost


def books_on(day: date) -> dict[str, Book]:
    """The books in force on a day by control class; before the circular the first ones."""
    rows = _books()
    found = {b.control_class: b for b in rows if b.valid_from <= day and (b.valid_to is None or day <= b.valid_to)}
    return found or {b.control_class: b for b in rows}


def circular_since() -> date:
    """The first day on which books and reports of drugs under special control are those of the circular."""
    return min(book.valid_from for book in _books())


def plain(drugs: Sequence[BookDrug]) -> list[dict[str, Any]]:
    """A day as values that are stored and signed: texts, and quantities as texts in one form."""
    return [_texts(asdict(drug) | {"closing": drug.closing}) for drug in drugs]


def fingerprint(head: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of whose book of which day it is and of its rows, in hexadecimal."""
    text = json.dumps([dict(head), list(rows)], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


@cache
def _books() -> tuple[Book, ...]:
    with DATA.open(encoding="utf-8", newline="") as file:
        return tuple(
            Book(
                control_class=row["control_class"],
                annex=row["annex"],
                title_vi=row["title_vi"],
                substance_vi=row["substance_vi"],
                is_reported=row["is_reported"] == "yes",
                valid_from=date.fromisoformat(row["valid_from"]),
                valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            )
            for row in csv.DictReader(file)
        )
