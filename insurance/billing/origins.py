"""Where charges come from: each origin finds what was done in a visit and prices it.

An origin is registered once (`register`, in `InsuranceConfig.ready`); pulling, the list of what is not yet charged,
closing and the screens ask all that are registered. A later origin is one more entry; the days of a ward stay have
their own module (`bed_origin`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from his.catalogs.models import OUTSIDE_SCOPE, Drug, PricedService
from his.core.errors import Refusal
from insurance.models import Charge
from patients.models import Exam, PrescriptionLine, ServiceOrder, Visit
from pharmacy.models import Substitution
from pharmacy.queries_given import net_given

EXAM_GROUP = "13"
_BEDS = {"14", "15", "16"}
_SUPPLIES = {"10", "11"}


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that was done and is to be charged, with the price in force on the pricing day.

    `extra_amount` is what the patient pays for one unit above the usual price, đồng: they have to be told.
    """

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
    extra_amount: Decimal = Decimal(0)
    reasons: tuple[str, ...] = ()
    """Why the quantity and the service rate are what they are, each with its law in brackets."""

    @property
    def key(self) -> tuple[str, int]:
        return self.kind, self.id


Priced = tuple[str, Callable[[], Source]]
"""What a thing is called, and how it becomes a source; that refuses when the price list lacks it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Something that is charged. `find` gives what there is of it in a visit, to be priced by the list of the day."""

    kind: str
    find: Callable[[Visit, date], Iterator[Priced]]


_origins: dict[str, Origin] = {}


def register(*origins: Origin) -> None:
    """Add origins; the same one again changes nothing, another one of its kind is a defect."""
    for origin in origins:
        if _origins.setdefault(origin.kind, origin) != origin:
            raise ValueError(f"there is another origin of charges {origin.kind!r}")


def registered() -> tuple[Origin, ...]:
    """All origins, in the order of their registration."""
    return tuple(_origins.values())


# What the product has


def exams(visit: Visit, on: date) -> Iterator[Priced]:
    """Exams in rooms that have an exam service."""
    for exam in Exam.objects.for_facility(visit.facility).filter(visit=visit).order_by("started_at", "id"):
        if exam.service_code:
            yield f"Công khám {exam.service_code}", partial(_exam_source, visit, exam, on)


def _exam_source(visit: Visit, exam: Exam, on: date) -> Source:
    price = service_price(visit, exam.service_code, on)
    source = service_source(Charge.SourceKind.EXAM, exam.pk, price, Decimal(1), exam.started_at, is_insured=True)
    return source if visit.is_insured else replace(source, extra_amount=Decimal(0))


def orders(visit: Visit, on: date) -> Iterator[Priced]:
    """Ordered services that were performed."""
    done = ServiceOrder.objects.for_facility(visit.facility).filter(visit=visit, state=ServiceOrder.State.PERFORMED)
    for order in done.select_related("service"):
        yield order.service.name, partial(_order_source, visit, order, on)


def _order_source(visit: Visit, order: ServiceOrder, on: date) -> Source:
    price = order.service
    if not _in_period(price, on) or not price.group_code:
        price = service_price(visit, order.service.code, on)
    how = {"is_insured": order.is_insured, "is_on_demand": order.is_on_demand}
    return service_source(Charge.SourceKind.ORDER, order.pk, price, order.quantity, order.ordered_at, **how)


def drugs(visit: Visit, on: date) -> Iterator[Priced]:
    """What was handed out and did not come back: prescribed drugs, a line being one source of whatever lots, and the
    products given in their place, each at its own price."""
    given = net_given(visit)
    lines = {line: quantity for (line, substitution), quantity in given.items() if substitution is None}
    others = {pk: quantity for (_line, pk), quantity in given.items() if pk is not None}
    if lines:
        rows = PrescriptionLine.objects.for_facility(visit.facility).filter(pk__in=lines)
        for line in rows.select_related("drug", "prescription"):
            yield line.drug.name, partial(_drug_source, visit, line, lines[line.pk], on)
    if others:
        found = Substitution.objects.for_facility(visit.facility).filter(pk__in=others)
        for row in found.select_related("drug", "prescription_line__prescription").order_by("pk"):
            yield row.drug.name, partial(_substitute_source, visit, row, others[row.pk], on)


def _drug_source(visit: Visit, line: PrescriptionLine, quantity: Decimal, on: date) -> Source:
    drug = line.drug if _in_period(line.drug, on) else drug_price(visit, line.drug.code, on)
    return drug_source(line.pk, drug, quantity, line.prescription.prescribed_at, is_insured=line.is_insured)


def _substitute_source(visit: Visit, row: Substitution, quantity: Decimal, on: date) -> Source:
    drug = row.drug if _in_period(row.drug, on) else drug_price(visit, row.drug.code, on)
    line = row.prescription_line
    at = line.prescription.prescribed_at
    source = drug_source(row.pk, drug, quantity, at, is_insured=line.is_insured)
    return replace(source, kind=Charge.SourceKind.SUBSTITUTION)


# Prices


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
    kind: str,
    pk: int,
    price: PricedService,
    quantity: Decimal,
    ordered_at: datetime,
    *,
    is_insured: bool,
    is_on_demand: bool = False,
) -> Source:
    """An exam or a performed order, at the price of the service; the rate of an exam follows from its place.

    On demand, the fund's price stays that of the list and the patient pays the rest.
    """
    is_exam = kind == Charge.SourceKind.EXAM or price.group_code == EXAM_GROUP
    insured = is_insured and price.scope_code != OUTSIDE_SCOPE
    hospital_price = price.charged_price(is_on_demand=is_on_demand)
    return Source(
        kind=kind,
        id=pk,
        line_kind=_line_kind(price.group_code),
        code=price.code,
        name=price.name,
        unit=price.unit,
        quantity=quantity,
        hospital_price=hospital_price,
        insured_price=min(price.insured_price, price.price, hospital_price),
        service_rate=None if is_exam else Decimal(100),
        payment_rate=price.payment_rate if insured else Decimal(0),
        scope_code=price.scope_code if insured else OUTSIDE_SCOPE,
        group_code=price.group_code,
        price_law=price.decision,
        ordered_at=ordered_at,
        extra_amount=price.extra_amount(is_insured=is_insured, is_on_demand=is_on_demand),
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
    row = Drug.objects.for_facility(visit.facility).medicines().on(on).filter(code=code).first()
    if row is None:
        raise Refusal("price_missing", f"Danh mục thuốc chưa có {code} ngày {on:%d/%m/%Y}", drug_code=code)
    return row


def _in_period(row: PricedService | Drug, on: date) -> bool:
    return row.valid_from <= on and (row.valid_to is None or on <= row.valid_to)
