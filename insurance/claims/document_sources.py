"""Where the rows of the document and programme tables (XML6 to XML15) come from: one source for each table.

A package that keeps such a document registers its source in `AppConfig.ready()`; the claim then carries the table.
A table without a source is not in any claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from his.accounts.models import Facility
    from insurance.claims.gather import Record

Rows = Callable[["Record"], Sequence[object]]
Facts = Callable[["Facility", Sequence[int]], Mapping[int, Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """`rows` makes the typed rows of one visit, none when it has no such document.

    `facts` reads, for many visits at once and in a fixed number of queries, what the record does not hold; it answers
    by visit id, and `rows` finds the answer in `record.facts[table]`. `reads` says where those facts lie, in the manner
    of `fresh.NAMED`, so that a claim is built again when one of them changes.
    """

    table: str
    rows: Rows
    facts: Facts | None = None
    reads: tuple[tuple[str, str], ...] = ()


_sources: dict[str, Source] = {}


def register(table: str, rows: Rows, *, facts: Facts | None = None, reads: tuple[tuple[str, str], ...] = ()) -> None:
    """Name the source of a table such as XML7.

    A second, different one for the same table is a defect, and so are facts without where they are read.
    """
    if (facts is None) != (not reads):
        raise RuntimeError(f"{table}: facts and where they are read go together")
    source = Source(table, rows, facts, reads)
    if _sources.setdefault(table, source) != source:
        raise RuntimeError(f"{table} already has a source")


def registered() -> Sequence[Source]:
    """All sources, in the order of their registration."""
    return tuple(_sources.values())


def documents_of(record: Record) -> dict[str, list[object]]:
    """The rows of every table that the visit has a document for."""
    found = {source.table: list(source.rows(record)) for source in registered()}
    return {table: rows for table, rows in found.items() if rows}
