"""What a register is made of: rows in their order, and the line that each of them prints."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from his.accounts.models import Facility
from his.core.text import fold
from reports.registers.definition import Register
from reports.registers.facts import Names


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `ref` tells it apart for ever, `cells` are its texts by column, `amounts` what it adds to the totals.

    `is_final` is false while its record is not signed: what is printed of it is not remembered. `is_changed`: it says
    something else than when it was printed for the first time. `key` is the row behind it, for links.
    """

    ref: str
    key: int
    day: date
    cells: Mapping[str, str]
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    number: int = 0
    is_final: bool = True
    is_changed: bool = False
    is_corrected: bool = False
    cancelled: str = ""

    @property
    def digest(self) -> str:
        """A print of what the line says; its number is no part of it."""
        text = "\x1f".join([*(f"{key}={value}" for key, value in sorted(self.cells.items())), self.cancelled])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def with_number(self, number: int) -> Line:
        return replace(self, number=number)


class Source(ABC):
    """Rows of one kind. Every queryset that it gives is annotated with `day`."""

    has_numbers = False
    """Whether the rows have a number of their own."""

    @abstractmethod
    def rows(self, facility: Facility, register: Register, start: date, end: date) -> QuerySet[Any]:
        """Rows of the days in the order of the register, without what they refer to."""

    @abstractmethod
    def search(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Those that the words mean, in any order, without marks."""

    @abstractmethod
    def loaded(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The same rows with everything that `line` reads."""

    @abstractmethod
    def line(self, register: Register, row: Any, names: Names) -> Line:
        """The line of a loaded row."""


def chosen(register: Register, facts: Mapping[str, str]) -> dict[str, str]:
    """The facts that the register has a column for."""
    return {key: facts.get(key, "") for key in register.keys}


def words_of(text: str) -> Sequence[str]:
    """Words to look for, without marks; no more than a person types."""
    return fold(text).split()[:6]
