"""Where the law lies: the product's own data, and the folders of decrees that an installation has added.

A decree is a folder of the shape of `insurance/data` with only what changes. Dated rows of a later folder end those
that they replace: same identity and same first day replaces, a later first day closes the former row the day before.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

PRODUCT = Path(__file__).resolve().parent / "data"

Cells = dict[str, str]

_decrees: tuple[Path, ...] = ()


def use(*decrees: Path) -> None:
    """From now on these folders are read after the product's own, in this order."""
    global _decrees
    _decrees = tuple(folder.resolve() for folder in decrees)


def roots() -> tuple[Path, ...]:
    """The data folders, the product's first; a later one wins."""
    return (PRODUCT, *_decrees)


def merged(files: Sequence[Iterable[Cells]], identity: Sequence[str]) -> list[Cells]:
    """Dated rows of several files as one list, in which later files replace and close rows of earlier ones.

    `identity` names the columns that say what a row is about; `valid_from` and `valid_to` are ISO days or empty.
    Only rows of an earlier file are changed: two rows of one file that overlap stay as they are, for the reader to
    refuse. Raises ValueError for a day that is none.
    """
    result: list[Cells] = []
    for rows in files:
        fresh = [dict(row) for row in rows]
        for row in fresh:
            key = tuple(row.get(name, "") for name in identity)
            result = [kept for old in result if (kept := _after(old, key, identity, row)) is not None]
        result += fresh
    return result


def _after(old: Cells, key: tuple[str, ...], identity: Sequence[str], new: Cells) -> Cells | None:
    """An earlier row once a new one of the same identity is there: unchanged, closed, or gone."""
    if tuple(old.get(name, "") for name in identity) != key:
        return old
    starts, begins = _day(old.get("valid_from")), _day(new.get("valid_from"))
    if begins <= starts:
        return None
    ends = old.get("valid_to")
    if ends and date.fromisoformat(ends) < begins:
        return old
    return old | {"valid_to": (begins - timedelta(days=1)).isoformat()}


def _day(text: str | None) -> date:
    return date.fromisoformat(text) if text else date.min


def dated_rows(name: str, *identity: str) -> list[Cells]:
    """The rows of one CSV (`statement/groups.csv`) of all data folders as `merged` gives them; read once."""
    return _dated_rows(tuple(root / name for root in roots()), identity)


@lru_cache(maxsize=64)
def _dated_rows(paths: tuple[Path, ...], identity: tuple[str, ...]) -> list[Cells]:
    files: list[list[Cells]] = []
    for path in paths:
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                files.append(list(csv.DictReader(file)))
    return merged(files, identity)


def holds(row: Cells, on: date) -> bool:
    """Whether a dated row is in force on the day."""
    return row["valid_from"] <= on.isoformat() and (not row["valid_to"] or on.isoformat() <= row["valid_to"])
