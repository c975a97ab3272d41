"""What the dispensing window reads: finding a prescription, the lots proposed for it, what was given before."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, QuerySet

from his.accounts.models import Facility
from his.catalogs.models import Drug, QuantityRule
from his.core.dates import day_range
from his.core.errors import NotFound
from his.core.text import fold
from patients import scan
from patients.models import Patient, Prescription, PrescriptionLine, QueueTicket
from pharmacy import hooks
from pharmacy.allocation import ZERO, allocate
from pharmacy.labels import dose_text
from pharmacy.models import Counselling, Dispense, DispenseLine, Lot, Store, WindowCall
from pharmacy.queries import (
    Kept,
    kept_for,
    lot_stocks,
    signed_prescriptions,
    usable_lots,
    waiting_prescriptions,
    wanted_of,
)
from pharmacy.queries_given import LineParts, parts_on, with_returned

LOOK_BACK_DAYS = 30
_TICKET = re.compile(r"^(A?)(\d{1,4})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LotPart:
    """So much of one lot."""

    lot: Lot
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Substitute:
    """Another product that may be given: what the store may issue of it, its price against the prescribed one (đồng a
    unit), and what the patient would pay more for what is open (đồng; below zero less, None when it cannot be told)."""

    drug: Drug
    left: Decimal
    price_change: Decimal
    patient_change: Decimal | None


@dataclass(frozen=True, slots=True)
class WindowLine:
    """One drug of the prescription that is still open, with the lots that cover it.

    `left` is what the store may issue of it in all, `lots` all usable lots in the order of expiry.
    """

    part: LineParts
    dose: str
    parts: tuple[LotPart, ...]
    left: Decimal
    is_short: bool
    lots: tuple[LotPart, ...] = ()
    substitutes: tuple[Substitute, ...] = ()

    @property
    def line(self) -> PrescriptionLine:
        return self.part.line

    @property
    def possible(self) -> Decimal:
        """How much of what is open the lots cover."""
        return sum((one.quantity for one in self.parts), ZERO)


@dataclass(frozen=True, slots=True)
class GivenLine:
    """One lot that was handed out for a line; `left` is what the patient still has of it."""

    row: DispenseLine
    returned: Decimal

    @property
    def left(self) -> Decimal:
        quantity: Decimal = self.row.quantity
        return quantity - self.returned


def prescription(facility: Facility, pk: int) -> Prescription:
    """One signed prescription of the facility, or NotFound."""
    found = signed_prescriptions(facility).prefetch_related("sheets").filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy đơn thuốc đã ký tại cơ sở này")
    return found


def proposal(of: Prescription, store: Store, on: date) -> list[WindowLine]:
    """What is open and the lots that dispensing would take now. Nothing is locked: dispensing decides again."""
    return proposal_for([part for part in parts_on(of, on) if part.open > 0], store, on, kept=kept_for(of))


def proposal_for(
    open_parts: Sequence[LineParts], store: Store, on: date, *, kept: Kept | None = None
) -> list[WindowLine]:
    """As `proposal`, for lines whose parts were read before; `kept` is what is kept for their prescription."""
    rows = usable_lots(store, {part.line.drug.code for part in open_parts}, on, kept=kept)
    stocks = lot_stocks(rows, kept)
    allocation = allocate([wanted_of(part.line, part.open) for part in open_parts], stocks, on)
    lots = {row.lot_id: row.lot for row in rows}
    short = {shortage.key for shortage in allocation.shortages}
    return [
        WindowLine(
            part=part,
            dose=dose_text(part.line, dose_unit(part.line)),
            parts=tuple(
                LotPart(lots[pick.lot_id], pick.quantity) for pick in allocation.picks if pick.key == part.line.pk
            ),
            left=sum((stock.usable(on) for stock in stocks if stock.item == part.line.drug.code), ZERO),
            is_short=part.line.pk in short,
            lots=tuple(
                LotPart(lots[stock.lot_id], stock.usable(on))
                for stock in stocks
                if stock.item == part.line.drug.code and stock.usable(on) > 0
            ),
            substitutes=tuple(substitutes(part.line, store, on, part.open)) if part.line.pk in short else (),
        )
        for part in open_parts
    ]


def same_products(drug: Drug, on: date) -> list[Drug]:
    """Other products in force on the day that may be given for a drug (TT 26/2025/TT-BYT): the same ingredient,
    strength, route and dose form, counted in the same unit; the cheapest first."""
    rows = Drug.objects.for_facility(drug.facility_id).on(on)
    rows = rows.filter(ingredient_code=drug.ingredient_code, route_code=drug.route_code).exclude(code=drug.code)
    return [row for row in rows.order_by("price", "code") if _sameness(row) == _sameness(drug)]


def _sameness(drug: Drug) -> tuple[str, ...]:
    texts = (drug.ingredient, drug.strength, drug.dose_form, drug.unit)
    return tuple(fold(text).replace(" ", "") for text in texts)


def substitutes(line: PrescriptionLine, store: Store, on: date, quantity: Decimal | None = None) -> list[Substitute]:
    """Products that the store can hand out in place of a line's drug, those that cover `quantity` (the whole line
    unless given) first, then the cheapest."""
    wanted: Decimal = line.quantity if quantity is None else quantity
    others = same_products(line.drug, on)
    if not others:
        return []
    left: dict[str, Decimal] = {}
    for stock in lot_stocks(usable_lots(store, {drug.code for drug in others}, on)):
        left[stock.item] = left.get(stock.item, ZERO) + stock.usable(on)
    found = [
        Substitute(
            drug=drug,
            left=left[drug.code],
            price_change=drug.price - line.drug.price,
            patient_change=hooks.price_effect(line, drug, min(wanted, left[drug.code])),
        )
        for drug in others
        if left.get(drug.code, ZERO) > 0
    ]
    return sorted(found, key=lambda one: (one.left < wanted, one.drug.price, one.drug.code))


def given(done: Dispense) -> list[GivenLine]:
    """The lots that were handed out, line by line."""
    rows = with_returned(DispenseLine.objects.for_facility(done.facility_id).filter(dispense=done)).select_related(
        "lot__drug", "prescription_line__drug", "prescription_line__prescription", "substitution__drug"
    )
    return [GivenLine(row, row.came_back) for row in rows.order_by("prescription_line__position", "pk")]


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


def counselling_before(patient: Patient, but: Prescription) -> list[Counselling]:
    """What this patient was told at earlier prescriptions, latest first: five notes."""
    rows = Counselling.objects.for_facility(patient.facility_id).filter(
        dispense__is_reversed=False, dispense__prescription__visit__patient=patient
    )
    return list(rows.exclude(dispense__prescription=but).select_related("by").order_by("-at", "-pk")[:5])


# Calling


def calls_of(facility: Facility, prescription_ids: Iterable[int]) -> dict[int, WindowCall]:
    """The last call of each prescription; those never called are absent."""
    rows = WindowCall.objects.for_facility(facility).filter(prescription__in=list(prescription_ids))
    rows = rows.select_related("store").order_by("prescription_id", "-at", "-pk").distinct("prescription_id")
    return {row.prescription_id: row for row in rows}


def to_call(facility: Facility, day: date) -> Prescription | None:
    """Who is called next: of those never called, priority first, then the first signed."""
    called = WindowCall.objects.filter(prescription=OuterRef("pk"))
    rows = waiting_prescriptions(facility, day).filter(~Exists(called))
    return rows.order_by("-visit__priority", "signed_at", "pk").first()


@dataclass(frozen=True, slots=True)
class Shown:
    """One call as the screen on the wall shows it: a number, a part of the name, the window."""

    label: str
    name: str
    window: str


def called_now(facility: Facility, day: date) -> list[Shown]:
    """The last patient called to each window on the day who is not finished, the latest call first."""
    start, end = day_range(day)
    rows = WindowCall.objects.for_facility(facility).filter(at__gte=start, at__lt=end).select_related("store")
    last = rows.order_by("prescription_id", "-at", "-pk").distinct("prescription_id")
    waiting = {row.pk: row for row in waiting_prescriptions(facility, day)}
    calls = [call for call in last if not call.is_absent and call.prescription_id in waiting]
    calls.sort(key=lambda call: (call.at, call.pk), reverse=True)
    newest = {call.store_id: call for call in reversed(calls)}
    labels = ticket_labels([waiting[call.prescription_id].visit_id for call in newest.values()])
    return [
        Shown(
            labels.get(waiting[call.prescription_id].visit_id, "–"),
            short_name(waiting[call.prescription_id].visit.patient.full_name),
            call.store.name,
        )
        for call in sorted(newest.values(), key=lambda call: (call.at, call.pk), reverse=True)
    ]


def short_name(full_name: str) -> str:
    """A name that only its owner recognises: initials and the given name, "N. T. Lan"."""
    *before, given_name = full_name.split() or [""]
    return " ".join([*(f"{word[0]}." for word in before), given_name])
