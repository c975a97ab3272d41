"""The stock ledger (sổ kho): the only writer of balances.

A document goes into the ledger by one call of a function of the database: balances, number, document, lines and
movements. So what everybody wants, a lot's balance and the next number, is held for one message and the commit. Locks:
the balances in the order of store and lot, then the number (docs/locking.md).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Q, Subquery

from his.accounts.actor import Actor
from his.catalogs.models import Drug
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.service import audit_facts, service
from his.ui.text import decimal_text
from patients.models import Prescription
from pharmacy.allocation import LotStock
from pharmacy.effects import EFFECTS
from pharmacy.models import (
    SIGNS,
    Lot,
    LotBalance,
    MovementKind,
    StockDocument,
    StockDocumentLine,
    StockMovement,
    Store,
)
from pharmacy.queries import balances, dispensing_stores, held_reservations, kept_for, lot_stocks
from pharmacy.services import holds

Kind = StockDocument.Kind

_BRINGS_IN = frozenset({Kind.RECEIPT, Kind.TRANSFER, Kind.ARRIVAL})
"""Documents that put goods into a store that must be able to keep them."""

_OF_THE_SHELF = frozenset({Kind.LOSS, Kind.DESTRUCTION, Kind.COUNT_DOWN})
"""Documents that tell what is no longer there: no reservation can keep it."""

# The function is made by the migration `posting_function`: balances in key order, then the number, then the rows.
_POST = """
SELECT document_id, document_number, short FROM pharmacy_post(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
    %s::bigint[], %s::numeric[], %s::text[], %s::bigint[], %s::int[])
"""


Effect = tuple[MovementKind, int, int]
"""Kind of movement, id of the store, sign."""


@dataclass(slots=True)
class Draft:
    """A document on its way into the ledger: not numbered, not stored, with lots and quantities above zero."""

    document: StockDocument
    items: list[tuple[Lot, Decimal]] = field(default_factory=list)

    def add(self, *, lot: Lot, quantity: Decimal) -> None:
        self.items.append((lot, quantity))


def draft(
    *,
    kind: StockDocument.Kind,
    store: Store,
    actor: Actor,
    at: datetime,
    target_store: Store | None = None,
    reverses: StockDocument | None = None,
    origin: StockDocument | None = None,
    reference: str = "",
    supplier: str = "",
    reason: str = "",
) -> Draft:
    """Begin a document. It gets the next number of its kind and year when it is posted."""
    return Draft(
        StockDocument(
            facility=actor.facility,
            kind=kind,
            store=store,
            target_store=target_store,
            reverses=reverses,
            origin=origin,
            reference=reference,
            supplier=supplier,
            reason=reason,
            posted_at=at,
            posted_by=actor.user,
        )
    )


def locked_stock(
    *,
    store: Store,
    drug_codes: Collection[str],
    at: datetime,
    prescription: Prescription | None = None,
    with_last: bool = False,
) -> tuple[list[LotStock], dict[int, LotBalance]]:
    """What one store may issue of the drugs at that instant, locked until the transaction ends, and balances by lot id.

    What is kept for `prescription` may be issued to it; wherever it lies, it is locked too. What was kept for others
    and lapsed is free. With `with_last` a balance tells when the last line of its bin card was written (`last_at`).
    """
    held = (
        list(held_reservations(prescription).values_list("store_id", "lot_id", "lot__drug__code"))
        if prescription
        else []
    )
    codes = {*drug_codes, *(code for store_id, _, code in held if store_id == store.pk)}
    wanted = Q(store=store, lot__drug__code__in=codes, on_hand__gt=0)
    for store_id, lot_id, _ in held:
        if store_id != store.pk:
            wanted |= Q(store=store_id, lot=lot_id)
    found = balances(store.facility_id).filter(wanted).order_by("store_id", "lot_id")
    if with_last:  # told by the same statement, from the index of the bin cards
        found = found.annotate(last_at=_last_line())
    rows = [row for row in found.select_for_update(of=("self",), no_key=True) if row.store_id == store.pk]
    if holds.release_lapsed(store=store, lot_ids=[row.lot_id for row in rows], at=at):
        rows = [row for row in found if row.store_id == store.pk]
    kept = kept_for(prescription) if prescription is not None and held else {}
    day = local(at).date()
    stocks = [stock for stock in lot_stocks(rows, kept) if stock.usable(day) > 0]
    return stocks, {row.lot_id: row for row in rows}


def _last_line() -> Subquery:
    """When the last line of a balance's bin card was written."""
    lines = StockMovement.objects.filter(store=OuterRef("store"), lot=OuterRef("lot"))
    return Subquery(lines.order_by("-at").values("at")[:1])


@service(action="pharmacy.post", permission=None)
def post(*, draft: Draft, actor: Actor, at: datetime) -> StockDocument:
    """Number and store a document with its lines and movements, and change the balances by exactly that much.

    Refuses with "shortage" when a store holds less of a lot than the document takes out, naming the lot. What is
    kept for prescriptions is not taken, unless the document says what happened on the shelf (loss, destruction, count):
    then as many reservations end as the shelf lacks, the latest first. A draft that was posted is not posted again.
    """
    document = draft.document
    if document.pk:
        return document
    _same_facility(draft, actor)
    if not draft.items:
        raise Refusal("no_lines", "Chứng từ chưa có dòng thuốc nào", field="lines")
    _refuse_warm(draft)
    write(draft)
    audit_facts(number=document.number, kind=str(document.kind), lines=len(draft.items))
    return document


def _refuse_warm(draft: Draft) -> None:
    store = draft.document.target_store or draft.document.store
    if draft.document.kind not in _BRINGS_IN or store.keeps is None:
        return
    drugs = {lot.drug_id: position for position, (lot, _) in enumerate(draft.items)}
    for drug in Drug.objects.for_facility(store.facility_id).filter(pk__in=drugs).order_by("pk"):
        if not store.can_keep(drug.storage):
            text = f"{drug.name} phải bảo quản {drug.get_storage_display()}, {store.name} không giữ được"
            raise Refusal("cold_chain", text, field="store", position=drugs[drug.pk])


def write(draft: Draft) -> None:
    """The function of `post`, without its checks: the caller's transaction holds what it locked until it ends."""
    document, values = draft.document, _values(draft)
    pk, number, short = _executed(values)
    if (
        pk is None
        and document.kind in _OF_THE_SHELF
        and holds.give_way(document.facility, _keys(short), at=document.posted_at)
    ):
        pk, number, short = _executed(values)
    if pk is None:
        raise _shortage(document, _keys(short))
    document.pk, document.number = pk, number
    document._state.adding, document._state.db = False, connection.alias


def _executed(values: tuple[Any, ...]) -> tuple[int | None, str, list[list[Decimal]]]:
    with connection.cursor() as cursor:
        cursor.execute(_POST, values)
        pk, number, short = cursor.fetchone()
    return pk, number, short or []


def _keys(short: list[list[Decimal]]) -> dict[tuple[int, int], Decimal]:
    """What was asked for, by store and lot, where there was too little."""
    return {(int(store_id), int(lot_id)): wanted for store_id, lot_id, wanted in short}


def _values(draft: Draft) -> tuple[Any, ...]:
    """The parameters of the function."""
    document, effects = draft.document, _effects(draft.document)
    year = local(document.posted_at).year
    return (
        document.facility_id,
        f"stock-{document.kind}-{year}",
        f"{EFFECTS[document.kind].prefix}{year % 100:02d}-",
        str(document.kind),
        document.store_id,
        document.target_store_id,
        document.reverses_id,
        document.origin_id,
        document.reference,
        document.supplier,
        document.reason,
        document.posted_at,
        document.posted_by_id,
        [lot.pk for lot, _ in draft.items],
        [quantity for _, quantity in draft.items],
        [str(kind) for kind, _, _ in effects],
        [store_id for _, store_id, _ in effects],
        [sign for _, _, sign in effects],
    )


def _effects(document: StockDocument) -> list[Effect]:
    """Kind, store and sign of the movements that each line makes.

    The sign is that of the movement kind, the opposite for a reversing document.
    """
    origin = document.reverses or document
    direction = -1 if document.reverses is not None else 1
    target_id = origin.target_store_id or origin.store_id
    return [
        (kind, target_id if is_target else origin.store_id, direction * SIGNS[kind])
        for kind, is_target in EFFECTS[origin.kind].moves
    ]


def stores_changed(draft: Draft) -> tuple[set[int], set[int]]:
    """The stores, by id, that a draft takes out of and those that it brings into."""
    effects = _effects(draft.document)
    return ({store for _, store, sign in effects if sign < 0}, {store for _, store, sign in effects if sign > 0})


def lock_balances(actor: Actor, wanted: Q) -> None:
    """Lock the balances that a service will need after its first document, by one statement in the order of the key.

    A document takes its number last, so nothing may be locked after it that others hold while they wait for a number.
    """
    rows = balances(actor.facility).filter(wanted).order_by("store_id", "lot_id")
    list(rows.select_for_update(of=("self",), no_key=True).values_list("pk"))


def balances_to_keep_from(prescription: Prescription, stores: Collection[int] = ()) -> Q:
    """The balances that keeping stock for a prescription may change: its drugs in each store that hands out (and in
    `stores`, by id), and what is kept for it now, wherever it lies."""
    facility = prescription.facility
    lines = prescription.lines.values("drug__code")
    wanted = Q(store__in={*stores, *(store.pk for store in dispensing_stores(facility))}, on_hand__gt=0)
    wanted &= Q(lot__drug__code__in=lines)
    for store_id, lot_id in held_reservations(prescription).values_list("store_id", "lot_id"):
        wanted |= Q(store=store_id, lot=lot_id)
    return wanted


def movements_of(document: StockDocument, line: StockDocumentLine) -> list[StockMovement]:
    """The movements of one line, as posting stores them."""
    return [
        StockMovement(
            facility_id=document.facility_id,
            line=line,
            kind=kind,
            store_id=store_id,
            lot_id=line.lot_id,
            quantity=sign * line.quantity,
            at=document.posted_at,
        )
        for kind, store_id, sign in _effects(document)
    ]


def _shortage(document: StockDocument, short: dict[tuple[int, int], Decimal]) -> Refusal:
    """The refusal that names the first lot of which a store has too little; the balances are locked."""
    rows = balances(document.facility_id).filter(
        store__in={store_id for store_id, _ in short}, lot__in={lot_id for _, lot_id in short}
    )
    for row in rows.order_by("store_id", "lot_id"):
        if wanted := short.get((row.store_id, row.lot_id)):
            free = row.on_hand - row.reserved
            text = _shortage_text(row, wanted, free)
            return Refusal("shortage", text, field="lines", lot_id=row.lot_id, left=free, wanted=wanted)
    return Refusal("shortage", "Kho này chưa từng có lô cần xuất", field="lines", left=Decimal(0))


def _shortage_text(row: LotBalance, wanted: Decimal, free: Decimal) -> str:
    drug = row.lot.drug
    return (
        f"{drug.name}, lô {row.lot.number}: {row.store.name} chỉ còn {decimal_text(free)} {drug.unit}, "
        f"cần {decimal_text(wanted)}"
    )


def _same_facility(draft: Draft, actor: Actor) -> None:
    """The draft carries rows that the service wrapper does not see; all are of the actor's facility."""
    document = draft.document
    parts = [
        document.store,
        document.target_store,
        document.reverses,
        document.origin,
        *(lot for lot, _ in draft.items),
    ]
    if any(part is not None and part.facility_id != actor.facility.pk for part in parts):
        raise NotFound
