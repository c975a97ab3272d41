"""Kinds about whole tables: which must be there, which may not."""

from __future__ import annotations

from insurance.rules.engine.base import NOTHING, Check, Env, Hit, kind, param
from insurance.rules.engine.facts import VisitFacts
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.terms import Scope, condition


@kind("table_required")
def table_required(rule: Rule, scope: Scope, env: Env) -> Check:
    """The rule's table is there when `if`, asked of XML1, holds; without XML1 nothing is said of other tables."""
    _known(rule, env)
    asked = condition(Scope(scope.standard, "XML1"), param(rule, "if", ""))

    def check(facts: VisitFacts) -> list[Hit] | tuple[()]:
        summary = facts.first("XML1")
        if facts.rows(rule.table) or not (summary or rule.table == "XML1") or not asked(summary, facts):
            return NOTHING
        return [Hit(None, "")]

    return check


@kind("table_forbidden")
def table_forbidden(rule: Rule, scope: Scope, env: Env) -> Check:
    """The rule's table is not there when `if`, asked of XML1, holds; without XML1 nothing is said."""
    _known(rule, env)
    asked = condition(Scope(scope.standard, "XML1"), param(rule, "if", ""))

    def check(facts: VisitFacts) -> list[Hit] | tuple[()]:
        summary = facts.first("XML1")
        if not facts.rows(rule.table) or summary is None or not asked(summary, facts):
            return NOTHING
        return [Hit(None, "")]

    return check


def _known(rule: Rule, env: Env) -> None:
    if rule.fields:
        raise RuleError(f"{rule.id}: a rule about a whole table names no field")
