"""What the pharmacy's screens, the clinical desks and the reports read about stock.

"On hand" is everything on the shelf; "usable" leaves out expired and blocked lots and what is reserved. A drug
is known by its code: when the drug list changes, its lots stay with the row of the list they were bought under.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.catalogs.models import Drug, Storage
from his.core.dates import day_range
from his.core.errors import NotFound
from patients.models import Prescription, PrescriptionLine, Visit
from pharmacy.allocation import ZERO, LotStock, Wanted
from pharmacy.models import (
    Dispense,
    Lot,
    LotBalance,
    Reservation,
    StockDocument,
    StockDocumentLine,
    StockMovement,
    Store,
)
from pharmacy.queries_given import parts_of, refused, still_open


def stores(facility: Facility) -> QuerySet[Store]:
    """Active stores by kind and code."""
    rows = Store.objects.for_facility(facility).filter(is_active=True)
    return rows.select_related("department").order_by("kind", "code")


def store(facility: Facility, pk: int) -> Store:
    """One active store of the facility, or NotFound."""
    found = stores(facility).filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy kho tại cơ sở này")
    return found


def dispensing_stores(facility: Facility) -> QuerySet[Store]:
    """Stores that hand out to outpatients: dispensaries and commune stores, and at a station its main store too."""
    return stores(facility).filter(kind__in=_dispensing_kinds(facility))


def _dispensing_kinds(facility: Facility) -> list[str]:
    kinds: list[str] = [Store.Kind.DISPENSARY, Store.Kind.COMMUNE]
    if facility.kind == Facility.Kind.COMMUNE_STATION:
        kinds.append(Store.Kind.MAIN)
    return kinds


def usable(on: date, prefix: str = "") -> Q:
    """Balances (or, with a prefix, rows that lead to them) of lots that may be issued on the day, kept as they must."""
    good = Q(**{f"{prefix}lot__is_blocked": False, f"{prefix}lot__expires_on__gte": on})
    kept_well = Q(**{f"{prefix}store__keeps__isnull": True}) | Q(**{f"{prefix}lot__drug__storage": ""})
    for storage in Storage.values:
        kept_well |= Q(**{f"{prefix}lot__drug__storage": storage, f"{prefix}store__keeps__contains": [storage]})
    return good & kept_well


def balances(facility: Facility | int) -> QuerySet[LotBalance]:
    """Balances of a facility (or of the one with that id) with their lot, drug and store."""
    return LotBalance.objects.for_facility(facility).select_related("lot__drug", "store")


Kept = Mapping[tuple[int, int], Decimal]
"""What is kept for one prescription, by store and lot."""


def kept_for(prescription: Prescription) -> dict[tuple[int, int], Decimal]:
    """What is kept for a prescription now, by store and lot."""
    rows = held_reservations(prescription).values_list("store_id", "lot_id")
    return {(store_id, lot_id): total for store_id, lot_id, total in rows.annotate(total=Sum("quantity")).order_by()}


def held_reservations(prescription: Prescription) -> QuerySet[Reservation]:
    """Reservations of a prescription that hold stock."""
    rows = Reservation.objects.for_facility(prescription.facility_id)
    return rows.filter(prescription_line__prescription=prescription, state=Reservation.State.HELD)


def wanted_of(line: PrescriptionLine, quantity: Decimal, drug: Drug | None = None) -> Wanted:
    """So much for a line, of the prescribed drug or of another one given in its place, as the allocation reads it.

    The claim of an insured line names the price and tender record of the drug that is given (QĐ 130/QĐ-BYT: DON_GIA,
    TT_THAU of XML3), so only lots bought under that record cover it; who pays alone may get any lot.
    """
    drug = drug or line.drug
    return Wanted(line.pk, drug.code, quantity, drug.bid_info if line.is_insured else "")


def lot_stocks(rows: Iterable[LotBalance], kept: Kept | None = None) -> list[LotStock]:
    """Balances as the allocation reads them; the item is the drug's code, `kept` is for the prescription that asks."""
    own = kept or {}
    return [
        LotStock(
            lot_id=row.lot_id,
            item=row.lot.drug.code,
            expires_on=row.lot.expires_on,
            on_hand=row.on_hand,
            reserved=row.reserved,
            is_blocked=row.lot.is_blocked,
            own=own.get((row.store_id, row.lot_id), ZERO),
            is_kept_well=row.store.can_keep(row.lot.drug.storage),
            tender=row.lot.drug.bid_info,
        )
        for row in rows
    ]


def usable_lots(store: Store, drug_codes: Collection[str], on: date, *, kept: Kept | None = None) -> list[LotBalance]:
    """Balances of one store that may be issued on the day, earliest expiry first, then earliest receipt.

    With `kept` also those of which everything is reserved, when a part is for the prescription that asks.
    """
    own = [lot_id for store_id, lot_id in kept or {} if store_id == store.pk]
    return list(
        balances(store.facility_id)
        .filter(Q(on_hand__gt=F("reserved")) | Q(lot__in=own), usable(on), store=store, lot__drug__code__in=drug_codes)
        .order_by("lot__expires_on", "lot_id")
    )


def usable_stock(facility: Facility, drug_ids: Sequence[int], on: date) -> dict[int, Decimal]:
    """Usable quantity by drug id over the stores that hand out; drugs without any are absent."""
    codes = dict(Drug.objects.for_facility(facility).filter(pk__in=drug_ids).values_list("pk", "code"))
    by_code = usable_by_code(facility, set(codes.values()), on)
    return {pk: by_code[code] for pk, code in codes.items() if by_code.get(code, ZERO) > 0}


def usable_by_code(facility: Facility, drug_codes: Collection[str], on: date) -> dict[str, Decimal]:
    """Usable quantity by drug code over the stores that hand out."""
    rows = (
        LotBalance.objects.for_facility(facility)
        .filter(usable(on), store__is_active=True, store__kind__in=_dispensing_kinds(facility))
        .filter(lot__drug__code__in=drug_codes)
        .values_list("lot__drug__code")
        .annotate(quantity=Sum(F("on_hand") - F("reserved")))
    )
    return dict(rows)


def is_handed_out(prescription: Prescription) -> bool:
    """Whether the prescription was handed out and not taken back."""
    return any(part.net > 0 for part in parts_of(prescription))


def waiting_prescriptions(facility: Facility, day: date) -> QuerySet[Prescription]:
    """Prescriptions signed on the day of which something is still to be handed out, in the order of signing.

    Those that the pharmacy sent back to the doctor wait for the doctor instead.
    """
    start, end = day_range(day)
    return (
        signed_prescriptions(facility)
        .filter(still_open(), ~refused(), signed_at__gte=start, signed_at__lt=end)
        .exclude(visit__state__in=[Visit.State.CLOSED, Visit.State.CANCELLED])
        .order_by("signed_at", "pk")
    )


def signed_prescriptions(facility: Facility) -> QuerySet[Prescription]:
    """Signed prescriptions with visit, patient and doctor. Neither empty nor replaced ones are to be handed out."""
    return (
        Prescription.objects.for_facility(facility)
        .filter(
            Exists(PrescriptionLine.objects.filter(prescription=OuterRef("pk"))),
            signed_at__isnull=False,
            voided_at__isnull=True,
        )
        .select_related("visit__patient", "visit__card", "exam__room", "prescribed_by", "facility")
    )


def dispensed_on(facility: Facility, day: date) -> QuerySet[Dispense]:
    """What was handed out on the day, latest first; reversed ones too."""
    start, end = day_range(day)
    return (
        Dispense.objects.for_facility(facility)
        .filter(dispensed_at__gte=start, dispensed_at__lt=end)
        .select_related("prescription__visit__patient", "document", "store")
        .order_by("-dispensed_at", "-pk")
    )


def expiring_lots(
    facility: Facility, on: date, *, within_days: int, store: Store | None = None
) -> QuerySet[LotBalance]:
    """Stock on hand that is expired or expires within the days, earliest first."""
    rows = balances(facility).filter(on_hand__gt=0, lot__expires_on__lte=on + timedelta(days=within_days))
    return _in_store(rows, store).order_by("lot__expires_on", "lot__drug__name", "lot_id", "store_id")


def _in_store(rows: QuerySet[LotBalance], store: Store | None) -> QuerySet[LotBalance]:
    return rows.filter(store=store) if store is not None else rows


@dataclass(frozen=True, slots=True)
class DrugStock:
    """One drug in one or all stores: everything, what may be issued, and the part that is expired or blocked."""

    code: str
    name: str
    strength: str
    unit: str
    drug_id: int
    on_hand: Decimal
    usable: Decimal
    expired: Decimal
    blocked: Decimal
    value: Decimal
    first_expiry: date | None
    lots: int


def stock_by_drug(facility: Facility, on: date, *, store: Store | None = None, folded: str = "") -> list[DrugStock]:
    """Stock of each drug that has or had a lot here, by name; `folded` narrows by words without marks or by code."""
    rows = _in_store(LotBalance.objects.for_facility(facility), store)
    for word in folded.split():
        rows = rows.filter(lot__drug__search_name__contains=word)
    good = Q(lot__expires_on__gte=on)
    groups = list(
        rows.values(code=F("lot__drug__code")).annotate(
            drug_id=Max("lot__drug_id"),
            held=Sum("on_hand"),
            may_go=Coalesce(Sum(F("on_hand") - F("reserved"), filter=usable(on)), ZERO),
            expired=Coalesce(Sum("on_hand", filter=~good), ZERO),
            blocked=Coalesce(Sum("on_hand", filter=good & Q(lot__is_blocked=True)), ZERO),
            value=Sum(F("on_hand") * F("lot__unit_cost")),
            first_expiry=Min("lot__expires_on", filter=good & Q(on_hand__gt=0)),
            lots=Count("lot", filter=Q(on_hand__gt=0), distinct=True),
        )
    )
    drugs = Drug.objects.for_facility(facility).in_bulk([group["drug_id"] for group in groups])
    found = [_drug_stock(drugs[group["drug_id"]], group) for group in groups]
    return sorted(found, key=lambda stock: (stock.name, stock.code))


def _drug_stock(drug: Drug, group: Mapping[str, Any]) -> DrugStock:
    return DrugStock(
        code=drug.code,
        name=drug.name,
        strength=drug.strength,
        unit=drug.unit,
        drug_id=drug.pk,
        on_hand=group["held"],
        usable=group["may_go"],
        expired=group["expired"],
        blocked=group["blocked"],
        value=group["value"],
        first_expiry=group["first_expiry"],
        lots=group["lots"],
    )


@dataclass(frozen=True, slots=True)
class CardLine:
    """One movement on the stock card, with what was left after it."""

    movement: StockMovement
    incoming: Decimal
    outgoing: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class StockCard:
    """The stock card (thẻ kho) of a drug for a period: opening + in - out = closing."""

    opening: Decimal
    lines: tuple[CardLine, ...]
    incoming: Decimal
    outgoing: Decimal
    closing: Decimal


def stock_card(drug: Drug, first: date, last: date, *, store: Store | None = None) -> StockCard:
    """Every movement of the drug from the first to the last day, both included, in one store or in all."""
    start, _ = day_range(first)
    _, end = day_range(last)
    rows = StockMovement.objects.for_facility(drug.facility).filter(lot__drug__code=drug.code)
    if store is not None:
        rows = rows.filter(store=store)
    opening = left = rows.filter(at__lt=start).aggregate(total=Coalesce(Sum("quantity"), ZERO))["total"]
    lines = []
    period = rows.filter(at__gte=start, at__lt=end).order_by("at", "pk")
    for movement in period.select_related("line__document", "lot", "store"):
        left += movement.quantity
        lines.append(CardLine(movement, max(movement.quantity, ZERO), max(-movement.quantity, ZERO), left))
    incoming = sum((line.incoming for line in lines), ZERO)
    outgoing = sum((line.outgoing for line in lines), ZERO)
    return StockCard(opening, tuple(lines), incoming, outgoing, left)


def documents(facility: Facility, *, store: Store | None = None) -> QuerySet[StockDocument]:
    """Stock documents, latest first."""
    rows = StockDocument.objects.for_facility(facility).select_related("store", "target_store", "posted_by", "reverses")
    if store is not None:
        rows = rows.filter(Q(store=store) | Q(target_store=store))
    return rows.order_by("-posted_at", "-pk")


@dataclass(frozen=True, slots=True)
class LastReceipt:
    """The latest receipt of a drug that was not reversed: what it brought in all its lots, and đồng a unit."""

    quantity: Decimal
    unit_cost: Decimal


def last_receipts(facility: Facility, drug_codes: Collection[str]) -> dict[str, LastReceipt]:
    """The latest receipt of each drug code, reversed receipts left out."""
    rows = (
        StockDocumentLine.objects.for_facility(facility)
        .filter(
            document__kind=StockDocument.Kind.RECEIPT,
            document__reversed_by__isnull=True,
            lot__drug__code__in=drug_codes,
        )
        .order_by("lot__drug__code", "-document_id", "-position")
    )
    latest = list(rows.distinct("lot__drug__code").values_list("lot__drug__code", "document_id", "lot__unit_cost"))
    in_all = rows.filter(document__in=[document for _, document, _ in latest]).order_by()
    brought = {
        (code, document): total
        for code, document, total in in_all.values_list("lot__drug__code", "document_id").annotate(Sum("quantity"))
    }
    return {code: LastReceipt(brought[code, document], cost) for code, document, cost in latest}


def lots_of(drug: Drug) -> QuerySet[Lot]:
    """Every lot of a drug code at its facility, by expiry."""
    return Lot.objects.for_facility(drug.facility).filter(drug__code=drug.code).order_by("expires_on", "pk")


ON_HAND, RESERVED = "on_hand", "reserved"


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of a balance (`on_hand` or `reserved`) that is not the sum of what it rests on."""

    store: str
    drug_code: str
    lot_number: str
    figure: str
    balance: Decimal
    rebuilt: Decimal


def balance_differences(facility: Facility) -> list[Difference]:
    """Balances rebuilt and compared, by store and lot; empty when stock is right."""
    rows = LotBalance.objects.for_facility(facility).values_list("store_id", "lot_id", ON_HAND, RESERVED)
    on_hand, reserved = {}, {}
    for store_id, lot_id, here, kept in rows.order_by():
        on_hand[store_id, lot_id], reserved[store_id, lot_id] = here, kept
    held = Reservation.objects.for_facility(facility).filter(state=Reservation.State.HELD)
    pairs = (
        (ON_HAND, on_hand, _sums(StockMovement.objects.for_facility(facility))),
        (RESERVED, reserved, _sums(held)),
    )
    wrong = [
        (key, figure, stored.get(key, ZERO), rebuilt.get(key, ZERO))
        for figure, stored, rebuilt in pairs
        for key in sorted({*stored, *rebuilt})
        if stored.get(key, ZERO) != rebuilt.get(key, ZERO)
    ]
    stores = Store.objects.for_facility(facility).in_bulk([key[0] for key, *_ in wrong])
    lots = Lot.objects.for_facility(facility).select_related("drug").in_bulk([key[1] for key, *_ in wrong])
    return [
        Difference(
            store=stores[key[0]].code,
            drug_code=lots[key[1]].drug.code,
            lot_number=lots[key[1]].number,
            figure=figure,
            balance=balance,
            rebuilt=rebuilt,
        )
        for key, figure, balance, rebuilt in sorted(wrong)
    ]


def _sums(rows: QuerySet[Any]) -> Mapping[tuple[int, int], Decimal]:
    found = rows.values_list("store_id", "lot_id").annotate(total=Sum("quantity")).order_by()
    return {(store_id, lot_id): total for store_id, lot_id, total in found}
