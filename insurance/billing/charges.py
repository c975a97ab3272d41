"""Charges are pulled from what was done, by the registered origins: exams, performed orders, dispensed drugs,
bed days.

Nothing waits for the right state of an encounter: whatever has a source and no charge is listed by
`not_yet_charged` and must be pulled before the visit can close.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from his.accounts.actor import Actor
from his.catalogs.models import OUTSIDE_SCOPE
from his.core.dates import local
from his.core.errors import Refusal
from his.service import service
from insurance.billing.origins import Source, registered
from insurance.models import Charge, SelfPayChoice
from patients.models import PriceNotice, Visit


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that was done but has no usable price; the refusal says what the price list lacks."""

    name: str
    refusal: Refusal


@service(action="billing.pull_charges", permission="billing.close")
def pull_charges(*, visit: Visit, actor: Actor, at: datetime) -> list[Charge]:
    """Make one charge for each source of the visit that has none, and cancel charges whose source is gone.

    Afterwards `not_yet_charged(visit)` is empty. Prices are those in force on the day the visit ended
    (its arrival day while it has not ended). Refuses with `price_missing` when the price list has no row.
    """
    return sync_charges(visit=visit, at=at)


def sync_charges(*, visit: Visit, at: datetime, sources: Sequence[Source] | None = None) -> list[Charge]:
    """The work of `pull_charges` for services that already hold the visit's lock; charges in the order of sources."""
    wanted = {source.key: source for source in (sources_of(visit) if sources is None else sources)}
    current = {(c.source_kind, c.source_id): c for c in _in_force(visit)}
    gone = [c.pk for key, c in current.items() if key not in wanted or _differs(c, wanted[key])]
    Charge.objects.filter(pk__in=gone).update(cancelled_at=at)
    kept = {key: c for key, c in current.items() if c.pk not in gone}
    fresh = {
        key: Charge(facility_id=visit.facility_id, visit=visit, created_at=at, **charge_values(source))
        for key, source in wanted.items()
        if key not in kept
    }
    Charge.objects.bulk_create(fresh.values())
    found = {**kept, **fresh}
    return [found[key] for key in wanted]


def not_yet_charged(visit: Visit) -> list[Source]:
    """Sources without a charge in force that says the same, in the order they were ordered: empty once closed."""
    current = {(c.source_kind, c.source_id): c for c in _in_force(visit)}
    return [s for s in sources_of(visit) if s.key not in current or _differs(current[s.key], s)]


def sources_of(visit: Visit) -> list[Source]:
    """Everything of the visit that is to be charged, exams first, then by order time.

    Refuses with `price_missing` or `group_missing` when something has no usable price.
    """
    found, missing = find_sources(visit)
    if missing:
        raise missing[0].refusal
    return found


def find_sources(visit: Visit) -> tuple[list[Source], list[Missing]]:
    """What is to be charged, and what cannot be because the price list lacks it; nothing is left out silently.

    What the patient chose to pay alone is outside the scope of the fund, at the same price.
    """
    on = pricing_day(visit)
    alone = {(choice.source_kind, choice.source_id) for choice in self_pay_choices(visit)}
    found: list[Source] = []
    missing: list[Missing] = []
    for origin in registered():
        for name, make in origin.find(visit, on):
            try:
                source = make()
            except Refusal as refusal:
                missing.append(Missing(name, refusal))
            else:
                found.append(_paid_alone(source) if source.key in alone else source)
    return sorted(found, key=lambda s: (s.kind != Charge.SourceKind.EXAM, s.ordered_at, s.id)), missing


def _paid_alone(source: Source) -> Source:
    return replace(source, payment_rate=Decimal(0), scope_code=OUTSIDE_SCOPE, extra_amount=Decimal(0))


def self_pay_choices(visit: Visit) -> list[SelfPayChoice]:
    """What the patient chose to pay alone and did not take back, oldest first."""
    rows = SelfPayChoice.objects.for_facility(visit.facility).filter(visit=visit, withdrawn_at__isnull=True)
    return list(rows.select_related("by").order_by("at", "id"))


def untold(visit: Visit, sources: Sequence[Source]) -> list[Source]:
    """Sources that cost the patient more than the usual price, and of which no notice is on record."""
    dear = [source for source in sources if source.extra_amount > 0]
    if not dear:
        return []
    told: dict[str, Decimal] = {}
    rows = PriceNotice.objects.for_facility(visit.facility).filter(visit=visit)
    for code, amount in rows.values_list("service_code", "amount"):
        told[code] = max(amount, told.get(code, Decimal(0)))
    return [source for source in dear if source.extra_amount > told.get(source.code, Decimal(0))]


def pricing_day(visit: Visit) -> date:
    """The day whose price list holds: the end of the visit (docs/money.md)."""
    return local(visit.ended_at or visit.arrived_at).date()


def _in_force(visit: Visit) -> list[Charge]:
    return list(
        Charge.objects.for_facility(visit.facility).filter(visit=visit, cancelled_at__isnull=True).order_by("id")
    )


_COPIED = (
    "code",
    "name",
    "unit",
    "quantity",
    "hospital_price",
    "insured_price",
    "service_rate",
    "payment_rate",
    "scope_code",
    "group_code",
)


def _differs(charge: Charge, source: Source) -> bool:
    if charge.reasons != list(source.reasons):
        return True
    return any(getattr(charge, name) != getattr(source, name) for name in _COPIED)


def charge_values(source: Source) -> dict[str, Any]:
    """What a charge takes over from its source."""
    return {
        "source_kind": source.kind,
        "source_id": source.id,
        "line_kind": source.line_kind,
        "price_law": source.price_law[:255],
        "reasons": list(source.reasons),
        "ordered_at": source.ordered_at,
        **{name: getattr(source, name) for name in _COPIED},
    }
