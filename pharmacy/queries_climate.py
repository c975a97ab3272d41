"""Points that are measured, their readings, and lots that wait for a decision after a deviation."""

import calendar
from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.audit.models import AuditEntry
from his.core.errors import NotFound
from pharmacy.climate import Measured, MonthSheet, initials, month_sheet
from pharmacy.models import SIGNS, ClimatePoint, ClimateReading, Lot, LotBalance, QuarantinedLot, StockMovement
from pharmacy.queries import balances

_HOLD_CHANGES = ("pharmacy.block_lot", "pharmacy.release_lot", "pharmacy.hold_lot", "pharmacy.end_hold")


def points(facility: Facility) -> QuerySet[ClimatePoint]:
    """Points in use, by store and name."""
    return _points(facility, Q(is_active=True))


def ended_points(facility: Facility) -> QuerySet[ClimatePoint]:
    """Points that are measured no longer; their sheets stay."""
    return _points(facility, Q(is_active=False))


def points_on(facility: Facility, day: date) -> QuerySet[ClimatePoint]:
    """Points in use, and those that were measured on the day, also when they ended since."""
    return _used(facility, readings(facility).filter(day=day))


def points_in_month(facility: Facility, day: date) -> QuerySet[ClimatePoint]:
    """Points in use, and those that were measured in the month of the day."""
    return _used(facility, readings(facility).filter(day__year=day.year, day__month=day.month))


def _used(facility: Facility, measured: QuerySet[ClimateReading]) -> QuerySet[ClimatePoint]:
    return _points(facility, Q(is_active=True) | Q(Exists(measured.filter(point=OuterRef("pk")))))


def _points(facility: Facility, where: Q) -> QuerySet[ClimatePoint]:
    rows: QuerySet[ClimatePoint] = ClimatePoint.objects.for_facility(facility).filter(where)
    return rows.select_related("store").order_by("store__code", "name")


def point(facility: Facility, pk: int) -> ClimatePoint:
    """One point of the facility, also one no longer in use."""
    rows = ClimatePoint.objects.for_facility(facility).select_related("store__facility")
    found: ClimatePoint | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy điểm theo dõi tại cơ sở này")
    return found


def readings(facility: Facility) -> QuerySet[ClimateReading]:
    """Readings that hold."""
    rows: QuerySet[ClimateReading] = ClimateReading.objects.for_facility(facility).filter(voided_at__isnull=True)
    return rows.select_related("point__store", "recorded_by")


def readings_of_day(facility: Facility, day: date) -> dict[tuple[int, str], ClimateReading]:
    """Readings of a day by point and shift."""
    return {(one.point_id, one.shift): one for one in readings(facility).filter(day=day)}


def readings_of_month(of: ClimatePoint, year: int, month: int) -> list[ClimateReading]:
    """Readings of a point in a month, in order of time."""
    rows = readings(of.facility).filter(point=of, day__year=year, day__month=month)
    return sorted(rows, key=lambda one: (one.day, one.shift != ClimateReading.Shift.MORNING))


def sheet_of(of: ClimatePoint, year: int, month: int, *, today: date) -> MonthSheet:
    """The monthly sheet of a point; days to come are not missing."""
    days = calendar.monthrange(year, month)[1]
    first, last = date(year, month, 1), date(year, month, days)
    until = days if today > last else max(0, (today - first).days)
    read = readings_of_month(of, year, month)
    marks = recorders(read)
    found = [
        Measured(one.day.day, one.shift, one.temperature, one.humidity, marks[one.recorded_by_id], bool(one.deviation))
        for one in read
    ]
    return month_sheet(found, days=days, until=until)


def recorders(read: Sequence[ClimateReading]) -> dict[int, str]:
    """The mark of everybody who wrote one of the readings, by account."""
    return initials({one.recorded_by_id: one.recorded_by.display_name for one in read})


def lots_at(of: ClimatePoint) -> Sequence[LotBalance]:
    """What lies at a point: lots of its store whose drug is kept under its condition."""
    rows = balances(of.facility_id).filter(store=of.store, on_hand__gt=0, lot__drug__storage=of.storage)
    return list(rows.order_by("lot__drug__name", "lot__expires_on", "lot_id"))


def undecided(facility: Facility) -> QuerySet[QuarantinedLot]:
    """Lots that wait for the decision of the head of pharmacy, the oldest first."""
    rows: QuerySet[QuarantinedLot] = QuarantinedLot.objects.for_facility(facility).filter(decision="")
    return rows.select_related("reading__point__store", "lot__drug").order_by("pk")


def holding(lot: Lot) -> list[QuarantinedLot]:
    """The quarantines that hold a lot: undecided, or to be destroyed while something of it is left where it lay.

    Something is left until as much as lay there, and what undoing papers brought back since, has gone out of that
    store. What comes in by papers of its own (bought anew, brought back by a patient) is another matter: a person
    holds it, see `pharmacy.services.lots.hold_incoming`.
    """
    rows = QuarantinedLot.objects.for_facility(lot.facility_id).filter(
        Q(decision="") | Q(decision=QuarantinedLot.Decision.DESTROY), lot=lot
    )
    found = list(rows.select_related("reading__point__store").order_by("pk"))
    return [one for one in found if not one.decision or left_to_destroy(one) > 0]


def left_to_destroy(one: QuarantinedLot) -> Decimal:
    """How much of what was to be destroyed lies still in its store, in units of the drug, never more than the store
    has: what lay there less what went out since, by papers that stand and by undoing papers of the time before."""
    store = one.reading.point.store_id
    held = balances(one.facility_id).filter(store=store, lot=one.lot_id).values_list("on_hand", flat=True).first()
    since = StockMovement.objects.for_facility(one.facility_id).filter(
        store=store, lot=one.lot_id, at__gte=one.reading.at
    )
    outward = Q(kind__in=[kind for kind, sign in SIGNS.items() if sign < 0])
    undone = Q(line__document__reverses__posted_at__lt=one.reading.at)
    gone = since.filter(outward | undone).aggregate(total=Coalesce(Sum("quantity"), Decimal(0)))["total"]
    return min(one.quantity + gone, held or Decimal(0))


def condemned(facility: Facility, lots: Collection[Lot], stores: Collection[int]) -> QuerySet[QuarantinedLot]:
    """Decisions to destroy lots where they lay in one of these stores, by id, also when it has nothing left of them."""
    rows: QuerySet[QuarantinedLot] = QuarantinedLot.objects.for_facility(facility).filter(
        decision=QuarantinedLot.Decision.DESTROY, lot__in=lots, reading__point__store__in=stores
    )
    return rows.select_related("reading__point__store").order_by("lot_id", "pk")


def hold_changes(lot: Lot) -> list[AuditEntry]:
    """Who held, blocked or released a lot, when and why (`facts["reason"]`), the latest first."""
    rows: QuerySet[AuditEntry] = AuditEntry.objects.for_facility(lot.facility_id).filter(
        object_type=lot._meta.label_lower, object_id=lot.pk, action__in=_HOLD_CHANGES
    )
    return list(rows.select_related("user").order_by("-pk")[:20])


def quarantined(facility: Facility, pk: int) -> QuarantinedLot:
    """One quarantined lot of the facility."""
    rows = QuarantinedLot.objects.for_facility(facility).select_related("reading__point__store", "lot__drug")
    found: QuarantinedLot | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy lô cách ly tại cơ sở này")
    return found
