"""What a loaded claim standard is: tables of typed fields, code lists, envelope names, number formats.

All objects are immutable facts read from `insurance/data/standards`; nothing here knows a decree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property

BASE_TYPES = frozenset({"code", "text", "int", "money", "quantity", "percent", "date8", "datetime12", "list"})
NUMBER_TYPES = frozenset({"money", "quantity", "percent"})
REQUIRED = frozenset({"yes", "no", "when"})


class StandardError(ValueError):
    """The data of a standard are wrong; the message names the file and what to mend."""


@dataclass(frozen=True, slots=True)
class FieldType:
    """One alternative of a field's type.

    `base` is one of the closed set. `item` is the type of a list's elements. `places` are the decimals of a
    number where they differ from the standard's, or the least digits of an int. `partial` allows unknown
    parts of a moment.
    """

    base: str
    item: str = "code"
    places: int | None = None
    partial: bool = False

    @classmethod
    def parse(cls, text: str) -> FieldType:
        """Read `money`, `money:3`, `int:2`, `datetime12:partial`, `list` or `list:date8`. Refuses others."""
        base, _, detail = text.strip().partition(":")
        if base not in BASE_TYPES:
            raise ValueError(f"unknown type {text!r}")
        if not detail:
            return cls(base)
        if base == "list" and detail in BASE_TYPES - {"list"}:
            return cls(base, item=detail)
        if base in NUMBER_TYPES | {"int"} and detail.isdecimal():
            return cls(base, places=int(detail))
        if base == "datetime12" and detail == "partial":
            return cls(base, partial=True)
        raise ValueError(f"unknown type {text!r}")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table. `max` is its width in characters, None when unlimited; `required` is yes, no or
    when (the condition is in `note`); `source` names the attribute of the typed row, empty when none is."""

    order: int
    tag: str
    type: str
    max: int | None
    required: str
    codelist: str
    source: str
    law: str
    name: str
    note: str

    @property
    def types(self) -> tuple[FieldType, ...]:
        """The alternatives of the type, first one first."""
        return tuple(FieldType.parse(part) for part in self.type.split("|"))


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its elements and its fields in order. Without `list` the fields hang directly below `root`
    and the table has exactly one row. `signed` puts the signature element last below the root."""

    name: str
    title: str
    row_class: str
    root: str
    list: str
    row: str
    in_envelope: bool
    signed: bool
    fields: tuple[Field, ...]

    @property
    def many(self) -> bool:
        """True when the table may hold several rows."""
        return bool(self.row)

    def field(self, tag: str) -> Field:
        """The field of a tag. Raises KeyError."""
        for candidate in self.fields:
            if candidate.tag == tag:
                return candidate
        raise KeyError(tag)


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """Decimals of a kind of number; `fixed` keeps the trailing zeros."""

    decimals: int
    fixed: bool


@dataclass(frozen=True, slots=True)
class Envelope:
    """Element names of the file that carries the claims, in the order they are written."""

    root: str
    unit: str
    facility: str
    body: str
    made_on: str
    count: str
    list: str
    claim: str
    file: str
    table: str
    content: str
    signature: str
    namespaces: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MoneyRules:
    """What the identities between amounts rest on. A difference up to `tolerance` đồng is none, one below `rounding`
    comes from rounding otherwise, and any other is an error.

    `fund_total` says what the fund's total of the visit must equal: `lines`, `formula` (insured total less
    co-payment) or `either`, which takes the formula too where other sources pay. `without_difference` also takes
    the amount of a service whose facility forgoes the difference between its two prices.
    """

    service_percent_in_hospital_amount: bool
    service_percent_in_insured_amount: bool
    without_difference: bool
    fund_total: str
    supply_groups: frozenset[str]
    fee_for_service: frozenset[str]
    outside_scope: frozenset[str]
    rounding: Decimal
    tolerance: Decimal


@dataclass(frozen=True, slots=True)
class Setting:
    """A reading on which the sources disagree, with its choices; `note` says what rests on it and who says what."""

    key: str
    value: str
    choices: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """One code with its name and dates in force (inclusive; None is open); `extra` holds the other columns."""

    code: str
    name: str
    valid_from: date | None
    valid_to: date | None
    law: str
    confidence: str
    extra: Mapping[str, str]

    def in_force(self, on: date) -> bool:
        """True when the entry is valid on the day."""
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, eq=False)
class CodeList:
    """A dated list of codes. An open list names codes but rules none out; `pattern` admits further codes."""

    name: str
    title: str
    closed: bool
    pattern: str
    entries: tuple[CodeEntry, ...]

    @cached_property
    def _by_code(self) -> dict[str, list[CodeEntry]]:
        found: dict[str, list[CodeEntry]] = {}
        for entry in self.entries:
            found.setdefault(entry.code, []).append(entry)
        return found

    def entry(self, code: str, on: date | None = None) -> CodeEntry | None:
        """The entry of a code in force on the day (any day when None); of several, the newest."""
        fitting = [e for e in self._by_code.get(code, ()) if on is None or e.in_force(on)]
        return max(fitting, key=lambda e: e.valid_from or date.min, default=None)

    def admits(self, code: str, on: date | None = None) -> bool:
        """True when the code may be used on the day."""
        if not self.closed or self.entry(code, on) is not None:
            return True
        return bool(self.pattern) and code not in self._by_code and re.fullmatch(self.pattern, code) is not None


@dataclass(frozen=True, eq=False)
class Standard:
    """One version of the claim standard, with what it inherits already filled in.

    `valid_from` and `valid_to` are inclusive and speak of the end date of the visit; `chain` lists the
    versions it was built from, the oldest first.
    """

    name: str
    title: str
    law: str
    valid_from: date
    valid_to: date | None
    encoding: str
    declaration: bool
    formats: Mapping[str, NumberFormat]
    money: MoneyRules
    settings: Mapping[str, Setting]
    envelope: Envelope
    tables: Mapping[str, Table]
    codelists: Mapping[str, CodeList]
    laws: Mapping[str, Mapping[str, object]]
    chain: tuple[str, ...]

    def covers(self, on: date) -> bool:
        """True when visits that end on the day follow this version."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    def table(self, name: str) -> Table:
        """A table by name such as XML1. Raises StandardError when the version has none."""
        try:
            return self.tables[name]
        except KeyError:
            raise StandardError(f"{self.name} has no table {name}") from None

    def places(self, kind: FieldType) -> tuple[int, bool]:
        """Decimals and whether trailing zeros are kept, for a number type of this version."""
        default = self.formats[kind.base]
        return (default.decimals if kind.places is None else kind.places), default.fixed
