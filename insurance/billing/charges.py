"""Charges are pulled from what was done: exams, performed orders, dispensed prescription lines.

Nothing waits for the right state of an encounter: whatever has a source and no charge is listed by
`not_yet_charged` and must be pulled before the visit can close.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import Sum

from his.accounts.actor import Actor
from his.catalogs.models import Drug, PricedService
from his.core.dates import local
from his.core.errors import Refusal
from his.service import service
from insurance.models import Charge
from patients.models import Exam, PrescriptionLine, ServiceOrder, Visit
from pharmacy.models import DispenseLine

OUTSIDE_SCOPE = "2"
EXAM_GROUP = "13"
_BEDS = {"14", "15", "16"}
_SUPPLIES = {"10", "11"}


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that was done and is to be charged, with the price in force on the pricing day."""

    kind: str
    id: int
    line_kind: str
    code: str
    name: str
    unit: str
    quantity: Decimal
    hospital_price: Decimal
    insured_price: Decimal
    service_rate: Decimal | None
    payment_rate: Decimal
    scope_code: str
    group_code: str
    price_law: str
    ordered_at: datetime

    @property
    def key(self) -> tuple[str, int]:
        return self.kind, self.id


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that was done but has no usable price; the refusal says what the price list lacks."""

    name: str
    refusal: Refusal


_Maker = tuple[str, Callable[[], Source]]
"""What a source is called, and how it is priced."""


@service(action="billing.pull_charges", permission="billing.close")
def pull_charges(*, visit: Visit, actor: Actor, at: datetime) -> list[Charge]:
    """Make one charge for each source of the visit that has none, and cancel charges whose source is gone.

    Afterwards `not_yet_charged(visit)` is empty. Prices are those in force on the day the visit ended
    (its arrival day while it has not ended). Refuses with `price_missing` when the price list has no row.
    """
    return sync_charges(visit=visit, at=at)


def sync_charges(*, visit: Visit, at: datetime) -> list[Charge]:
    """The work of `pull_charges` for services that already hold the visit's lock; charges in the order of sources."""
    wanted = {source.key: source for source in sources_of(visit)}
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
    """Sources without a charge in force, in the order they were ordered."""
    charged = {(c.source_kind, c.source_id) for c in _in_force(visit)}
    return [source for source in sources_of(visit) if source.key not in charged]


def sources_of(visit: Visit) -> list[Source]:
    """Everything of the visit that is to be charged, exams first, then by order time.

    Refuses with `price_missing` or `group_missing` when something has no usable price.
    """
    found, missing = find_sources(visit)
    if missing:
        raise missing[0].refusal
    return found


def find_sources(visit: Visit) -> tuple[list[Source], list[Missing]]:
    """What is to be charged, and what cannot be because the price list lacks it; nothing is left out silently."""
    on = pricing_day(visit)
    found: list[Source] = []
    missing: list[Missing] = []
    for name, make in [*_exams(visit, on), *_orders(visit, on), *_drugs(visit, on)]:
        try:
            found.append(make())
        except Refusal as refusal:
            missing.append(Missing(name, refusal))
    return sorted(found, key=lambda s: (s.kind != Charge.SourceKind.EXAM, s.ordered_at, s.id)), missing


def pricing_day(visit: Visit) -> date:
    """The day whose price list holds: the end of the visit (docs/money.md)."""
    return local(visit.ended_at or visit.arrived_at).date()


def _in_force(visit: Visit) -> list[Charge]:
    return list(
        Charge.objects.for_facility(visit.facility).filter(visit=visit, cancelled_at__isnull=True).order_by("id")
    )


def _exams(visit: Visit, on: date) -> Iterator[_Maker]:
    for exam in Exam.objects.for_facility(visit.facility).filter(visit=visit).order_by("started_at", "id"):
        if exam.service_code:  # a room without an exam service charges no exam
            yield f"Công khám {exam.service_code}", partial(_exam_source, visit, exam, on)


def _exam_source(visit: Visit, exam: Exam, on: date) -> Source:
    price = service_price(visit, exam.service_code, on)
    return service_source(Charge.SourceKind.EXAM, exam.pk, price, Decimal(1), exam.started_at, is_insured=True)


def _orders(visit: Visit, on: date) -> Iterator[_Maker]:
    done = ServiceOrder.objects.for_facility(visit.facility).filter(visit=visit, state=ServiceOrder.State.PERFORMED)
    for order in done.select_related("service"):
        yield order.service.name, partial(_order_source, visit, order, on)


def _order_source(visit: Visit, order: ServiceOrder, on: date) -> Source:
    price = order.service
    if not _in_period(price, on) or not price.group_code:
        price = service_price(visit, order.service.code, on)
    kind = Charge.SourceKind.ORDER
    return service_source(kind, order.pk, price, order.quantity, order.ordered_at, is_insured=order.is_insured)


def _drugs(visit: Visit, on: date) -> Iterator[_Maker]:
    """Lines handed out and not taken back; a line covered by several lots is one source."""
    given = (
        DispenseLine.objects.for_facility(visit.facility)
        .filter(dispense__prescription__visit=visit, dispense__is_reversed=False)
        .values_list("prescription_line_id")
        .annotate(total=Sum("quantity"))
    )
    totals: dict[int, Decimal] = dict(given.order_by())
    rows = PrescriptionLine.objects.for_facility(visit.facility).filter(pk__in=totals)
    for line in rows.select_related("drug", "prescription"):
        yield line.drug.name, partial(_drug_source, visit, line, totals[line.pk], on)


def _drug_source(visit: Visit, line: PrescriptionLine, quantity: Decimal, on: date) -> Source:
    drug = line.drug if _in_period(line.drug, on) else drug_price(visit, line.drug.code, on)
    return drug_source(line.pk, drug, quantity, line.prescription.prescribed_at, is_insured=line.is_insured)


def drug_source(pk: int, drug: Drug, quantity: Decimal, ordered_at: datetime, *, is_insured: bool) -> Source:
    """A prescription line that was handed out, at the price of the drug."""
    insured = is_insured and drug.scope_code != OUTSIDE_SCOPE
    return Source(
        kind=Charge.SourceKind.PRESCRIPTION_LINE,
        id=pk,
        line_kind=Charge.LineKind.DRUG,
        code=drug.ingredient_code,
        name=drug.name,
        unit=drug.unit,
        quantity=quantity,
        hospital_price=drug.price,
        insured_price=drug.price,
        service_rate=Decimal(100),
        payment_rate=drug.payment_rate if insured else Decimal(0),
        scope_code=drug.scope_code if insured else OUTSIDE_SCOPE,
        group_code=drug.group_code,
        price_law=drug.bid_info,
        ordered_at=ordered_at,
    )


def service_source(
    kind: str, pk: int, price: PricedService, quantity: Decimal, ordered_at: datetime, *, is_insured: bool
) -> Source:
    """An exam or a performed order, at the price of the service; the rate of an exam follows from its place."""
    is_exam = kind == Charge.SourceKind.EXAM or price.group_code == EXAM_GROUP
    insured = is_insured and price.scope_code != OUTSIDE_SCOPE
    return Source(
        kind=kind,
        id=pk,
        line_kind=_line_kind(price.group_code),
        code=price.code,
        name=price.name,
        unit=price.unit,
        quantity=quantity,
        hospital_price=price.price,
        insured_price=min(price.insured_price, price.price),
        service_rate=None if is_exam else Decimal(100),
        payment_rate=price.payment_rate if insured else Decimal(0),
        scope_code=price.scope_code if insured else OUTSIDE_SCOPE,
        group_code=price.group_code,
        price_law=price.decision,
        ordered_at=ordered_at,
    )


def _line_kind(group_code: str) -> str:
    if group_code == EXAM_GROUP:
        return Charge.LineKind.EXAM
    if group_code in _BEDS:
        return Charge.LineKind.BED
    return Charge.LineKind.SUPPLY if group_code in _SUPPLIES else Charge.LineKind.SERVICE


def service_price(visit: Visit, code: str, on: date) -> PricedService:
    """The price of a service at the facility on the day; refuses with `price_missing` when there is none."""
    row = PricedService.objects.for_facility(visit.facility).on(on).filter(code=code).first()
    if row is None:
        raise Refusal("price_missing", f"Bảng giá chưa có dịch vụ {code} ngày {on:%d/%m/%Y}", service_code=code)
    if not row.group_code:
        raise Refusal("group_missing", f"Dịch vụ {code} chưa có nhóm chi phí", service_code=code)
    return row


def drug_price(visit: Visit, code: str, on: date) -> Drug:
    """The drug of the facility's list on the day; refuses with `price_missing` when there is none."""
    row = Drug.objects.for_facility(visit.facility).on(on).filter(code=code).first()
    if row is None:
        raise Refusal("price_missing", f"Danh mục thuốc chưa có {code} ngày {on:%d/%m/%Y}", drug_code=code)
    return row


def _in_period(row: PricedService | Drug, on: date) -> bool:
    return row.valid_from <= on and (row.valid_to is None or on <= row.valid_to)


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
    return any(getattr(charge, name) != getattr(source, name) for name in _COPIED)


def charge_values(source: Source) -> dict[str, Any]:
    """What a charge takes over from its source."""
    return {
        "source_kind": source.kind,
        "source_id": source.id,
        "line_kind": source.line_kind,
        "price_law": source.price_law[:255],
        "ordered_at": source.ordered_at,
        **{name: getattr(source, name) for name in _COPIED},
    }
