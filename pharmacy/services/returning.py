"""Drugs that a patient brings back (trả lại thuốc): stock, what was given and so the charge follow at once."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.core.errors import Refusal
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from pharmacy.handout import Bringer, ReturnedLine
from pharmacy.models import (
    Dispense,
    DispenseLine,
    Lot,
    NotGiven,
    PatientReturn,
    PatientReturnLine,
    StockDocument,
)
from pharmacy.queries_given import LineParts, parts_of, with_returned
from pharmacy.services import ledger, stock
from pharmacy.services.dispensing import TWO_PERSONS
from pharmacy.services.lines_given import checked_quantity, locked_visit, not_given, refuse_finished
from pharmacy.services.lots import hold_incoming
from pharmacy.services.return_records import checked_bringer, keep_record, record_number
from pharmacy.services.stock_checks import DeskClock, check_after, check_cards, clock_facts

Kind = StockDocument.Kind


@service(action="pharmacy.return_drugs", permission="pharmacy.dispense")
def return_drugs(
    *,
    dispense: Dispense,
    lines: Sequence[ReturnedLine],
    reason: str,
    actor: Actor,
    at: datetime,
    bringer: Bringer | None = None,
    clock: DeskClock | None = None,
    idempotency_key: str = "",
) -> PatientReturn:
    """Take handed-out drugs back from the patient, by lot, with a reason.

    Afterwards the lots hold that much more where they were given out, except what is not intact: that is received and
    written off at once, so that nobody is given it. What came back is neither charged nor given any more. Of drugs
    under special control a record is kept that names who handed them in (`bringer`). Refuses more than the patient has
    of a lot, nothing at all, intact drugs under special control (they are never given again, TT 18/2026/TT-BYT), such
    drugs from nobody or in no told condition, and once the visit is closed: it must be reopened first, and the money
    then goes back by the correction at the cashier. A desk (`clock`) is asked when the handing out or the bin cards
    are later.
    """
    visit = locked_visit(dispense.prescription, actor)
    rows = Dispense.objects.for_facility(actor.facility).select_related("document", "store", "prescription")
    current: Dispense = rows.get(pk=dispense.pk)
    if current.is_reversed:
        raise Refusal("already_reversed", f"Phiếu {current.document.number} đã được hủy", field="dispense")
    refuse_finished(visit, "nhận thuốc trả lại")
    check_after(current.facility_id, at, current.dispensed_at, "giờ cấp phát", clock)
    reason = fitting(nfc(reason), 255, "reason")
    if not reason:
        raise Refusal("no_reason", "Hãy ghi lý do trả lại", field="reason")
    back = _checked(current, lines)
    check_cards(current.store, {given.lot_id for given, _ in back}, at, clock)
    bringer = checked_bringer(back, bringer or Bringer())
    number = record_number(actor.facility, back, at)
    document, write_off = _post(current, back, reason, actor, at)
    made = PatientReturn.objects.create(
        facility=actor.facility,
        dispense=current,
        document=document,
        write_off=write_off,
        reason=reason,
        returned_at=at,
        returned_by=actor.user,
    )
    PatientReturnLine.objects.bulk_create(
        PatientReturnLine(
            facility=actor.facility,
            patient_return=made,
            dispense_line=given,
            quantity=line.quantity,
            is_intact=line.is_intact,
        )
        for given, line in back
    )
    _drop(made, back, actor, at)
    if number:
        keep_record(made, back, bringer, number)
    audit_facts(prescription=current.prescription.number, document=document.number, lines=len(back), record=number)
    audit_facts(**clock_facts(at, clock))
    return made


def _checked(dispense: Dispense, lines: Sequence[ReturnedLine]) -> list[tuple[DispenseLine, ReturnedLine]]:
    known = {
        row.pk: row
        for row in with_returned(
            DispenseLine.objects.for_facility(dispense.facility_id).filter(dispense=dispense)
        ).select_related("lot__drug", "prescription_line__drug")
    }
    back: dict[int, Decimal] = {}
    found = []
    for line in lines:
        where = f"return-{line.dispense_line_id}"
        if line.dispense_line_id not in known:
            raise Refusal("other_lines", "Lô này không thuộc phiếu cấp phát", field="lines")
        given = known[line.dispense_line_id]
        most = given.quantity - given.came_back - back.get(given.pk, Decimal(0))
        checked_quantity(line.quantity, most, f"{where}-quantity")
        if line.quantity <= 0:
            continue
        if line.is_intact and given.lot.drug.control_class in TWO_PERSONS:
            text = f"{given.lot.drug.name}: thuốc kiểm soát đặc biệt trả lại không cấp lại cho người khác"
            raise Refusal("never_again", text, field=f"{where}-is_intact")
        back[given.pk] = back.get(given.pk, Decimal(0)) + line.quantity
        found.append((given, line))
    if not found:
        raise Refusal("nothing_returned", "Hãy gõ số lượng trả lại", field="lines")
    return found


def _post(
    dispense: Dispense, back: Sequence[tuple[DispenseLine, ReturnedLine]], reason: str, actor: Actor, at: datetime
) -> tuple[StockDocument, StockDocument | None]:
    """The return, and the writing off of what is not intact: of lots whose balances the return has locked already."""
    how = {"store": dispense.store, "actor": actor, "at": at}
    draft = ledger.draft(kind=Kind.PATIENT_RETURN, origin=dispense.document, reason=reason, **how)  # type: ignore[arg-type]
    for lot, quantity in _by_lot([(given, line.quantity) for given, line in back]):
        draft.add(lot=lot, quantity=quantity)
    hold_incoming(store=dispense.store, lots=[lot for lot, _ in draft.items], actor=actor, at=at)
    spoiled = _by_lot([(given, line.quantity) for given, line in back if not line.is_intact])
    if not spoiled:
        return ledger.post(draft=draft, actor=actor, at=at), None
    loss = ledger.draft(kind=Kind.LOSS, reason=f"Người bệnh trả lại, không dùng lại: {reason}"[:500], **how)  # type: ignore[arg-type]
    for lot, quantity in spoiled:
        loss.add(lot=lot, quantity=quantity)
    document = ledger.post(draft=draft, actor=actor, at=at)
    loss.document.origin = document
    return document, ledger.post(draft=loss, actor=actor, at=at)


def _by_lot(rows: Sequence[tuple[DispenseLine, Decimal]]) -> list[tuple[Lot, Decimal]]:
    totals: dict[int, Decimal] = {}
    lots: dict[int, Lot] = {}
    for given, quantity in rows:
        lots[given.lot_id] = given.lot
        totals[given.lot_id] = totals.get(given.lot_id, Decimal(0)) + quantity
    return [(lots[lot_id], quantity) for lot_id, quantity in sorted(totals.items())]


def _drop(made: PatientReturn, back: Sequence[tuple[DispenseLine, ReturnedLine]], actor: Actor, at: datetime) -> None:
    """What came back does not wait to be handed out again."""
    totals: dict[int, Decimal] = {}
    lines = {given.prescription_line_id: given.prescription_line for given, _ in back}
    for given, line in back:
        totals[given.prescription_line_id] = totals.get(given.prescription_line_id, Decimal(0)) + line.quantity
    nothing = Decimal(0)
    NotGiven.objects.bulk_create(
        not_given(
            part=LineParts(lines[pk], nothing, nothing, nothing),
            quantity=quantity,
            reason=NotGiven.Reason.RETURNED,
            note="",
            is_final=True,
            actor=actor,
            at=at,
            dispense=made.dispense,
            patient_return=made,
        )
        for pk, quantity in totals.items()
    )


@service(action="pharmacy.reverse_return", permission="pharmacy.reverse")
def reverse_return(
    *, patient_return: PatientReturn, reason: str, actor: Actor, at: datetime, clock: DeskClock | None = None
) -> PatientReturn:
    """Undo a return that was entered wrongly (hủy phiếu trả lại): the patient has the drugs again.

    Refuses a second time, without a reason, once the visit is closed, when the goods are no longer on the shelf, and
    when the patient was given others in their place meanwhile. A desk (`clock`) is asked when the documents or the bin
    cards are later.
    """
    visit = locked_visit(patient_return.dispense.prescription, actor)
    rows = PatientReturn.objects.for_facility(actor.facility).select_related(
        "document", "write_off", "dispense__prescription"
    )
    current: PatientReturn = rows.get(pk=patient_return.pk)
    if current.is_reversed:
        raise Refusal("already_reversed", f"Phiếu {current.document.number} đã được hủy trước đó", field="return")
    refuse_finished(visit, "hủy phiếu trả lại")
    documents = [one for one in (current.document, current.write_off) if one is not None]
    stock.lock_to_reverse(documents, actor=actor)
    if current.write_off is not None:
        stock.reverse(document=current.write_off, reason=reason, actor=actor, at=at, clock=clock)
    reversal = stock.reverse(document=current.document, reason=reason, actor=actor, at=at, clock=clock)
    NotGiven.objects.for_facility(actor.facility).filter(patient_return=current, withdrawn_at__isnull=True).update(
        withdrawn_at=at, withdrawn_by=actor.user
    )
    current.is_reversed = True
    current.save(update_fields=["is_reversed"])
    if any(part.open < 0 for part in parts_of(current.dispense.prescription)):
        raise Refusal("given_again", "Người bệnh đã được cấp lại thuốc thay cho phần trả, không hủy phiếu trả được")
    audit_facts(prescription=current.dispense.prescription.number, document=reversal.number)
    audit_facts(**clock_facts(at, clock))
    return current
