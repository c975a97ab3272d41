"""Check that the amounts of a claim agree: within each line, and between the lines and the totals.

Formulas of the annex of QĐ 130/QĐ-BYT as amended; which of them hold is data (`[money]` of the standard).
Amounts in đồng with 2 decimals, half up. Support from other sources may be taken from the patient's parts in
turn, from the whole price before the split, or from the co-payment alone; each of these is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from his.core.money import ZERO, round2
from insurance.standards.model import MoneyRules, Standard
from insurance.standards.money_factors import Equation, suspects
from insurance.standards.problems import Problem
from insurance.standards.rows import DrugRow, ServiceRow, SummaryRow

HUNDRED = Decimal(100)

Line = DrugRow | ServiceRow
Complaint = tuple[str, str, str, Decimal]
"""Attribute, code, Vietnamese message and the value found."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The rows of one visit that carry money; a line that cannot be read is None, and then no total can be checked."""

    summary: SummaryRow | None
    drugs: Sequence[DrugRow | None] = ()
    services: Sequence[ServiceRow | None] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """Who pays a line, in đồng."""

    fund: Decimal
    copay: Decimal
    self_paid: Decimal


def check_money(standard: Standard, claim: Claim) -> list[Problem]:
    """All disagreements between amounts, each with the figure that was expected; none means they agree."""
    rules = standard.money
    problems = []
    for number, drug in enumerate(claim.drugs, start=1):
        if drug is not None:
            problems += _named(standard, "XML2", number, _drug(rules, drug))
    for number, service in enumerate(claim.services, start=1):
        if service is not None:
            problems += _named(standard, "XML3", number, _service(rules, service))
    drugs = [row for row in claim.drugs if row is not None]
    services = [row for row in claim.services if row is not None]
    if claim.summary is None or (len(drugs), len(services)) != (len(claim.drugs), len(claim.services)):
        return problems
    return problems + _named(standard, "XML1", 1, _totals(rules, claim.summary, drugs, services))


@lru_cache(maxsize=64)
def _tags(standard: Standard, table: str) -> dict[str, str]:
    return {f.source: f.tag for f in standard.table(table).fields}


def _named(standard: Standard, table: str, row: int, complaints: Iterable[Complaint]) -> list[Problem]:
    tags = _tags(standard, table)
    return [
        Problem(table, row, tags[attribute], code, f"{tags[attribute]}: {message}", f"{value:f}")
        for attribute, code, message, value in complaints
    ]


def _drug(rules: MoneyRules, row: DrugRow) -> Iterator[Complaint]:
    full = row.quantity * row.unit_price
    found = list(_line(rules, row, [full], full * row.coverage_percent / HUNDRED))
    yield from found
    yield from _suspects(row, found, ("quantity", "unit_price"), ("quantity", "unit_price", "coverage_percent"))


def _service(rules: MoneyRules, row: ServiceRow) -> Iterator[Complaint]:
    share = row.service_percent / HUNDRED
    hospital, insured = row.quantity * row.hospital_price, row.quantity * row.insured_price
    full = [hospital * (share if rules.service_percent_in_hospital_amount else 1)]
    if rules.without_difference and share < 1:
        full.append(hospital - insured * (1 - share))
    covered = insured * (share if rules.service_percent_in_insured_amount else 1) * row.coverage_percent / HUNDRED
    found = list(_line(rules, row, full, covered))
    yield from found
    rate = ("service_percent",)
    yield from _suspects(
        row,
        found,
        ("quantity", "hospital_price", *(rate if rules.service_percent_in_hospital_amount else ())),
        ("quantity", "insured_price", *(rate if rules.service_percent_in_insured_amount else ()), "coverage_percent"),
    )


def _line(rules: MoneyRules, row: Line, full: Sequence[Decimal], covered: Decimal) -> Iterator[Complaint]:
    """What is wrong with a line whose price is one of `full`, the usual first, and whose covered price is `covered`.

    Both are unrounded.
    """
    support = row.other_sources_amount
    parts = (row.state_budget_amount, row.foreign_aid_amount, row.domestic_aid_amount, row.other_support_amount)
    prices = [round2(price) for price in full]
    if not any(abs(row.hospital_amount - price) <= rules.tolerance for price in prices):
        yield from _equal(rules, "hospital_amount", row.hospital_amount, prices[0], "số lượng × đơn giá × tỷ lệ")
    yield from _equal(rules, "other_sources_amount", support, sum(parts, ZERO), "tổng bốn nguồn khác")
    if support and not support < row.hospital_amount:
        yield "other_sources_amount", "support_too_big", "phải nhỏ hơn thành tiền bệnh viện", support
    bases = [round2(covered)]
    if support and row.hospital_amount:
        bases.append(round2(covered * (row.hospital_amount - support) / row.hospital_amount))
    if not any(abs(row.insured_amount - base) <= rules.tolerance for base in bases):
        yield from _equal(rules, "insured_amount", row.insured_amount, bases[0], "phần trong phạm vi bảo hiểm")
    if row.scope_code in rules.outside_scope and (row.insured_amount or row.coverage_percent):
        yield "insured_amount", "outside_scope", "ngoài phạm vi hưởng thì phải bằng 0", row.insured_amount
    yield from _split(rules, row, _splits(row))


def _suspects(row: Line, found: list[Complaint], full: Sequence[str], covered: Sequence[str]) -> Iterator[Complaint]:
    """The factors of a line that are likely wrong, told when its amounts agree with each other but not with them."""
    wrong = {attribute for attribute, code, _, _ in found if code == "differs"}
    if "other_sources_amount" in wrong:
        yield from _suspect_support(row)
    insured = row.fund_amount + row.copay_amount
    if row.other_sources_amount or insured + row.self_paid_amount != row.hospital_amount:
        return
    if "fund_amount" in wrong and insured == row.insured_amount:
        level = Equation(row.fund_amount, ("benefit_percent", "insured_amount"))
        yield from _named_suspects(row, [level], but="insured_amount")
    if wrong & {"hospital_amount", "insured_amount"}:
        yield from _named_suspects(row, [Equation(row.hospital_amount, full), Equation(row.insured_amount, covered)])


def _named_suspects(row: Line, equations: Sequence[Equation], but: str = "") -> Iterator[Complaint]:
    values = {name: getattr(row, name) for equation in equations for name in equation.factors}
    for name, needed in suspects(equations, values):
        if name != but:
            text = f"là {values[name]:f}, theo các số khác của dòng phải là {needed.normalize():f}"
            yield name, "suspect", text, values[name]


def _suspect_support(row: Line) -> Iterator[Complaint]:
    """The sources of support that, alone, would explain why the four do not add up to their total."""
    names = ("state_budget_amount", "foreign_aid_amount", "domestic_aid_amount", "other_support_amount")
    excess = sum((getattr(row, name) for name in names), ZERO) - row.other_sources_amount
    for name in names if excess else ():
        value = getattr(row, name)
        if value and value - excess >= 0:
            yield name, "suspect", f"là {value:f}, theo tổng nguồn khác phải là {(value - excess).normalize():f}", value


def _splits(row: Line) -> list[Split]:
    """The splits that the annex allows for the line's own amounts; the plain one first."""
    fund = round2(row.insured_amount * row.benefit_percent / HUNDRED)
    copay = row.insured_amount - fund
    self_paid = row.hospital_amount - row.insured_amount
    support = row.other_sources_amount
    if not support:
        return [Split(fund, copay, self_paid)]
    from_self = min(support, self_paid)
    from_copay = min(support - from_self, copay)
    return [
        Split(fund - (support - from_self - from_copay), copay - from_copay, self_paid - from_self),
        Split(fund, copay, self_paid - support),
        *([Split(fund, ZERO, self_paid)] if support == copay else []),
    ]


def _split(rules: MoneyRules, row: Line, allowed: list[Split]) -> Iterator[Complaint]:
    total = row.fund_amount + row.copay_amount + row.self_paid_amount + row.other_sources_amount
    if total != row.hospital_amount:
        message = f"các nguồn chi trả cộng lại là {total:f}, khác thành tiền bệnh viện"
        yield "hospital_amount", "parts_differ", message, row.hospital_amount
    found = (row.fund_amount, row.copay_amount, row.self_paid_amount)
    for attribute, value in zip(("fund_amount", "copay_amount", "self_paid_amount"), found, strict=True):
        if value < 0:
            yield attribute, "negative", "không được âm", value
    wanted = [(split.fund, split.copay, split.self_paid) for split in allowed]
    if not any(all(abs(a - b) <= rules.tolerance for a, b in zip(found, one, strict=True)) for one in wanted):
        expected = allowed[0]
        yield from _equal(rules, "fund_amount", row.fund_amount, expected.fund, "phần quỹ trả theo mức hưởng")
        yield from _equal(rules, "copay_amount", row.copay_amount, expected.copay, "phần cùng chi trả")
        yield from _equal(rules, "self_paid_amount", row.self_paid_amount, expected.self_paid, "phần tự trả")


def _totals(
    rules: MoneyRules, total: SummaryRow, drugs: Sequence[DrugRow], services: Sequence[ServiceRow]
) -> Iterator[Complaint]:
    lines: list[Line] = [*drugs, *services]

    def add(pick: Callable[[Line], Decimal], among: Iterable[Line] = lines) -> Decimal:
        return sum((pick(line) for line in among), ZERO)

    supplies = [line for line in services if line.cost_group_code in rules.supply_groups]
    by_fee = [line for line in lines if line.payment_method_code in rules.fee_for_service]
    wanted = {
        "drugs_amount": add(lambda x: x.hospital_amount, drugs),
        "supplies_amount": add(lambda x: x.hospital_amount, supplies),
        "total_hospital_amount": add(lambda x: x.hospital_amount),
        "total_insured_amount": add(lambda x: x.insured_amount),
        "self_paid_amount": add(lambda x: x.self_paid_amount),
        "copay_amount": add(lambda x: x.copay_amount),
        "other_sources_amount": add(lambda x: x.other_sources_amount),
        "fund_fee_for_service_amount": add(lambda x: x.fund_amount, by_fee),
    }
    for attribute, expected in wanted.items():
        yield from _equal(rules, attribute, getattr(total, attribute), expected, "tổng các dòng")
    of_lines = add(lambda x: x.fund_amount)
    of_formula = total.total_insured_amount - total.copay_amount
    if rules.fund_total == "formula":
        yield from _equal(rules, "fund_amount", total.fund_amount, of_formula, "chi phí trong phạm vi trừ cùng chi trả")
    elif rules.fund_total == "lines" or not (total.other_sources_amount and total.fund_amount == of_formula):
        yield from _equal(rules, "fund_amount", total.fund_amount, of_lines, "tổng các dòng")


def _equal(rules: MoneyRules, attribute: str, found: Decimal, expected: Decimal, what: str) -> Iterator[Complaint]:
    difference = abs(found - expected)
    if difference > rules.tolerance:
        code = "rounding" if difference < rules.rounding else "differs"
        yield attribute, code, f"là {found:f}, phải là {expected:f} ({what})", found
