"""What the dispensing window reads: finding a prescription, the lots proposed for it, what was given before."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Q, QuerySet

from his.accounts.models import Facility
from his.catalogs.models import QuantityRule
from his.core.dates import day_range
from his.core.errors import NotFound
from his.core.text import fold
from patients import scan
from patients.models import Patient, Prescription, PrescriptionLine, QueueTicket
from pharmacy.allocation import ZERO, allocate
from pharmacy.labels import dose_text
from pharmacy.models import Dispense, DispenseLine, Lot, Store
from pharmacy.queries import (
    kept_for,
    lot_stocks,
    signed_prescriptions,
    usable_lots,
    waiting_prescriptions,
    wanted_of,
)

LOOK_BACK_DAYS = 30
_TICKET = re.compile(r"^(A?)(\d{1,4})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LotPart:
    """So much of one lot."""

    lot: Lot
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class WindowLine:
    """One drug of the prescription with the lots that cover it. `left` is what the store may issue of it in all."""

    line: PrescriptionLine
    dose: str
    parts: tuple[LotPart, ...]
    left: Decimal
    is_short: bool


def prescription(facility: Facility, pk: int) -> Prescription:
    """One signed prescription of the facility, or NotFound."""
    found = signed_prescriptions(facility).filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy đơn thuốc đã ký tại cơ sở này")
    return found


def proposal(of: Prescription, store: Store, on: date) -> list[WindowLine]:
    """The lots that dispensing would take now. Nothing is locked: dispensing decides again."""
    lines, kept = list(of.lines.select_related("drug")), kept_for(of)
    rows = usable_lots(store, {line.drug.code for line in lines}, on, kept=kept)
    stocks = lot_stocks(rows, kept)
    allocation = allocate([wanted_of(line, line.quantity) for line in lines], stocks, on)
    lots = {row.lot_id: row.lot for row in rows}
    left: dict[str, Decimal] = {}
    for stock in stocks:
        left[stock.item] = left.get(stock.item, ZERO) + stock.usable(on)
    short = {shortage.key for shortage in allocation.shortages}
    return [
        WindowLine(
            line=line,
            dose=dose_text(line, dose_unit(line)),
            parts=tuple(LotPart(lots[pick.lot_id], pick.quantity) for pick in allocation.picks if pick.key == line.pk),
            left=left.get(line.drug.code, ZERO),
            is_short=line.pk in short,
        )
        for line in lines
    ]


def given(done: Dispense) -> list[WindowLine]:
    """The lots that were handed out, line by line."""
    parts: dict[int, list[LotPart]] = {}
    for row in DispenseLine.objects.filter(dispense=done).select_related("lot").order_by("pk"):
        parts.setdefault(row.prescription_line_id, []).append(LotPart(row.lot, row.quantity))
    lines = done.prescription.lines.select_related("drug")
    return [
        WindowLine(line, dose_text(line, dose_unit(line)), tuple(parts.get(line.pk, ())), ZERO, False) for line in lines
    ]


def dose_unit(line: PrescriptionLine) -> str:
    """The unit in which one dose is counted: ml for liquids, else the unit of the drug."""
    return "ml" if line.drug.quantity_rule == QuantityRule.VOLUME else line.drug.unit.lower()


def ticket_labels(visit_ids: Iterable[int]) -> dict[int, str]:
    """The queue number that the patient holds, by visit: the latest one given out."""
    rows = QueueTicket.objects.filter(visit__in=list(visit_ids)).order_by("issued_at", "pk")
    return {row.visit_id: row.label for row in rows}


def find_prescriptions(facility: Facility, text: str, day: date) -> list[Prescription]:
    """Signed prescriptions for what was scanned or typed at the window, at most 20, the latest first.

    A claim code, prescription number or code of a prescription's paper finds its own, whenever it was signed; that
    of a replaced one finds the one in its place. A
    patient's code, card or phone finds the prescriptions of the last 30 days. A queue number or a name is looked for
    among those waiting on the day.
    """
    if ticket := _TICKET.match(text.strip()):
        return _with_ticket(facility, day, is_priority=bool(ticket[1]), number=int(ticket[2]))
    wanted = text.strip()
    by_number = list(
        signed_prescriptions(facility).filter(Q(number__iexact=wanted) | Q(replaces__number__iexact=wanted))
    )
    if by_number:
        return by_number
    read = scan.read(text)
    if read.kind == "name":
        words = fold(read.full_name or text).split()
        return [row for row in waiting_prescriptions(facility, day) if _has_words(row.visit.patient, words)][:20]
    fits = _identity(read)
    if fits is None:
        return []
    rows = signed_prescriptions(facility).filter(fits)
    if read.kind not in {"claim_code", "prescription_code"}:
        start, _ = day_range(day - timedelta(days=LOOK_BACK_DAYS))
        rows = rows.filter(signed_at__gte=start)
    return list(rows.order_by("-signed_at")[:20])


def _with_ticket(facility: Facility, day: date, *, is_priority: bool, number: int) -> list[Prescription]:
    tickets = QueueTicket.objects.for_facility(facility).filter(day=day, is_priority=is_priority, number=number)
    return list(waiting_prescriptions(facility, day).filter(visit__in=tickets.values("visit_id"))[:20])


def _has_words(patient: Patient, words: list[str]) -> bool:
    name = patient.search_name.split()
    return all(any(part.startswith(word) for part in name) for word in words)


def _identity(read: scan.Scan) -> Q | None:
    """The condition on the visit or patient for what was read, or None when it names nobody."""
    fits = Q()
    for field, value in (
        ("visit__claim_code", read.claim_code),
        ("sheets__code__iexact", read.prescription_code),
        ("replaces__sheets__code__iexact", read.prescription_code),
        ("visit__patient__code", read.patient_code),
        ("visit__patient__citizen_id", read.citizen_id),
        ("visit__patient__old_id_number", read.old_id_number),
        ("visit__patient__social_insurance_no", read.social_insurance_no),
        ("visit__patient__phone", read.phone),
        ("visit__patient__cards__number", read.card_number),
    ):
        if value:
            fits |= Q(**{field: value})
    if not fits:
        return None
    return Q(pk__in=Prescription.objects.filter(fits).values("pk"))


def given_before(patient: Patient, before: date) -> QuerySet[DispenseLine]:
    """What this patient took home in the last 30 days before the day, latest first: twenty lines."""
    start, _ = day_range(before - timedelta(days=LOOK_BACK_DAYS))
    end, _ = day_range(before)
    return (
        DispenseLine.objects.for_facility(patient.facility)
        .filter(
            dispense__is_reversed=False,
            dispense__prescription__visit__patient=patient,
            dispense__dispensed_at__gte=start,
            dispense__dispensed_at__lt=end,
        )
        .select_related("dispense", "lot__drug", "prescription_line")
        .order_by("-dispense__dispensed_at", "pk")[:20]
    )
