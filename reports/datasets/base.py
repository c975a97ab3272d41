"""What a data set is: typed rows, each with a reference, read once for a facility or a store of it and a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from his.accounts.models import Facility
from reports.period import Period


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: a facility, a period, the code of one of its stores (empty: all), and the filter of the form.

    `sources` are the values that the form shows, where only some of what could be read are kept.
    """

    facility: Facility
    period: Period
    store: str = ""
    keep: Mapping[str, Any] = field(default_factory=dict)
    only: frozenset[str] | None = None
    """Claim codes of the visits that are looked at; None: all. For data sets of visits."""
    sources: tuple[str, ...] = ()
    as_of: datetime | None = None
    """The instant at which it is asked; what goes on is told as it is then. None: the end of the period."""

    def window(self) -> tuple[datetime, datetime]:
        """When the period begins, and when it is over, or of one that runs the instant at which it is asked."""
        start, end = self.period.instants()
        return start, end if self.as_of is None else max(start, min(end, self.as_of))


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its reference, typed values by English name (those of a record, and a few of its own), and the key of
    its section where the sections come from the data."""

    ref: str
    record: object
    own: Mapping[str, Any]
    section: str = ""

    def value(self, name: str) -> Any:
        """The value that a column names as its source."""
        return self.own[name] if name in self.own else getattr(self.record, name)


@dataclass(slots=True)
class Dataset:
    """What was read. `sections` are (key, title) in order where the data make them; `left_out` is (reference, reason);
    `flags` maps a question to the references it is true of; `notes` are lines under the table; `not_added` are sections
    that are no part of the total; `basis` are the facts that were counted, kept with the run."""

    rows: list[Row] = field(default_factory=list)
    sections: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    flags: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    """References of rows that only name their part: they stand in the file, and on paper as the part's own row."""
    not_added: list[str] = field(default_factory=list)
    basis: list[dict[str, Any]] = field(default_factory=list)


Counterpart = Callable[[Query], Iterator[tuple[str, Mapping[str, str]]]]
Explained = tuple[str, dict[str, Any]]
"""A template of the panel, and what it shows."""


@dataclass(frozen=True, slots=True)
class Source:
    """A data set by name. `counterpart`: the texts by tag with which its rows must agree. `explain`: what lies behind a
    row, by its reference. `is_of_visits`: it obeys `Query.only`."""

    read: Callable[[Query], Dataset]
    explain: Callable[[Query, str], Explained]
    counterpart: Counterpart | None = None
    is_of_visits: bool = False
