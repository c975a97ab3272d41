"""Reading the wards: who lies where, who can be admitted, which bed days the price list has."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import QuerySet

from his.accounts.models import Department, Facility, Staff
from his.catalogs.models import PricedService
from his.core.codes import row_id
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from patients import hooks
from patients.models import BedStay, Exam, Visit
from patients.queries import find_patients
from patients.queries_clinical import last_exam
from patients.wards import EVERY_BED_GROUP, CountedBed


@dataclass(frozen=True, slots=True)
class Lying:
    """Somebody in a bed of a ward. `days` are the bed days so far, or why they cannot be counted; `since` is the
    admission, `others` who lies in the same bed too."""

    stay: BedStay
    since: datetime
    days: Decimal | Refusal
    others: Sequence[BedStay]

    @property
    def refusal(self) -> Refusal | None:
        """Why the bed days cannot be counted."""
        return self.days if isinstance(self.days, Refusal) else None

    @property
    def is_share_doubtful(self) -> bool:
        """More people lie in the bed than the stay says, or another one says another number."""
        said = self.stay.patients_in_bed
        return len(self.others) + 1 > said or any(other.patients_in_bed != said for other in self.others)


def wards(facility: Facility) -> list[Department]:
    """The departments where somebody can lie, by code."""
    return list(Department.objects.for_facility(facility).filter(is_active=True).order_by("code"))


def chosen_ward(facility: Facility, typed: str, staff: Staff | None) -> Department | None:
    """The ward that was asked for; else that of the practitioner, else the first with somebody in a bed, else the
    first."""
    known = {ward.pk: ward for ward in wards(facility)}
    if found := known.get(row_id(typed)):
        return found
    lying = set(_lying(facility).values_list("department_id", flat=True))
    own = known.get(staff.department_id) if staff is not None and staff.department_id in lying else None
    return own or next((ward for pk, ward in known.items() if pk in lying), None) or next(iter(known.values()), None)


def people_in(ward: Department, at: datetime) -> list[Lying]:
    """Who lies in a ward now, by bed, with the bed days so far."""
    stays = list(
        _lying(ward.facility)
        .filter(department=ward)
        .select_related("visit__patient", "visit__facility", "visit__card", "department")
        .order_by("bed_code", "started_at", "pk")
    )
    visits = [stay.visit for stay in stays]
    counted = hooks.bed_days(visits, local(at).date(), at)
    first: dict[int, datetime] = {}
    for stay in standing_stays(ward.facility, [visit.pk for visit in visits]):
        first.setdefault(stay.visit_id, stay.started_at)
    return [
        Lying(
            stay,
            first[stay.visit_id],
            _total(counted[stay.visit_id]),
            [other for other in stays if other.bed_code == stay.bed_code and other is not stay],
        )
        for stay in stays
    ]


def counts_of_wards(facility: Facility) -> dict[int, int]:
    """How many people lie in each ward, by its id; wards without anybody are absent."""
    found: dict[int, int] = {}
    for pk in _lying(facility).values_list("department_id", flat=True):
        found[pk] = found.get(pk, 0) + 1
    return found


def visits_to_admit(facility: Facility, text: str, on: date) -> list[Visit]:
    """The visits that are being examined of whom a scanned or typed text means, the latest first."""
    people = find_patients(facility, text, on=on)
    rows = Visit.objects.for_facility(facility).filter(patient__in=people, state=Visit.State.IN_EXAM)
    return list(rows.select_related("patient", "room").order_by("-arrived_at", "-pk"))


def beds_of(visit: Visit, at: datetime) -> tuple[list[tuple[BedStay, list[CountedBed]]], Refusal | None]:
    """All beds of a visit in their order, void ones too, each with its bed days so far; and why none can be counted."""
    rows = BedStay.objects.for_facility(visit.facility).filter(visit=visit)
    stays = list(rows.select_related("department", "started_by", "voided_by").order_by("started_at", "pk"))
    counted = hooks.bed_days([visit], local(visit.ended_at or at).date(), at)[visit.pk]
    refusal = counted if isinstance(counted, Refusal) else None
    known = [] if isinstance(counted, Refusal) else counted
    return [(stay, [days for days in known if days.stay_id == stay.pk]) for stay in stays], refusal


def standing_stays(facility: Facility | int, visits: Collection[int]) -> QuerySet[BedStay]:
    """The beds of visits, by id, that were not taken back, in the order in which people lay in them."""
    rows: QuerySet[BedStay] = BedStay.objects.for_facility(facility).filter(visit_id__in=visits, voided_at__isnull=True)
    return rows.select_related("department").order_by("started_at", "pk")


def discharge_exam(visit: Visit) -> Exam | None:
    """The signed exam with which somebody who was admitted left; None for others, and before it is signed."""
    stays = list(standing_stays(visit.facility_id, [visit.pk]))
    exam = last_exam(visit) if stays and all(stay.ended_at is not None for stay in stays) else None
    return exam if exam is not None and exam.is_signed else None


def bed_services(facility: Facility, on: date) -> list[PricedService]:
    """The bed days in the price list of the day, by code."""
    rows = PricedService.objects.for_facility(facility).on(on).filter(group_code__in=EVERY_BED_GROUP)
    return list(rows.order_by("code"))


def get_bed_visit(facility: Facility, pk: int) -> Visit:
    """A visit with its person, card and place, or NotFound."""
    rows = Visit.objects.for_facility(facility).select_related("patient", "card", "facility", "department", "room")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def _lying(facility: Facility) -> QuerySet[BedStay]:
    return BedStay.objects.for_facility(facility).filter(ended_at__isnull=True, voided_at__isnull=True)


def _total(days: list[CountedBed] | Refusal) -> Decimal | Refusal:
    return days if isinstance(days, Refusal) else sum((one.quantity for one in days), Decimal(0))
