"""Which papers wait to be sent to the national prescription system, and what became of the others."""

from datetime import date, datetime

from django.db.models import Q, QuerySet

from his.accounts.models import Facility
from his.core.dates import day_range
from his.core.errors import NotFound
from patients.models import NationalLink, PrescriptionSending, PrescriptionSheet

State = PrescriptionSending.State
_RELATED = (
    "facility",
    "sending",
    "prescription__visit__patient",
    "prescription__visit__card",
    "prescription__exam",
    "prescription__prescribed_by",
)


def link_of(facility: Facility) -> NationalLink | None:
    """Where the facility sends its prescriptions; None: it does not."""
    found: NationalLink | None = NationalLink.objects.for_facility(facility).select_related("facility").first()
    return found


def papers(link: NationalLink) -> QuerySet[PrescriptionSheet]:
    """Every paper that is or was to be sent: signed since the day of the link, with a code."""
    start, _ = day_range(link.since)
    rows = PrescriptionSheet.objects.for_facility(link.facility_id).exclude(code="")
    signed: QuerySet[PrescriptionSheet] = rows.filter(prescription__signed_at__gte=start)
    return signed.select_related(*_RELATED)


def _waits() -> Q:
    """A paper that was replaced before it went out is not sent any more."""
    untold = Q(sending__isnull=True) | Q(sending__state=State.WAITING)
    return untold & Q(prescription__voided_at__isnull=True)


def waiting(link: NationalLink) -> QuerySet[PrescriptionSheet]:
    """Papers in the queue, the oldest first."""
    return papers(link).filter(_waits()).order_by("prescription__signed_at", "pk")


def due(link: NationalLink, at: datetime) -> QuerySet[PrescriptionSheet]:
    """Papers in the queue whose time has come."""
    return waiting(link).filter(Q(sending__isnull=True) | Q(sending__next_attempt_at__lte=at))


def rejected(link: NationalLink) -> QuerySet[PrescriptionSheet]:
    """Papers that the system refused and that still hold, the oldest first."""
    rows = papers(link).filter(sending__state=State.REJECTED, prescription__voided_at__isnull=True)
    return rows.order_by("prescription__signed_at", "pk")


def to_send(link: NationalLink, pk: int) -> PrescriptionSheet | None:
    """A paper as it stands now; None when it is not to be sent any more: sent, replaced, or not one of the link."""
    unsent = Q(sending__isnull=True) | Q(sending__state__in=[State.WAITING, State.REJECTED])
    return papers(link).filter(unsent, prescription__voided_at__isnull=True, pk=pk).first()


def papers_of_day(link: NationalLink, day: date) -> QuerySet[PrescriptionSheet]:
    """Papers signed on a day, the latest first."""
    start, end = day_range(day)
    rows = papers(link).filter(prescription__signed_at__gte=start, prescription__signed_at__lt=end)
    return rows.order_by("-prescription__signed_at", "-pk")


def without_code(link: NationalLink, day: date) -> int:
    """How many papers of a day have no code and so cannot be sent."""
    start, end = day_range(day)
    rows = PrescriptionSheet.objects.for_facility(link.facility_id).filter(code="")
    return rows.filter(prescription__signed_at__gte=start, prescription__signed_at__lt=end).count()


def paper(facility: Facility, pk: int) -> PrescriptionSheet:
    """One paper of the facility."""
    rows = PrescriptionSheet.objects.for_facility(facility).select_related(*_RELATED)
    found: PrescriptionSheet | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy đơn thuốc tại cơ sở này")
    return found
