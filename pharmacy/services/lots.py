"""Lots that may not be issued: who holds them, and when they are free again (khóa lô, cách ly).

A lot is blocked as a whole while anything holds it: a person's decision (a recall, a doubt), or a quarantine after a
deviation of temperature. Ending one reason frees the lot only when it was the last.
"""

from collections.abc import Collection
from datetime import datetime

from his.accounts.actor import Actor
from his.core.errors import Refusal
from his.service import audit_facts, service
from pharmacy.models import Lot, Store
from pharmacy.queries_climate import condemned, holding
from pharmacy.services.stock_checks import given_reason


def locked_lot(pk: int, actor: Actor) -> Lot:
    """A lot of the actor's facility, locked until the transaction ends: its holds change one after the other."""
    rows = Lot.objects.for_facility(actor.facility).select_for_update(of=("self",), no_key=True)
    found: Lot = rows.get(pk=pk)
    return found


def locked_lots(pks: Collection[int], actor: Actor) -> list[Lot]:
    """As `locked_lot`, several by one statement, in key order."""
    rows = Lot.objects.for_facility(actor.facility).select_for_update(of=("self",), no_key=True)
    return list(rows.filter(pk__in=pks).order_by("pk"))


@service(action="pharmacy.block_lot", permission="pharmacy.receive")
def block_lot(*, lot: Lot, reason: str, actor: Actor, at: datetime) -> Lot:
    """Take a lot out of use everywhere (tạm khóa): it stays on hand and is proposed nowhere, until `release_lot`.

    A lot in quarantine can be blocked too: it then stays so whatever is decided about the quarantine.
    """
    reason, locked = given_reason(reason), locked_lot(lot.pk, actor)
    if locked.is_blocked_by_hand:
        raise Refusal("already_so", f"Lô {locked.number} đang bị khóa rồi", field="lot")
    return _keep(locked, is_blocked=True, by_hand=True, reason=reason)


@service(action="pharmacy.release_lot", permission="pharmacy.receive")
def release_lot(*, lot: Lot, reason: str, actor: Actor, at: datetime) -> Lot:
    """End a person's blocking of a lot (mở khóa), with a reason.

    Afterwards the lot may be issued, unless a quarantine holds it still: that is the head of pharmacy's to decide.
    Refuses a lot that only a quarantine holds.
    """
    reason, locked = given_reason(reason), locked_lot(lot.pk, actor)
    if not locked.is_blocked:
        raise Refusal("already_so", f"Lô {locked.number} không bị khóa rồi", field="lot")
    held = holding(locked)
    if held and not locked.is_blocked_by_hand:
        raise Refusal("in_quarantine", f"Lô {locked.number} {held[0].standing_text}, chưa mở khóa được", field="lot")
    return _keep(locked, is_blocked=bool(held), by_hand=False, reason=reason)


@service(action="pharmacy.hold_lot", permission=None)
def hold_lot(*, lot: Lot, reason: str, actor: Actor, at: datetime, by_hand: bool = False) -> Lot:
    """Hold a lot because of a deviation (cách ly): the step of whoever writes the temperature log, a nurse too.

    Afterwards it is issued nowhere. A lot that is held already stays as it is. With `by_hand` no quarantine is what
    holds it: it stays held, as in a recall, until somebody releases it.
    """
    locked = locked_lot(lot.pk, actor)
    by_hand = by_hand or locked.is_blocked_by_hand
    return _keep(locked, is_blocked=True, by_hand=by_hand, reason=given_reason(reason))


def hold_incoming(*, store: Store, lots: Collection[Lot], actor: Actor, at: datetime) -> None:
    """Hold at once what comes into a store (bought anew, brought back by a patient, found by a count) of a lot that was
    to be destroyed there after a deviation, or whose number a person blocked under another expiry: a recall names a
    lot by its number. Locks these lots, in key order.

    It is issued nowhere until somebody looked at it and releases it with a reason.
    """
    grounds = {lot.pk: _recalled(lot) for lot in lots}
    for row in condemned(actor.facility, lots, {store.pk}):
        why = f"{row.reading.point.name} {row.reading.deviation} ngày {row.reading.day:%d/%m/%Y}"
        grounds[row.lot_id] = f"Hàng về lại {store.name}, nơi lô này đã quyết định hủy: {why}"
    for lot in sorted({lot.pk: lot for lot in lots if grounds[lot.pk]}.values(), key=lambda one: one.pk):
        hold_lot(lot=lot, reason=grounds[lot.pk][:500], actor=actor, at=at, by_hand=True)


def _recalled(lot: Lot) -> str:
    """Why a lot is held because of another one of its number, empty when it is not."""
    same = Lot.objects.for_facility(lot.facility_id).filter(drug__code=lot.drug.code, number__iexact=lot.number)
    other = same.filter(is_blocked_by_hand=True).exclude(pk=lot.pk).order_by("pk").first()
    return "" if other is None else f"Cùng số lô với lô {other.number} hạn {other.expires_on:%d/%m/%Y} đang bị khóa"


@service(action="pharmacy.end_hold", permission=None)
def end_hold(*, lot: Lot, reason: str, actor: Actor, at: datetime) -> Lot:
    """End one quarantine of a lot, of whoever decided it. The lot is free when nothing else holds it."""
    locked = locked_lot(lot.pk, actor)
    is_held = locked.is_blocked_by_hand or bool(holding(locked))
    return _keep(locked, is_blocked=is_held, by_hand=locked.is_blocked_by_hand, reason=given_reason(reason))


def _keep(lot: Lot, *, is_blocked: bool, by_hand: bool, reason: str) -> Lot:
    lot.is_blocked, lot.is_blocked_by_hand = is_blocked, by_hand
    lot.save(update_fields=["is_blocked", "is_blocked_by_hand"])
    audit_facts(lot=lot.number, reason=reason, is_blocked=is_blocked)
    return lot
