"""Steps that dispensing, returning and refusing share: the visit's lock, readiness, and what is not given."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import fitting, nfc
from his.ui.text import decimal_text
from patients.models import Prescription, Visit
from patients.series import next_paper
from patients.sheets import law_on
from pharmacy.models import Dispense, NotGiven, PatientReturn
from pharmacy.queries_given import LineParts, collected_until, dispenses_of, standing_refusal
from pharmacy.services.stock_checks import DeskClock, check_after

_STEP = Decimal("0.001")


def locked_visit(prescription: Prescription, actor: Actor) -> Visit:
    """The visit of a prescription, locked until the transaction ends: one step about it after another."""
    rows = Visit.objects.for_facility(actor.facility).select_for_update(of=("self",), no_key=True)
    return rows.get(pk=prescription.visit_id)  # type: ignore[no-any-return]


def refuse_finished(visit: Visit, what_vi: str) -> None:
    """Refuse when the visit's costs are settled or it is cancelled; `what_vi` is what cannot be done."""
    if visit.state == Visit.State.CLOSED:
        raise Refusal(
            "visit_closed", f"Lượt khám đã chốt chi phí, cần mở lại trước khi {what_vi}", field="prescription"
        )
    if visit.state == Visit.State.CANCELLED:
        raise Refusal("visit_cancelled", "Lượt khám đã hủy", field="prescription")


def refuse_unready(
    prescription: Prescription,
    visit: Visit,
    parts: Sequence[LineParts],
    at: datetime,
    clock: DeskClock | None = None,
) -> None:
    """Refuse what may not be handed out now: not signed, empty, given already, sent back, lapsed, a clock set back."""
    if prescription.signed_at is None:
        raise Refusal("not_signed", "Đơn thuốc chưa được bác sĩ ký", field="prescription")
    if prescription.is_void:
        text = f"Đơn thuốc đã được thay bằng đơn {prescription.replaced_by.number}, hãy cấp theo đơn mới"
        raise Refusal("replaced", text, field="prescription")
    if not parts:
        raise Refusal("no_lines", "Đơn thuốc không có thuốc nào", field="prescription")
    refuse_finished(visit, "cấp phát")
    if not any(part.has_rest for part in parts):
        raise _nothing_open(prescription)
    if (refusal := standing_refusal(prescription)) is not None:
        text = f"Đơn đang trả lại bác sĩ: {refusal.get_reason_display()}, {refusal.note}"
        raise Refusal("sent_back", text, field="prescription")
    check_after(prescription.facility_id, at, prescription.signed_at, "giờ ký đơn", clock)
    if all(part.open <= 0 for part in parts):
        raise _not_its_time(prescription, local(at).date())
    signed_on = local(prescription.signed_at).date()
    last = collected_until(prescription, at)
    if last is not None and local(at).date() > last:
        text = f"Đơn ký ngày {signed_on:%d/%m/%Y} chỉ cấp được đến hết {last:%d/%m/%Y} ({law_on(signed_on)})"
        raise Refusal("lapsed", text, field="prescription", last=last)


def _not_its_time(prescription: Prescription, day: date) -> Refusal:
    """Consecutive papers of narcotics: between two of them, or after the last."""
    sheets = list(prescription.sheets.all())
    if (later := next_paper(sheets, day)) is not None and later.valid_from is not None:
        text = (
            f"Đơn N thứ {later.part} chỉ lĩnh được từ {later.valid_from:%d/%m/%Y} đến hết {later.valid_until:%d/%m/%Y}"
        )
        return Refusal("not_yet", text, field="prescription", since=later.valid_from)
    last = max(sheet.valid_until for sheet in sheets)
    return Refusal("lapsed", f"Các đơn liên tiếp chỉ cấp được đến hết {last:%d/%m/%Y}", field="prescription", last=last)


def _nothing_open(prescription: Prescription) -> Refusal:
    done = dispenses_of(prescription)
    if not done:
        return Refusal("already_settled", "Đơn thuốc đã ghi không cấp, không còn gì để cấp", field="prescription")
    text = f"Đơn thuốc đã cấp phát lúc {local(done[-1].dispensed_at):%H:%M %d/%m/%Y}, phiếu {done[-1].document.number}"
    return Refusal("already_dispensed", text, field="prescription")


def checked_quantity(quantity: Decimal, most: Decimal, field: str, *, least: Decimal = Decimal(0)) -> Decimal:
    """A quantity from `least` to `most` with at most three decimals; refuses beside the field."""
    if not quantity.is_finite() or quantity < least or quantity != quantity.quantize(_STEP):
        raise Refusal("bad_quantity", "Số lượng không âm, tối đa 3 chữ số lẻ", field=field)
    if quantity > most:
        raise Refusal("too_much", f"Nhiều nhất {decimal_text(most)}", field=field, most=most)
    return quantity


def not_given(
    *,
    part: LineParts,
    quantity: Decimal,
    reason: str,
    note: str,
    is_final: bool,
    actor: Actor,
    at: datetime,
    dispense: Dispense | None = None,
    patient_return: PatientReturn | None = None,
) -> NotGiven:
    """A row, not stored, that says why so much of a line is not handed out. Refuses an unknown reason, other unsaid."""
    where = f"line-{part.line.pk}"
    if reason not in NotGiven.Reason.values:
        text = f"{part.line.drug.name}: hãy chọn lý do cấp thiếu"
        raise Refusal("no_reason", text, field=f"{where}-reason")
    note = fitting(nfc(note), 255, f"{where}-note")
    if reason == NotGiven.Reason.OTHER and not note:
        raise Refusal("no_note", f"{part.line.drug.name}: hãy ghi rõ lý do", field=f"{where}-note")
    return NotGiven(
        facility=actor.facility,
        prescription_line=part.line,
        dispense=dispense,
        patient_return=patient_return,
        quantity=quantity,
        reason=reason,
        note=note,
        is_final=is_final,
        at=at,
        by=actor.user,
    )
