"""Kinds that ask a list: the code lists of the standard, and the catalogues outside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from insurance.rules.engine.base import LACKING, TEXT, Env, Hit, RowCheck, param, row_kind, tags
from insurance.rules.engine.facts import Row, VisitFacts
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.terms import Scope, Text, compare, reference
from insurance.standards.values import day


@row_kind("catalog", sees=TEXT)
def catalog(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each part of each field stands in catalogue `catalog` on the day of the visit's end, or on that of the reference
    `on`. `skip=regex` leaves parts of that shape out; `cut=regex` asks for its group only. `by=A|B` asks for the
    texts of several fields together instead, when all are filled, and names the rule's field."""
    name, wanted = param(rule, "catalog"), tags(rule, scope)
    if "by" in rule.params:
        return _combined(rule, scope, env)
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


def _combined(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    name, key, (tag,) = param(rule, "catalog"), _key(rule, scope), tags(rule, scope)

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        code = key(row, facts)
        if code and env.catalogs.find(name, code, facts.ended_on) is None:
            yield Hit(row.number, tag, row.texts.get(tag, ""))

    return check


def _key(rule: Rule, scope: Scope) -> Text:
    """The texts of the references in `by` joined with `|`; empty when one of them is."""
    parts = [reference(scope, name) for name in param(rule, "by").split("|")]

    def key(row: Row | None, facts: VisitFacts) -> str:
        texts = [part(row, facts) for part in parts]
        return "|".join(texts) if all(texts) else ""

    return key


@row_kind("listed_required", sees=LACKING)
def listed_required(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each field is filled in rows whose `by` stands in catalogue `catalog`, there with cell `cell` filled if named."""
    name, key, wanted, cell = param(rule, "catalog"), _key(rule, scope), tags(rule, scope), rule.params.get("cell")

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        lacking = [tag for tag in wanted if not row.texts.get(tag)]
        code = key(row, facts) if lacking else ""
        found = env.catalogs.find(name, code, facts.ended_on) if code else None
        if found is not None and (cell is None or found.get(cell)):
            yield from (Hit(row.number, tag, "", {"code": code}) for tag in lacking)

    return check


@row_kind("codelist", sees=TEXT)
def codelist(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each part of each field, or the group of `cut=regex` in it, stands in the standard's code list `list`, also
    when that list is open."""
    name, wanted, cut = param(rule, "list"), tags(rule, scope), _shape(rule, "cut")
    if name not in scope.standard.codelists:
        raise RuleError(f"{rule.id}: no code list {name}")
    codes = scope.standard.codelists[name]

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        for tag in wanted:
            for item in row.items(tag):
                match = cut.match(item) if cut else None
                if codes.entry(match[1] if match else item) is None:
                    yield Hit(row.number, tag, item)

    return check


@row_kind("catalog_flag", sees=TEXT)
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


@row_kind("catalog_cell", sees=TEXT)
def catalog_cell(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each field compares (`op`, default =) with cell `cell` of the catalogue row found by the reference `by` (several
    joined with `|`); an empty cell and an unknown code say nothing. `drop=regex` takes parts of both away first;
    texts are compared without regard to case and spaces."""
    name, cell, op = param(rule, "catalog"), param(rule, "cell"), param(rule, "op", "=")
    key, wanted, drop = _key(rule, scope), tags(rule, scope), _shape(rule, "drop")

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        code = key(row, facts)
        found = env.catalogs.find(name, code, facts.ended_on) if code else None
        theirs = found.get(cell, "") if found else ""
        for tag in wanted if theirs else ():
            text = row.texts.get(tag, "")
            if compare(_even(text, drop), op, _even(theirs, drop)) is False:
                yield Hit(row.number, tag, text, {"expected": theirs})

    return check


def _even(text: str, drop: re.Pattern[str] | None) -> str:
    return " ".join((drop.sub("", text) if drop else text).split()).casefold()


def _shape(rule: Rule, name: str) -> re.Pattern[str] | None:
    return re.compile(rule.params[name]) if name in rule.params else None
