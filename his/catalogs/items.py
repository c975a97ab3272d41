"""The facility's list of drugs, herbs and supplies as screens ask for it: by filters, and one item with its history."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from his.accounts.models import Facility
from his.catalogs.control import Proposal, control_rules, is_due, propose
from his.catalogs.item_models import MEDICINES, ControlClass, Drug, DrugIngredient, ItemKind, Storage
from his.catalogs.models import PricedService
from his.catalogs.prices import DRUGS, Version, history
from his.core.text import fold

CONTROLLED, DUE, NORMAL = "controlled", "due", "normal"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for. `control` is a class, `controlled` (any class) or `due` (a pharmacist has to look);
    `storage` a condition or `normal`; empty filters take all."""

    on: date
    text: str = ""
    kind: str = ""
    control: str = ""
    storage: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One item on a day with its ingredients and what the rules propose, if that waits for a pharmacist."""

    row: Drug
    ingredients: tuple[DrugIngredient, ...]
    proposal: Proposal | None
    versions: tuple[Version, ...] = ()
    services: tuple[tuple[str, str], ...] = ()

    @property
    def is_unread(self) -> bool:
        """Whether a strength of the list could not be read; a herb, which is weighed, has none."""
        return any(one.amount is None and one.strength_text for one in self.ingredients)


def find_items(facility: Facility, asked: Asked) -> QuerySet[Drug]:
    """Items in force on the day that fit, by name."""
    rows = Drug.objects.for_facility(facility).on(asked.on)
    for word in fold(asked.text).split():
        rows = rows.filter(Q(search_name__regex=rf"\m{re.escape(word)}") | Q(code__istartswith=word))
    if asked.kind in ItemKind.values:
        rows = rows.filter(kind=asked.kind)
    if asked.control in ControlClass.values:
        rows = rows.filter(control_class=asked.control)
    elif asked.control == CONTROLLED:
        rows = rows.exclude(control_class="")
    elif asked.control == DUE:
        rows = rows.filter(code__in=due_codes(facility, asked.on))
    if asked.storage in (*Storage.values, NORMAL):
        rows = rows.filter(storage="" if asked.storage == NORMAL else asked.storage)
    return rows.order_by("name", "strength", "code")


def due_codes(facility: Facility, on: date) -> set[str]:
    """Codes of the day for which the rules propose a class that no pharmacist confirmed or declined since."""
    names = "|".join(sorted({rule.ingredient for rule in control_rules() if rule.holds(on)}))
    suspects = DrugIngredient.objects.for_facility(facility).filter(search_name__regex=rf"\m({names})e?\M")
    codes = set(suspects.values_list("drug_code", flat=True))
    rows = Drug.objects.for_facility(facility).medicines().on(on).filter(code__in=codes)
    return {item.row.code for item in with_proposals(facility, rows, on) if item.proposal}


def with_proposals(facility: Facility, rows: Iterable[Drug], on: date) -> list[Item]:
    """The rows with their ingredients and open proposals, in two queries."""
    drugs = list(rows)
    known = _ingredients(facility, [drug.code for drug in drugs])
    return [Item(drug, known.get(drug.code, ()), _open(drug, known.get(drug.code, ()), on)) for drug in drugs]


def item(facility: Facility, pk: int, on: date) -> Item:
    """One item with every version of its code, latest first; NotFound when the facility has no such row."""
    versions = history(facility, DRUGS, pk, on)
    row = next((one.row for one in versions if one.is_in_force), versions[0].row)
    found = with_proposals(facility, [row], on)[0]
    names = service_names(facility, row.service_codes, on)
    services = tuple((code, names.get(code, "")) for code in row.service_codes)
    return Item(row, found.ingredients, found.proposal, tuple(versions), services)


def service_names(facility: Facility, codes: Iterable[str], on: date) -> dict[str, str]:
    """Names of the services of the price list of the day by code; unknown codes are absent."""
    rows = PricedService.objects.for_facility(facility).on(on).filter(code__in=list(codes))
    return dict(rows.values_list("code", "name"))


def _ingredients(facility: Facility, codes: list[str]) -> dict[str, tuple[DrugIngredient, ...]]:
    found: dict[str, list[DrugIngredient]] = defaultdict(list)
    for row in DrugIngredient.objects.for_facility(facility).filter(drug_code__in=codes).order_by("position"):
        found[row.drug_code].append(row)
    return {code: tuple(rows) for code, rows in found.items()}


def _open(drug: Drug, ingredients: tuple[DrugIngredient, ...], on: date) -> Proposal | None:
    if drug.kind not in MEDICINES:
        return None
    found = propose([one.name for one in ingredients], on)
    return found if is_due(found, drug.control_class, drug.control_checked_on) else None
