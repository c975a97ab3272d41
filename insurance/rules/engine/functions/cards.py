"""Insurance cards of a visit: their periods against each other and against the stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from insurance.benefits.engine import BenefitError
from insurance.rules.engine.base import Check, Env, Hit, function, param, tags
from insurance.rules.engine.facts import Row, VisitFacts
from insurance.rules.engine.functions.parameters import params_of
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.terms import Scope
from insurance.standards.values import day


@function("card_order")
def card_order(rule: Rule, scope: Scope, env: Env) -> Check:
    """No card ends before it begins; the rule's fields are the lists of first and of last days."""
    first, last = tags(rule, scope)

    def check(facts: VisitFacts) -> Iterator[Hit]:
        for row in facts.rows(rule.table):
            starts, ends = row.items(first), row.items(last)
            if len(starts) != len(ends):
                continue
            for start, end in zip(starts, ends, strict=True):
                a, b = day(start), day(end)
                if a is not None and b is not None and b < a:
                    yield Hit(row.number, last, end, {"other": start})

    return check


@function("card_period")
def card_period(rule: Rule, scope: Scope, env: Env) -> Check:
    """The cards reach to the stay. `side=from`: the earliest first day is not after the stay's `to`; `side=to`: the
    latest last day is not before it, with the days of grace of the benefit data when `grace=1`."""
    (tag,) = tags(rule, scope)
    side, has_grace = param(rule, "side"), param(rule, "grace", "0") == "1"
    edge = scope.tag("XML1", param(rule, "edge"))
    if side not in ("from", "to"):
        raise RuleError(f"{rule.id}: side is from or to")

    def check(facts: VisitFacts) -> Iterable[Hit]:
        row = facts.first(rule.table)
        limit = day(row.text(edge)) if row else None
        days = _days(row, tag) if row else []
        if row is None or limit is None or not days:
            return ()
        if side == "from":
            is_wrong, found = min(days) > limit, min(days)
        else:
            is_wrong, found = max(days) + timedelta(days=_grace(facts) if has_grace else 0) < limit, max(days)
        return [Hit(row.number, tag, f"{found:%Y%m%d}", {"other": row.text(edge)})] if is_wrong else ()

    return check


def _days(row: Row, tag: str) -> list[date]:
    found = [day(item) for item in row.items(tag)]
    return [one for one in found if one is not None] if None not in found else []


def _grace(facts: VisitFacts) -> int:
    params = params_of(facts)
    if params is None:
        return 0
    try:
        kinds = params.words("card_grace_visit_types")
        return int(params.number("card_grace_days")) if facts.text("XML1", "MA_LOAI_KCB") in kinds else 0
    except BenefitError:
        return 0
