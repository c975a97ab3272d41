"""The stock ledger (sổ kho): the only writer of balances.

A document goes into the ledger by one statement: balances, number, document, lines and movements. So what everybody
wants, a lot's balance and the next number, is held for one message and the commit. Locks: the balances in the order
of store and lot, then the number (docs/locking.md).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Q
from psycopg2 import sql

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
from pharmacy.queries import balances, held_reservations, kept_for, lot_stocks
from pharmacy.services import holds

Kind = StockDocument.Kind

_BRINGS_IN = frozenset({Kind.RECEIPT, Kind.TRANSFER, Kind.ARRIVAL})
"""Documents that put goods into a store that must be able to keep them."""

_OF_THE_SHELF = frozenset({Kind.LOSS, Kind.DESTRUCTION, Kind.COUNT_DOWN})
"""Documents that tell what is no longer there: no reservation can keep it."""

# The parts run in this order, because each reads the one before. The balances are locked in key order. When one has
# too little (`short`), nothing is changed and there is no number and no document. A balance that the store never had
# is inserted, or added to when somebody else inserted it meanwhile. `changed` takes its figures from the locked rows:
# those that the statement saw when it began may be older, and the CHECK would be asked about them first.
_POST = """
WITH line AS (
    SELECT * FROM unnest(%(positions)s::int[], %(lots)s::bigint[], %(quantities)s::numeric[])
        AS l (position, lot_id, quantity)
), effect AS (
    SELECT * FROM unnest(%(kinds)s::text[], %(stores)s::bigint[], %(signs)s::int[]) AS e (kind, store_id, sign)
), change AS (
    SELECT e.store_id, l.lot_id, sum(e.sign * l.quantity) AS quantity FROM line l CROSS JOIN effect e
    GROUP BY e.store_id, l.lot_id
), held AS (
    SELECT b.id, b.store_id, b.lot_id, b.on_hand, b.reserved, c.quantity
    FROM pharmacy_lotbalance b JOIN change c ON c.store_id = b.store_id AND c.lot_id = b.lot_id
    ORDER BY b.store_id, b.lot_id FOR NO KEY UPDATE OF b
), short AS (
    SELECT c.store_id, c.lot_id, -c.quantity AS wanted
    FROM change c LEFT JOIN held h ON h.store_id = c.store_id AND h.lot_id = c.lot_id
    WHERE c.quantity < 0 AND coalesce(h.on_hand - h.reserved, 0) + c.quantity < 0
), changed AS (
    UPDATE pharmacy_lotbalance b SET on_hand = h.on_hand + h.quantity, reserved = h.reserved FROM held h
    WHERE b.id = h.id AND NOT EXISTS (SELECT FROM short)
    RETURNING b.store_id, b.lot_id
), added AS (
    INSERT INTO pharmacy_lotbalance AS b (facility_id, store_id, lot_id, on_hand, reserved)
    SELECT %(facility)s, c.store_id, c.lot_id, c.quantity, 0 FROM change c
    WHERE c.quantity > 0 AND NOT EXISTS (SELECT FROM short)
        AND NOT EXISTS (SELECT FROM held h WHERE h.store_id = c.store_id AND h.lot_id = c.lot_id)
    ORDER BY c.store_id, c.lot_id
    ON CONFLICT (store_id, lot_id) DO UPDATE SET on_hand = b.on_hand + excluded.on_hand
    RETURNING b.store_id, b.lot_id
), done AS (
    SELECT store_id, lot_id FROM changed UNION ALL SELECT store_id, lot_id FROM added
), counter AS (
    INSERT INTO patients_counter AS c (facility_id, series, last)
    SELECT %(facility)s, %(series)s, 1 WHERE (SELECT count(*) FROM done) = (SELECT count(*) FROM change)
    ON CONFLICT (facility_id, series) DO UPDATE SET last = c.last + 1
    RETURNING last
), document AS (
    INSERT INTO pharmacy_stockdocument (number, {columns})
    SELECT %(prefix)s || lpad(last::text, greatest(6, length(last::text)), '0'), {values} FROM counter
    RETURNING id, number
), stored AS (
    INSERT INTO pharmacy_stockdocumentline (facility_id, document_id, position, lot_id, quantity)
    SELECT %(facility)s, d.id, l.position, l.lot_id, l.quantity FROM document d CROSS JOIN line l ORDER BY l.position
    RETURNING id, lot_id, quantity
), moved AS (
    INSERT INTO pharmacy_stockmovement (facility_id, line_id, kind, store_id, lot_id, quantity, at)
    SELECT %(facility)s, s.id, e.kind, e.store_id, s.lot_id, e.sign * s.quantity, %(at)s
    FROM stored s CROSS JOIN effect e ORDER BY s.id, e.kind
)
SELECT (SELECT id FROM document), (SELECT number FROM document),
    (SELECT array_agg(ARRAY[store_id, lot_id, wanted]) FROM short)
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
    *, store: Store, drug_codes: Collection[str], at: datetime, prescription: Prescription | None = None
) -> tuple[list[LotStock], dict[int, Lot]]:
    """What one store may issue of the drugs at that instant, locked until the transaction ends, and the lots by id.

    What is kept for `prescription` may be issued to it; wherever it lies, it is locked too. What was kept for others
    and lapsed is free.
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
    rows = [row for row in found.select_for_update(of=("self",), no_key=True) if row.store_id == store.pk]
    if holds.release_lapsed(store=store, lot_ids=[row.lot_id for row in rows], at=at):
        rows = [row for row in found if row.store_id == store.pk]
    kept = kept_for(prescription) if prescription is not None and held else {}
    day = local(at).date()
    stocks = [stock for stock in lot_stocks(rows, kept) if stock.usable(day) > 0]
    return stocks, {row.lot_id: row.lot for row in rows}


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
    """The statement of `post`, without its checks: the caller's transaction holds what it locked until it ends."""
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


def _executed(values: dict[str, Any]) -> tuple[int | None, str, list[list[Decimal]]]:
    with connection.cursor() as cursor:
        cursor.execute(_post_statement(), values)
        pk, number, short = cursor.fetchone()
    return pk, number, short or []


def _keys(short: list[list[Decimal]]) -> dict[tuple[int, int], Decimal]:
    """What was asked for, by store and lot, where there was too little."""
    return {(int(store_id), int(lot_id)): wanted for store_id, lot_id, wanted in short}


@cache
def _fields() -> tuple[Any, ...]:
    """Columns of a document whose values are known before it is posted."""
    return tuple(f for f in StockDocument._meta.concrete_fields if not f.primary_key and f.name != "number")


def _post_statement() -> sql.Composed:
    columns = [str(field.column) for field in _fields()]
    return sql.SQL(_POST).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(sql.Placeholder(f"document.{column}") for column in columns),
    )


def _values(draft: Draft) -> dict[str, Any]:
    document, effects = draft.document, _effects(draft.document)
    year = local(document.posted_at).year
    return {
        "facility": document.facility_id,
        "at": document.posted_at,
        "series": f"stock-{document.kind}-{year}",
        "prefix": f"{EFFECTS[document.kind].prefix}{year % 100:02d}-",
        "positions": list(range(1, len(draft.items) + 1)),
        "lots": [lot.pk for lot, _ in draft.items],
        "quantities": [quantity for _, quantity in draft.items],
        "kinds": [str(kind) for kind, _, _ in effects],
        "stores": [store_id for _, store_id, _ in effects],
        "signs": [sign for _, _, sign in effects],
        **{
            f"document.{field.column}": field.get_db_prep_save(getattr(document, field.attname), connection)
            for field in _fields()
        },
    }


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
