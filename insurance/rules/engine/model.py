"""What the rule engine speaks of: a rule, a finding, and the catalogues that a rule may need.

A rule is a row of `insurance/data/rules`; its kind is one of a closed set of predicates. Nothing here knows a decree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol


class Severity(StrEnum):
    """How bad a finding is: refused by the portal, likely to be questioned, or worth knowing."""

    BLOCKING = "blocking"
    WARNING = "warning"
    INFO = "info"


class Stage(StrEnum):
    """When a rule runs: a line is ordered, an examination is signed, a visit is closed, a claim is checked."""

    ORDER = "order"
    SIGN = "sign"
    CLOSE = "close"
    CLAIM = "claim"
    SEND = "send"
    """What only a file about to be sent must have, such as its signature."""
    BATCH = "batch"
    """Over all claims of a month or of a set of files."""


class RuleError(ValueError):
    """The data of the rules are wrong; the message names the rule and what to mend."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `fields` are the tags it speaks of, the first is the one that a finding names; `params` belong to
    the kind; `when` is a condition; `needs` names catalogues; `good` and `bad` are examples (tag=value over a sound
    claim); `covers` names the published checks that the rule answers."""

    id: str
    title: str
    kind: str
    table: str
    fields: tuple[str, ...]
    params: Mapping[str, str]
    when: str
    severity: Severity
    stages: frozenset[Stage]
    valid_from: date | None
    valid_to: date | None
    standards: str
    needs: tuple[str, ...]
    message: str
    fix: str
    law: str
    good: str
    bad: str
    covers: tuple[str, ...]

    @property
    def field(self) -> str:
        """The tag that a finding names; empty when the rule speaks of a whole table."""
        return self.fields[0] if self.fields else ""

    def in_force(self, on: date | None) -> bool:
        """Whether the rule holds for visits that end on the day; without a day it holds when it is not closed."""
        if on is None:
            return self.valid_to is None
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in one claim, said so that a person can find and mend it.

    `row` counts from 1 (None: the table as a whole). `key` stays the same as long as the same value stands at the
    same thing, even when lines are added before it; a waiver names it.
    """

    rule: str
    severity: Severity
    table: str
    row: int | None
    field: str
    message: str
    value: str
    fix: str
    law: str
    key: str


@dataclass(frozen=True, slots=True)
class CannotRun:
    """A rule that could not be asked, and which catalogue it lacks."""

    rule: str
    title: str
    need: str


@dataclass(slots=True)
class Report:
    """What checking one claim, or a set of them, gave."""

    findings: list[Finding] = field(default_factory=list)
    cannot_run: list[CannotRun] = field(default_factory=list)


class Catalogs(Protocol):
    """Catalogues that live outside the rule data: diseases, staff, drugs, prices, facilities, places."""

    def has(self, name: str) -> bool:
        """Whether the catalogue has any row, so that a missing code says something."""

    def find(self, name: str, code: str, on: date | None) -> Mapping[str, str] | None:
        """The row of a code in force on the day as text cells (dates as 8 digits), or None."""


class NoCatalogs:
    """A check without any catalogue: every rule that needs one answers that it cannot run."""

    def has(self, name: str) -> bool:
        return False

    def find(self, name: str, code: str, on: date | None) -> Mapping[str, str] | None:
        return None
