"""The working state of one split: a line while the stages fill it, the visit they share, and the explanation."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from insurance.benefits.engine.facts import HUNDRED, ZERO, BenefitError, Facts, Item, Step
from insurance.benefits.engine.params import Params
from insurance.benefits.engine.tables import CardLevel, RouteRate


@dataclass(slots=True)
class Line:
    """One charge line between the stages; amounts are đồng rounded to 2 decimals."""

    item: Item
    card: CardLevel | None
    is_covered: bool = False
    service_rate: Decimal = HUNDRED
    payment_rate: Decimal = ZERO
    percent: Decimal = ZERO
    hospital: Decimal = ZERO
    insured: Decimal = ZERO
    fund: Decimal = ZERO
    copay: Decimal = ZERO
    self_paid: Decimal = ZERO
    sources: tuple[Decimal, Decimal, Decimal, Decimal] = (ZERO, ZERO, ZERO, ZERO)
    ceiling: Decimal | None = None
    reasons: list[str] = field(default_factory=list)

    def because(self, text_vi: str, law: str = "") -> None:
        """Keep why the line is paid as it is, with the law behind it in brackets (`split_reason` takes it apart)."""
        self.reasons.append(f"{text_vi} [{law}]" if law else text_vi)


@dataclass(frozen=True, slots=True)
class Decision:
    """The entitlement code and its rate. `rate` is None for a visit that the fund does not pay."""

    code: str
    reason_vi: str
    law: str
    route_code: str
    rate: RouteRate | None

    @property
    def percent(self) -> Decimal:
        return self.rate.rate if self.rate else ZERO


@dataclass(slots=True)
class Visit:
    """What all stages share: the facts, the parameters of the day and the growing explanation."""

    facts: Facts
    params: Params
    steps: list[Step] = field(default_factory=list)

    def explain(self, stage: str, text_vi: str, law: str = "") -> None:
        self.steps.append(Step(stage, text_vi, law))

    @property
    def is_inpatient(self) -> bool:
        """Inpatient care as the route rates mean it, with day treatment by the named setting."""
        if self.facts.visit_type in self.params.words("inpatient_visit_types"):
            return True
        is_day = self.facts.visit_type in self.params.words("day_treatment_visit_types")
        return is_day and self.params.setting("day_treatment_is_inpatient") == "yes"

    @property
    def salary_day(self) -> date:
        """The day whose base salary counts for the 15 % rule and the yearly limit."""
        at_admission = self.params.setting("base_salary_date") == "admission"
        return self.facts.admitted_on if at_admission else self.facts.ended_on

    def starts_by(self, first: date, item: Item) -> bool:
        """Whether the line was provided on or after `first`. Refuses a line without a day when that decides."""
        if first <= self.facts.admitted_on:
            return True
        if first > self.facts.ended_on:
            return False
        day = item.provided_on
        if day is None:
            raise BenefitError(
                "service_day_missing", f"Dòng {item.key}: cần ngày thực hiện vì quyền lợi thay đổi trong đợt điều trị"
            )
        return day >= first


def in_time_order(lines: Sequence[Line], ended_on: date) -> list[Line]:
    """Lines by day, sequence and key: an order that does not depend on how they were listed."""
    return sorted(lines, key=lambda line: (line.item.provided_on or ended_on, line.item.sequence, line.item.key))


def percent_text(value: Decimal) -> str:
    """80, 47,5: a percent as printed in Vietnamese."""
    return f"{value.normalize():f}".replace(".", ",")


def money_text(value: Decimal) -> str:
    """1.250.500 or 1.250.500,25: đồng as printed in Vietnamese."""
    whole = f"{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")
    return whole.removesuffix(",00")
