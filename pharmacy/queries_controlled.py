"""What the books of drugs under special control say, read from the ledger (TT 18/2026/TT-BYT annexes VIII, IX, XVI)."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum

from his.accounts.models import Facility
from his.catalogs.models import Drug
from his.core.dates import day_range, local
from pharmacy.controlled import ZERO, BookDrug, BookRow, YearRow, books_on, plain
from pharmacy.models import (
    ControlledPage,
    ControlledSignature,
    MovementKind,
    ReturnRecord,
    StockDocument,
    StockMovement,
    Store,
)

LOOK_BACK_DAYS = 31
"""How far back days without signatures are warned of."""

_LOST = (MovementKind.LOSS, MovementKind.DESTRUCTION, MovementKind.COUNT_DOWN)
_OUT = (MovementKind.DISPENSE, MovementKind.SUPPLIER_RETURN)
_INSIDE = (MovementKind.TRANSFER_IN, MovementKind.TRANSFER_OUT)


def controlled_drugs(facility: Facility, control_class: str, day: date) -> dict[str, Drug]:
    """Drugs that are of the class by the latest row of the list up to the day, by code; also those off the list."""
    return {code: drug for code, drug in known_drugs(facility, day).items() if drug.control_class == control_class}


def known_drugs(facility: Facility, day: date) -> dict[str, Drug]:
    """The latest row up to the day of every drug that was ever controlled, by name."""
    return known_drugs_by_day(facility, [day])[day]


def known_drugs_by_day(facility: Facility, days: Collection[date]) -> dict[date, dict[str, Drug]]:
    """As `known_drugs`, for each of several days in one question."""
    rows = Drug.objects.for_facility(facility).filter(code__in=ever_controlled(facility))
    versions = list(rows.filter(valid_from__lte=max(days)).order_by("code", "valid_from")) if days else []

    def on(day: date) -> dict[str, Drug]:
        latest = {drug.code: drug for drug in versions if drug.valid_from <= day}
        return {drug.code: drug for drug in sorted(latest.values(), key=lambda drug: (drug.name, drug.code))}

    return {day: on(day) for day in days}


def ever_controlled(facility: Facility) -> QuerySet[Any]:
    """Codes of all drugs that were under special control at any time, for a condition."""
    return Drug.objects.for_facility(facility).exclude(control_class="").values("code")


def _movements(store: Store, codes: Iterable[str]) -> QuerySet[StockMovement]:
    return StockMovement.objects.for_facility(store.facility_id).filter(store=store, lot__drug__code__in=list(codes))


def book_of(store: Store, control_class: str, day: date) -> list[BookDrug]:
    """The day of a class in a store: each drug that it held or moved, with every movement and the running balance."""
    drugs = controlled_drugs(store.facility, control_class, day)
    start, end = day_range(day)
    rows = _movements(store, drugs)
    before = dict(rows.filter(at__lt=start).order_by().values_list("lot__drug__code").annotate(total=Sum("quantity")))
    moved: dict[str, list[StockMovement]] = {}
    related = (
        "lot__drug",
        "line__document__store",
        "line__document__target_store",
        "line__document__origin__store",
        "line__document__dispense__prescription__visit__patient",
        "line__document__reverses__dispense__prescription__visit__patient",
    )
    for movement in rows.filter(at__gte=start, at__lt=end).select_related(*related).order_by("at", "pk"):
        moved.setdefault(movement.lot.drug.code, []).append(movement)
    return [
        BookDrug(
            code=code,
            name=drug.name,
            strength=drug.strength,
            registration_no=drug.registration_no,
            unit=drug.unit,
            opening=before.get(code, ZERO),
            rows=_book_rows(before.get(code, ZERO), moved.get(code, ())),
        )
        for code, drug in drugs.items()
        if before.get(code) or code in moved
    ]


def _book_rows(opening: Decimal, movements: Sequence[StockMovement]) -> list[BookRow]:
    left, rows = opening, []
    for movement in movements:
        left += movement.quantity
        document = movement.line.document
        rows.append(
            BookRow(
                at=f"{local(movement.at):%d/%m/%Y %H:%M}",
                place=_place(document, movement),
                number=document.number,
                incoming=max(movement.quantity, ZERO),
                outgoing=max(-movement.quantity, ZERO),
                left=left,
                lot=movement.lot.number,
                expires_on=f"{movement.lot.expires_on:%d/%m/%Y}",
                note=_note(document),
            )
        )
    return rows


def _place(document: StockDocument, movement: StockMovement) -> str:
    """Where the goods came from or went to: the patient, the supplier, the other store."""
    origin = document.reverses or document
    given = getattr(origin, "dispense", None)
    if given is not None:
        prescription = given.prescription
        return f"{prescription.visit.patient.full_name}, đơn {prescription.number}"
    if movement.kind == MovementKind.TRANSFER_IN:
        return str((origin.origin or origin).store.name)
    if movement.kind == MovementKind.TRANSFER_OUT and origin.target_store is not None:
        return str(origin.target_store.name)
    return str(origin.supplier or movement.get_kind_display())


def _note(document: StockDocument) -> str:
    undone = f"Hủy {document.reverses.number}" if document.reverses is not None else ""
    return ". ".join(part for part in (undone, document.reason) if part)


def return_records(facility: Facility) -> QuerySet[ReturnRecord]:
    """Records of controlled drugs that came back, the latest first, also those whose return was undone."""
    rows: QuerySet[ReturnRecord] = ReturnRecord.objects.for_facility(facility)
    rows = rows.select_related("patient_return__document", "patient_return__dispense__prescription")
    return rows.order_by("-at", "-pk")


def page_of(store: Store, control_class: str, day: date) -> ControlledPage | None:
    """The closed day with its signatures, when it was closed."""
    rows = ControlledPage.objects.for_facility(store.facility_id).filter(store=store, control_class=control_class)
    found: ControlledPage | None = rows.filter(day=day).prefetch_related("signatures__by").first()
    return found


def differences(page: ControlledPage) -> list[dict[str, Any]]:
    """Drugs of a closed day that the ledger now tells otherwise: what was signed and what it says; empty when true."""
    signed = {row["code"]: row for row in page.rows}
    now = {row["code"]: row for row in plain(book_of(page.store, page.control_class, page.day))}
    return [
        {"code": code, "signed": signed.get(code), "now": now.get(code)}
        for code in sorted({*signed, *now})
        if signed.get(code) != now.get(code)
    ]


@dataclass(frozen=True, slots=True)
class UnsignedDay:
    """A day of a book on which it moved and that two people have not signed yet."""

    store: Store
    control_class: str
    day: date


def unsigned(facility: Facility, before: date) -> list[UnsignedDay]:
    """All such days of all books of the facility in the month before the day, by day and store."""
    first = before - timedelta(days=LOOK_BACK_DAYS)
    start, end = day_range(first)[0], day_range(before)[0]
    books, known = books_on(before), known_drugs(facility, before)
    classes = {code: drug.control_class for code, drug in known.items() if drug.control_class in books}
    rows = StockMovement.objects.for_facility(facility).filter(
        lot__drug__code__in=list(classes), at__gte=start, at__lt=end
    )
    moved = {
        (store, classes[code], local(at).date())
        for store, code, at in rows.order_by().values_list("store_id", "lot__drug__code", "at")
    }
    signed = ControlledSignature.objects.for_facility(facility).filter(page__day__gte=first, page__day__lt=before)
    signatures = Counter(signed.order_by().values_list("page__store_id", "page__control_class", "page__day"))
    by_id = {store.pk: store for store in Store.objects.for_facility(facility)}
    left = [one for one in moved if signatures[one] < 2]
    found = [UnsignedDay(by_id[store], control_class, day) for store, control_class, day in left]
    return sorted(found, key=lambda one: (one.day, one.store.code, one.control_class))


def classes_held(store: Store, day: date) -> list[str]:
    """Control classes of which the store ever held a drug, in the order of the books."""
    codes = {code: drug.control_class for code, drug in known_drugs(store.facility, day).items()}
    moved = set(_movements(store, codes).order_by().values_list("lot__drug__code", flat=True).distinct())
    found = {codes[code] for code in moved}
    return [control_class for control_class in books_on(day) if control_class in found]


def year_rows(facility: Facility, first: date, last: date) -> list[YearRow]:
    """Annex IX for a period, both days included: the whole facility, moves between its own stores left out.

    Undone documents count in their own column with the opposite sign. Goods on their way between stores are part of
    the closing stock.
    """
    start, _ = day_range(first)
    _, end = day_range(last)
    found = []
    for control_class, book in books_on(last).items():
        if not book.is_reported:
            continue
        drugs = controlled_drugs(facility, control_class, last)
        rows = StockMovement.objects.for_facility(facility).filter(lot__drug__code__in=list(drugs))
        rows = rows.exclude(kind__in=_INSIDE).order_by()
        before = dict(rows.filter(at__lt=start).values_list("lot__drug__code").annotate(total=Sum("quantity")))
        moved: dict[str, dict[str, Decimal]] = {}
        period = rows.filter(at__gte=start, at__lt=end).values_list("lot__drug__code", "kind")
        for code, kind, total in period.annotate(total=Sum("quantity")):
            moved.setdefault(code, {})[kind] = total
        found += [
            _year_row(drug, book.substance_vi, before.get(code, ZERO), moved.get(code, {}))
            for code, drug in drugs.items()
            if before.get(code) or code in moved
        ]
    return found


def _year_row(drug: Drug, substance_vi: str, opening: Decimal, moved: Mapping[str, Decimal]) -> YearRow:
    outgoing = -sum((moved.get(kind, ZERO) for kind in _OUT), ZERO)
    lost = -sum((moved.get(kind, ZERO) for kind in _LOST), ZERO)
    incoming = sum(moved.values(), ZERO) + outgoing + lost
    form = ", ".join(part for part in (drug.name, drug.dose_form) if part)
    return YearRow(
        name=form,
        ingredient=f"{drug.ingredient} {drug.strength}".strip(),
        substance=f"{drug.ingredient} ({substance_vi}) {drug.strength}".strip(),
        registration_no=drug.registration_no,
        unit=drug.unit,
        opening=opening,
        incoming=incoming,
        outgoing=outgoing,
        lost=lost,
    )
