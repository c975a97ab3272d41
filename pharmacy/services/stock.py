"""Goods in and out of a store, and the undoing of a document by a reversing one.

Nothing here is ever deleted or changed: a wrong document is reversed with a reason, and both stay. Goods on their way
between two stores are in `transit.py`, blocked lots in `lots.py`, papers that are still being written in `drafts.py`.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.service import service
from his.ui.text import decimal_text
from patients.models import Prescription
from pharmacy.models import Lot, StockDocument, StockDocumentLine, Store
from pharmacy.queries_climate import condemned, holding
from pharmacy.services import ledger
from pharmacy.services.details import Detail, clean, keep
from pharmacy.services.goods import GoodsLine, ask_about_unusual, check_goods, line_notes, lot_of
from pharmacy.services.lots import hold_incoming, hold_lot, locked_lots
from pharmacy.services.stock_checks import (
    DeskClock,
    LotLine,
    active,
    check_after,
    check_cards,
    check_quantities,
    check_turn,
    check_usable,
    given_reason,
    short,
    two_stores,
)

__all__ = ["Detail", "GoodsLine", "LotLine"]

Kind = StockDocument.Kind
_BETWEEN_STORES = frozenset({Kind.TRANSFER, Kind.ARRIVAL})
"""Documents whose reversal takes goods out of a store that somebody else answers for, or sends them back on the way."""


@service(action="pharmacy.receive", permission="pharmacy.receive")
def receive_goods(
    *,
    store: Store,
    lines: Sequence[GoodsLine],
    actor: Actor,
    at: datetime,
    supplier: str = "",
    reference: str = "",
    detail: Detail | None = None,
    idempotency_key: str = "",
    confirm_unusual: bool = False,
) -> StockDocument:
    """Take inspected goods into a store (kiểm nhập, nhập kho). Afterwards each line's lot holds that much more.

    A lot is known by drug code, number and expiry; receiving it again adds to it at the same price. Refuses quantities
    that are not above zero, expired goods, another price or bid package for a known lot, a date of the invoice that
    is still to come, and, unless `confirm_unusual`, ten times the last price or quantity. A refusal of one line
    carries `position` (from 0) and names the field.
    """
    supplier, detail = short(supplier, 255, "supplier"), clean(detail or Detail())
    reference = short(reference, 100, "reference") or " ".join(
        part for part in (detail.invoice_symbol, detail.invoice_number) if part
    )
    if detail.invoice_on and detail.invoice_on > local(at).date():
        raise Refusal("invoice_in_future", "Ngày hóa đơn ở tương lai", field="invoice_on")
    check_goods(store, lines, actor, at)
    if not confirm_unusual:
        ask_about_unusual(lines, actor)
    draft = ledger.draft(kind=Kind.RECEIPT, store=store, actor=actor, at=at, supplier=supplier, reference=reference)
    for position, line in enumerate(lines):
        draft.add(lot=lot_of(position, line, actor, supplier), quantity=line.quantity)
    hold_incoming(store=store, lots=[lot for lot, _ in draft.items], actor=actor, at=at)
    document = ledger.post(draft=draft, actor=actor, at=at)
    keep(document, detail, notes=line_notes(lines))
    return document


@service(action="pharmacy.open_stock", permission="pharmacy.receive")
def open_stock(
    *,
    store: Store,
    lines: Sequence[GoodsLine],
    actor: Actor,
    at: datetime,
    reason: str = "",
    confirm_unusual: bool = False,
) -> StockDocument:
    """Enter what a store holds when the ledger begins (tồn đầu kỳ). Expired lots too: they lie on the shelf.

    Refuses a store that has documents other than opening ones: its ledger has begun.
    """
    if StockDocument.objects.for_facility(actor.facility).filter(store=store).exclude(kind=Kind.OPENING).exists():
        raise Refusal(
            "already_begun", f"{store.name} đã có chứng từ, không nhập tồn đầu kỳ được nữa; hãy kiểm kê", field="store"
        )
    check_goods(store, lines, actor, at, may_be_expired=True)
    if not confirm_unusual:
        ask_about_unusual(lines, actor)
    draft = ledger.draft(kind=Kind.OPENING, store=store, actor=actor, at=at, reason=short(reason, 500, "reason"))
    for position, line in enumerate(lines):
        draft.add(lot=lot_of(position, line, actor, ""), quantity=line.quantity)
    return ledger.post(draft=draft, actor=actor, at=at)


@service(action="pharmacy.transfer", permission="pharmacy.receive")
def transfer(
    *,
    store: Store,
    target_store: Store,
    lines: Sequence[LotLine],
    actor: Actor,
    at: datetime,
    reason: str = "",
    detail: Detail | None = None,
    idempotency_key: str = "",
) -> StockDocument:
    """Move lots from one store to another at once (chuyển kho). Expired or blocked lots stay where they are; a lot
    that goes before one that expires first needs a reason."""
    two_stores(store, target_store)
    check_quantities(lines)
    check_usable(lines, local(at).date())
    reasons = check_turn(store, lines, local(at).date())
    return _post_lots(
        Kind.TRANSFER,
        store,
        lines,
        actor,
        at,
        reason=short(reason, 500, "reason"),
        detail=detail,
        target=target_store,
        lot_reasons=reasons,
    )


@service(action="pharmacy.loss", permission="pharmacy.receive")
def record_loss(
    *,
    store: Store,
    lines: Sequence[LotLine],
    reason: str,
    actor: Actor,
    at: datetime,
    detail: Detail | None = None,
    idempotency_key: str = "",
) -> StockDocument:
    """Write off stock that is missing, broken or spoiled (hao hụt: mất, hỏng, vỡ; 14D of TT 22/2011), with a reason.

    What was lost between two stores is written off by `transit.lose_in_transit`.
    """
    reason = given_reason(reason)
    active(store)
    check_quantities(lines)
    return _post_lots(Kind.LOSS, store, lines, actor, at, reason=reason, detail=detail)


@service(action="pharmacy.destroy", permission="pharmacy.destroy")
def destroy(
    *, store: Store, lines: Sequence[LotLine], reason: str, detail: Detail, actor: Actor, at: datetime
) -> StockDocument:
    """Destroy stock before a board (hủy thuốc), with a reason. Refuses a destruction without anybody on the board."""
    reason, detail = given_reason(reason), clean(detail)
    if not detail.board:
        raise Refusal("no_board", "Hãy ghi hội đồng hủy thuốc, ít nhất một người", field="board")
    active(store)
    check_quantities(lines)
    return _post_lots(Kind.DESTRUCTION, store, lines, actor, at, reason=reason, detail=detail)


@service(action="pharmacy.return_to_supplier", permission="pharmacy.receive")
def return_to_supplier(
    *,
    receipt: StockDocument,
    store: Store,
    lines: Sequence[LotLine],
    reason: str,
    actor: Actor,
    at: datetime,
    detail: Detail | None = None,
) -> StockDocument:
    """Send goods of a receipt back to its supplier (xuất trả nhà cung cấp), expired ones too.

    Refuses a paper that is no receipt or was reversed, lots that did not come with it, and more of a lot than it
    brought less what already went back.
    """
    reason = given_reason(reason)
    if receipt.kind != Kind.RECEIPT:
        raise Refusal("not_a_receipt", f"{receipt.number} không phải phiếu nhập kho", field="origin")
    receipt = locked_document(receipt, actor)
    _refuse_reversed(receipt, "origin")
    active(store)
    check_quantities(lines)
    left = returnable(receipt)
    for position, line in enumerate(lines):
        if line.lot.pk not in left:
            text = f"Lô {line.lot.number} không nhập theo phiếu {receipt.number}"
            raise Refusal("not_of_receipt", text, field="lot", position=position)
        left[line.lot.pk] -= line.quantity
        if left[line.lot.pk] < 0:
            most = decimal_text(left[line.lot.pk] + line.quantity)
            text = f"Lô {line.lot.number}: phiếu {receipt.number} chỉ còn trả được {most}"
            raise Refusal("more_than_received", text, field="quantity", position=position)
    return _post_lots(
        Kind.SUPPLIER_RETURN,
        store,
        lines,
        actor,
        at,
        reason=reason,
        detail=detail,
        origin=receipt,
        supplier=receipt.supplier,
    )


def returnable(receipt: StockDocument) -> dict[int, Decimal]:
    """What may still go back to the supplier, by lot id: received less returned, in units of the drug."""
    rows = StockDocumentLine.objects.for_facility(receipt.facility_id)
    sums = rows.filter(document=receipt).values_list("lot_id").annotate(total=Sum("quantity"))
    left: dict[int, Decimal] = dict(sums)
    back = rows.filter(document__origin=receipt, document__kind=Kind.SUPPLIER_RETURN, document__reversed_by=None)
    for lot, total in back.values_list("lot_id").annotate(total=Sum("quantity")):
        left[lot] -= total
    return left


@service(action="pharmacy.reverse", permission="pharmacy.reverse")
def reverse_document(*, document: StockDocument, reason: str, actor: Actor, at: datetime) -> StockDocument:
    """Undo a document by one with the opposite movements (hủy chứng từ); balances are as if it had never been.

    A lot that was to be destroyed in a store that has it again is blocked again. Refuses a second reversal, the
    reversal of a reversal, a time before the document, stock that is no longer there, taking goods that a quarantine
    holds out of the store that they were moved to, a document that others answer (a shipment that arrived, a receipt
    whose goods went back), and papers of the dispensing window (handing out, drugs brought back), which it undoes with
    their prescription.
    """
    is_of_return = document.origin is not None and document.origin.kind == Kind.PATIENT_RETURN
    if document.kind in {Kind.DISPENSE, Kind.PATIENT_RETURN} or is_of_return:
        raise Refusal(
            "use_reverse_dispense",
            "Phiếu cấp phát, phiếu trả lại được hủy tại bàn cấp phát, theo đơn",
            field="document",
        )
    return reverse(document=document, reason=reason, actor=actor, at=at)


@service(action="pharmacy.reverse_step", permission=None)
def reverse(
    *, document: StockDocument, reason: str, actor: Actor, at: datetime, clock: DeskClock | None = None
) -> StockDocument:
    """The step that reverses any document; see `reverse_document`."""
    reason = given_reason(reason)
    if document.kind == Kind.REVERSAL:
        raise Refusal("reversal_final", "Phiếu hủy không hủy được nữa; hãy lập lại chứng từ mới", field="document")
    locked = locked_document(document, actor)
    _refuse_reversed(locked, "document")
    answer = locked.answers.filter(reversed_by=None).order_by("pk").first()
    if answer is not None:
        text = f"{locked.number} đã có {answer.get_kind_display().lower()} {answer.number}; hãy hủy phiếu đó trước"
        raise Refusal("has_answer", text, field="document")
    check_after(locked.facility_id, at, locked.posted_at, f"chứng từ {locked.number}", clock)
    draft = ledger.draft(
        kind=Kind.REVERSAL,
        store=locked.store,
        target_store=locked.target_store,
        reverses=locked,
        actor=actor,
        at=at,
        reason=reason,
    )
    lines = list(locked.lines.all())
    lots = {lot.pk: lot for lot in locked_lots({line.lot_id for line in lines}, actor)}
    check_cards(locked.store, lots, at, clock)
    for line in lines:
        draft.add(lot=lots[line.lot_id], quantity=line.quantity)
    _hold_condemned(draft, list(lots.values()), actor, at)
    return ledger.post(draft=draft, actor=actor, at=at)


def _hold_condemned(draft: ledger.Draft, lots: Sequence[Lot], actor: Actor, at: datetime) -> None:
    """Hold again what was to be destroyed and comes back; refuse to move such goods away from where it was decided.

    The lots are locked, in key order.
    """
    taken, brought = ledger.stores_changed(draft)
    if taken and draft.document.reverses and draft.document.reverses.kind in _BETWEEN_STORES:
        for lot in lots:
            held = next((row for row in holding(lot) if row.reading.point.store_id in taken), None)
            if held is not None:
                raise Refusal("in_quarantine", f"Lô {lot.number} {held.standing_text}, không chuyển đi", field="lines")
    by_id = {lot.pk: lot for lot in lots}
    reasons = {row.lot_id: row.standing_text for row in condemned(actor.facility, lots, brought)}
    for pk, reason in reasons.items():
        hold_lot(lot=by_id[pk], reason=f"Hủy chứng từ, hàng trở lại kho: {reason}", actor=actor, at=at)


def lock_to_reverse(documents: Sequence[StockDocument], *, actor: Actor, keeps_for: Prescription | None = None) -> None:
    """Lock, in the order of docs/locking.md, all that the reversals of these documents and then keeping stock for a
    prescription will need: a reversal takes its number last, and nothing may be waited for after that."""
    rows = StockDocument.objects.for_facility(actor.facility).filter(pk__in=[one.pk for one in documents])
    list(rows.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk"))
    lines = StockDocumentLine.objects.for_facility(actor.facility).filter(document__in=documents)
    lots = {lot.pk for lot in locked_lots(set(lines.values_list("lot_id", flat=True)), actor)}
    wanted = Q(store__in={one.store_id for one in documents}, lot__in=lots)
    if keeps_for is not None:
        wanted |= ledger.balances_to_keep_from(keeps_for)
    ledger.lock_balances(actor, wanted)


def locked_document(document: StockDocument, actor: Actor) -> StockDocument:
    """The document, locked until the transaction ends: reversing, arriving and returning happen one after the other."""
    rows = StockDocument.objects.for_facility(actor.facility).select_for_update(of=("self",), no_key=True)
    found: StockDocument = rows.get(pk=document.pk)
    return found


def _post_lots(
    kind: StockDocument.Kind,
    store: Store,
    lines: Sequence[LotLine],
    actor: Actor,
    at: datetime,
    *,
    reason: str,
    detail: Detail | None,
    target: Store | None = None,
    origin: StockDocument | None = None,
    supplier: str = "",
    lot_reasons: Sequence[str] = (),
) -> StockDocument:
    """Post a document over chosen lots."""
    draft = ledger.draft(
        kind=kind,
        store=store,
        target_store=target,
        origin=origin,
        actor=actor,
        at=at,
        reason=reason,
        supplier=supplier,
    )
    for line in lines:
        draft.add(lot=line.lot, quantity=line.quantity)
    document = ledger.post(draft=draft, actor=actor, at=at)
    keep(document, clean(detail or Detail()), lot_reasons=lot_reasons)
    return document


def _refuse_reversed(document: StockDocument, field: str) -> None:
    if StockDocument.objects.for_facility(document.facility_id).filter(reverses=document).exists():
        raise Refusal("already_reversed", f"Chứng từ {document.number} đã được hủy trước đó", field=field)
