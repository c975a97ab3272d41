"""How a kind of rule is made: a factory turns a rule into a check of one claim, or of a set of claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from insurance.rules.engine.facts import Row, VisitFacts
from insurance.rules.engine.model import Catalogs, Rule, RuleError
from insurance.rules.engine.terms import Scope, Test, condition
from insurance.standards import Standard

NOTHING: tuple[()] = ()
ROW, FILLED, LACKING, TEXT = "row", "filled", "lacking", "text"
_ELSEWHERE = frozenset({"other", "on"})
"""Parameters by which a check looks beyond the texts of the rule's fields and those named `by`."""
_REMEMBERED = 2000
"""How many good texts a rule keeps."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a rule was broken. `words` fill the placeholders of the rule's message; `table` is that of the rule
    unless another is named."""

    row: int | None
    tag: str
    value: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    table: str = ""


Check = Callable[[VisitFacts], Iterable[Hit]]
RowCheck = Callable[[Row, VisitFacts], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Env:
    """What a factory may use: the standard in hand and the catalogues."""

    standard: Standard
    catalogs: Catalogs


class BatchCheck(Protocol):
    """A check over many claims: fed one claim at a time, it answers at the end. `place` is whatever names a claim."""

    def feed(self, place: object, facts: VisitFacts) -> None: ...

    def finish(self) -> Iterable[tuple[object, Hit]]: ...


Factory = Callable[[Rule, Scope, Env], Check]
RowFactory = Callable[[Rule, Scope, Env], RowCheck]
BatchFactory = Callable[[Rule, Scope, Env], BatchCheck]

KINDS: dict[str, Factory] = {}
ROW_KINDS: set[str] = set()
"""Kinds that say nothing when the rule's table is absent."""
BATCH_KINDS: dict[str, BatchFactory] = {}
FUNCTIONS: dict[str, Factory] = {}


def function(name: str) -> Callable[[Factory], Factory]:
    """Register a rule function for rows of kind `function`: it takes rule, scope and environment, gives the check."""

    def register(factory: Factory) -> Factory:
        if name in FUNCTIONS:
            raise RuntimeError(f"two rule functions are called {name}")
        FUNCTIONS[name] = factory
        return factory

    return register


def kind(name: str) -> Callable[[Factory], Factory]:
    """Register a kind whose check reads the whole claim. `when` is asked once, of the first row of the rule's table."""

    def register(factory: Factory) -> Factory:
        def make(rule: Rule, scope: Scope, env: Env) -> Check:
            check, when = factory(rule, scope, env), condition(scope, rule.when)
            if not rule.when:
                return check
            return lambda facts: check(facts) if when(facts.first(rule.table), facts) else NOTHING

        _add(KINDS, name, make)
        return factory

    return register


def row_kind(name: str, *, sees: str = ROW) -> Callable[[RowFactory], RowFactory]:
    """Register a kind that reads one row at a time, only rows for which `when` holds.

    `sees` tells how much of a row its check looks at: ROW anything, FILLED nothing when the rule's fields are all
    empty, LACKING nothing when all are filled, TEXT only the texts of the rule's fields and the day the visit ended
    (then texts once found good are not looked at again), unless the rule has a parameter that points elsewhere.
    """

    def register(factory: RowFactory) -> RowFactory:
        def make(rule: Rule, scope: Scope, env: Env) -> Check:
            return _over_rows(rule, scope, condition(scope, rule.when), factory(rule, scope, env), sees)

        _add(KINDS, name, make)
        ROW_KINDS.add(name)
        return factory

    return register


def batch_kind(name: str) -> Callable[[BatchFactory], BatchFactory]:
    """Register a kind that reads many claims."""

    def register(factory: BatchFactory) -> BatchFactory:
        _add(BATCH_KINDS, name, factory)
        return factory

    return register


def _over_rows(rule: Rule, scope: Scope, when: Test, check: RowCheck, sees: str) -> Check:
    table, always = rule.table, not rule.when
    wanted = tuple(scope.tag(table, tag) for tag in rule.fields) if sees != ROW else ()
    if not wanted:

        def over(facts: VisitFacts) -> Iterable[Hit]:
            rows = facts.tables.get(table)
            if not rows:
                return NOTHING
            return [hit for row in rows if always or when(row, facts) for hit in check(row, facts)]

        return over
    beside = [name for name in rule.params.get("by", "").split("|") if name]
    if sees == TEXT and _ELSEWHERE.isdisjoint(rule.params) and all(name.isidentifier() for name in beside):
        key = wanted + tuple(scope.tag(table, name) for name in beside)
        return _over_texts(table, wanted, key, when, check)

    silent = all if sees == LACKING else _none

    def over_some(facts: VisitFacts) -> Iterable[Hit]:
        hits: list[Hit] = []
        for row in facts.tables.get(table, NOTHING):
            if not silent(map(row.texts.get, wanted)) and (always or when(row, facts)):
                hits.extend(check(row, facts))
        return hits

    return over_some


def _none(texts: Iterable[str | None]) -> bool:
    return not any(texts)


def _over_texts(table: str, wanted: tuple[str, ...], names: tuple[str, ...], when: Test, check: RowCheck) -> Check:
    """Rows with one of the `wanted` fields filled; what was good under the same texts of `names` is good again."""
    good: set[tuple[object, ...]] = set()

    def over(facts: VisitFacts) -> Iterable[Hit]:
        hits: list[Hit] = []
        for row in facts.tables.get(table, NOTHING):
            texts = row.texts
            if not any(map(texts.get, wanted)):
                continue
            key = (facts.ended_on, *map(texts.get, names))
            if key in good or not when(row, facts):
                continue
            found = list(check(row, facts))
            hits.extend(found)
            if not found:
                if len(good) >= _REMEMBERED:
                    good.clear()
                good.add(key)
        return hits

    return over


def _add(registry: dict[str, Factory] | dict[str, BatchFactory], name: str, factory: object) -> None:
    if name in KINDS or name in BATCH_KINDS:
        raise RuntimeError(f"two kinds are called {name}")
    registry[name] = factory  # type: ignore[assignment]


def param(rule: Rule, name: str, default: str | None = None) -> str:
    """A parameter of a rule. Raises RuleError when it is missing and has no default."""
    value = rule.params.get(name, default)
    if value is None:
        raise RuleError(f"{rule.id}: parameter {name} is missing")
    return value


def tags(rule: Rule, scope: Scope) -> list[str]:
    """The rule's fields as the standard in hand calls them. Raises RuleError when the rule names none."""
    if not rule.fields:
        raise RuleError(f"{rule.id}: names no field")
    return [scope.tag(rule.table, tag) for tag in rule.fields]


def whole(rule: Rule, name: str, default: str | None = None) -> int:
    """A parameter that is a whole number, negative ones included."""
    text = param(rule, name, default)
    if not text.removeprefix("-").isdecimal():
        raise RuleError(f"{rule.id}: {name} = {text!r} is no number")
    return int(text)


__all__ = [
    "BATCH_KINDS",
    "FILLED",
    "FUNCTIONS",
    "KINDS",
    "LACKING",
    "NOTHING",
    "ROW",
    "ROW_KINDS",
    "TEXT",
    "BatchCheck",
    "Check",
    "Env",
    "Hit",
    "RowCheck",
    "batch_kind",
    "function",
    "kind",
    "param",
    "row_kind",
    "tags",
    "whole",
]
