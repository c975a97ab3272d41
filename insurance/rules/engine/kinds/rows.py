"""Kinds about the rows of one table: the same thing twice, rows counted from 1, how many of a kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from insurance.rules.engine.base import Check, Env, Hit, kind, param, tags, whole
from insurance.rules.engine.facts import Row, VisitFacts
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope, condition


@kind("unique")
def unique(rule: Rule, scope: Scope, env: Env) -> Check:
    """No two rows for which `where` holds have the same texts in all fields (rows with an empty first field are left
    out)."""
    keys, where = tags(rule, scope), condition(scope, param(rule, "where", ""))

    def check(facts: VisitFacts) -> Iterator[Hit]:
        seen: dict[tuple[str, ...], Row] = {}
        for row in facts.rows(rule.table):
            key = tuple(row.text(tag) for tag in keys)
            if not key[0] or not where(row, facts):
                continue
            first = seen.setdefault(key, row)
            if first is not row:
                yield Hit(row.number, keys[0], key[0], {"other": str(first.number)})

    return check


@kind("sequence")
def sequence(rule: Rule, scope: Scope, env: Env) -> Check:
    """The field counts the rows from 1 without a gap; one row out of step is named, not all after it."""
    (tag,) = tags(rule, scope)

    def check(facts: VisitFacts) -> Iterator[Hit]:
        last = 0
        for row in facts.rows(rule.table):
            text = row.text(tag)
            if not text.isdecimal():
                last += 1
                continue
            if int(text) != last + 1:
                yield Hit(row.number, tag, text, {"expected": str(last + 1)})
            last = int(text) if int(text) == last + 1 else max(last + 1, row.number)

    return check


@kind("count")
def count(rule: Rule, scope: Scope, env: Env) -> Check:
    """At least `min` and at most `max` rows for which `where` holds.

    With `per` the rows are counted for each text of that field (`per=NGAY_YL:8` for its first 8 characters), and
    nothing is said about fewer than `min`.
    """
    tag = scope.tag(rule.table, rule.field) if rule.fields else ""
    where = condition(scope, param(rule, "where", ""))
    least, most = whole(rule, "min", "0"), whole(rule, "max", "1000000000")
    per, _, width = param(rule, "per", "").partition(":")
    per, cut = scope.tag(rule.table, per) if per else "", int(width or 0)

    def check(facts: VisitFacts) -> Iterator[Hit]:
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in facts.rows(rule.table):
            if where(row, facts):
                text = row.text(per) if per else ""
                groups[text[:cut] if cut else text].append(row)
        for rows in groups.values():
            if len(rows) > most:
                found = rows[most]
                yield Hit(found.number, tag, found.text(tag), {"count": str(len(rows)), "max": str(most)})
        if not per and sum(len(rows) for rows in groups.values()) < least:
            yield Hit(None, tag, "", {"count": str(sum(len(rows) for rows in groups.values())), "min": str(least)})

    return check
