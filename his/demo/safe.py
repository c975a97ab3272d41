"""What the demonstration's doctors prescribe once they have read the warnings: doses that fit, nothing forbidden.

The checks are those of the product, over the facts of the plan. An interaction that only wants a reason stays, so that
a month shows some, and gets that reason in the story.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from his.catalogs.models import Sex
from his.core.dates import age_months
from his.core.money import ZERO
from his.demo.people import Person
from his.demo.prescribed import DrugPlan
from insurance.rules.engine.prescribing import lists_on
from patients.dosing import VOLUME, Doses, quantity_of
from patients.queries_safety import ASKED_FROM, ASKED_UNTIL
from pharmacy.safety import checks, person_checks
from pharmacy.safety.facts import NO, YES, Allergy, Drug, Found, Prescriber, Prescribing
from pharmacy.safety.facts import Person as Patient
from pharmacy.safety.lists import Level, Lists

_OVER_PERCENT = 10
_LEAST_DOSE = Decimal("0.25")
_DOSES = person_checks.doses(_OVER_PERCENT)
_OTHERS = (
    checks.allergies, checks.duplicates, person_checks.ages, person_checks.pregnancy, person_checks.diseases,
)  # fmt: skip
_SEEN = (Level.BLOCK, Level.REASON)


def pregnancy_answer(person: Person, main: str, on: date) -> str:
    """What a woman of the demonstration answers: she is pregnant when she comes for it; empty: nobody asks."""
    if person.sex != Sex.FEMALE or not ASKED_FROM <= person.age(on) <= ASKED_UNTIL:
        return ""
    return YES if main.startswith(("O", "Z33", "Z34", "Z35")) else NO


def safe_drugs(
    drugs: list[DrugPlan], person: Person, *, main: str, others: tuple[str, ...], weight_kg: Decimal, on: date
) -> list[DrugPlan]:
    """The drugs with doses halved until they fit the person, without those that must not be given."""
    lists = lists_on(on)
    names = lists.names.within(person.allergies)
    patient = Patient(
        age_months=age_months(person.birth.value, on),
        sex=person.sex,
        weight_kg=weight_kg,
        pregnancy=pregnancy_answer(person, main, on),
        diagnoses=(main, *others),
        main=main,
        allergies=tuple(Allergy(name, is_text=True) for name in sorted(names)),
    )
    kept = list(drugs)
    while kept:
        case = Prescribing(patient, Prescriber(), tuple(_drug(n, plan, lists) for n, plan in enumerate(kept, 1)))
        wrong = next((one for one in _DOSES(case, lists) if one.level in _SEEN), None)
        if wrong is not None:
            smaller = _halved(kept[wrong.number - 1])
            kept[wrong.number - 1 : wrong.number] = [smaller] if smaller is not None else []
            continue
        wrong = _first_wrong(case, lists)
        if wrong is None:
            break
        del kept[wrong.number - 1]
    return kept


def _first_wrong(case: Prescribing, lists: Lists) -> Found | None:
    for check in _OTHERS:
        if (found := next((one for one in check(case, lists) if one.level in _SEEN), None)) is not None:
            return found
    return next((one for one in checks.interactions(case, lists) if one.level == Level.BLOCK), None)


def _halved(plan: DrugPlan) -> DrugPlan | None:
    morning, noon, afternoon, evening = (round(dose / 2, 2) for dose in plan.doses)
    doses = (morning, noon, afternoon, evening)
    if any(ZERO < dose < _LEAST_DOSE for dose in doses) or plan.typed_quantity is not None:
        return None
    quantity = quantity_of(plan.drug.quantity_rule, plan.drug.pack_size, Doses(*doses), plan.days)
    return replace(plan, doses=doses, quantity=quantity)


def _drug(number: int, plan: DrugPlan, lists: Lists) -> Drug:
    row, doses = plan.drug, Doses(*plan.doses)
    return Drug(
        number=number,
        code=row.code,
        name=row.name,
        keys=lists.names.split(row.ingredient),
        strength=row.strength,
        route=row.route_code,
        is_volume=row.quantity_rule == VOLUME,
        a_day=doses.a_day,
        once=max(doses.each()),
        days=plan.days,
        control=row.control_class,
    )
