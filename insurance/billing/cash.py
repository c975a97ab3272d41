"""The cashier's ledger: append-only entries with numbers without gaps, in a counted drawer.

A receipt never exceeds what is due after the deposits, what is given back never exceeds the entry it names, and two
cashiers at one visit wait for the same row, so that only one of them can collect. A deposit (tạm ứng) is money of the
patient until a bill uses it: it is held in an account of its own (`insurance.billing.effects`).
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.core.money import ZERO
from his.core.text import fitting
from his.locks import lock_name
from his.service import audit_facts, service
from his.ui.text import money_text
from insurance.billing.amounts import reason_of, require_whole
from insurance.billing.approvals import checked_refund, checked_request
from insurance.billing.books import take_number
from insurance.billing.drawers import own_drawer
from insurance.billing.effects import GIVES_BACK, VOIDS
from insurance.billing.ledger import account_of, entries_of, left_of
from insurance.billing.transfers import order_to_fill
from insurance.locks import lock_visit
from insurance.models import CashEntry, CashSession, InvoiceEntry, RefundRequest
from patients.models import Visit

Kind = CashEntry.Kind
_REFERENCE = re.compile(r"[A-Z0-9][A-Z0-9._/\-]*", re.ASCII)


@service(action="billing.collect", permission="billing.collect")
def collect(
    *,
    visit: Visit,
    amount: Decimal,
    actor: Actor,
    at: datetime,
    method: str = "cash",
    bank_reference: str = "",
    idempotency_key: str = "",
) -> CashEntry:
    """Take money for a closed visit (thu tiền), in whole đồng; deposits that are held are used first.

    Afterwards a receipt with the next number exists. `bank_reference` is the bank's number of a transfer. Refuses:
    visit not closed, nothing due, more than is due, an amount that is not positive and whole, no open drawer, a
    transfer without its number or with one that was recorded before.
    """
    visit = lock_visit(visit)
    if visit.state != Visit.State.CLOSED:
        raise Refusal("not_closed", "Chưa chốt chi phí, chưa thu được tiền")
    account = account_of(visit)
    if account.due <= 0:
        if account.to_use:
            raise Refusal("covered", "Tiền tạm ứng đủ trả, hãy bù tạm ứng")
        raise Refusal("nothing_due", "Lượt khám không còn khoản phải thu")
    require_whole(amount)
    if amount > account.due:
        text = f"Số tiền lớn hơn số còn phải thu {money_text(account.due)} đ"
        raise Refusal("too_much", text, field="amount", due=account.due)
    came = _way(Kind.RECEIPT, method, bank_reference)
    drawer = own_drawer(actor, at)
    came |= _bank(visit, Kind.RECEIPT, came)
    _use(visit, account.to_use, actor, at, drawer=drawer)
    return _record(visit, Kind.RECEIPT, amount, actor, at, drawer=drawer, **came)


@service(action="billing.take_deposit", permission="billing.collect")
def take_deposit(
    *,
    visit: Visit,
    amount: Decimal,
    actor: Actor,
    at: datetime,
    method: str = "cash",
    bank_reference: str = "",
    idempotency_key: str = "",
) -> CashEntry:
    """Take a deposit while the visit is not closed (thu tạm ứng), in whole đồng. Afterwards that much more is held.

    Refuses a closed or cancelled visit, an amount that is not positive and whole, no open drawer, a transfer without
    its number or with one that was recorded before.
    """
    visit = lock_visit(visit)
    if visit.state == Visit.State.CLOSED:
        raise Refusal("closed", "Lượt khám đã chốt chi phí, hãy thu tiền thay vì tạm ứng")
    if visit.state == Visit.State.CANCELLED:
        raise Refusal("cancelled", "Lượt khám đã hủy")
    require_whole(amount)
    came = _way(Kind.DEPOSIT, method, bank_reference)
    drawer = own_drawer(actor, at)
    came |= _bank(visit, Kind.DEPOSIT, came)
    return _record(visit, Kind.DEPOSIT, amount, actor, at, drawer=drawer, **came)


@service(action="billing.use_deposits", permission="billing.collect")
def use_deposits(*, visit: Visit, actor: Actor, at: datetime, idempotency_key: str = "") -> CashEntry:
    """Pay the bill of a closed visit from its deposits (bù tạm ứng), the oldest first; answers the last entry.

    Afterwards as much as the deposits hold of what is owed is paid. No money moves. What is still held then goes back
    by `refund`. Refuses: visit not closed, nothing held, nothing owed, no open drawer.
    """
    visit = lock_visit(visit)
    if visit.state != Visit.State.CLOSED:
        raise Refusal("not_closed", "Chưa chốt chi phí, chưa bù được tạm ứng")
    account = account_of(visit)
    if not account.held:
        raise Refusal("nothing_held", "Lượt khám không còn tiền tạm ứng")
    if not account.to_use:
        raise Refusal("nothing_due", "Lượt khám không còn khoản phải thu, hãy hoàn tạm ứng")
    return _use(visit, account.to_use, actor, at, drawer=own_drawer(actor, at))[-1]


@service(action="billing.refund", permission="billing.refund")
def refund(
    *,
    entry: CashEntry,
    amount: Decimal,
    reason: str,
    actor: Actor,
    at: datetime,
    request: RefundRequest | None = None,
    idempotency_key: str = "",
) -> CashEntry:
    """Give money back by the way it came, as a new entry that names the old one (hoàn tiền, hoàn tạm ứng).

    From a receipt the paid sum sinks, from a deposit what is held; from a use of a deposit the use is released first
    and then the deposit returned. Answers the entry that moves the money. Refuses more than is left, no reason, an
    entry that cannot be given back, no open drawer; `approval_needed` when the facility wants a second person
    (`insurance.billing.approvals`) and no approved request for this entry and amount comes along.
    """
    visit, reason = checked_refund(entry=entry, amount=amount, reason=reason)
    request = checked_request(entry=entry, amount=amount, request=request, actor=actor, at=at)
    drawer = own_drawer(actor, at)
    more: dict[str, Any] = {"reason": reason, "request": request, "drawer": drawer}
    if entry.kind == Kind.DEPOSIT_USE:
        assert entry.reverses is not None
        released: dict[str, Any] = {"reason": reason, "drawer": drawer, "method": entry.method, "reverses": entry}
        _record(visit, Kind.DEPOSIT_RELEASE, amount, actor, at, **released)
        entry = entry.reverses
    return _record(visit, GIVES_BACK[entry.kind], amount, actor, at, method=entry.method, reverses=entry, **more)


@service(action="billing.void_entry", permission="billing.void")
def void_entry(*, entry: CashEntry, reason: str, actor: Actor, at: datetime, idempotency_key: str = "") -> CashEntry:
    """Undo one's own receipt or deposit on the spot (hủy phiếu), as a new entry of the whole amount that names it.

    The paper keeps its number and is printed HỦY; its bank transfer can be recorded again. Refuses another day,
    another's paper, a drawer that was closed since, a paper of which something was used, given back or voided or that
    has an invoice, no reason: all that is left then is a refund.
    """
    visit = lock_visit(entry.visit)
    if entry.kind not in VOIDS:
        raise Refusal("not_voidable", "Chỉ hủy được phiếu thu, phiếu tạm ứng")
    reason = reason_of(reason, "Hãy ghi lý do hủy phiếu")
    if entry.by_id != actor.user.pk:
        raise Refusal("not_yours", "Phiếu của thu ngân khác, chỉ hoàn tiền được")
    if local(entry.at).date() != local(at).date():
        raise Refusal("other_day", "Phiếu của ngày khác, chỉ hoàn tiền được")
    drawer = own_drawer(actor, at)
    if entry.session_id != drawer.pk:
        raise Refusal("drawer_closed", "Ca thu của phiếu đã chốt, chỉ hoàn tiền được")
    if left_of(entries_of(visit))[entry.pk] != entry.amount:
        raise Refusal("not_whole_any_more", "Phiếu đã hủy, đã hoàn hoặc đã bù một phần, không hủy được")
    if InvoiceEntry.objects.for_facility(actor.facility).filter(entry=entry).exists():
        raise Refusal("invoiced", "Phiếu đã có hóa đơn, chỉ hoàn tiền được")
    void: dict[str, Any] = {"method": entry.method, "reverses": entry, "reason": reason, "drawer": drawer}
    return _record(visit, VOIDS[entry.kind], entry.amount, actor, at, **void)


def _use(visit: Visit, amount: Decimal, actor: Actor, at: datetime, **more: Any) -> list[CashEntry]:
    """Uses of the deposits, the oldest first, that come to the amount."""
    used = []
    for deposit in entries_of(visit):
        part = min(amount, deposit.left) if deposit.kind == Kind.DEPOSIT else ZERO  # type: ignore[attr-defined]
        if part:
            used.append(
                _record(visit, Kind.DEPOSIT_USE, part, actor, at, method=deposit.method, reverses=deposit, **more)
            )
            amount -= part
    return used


def _record(
    visit: Visit, kind: str, amount: Decimal, actor: Actor, at: datetime, *, drawer: CashSession, **more: Any
) -> CashEntry:
    """The entry with the next number of its kind; the visit and the drawer are locked."""
    entry: CashEntry = CashEntry.objects.create(
        facility=actor.facility,
        visit=visit,
        result=visit.benefit_results.filter(is_current=True).first(),
        session=drawer,
        kind=kind,
        number=take_number(facility=actor.facility, kind=kind, at=at),
        amount=amount,
        at=at,
        by=actor.user,
        **more,
    )
    reverses = entry.reverses.number if entry.reverses else ""
    audit_facts(number=entry.number, amount=amount, **({"reverses": reverses} if reverses else {}))
    return entry


def _way(kind: str, method: str, bank_reference: str) -> dict[str, Any]:
    """How the money came, checked: a transfer has the bank's number."""
    if method not in CashEntry.Method.values:
        raise Refusal("method", "Hình thức thanh toán không hợp lệ", field="method")
    reference = "".join(bank_reference.split()).upper()
    if method == CashEntry.Method.CASH:
        reference = ""
    fitting(reference, 50, "bank_reference")
    if reference and not _REFERENCE.fullmatch(reference):
        text = "Mã giao dịch gồm chữ cái không dấu, chữ số và dấu . - / _"
        raise Refusal("bank_reference", text, field="bank_reference")
    if method == CashEntry.Method.TRANSFER and not reference:
        text = "Hãy ghi mã giao dịch của ngân hàng; quét mã QR chưa phải là tiền đã về"
        raise Refusal("reference_missing", text, field="bank_reference")
    return {"method": method, "bank_reference": reference}


def _bank(visit: Visit, kind: str, came: dict[str, Any]) -> dict[str, Any]:
    """The order that a transfer fills; refuses a bank transaction that the facility recorded before."""
    if came["method"] != CashEntry.Method.TRANSFER:
        return {}
    lock_name("bank-transfer", visit.facility_id, came["bank_reference"])
    rows = CashEntry.objects.for_facility(visit.facility).filter(bank_reference=came["bank_reference"])
    rows = rows.filter(kind__in=VOIDS).exclude(refunds__kind__in=VOIDS.values())
    if (before := rows.first()) is not None:
        text = f"Giao dịch {before.bank_reference} đã ghi ở phiếu {before.number}"
        raise Refusal("transfer_recorded", text, field="bank_reference", number=before.number)
    return {"transfer_order": order_to_fill(visit, kind)}
