"""Handing over a ward cabinet between two shifts (bàn giao tủ trực): both count, differences are noted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.accounts.models import Membership, User
from his.core.errors import Refusal
from his.service import audit_facts, service
from pharmacy.models import CabinetHandover, CabinetHandoverLine, Lot, Store
from pharmacy.queries import balances
from pharmacy.services.stock_checks import MAX_QUANTITY, STEP, active, check_own, short


@dataclass(frozen=True, slots=True)
class Counted:
    """What was found of a lot, in units of the drug; a difference needs a note."""

    lot: Lot
    quantity: Decimal
    note: str = ""


@service(action="pharmacy.hand_over_cabinet", permission="pharmacy.draft")
def hand_over_cabinet(
    *,
    store: Store,
    taken_by: User,
    counted: Sequence[Counted],
    actor: Actor,
    at: datetime,
    note: str = "",
    idempotency_key: str = "",
) -> CabinetHandover:
    """Hand a cabinet over from the actor to a colleague. Stock is not changed.

    Afterwards the list of lots is kept with what the ledger said at that instant and what was counted. Refuses a store
    that is no cabinet, a person who does not work here or is the same one, a lot of the cabinet that was not counted,
    and a difference without a note.
    """
    active(store)
    if store.kind != Store.Kind.CABINET:
        raise Refusal("not_a_cabinet", f"{store.name} không phải tủ trực", field="store")
    if taken_by.pk == actor.user.pk:
        raise Refusal("same_person", "Người nhận phải khác người giao", field="taken_by")
    if not Membership.objects.for_facility(actor.facility).filter(user=taken_by, is_active=True).exists():
        raise Refusal("not_member", "Người nhận không có tài khoản đang dùng tại cơ sở", field="taken_by")
    check_own(actor, *(line.lot for line in counted))
    book = {row.lot_id: row.on_hand for row in balances(actor.facility).filter(store=store)}
    missing = {lot for lot, quantity in book.items() if quantity} - {line.lot.pk for line in counted}
    if missing:
        raise Refusal("not_counted", f"Còn {len(missing)} lô trong tủ chưa đếm; hãy tải lại danh sách", field="lines")
    lines = [_line(position, line, book, actor) for position, line in enumerate(counted)]
    handover = CabinetHandover.objects.create(
        facility=actor.facility,
        store=store,
        at=at,
        given_by=actor.user,
        taken_by=taken_by,
        note=short(note, 500, "note"),
    )
    for line in lines:
        line.handover = handover
    CabinetHandoverLine.objects.bulk_create(lines)
    audit_facts(store=store.code, lots=len(lines), differences=sum(x.counted_qty != x.book_qty for x in lines))
    return handover


def _line(position: int, line: Counted, book: dict[int, Decimal], actor: Actor) -> CabinetHandoverLine:
    quantity, expected = line.quantity, book.get(line.lot.pk, Decimal(0))
    if not quantity.is_finite() or not 0 <= quantity < MAX_QUANTITY or quantity != quantity.quantize(STEP):
        text = "Số đếm từ 0, tối đa 3 chữ số lẻ"
        raise Refusal("bad_quantity", text, field="counted", position=position)
    note = short(line.note, 255, "note")
    if quantity != expected and not note:
        raise Refusal("no_note", "Lệch sổ: hãy ghi chú", field="note", position=position)
    return CabinetHandoverLine(
        facility=actor.facility, lot=line.lot, book_qty=expected, counted_qty=quantity, note=note
    )
