"""The benefit percent of a line against the card, the entitlement code and the cost of the visit.

Percent = card level x route rate; 100 takes the place of the level below 15 % of the base salary and when the
patient is exempt from co-payment (Luật BHYT Đ22, NĐ 188/2025 Đ18 and Đ19). All numbers are those of the benefit data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from insurance.benefits.engine import BenefitError, Params
from insurance.rules.engine.base import Check, Env, Hit, function, tags
from insurance.rules.engine.facts import Row, VisitFacts
from insurance.rules.engine.functions.parameters import params_of
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope
from insurance.standards.values import day

HUNDRED = Decimal(100)
OUTSIDE, NOTHING_PAID = "2", Decimal(0)


@dataclass(frozen=True, slots=True)
class Levels:
    """The percents that lines of a visit may have; lines of the transport group have one more."""

    usual: frozenset[Decimal]
    transport: Decimal
    transport_groups: frozenset[str]


@function("benefit_level")
def benefit_level(rule: Rule, scope: Scope, env: Env) -> Check:
    """Every insured line has a percent that the card, the route and the cost of the visit allow. Nothing is said when
    the card, the code or the day is unknown to the benefit data, or the rate is that of an earlier visit."""
    (tag,) = tags(rule, scope)

    def check(facts: VisitFacts) -> Iterator[Hit]:
        levels = levels_of(facts)
        if levels is None:
            return
        for row in facts.rows(rule.table):
            percent = row.number_of(tag)
            if percent is None or not _is_insured(row) or percent in levels.usual:
                continue
            if row.text("MA_NHOM") in levels.transport_groups and percent == levels.transport:
                continue
            expected = ", ".join(f"{one.normalize():f}" for one in sorted(levels.usual))
            yield Hit(row.number, tag, row.text(tag), {"expected": expected})

    return check


@function("benefit_code")
def benefit_code(rule: Rule, scope: Scope, env: Env) -> Check:
    """Some insured line has a percent that fits; when none has, the code (the rule's field) is wrong, not the lines."""
    (tag,) = tags(rule, scope)

    def check(facts: VisitFacts) -> Iterator[Hit]:
        levels = levels_of(facts)
        lines = [row for name in ("XML2", "XML3") for row in facts.rows(name) if _is_insured(row)]
        found = {row.number_of("MUC_HUONG") for row in lines if row.text("MA_NHOM") not in _transport(levels)} - {None}
        if levels is not None and found and levels.usual.isdisjoint(found):
            expected = ", ".join(f"{one.normalize():f}" for one in sorted(levels.usual))
            yield Hit(1, tag, facts.text("XML1", tag), {"expected": expected})

    return check


def _transport(levels: Levels | None) -> frozenset[str]:
    return levels.transport_groups if levels else frozenset()


def levels_of(facts: VisitFacts) -> Levels | None:
    """The percents that fit the visit; None when they cannot be told."""
    if "levels" not in facts.known:
        facts.known["levels"] = _told(facts)
    found: Levels | None = facts.known["levels"]
    return found


def _told(facts: VisitFacts) -> Levels | None:
    summary, params = facts.first("XML1"), params_of(facts)
    if summary is None or params is None:
        return None
    try:
        return _levels(summary, params, params.on)
    except (BenefitError, IndexError):
        return None


def _is_insured(row: Row) -> bool:
    return row.text("PHAM_VI") != OUTSIDE and row.number_of("TYLE_TT_BH") != NOTHING_PAID


def _levels(summary: Row, params: Params, on: date) -> Levels | None:
    cards, code = summary.items("MA_THE_BHYT"), summary.text("MA_DOITUONG_KCB")
    if not cards or not code:
        return None
    route = params.route(code, inpatient=is_inpatient(summary, params))
    if route.mode not in ("absolute", "level"):
        return None
    if route.mode == "absolute":
        usual = {route.rate}
    else:
        own = {params.card_level(card).percent for card in cards}
        usual = {level * route.rate / HUNDRED for level in _full(summary, params, on, own, route.rate)}
        if route.keeps_exemption and _may_be_exempt(summary, on):
            usual.add(route.rate)
    return Levels(
        usual=frozenset(usual),
        transport=params.number("transport_benefit_percent"),
        transport_groups=frozenset(params.words("transport_group")),
    )


def _full(summary: Row, params: Params, on: date, own: set[Decimal], rate: Decimal) -> Iterable[Decimal]:
    """The levels before the route's rate: the cards' own, or 100 for a visit of low cost; both when it is unknown."""
    total = summary.number_of("T_TONGCHI_BH")
    if total is None:
        return own | {HUNDRED}
    came = day(summary.text("NGAY_VAO"))
    salary_day = came if params.setting("base_salary_date") == "admission" and came else on
    factor = params.number("low_cost_factor", salary_day)
    if total >= factor * params.number("base_salary", salary_day):
        return own
    if params.setting("low_cost_outpatient") == "skipped" and not is_inpatient(summary, params):
        return own
    if rate < HUNDRED and params.setting("low_cost_off_route") == "level_times_rate":
        return own
    return {HUNDRED}


def is_inpatient(summary: Row, params: Params) -> bool:
    """Whether the visit counts as inpatient care for the rates of the routes."""
    kind = summary.text("MA_LOAI_KCB")
    if kind in params.words("inpatient_visit_types"):
        return True
    return params.setting("day_treatment_is_inpatient") == "yes" and kind in params.words("day_treatment_visit_types")


def _may_be_exempt(summary: Row, on: date) -> bool:
    """Five years are complete or a certificate is there: the yearly limit may have been reached before or inside."""
    five_years = day(summary.text("NAM_NAM_LIEN_TUC"))
    return bool(summary.text("NGAY_MIEN_CCT")) or (five_years is not None and five_years <= on)
