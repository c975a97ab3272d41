"""Stock is kept for a prescription from its signing until it is collected, lapses or is dropped (giữ thuốc)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet, Sum, prefetch_related_objects

from his.accounts.actor import Actor
from his.core.dates import day_range, local
from his.service import audit_facts, service
from patients.models import Prescription, PrescriptionLine, Visit
from patients.sheets import last_day
from patients.shortages import NotReserved
from pharmacy.allocation import ZERO, Wanted, allocate
from pharmacy.models import Reservation, Store
from pharmacy.queries import dispensing_stores, held_reservations, lot_stocks, usable_lots, wanted_of
from pharmacy.queries_given import collected_until, parts_on, standing_refusal
from pharmacy.services import holds, ledger

UNLIMITED = timedelta(days=30)
"""Stock is kept no longer than this where no rule limits the prescription."""


def kept_until(signed_at: datetime, last: date | None = None) -> datetime:
    """The end of the last day on which a prescription signed then may be collected; `last` when a paper has its own."""
    signed_on = local(signed_at).date()
    return day_range(last or last_day(signed_on) or signed_on + UNLIMITED)[1]


@service(action="pharmacy.reserve", permission=None)
def reserve(*, prescription: Prescription, actor: Actor, at: datetime) -> list[NotReserved]:
    """Keep stock for what is not handed out of a signed prescription, first expired first, in one dispensing store.

    It is the store that covers most lines now. Afterwards those lots count as reserved until the prescription lapses;
    what the store cannot cover is not kept and is answered, line by line. Nothing is kept for a lapsed prescription,
    nor at a facility that hands nothing out. The caller holds the visit's lock.
    """
    prefetch_related_objects([prescription], "sheets")
    wanted = _open_lines(prescription, local(at).date())
    until = kept_until(prescription.signed_at or at, collected_until(prescription, at))
    if not wanted or until <= at:
        return []
    lines = {line.pk: line for line, _ in wanted}
    asked = [wanted_of(line, quantity) for line, quantity in wanted]
    store = _best_store(prescription, asked, at)
    if store is None:
        return []
    lots, _ = ledger.locked_stock(store=store, drug_codes={one.item for one in asked}, at=at)
    allocation = allocate(asked, lots, local(at).date())
    holds.hold(store=store, picks=allocation.picks, at=at, until=until)
    audit_facts(store=store.code, kept=len(allocation.picks), short=len(allocation.shortages))
    return [
        NotReserved(lines[short.key].drug.name, lines[short.key].drug.unit, short.wanted, short.left)
        for short in allocation.shortages
    ]


def _open_lines(prescription: Prescription, day: date) -> list[tuple[PrescriptionLine, Decimal]]:
    """Lines with what is still to be handed out and not kept of them."""
    held = held_reservations(prescription).values_list("prescription_line_id")
    kept = dict(held.annotate(total=Sum("quantity")).order_by())
    left = ((part.line, part.open - kept.get(part.line.pk, ZERO)) for part in parts_on(prescription, day))
    return [(line, quantity) for line, quantity in left if quantity > 0]


@service(action="pharmacy.keep_open", permission=None)
def keep_open(*, prescription: Prescription, actor: Actor, at: datetime) -> None:
    """Keep stock for exactly what is still to be handed out (giữ phần còn lại), nothing for one that was sent back.

    The caller holds the visit's lock and has changed what is given, left out or refused.
    """
    held = list(held_reservations(prescription).values_list("pk", flat=True))
    _released(held, at)
    if standing_refusal(prescription) is None:
        reserve(prescription=prescription, actor=actor, at=at)


def _best_store(prescription: Prescription, asked: Sequence[Wanted], at: datetime) -> Store | None:
    """The dispensing store with the fewest lines short, the first of them; read without a lock."""
    on, codes = local(at).date(), {one.item for one in asked}

    def lines_short(store: Store) -> int:
        return len(allocate(asked, lot_stocks(usable_lots(store, codes, on)), on).shortages)

    stores = list(dispensing_stores(prescription.facility))
    return min(stores, key=lines_short) if len(stores) > 1 else next(iter(stores), None)


@service(action="pharmacy.release", permission=None)
def release(*, visit: Visit, actor: Actor, at: datetime) -> int:
    """Keep nothing more for the prescriptions of a visit that is closed, cancelled or prescribed anew; how many
    reservations ended. The caller holds the visit's lock."""
    ended = _released(_held_of(visit).values_list("pk", flat=True), at)
    audit_facts(claim_code=visit.claim_code, released=ended)
    return ended


@service(action="pharmacy.release_lapsed", permission="pharmacy.dispense")
def release_lapsed(*, actor: Actor, at: datetime) -> int:
    """Keep nothing more for prescriptions that nobody collected in time (TT 26/2025/TT-BYT: 5 days); how many
    reservations ended. For a timer; a window that needs such a lot frees it by itself."""
    lapsed = Reservation.objects.for_facility(actor.facility).filter(state=Reservation.State.HELD, until__lte=at)
    ended = _released(lapsed.order_by("store_id", "lot_id", "pk").values_list("pk", flat=True), at)
    audit_facts(released=ended)
    return ended


def _held_of(visit: Visit) -> QuerySet[Reservation]:
    rows = Reservation.objects.for_facility(visit.facility_id)
    return rows.filter(prescription_line__prescription__visit=visit, state=Reservation.State.HELD)


def _released(ids: Iterable[int], at: datetime) -> int:
    return holds.end(dict.fromkeys(ids, Reservation.State.RELEASED), at=at)


def for_signed(prescription: Prescription, actor: Actor, at: datetime) -> list[NotReserved]:
    """Fills `patients.hooks.reserve_stock`."""
    return reserve(prescription=prescription, actor=actor, at=at)


def for_finished(visit: Visit, actor: Actor, at: datetime) -> None:
    """Fills `patients.hooks.release_stock`."""
    if _held_of(visit).exists():
        release(visit=visit, actor=actor, at=at)
