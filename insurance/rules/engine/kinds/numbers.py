"""Kinds that compute: ranges, formulas, sums."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from insurance.rules.engine.base import FILLED, NOTHING, Check, Env, Hit, RowCheck, kind, param, row_kind, tags
from insurance.rules.engine.facts import Row, VisitFacts, number
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.terms import Amount, Scope, arithmetic, condition


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


@kind("sum_limit")
def sum_limit(rule: Rule, scope: Scope, env: Env) -> Check:
    """The field summed over rows of `of` for which `where` holds stays within formulas `min` and `max`, reckoned on
    the first row of table `over` (XML1). The finding names the table of `of`, or the rule's own field in `over`."""
    table, _, tag = param(rule, "of").partition(".")
    tag = scope.tag(table, tag)
    where = condition(Scope(scope.standard, table), param(rule, "where", ""))
    over = Scope(scope.standard, param(rule, "over", "XML1"))
    least, most = _limit(rule, over, "min"), _limit(rule, over, "max")
    named = scope.tag(rule.table, rule.field) if rule.fields else ""

    def check(facts: VisitFacts) -> list[Hit] | tuple[()]:
        rows = [row for row in facts.rows(table) if where(row, facts)]
        values = [row.number_of(tag) for row in rows]
        first = facts.first(over.table)
        if not rows or None in values or first is None:
            return NOTHING
        total = sum((v for v in values if v is not None), Decimal(0))
        low, high = least(first, facts), most(first, facts)
        if (low is None or total >= low) and (high is None or total <= high):
            return NOTHING
        at = rows[-1].number if table == rule.table else 1
        return [Hit(at, named, _text(total), {"min": _text(low), "max": _text(high)})]

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
