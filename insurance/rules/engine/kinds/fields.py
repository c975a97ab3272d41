"""Kinds that look at the texts of one row: presence, values, shapes, lists."""

from __future__ import annotations

import re
from collections.abc import Iterator

from insurance.rules.engine.base import FILLED, LACKING, NOTHING, TEXT, Env, Hit, RowCheck, param, row_kind, tags, whole
from insurance.rules.engine.facts import Row, VisitFacts
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.terms import Scope, condition, reference
from insurance.standards.values import SEPARATOR


@row_kind("required", sees=LACKING)
def required(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each of the fields is filled."""
    wanted = tags(rule, scope)
    return lambda row, facts: [Hit(row.number, tag) for tag in wanted if not row.texts.get(tag, "").strip(SEPARATOR)]


@row_kind("forbidden", sees=FILLED)
def forbidden(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each of the fields is empty. With no field, the row itself may not be there."""
    if not rule.fields:
        return lambda row, facts: [Hit(row.number, "")]
    unwanted = tags(rule, scope)
    return lambda row, facts: [Hit(row.number, tag, row.texts[tag]) for tag in unwanted if row.texts.get(tag)]


@row_kind("one_of", sees=TEXT)
def one_of(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each part of each field is one of `values`; an empty field says nothing."""
    allowed, wanted = frozenset(param(rule, "values").split("|")), tags(rule, scope)

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        for tag in wanted:
            for item in row.items(tag):
                if item not in allowed:
                    yield Hit(row.number, tag, item)

    return check


@row_kind("not_one_of", sees=TEXT)
def not_one_of(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """No part of a field is one of `values`, or equals the field of reference `other`."""
    wanted = tags(rule, scope)
    banned = frozenset(param(rule, "values", "").split("|")) - {""}
    other = reference(scope, rule.params["other"]) if "other" in rule.params else None

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        more = other(row, facts) if other else ""
        for tag in wanted:
            for item in row.items(tag):
                if item in banned or (more and item == more):
                    yield Hit(row.number, tag, item, {"other": more})

    return check


@row_kind("pattern", sees=TEXT)
def pattern(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each part of each field has the shape `regex`; with `whole=1` the field is not taken apart at `;`."""
    shape, wanted = _regex(rule, "regex"), tags(rule, scope)
    is_whole = param(rule, "whole", "0") == "1"

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        for tag in wanted:
            text = row.texts.get(tag, "")
            if not text:
                continue
            for item in (text,) if is_whole else row.items(tag):
                if shape.fullmatch(item) is None:
                    yield Hit(row.number, tag, item)

    return check


@row_kind("length", sees=TEXT)
def length(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each part of each field has at least `min` and at most `max` characters; with `whole=1` the field as a whole."""
    least, most, wanted = whole(rule, "min", "0"), whole(rule, "max", "1000000"), tags(rule, scope)
    is_whole = param(rule, "whole", "0") == "1"

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        for tag in wanted:
            text = row.texts.get(tag, "")
            for item in ([text] if text else []) if is_whole else row.items(tag):
                if not least <= len(item) <= most:
                    yield Hit(row.number, tag, item, {"length": str(len(item))})

    return check


@row_kind("same_as")
def same_as(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each field, when both are filled, equals the field of the same name in table `other`; `map=A:B,C:D` where the
    names differ. With `must=1` a filled counterpart must not meet an empty field, with `strict=1` a filled field must
    not meet an empty counterpart; `gaps=1` asks only for empty fields whose counterpart is filled."""
    table = param(rule, "other")
    must, strict, gaps = (param(rule, name, "0") == "1" for name in ("must", "strict", "gaps"))
    names = dict(pair.split(":") for pair in param(rule, "map", "").split(",") if pair)
    pairs = [(scope.tag(rule.table, t), scope.tag(table, names.get(t, t))) for t in rule.fields]
    if not pairs:
        raise RuleError(f"{rule.id}: names no field")

    def differ(mine: str, theirs: str) -> bool:
        if gaps or not mine:
            return not mine and bool(theirs) and (gaps or must)
        return mine != theirs and (strict or bool(theirs))

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        other = facts.first(table)
        if other is None:
            return
        for tag, theirs in pairs:
            mine, expected = row.texts.get(tag, ""), other.texts.get(theirs, "")
            if differ(mine, expected):
                yield Hit(row.number, tag, mine, {"expected": expected, "other": f"{table}.{theirs}"})

    return check


@row_kind("same_part", sees=FILLED)
def same_part(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """The part of the field in the group of `cut` is that of the reference `other`; without it nothing is said."""
    (tag,), cut, other = tags(rule, scope), _regex(rule, "cut"), reference(scope, param(rule, "other"))

    def check(row: Row, facts: VisitFacts) -> list[Hit] | tuple[()]:
        text, theirs = row.texts.get(tag, ""), other(row, facts)
        mine, wanted = cut.match(text), cut.match(theirs)
        if mine is None or wanted is None or mine[1] == wanted[1]:
            return NOTHING
        return [Hit(row.number, tag, text, {"other": theirs})]

    return check


@row_kind("refers", sees=FILLED)
def refers(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """Each part of the field stands in a field of some row of another table: `to=XML3.MA_DICH_VU`, or of one of
    several (`to=XML1.MA_BENH_CHINH|XML1.MA_BENH_KT`). `where` narrows those rows, `cut=regex` compares only what its
    group holds, on both sides."""
    (tag,) = tags(rule, scope)
    targets = []
    for name in param(rule, "to").split("|"):
        table, _, theirs = name.partition(".")
        where = condition(Scope(scope.standard, table), param(rule, "where", ""))
        targets.append((table, scope.tag(table, theirs), where))
    cut = _regex(rule, "cut") if "cut" in rule.params else None

    def core(item: str) -> str:
        match = cut.fullmatch(item) if cut else None
        return match[1] if match else item

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        known = facts.known.get(rule.id)
        if known is None:
            known = facts.known[rule.id] = {
                core(item)
                for table, theirs, where in targets
                for other in facts.rows(table)
                if where(other, facts)
                for item in other.items(theirs)
            }
        for item in row.items(tag):
            if core(item) not in known:
                yield Hit(row.number, tag, item)

    return check


@row_kind("one_filled")
def one_filled(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """At least `min` (1) and at most `max` of the fields are filled."""
    wanted, least = tags(rule, scope), whole(rule, "min", "1")
    most = whole(rule, "max", str(len(wanted)))

    def check(row: Row, facts: VisitFacts) -> list[Hit] | tuple[()]:
        filled = sum(1 for tag in wanted if row.texts.get(tag))
        return NOTHING if least <= filled <= most else [Hit(row.number, wanted[0], str(filled))]

    return check


@row_kind("all_or_none")
def all_or_none(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """When one of the fields is filled, all are."""
    wanted = tags(rule, scope)

    def check(row: Row, facts: VisitFacts) -> list[Hit] | tuple[()]:
        lacking = [tag for tag in wanted if not row.texts.get(tag)]
        return NOTHING if len(lacking) == len(wanted) else [Hit(row.number, tag) for tag in lacking]

    return check


@row_kind("items", sees=TEXT)
def items(rule: Rule, scope: Scope, env: Env) -> RowCheck:
    """The parts of a list: at most `max`, none twice (`unique=1`), ascending with numbers by their value (`ordered=1`),
    as many in each field (`same_count=1`)."""
    wanted = tags(rule, scope)
    most = whole(rule, "max", "1000000")
    unique, same = param(rule, "unique", "0") == "1", param(rule, "same_count", "0") == "1"
    ordered = param(rule, "ordered", "0") == "1"

    def check(row: Row, facts: VisitFacts) -> Iterator[Hit]:
        counts = {tag: row.items(tag) for tag in wanted}
        for tag, found in counts.items():
            text = row.texts.get(tag, "")
            twice, mixed = unique and len(set(found)) != len(found), ordered and found != sorted(found, key=_natural)
            if len(found) > most or twice or mixed:
                yield Hit(row.number, tag, text, {"count": str(len(found))})
        yield from _odd_counts(row, counts) if same and counts[wanted[0]] else ()

    return check


def _odd_counts(row: Row, counts: dict[str, list[str]]) -> Iterator[Hit]:
    """Fields whose number of parts is not that of most fields, or of the first where as many say one as the other."""
    sizes = [len(found) for found in counts.values()]
    usual = max(sizes, key=sizes.count)
    for tag, found in counts.items():
        if len(found) != usual:
            yield Hit(row.number, tag, row.texts.get(tag, ""), {"count": str(len(found)), "expected": str(usual)})


def _natural(text: str) -> list[str]:
    """A sort key that puts XML10 after XML9."""
    return [part.zfill(20) if part.isdecimal() else part for part in re.split(r"(\d+)", text)]


def _regex(rule: Rule, name: str) -> re.Pattern[str]:
    try:
        return re.compile(param(rule, name))
    except re.error as error:
        raise RuleError(f"{rule.id}: {name}: {error}") from error
