"""The stages in order: eligibility, route, coverage, caps, level and full cover, limit, other sources, totals."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from insurance.benefits.engine.coverage import cap_supplies, cover
from insurance.benefits.engine.eligibility import card_levels
from insurance.benefits.engine.facts import HUNDRED, ZERO, Facts, Item, LineSplit, Split, Totals
from insurance.benefits.engine.levels import set_percents, was_limit_reached
from insurance.benefits.engine.params import Params
from insurance.benefits.engine.routing import decide
from insurance.benefits.engine.sources import settle
from insurance.benefits.engine.work import Decision, Line, Visit, money_text

_FEE_FOR_SERVICE = "1"


def split(facts: Facts, items: Sequence[Item], params: Params) -> Split:
    """Say who pays each line of one visit, and why.

    Afterwards hospital = fund + co-payment + self-paid + other sources for every line and for the visit, nothing is
    negative, and the order of the items does not matter. Refuses (`BenefitError`) facts that are missing or
    contradict each other. Raises ValueError when the parameters are not those of the day the visit ended.
    """
    if params.on != facts.ended_on:
        raise ValueError(f"parameters of {params.on} for a visit that ended on {facts.ended_on}")
    visit = Visit(facts=facts, params=params)
    cards = card_levels(visit, items)
    decision = decide(visit)
    lines = cover(visit, decision, cards, items)
    cap_supplies(visit, lines)
    visit_percent = set_percents(visit, decision, lines)
    settle(visit, decision, lines)
    totals = _totals(lines)
    visit.explain(
        "totals",
        f"Quỹ BHYT {money_text(totals.fund)} đồng; cùng chi trả {money_text(totals.copay)} đồng; "
        f"tự trả {money_text(totals.self_paid)} đồng; nguồn khác {money_text(totals.other)} đồng",
    )
    return Split(
        entitlement_code=decision.code,
        entitlement_reason=decision.reason_vi,
        route_code=decision.route_code,
        card_percent=_card_percent(facts, params, decision),
        route_percent=decision.percent,
        benefit_percents=_percents(visit, lines, visit_percent),
        totals=totals,
        lines=tuple(_line_split(line) for line in lines),
        explanation=tuple(visit.steps),
        parameter_set=_parameter_set(visit),
    )


def _card_percent(facts: Facts, params: Params, decision: Decision) -> Decimal:
    if decision.rate is None or facts.card_number is None:
        return ZERO
    return params.card_level(facts.card_number).percent


def _percents(visit: Visit, lines: Sequence[Line], visit_percent: Decimal) -> tuple[Decimal, ...]:
    """The distinct levels of the visit; transport has a fixed amount and counts only when it stands alone."""
    transport = visit.params.words("transport_group")
    covered = [line for line in lines if line.is_covered]
    shared = [line for line in covered if line.item.kind != "transport" and line.item.group_code not in transport]
    found = {line.percent for line in shared or covered} or {visit_percent}
    if was_limit_reached(visit):
        found.add(HUNDRED)
    return tuple(sorted(found))


def _line_split(line: Line) -> LineSplit:
    state, foreign, domestic, other = line.sources
    return LineSplit(
        key=line.item.key,
        hospital_amount=line.hospital,
        insured_amount=line.insured,
        service_rate=line.service_rate,
        payment_rate=line.payment_rate,
        benefit_percent=line.percent,
        fund_amount=line.fund,
        copay_amount=line.copay,
        self_paid_amount=line.self_paid,
        state_source=state,
        foreign_source=foreign,
        domestic_source=domestic,
        other_source=other,
        ceiling_amount=line.ceiling,
        reasons=tuple(line.reasons),
    )


def _totals(lines: Sequence[Line]) -> Totals:
    return Totals(
        hospital=_sum(line.hospital for line in lines),
        insured=_sum(line.insured for line in lines),
        fund=_sum(line.fund for line in lines),
        copay=_sum(line.copay for line in lines),
        self_paid=_sum(line.self_paid for line in lines),
        other=_sum(amount for line in lines for amount in line.sources),
        fund_fee_for_service=_sum(line.fund for line in lines if line.item.payment_method == _FEE_FOR_SERVICE),
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def _parameter_set(visit: Visit) -> dict[str, str]:
    """What a stored result needs to be understood later: the data, the day and the figures used."""
    params, day = visit.params, visit.salary_day
    chosen = {f"setting:{s.key}": s.value for s in params.settings.values()}
    return {
        "on": params.on.isoformat(),
        "data": params.tables.digest,
        "base_salary_on": day.isoformat(),
        "base_salary": params.value("base_salary", day).text,
        **chosen,
    }
