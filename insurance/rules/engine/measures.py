"""What follows from a claim and stands in no field: ages, lengths, tables. Conditions and limits name them with `@`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from insurance.benefits.engine import rates
from insurance.rules.engine.facts import VisitFacts, moment
from insurance.standards.values import day

Measure = Callable[[VisitFacts], Decimal | None]


def stay_minutes(facts: VisitFacts) -> Decimal | None:
    """Minutes from arrival to end."""
    start, end = moment(facts.text("XML1", "NGAY_VAO")), moment(facts.text("XML1", "NGAY_RA"))
    return None if start is None or end is None else Decimal(int((end - start).total_seconds() // 60))


def inpatient_minutes(facts: VisitFacts) -> Decimal | None:
    """Minutes from admission (or arrival when none is written) to end."""
    text = facts.text("XML1", "NGAY_VAO_NOI_TRU") or facts.text("XML1", "NGAY_VAO")
    start, end = moment(text), moment(facts.text("XML1", "NGAY_RA"))
    return None if start is None or end is None else Decimal(int((end - start).total_seconds() // 60))


def stay_days(facts: VisitFacts) -> Decimal | None:
    """Last day less first day, whole days."""
    start, end = day(facts.text("XML1", "NGAY_VAO")), day(facts.text("XML1", "NGAY_RA"))
    return None if start is None or end is None else Decimal((end - start).days)


def admitted_days(facts: VisitFacts) -> Decimal | None:
    """Last day less day of admission (of arrival when none is written)."""
    text = facts.text("XML1", "NGAY_VAO_NOI_TRU") or facts.text("XML1", "NGAY_VAO")
    start, end = day(text), day(facts.text("XML1", "NGAY_RA"))
    return None if start is None or end is None else Decimal((end - start).days)


def age_days(facts: VisitFacts) -> Decimal | None:
    """Days from birth to arrival; None when the day of birth is unknown."""
    born, came = day(facts.text("XML1", "NGAY_SINH")), day(facts.text("XML1", "NGAY_VAO"))
    return None if born is None or came is None else Decimal((came - born).days)


def age_years(facts: VisitFacts) -> Decimal | None:
    """Completed years at arrival; with only a year of birth, the most they can be."""
    text, came = facts.text("XML1", "NGAY_SINH"), day(facts.text("XML1", "NGAY_VAO"))
    if came is None or len(text) < 8 or not text[:4].isdecimal():
        return None
    born = day(text)
    if born is None:
        return Decimal(came.year - int(text[:4]))
    return Decimal(came.year - born.year - ((came.month, came.day) < (born.month, born.day)))


def earns_extra_day(facts: VisitFacts) -> Decimal | None:
    """1 when the outcome may earn one more bed day, else 0."""
    return Decimal(rates.may_earn_extra_day(facts.text("XML1", "KET_QUA_DTRI"), facts.text("XML1", "MA_LOAI_RV")))


MEASURES: dict[str, Measure] = {
    "stay_minutes": stay_minutes,
    "inpatient_minutes": inpatient_minutes,
    "stay_days": stay_days,
    "admitted_days": admitted_days,
    "earns_extra_day": earns_extra_day,
    "age_days": age_days,
    "age_years": age_years,
}
