"""Keeping the ingredients of drugs in step with the list: read again from its texts, unless a pharmacist wrote them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal

from his.accounts.models import Facility
from his.catalogs.item_models import MEDICINES, Drug, DrugIngredient
from his.catalogs.strengths import ingredients_of
from his.core.text import fold
from his.locks import lock_name

BATCH = 2000
_VALUES = ("position", "code", "name", "search_name", "strength_text", "amount", "unit", "per_amount", "per_unit")


def lock_items(facility: Facility) -> None:
    """Until the end of the transaction nobody else imports items of the facility or writes their own attributes, so
    that an import takes over what was written just before it."""
    lock_name("items", facility.pk)


def refresh_ingredients(facility: Facility, codes: Collection[str]) -> None:
    """Read the ingredients of these drugs from the latest version of each. Rows written by hand stay as they are."""
    stored: dict[str, list[DrugIngredient]] = defaultdict(list)
    for row in DrugIngredient.objects.for_facility(facility).filter(drug_code__in=codes):
        stored[row.drug_code].append(row)
    latest = Drug.objects.for_facility(facility).filter(code__in=codes).order_by("valid_from")
    drugs: dict[str, Drug] = {drug.code: drug for drug in latest}
    stale: list[int] = []
    fresh: list[DrugIngredient] = []
    for code, drug in drugs.items():
        known = stored[code]
        if any(row.is_by_hand for row in known):
            continue
        read = list(read_ingredients(drug))
        if [_values(row) for row in known] != [_values(row) for row in read]:
            stale += [row.pk for row in known]
            fresh += read
    DrugIngredient.objects.filter(pk__in=stale).delete()
    DrugIngredient.objects.bulk_create(fresh, batch_size=BATCH)


def read_ingredients(drug: Drug) -> Iterable[DrugIngredient]:
    """The ingredients as the drug's texts tell them, not stored; none of a supply."""
    if drug.kind not in MEDICINES:
        return
    for position, part in enumerate(ingredients_of(drug.ingredient_code, drug.ingredient, drug.strength), 1):
        amount = part.amount
        yield DrugIngredient(
            facility_id=drug.facility_id,
            drug_code=drug.code,
            position=position,
            code=part.code,
            name=part.name,
            search_name=fold(part.name),
            strength_text=part.strength,
            amount=amount.value if amount else None,
            unit=amount.unit if amount else "",
            per_amount=amount.per if amount else None,
            per_unit=amount.per_unit if amount else "",
        )


def _values(row: DrugIngredient) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _VALUES)


def written_strengths(facility: Facility, codes: Collection[str]) -> dict[str, tuple[str, str]]:
    """What pharmacists wrote of these drugs, as (ingredients, strength) in the style of the list: `a + b`,
    `250mg + 5mg/5ml`. Drugs whose ingredients were only read from the list are absent; an amount that nobody wrote
    leaves the strength empty."""
    rows: dict[str, list[DrugIngredient]] = defaultdict(list)
    for row in DrugIngredient.objects.for_facility(facility).filter(drug_code__in=codes, is_by_hand=True):
        rows[row.drug_code].append(row)
    return {code: (" + ".join(row.name for row in known), _written(known)) for code, known in rows.items()}


def _written(rows: Sequence[DrugIngredient]) -> str:
    pers = {(row.per_amount, row.per_unit) for row in rows}
    if len(pers) > 1 or any(row.amount is None for row in rows):
        return ""
    ((per_amount, per_unit),) = pers
    amounts = " + ".join(f"{_plain(row.amount)}{row.unit}" for row in rows if row.amount is not None)
    return amounts if per_amount is None else f"{amounts}/{_plain(per_amount)}{per_unit}"


def _plain(value: Decimal) -> str:
    """A decimal comma and nothing between thousands, so that it can be read in one way only."""
    return f"{value.normalize():f}".replace(".", ",")
