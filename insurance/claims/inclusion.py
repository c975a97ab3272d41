"""Which closed visits make a claim. One list of rules, read by building, export, screen and reports alike.

Each rule says the same twice: for one visit with its split, and as a condition in the database for counting.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Case, CharField, Q, Value, When

from insurance.models import BenefitResult
from patients.models import Visit

NOT_CLAIMED = "9"
"""Entitlement code of a visit that the fund does not pay (QĐ 3276/QĐ-BYT)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Why a visit is left out. `where` is the condition on `BenefitResult`."""

    code: str
    reason_vi: str
    applies: Callable[[Visit, BenefitResult], bool]
    where: Q


RULES = (
    Rule(
        "self_paying",
        "Người bệnh tự chi trả",
        lambda visit, result: not visit.is_insured,
        Q(visit__is_insured=False),
    ),
    Rule(
        "not_entitled",
        "Không thuộc đối tượng quỹ BHYT chi trả (mã 9)",
        lambda visit, result: result.entitlement_code == NOT_CLAIMED,
        Q(entitlement_code=NOT_CLAIMED),
    ),
    Rule(
        "nothing_insured",
        "Không có chi phí trong phạm vi BHYT",
        lambda visit, result: result.total_insured_amount == 0,
        Q(total_insured_amount=0),
    ),
    Rule(
        "fund_pays_nothing",
        "Quỹ BHYT không chi trả khoản nào",
        lambda visit, result: result.fund_amount == 0,
        Q(fund_amount=0),
    ),
)
LEFT_OUT = Q()
for _rule in RULES:
    LEFT_OUT |= _rule.where


def reason_left_out_of(visit: Visit, result: BenefitResult) -> str:
    """Why a closed visit makes no claim, in Vietnamese; empty when it does."""
    return next((rule.reason_vi for rule in RULES if rule.applies(visit, result)), "")


def asks_nothing(result: BenefitResult) -> bool:
    """Whether a split, whatever its visit has become since, asks the fund for nothing."""
    return result.entitlement_code == NOT_CLAIMED or result.fund_amount == 0


def reason_column() -> Case:
    """The same as a column of a query over `BenefitResult`."""
    whens = [When(rule.where, then=Value(rule.reason_vi)) for rule in RULES]
    return Case(*whens, default=Value(""), output_field=CharField())
