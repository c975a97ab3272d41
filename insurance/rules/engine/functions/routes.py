"""Entitlement codes that rest on a list of diseases (TT 01/2025/TT-BYT)."""

from __future__ import annotations

from collections.abc import Iterable

from insurance.benefits.engine.diseases import matching_rows
from insurance.rules.engine.base import Check, Env, Hit, function, param, tags
from insurance.rules.engine.facts import VisitFacts
from insurance.rules.engine.functions.parameters import params_of
from insurance.rules.engine.measures import age_years
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope


@function("listed_disease")
def listed_disease(rule: Rule, scope: Scope, env: Env) -> Check:
    """The field holds a disease of annex `annex`; the annex's conditions that codes cannot show are taken as met."""
    (tag,), annex = tags(rule, scope), param(rule, "annex")

    def check(facts: VisitFacts) -> Iterable[Hit]:
        row, params = facts.first(rule.table), params_of(facts)
        code = row.text(tag) if row else ""
        if row is None or params is None or not code:
            return ()
        age = age_years(facts)
        found = matching_rows(params.diseases, annex, code, None if age is None else int(age))
        return () if found else [Hit(row.number, tag, code)]

    return check
