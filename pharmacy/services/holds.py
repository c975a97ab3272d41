"""Keeping stock for prescriptions: with the ledger the only writer of balances, here of their `reserved`.

A reservation is changed only while its balance is locked, so that the two always agree and no lock of its own is
needed. Each write is one statement.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from his.accounts.models import Facility
from patients.models import Prescription
from pharmacy.allocation import ZERO, Pick
from pharmacy.models import LotBalance, Reservation, Store
from pharmacy.queries import held_reservations

State = Reservation.State

_HOLD = """
WITH held AS (
    INSERT INTO pharmacy_reservation (facility_id, prescription_line_id, store_id, lot_id, quantity, state, made_at,
        until)
    SELECT %(facility)s, d.line_id, %(store)s, d.lot_id, d.quantity, 'held', %(at)s, %(until)s
    FROM unnest(%(lines)s::bigint[], %(lots)s::bigint[], %(quantities)s::numeric[]) AS d (line_id, lot_id, quantity)
    RETURNING store_id, lot_id, quantity
), change AS (
    SELECT store_id, lot_id, sum(quantity) AS quantity FROM held GROUP BY store_id, lot_id
)
UPDATE pharmacy_lotbalance b SET reserved = b.reserved + c.quantity FROM change c
WHERE b.store_id = c.store_id AND b.lot_id = c.lot_id
"""

# The first statement locks; the second then sees what is held still.
_END = """
SELECT FROM pharmacy_lotbalance b
WHERE (b.store_id, b.lot_id) IN (SELECT r.store_id, r.lot_id FROM pharmacy_reservation r WHERE r.id = ANY(%(ids)s))
ORDER BY b.store_id, b.lot_id FOR NO KEY UPDATE OF b;
WITH ended AS (
    UPDATE pharmacy_reservation r SET state = d.state, ended_at = %(at)s
    FROM unnest(%(ids)s::bigint[], %(states)s::text[]) AS d (id, state)
    WHERE r.id = d.id AND r.state = 'held'
    RETURNING r.store_id, r.lot_id, r.quantity
), change AS (
    SELECT store_id, lot_id, sum(quantity) AS quantity, count(*) AS ended FROM ended GROUP BY store_id, lot_id
), freed AS (
    UPDATE pharmacy_lotbalance b SET reserved = b.reserved - c.quantity FROM change c
    WHERE b.store_id = c.store_id AND b.lot_id = c.lot_id
)
SELECT coalesce(sum(ended), 0) FROM change
"""


def hold(*, store: Store, picks: Sequence[Pick], at: datetime, until: datetime) -> None:
    """Keep these quantities for the lines they name (`key`), before `until`. The balances are locked by the caller."""
    if not picks:
        return
    values: dict[str, Any] = {
        "facility": store.facility_id,
        "store": store.pk,
        "at": at,
        "until": until,
        "lines": [pick.key for pick in picks],
        "lots": [pick.lot_id for pick in picks],
        "quantities": [pick.quantity for pick in picks],
    }
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, values)


def end(states: dict[int, Reservation.State], *, at: datetime) -> int:
    """Put held reservations, by id, into the state "used" or "released"; their stock is free again.

    Those that somebody else ended meanwhile are left as they are. Answers how many were ended.
    """
    if not states:
        return 0
    ids = sorted(states)
    with connection.cursor() as cursor:
        cursor.execute(_END, {"ids": ids, "states": [str(states[pk]) for pk in ids], "at": at})
        return int(cursor.fetchone()[0])


def use(*, prescription: Prescription, store: Store, picks: Sequence[Pick], at: datetime) -> None:
    """End what is kept for a prescription of which something is handed out now, before the document is posted.

    A reservation is used when its line takes from its lot, else released. What it kept beyond that is free: what is
    collected later is kept for again by `reservations.keep_open`.
    """
    taken: dict[int, set[int]] = defaultdict(set)
    for pick in picks:
        taken[pick.key].add(pick.lot_id)
    held = held_reservations(prescription)
    end(
        {
            pk: State.USED if store_id == store.pk and lot_id in taken.get(line_id, ()) else State.RELEASED
            for pk, line_id, store_id, lot_id in held.values_list("pk", "prescription_line_id", "store_id", "lot_id")
        },
        at=at,
    )


def release_lapsed(*, store: Store, lot_ids: Sequence[int], at: datetime) -> int:
    """Free what was kept in these balances, which the caller has locked, for prescriptions that nobody collected."""
    rows = Reservation.objects.for_facility(store.facility_id).filter(state=State.HELD, until__lte=at)
    lapsed = rows.filter(store=store, lot__in=lot_ids).values_list("pk", flat=True)
    return end(dict.fromkeys(lapsed, State.RELEASED), at=at)


def give_way(facility: Facility, asked: Mapping[tuple[int, int], Decimal], *, at: datetime) -> int:
    """End the latest reservations of these balances, which the caller has locked, until so much of each is free by
    store and lot. Answers how many ended."""
    states: dict[int, Reservation.State] = {}
    for (store_id, lot_id), quantity in asked.items():
        balance = LotBalance.objects.for_facility(facility).filter(store=store_id, lot=lot_id).first()
        missing = quantity - (balance.on_hand - balance.reserved) if balance is not None else ZERO
        rows = Reservation.objects.for_facility(facility).filter(store=store_id, lot=lot_id, state=State.HELD)
        held = rows.order_by("-made_at", "-pk")
        for pk, kept in held.values_list("pk", "quantity"):
            if missing <= 0:
                break
            states[pk] = State.RELEASED
            missing -= kept
    return end(states, at=at)
