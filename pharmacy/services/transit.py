"""Goods on their way between two stores (hàng đang đi đường): shipped, received in one or more parts, lost on the way.

Between a shipment and its arrivals the goods lie in no store. What is lost on the way arrives on paper at the store
that waits for it and leaves it at once by a loss document with a reason: every unit has its papers, and both stores
and the goods in transit always sum to the whole.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.service import service
from his.ui.text import decimal_text
from pharmacy.models import StockDocument, StockRequest, Store
from pharmacy.queries_documents import in_transit, request_progress
from pharmacy.services import ledger
from pharmacy.services.details import Detail, clean, keep
from pharmacy.services.stock import locked_document
from pharmacy.services.stock_checks import (
    LotLine,
    check_quantities,
    check_turn,
    check_usable,
    given_reason,
    short,
    two_stores,
)

Kind = StockDocument.Kind


@service(action="pharmacy.ship", permission="pharmacy.receive")
def ship(
    *,
    store: Store,
    target_store: Store,
    lines: Sequence[LotLine],
    actor: Actor,
    at: datetime,
    request: StockRequest | None = None,
    reason: str = "",
    detail: Detail | None = None,
) -> StockDocument:
    """Send lots to another store that will confirm them (xuất chuyển kho). They are in transit until they arrive.

    With a request: it is approved, the two stores are its own, and no drug is shipped beyond what was approved.
    Expired or blocked lots stay where they are; a lot that goes before one that expires first needs a reason.
    """
    two_stores(store, target_store)
    check_quantities(lines)
    check_usable(lines, local(at).date())
    reasons = check_turn(store, lines, local(at).date())
    if request is not None:
        _within_request(request, store, target_store, lines, actor)
    draft = ledger.draft(
        kind=Kind.SHIPMENT,
        store=store,
        target_store=target_store,
        actor=actor,
        at=at,
        reference=request.number if request else "",
        reason=short(reason, 500, "reason"),
    )
    for line in lines:
        draft.add(lot=line.lot, quantity=line.quantity)
    document = ledger.post(draft=draft, actor=actor, at=at)
    keep(document, clean(detail or Detail()), request=request, lot_reasons=reasons)
    return document


def _within_request(
    request: StockRequest, store: Store, target_store: Store, lines: Sequence[LotLine], actor: Actor
) -> None:
    rows = StockRequest.objects.for_facility(actor.facility).select_for_update(of=("self",), no_key=True)
    locked: StockRequest = rows.get(pk=request.pk)
    if locked.state != StockRequest.State.APPROVED:
        text = f"Phiếu lĩnh {locked.number} {locked.get_state_display().lower()}, không xuất được"
        raise Refusal("not_approved", text, field="request")
    if (store.pk, target_store.pk) != (locked.source_store_id, locked.store_id):
        raise Refusal("other_store", f"Kho xuất, kho nhận phải là kho của phiếu lĩnh {locked.number}", field="store")
    left = {row.drug.code: row.to_ship for row in request_progress(locked)}
    for position, line in enumerate(lines):
        code = line.lot.drug.code
        if code not in left:
            text = f"{line.lot.drug.name} không có trong phiếu lĩnh {locked.number}"
            raise Refusal("not_requested", text, field="lot", position=position)
        left[code] -= line.quantity
        if left[code] < 0:
            most = decimal_text(left[code] + line.quantity)
            text = f"{line.lot.drug.name}: phiếu lĩnh {locked.number} chỉ còn được xuất {most} {line.lot.drug.unit}"
            raise Refusal("more_than_approved", text, field="quantity", position=position)


@service(action="pharmacy.arrive", permission="pharmacy.draft")
def arrive(
    *,
    shipment: StockDocument,
    lines: Sequence[LotLine],
    actor: Actor,
    at: datetime,
    reason: str = "",
    detail: Detail | None = None,
) -> StockDocument:
    """Receive a shipment or a part of it at its target store (nhận chuyển kho); the rest stays in transit.

    Refuses lots that were not sent, more than is still on its way, and a time before the shipment.
    """
    locked = _open_shipment(shipment, lines, actor, at)
    draft = _arrival(locked, lines, actor, at, short(reason, 500, "reason"))
    document = ledger.post(draft=draft, actor=actor, at=at)
    keep(document, clean(detail or Detail()))
    return document


def _arrival(
    shipment: StockDocument, lines: Sequence[LotLine], actor: Actor, at: datetime, reason: str
) -> ledger.Draft:
    draft = ledger.draft(kind=Kind.ARRIVAL, store=_target(shipment), origin=shipment, actor=actor, at=at, reason=reason)
    for line in lines:
        draft.add(lot=line.lot, quantity=line.quantity)
    return draft


@service(action="pharmacy.lose_in_transit", permission="pharmacy.receive")
def lose_in_transit(
    *,
    shipment: StockDocument,
    lines: Sequence[LotLine],
    reason: str,
    actor: Actor,
    at: datetime,
    detail: Detail | None = None,
) -> StockDocument:
    """Write off what was lost on the way (mất, vỡ khi vận chuyển), with a reason; answers the loss document.

    The goods arrive on paper and are lost at the target store in the same transaction. Refuses as `arrive` does.
    """
    reason, detail = given_reason(reason), clean(detail or Detail())
    locked = _open_shipment(shipment, lines, actor, at)
    arrived = ledger.post(
        draft=_arrival(locked, lines, actor, at, f"Mất trên đường: {reason}"[:500]), actor=actor, at=at
    )
    losing = ledger.draft(kind=Kind.LOSS, store=arrived.store, origin=arrived, actor=actor, at=at, reason=reason)
    for line in lines:
        losing.add(lot=line.lot, quantity=line.quantity)
    document = ledger.post(draft=losing, actor=actor, at=at)
    keep(document, detail)
    return document


def _target(shipment: StockDocument) -> Store:
    """The store that a shipment goes to; every shipment has one."""
    assert shipment.target_store is not None
    return shipment.target_store


def _open_shipment(shipment: StockDocument, lines: Sequence[LotLine], actor: Actor, at: datetime) -> StockDocument:
    check_quantities(lines)
    if shipment.kind != Kind.SHIPMENT:
        raise Refusal("not_a_shipment", f"{shipment.number} không phải phiếu xuất chuyển kho", field="origin")
    locked = locked_document(shipment, actor)
    if StockDocument.objects.for_facility(actor.facility).filter(reverses=locked).exists():
        raise Refusal("already_reversed", f"Chứng từ {locked.number} đã được hủy trước đó", field="origin")
    if at < locked.posted_at:
        raise Refusal("time_order", "Giờ nhận sớm hơn giờ xuất, hãy kiểm tra đồng hồ máy", field="at")
    left: dict[int, Decimal] = {row.lot.pk: row.left for row in in_transit(actor.facility, shipment=locked)}
    for position, line in enumerate(lines):
        if line.lot.pk not in left:
            text = f"Lô {line.lot.number} không còn hàng đang đi đường theo phiếu {locked.number}"
            raise Refusal("not_in_transit", text, field="lot", position=position)
        left[line.lot.pk] -= line.quantity
        if left[line.lot.pk] < 0:
            most = decimal_text(left[line.lot.pk] + line.quantity)
            text = f"Lô {line.lot.number}: chỉ còn {most} đang đi đường"
            raise Refusal("more_than_sent", text, field="quantity", position=position)
    return locked
