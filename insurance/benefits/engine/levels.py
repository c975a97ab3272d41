"""Stages 4, 5 and 7: the benefit percent of each line, full-cover conditions, and the yearly co-payment limit.

percent = level x route rate. The level becomes 100 when the insured total of the visit is strictly below 15 % of
the base salary, or when the patient is exempt after five continuous years and six base salaries of co-payment.
The co-payment stops inside a line: what would pass the limit is paid by the fund (NĐ 146/2018 Đ27 k3 a;
TT 04/2017 examples 1 and 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from his.core.money import round2
from insurance.benefits.engine.facts import HUNDRED, ZERO, Item
from insurance.benefits.engine.tables import CardLevel, RouteRate, Value
from insurance.benefits.engine.work import Decision, Line, Visit, in_time_order, money_text, percent_text


@dataclass(frozen=True, slots=True)
class Limit:
    """The yearly limit for this visit: days from which it holds and the co-payment that may still be collected.

    `remaining` is None without five continuous years. `used_up`: nothing more may be collected.
    """

    certificate_from: date | None
    five_years_from: date | None
    remaining: Decimal | None
    used_up: bool

    def exempts(self, visit: Visit, item: Item) -> bool:
        if self.certificate_from is not None and visit.starts_by(self.certificate_from, item):
            return True
        return self.used_up and self.five_years_from is not None and visit.starts_by(self.five_years_from, item)


def set_percents(visit: Visit, decision: Decision, lines: Sequence[Line]) -> Decimal:
    """Give every line its percent and amounts of fund and co-payment; answer the percent of the visit as a whole."""
    rate = decision.rate
    if rate is None or visit.facts.card_number is None:
        return ZERO
    is_low = _is_low_cost(visit, rate, lines)
    limit = _limit(visit, rate)
    card = visit.params.card_level(visit.facts.card_number)
    whole = Item("", "service", "", ZERO, ZERO, ZERO, provided_on=visit.facts.ended_on)
    visit_percent = _percent(rate, card, is_full=is_low or limit.exempts(visit, whole), visit=visit)
    for line in lines:
        _set_line(visit, rate, line, visit_percent, is_low=is_low, limit=limit)
    _explain_level(visit, rate, card, visit_percent)
    _stop_copay(visit, lines, limit)
    return visit_percent


def _set_line(visit: Visit, rate: RouteRate, line: Line, visit_percent: Decimal, *, is_low: bool, limit: Limit) -> None:
    item = line.item
    if not line.is_covered or line.card is None:
        line.percent = _percent_of_its_time(visit, rate, line, visit_percent, is_low=is_low, limit=limit)
        return
    if item.forced_percent is not None:
        line.percent = item.forced_percent
        line.because(f"Mức hưởng {percent_text(line.percent)}% theo giai đoạn quyền lợi đã xác định", rate.law)
    elif item.kind == "transport" or item.group_code in visit.params.words("transport_group"):
        transport = visit.params.value("transport_benefit_percent")
        line.percent = Decimal(transport.text)
        line.because("Vận chuyển người bệnh: quỹ BHYT trả theo định mức, không cùng chi trả", transport.law)
    else:
        is_exempt = not is_low and limit.exempts(visit, item)
        line.percent = _percent(rate, line.card, is_full=is_low or is_exempt, visit=visit)
        full = "low" if is_low else "exempt" if is_exempt else ""
        line.because(*_reason(visit, rate, line.card, line.percent, full))
    line.fund = round2(line.insured * line.percent / HUNDRED)
    line.copay = line.insured - line.fund


def _percent_of_its_time(
    visit: Visit, rate: RouteRate, line: Line, visit_percent: Decimal, *, is_low: bool, limit: Limit
) -> Decimal:
    """The percent that stands beside a line the fund does not pay: that of its day, else that of the visit."""
    if line.item.forced_percent is not None:
        return line.item.forced_percent
    if line.card is None or line.item.provided_on is None:
        return visit_percent
    return _percent(rate, line.card, is_full=is_low or limit.exempts(visit, line.item), visit=visit)


def _percent(rate: RouteRate, card: CardLevel, *, is_full: bool, visit: Visit) -> Decimal:
    if rate.mode == "absolute":
        return rate.rate
    is_reduced = rate.rate < HUNDRED and visit.params.setting("low_cost_off_route") == "level_times_rate"
    level = HUNDRED if is_full and not is_reduced else card.percent
    return level * rate.rate / HUNDRED


def _reason(visit: Visit, rate: RouteRate, card: CardLevel, percent: Decimal, full: str) -> tuple[str, str]:
    """Why a line has its percent, and the law: `full` is "low", "exempt" or "" for the plain card level."""
    if rate.mode == "absolute":
        why, law = rate.label_vi, rate.law
    elif full == "low":
        factor = visit.params.value("low_cost_factor", visit.salary_day)
        why, law = f"chi phí lượt khám dưới {_share(factor)} lương cơ sở", factor.law
    elif full == "exempt":
        factor = visit.params.value("annual_copay_factor", visit.salary_day)
        why, law = f"đủ 5 năm liên tục và cùng chi trả quá {factor.text} tháng lương cơ sở", factor.law
    else:
        why, law = f"thẻ mức {card.level}", card.law
    if rate.rate == HUNDRED:
        return f"Hưởng {percent_text(percent)}%: {why}", law
    reduced = f"Hưởng {percent_text(percent)}%: {why} × {percent_text(rate.rate)}% ({rate.label_vi})"
    return reduced, f"{law}; {rate.law}"


def _share(factor: Value) -> str:
    return f"{percent_text(Decimal(factor.text) * HUNDRED)}%"


def _explain_level(visit: Visit, rate: RouteRate, card: CardLevel, percent: Decimal) -> None:
    absolute = " (không phụ thuộc mức thẻ)" if rate.mode == "absolute" else ""
    visit.explain(
        "level",
        f"Mức hưởng của lượt: {percent_text(percent)}%{absolute}; mức thẻ {percent_text(card.percent)}%, "
        f"tỷ lệ theo đối tượng {percent_text(rate.rate)}%",
        rate.law,
    )


def _is_low_cost(visit: Visit, rate: RouteRate, lines: Sequence[Line]) -> bool:
    factor = visit.params.value("low_cost_factor", visit.salary_day)
    salary = visit.params.number("base_salary", visit.salary_day)
    threshold = Decimal(factor.text) * salary
    total = sum((line.insured for line in lines), ZERO)
    is_skipped = visit.params.setting("low_cost_outpatient") == "skipped" and not visit.is_inpatient
    is_low = total < threshold and not is_skipped
    side = "dưới" if total < threshold else "không dưới"
    visit.explain(
        "full_cover",
        f"Trong phạm vi {money_text(total)} đồng, {side} {_share(factor)} lương cơ sở ({money_text(threshold)} đồng)",
        factor.law,
    )
    return is_low and rate.mode != "absolute"


def _limit(visit: Visit, rate: RouteRate) -> Limit:
    """The yearly limit as it stands for this visit; none on routes that the law excludes."""
    facts = visit.facts
    if not rate.keeps_exemption:
        if facts.copay_exempt_from or facts.five_years_from:
            visit.explain("full_cover", "Tự đi khám không đúng quy định: không áp dụng miễn cùng chi trả năm", rate.law)
        return Limit(None, None, None, False)
    certificate = facts.copay_exempt_from
    if certificate is not None and certificate.year != facts.ended_on.year:
        certificate = None
    if facts.five_years_from is None or facts.five_years_from > facts.ended_on:
        return Limit(certificate, None, None, False)
    remaining = remaining_copay(visit)
    is_strict = visit.params.setting("annual_limit_boundary") == "greater"
    used_up = remaining < 0 or (remaining == 0 and not is_strict)
    if is_strict and remaining == 0:
        return Limit(certificate, facts.five_years_from, None, False)
    return Limit(certificate, facts.five_years_from, max(remaining, ZERO), used_up)


def remaining_copay(visit: Visit) -> Decimal:
    """Co-payment that may still be collected this year, đồng; negative when the limit was passed.

    After a change of the base salary inside the year: (6 - paid before / old) x new - paid after (CV 302 2.5).
    """
    facts, params = visit.facts, visit.params
    day = visit.salary_day
    factor = params.value("annual_copay_factor", day)
    new = params.number("base_salary", day)
    old = params.number("base_salary", date(day.year, 1, 1))
    after = facts.copay_paid_this_year - facts.copay_paid_before_change
    remaining = round2((Decimal(factor.text) - facts.copay_paid_before_change / old) * new - after)
    visit.explain(
        "full_cover",
        f"Đủ 5 năm liên tục; cùng chi trả đã biết trong năm {money_text(facts.copay_paid_this_year)} đồng, "
        f"còn được thu {money_text(max(remaining, ZERO))} đồng",
        factor.law,
    )
    return remaining


def _stop_copay(visit: Visit, lines: Sequence[Line], limit: Limit) -> None:
    """Stop the co-payment at what remains, in the order of cost; the fund pays the rest of the same line."""
    if limit.remaining is None or limit.five_years_from is None:
        return
    left, moved = limit.remaining, ZERO
    months = visit.params.value("annual_copay_factor", visit.salary_day).text
    for line in in_time_order(lines, visit.facts.ended_on):
        if not line.copay:
            continue
        kept = min(line.copay, left)
        left -= kept
        if kept == line.copay or not visit.starts_by(limit.five_years_from, line.item):
            continue
        extra = line.copay - kept
        moved += extra
        line.fund += extra
        line.copay = kept
        line.because(
            f"Cùng chi trả của năm đã đủ {months} tháng lương cơ sở: khoản này còn thu {money_text(line.copay)} đồng, "
            f"quỹ trả thêm {money_text(extra)} đồng",
            visit.params.law("annual_limit"),
        )
    if moved:
        visit.explain(
            "limit",
            f"Đạt {months} tháng lương cơ sở trong lượt này: quỹ trả thêm {money_text(moved)} đồng",
            visit.params.law("annual_limit"),
        )


def was_limit_reached(visit: Visit) -> bool:
    """Whether the limit was reached inside this visit, so that 100 % is one of its levels."""
    return any(step.stage == "limit" for step in visit.steps)
