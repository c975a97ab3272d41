"""What a service or a drug cost at a facility on a day, and every price it ever had."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from his.accounts.models import Facility
from his.catalogs import queries
from his.catalogs.models import Drug, PricedService
from his.core.errors import NotFound

SERVICES, DRUGS = "services", "drugs"
_FIELDS = {
    SERVICES: ("price", "insured_price", "on_demand_price", "payment_rate", "group_code", "decision", "name"),
    DRUGS: ("price", "insured_price", "payment_rate", "bid_info", "name"),
}
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Version:
    """One row of the list with what changed against the one before it."""

    row: Any
    changed: frozenset[str]
    is_in_force: bool


def find(facility: Facility, kind: str, text: str, on: date) -> Sequence[PricedService | Drug]:
    """Rows in force on the day that fit the text, best first; without a text the first ones by name."""
    if kind == DRUGS:
        drugs = queries.search_drugs(facility, text, on=on, limit=SHOWN)
        return drugs or list(
            Drug.objects.for_facility(facility).medicines().on(on).order_by("name")[: 0 if text else SHOWN]
        )
    return queries.search_services(facility, text, on=on, limit=SHOWN)


def history(facility: Facility, kind: str, pk: int, on: date) -> list[Version]:
    """All versions of a row's code, latest first; NotFound when the facility has no such row."""
    model: type[PricedService | Drug] = Drug if kind == DRUGS else PricedService
    row = model.objects.for_facility(facility).filter(pk=pk).first()
    if row is None:
        raise NotFound
    found: list[Version] = []
    former: Any = None
    for version in model.objects.for_facility(facility).filter(code=row.code).order_by("valid_from"):
        changed = {name for name in _FIELDS[kind] if former and getattr(version, name) != getattr(former, name)}
        in_force = version.valid_from <= on and (version.valid_to is None or on <= version.valid_to)
        found.insert(0, Version(version, frozenset(changed), in_force))
        former = version
    return found
