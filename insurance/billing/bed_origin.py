"""The days that somebody lay in a bed, as charges: one for each stay, and one more each time its price changes after
an operation. How days are counted stands in `insurance.benefits.engine.beds`; a stay that goes on is no charge yet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from his.catalogs.models import PricedService
from his.core.dates import local
from his.core.errors import Refusal
from insurance.benefits.engine import load
from insurance.benefits.engine.beds import BedDays, Stay, count_beds
from insurance.benefits.engine.rates import earns_extra_day
from insurance.billing.origins import Priced, Source, exams, service_price, service_source
from insurance.billing.queries import still_lying
from insurance.claims.visit_facts import discharge_code
from insurance.models import Charge
from patients.models import BedStay, Exam, ServiceOrder, Visit
from patients.queries_beds import standing_stays
from patients.wards import STATION_STAY, CountedBed

OPERATIONS = "8"
"""The cost group of operations."""


@dataclass(slots=True)
class _Facts:
    """What the bed days of one visit follow from."""

    visit: Visit
    prices: Mapping[str, PricedService]
    on: date
    stays: list[BedStay] = field(default_factory=list)
    last_exam: Exam | None = None
    operated_on: list[date] = field(default_factory=list)

    def price(self, code: str) -> Decimal:
        """What a day costs whom it is counted for; refuses with `price_missing` when the list of the day lacks it."""
        row = self.prices.get(code) or service_price(self.visit, code, self.on)
        return row.insured_price if self.visit.is_insured else row.price


def beds(visit: Visit, on: date) -> Iterator[Priced]:
    """The bed days of a visit whose patient has left the ward; who still lies there is named and refuses to close."""
    facts = _read([visit], on)[visit.pk]
    if lying := next((stay for stay in facts.stays if stay.ended_at is None), None):
        yield f"Ngày giường {lying.bed_code}, {lying.department.name}", partial(_refuse, still_lying(lying))
        return
    try:
        counted = _count(facts)
    except Refusal as refusal:  # no price, or a day that cannot be divided: named with the visit's other gaps
        yield "Ngày giường", partial(_refuse, refusal)
        return
    by_id = {stay.pk: stay for stay in facts.stays}
    for days in counted:
        if days.quantity:
            stay = by_id[days.key]
            yield f"Ngày giường {stay.bed_code}", partial(_source, visit, stay, days, on)


def exams_beside_beds(visit: Visit, on: date) -> Iterator[Priced]:
    """Exams, but none beside counted observation beds of a station or polyclinic (setting `observation_bed_exam`).

    Beds that cannot be counted are named by `beds` and refuse to close; the exams are there until then.
    """
    if visit.visit_type == STATION_STAY and load(on=on).setting("observation_bed_exam") == "not_charged":
        facts = _read([visit], on)[visit.pk]
        if facts.stays and all(stay.ended_at for stay in facts.stays) and _earns_days(facts):
            return
    yield from exams(visit, on)


def _earns_days(facts: _Facts) -> bool:
    try:
        return any(days.quantity for days in _count(facts))
    except Refusal:
        return False


def bed_days_at(visits: Sequence[Visit], on: date, at: datetime) -> dict[int, list[CountedBed] | Refusal]:
    """The bed days of visits of one facility for the ward's screens, by the price list of the day; see the hook."""
    found: dict[int, list[CountedBed] | Refusal] = {}
    for pk, facts in _read(visits, on).items():
        facts.stays = [stay for stay in facts.stays if stay.ended_at is not None or stay.started_at < at]
        try:
            found[pk] = [
                CountedBed(days.key, days.is_medical, days.quantity, days.rate, tuple(days.reasons))
                for days in _count(facts, until=at)
            ]
        except Refusal as refusal:
            found[pk] = refusal
    return found


def _read(visits: Sequence[Visit], on: date) -> dict[int, _Facts]:
    """The facts of visits of one facility by visit, one query for each table."""
    prices: dict[str, PricedService] = {}
    found = {visit.pk: _Facts(visit, prices, on) for visit in visits}
    if not found:
        return found
    facility = visits[0].facility
    for stay in standing_stays(facility, found):
        found[stay.visit_id].stays.append(stay)
    lain = [pk for pk, facts in found.items() if facts.stays]
    if not lain:
        return found
    signed = Exam.objects.for_facility(facility).filter(visit_id__in=lain, signed_at__isnull=False)
    for exam in signed.defer("snapshot").order_by("started_at", "id"):
        found[exam.visit_id].last_exam = exam
    done = ServiceOrder.objects.for_facility(facility).filter(
        visit_id__in=lain, state=ServiceOrder.State.PERFORMED, service__group_code=OPERATIONS
    )
    for pk, at in done.filter(performed_at__isnull=False).values_list("visit_id", "performed_at"):
        found[pk].operated_on.append(local(at).date())
    stays = [stay for facts in found.values() for stay in facts.stays]
    codes = {code for stay in stays for code in (stay.service_code, stay.medical_service_code) if code}
    for row in PricedService.objects.for_facility(facility).on(on).filter(code__in=codes).exclude(group_code=""):
        prices[row.code] = row
    return found


def _count(facts: _Facts, until: datetime | None = None) -> list[BedDays]:
    """The days of all stays; those that go on end at `until`."""
    exam = facts.last_exam
    return count_beds(
        load(on=facts.on),
        [_plain(facts, stay, stay.ended_at or until) for stay in facts.stays],
        has_extra_day=exam is not None and earns_extra_day(exam.treatment_result_code, discharge_code(exam.outcome)),
        operated_on=facts.operated_on,
        is_observation=facts.visit.visit_type == STATION_STAY,
    )


def _plain(facts: _Facts, stay: BedStay, ended_at: datetime | None) -> Stay:
    if ended_at is None:
        raise still_lying(stay)
    return Stay(
        key=stay.pk,
        ward=stay.department.code,
        started_at=local(stay.started_at),
        ended_at=local(ended_at),
        price=facts.price(stay.service_code),
        medical_price=facts.price(stay.medical_service_code) if stay.medical_service_code else None,
        patients=stay.patients_in_bed,
        is_stretcher=stay.is_stretcher,
    )


def _source(visit: Visit, stay: BedStay, days: BedDays, on: date) -> Source:
    kind = Charge.SourceKind.of_bed(is_medical=days.is_medical, part=days.part)
    code = stay.medical_service_code if days.is_medical else stay.service_code
    price = service_price(visit, code, on)
    at_wish = stay.bed_code.startswith("C") and price.on_demand_price is not None
    source = service_source(kind, stay.pk, price, days.quantity, days.first_at, is_insured=True, is_on_demand=at_wish)
    extra = price.extra_amount(is_insured=visit.is_insured, is_on_demand=at_wish)
    return replace(source, service_rate=days.rate, reasons=tuple(days.reasons), extra_amount=extra)


def _refuse(refusal: Refusal) -> Source:
    raise refusal
