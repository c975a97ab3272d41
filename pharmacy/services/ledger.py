"""The stock ledger (sổ kho): the only writer of balances.

A document's lines become movements whose sign belongs to the movement kind, and the balances follow in the same
statement. Posting a line twice changes nothing. Locks: the document's number first, then the balances in the order
of store and lot (docs/locking.md).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection
from django.db.models import F

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.service import audit_facts, service
from his.ui.text import decimal_text
from patients.services.counters import next_number
from pharmacy.allocation import LotStock
from pharmacy.effects import EFFECTS
from pharmacy.models import (
    SIGNS,
    Lot,
    LotBalance,
    StockDocument,
    StockDocumentLine,
    StockMovement,
    Store,
)
from pharmacy.queries import balances, lot_stocks, usable

Kind = StockDocument.Kind

_CHECK_VIOLATION = "23514"
_NEGATIVE_BALANCE = "balance_not_negative"

# Balances of lots that the store never held. Rows are inserted in key order, as they are locked.
_ADD_BALANCES = """
INSERT INTO pharmacy_lotbalance (facility_id, store_id, lot_id, on_hand, reserved)
SELECT DISTINCT %s, d.store_id, d.lot_id, 0, 0
FROM unnest(%s::bigint[], %s::bigint[]) AS d (store_id, lot_id)
WHERE NOT EXISTS (SELECT FROM pharmacy_lotbalance b WHERE b.store_id = d.store_id AND b.lot_id = d.lot_id)
ORDER BY d.store_id, d.lot_id
ON CONFLICT (store_id, lot_id) DO NOTHING
"""

# One statement: movements that are not in the ledger yet, and the balances by exactly those.
_POST = """
WITH due AS (
    SELECT *
    FROM unnest(%(lines)s::bigint[], %(kinds)s::text[], %(stores)s::bigint[], %(lots)s::bigint[],
        %(quantities)s::numeric[]) AS d (line_id, kind, store_id, lot_id, quantity)
), posted AS (
    INSERT INTO pharmacy_stockmovement (facility_id, line_id, kind, store_id, lot_id, quantity, at)
    SELECT %(facility)s, line_id, kind, store_id, lot_id, quantity, %(at)s FROM due ORDER BY line_id, kind
    ON CONFLICT (line_id, store_id, kind) DO NOTHING
    RETURNING store_id, lot_id, quantity
), change AS (
    SELECT store_id, lot_id, sum(quantity) AS quantity FROM posted GROUP BY store_id, lot_id
), held AS (
    SELECT b.id, c.quantity FROM pharmacy_lotbalance b JOIN change c ON c.store_id = b.store_id AND c.lot_id = b.lot_id
    ORDER BY b.store_id, b.lot_id FOR NO KEY UPDATE OF b
)
UPDATE pharmacy_lotbalance b SET on_hand = b.on_hand + held.quantity FROM held WHERE b.id = held.id
"""


@dataclass(slots=True)
class Draft:
    """A document on its way into the ledger: numbered, not stored, with lots and quantities above zero."""

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
    """Begin a document with the next number of its kind and year. Comes before any balance is locked."""
    year = local(at).year
    number = next_number(facility=actor.facility, series=f"stock-{kind}-{year}")
    return Draft(
        StockDocument(
            facility=actor.facility,
            kind=kind,
            number=f"{EFFECTS[kind].prefix}{year % 100:02d}-{number:06d}",
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
    """Store a document with its lines and movements, and change the balances by exactly that much.

    Refuses with "shortage" when a store holds less of a lot than the document takes out (reserved stock is not taken).
    """
    document = draft.document
    _same_facility(draft, actor)
    if not draft.items:
        raise Refusal("no_lines", "Chứng từ chưa có dòng thuốc nào", field="lines")
    document.save(force_insert=True)
    lines = StockDocumentLine.objects.bulk_create(
        StockDocumentLine(facility=document.facility, document=document, position=position, lot=lot, quantity=quantity)
        for position, (lot, quantity) in enumerate(draft.items, 1)
    )
    _write(document, [movement for line in lines for movement in movements_of(document, line)])
    audit_facts(number=document.number, kind=str(document.kind), lines=len(lines))
    return document


def move(*, document: StockDocument, lines: Sequence[StockDocumentLine]) -> None:
    """Write the movements of the lines and change the balances. Lines that are in the ledger already change nothing."""
    posted = StockMovement.objects.filter(line__in=[line.pk for line in lines])
    known = set(posted.values_list("line_id", "store_id", "kind"))
    _write(
        document,
        [
            movement
            for line in lines
            for movement in movements_of(document, line)
            if (movement.line_id, movement.store_id, movement.kind) not in known
        ],
    )


def _write(document: StockDocument, movements: Sequence[StockMovement]) -> None:
    if not movements:
        return
    _add_balances(document, movements)
    _refuse_shortage(document, movements)
    values: dict[str, Any] = {
        "facility": document.facility_id,
        "at": document.posted_at,
        "lines": [movement.line_id for movement in movements],
        "kinds": [str(movement.kind) for movement in movements],
        "stores": [movement.store_id for movement in movements],
        "lots": [movement.lot_id for movement in movements],
        "quantities": [movement.quantity for movement in movements],
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(_POST, values)
    except IntegrityError as error:
        if _constraint_of(error) == _NEGATIVE_BALANCE:
            raise Refusal("shortage", "Không đủ tồn kho để ghi chứng từ này", field="lines") from error
        raise


def movements_of(document: StockDocument, line: StockDocumentLine) -> list[StockMovement]:
    """The movements of one line: the sign is that of the movement kind, the opposite for a reversing document."""
    origin = document.reverses or document
    target_id = origin.target_store_id or origin.store_id
    direction = -1 if document.reverses is not None else 1
    return [
        StockMovement(
            facility_id=document.facility_id,
            line=line,
            kind=kind,
            store_id=target_id if is_target else origin.store_id,
            lot_id=line.lot_id,
            quantity=direction * SIGNS[kind] * line.quantity,
            at=document.posted_at,
        )
        for kind, is_target in EFFECTS[origin.kind].moves
    ]


def _add_balances(document: StockDocument, movements: Sequence[StockMovement]) -> None:
    """Make the balances that stock comes into for the first time."""
    keys = sorted({(movement.store_id, movement.lot_id) for movement in movements if movement.quantity > 0})
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(
                _ADD_BALANCES, [document.facility_id, [store for store, _ in keys], [lot for _, lot in keys]]
            )


def _refuse_shortage(document: StockDocument, movements: Sequence[StockMovement]) -> None:
    """Lock the balances of a document that takes out, and name the lot that has too little.

    The CHECK of the table is the last guard. Both stores of a transfer are locked here, so that the order holds.
    """
    takes: dict[tuple[int, int], Decimal] = {}
    for movement in movements:
        key = (movement.store_id, movement.lot_id)
        takes[key] = takes.get(key, Decimal(0)) - movement.quantity
    if all(quantity <= 0 for quantity in takes.values()):
        return
    rows = (
        balances(document.facility_id)
        .filter(store__in={store for store, _ in takes}, lot__in={lot for _, lot in takes})
        .order_by("store_id", "lot_id")
        .select_for_update(of=("self",), no_key=True)
    )
    for row in rows:
        wanted, free = takes.pop((row.store_id, row.lot_id), Decimal(0)), row.on_hand - row.reserved
        if wanted > free:
            text = _shortage_text(row, wanted, free)
            raise Refusal("shortage", text, field="lines", lot_id=row.lot_id, left=free, wanted=wanted)
    if takes:
        raise Refusal("shortage", "Kho này chưa từng có lô cần xuất", field="lines", left=Decimal(0))


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


def _constraint_of(error: IntegrityError) -> str:
    cause = error.__cause__
    if getattr(cause, "pgcode", None) != _CHECK_VIOLATION:
        return ""
    return getattr(getattr(cause, "diag", None), "constraint_name", None) or ""
