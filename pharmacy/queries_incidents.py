"""Which losses of drugs under special control are to be reported, and the reports (TT 18/2026/TT-BYT annex XI)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from his.accounts.models import Facility
from his.catalogs.models import Drug
from his.core.dates import day_range, local
from his.core.errors import NotFound
from pharmacy.controlled import books_on, circular_since
from pharmacy.incidents import Deadline, deadline
from pharmacy.models import ControlledIncident, StockDocument, StockDocumentLine
from pharmacy.queries_controlled import known_drugs

Kind = StockDocument.Kind
State = ControlledIncident.State

REPORTED_KINDS = (Kind.LOSS, Kind.COUNT_DOWN, Kind.COUNT_UP)
"""Documents that may tell of a loss or a mix-up. What a patient brought back and is written off is none."""


@dataclass(frozen=True, slots=True)
class Unreported:
    """A document with controlled drugs that nobody has written a report of nor dismissed."""

    document: StockDocument
    drugs: str
    deadline: Deadline


def controlled_codes(facility: Facility, at: datetime) -> dict[str, Drug]:
    """Drugs that have a book on the day of the instant, by code."""
    day = local(at).date()
    books = books_on(day)
    return {code: drug for code, drug in known_drugs(facility, day).items() if drug.control_class in books}


def controlled_lines(document: StockDocument) -> list[StockDocumentLine]:
    """Lines of a document whose drugs are under special control on its day."""
    codes = controlled_codes(document.facility, document.posted_at)
    return list(document.lines.filter(lot__drug__code__in=list(codes)).select_related("lot__drug"))


def may_be_incident(document: StockDocument) -> bool:
    """Whether a document can be reported: of a kind that tells of losses, in force, not a write-off of a return."""
    return (
        document.kind in REPORTED_KINDS
        and getattr(document, "reversed_by", None) is None
        and getattr(document, "written_off_return", None) is None
        and local(document.posted_at).date() >= circular_since()
    )


def unreported(facility: Facility, at: datetime) -> list[Unreported]:
    """What is still to be reported or dismissed, the earliest deadline first."""
    codes = controlled_codes(facility, at)
    start, _ = day_range(circular_since())
    rows = StockDocument.objects.for_facility(facility).filter(
        kind__in=REPORTED_KINDS,
        posted_at__gte=start,
        reversed_by__isnull=True,
        written_off_return__isnull=True,
        incident__isnull=True,
        lines__lot__drug__code__in=list(codes),
    )
    found = rows.select_related("store", "facility").prefetch_related("lines__lot__drug").distinct()
    return [
        Unreported(document, _drugs(document, codes), deadline(document.posted_at, at))
        for document in found.order_by("posted_at", "pk")
    ]


def _drugs(document: StockDocument, codes: dict[str, Drug]) -> str:
    totals: dict[str, Decimal] = {}
    for line in document.lines.all():
        code = line.lot.drug.code
        if code in codes:
            totals[code] = totals.get(code, Decimal(0)) + line.quantity
    return "; ".join(f"{codes[code].name} {total.normalize():f} {codes[code].unit}" for code, total in totals.items())


def incidents(facility: Facility) -> QuerySet[ControlledIncident]:
    """All reports, the latest first."""
    rows = ControlledIncident.objects.for_facility(facility).select_related(
        "document__store", "document__reversed_by", "drafted_by", "signed_by", "sent_by"
    )
    return rows.order_by("-found_at", "-pk")


def open_incidents(facility: Facility) -> Sequence[ControlledIncident]:
    """Reports that were not sent yet, the earliest deadline first."""
    return list(incidents(facility).filter(state__in=[State.DRAFTED, State.SIGNED]).order_by("found_at", "pk"))


def incident(facility: Facility, pk: int) -> ControlledIncident:
    """One report of the facility."""
    found: ControlledIncident | None = incidents(facility).filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy báo cáo tại cơ sở này")
    return found
