"""Kinds that compute: ranges and formulas."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from insurance.rules.engine.base import FILLED, NOTHING, Env, Hit, RowCheck, param, row_kind, tags
from insurance.rules.engine.facts import Row, VisitFacts, number
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.terms import Amount, Scope, arithmetic


@row_kind("range", sees=FILLED)
def in_range(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each part of each field is a number from `min` to `max`; each limit is a formula over fields and measures."""
    wanted = tags(rule, scope)
    least, most = _limit(rule, scope, "min"), _limit(rule, scope, "max")

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        low, high = least(row, facts), most(row, facts)
        for tag in wanted:
            for item in row.items(tag):
                found = number(item)
                if found is not None and ((low is not None and found < low) or (high is not None and found > high)):
                    yield Hit(row.number, tag, item, {"min": _text(low), "max": _text(high)})

    return check


@row_kind("formula", sees=FILLED)
def formula(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """The field equals `expr` within `tolerance` (0) đồng."""
    (tag,) = tags(rule, scope)
    expected, tolerance = arithmetic(scope, param(rule, "expr")), _decimal(rule, "tolerance", "0")

    def check(row: Row, facts: VisitFacts) -> list[Hit] | tuple[()]:
        found, wanted = row.number_of(tag), expected(row, facts)
        if found is None or wanted is None or abs(found - wanted) <= tolerance:
            return NOTHING
        return [Hit(row.number, tag, row.texts[tag], {"expected": _text(wanted)})]

    return check


def _limit(rule: Rule, scope: Scope, name: str) -> Amount:
    text = rule.params.get(name)
    return arithmetic(scope, text) if text else lambda row, facts: None


def _decimal(rule: Rule, name: str, default: str) -> Decimal:
    value = number(param(rule, name, default))
    if value is None:
        raise RuleError(f"{rule.id}: {name} is no number")
    return value


def _text(value: Decimal | None) -> str:
    return "" if value is None else f"{value.normalize():f}"
