"""Beds, rates of services and the month of settlement, by the dated parameters of the benefit data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from insurance.benefits.engine import BenefitError, Params
from insurance.benefits.engine.rates import bed_days
from insurance.rules.engine.base import NOTHING, Check, Env, Hit, function, param, tags
from insurance.rules.engine.facts import Row, VisitFacts, moment
from insurance.rules.engine.functions.parameters import params_of
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope, condition


@function("bed_days")
def bed_days_charged(rule: Rule, scope: Scope, env: Env) -> Check:
    """The bed days of rows for which `where` holds are not more than the stay earns; visits for which `extra` holds
    earn one more day."""
    (tag,) = tags(rule, scope)
    where = condition(scope, param(rule, "where"))
    extra = condition(Scope(scope.standard, "XML1"), param(rule, "extra"))

    def check(facts: VisitFacts) -> Iterable[Hit]:
        summary = facts.first("XML1")
        rows = [row for row in facts.rows(rule.table) if where(row, facts)]
        amounts = [row.number_of(tag) for row in rows]
        if summary is None or not rows or None in amounts:
            return NOTHING
        earned = _earned(summary, facts, extra(summary, facts))
        total = sum((one for one in amounts if one is not None), Decimal(0))
        if earned is None or total <= earned:
            return NOTHING
        words = {"count": f"{total.normalize():f}", "expected": str(earned)}
        return [Hit(rows[-1].number, tag, rows[-1].text(tag), words)]

    return check


def _earned(summary: Row, facts: VisitFacts, has_extra: bool) -> int | None:
    start = moment(summary.text("NGAY_VAO_NOI_TRU") or summary.text("NGAY_VAO"))
    end = moment(summary.text("NGAY_RA"))
    params = params_of(facts)
    if start is None or end is None or params is None:
        return None
    try:
        return bed_days(params, admitted_at=start, left_at=end, has_extra_day=has_extra)
    except BenefitError:
        return None


@function("rate_allowed")
def rate_allowed(rule: Rule, scope: Scope, env: Env) -> Check:
    """In rows for which `where` holds the field is one of the rates that the benefit data name under `key`."""
    (tag,), key = tags(rule, scope), param(rule, "key")
    where = condition(scope, param(rule, "where"))

    def check(facts: VisitFacts) -> Iterator[Hit]:
        rows = [row for row in facts.rows(rule.table) if where(row, facts)]
        params = params_of(facts) if rows else None
        if params is None:
            return
        allowed = _rates(params, key)
        for row in rows:
            rate = row.number_of(tag)
            if rate is not None and rate not in allowed:
                expected = ", ".join(f"{one.normalize():f}" for one in sorted(allowed))
                yield Hit(row.number, tag, row.text(tag), {"expected": expected})

    return check


def _rates(params: Params, key: str) -> frozenset[Decimal]:
    names = [name for name in params.tables.values if name.startswith(f"{key}:")]
    return frozenset(params.number(name) for name in names)


@function("exam_rates")
def exam_rates(rule: Rule, scope: Scope, env: Env) -> Check:
    """Of the exams of one day (`where`), the first dearest have no more than the rates of first, second and so on."""
    (tag,) = tags(rule, scope)
    where, ordered_at = condition(scope, param(rule, "where")), scope.tag(rule.table, "NGAY_YL")

    def check(facts: VisitFacts) -> Iterator[Hit]:
        by_day: dict[str, list[tuple[Decimal, Row]]] = defaultdict(list)
        for row in facts.rows(rule.table):
            rate = row.number_of(tag)
            if rate is not None and where(row, facts):
                by_day[row.text(ordered_at)[:8]].append((rate, row))
        params = params_of(facts) if by_day else None
        if params is None:
            return
        for found in by_day.values():
            found.sort(key=lambda one: (-one[0], one[1].number))
            for position, (rate, row) in enumerate(found, 1):
                most = params.step_number("exam_rate", str(position))
                if rate > most:
                    yield Hit(row.number, tag, row.text(tag), {"count": str(position), "max": f"{most.normalize():f}"})

    return check


@function("settlement_month")
def settlement_month(rule: Rule, scope: Scope, env: Env) -> Check:
    """The month of settlement (fields: year, month) is not before the visit ended or was paid, nor (`late=1`) after
    both. Until the later of the two moments the visit may still belong to the earlier month."""
    year_tag, month_tag = tags(rule, scope)
    is_late = param(rule, "late", "0") == "1"

    def check(facts: VisitFacts) -> Iterable[Hit]:
        row = facts.first(rule.table)
        if row is None:
            return NOTHING
        texts = [row.text(name)[:6] for name in ("NGAY_VAO", "NGAY_RA", "NGAY_TTOAN") if len(row.text(name)) == 12]
        year, month = row.text(year_tag), row.text(month_tag).zfill(2)
        if not texts or not (year.isdecimal() and month.isdecimal()):
            return NOTHING
        settled = year + month
        ends = texts[1:] or texts
        is_wrong = settled > max(ends) if is_late else settled < min(ends)
        if not is_wrong:
            return NOTHING
        tag = year_tag if year != max(ends)[:4] else month_tag
        return [Hit(row.number, tag, row.text(tag), {"other": f"{max(ends)[4:]}/{max(ends)[:4]}"})]

    return check
