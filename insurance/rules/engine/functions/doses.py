"""The written dose of a drug (LIEU_DUNG): its legal shapes, and the quantity and days that follow from it.

Shapes of QĐ 130/QĐ-BYT as amended by QĐ 4750: "1 viên/lần * 2 lần/ngày * 5 ngày [2 viên/ngày]", the same without the
amount for external use, and a dose for each part of the day; words with their days ("theo chỉ dẫn * 7 ngày") pass too.
The bracket shows a rounded sum: nothing rests on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

from insurance.rules.engine.base import Check, Env, Hit, function, param, tags, whole
from insurance.rules.engine.facts import Row, VisitFacts
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.terms import Scope, condition

_N = r"(\d+(?:[.,]\d+)?(?:/\d+)?)"
_BY = r"\s*[*x×]\s*"
_DAYS = r"(\d+)\s*ngày"
_EACH = re.compile(rf"{_N}\s*([^\d\s/*\[\]][^\d/*\[\]]*?)\s*/\s*lần{_BY}{_N}\s*lần\s*/\s*ngày(?:{_BY}{_DAYS})?")
_TIMES = re.compile(rf"{_N}\s*lần\s*/\s*ngày(?:{_BY}{_DAYS})?")
_DAILY = re.compile(rf"{_N}\s*([^\d\s/*\[\]][^\d/*\[\]]*?)\s*/\s*ngày{_BY}{_DAYS}")
_PART = re.compile(rf"(?:sáng|trưa|chiều|tối|đêm)\s*:?\s*(?:uống\s*)?{_N}\s*([^\d\s,;*\[\]]+)")
_HERBS = re.compile(rf"{_N}\s*(g|gam|gram)\b.*?{_BY}{_N}\s*thang")
_FOR = re.compile(rf"{_BY}{_DAYS}")
_DAILY_SUM = re.compile(rf"\[\s*{_N}\s*([^\d\s/*\[\]][^\d/*\[\]]*?)\s*/\s*ngày\s*\]")
_BRACKET = re.compile(r"\[.*?\]")


@dataclass(frozen=True, slots=True)
class Dose:
    """What a written dose says: amount a day in a unit, and days; None where it does not say."""

    per_day: Decimal | None
    unit: str
    days: int | None


@lru_cache(maxsize=4096)
def read_dose(text: str) -> Dose | None:
    """The dose of a legal shape, or None."""
    plain = _BRACKET.sub("", text.casefold()).strip()
    if match := _EACH.search(plain):
        return Dose(_number(match[1]) * _number(match[3]), match[2].strip(), _days(match[4]))
    parts = _PART.findall(plain)
    if parts:
        units = {unit for _, unit in parts}
        total = sum((_number(amount) for amount, _ in parts), Decimal(0)) if len(units) == 1 else None
        found = _FOR.search(plain)
        return Dose(total, next(iter(units)), _days(found[1]) if found else None)
    if match := _TIMES.search(plain):
        return Dose(None, "", _days(match[2]))
    if match := _DAILY.search(plain):
        return Dose(_number(match[1]), match[2].strip(), _days(match[3]))
    found = _FOR.search(plain)
    if found or _HERBS.search(plain):
        return Dose(None, "", _days(found[1]) if found else None)
    return None


def _number(text: str) -> Decimal:
    whole, _, part = text.replace(",", ".").partition("/")
    return Decimal(whole) / Decimal(part) if part and int(part) else Decimal(whole)


def _days(text: str | None) -> int | None:
    return int(text) if text else None


Judge = Callable[[Row, VisitFacts, Dose | None], dict[str, str] | None]
"""What is wrong with a row whose dose was read: the words of the message, or None."""


def _over_doses(rule: Rule, scope: Scope, tag: str, judge: Judge) -> Check:
    where, dose = condition(scope, param(rule, "where", "")), scope.tag(rule.table, "LIEU_DUNG")

    def check(facts: VisitFacts) -> Iterator[Hit]:
        for row in facts.rows(rule.table):
            text = row.text(dose)
            if text and where(row, facts):
                words = judge(row, facts, read_dose(text))
                if words is not None:
                    yield Hit(row.number, tag, row.text(tag), words)

    return check


@function("dose_shape")
def dose_shape(rule: Rule, scope: Scope, env: Env) -> Check:
    """A written dose has one of the legal shapes, in rows for which `where` holds."""
    (tag,) = tags(rule, scope)
    return _over_doses(rule, scope, tag, lambda row, facts, dose: {} if dose is None else None)


@function("dose_quantity")
def dose_quantity(rule: Rule, scope: Scope, env: Env) -> Check:
    """The quantity fits dose x times x days rounded up to a whole unit, when both are in the same unit. `side=more`
    finds what passes it by over `spare` units, `side=less` what falls short. Fields: dose, quantity, unit."""
    tag, quantity_tag, unit_tag = tags(rule, scope)
    side, spare = param(rule, "side"), whole(rule, "spare", "0")
    if side not in ("more", "less"):
        raise RuleError(f"{rule.id}: side is more or less")

    def judge(row: Row, facts: VisitFacts, dose: Dose | None) -> dict[str, str] | None:
        quantity = row.number_of(quantity_tag)
        if dose is None or dose.per_day is None or dose.days is None or quantity is None:
            return None
        if dose.unit != row.text(unit_tag).strip().casefold():
            return None
        wanted = dose.per_day * dose.days
        most = wanted.to_integral_value(ROUND_CEILING)
        is_wrong = quantity > most + spare if side == "more" else quantity < wanted
        return {"expected": f"{most:f}", "quantity": f"{quantity.normalize():f}"} if is_wrong else None

    return _over_doses(rule, scope, tag, judge)


@function("dose_bracket")
def dose_bracket(rule: Rule, scope: Scope, env: Env) -> Check:
    """The sum of a day in brackets is that of the doses; it is rounded, so a difference below one unit is none."""
    (tag,) = tags(rule, scope)

    def judge(row: Row, facts: VisitFacts, dose: Dose | None) -> dict[str, str] | None:
        match = _DAILY_SUM.search(row.text(tag).casefold())
        if dose is None or dose.per_day is None or match is None or match[2].strip() != dose.unit:
            return None
        found = _number(match[1])
        return {"expected": f"{dose.per_day:f}", "found": f"{found:f}"} if abs(found - dose.per_day) >= 1 else None

    return _over_doses(rule, scope, tag, judge)


@function("dose_days")
def dose_days(rule: Rule, scope: Scope, env: Env) -> Check:
    """A drug is not written for more than `most` days; with `unless=catalogue` more is allowed when one of the visit's
    diagnoses (or its first three characters) stands there."""
    (tag,), most, catalog = tags(rule, scope), int(param(rule, "most")), rule.params.get("catalog")

    def judge(row: Row, facts: VisitFacts, dose: Dose | None) -> dict[str, str] | None:
        if dose is None or dose.days is None or dose.days <= most:
            return None
        if catalog and any(_listed(env, catalog, code, facts) for code in diagnoses(facts)):
            return None
        return {"count": str(dose.days)}

    return _over_doses(rule, scope, tag, judge)


def diagnoses(facts: VisitFacts) -> list[str]:
    """The codes of the main disease and of those that go with it."""
    row = facts.first("XML1")
    return [*row.items("MA_BENH_CHINH"), *row.items("MA_BENH_KT")] if row else []


def _listed(env: Env, catalog: str, code: str, facts: VisitFacts) -> bool:
    on = facts.ended_on
    return any(env.catalogs.find(catalog, part, on) is not None for part in (code, code[:3]))
