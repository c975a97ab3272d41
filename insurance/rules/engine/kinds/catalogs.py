"""Kinds that ask a list: the code lists of the standard, and the catalogues outside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from insurance.rules.engine.base import Env, Hit, RowCheck, param, row_kind, tags
from insurance.rules.engine.facts import Row, VisitFacts, day
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope, compare, reference


@row_kind("catalog")
def catalog(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each part of each field stands in catalogue `catalog` on the day of the visit's end, or on that of the reference
    `on`. `skip=regex` leaves parts of that shape out; `cut=regex` asks for its group only."""
    name, wanted = param(rule, "catalog"), tags(rule, scope)
    on = reference(scope, rule.params["on"]) if "on" in rule.params else None
    skip, cut = _shape(rule, "skip"), _shape(rule, "cut")

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        when = day(on(row, facts)) if on else facts.ended_on
        for tag in wanted:
            for item in row.items(tag):
                if skip and skip.fullmatch(item):
                    continue
                match = cut.match(item) if cut else None
                if env.catalogs.find(name, match[1] if match else item, when) is None:
                    yield Hit(row.number, tag, item)

    return check


@row_kind("catalog_flag")
def catalog_flag(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """No part of a field has, in catalogue `catalog`, the cell `flag` equal to `is` (1). Unknown codes say nothing."""
    name, flag, bad, wanted = param(rule, "catalog"), param(rule, "flag"), param(rule, "is", "1"), tags(rule, scope)

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        for tag in wanted:
            for item in row.items(tag):
                found = env.catalogs.find(name, item, facts.ended_on)
                if found is not None and found.get(flag, "") == bad:
                    yield Hit(row.number, tag, item, {"name": found.get("name", "")})

    return check


@row_kind("catalog_cell")
def catalog_cell(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each field compares (`op`, default =) with cell `cell` of the catalogue row found by the reference `by`; an empty
    cell and an unknown code say nothing."""
    name, cell, op = param(rule, "catalog"), param(rule, "cell"), param(rule, "op", "=")
    by, wanted = reference(scope, param(rule, "by")), tags(rule, scope)

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        found = env.catalogs.find(name, by(row, facts), facts.ended_on)
        theirs = found.get(cell, "") if found else ""
        for tag in wanted:
            if compare(row.texts.get(tag, ""), op, theirs) is False:
                yield Hit(row.number, tag, row.texts[tag], {"expected": theirs})

    return check


def _shape(rule: Rule, name: str) -> re.Pattern[str] | None:
    return re.compile(rule.params[name]) if name in rule.params else None
