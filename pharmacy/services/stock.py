"""Goods in, transfers, losses, blocked lots, and the undoing of a document by a reversing one.

Nothing here is ever deleted or changed: a wrong document is reversed with a reason, and both stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.catalogs.models import Drug
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.text import nfc
from his.service import audit_facts, service
from pharmacy.models import Lot, StockDocument, Store
from pharmacy.queries import last_receipts
from pharmacy.services import ledger, receipt_check

Kind = StockDocument.Kind

_MAX_QUANTITY = Decimal(10) ** 9
_MAX_COST = Decimal(10) ** 10
_STEP = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class GoodsLine:
    """One line of a goods receipt: quantity in units of the drug, `unit_cost` in đồng a unit, expiry included."""

    drug: Drug
    lot_number: str
    expires_on: date
    quantity: Decimal
    unit_cost: Decimal
    supplier: str = ""


@dataclass(frozen=True, slots=True)
class LotLine:
    """So much of a lot, in units of the drug."""

    lot: Lot
    quantity: Decimal


@service(action="pharmacy.receive", permission="pharmacy.receive")
def receive_goods(
    *,
    store: Store,
    lines: Sequence[GoodsLine],
    actor: Actor,
    at: datetime,
    supplier: str = "",
    reference: str = "",
    idempotency_key: str = "",
    confirm_unusual: bool = False,
) -> StockDocument:
    """Take goods into a store (nhập kho). Afterwards each line's lot holds that much more.

    A lot is known by drug, number and expiry; receiving it again adds to it at the same price. Refuses quantities
    that are not above zero, expired goods, another price for a known lot, and, unless `confirm_unusual`, ten times
    the last price or quantity. A refusal of one line carries `position` (from 0) and names the field.
    """
    _active(store)
    supplier, reference = _short(supplier, 255, "supplier"), _short(reference, 100, "reference")
    for position, line in enumerate(lines):
        _check_goods(position, line, actor, local(at).date())
    if not confirm_unusual:
        _ask_about_unusual(lines, actor)
    draft = ledger.draft(kind=Kind.RECEIPT, store=store, actor=actor, at=at, supplier=supplier, reference=reference)
    for position, line in enumerate(lines):
        draft.add(lot=_lot(position, line, actor, supplier), quantity=line.quantity)
    return ledger.post(draft=draft, actor=actor, at=at)


@service(action="pharmacy.transfer", permission="pharmacy.receive")
def transfer(
    *,
    store: Store,
    target_store: Store,
    lines: Sequence[LotLine],
    actor: Actor,
    at: datetime,
    idempotency_key: str = "",
) -> StockDocument:
    """Move lots from one store to another (chuyển kho). Expired or blocked lots stay where they are."""
    _active(store)
    _active(target_store)
    if store.pk == target_store.pk:
        raise Refusal("same_store", "Kho nhận phải khác kho chuyển", field="target_store")
    day = local(at).date()
    for position, line in enumerate(lines):
        _check_quantity(position, line.quantity)
        if line.lot.is_blocked or line.lot.expires_on < day:
            raise Refusal(
                "not_usable", f"Lô {line.lot.number} đã hết hạn hoặc đang bị khóa", field="lot", position=position
            )
    draft = ledger.draft(kind=Kind.TRANSFER, store=store, target_store=target_store, actor=actor, at=at)
    for line in lines:
        draft.add(lot=line.lot, quantity=line.quantity)
    return ledger.post(draft=draft, actor=actor, at=at)


@service(action="pharmacy.loss", permission="pharmacy.receive")
def record_loss(
    *, store: Store, lines: Sequence[LotLine], reason: str, actor: Actor, at: datetime, idempotency_key: str = ""
) -> StockDocument:
    """Write off broken, spoiled or destroyed stock (hao hụt, hủy), with a reason; expired lots leave only so."""
    reason = _reason(reason)
    for position, line in enumerate(lines):
        _check_quantity(position, line.quantity)
    draft = ledger.draft(kind=Kind.LOSS, store=store, actor=actor, at=at, reason=reason)
    for line in lines:
        draft.add(lot=line.lot, quantity=line.quantity)
    return ledger.post(draft=draft, actor=actor, at=at)


@service(action="pharmacy.reverse", permission="pharmacy.reverse")
def reverse_document(*, document: StockDocument, reason: str, actor: Actor, at: datetime) -> StockDocument:
    """Undo a document by one with the opposite movements (hủy chứng từ); balances are as if it had never been.

    Refuses a second reversal, the reversal of a reversal, a time before the document, stock that is no longer there,
    and papers of the dispensing window (handing out, drugs brought back), which it undoes with their prescription.
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
def reverse(*, document: StockDocument, reason: str, actor: Actor, at: datetime) -> StockDocument:
    """The step that reverses any document; see `reverse_document`."""
    reason = _reason(reason)
    if document.kind == Kind.REVERSAL:
        raise Refusal("reversal_final", "Phiếu hủy không hủy được nữa; hãy lập lại chứng từ mới", field="document")
    locked = (
        StockDocument.objects.for_facility(actor.facility)
        .select_for_update(of=("self",), no_key=True)
        .get(pk=document.pk)
    )
    if StockDocument.objects.for_facility(actor.facility).filter(reverses=locked).exists():
        raise Refusal("already_reversed", f"Chứng từ {locked.number} đã được hủy trước đó", field="document")
    if at < locked.posted_at:
        raise Refusal("time_order", "Giờ hủy sớm hơn giờ của chứng từ, hãy kiểm tra đồng hồ máy", field="at")
    draft = ledger.draft(
        kind=Kind.REVERSAL,
        store=locked.store,
        target_store=locked.target_store,
        reverses=locked,
        actor=actor,
        at=at,
        reason=reason,
    )
    for line in locked.lines.select_related("lot"):
        draft.add(lot=line.lot, quantity=line.quantity)
    return ledger.post(draft=draft, actor=actor, at=at)


@service(action="pharmacy.block_lot", permission="pharmacy.receive")
def block_lot(*, lot: Lot, reason: str, actor: Actor, at: datetime) -> Lot:
    """Take a lot out of use everywhere (tạm khóa): it stays on hand and is proposed nowhere, until `release_lot`."""
    return _set_blocked(lot, True, reason, actor)


@service(action="pharmacy.release_lot", permission="pharmacy.receive")
def release_lot(*, lot: Lot, reason: str, actor: Actor, at: datetime) -> Lot:
    """Put a blocked lot back into use (mở khóa), with a reason."""
    return _set_blocked(lot, False, reason, actor)


def _set_blocked(lot: Lot, is_blocked: bool, reason: str, actor: Actor) -> Lot:
    reason = _reason(reason)
    rows = Lot.objects.for_facility(actor.facility).select_for_update(of=("self",), no_key=True)
    locked: Lot = rows.get(pk=lot.pk)
    if locked.is_blocked == is_blocked:
        state = "đang bị khóa" if is_blocked else "không bị khóa"
        raise Refusal("already_so", f"Lô {locked.number} {state} rồi", field="lot")
    locked.is_blocked = is_blocked
    locked.save(update_fields=["is_blocked"])
    audit_facts(lot=locked.number, reason=reason)
    return locked


def _check_goods(position: int, line: GoodsLine, actor: Actor, day: date) -> None:
    if line.drug.facility_id != actor.facility.pk:
        raise NotFound("Không tìm thấy thuốc tại cơ sở này")
    _check_quantity(position, line.quantity)
    if (
        not line.unit_cost.is_finite()
        or not 0 <= line.unit_cost < _MAX_COST
        or line.unit_cost != line.unit_cost.quantize(_STEP)
    ):
        raise Refusal("bad_cost", "Đơn giá không âm, tối đa 3 chữ số lẻ", field="unit_cost", position=position)
    number = nfc(line.lot_number)
    if not number or len(number) > 100:
        raise Refusal("bad_lot", "Hãy gõ số lô, tối đa 100 ký tự", field="lot_number", position=position)
    if line.expires_on < day:
        raise Refusal("expired", f"Lô {number} đã hết hạn, không nhập được", field="expires_on", position=position)


def _check_quantity(position: int, quantity: Decimal) -> None:
    if not quantity.is_finite() or not 0 < quantity < _MAX_QUANTITY or quantity != quantity.quantize(_STEP):
        raise Refusal(
            "bad_quantity", "Số lượng phải lớn hơn 0, tối đa 3 chữ số lẻ", field="quantity", position=position
        )


def _ask_about_unusual(lines: Sequence[GoodsLine], actor: Actor) -> None:
    last = last_receipts(actor.facility, {line.drug.code for line in lines})
    warnings = [
        warning
        for position, line in enumerate(lines)
        for warning in receipt_check.unusual(
            position=position,
            quantity=line.quantity,
            unit_cost=line.unit_cost,
            list_price=line.drug.price,
            last=last.get(line.drug.code),
        )
    ]
    if warnings:
        names = {position: line.drug.name for position, line in enumerate(lines)}
        raise Refusal(
            "unusual_receipt",
            f"{receipt_check.texts(warnings, names)}. Kiểm tra đơn vị tính, rồi xác nhận nếu đúng",
            field="confirm_unusual",
            warnings=warnings,
        )


def _lot(position: int, line: GoodsLine, actor: Actor, supplier: str) -> Lot:
    """The lot of the line, made when new. Two receipts of the same new lot at once meet at its unique key."""
    number = nfc(line.lot_number)
    lot, _ = Lot.objects.get_or_create(
        facility=actor.facility,
        drug=line.drug,
        number=number,
        expires_on=line.expires_on,
        defaults={"unit_cost": line.unit_cost, "supplier": _short(line.supplier, 255, "supplier") or supplier},
    )
    if lot.unit_cost != line.unit_cost:
        raise Refusal(
            "lot_price_differs",
            f"Lô {number} đã nhập với đơn giá khác; một lô chỉ có một giá",
            field="unit_cost",
            position=position,
            known=lot.unit_cost,
        )
    return lot


def _active(store: Store) -> None:
    if not store.is_active:
        raise Refusal("store_closed", f"{store.name} không còn hoạt động", field="store")


def _reason(reason: str) -> str:
    if not nfc(reason):
        raise Refusal("no_reason", "Hãy ghi lý do", field="reason")
    return _short(reason, 500, "reason")


def _short(text: str, longest: int, field: str) -> str:
    text = nfc(text)
    if len(text) > longest:
        raise Refusal("too_long", f"Tối đa {longest} ký tự", field=field)
    return text
