"""The cashier's ledger: append-only entries with numbers without gaps, in a counted drawer.

A receipt never exceeds what is due, a refund never exceeds the receipt it names, and two cashiers at one
visit wait for the same row, so that only one of them can collect.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.core.money import round0
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from his.ui.text import money_text
from insurance.billing.queries import amount_due, expected_cash, refundable_amount
from insurance.locks import lock_visit
from insurance.models import CashEntry, CashSession
from patients.models import Visit
from patients.services.counters import next_number

DENOMINATIONS = (500_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500)
NOTES_MAX = 100_000
AMOUNT_MAX = Decimal(10) ** 12
"""More than any drawer holds: a slip of the hand, not an amount."""


@service(action="billing.open_session", permission="billing.collect")
def open_session(*, opening_float: Decimal, actor: Actor, at: datetime) -> CashSession:
    """Open the actor's drawer with a counted float in whole đồng (mở ca thu).

    Refuses a float below zero or not whole, and when the drawer is open already.
    """
    if not opening_float.is_finite() or opening_float < 0:
        raise Refusal("negative", "Tiền đầu ca không được âm", field="opening_float")
    if opening_float > AMOUNT_MAX or opening_float != round0(opening_float):
        raise Refusal("not_whole", "Tiền đầu ca phải chẵn đồng và hợp lý", field="opening_float")
    try:
        with transaction.atomic():
            return CashSession.objects.create(
                facility=actor.facility, cashier=actor.user, opened_at=at, opening_float=opening_float
            )
    except IntegrityError:  # cash_session_open_once: also when two windows of one cashier open it at once
        raise Refusal("session_open", "Ca thu trước chưa chốt") from None


@service(action="billing.close_session", permission="billing.collect")
def close_session(
    *, session: CashSession, denominations: Mapping[int, int], actor: Actor, at: datetime, note: str = ""
) -> CashSession:
    """Close the drawer with the counted notes (chốt ca thu): face value in đồng -> number of notes.

    Afterwards the counted and the expected amounts are stored; a difference needs a note. Refuses another
    cashier's drawer and unknown denominations.
    """
    session = CashSession.objects.select_for_update().get(pk=session.pk)
    if session.cashier_id != actor.user.pk:
        raise Refusal("not_yours", "Ca thu của thu ngân khác")
    if session.closed_at is not None:
        raise Refusal("already_closed", "Ca thu đã chốt")
    if at < session.opened_at:
        raise Refusal("before_opening", "Giờ chốt ca trước giờ mở ca")
    note = fitting(nfc(note), 500, "note")
    if any(face not in DENOMINATIONS or not 0 <= count <= NOTES_MAX for face, count in denominations.items()):
        raise Refusal("denomination", "Mệnh giá hoặc số tờ không hợp lệ", field="denominations")
    counted = Decimal(sum(face * count for face, count in denominations.items()))
    expected = expected_cash(session)
    if counted != expected and not note:
        what = "thừa" if counted > expected else "thiếu"
        text = f"Tiền đếm được {what} {money_text(abs(counted - expected))} đ, hãy ghi lý do"
        raise Refusal("difference", text, field="note", counted=counted, expected=expected)
    session.closed_at, session.counted_amount, session.expected_amount = at, counted, expected
    session.denominations, session.note = {str(face): count for face, count in denominations.items()}, note
    session.save()
    audit_facts(counted=counted, expected=expected)
    return session


@service(action="billing.collect", permission="billing.collect")
def collect(
    *, visit: Visit, amount: Decimal, actor: Actor, at: datetime, method: str = "cash", idempotency_key: str = ""
) -> CashEntry:
    """Take money for a closed visit (thu tiền), in whole đồng. Afterwards a receipt with the next number exists.

    Refuses: visit not closed, nothing due, more than is due, an amount that is not positive and whole, no open drawer.
    """
    visit = lock_visit(visit)
    if visit.state != Visit.State.CLOSED:
        raise Refusal("not_closed", "Chưa chốt chi phí, chưa thu được tiền")
    due = amount_due(visit)
    if due <= 0:
        raise Refusal("nothing_due", "Lượt khám không còn khoản phải thu")
    _require_whole(amount)
    if amount > due:
        raise Refusal("too_much", f"Số tiền lớn hơn số còn phải thu {money_text(due)} đ", field="amount", due=due)
    if method not in CashEntry.Method.values:
        raise Refusal("method", "Hình thức thanh toán không hợp lệ", field="method")
    entry = CashEntry.objects.create(
        facility=actor.facility,
        visit=visit,
        result=visit.benefit_results.get(is_current=True),
        session=_session(actor),
        kind=CashEntry.Kind.RECEIPT,
        method=method,
        number=_number("PT", actor, at),
        amount=amount,
        at=at,
        by=actor.user,
    )
    audit_facts(number=entry.number, amount=amount)
    return entry


@service(action="billing.refund", permission="billing.refund")
def refund(
    *, entry: CashEntry, amount: Decimal, reason: str, actor: Actor, at: datetime, idempotency_key: str = ""
) -> CashEntry:
    """Give money of a receipt back (hoàn tiền) by the same method, as a new entry that names the receipt.

    Refuses more than is left of the receipt, no reason, a refund of a refund, no open drawer.
    """
    lock_visit(entry.visit)
    if entry.kind != CashEntry.Kind.RECEIPT:
        raise Refusal("not_receipt", "Chỉ hoàn được từ phiếu thu")
    reason = fitting(nfc(reason), 500, "reason")
    if not reason:
        raise Refusal("reason_missing", "Hãy ghi lý do hoàn tiền", field="reason")
    _require_whole(amount)
    left = refundable_amount(entry)
    if amount > left:
        raise Refusal("too_much", f"Phiếu thu chỉ còn hoàn được {money_text(left)} đ", field="amount", left=left)
    given = CashEntry.objects.create(
        facility=actor.facility,
        visit=entry.visit,
        result=entry.result,
        session=_session(actor),
        kind=CashEntry.Kind.REFUND,
        method=entry.method,
        number=_number("PH", actor, at),
        amount=amount,
        reverses=entry,
        reason=reason,
        at=at,
        by=actor.user,
    )
    audit_facts(number=given.number, amount=amount, reverses=entry.number)
    return given


def _require_whole(amount: Decimal) -> None:
    if not amount.is_finite() or amount <= 0:
        raise Refusal("not_positive", "Số tiền phải lớn hơn 0", field="amount")
    if amount > AMOUNT_MAX:
        raise Refusal("too_much", "Số tiền quá lớn, hãy kiểm tra lại", field="amount")
    if amount != round0(amount):
        raise Refusal("not_whole", "Số tiền phải chẵn đồng", field="amount")


def _session(actor: Actor) -> CashSession:
    """The actor's open drawer, locked: nobody counts it while an entry goes in."""
    rows = CashSession.objects.for_facility(actor.facility).select_for_update()
    session = rows.filter(cashier=actor.user, closed_at__isnull=True).first()
    if session is None:
        raise Refusal("no_session", "Chưa mở ca thu")
    return session


def _number(prefix: str, actor: Actor, at: datetime) -> str:
    year = local(at).strftime("%y")
    return f"{prefix}{year}.{next_number(facility=actor.facility, series=f'cash:{prefix}:{year}'):06d}"
