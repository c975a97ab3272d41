"""Stage 1: which card pays which segment of the visit, what its level is worth, and on which days it counts."""

from collections.abc import Sequence
from datetime import timedelta

from insurance.benefits.engine.facts import BenefitError, Item
from insurance.benefits.engine.tables import CardLevel
from insurance.benefits.engine.work import Line, Visit, percent_text

NOT_INSURED, EMERGENCY = "9", "2"


def card_levels(visit: Visit, items: Sequence[Item]) -> dict[int, CardLevel]:
    """The level of the card of each benefit segment; empty for a visit outside health insurance.

    Refuses a card that ran out before the visit or starts after it.
    """
    facts = visit.facts
    if facts.card_number is None or facts.entitlement_code == NOT_INSURED:
        visit.explain("eligibility", "Lượt khám không dùng thẻ BHYT")
        return {}
    _check_dates(visit)
    levels: dict[int, CardLevel] = {}
    for segment in sorted({0, *(item.segment for item in items)}):
        number = card_number(visit, segment)
        level = levels[segment] = visit.params.card_level(number)
        printed = f" (in trên thẻ: {number[2]})" if number[2] != level.level else ""
        visit.explain(
            "eligibility",
            f"Thẻ {number[:3]}{printed}: mức {level.level}, hưởng {percent_text(level.percent)}% chi phí trong phạm vi",
            level.law,
        )
    return levels


def card_number(visit: Visit, segment: int) -> str:
    """The card of a segment: a later card where one is named, else the first card."""
    for later in visit.facts.later_cards:
        if later.segment == segment:
            return later.card_number
    return visit.facts.card_number or ""


def card_covers(visit: Visit, line: Line, *, is_emergency: bool = False) -> bool:
    """A card pays from its first day, and from the day it was shown unless the patient came as an emergency.

    One that ran out pays on for the days of grace.
    """
    facts, item = visit.facts, line.item
    if any(later.segment == item.segment for later in facts.later_cards):
        return True
    if facts.card_valid_from is not None and not visit.starts_by(facts.card_valid_from, item):
        line.because("Chi phí trước ngày thẻ có giá trị", visit.params.law("card_starts"))
        return False
    shown = facts.card_shown_on
    if shown is not None and not is_emergency and not visit.starts_by(shown, item):
        line.because(f"Chi phí trước ngày xuất trình thẻ {shown:%d/%m/%Y}", visit.params.law("card_shown"))
        return False
    if facts.card_valid_to is None or facts.card_valid_to >= facts.ended_on:
        return True
    grace = visit.params.value("card_grace_days")
    days = int(grace.text) if facts.visit_type in visit.params.words("card_grace_visit_types") else 0
    if visit.starts_by(facts.card_valid_to + timedelta(days=days + 1), item):
        line.because(f"Chi phí sau khi thẻ hết hạn quá {days} ngày", grace.law)
        return False
    return True


def _check_dates(visit: Visit) -> None:
    facts = visit.facts
    if facts.card_valid_to is not None and facts.card_valid_to < facts.admitted_on:
        raise BenefitError("card_expired", "Thẻ BHYT hết hạn trước ngày vào khám", field="card_number")
    if facts.card_valid_from is not None and facts.card_valid_from > facts.ended_on:
        raise BenefitError("card_not_yet_valid", "Thẻ BHYT chưa có giá trị trong đợt khám", field="card_number")
