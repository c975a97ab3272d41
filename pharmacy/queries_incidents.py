"""Which losses of drugs under special control are to be reported, and the reports (TT 18/2026/TT-BYT annex XI)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import QuerySet

from his.accounts.models import Facility
from his.catalogs.models import Drug
from his.core.dates import day_range, local
from his.core.errors import NotFound
from his.ui.text import decimal_text
from pharmacy.controlled import books_on, circular_since
from pharmacy.incidents import Deadline, deadline
from pharmacy.models import ControlledIncident, StockDocument, StockDocumentLine
from pharmacy.queries_controlled import ever_controlled, known_drugs, known_drugs_by_day

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


def _with_book(known: Mapping[str, Drug], day: date) -> dict[str, Drug]:
    """Those of the drugs that have a book on the day, by code."""
    books = books_on(day)
    return {code: drug for code, drug in known.items() if drug.control_class in books}


def controlled_lines(document: StockDocument) -> list[StockDocumentLine]:
    """Lines of a document whose drugs are under special control on its day."""
    day = local(document.posted_at).date()
    codes = _with_book(known_drugs(document.facility, day), day)
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
    """What is still to be reported or dismissed at an instant, the earliest deadline first.

    Whether a drug is under special control is asked of the day of the document, as the report asks it. Nobody has said
    yet when the loss was noticed, so the hours count from the document.
    """
    start, _ = day_range(circular_since())
    rows = StockDocument.objects.for_facility(facility).filter(
        kind__in=REPORTED_KINDS,
        posted_at__gte=start,
        reversed_by__isnull=True,
        written_off_return__isnull=True,
        incident__isnull=True,
        lines__lot__drug__code__in=ever_controlled(facility),
    )
    documents = rows.select_related("store", "facility").prefetch_related("lines__lot__drug").distinct()
    found = [(one, local(one.posted_at).date()) for one in documents.order_by("posted_at", "pk")]
    known = known_drugs_by_day(facility, {day for _, day in found})
    said = [(document, _drugs(document, _with_book(known[day], day))) for document, day in found]
    return [Unreported(document, drugs, deadline(document.posted_at, at)) for document, drugs in said if drugs]


def _drugs(document: StockDocument, codes: dict[str, Drug]) -> str:
    totals: dict[str, Decimal] = {}
    for line in document.lines.all():
        code = line.lot.drug.code
        if code in codes:
            totals[code] = totals.get(code, Decimal(0)) + line.quantity
    return "; ".join(f"{codes[code].name} {decimal_text(total)} {codes[code].unit}" for code, total in totals.items())


def incidents(facility: Facility) -> QuerySet[ControlledIncident]:
    """All reports, the latest first."""
    rows = ControlledIncident.objects.for_facility(facility).select_related(
        "document__store", "document__reversed_by", "drafted_by", "signed_by", "sent_by"
    )
    return rows.order_by("-found_at", "-pk")


OPEN = (State.DRAFTED, State.SIGNED)
"""Reports that somebody has still to do something about."""


def open_incidents(facility: Facility) -> Sequence[ControlledIncident]:
    """Reports that were not sent yet, the earliest deadline first."""
    return list(incidents(facility).filter(state__in=OPEN).order_by("found_at", "pk"))


def open_incident_of(document: StockDocument) -> ControlledIncident | None:
    """The report of a document that was not sent yet, if there is one."""
    rows = incidents(document.facility).filter(document=document, state__in=OPEN)
    found: ControlledIncident | None = rows.first()
    return found


def ended_incidents(facility: Facility) -> QuerySet[ControlledIncident]:
    """Reports that were sent or decided not to be any, the latest first."""
    return incidents(facility).exclude(state__in=OPEN)


def incident(facility: Facility, pk: int) -> ControlledIncident:
    """One report of the facility."""
    found: ControlledIncident | None = incidents(facility).filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy báo cáo tại cơ sở này")
    return found
