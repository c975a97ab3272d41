"""Kinds about whole tables: which must be there, which may not."""

from __future__ import annotations

from insurance.rules.engine.base import NOTHING, Check, Env, Hit, kind, param
from insurance.rules.engine.facts import VisitFacts
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.terms import Scope, condition


@kind("table_required")
def table_required(rule: Rule, scope: Scope, env: Env) -> Check:
    """The rule's table is there when `if`, asked of XML1, holds; without XML1 nothing is said of other tables."""
    return _due(rule, scope, there=False)


@kind("table_forbidden")
def table_forbidden(rule: Rule, scope: Scope, env: Env) -> Check:
    """The rule's table is not there when `if`, asked of XML1, holds; without XML1 nothing is said."""
    return _due(rule, scope, there=True)


def _due(rule: Rule, scope: Scope, *, there: bool) -> Check:
    """Whether the table is there (`there`) or is not, although the condition says otherwise."""
    if rule.fields:
        raise RuleError(f"{rule.id}: a rule about a whole table names no field")
    asked = condition(Scope(scope.standard, "XML1"), param(rule, "if", ""))

    def check(facts: VisitFacts) -> list[Hit] | tuple[()]:
        summary = facts.first("XML1")
        if bool(facts.rows(rule.table)) is not there or (summary is None and rule.table != "XML1"):
            return NOTHING
        return [Hit(None, "")] if asked(summary, facts) else NOTHING

    return check
