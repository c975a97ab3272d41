"""Drugs against each other and against the diagnosis: the same ingredient twice, interactions, payment conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations

from insurance.rules.engine.base import Check, Env, Hit, function, param, tags
from insurance.rules.engine.facts import Row, VisitFacts, number
from insurance.rules.engine.functions.doses import diagnoses
from insurance.rules.engine.measures import age_years
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope, condition

_UNLISTED = "00.0000"
_YEAR = re.compile(r"20[0-9]{2}")
_YEARS_OF_USE = 4


def ingredients(row: Row, tag: str) -> frozenset[str]:
    """The ingredient codes of a drug line; a mixture names several with +."""
    return frozenset(part.strip() for part in row.text(tag).split("+") if part.strip()) - {_UNLISTED}


@function("same_ingredient")
def same_ingredient(rule: Rule, scope: Scope, env: Env) -> Check:
    """No two different drugs of one day (`where`) that are given the same way have an ingredient in common.

    Fields: ingredient code, registration, route, moment of order.
    """
    code, registration, route, ordered = tags(rule, scope)
    where = condition(scope, param(rule, "where", ""))

    def check(facts: VisitFacts) -> Iterator[Hit]:
        rows = [row for row in facts.rows(rule.table) if where(row, facts)]
        for first, second in combinations(rows, 2):
            if first.text(ordered)[:8] != second.text(ordered)[:8] or first.text(route) != second.text(route):
                continue
            shared = ingredients(first, code) & ingredients(second, code)
            if shared and first.text(registration) != second.text(registration):
                words = {"other": str(first.number), "code": min(shared)}
                yield Hit(second.number, code, second.text(code), words)

    return check


@function("drug_interaction")
def drug_interaction(rule: Rule, scope: Scope, env: Env) -> Check:
    """No two drugs ordered on one day stand together in the catalogue of interactions. Fields: ingredient code and
    moment of order."""
    code, ordered = tags(rule, scope)

    def check(facts: VisitFacts) -> Iterator[Hit]:
        for first, second in combinations(facts.rows(rule.table), 2):
            if first.text(ordered)[:8] != second.text(ordered)[:8]:
                continue
            for a in ingredients(first, code):
                for b in ingredients(second, code):
                    found = env.catalogs.find("drug_interactions", "|".join(sorted((a, b))), facts.ended_on)
                    if found is not None:
                        words = {"other": str(first.number), "name": found.get("mechanism", "")}
                        yield Hit(second.number, code, second.text(code), words)

    return check


@function("tender_year")
def tender_year(rule: Rule, scope: Scope, env: Env) -> Check:
    """The year in the tender record is that of the visit or one of the four before: an agreement runs three years at
    the most and what was bought is used up after it."""
    (tag,) = tags(rule, scope)

    def check(facts: VisitFacts) -> Iterator[Hit]:
        on = facts.ended_on
        for row in facts.rows(rule.table) if on else ():
            year = next((part for part in row.items(tag) if _YEAR.fullmatch(part)), "")
            if on and year and not on.year - _YEARS_OF_USE <= int(year) <= on.year:
                yield Hit(row.number, tag, row.text(tag), {"year": year})

    return check


@function("drug_indication")
def drug_indication(rule: Rule, scope: Scope, env: Env) -> Check:
    """A drug with conditions of payment is given for a disease and at an age that they allow."""
    (code,) = tags(rule, scope)

    def check(facts: VisitFacts) -> Iterator[Hit]:
        found = diagnoses(facts)
        for row in facts.rows(rule.table):
            for ingredient in ingredients(row, code) if found else ():
                cells = env.catalogs.find("drug_indications", ingredient, facts.ended_on)
                if cells is not None and not _allowed(cells, found, facts):
                    yield Hit(row.number, code, row.text(code), {"name": cells.get("law", "")})

    return check


def _allowed(cells: Mapping[str, str], codes: list[str], facts: VisitFacts) -> bool:
    include, exclude = (_starts(cells.get(name, "")) for name in ("include_icd", "exclude_icd"))
    if include and not any(code.startswith(include) for code in codes):
        return False
    if exclude and any(code.startswith(exclude) for code in codes):
        return False
    age, least, most = age_years(facts), number(cells.get("age_min", "")), number(cells.get("age_max", ""))
    return age is None or ((least is None or age >= least) and (most is None or age <= most))


def _starts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())
