"""Handing out prescriptions, and undoing it by reversal.

The visit's row is locked first: dispensing, undoing and closing the same visit happen one after the other.
"""

from datetime import datetime

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.service import audit_facts, service
from his.ui.text import decimal_text
from patients.models import Prescription, PrescriptionLine, Visit
from pharmacy.allocation import Allocation, Shortage, allocate
from pharmacy.models import Dispense, DispenseLine, StockDocument, Store
from pharmacy.queries import current_dispense, wanted_of
from pharmacy.services import holds, ledger, stock
from pharmacy.services.reservations import reserve


@service(action="pharmacy.dispense", permission="pharmacy.dispense")
def dispense(
    *, prescription: Prescription, store: Store, actor: Actor, at: datetime, idempotency_key: str = ""
) -> Dispense:
    """Hand out a signed prescription from one store (cấp phát thuốc).

    Afterwards each line is covered by lots usable on the day, what was kept for it first, then first expired first
    out; balances are lower by exactly that much, and nothing is kept for it any more. Refuses when the prescription is
    not signed, is empty or was handed out, the visit is closed or cancelled, or the store cannot cover every line; then
    nothing changed and the refusal names what is left.
    """
    visit = _locked_visit(prescription, actor)
    # Read again under the lock: the caller's copy may be older than another desk's work.
    prescription = Prescription.objects.for_facility(actor.facility).get(pk=prescription.pk)
    lines = list(prescription.lines.select_related("drug"))
    _refuse_unready(prescription, visit, lines, at)
    if not store.is_active:
        raise Refusal("store_closed", f"{store.name} không còn hoạt động", field="store")
    draft = ledger.draft(kind=StockDocument.Kind.DISPENSE, store=store, actor=actor, at=at)
    codes = {line.drug.code for line in lines}
    lots, by_id = ledger.locked_stock(store=store, drug_codes=codes, at=at, prescription=prescription)
    allocation = allocate([wanted_of(line, line.quantity) for line in lines], lots, local(at).date())
    _refuse_shortage(allocation, lines, store)
    holds.use(prescription=prescription, picks=allocation.picks, at=at)
    for pick in allocation.picks:
        draft.add(lot=by_id[pick.lot_id], quantity=pick.quantity)
    document = ledger.post(draft=draft, actor=actor, at=at)
    done = Dispense.objects.create(
        facility=actor.facility,
        prescription=prescription,
        document=document,
        store=store,
        dispensed_at=at,
        dispensed_by=actor.user,
    )
    DispenseLine.objects.bulk_create(
        DispenseLine(
            facility=actor.facility,
            dispense=done,
            prescription_line_id=pick.key,
            lot_id=pick.lot_id,
            quantity=pick.quantity,
        )
        for pick in allocation.picks
    )
    audit_facts(prescription=prescription.number, document=document.number)
    return done


@service(action="pharmacy.reverse_dispense", permission="pharmacy.reverse")
def reverse_dispense(*, dispense: Dispense, reason: str, actor: Actor, at: datetime) -> Dispense:
    """Take a handed-out prescription back (hủy cấp phát): the same lots are on the shelf again and it waits once more.

    Stock is kept for it again while it is valid.
    Refuses without a reason, a second time, and once the visit is closed: the visit must be reopened first.
    """
    visit = _locked_visit(dispense.prescription, actor)
    rows = Dispense.objects.for_facility(actor.facility).select_related("document", "prescription")
    current: Dispense = rows.get(pk=dispense.pk)
    if current.is_reversed:
        raise Refusal("already_reversed", f"Phiếu {current.document.number} đã được hủy trước đó", field="dispense")
    if visit.state == Visit.State.CLOSED:
        raise Refusal("visit_closed", "Lượt khám đã chốt chi phí, cần mở lại trước khi hủy cấp phát", field="dispense")
    reversal = stock.reverse(document=current.document, reason=reason, actor=actor, at=at)
    current.is_reversed = True
    current.save(update_fields=["is_reversed"])
    reserve(prescription=current.prescription, actor=actor, at=at)
    audit_facts(prescription=current.prescription.number, document=reversal.number)
    return current


def _locked_visit(prescription: Prescription, actor: Actor) -> Visit:
    rows = Visit.objects.for_facility(actor.facility).select_for_update(of=("self",), no_key=True)
    return rows.get(pk=prescription.visit_id)  # type: ignore[no-any-return]


def _refuse_unready(prescription: Prescription, visit: Visit, lines: list[PrescriptionLine], at: datetime) -> None:
    if prescription.signed_at is None:
        raise Refusal("not_signed", "Đơn thuốc chưa được bác sĩ ký", field="prescription")
    if prescription.is_void:
        text = f"Đơn thuốc đã được thay bằng đơn {prescription.replaced_by.number}, hãy cấp theo đơn mới"
        raise Refusal("replaced", text, field="prescription")
    if not lines:
        raise Refusal("no_lines", "Đơn thuốc không có thuốc nào", field="prescription")
    if (done := current_dispense(prescription)) is not None:
        text = f"Đơn thuốc đã cấp phát lúc {local(done.dispensed_at):%H:%M %d/%m/%Y}, phiếu {done.document.number}"
        raise Refusal("already_dispensed", text, field="prescription")
    if visit.state == Visit.State.CLOSED:
        raise Refusal("visit_closed", "Lượt khám đã chốt chi phí, không cấp phát thêm được", field="prescription")
    if visit.state == Visit.State.CANCELLED:
        raise Refusal("visit_cancelled", "Lượt khám đã hủy", field="prescription")
    if at < prescription.signed_at:
        raise Refusal("time_order", "Giờ cấp phát sớm hơn giờ ký đơn, hãy kiểm tra đồng hồ máy", field="at")


def _refuse_shortage(allocation: Allocation, lines: list[PrescriptionLine], store: Store) -> None:
    if allocation.is_complete:
        return
    drugs = {line.pk: line.drug for line in lines}
    texts = [
        f"{drugs[short.key].name} cần {decimal_text(short.wanted)} {drugs[short.key].unit}, "
        f"{store.name} chỉ còn {_left_text(short)}"
        for short in allocation.shortages
    ]
    raise Refusal(
        "shortage", "Không đủ thuốc: " + "; ".join(texts), field="prescription", shortages=list(allocation.shortages)
    )


def _left_text(short: Shortage) -> str:
    text = decimal_text(short.left) if short.left else "0 (hết)"
    other = f" (và {decimal_text(short.other_tender)} của gói thầu khác, không dùng cho BHYT)"
    return text + other if short.other_tender else text
