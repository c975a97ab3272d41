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
from django.db.models import F
from psycopg2 import sql

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.service import audit_facts, service
from his.ui.text import decimal_text
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
from pharmacy.queries import balances, lot_stocks, usable

Kind = StockDocument.Kind

# The parts run in this order, because each reads the one before. A balance that has too little is left as it is; then
# there is no number and nothing of the document. The balances are locked in key order before they are changed. One
# that the store never had is inserted, or added to when somebody else inserted it meanwhile.
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
    SELECT b.id, b.store_id, b.lot_id, c.quantity
    FROM pharmacy_lotbalance b JOIN change c ON c.store_id = b.store_id AND c.lot_id = b.lot_id
    ORDER BY b.store_id, b.lot_id FOR NO KEY UPDATE OF b
), changed AS (
    UPDATE pharmacy_lotbalance b SET on_hand = b.on_hand + h.quantity FROM held h
    WHERE b.id = h.id AND (h.quantity >= 0 OR b.on_hand + h.quantity >= b.reserved)
    RETURNING b.store_id, b.lot_id
), added AS (
    INSERT INTO pharmacy_lotbalance AS b (facility_id, store_id, lot_id, on_hand, reserved)
    SELECT %(facility)s, c.store_id, c.lot_id, c.quantity, 0 FROM change c
    WHERE c.quantity > 0 AND NOT EXISTS (SELECT FROM held h WHERE h.store_id = c.store_id AND h.lot_id = c.lot_id)
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
    (SELECT array_agg(ARRAY[store_id, lot_id]) FROM done)
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


def locked_stock(*, store: Store, drug_codes: Collection[str], at: datetime) -> tuple[list[LotStock], dict[int, Lot]]:
    """What one store may issue of the drugs at that instant, locked until the transaction ends, and the lots by id."""
    rows = list(
        balances(store.facility_id)
        .filter(usable(local(at).date()), store=store, lot__drug__code__in=drug_codes, on_hand__gt=F("reserved"))
        .order_by("store_id", "lot_id")
        .select_for_update(of=("self",), no_key=True)
    )
    return lot_stocks(rows), {row.lot_id: row.lot for row in rows}


@service(action="pharmacy.post", permission=None)
def post(*, draft: Draft, actor: Actor, at: datetime) -> StockDocument:
    """Number and store a document with its lines and movements, and change the balances by exactly that much.

    Refuses with "shortage" when a store holds less of a lot than the document takes out (reserved stock is not
    taken), naming the lot. A draft that was posted is not posted again.
    """
    document = draft.document
    if document.pk:
        return document
    _same_facility(draft, actor)
    if not draft.items:
        raise Refusal("no_lines", "Chứng từ chưa có dòng thuốc nào", field="lines")
    write(draft)
    audit_facts(number=document.number, kind=str(document.kind), lines=len(draft.items))
    return document


def write(draft: Draft) -> None:
    """The statement of `post`, without its checks: the caller's transaction holds what it locked until it ends."""
    document, effects = draft.document, _effects(draft.document)
    with connection.cursor() as cursor:
        cursor.execute(_post_statement(), _values(draft, effects))
        pk, number, done = cursor.fetchone()
    if pk is None:
        raise _shortage(draft, effects, {(store_id, lot_id) for store_id, lot_id in done or ()})
    document.pk, document.number = pk, number
    document._state.adding, document._state.db = False, connection.alias


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


def _values(draft: Draft, effects: list[Effect]) -> dict[str, Any]:
    document = draft.document
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


def _shortage(draft: Draft, effects: list[Effect], done: set[tuple[int, int]]) -> Refusal:
    """The refusal that names the first lot of which a store has too little; the balances are locked."""
    takes: dict[tuple[int, int], Decimal] = {}
    for _, store_id, sign in effects:
        for lot, quantity in draft.items:
            takes[store_id, lot.pk] = takes.get((store_id, lot.pk), Decimal(0)) - sign * quantity
    short = {key: quantity for key, quantity in takes.items() if quantity > 0 and key not in done}
    rows = balances(draft.document.facility_id).filter(
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
