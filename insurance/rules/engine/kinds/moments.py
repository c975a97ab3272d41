"""Kinds about time: order of moments, moments inside a stay, lengths in minutes, overlapping intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from insurance.rules.engine.base import FILLED, NOTHING, Check, Env, Hit, RowCheck, kind, param, row_kind, tags, whole
from insurance.rules.engine.facts import Row, VisitFacts, moment
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope, compare, condition, reference


@row_kind("compare", sees=FILLED)
def compared(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each field compares to the reference `other`: `op` is <, <=, >, >=, = or !=. Unknown or empty says nothing."""
    op, other, wanted = param(rule, "op"), reference(scope, param(rule, "other")), tags(rule, scope)

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        theirs = other(row, facts)
        for tag in wanted:
            for item in row.items(tag):
                if compare(item, op, theirs) is False:
                    yield Hit(row.number, tag, item, {"other": theirs})

    return check


@row_kind("inside", sees=FILLED)
def inside(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each field lies between the references `from` and `to`, both included; an unknown end says nothing."""
    start, end, wanted = reference(scope, param(rule, "from")), reference(scope, param(rule, "to")), tags(rule, scope)

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        first, last = start(row, facts), end(row, facts)
        for tag in wanted:
            text = row.texts.get(tag, "")
            if compare(text, ">=", first) is False or compare(text, "<=", last) is False:
                yield Hit(row.number, tag, text, {"from": first, "to": last})

    return check


@row_kind("minutes", sees=FILLED)
def minutes(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """From the reference `from` to the field pass at least `min` and at most `max` minutes."""
    (tag,) = tags(rule, scope)
    start, least, most = reference(scope, param(rule, "from")), rule.params.get("min"), rule.params.get("max")
    low = whole(rule, "min") if least else None
    high = whole(rule, "max") if most else None

    def check(row: Row, facts: VisitFacts) -> list[Hit] | tuple[()]:
        a, b = moment(start(row, facts)), moment(row.texts.get(tag, ""))
        if a is None or b is None:
            return NOTHING
        passed = int((b - a).total_seconds() // 60)
        if (low is None or passed >= low) and (high is None or passed <= high):
            return NOTHING
        return [Hit(row.number, tag, row.texts[tag], {"minutes": str(passed)})]

    return check


@kind("no_overlap")
def no_overlap(rule: Rule, scope: Scope, env: Env) -> Check:
    """Rows for which `where` holds and which share the fields `key` (comma separated) do not overlap in time.

    The rule's two fields are start and end; touching ends are allowed.
    """
    start, end = tags(rule, scope)
    keys = [scope.tag(rule.table, key) for key in param(rule, "key", "").split(",") if key]
    where = condition(scope, param(rule, "where", ""))

    def check(facts: VisitFacts) -> Iterator[Hit]:
        groups: dict[tuple[str, ...], list[tuple[str, str, Row]]] = defaultdict(list)
        for row in facts.rows(rule.table):
            a, b = row.text(start), row.text(end)
            if where(row, facts) and a and b and a < b and len(a) == len(b) and all(row.text(key) for key in keys):
                groups[tuple(row.text(key) for key in keys)].append((a, b, row))
        for rows in groups.values():
            rows.sort(key=lambda item: (item[0], item[1], item[2].number))
            for (_, until, before), (begin, _, row) in pairwise(rows):
                if begin < until:
                    yield Hit(row.number, start, begin, {"other": str(before.number)})

    return check
