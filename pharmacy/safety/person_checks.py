"""What may be wrong with a drug for this person: dose, age, kidneys, pregnancy, lactation, diagnoses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from his.catalogs.strengths import MG
from patients import dosing
from pharmacy.safety.facts import (
    LACTATING,
    PREGNANT,
    UNCHECKED,
    UNKNOWN,
    YES,
    Check,
    Drug,
    Found,
    Person,
    Prescribing,
)
from pharmacy.safety.lists import Caution, DoseLimit, Level, Lists, Support, is_meant


def doses(over_percent: int) -> Check:
    """The dose of an ingredient, added over the lines that have it, passes a limit for the age; limits by weight may be
    passed by `over_percent`. What cannot be computed is said with level `UNCHECKED`: it is not fine."""
    leeway = 1 + Decimal(over_percent) / 100

    def check(case: Prescribing, lists: Lists) -> Iterator[Found]:
        by_key: dict[str, list[Drug]] = {}
        for drug in sorted(case.drugs, key=lambda one: one.number):
            for key in drug.keys:
                if drug.is_systemic and key in lists.doses:
                    by_key.setdefault(key, []).append(drug)
        for key, drugs in by_key.items():
            yield from _of_ingredient(key, drugs, case.person, lists, leeway)

    return check


def _of_ingredient(key: str, drugs: list[Drug], person: Person, lists: Lists, leeway: Decimal) -> Iterator[Found]:
    title, known = lists.title(key), []
    for drug in drugs:
        if why := _why_unknown(key, drug):
            yield _unchecked(drug, key, title, why)
        else:
            known.append(drug)
    rest = known
    for limit in (row for row in lists.doses[key] if _is_for(row, person)):
        fitting = [drug for drug in known if drug.route.startswith(limit.route)]
        rest = [drug for drug in rest if drug not in fitting]
        if fitting:
            yield from _against(key, title, fitting, limit, person, leeway)
    for drug in rest:
        has_no_age = person.age_months is None
        yield _unchecked(drug, key, title, "chưa rõ tuổi" if has_no_age else "chưa có giới hạn liều cho tuổi này")


def _is_for(limit: DoseLimit, person: Person) -> bool:
    age = person.age_months
    return age is not None and limit.from_months <= age and (limit.to_months is None or age < limit.to_months)


def _why_unknown(key: str, drug: Drug) -> str:
    if drug.amounts is None:
        return f"không đọc được hàm lượng “{drug.strength}”"
    if drug.amounts[key].unit != MG:
        return "hàm lượng không tính bằng mg"
    return "" if drug.a_day > 0 else "chưa ghi liều"


def _mg(key: str, drug: Drug) -> Decimal:
    assert drug.amounts is not None
    return drug.amounts[key].value


def _unchecked(drug: Drug, key: str, title: str, why: str) -> Found:
    return Found(drug.number, f"{drug.code}|{key}", UNCHECKED, {"drug": drug.name, "ingredient": title, "why": why})


def _against(
    key: str, title: str, drugs: list[Drug], limit: DoseLimit, person: Person, leeway: Decimal
) -> Iterator[Found]:
    last = drugs[-1]
    a_day = sum((_mg(key, drug) * drug.a_day for drug in drugs), Decimal(0))
    once = max(_mg(key, drug) * drug.once for drug in drugs)
    for amount, fixed, per_kg, what in (
        (a_day, limit.max_day, limit.kg_day, "ngày"),
        (once, limit.max_dose, limit.kg_dose, "lần"),
    ):
        by_weight = per_kg * person.weight_kg if per_kg is not None and person.weight_kg is not None else None
        if by_weight is not None and amount > by_weight * leeway and (fixed is None or by_weight <= fixed):
            most = f"{_text(by_weight)} mg ({_text(per_kg or Decimal(0))} mg/kg)"
        elif fixed is not None and amount > fixed:
            most = f"{_text(fixed)} mg"
        else:
            continue
        words = {"drug": last.name, "ingredient": title, "amount": f"{_text(amount)} mg", "most": most, "per": what}
        yield Found(last.number, f"{key}|{what}", Level.REASON, words, limit.source)
    if (limit.kg_day is not None or limit.kg_dose is not None) and person.weight_kg is None:
        yield _unchecked(last, key, title, "chưa có cân nặng")


def _text(amount: Decimal) -> str:
    return dosing.number(round(amount, 2))


def ages(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """A drug is not for children below an age."""
    age = case.person.age_months
    for drug, row in _cautions(case.drugs, lists.ages, lists) if age is not None else ():
        if age is not None and age < row.limit:
            limit = int(row.limit)
            until = f"{limit // 12} tuổi" if limit % 12 == 0 else f"{limit} tháng"
            yield _found(drug, row, {"limit": until})


def renal(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """A drug needs care with kidneys as weak as these; the worst row of an item counts. Unknown says nothing."""
    egfr = case.person.egfr
    if egfr is None:
        return
    worst: dict[tuple[int, str], tuple[Drug, Caution]] = {}
    for drug, row in _cautions(case.drugs, lists.renal, lists):
        place = (drug.number, row.item)
        if egfr < row.limit and (place not in worst or row.level.rank < worst[place][1].level.rank):
            worst[place] = drug, row
    for drug, row in worst.values():
        yield _found(drug, row, {"limit": f"{row.limit:f}", "egfr": dosing.number(egfr)})


def pregnancy(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """A drug is not for a pregnant woman; who may be pregnant and was not asked is level `UNKNOWN`."""
    yield from _state(case, lists, PREGNANT, case.person.pregnancy)
    if case.person.pregnancy or not case.person.may_be_pregnant:
        return
    for drug in case.drugs:
        rows = _cautions([drug], lists.states, lists)
        if any(row.to == (PREGNANT,) and row.level != Level.NOTE for _, row in rows):
            yield Found(drug.number, f"{drug.code}|{UNKNOWN}", UNKNOWN, {"drug": drug.name})


def lactation(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """A drug is not for a woman who breast-feeds."""
    yield from _state(case, lists, LACTATING, case.person.lactation)


def _state(case: Prescribing, lists: Lists, state: str, answer: str) -> Iterator[Found]:
    for drug, row in _cautions(case.drugs, lists.states, lists) if answer == YES else ():
        if row.to == (state,):
            yield _found(drug, row, {})


def diseases(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """A drug is not for somebody with one of the diagnoses."""
    for drug, row in _cautions(case.drugs, lists.diseases, lists):
        if codes := _named(row.to, case.person.diagnoses):
            yield _found(drug, row, {"codes": ", ".join(codes)})


def _named(expressions: Iterable[str], codes: Iterable[str]) -> list[str]:
    wanted = tuple(expressions)
    return [code for code in codes if any(dosing.covers(one, code) for one in wanted)]


def _cautions(drugs: Iterable[Drug], rows: Iterable[Caution], lists: Lists) -> Iterator[tuple[Drug, Caution]]:
    rows = tuple(rows)
    for drug in drugs:
        if drug.is_systemic:
            items = lists.items_of_all(drug.keys)
            yield from ((drug, row) for row in rows if is_meant(row.item, items))


def _found(drug: Drug, row: Caution, words: dict[str, str]) -> Found:
    words = {"drug": drug.name, "effect": row.effect, **words}
    return Found(drug.number, f"{drug.code}|{row.item}|{row.effect}", row.level, words, row.source)


def support(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """The fund pays for a drug of an insured line only for other diseases or ages than these."""
    if not case.person.diagnoses:
        return
    for drug in case.drugs:
        items = lists.items_of_all(drug.keys)
        for row in lists.support:
            fits = drug.is_insured and drug.route.startswith(row.route) and is_meant(row.item, items)
            if fits and not _is_paid(row, case.person):
                words = {"drug": drug.name, "condition": row.condition, "ref": row.ref}
                yield Found(drug.number, f"{drug.code}|{row.ref}", Level.NOTE, words, row.source)


def _is_paid(row: Support, person: Person) -> bool:
    if row.include and not _named(row.include, person.diagnoses):
        return False
    if _named(row.exclude, person.diagnoses):
        return False
    years = None if person.age_months is None else person.age_months // 12
    if years is None:
        return True
    return (row.age_min is None or years >= row.age_min) and (row.age_max is None or years <= row.age_max)
