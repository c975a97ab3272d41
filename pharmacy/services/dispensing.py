"""Handing out prescriptions, in whole or in parts, and undoing it by reversal.

The visit's row is locked first: dispensing, returning, undoing and closing the same visit happen one after the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from his.accounts.actor import Actor, actor_for
from his.accounts.models import User
from his.catalogs.models import ControlClass, Drug
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from his.ui.text import decimal_text
from patients.models import Prescription
from pharmacy.allocation import Allocation, LotStock, Shortage, allocate, is_same_tender
from pharmacy.handout import LineChoice, allocate_chosen
from pharmacy.models import Dispense, DispenseLine, NotGiven, PatientReturn, StockDocument, Store, Substitution
from pharmacy.queries import held_reservations, wanted_of
from pharmacy.queries_given import LineParts, parts_on
from pharmacy.queries_window import same_products
from pharmacy.services import holds, ledger, stock
from pharmacy.services.lines_given import checked_quantity, locked_visit, not_given, refuse_finished, refuse_unready
from pharmacy.services.reservations import keep_open
from pharmacy.services.stock_checks import DeskClock, check_cards, clock_facts

TWO_PERSONS = frozenset({ControlClass.NARCOTIC, ControlClass.PSYCHOTROPIC, ControlClass.PRECURSOR})
"""Handed out by two persons to a named recipient (TT 26/2025/TT-BYT, TT 18/2026/TT-BYT)."""
WITNESSES = ("pharmacy.dispense", "patients.examine", "patients.triage")
"""Who has one of these rights may be the second person."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A line with what is handed out of it now: of the prescribed drug or of its substitute."""

    part: LineParts
    choice: LineChoice
    drug: Drug

    @property
    def field(self) -> str:
        return f"line-{self.part.line.pk}"


@service(action="pharmacy.dispense", permission="pharmacy.dispense")
def dispense(
    *,
    prescription: Prescription,
    store: Store,
    actor: Actor,
    at: datetime,
    choices: Sequence[LineChoice] = (),
    witness: User | None = None,
    recipient_name: str = "",
    recipient_id_number: str = "",
    clock: DeskClock | None = None,
    idempotency_key: str = "",
) -> Dispense:
    """Hand out a signed prescription from one store (cấp phát thuốc); lines without a choice in full.

    Afterwards the chosen quantities are covered by lots usable on the day, what was kept for it first, then first
    expired first out unless a lot was chosen with a reason, balances are lower by exactly that much, and what is not
    given has its reason: final, or to be collected while the prescription is valid; stock is kept for that. Of
    consecutive papers of narcotics only the one whose time it is is handed out (TT 26/2025/TT-BYT). Charges and claims
    follow what was given. Refuses when the paper is not signed, empty, given already, sent back or lapsed (5 days, TT
    26/2025/TT-BYT), the visit is closed or cancelled, a quantity exceeds what is open, the store cannot cover what is
    to be given, a substitute is not the same ingredient, strength, route and form or nobody agreed, and drugs under
    special control without a second person (`witness`, whose password the caller has checked) and the recipient's name
    and id number; then nothing changed. A desk (`clock`) is asked with "time_order" when the signature or the bin cards
    it takes from are later: the clock was set back, or another ran ahead.
    """
    visit = locked_visit(prescription, actor)
    # Read again under the lock: the caller's copy may be older than another desk's work.
    prescription = Prescription.objects.for_facility(actor.facility).prefetch_related("sheets").get(pk=prescription.pk)
    parts = parts_on(prescription, local(at).date())
    refuse_unready(prescription, visit, parts, at, clock)
    if not store.is_active:
        raise Refusal("store_closed", f"{store.name} không còn hoạt động", field="store")
    chosen = _chosen(parts, choices, local(at).date())
    given = [one for one in chosen if one.choice.quantity > 0]
    if not given:
        raise Refusal("nothing_given", "Không có thuốc nào được cấp; hãy ghi không cấp", field="prescription")
    left_out = _left_out(chosen, actor, at)
    handed_to = _handed_to(given, witness, recipient_name, recipient_id_number, actor)
    draft = ledger.draft(kind=StockDocument.Kind.DISPENSE, store=store, actor=actor, at=at)
    codes = {one.drug.code for one in given}
    if left_out:  # stock is kept for the rest after the document, from any store
        given_here = Q(store=store, lot__drug__code__in=codes, on_hand__gt=0)
        ledger.lock_balances(actor, given_here | ledger.balances_to_keep_from(prescription, [store.pk]))
    stocks, held = ledger.locked_stock(
        store=store, drug_codes=codes, at=at, prescription=prescription, with_last=clock is not None
    )
    allocation, reasons = _allocated(given, stocks, store, local(at).date())
    if clock is not None:
        _ask_about_clock({pick.lot_id: held[pick.lot_id] for pick in allocation.picks}, store, at, clock)
    holds.use(prescription=prescription, store=store, picks=allocation.picks, at=at)
    for pick in allocation.picks:
        draft.add(lot=held[pick.lot_id].lot, quantity=pick.quantity)
    document = ledger.post(draft=draft, actor=actor, at=at)
    done = Dispense.objects.create(
        facility=actor.facility,
        prescription=prescription,
        document=document,
        store=store,
        dispensed_at=at,
        dispensed_by=actor.user,
        **handed_to,
    )
    substitutions = {one.part.line.pk: _substitution(one, actor, at) for one in given if one.choice.drug_code}
    DispenseLine.objects.bulk_create(
        DispenseLine(
            facility=actor.facility,
            dispense=done,
            prescription_line_id=pick.key,
            substitution=substitutions.get(pick.key),
            lot_id=pick.lot_id,
            quantity=pick.quantity,
            lot_reason=reasons.get((pick.key, pick.lot_id), ""),
        )
        for pick in allocation.picks
    )
    for row in left_out:
        row.dispense = done
    NotGiven.objects.bulk_create(left_out)
    if left_out or held_reservations(prescription).exists():
        keep_open(prescription=prescription, actor=actor, at=at)
    audit_facts(prescription=prescription.number, document=document.number, lines=len(given), rest=len(left_out))
    audit_facts(**clock_facts(at, clock))
    return done


def _ask_about_clock(taken: Mapping[int, Any], store: Store, at: datetime, clock: DeskClock) -> None:
    """Refuse when a bin card that is taken from has a line well after the instant; `last_at` came with the balances."""
    if any(clock.is_behind(at, row.last_at) for row in taken.values() if row.last_at is not None):
        check_cards(store, taken, at, clock)


def _chosen(parts: Sequence[LineParts], choices: Sequence[LineChoice], on: date) -> list[_Chosen]:
    """What is to be done with every line that is open; refuses beside the field that is wrong."""
    by_line = {choice.line_id: choice for choice in choices}
    if len(by_line) != len(choices) or by_line.keys() - {part.line.pk for part in parts}:
        raise Refusal("other_lines", "Dòng thuốc không thuộc đơn này", field="prescription")
    found = []
    for part in parts:
        choice = by_line.get(part.line.pk, LineChoice(part.line.pk, max(part.open, Decimal(0))))
        checked_quantity(choice.quantity, max(part.open, Decimal(0)), f"line-{part.line.pk}-quantity")
        if part.open > 0:
            drug = _substitute(part, choice, on) if choice.drug_code else part.line.drug
            found.append(_Chosen(part, choice, drug))
    return found


def _substitute(part: LineParts, choice: LineChoice, on: date) -> Drug:
    """The product given in place of the prescribed one; refuses another ingredient and a change nobody agreed to."""
    where = f"line-{part.line.pk}"
    drug = next((one for one in same_products(part.line.drug, on) if one.code == choice.drug_code), None)
    if drug is None:
        text = f"{part.line.drug.name}: thuốc thay phải cùng hoạt chất, hàm lượng, đường dùng, dạng bào chế"
        raise Refusal("not_same", text, field=f"{where}-drug")
    if not fitting(nfc(choice.agreed_by), 255, f"{where}-agreed_by"):
        raise Refusal("not_agreed", f"{drug.name}: ghi tên người đồng ý thay thuốc", field=f"{where}-agreed_by")
    if drug.control_class and not fitting(nfc(choice.doctor_name), 255, f"{where}-doctor_name"):
        text = f"{drug.name} là thuốc kiểm soát đặc biệt: ghi tên bác sĩ đồng ý"
        raise Refusal("doctor_not_asked", text, field=f"{where}-doctor_name")
    return drug


def _left_out(chosen: Sequence[_Chosen], actor: Actor, at: datetime) -> list[NotGiven]:
    return [
        not_given(
            part=one.part,
            quantity=one.part.open - one.choice.quantity,
            reason=one.choice.reason,
            note=one.choice.note,
            is_final=one.choice.is_final,
            actor=actor,
            at=at,
        )
        for one in chosen
        if one.choice.quantity < one.part.open
    ]


def _handed_to(
    given: Sequence[_Chosen], witness: User | None, name: str, id_number: str, actor: Actor
) -> dict[str, User | str | None]:
    """The second person and the recipient, when a drug under special control is among what is given."""
    name, id_number = fitting(nfc(name), 255, "recipient_name"), fitting(nfc(id_number), 30, "recipient_id_number")
    controlled = [one.drug.name for one in given if one.drug.control_class in TWO_PERSONS]
    if controlled:
        if witness is None:
            text = f"{controlled[0]}: cần người thứ hai xác nhận khi giao thuốc"
            raise Refusal("witness_needed", text, field="witness_username")
        if witness.pk == actor.user.pk:
            raise Refusal("own_witness", "Người xác nhận phải khác người cấp", field="witness_username")
        if not any(actor_for(witness, actor.facility).may(right) for right in WITNESSES):
            raise Refusal("not_witness", "Tài khoản này không được xác nhận giao thuốc", field="witness_username")
        if not name:
            raise Refusal("no_recipient", "Ghi họ tên người nhận thuốc", field="recipient_name")
        if not id_number:
            raise Refusal("no_recipient", "Ghi số giấy tờ của người nhận thuốc", field="recipient_id_number")
    return {
        "witnessed_by": witness if controlled else None,
        "recipient_name": name,
        "recipient_id_number": id_number,
    }


def _allocated(
    given: Sequence[_Chosen], stocks: Sequence[LotStock], store: Store, on: date
) -> tuple[Allocation, Mapping[tuple[int, int], str]]:
    """The lots, and by line and lot why one was preferred. Refuses what the store cannot cover, and an unusable lot."""
    wanted = [wanted_of(one.part.line, one.choice.quantity, one.drug) for one in given]
    first = {pick.key: pick.lot_id for pick in reversed(allocate(wanted, stocks, on).picks)}
    by_id, tenders = {stock.lot_id: stock for stock in stocks}, {one.key: one.tender for one in wanted}
    preferred: dict[int, int] = {}
    reasons: dict[tuple[int, int], str] = {}
    for one in given:
        key, lot_id = one.part.line.pk, one.choice.lot_id
        if lot_id is None:
            continue
        lot = by_id.get(lot_id)
        if lot is None or lot.item != one.drug.code:
            text = f"{one.drug.name}: lô đã chọn không cấp được từ {store.name}"
            raise Refusal("lot_not_usable", text, field=f"{one.field}-lot")
        if not is_same_tender(tenders[key], lot.tender):
            text = f"{one.drug.name}: lô đã chọn mua theo gói thầu khác, không dùng cho BHYT"
            raise Refusal("lot_other_tender", text, field=f"{one.field}-lot")
        preferred[key] = lot_id
        if first.get(key) != lot_id:
            reason = fitting(nfc(one.choice.lot_reason), 255, f"{one.field}-lot_reason")
            if not reason:
                text = f"{one.drug.name}: ghi lý do chọn lô khác lô hết hạn trước"
                raise Refusal("no_lot_reason", text, field=f"{one.field}-lot_reason")
            reasons[key, lot_id] = reason
    allocation = allocate_chosen(wanted, stocks, preferred, on)
    _refuse_shortage(allocation, given, store)
    return allocation, reasons


def _substitution(one: _Chosen, actor: Actor, at: datetime) -> Substitution:
    found, _ = Substitution.objects.get_or_create(
        facility=actor.facility,
        prescription_line=one.part.line,
        drug=one.drug,
        defaults={
            "agreed_by": nfc(one.choice.agreed_by),
            "doctor_name": nfc(one.choice.doctor_name),
            "at": at,
            "by": actor.user,
        },
    )
    return found


@service(action="pharmacy.reverse_dispense", permission="pharmacy.reverse")
def reverse_dispense(
    *, dispense: Dispense, reason: str, actor: Actor, at: datetime, clock: DeskClock | None = None
) -> Dispense:
    """Undo a handing out (hủy cấp phát): the same lots are on the shelf again and the prescription waits once more.

    What was not given then is undecided again, and stock is kept for what is open while the prescription is valid.
    Refuses without a reason, a second time, after drugs of it came back, and once the visit is closed: the visit must
    be reopened first. A desk (`clock`) is asked when the document or the bin cards are later.
    """
    visit = locked_visit(dispense.prescription, actor)
    rows = Dispense.objects.for_facility(actor.facility).select_related("document", "prescription")
    current: Dispense = rows.get(pk=dispense.pk)
    if current.is_reversed:
        raise Refusal("already_reversed", f"Phiếu {current.document.number} đã được hủy trước đó", field="dispense")
    refuse_finished(visit, "hủy cấp phát")
    if PatientReturn.objects.for_facility(actor.facility).filter(dispense=current, is_reversed=False).exists():
        raise Refusal("has_returns", "Người bệnh đã trả lại thuốc của phiếu này; hủy phiếu trả trước", field="dispense")
    stock.lock_to_reverse([current.document], actor=actor, keeps_for=current.prescription)
    reversal = stock.reverse(document=current.document, reason=reason, actor=actor, at=at, clock=clock)
    current.is_reversed = True
    current.save(update_fields=["is_reversed"])
    undecided = NotGiven.objects.for_facility(actor.facility).filter(dispense=current, withdrawn_at__isnull=True)
    undecided.update(withdrawn_at=at, withdrawn_by=actor.user)
    keep_open(prescription=current.prescription, actor=actor, at=at)
    audit_facts(prescription=current.prescription.number, document=reversal.number, **clock_facts(at, clock))
    return current


def _refuse_shortage(allocation: Allocation, given: Sequence[_Chosen], store: Store) -> None:
    if allocation.is_complete:
        return
    drugs = {one.part.line.pk: one.drug for one in given}
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
