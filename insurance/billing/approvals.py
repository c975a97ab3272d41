"""Refunds that need a second person (giấy đề nghị hoàn tiền): the cashier asks, another with the right decides.

Needed when a refund is above the facility's limit, counting what the visit got back before without one, or when it
takes back another cashier's receipt. A deposit that is given back is ordinary business: only the limit counts there.
"""

from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet, Sum

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.money import ZERO
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from his.ui.text import money_text
from insurance.billing.amounts import reason_of, require_whole
from insurance.billing.cash_rules import rules_on
from insurance.billing.effects import GIVES_BACK
from insurance.billing.ledger import entries_of, left_of
from insurance.locks import lock_visit
from insurance.models import CashEntry, RefundRequest
from patients.models import Visit

Kind = CashEntry.Kind


def why_second_person(*, entry: CashEntry, amount: Decimal, actor: Actor, at: datetime) -> str:
    """Why giving back this amount needs a second person, in Vietnamese; empty when it does not."""
    if entry.kind == Kind.RECEIPT and entry.by_id != actor.user.pk:
        return "phiếu của thu ngân khác"
    limit = rules_on(entry.facility, local(at).date()).refund_limit
    if limit is None:
        return ""
    alone = CashEntry.objects.for_facility(entry.facility).filter(visit_id=entry.visit_id, request__isnull=True)
    before = alone.filter(kind__in=[Kind.REFUND, Kind.DEPOSIT_RETURN]).aggregate(total=Sum("amount"))["total"] or ZERO
    return f"hoàn trên {money_text(limit)} đ" if before + amount > limit else ""


def checked_refund(*, entry: CashEntry, amount: Decimal, reason: str) -> tuple[Visit, str]:
    """The visit of an entry, locked, and the reason as it is kept, when that much of the entry may be given back."""
    visit = lock_visit(entry.visit)
    if entry.kind not in GIVES_BACK:
        raise Refusal("not_receipt", "Chỉ hoàn được từ phiếu thu, phiếu tạm ứng")
    reason = reason_of(reason, "Hãy ghi lý do hoàn tiền")
    require_whole(amount)
    left = left_of(entries_of(visit))[entry.pk]
    if amount > left:
        text = f"Phiếu {entry.number} chỉ còn hoàn được {money_text(left)} đ"
        raise Refusal("too_much", text, field="amount", left=left)
    return visit, reason


def checked_request(
    *, entry: CashEntry, amount: Decimal, request: RefundRequest | None, actor: Actor, at: datetime
) -> RefundRequest | None:
    """The approved request that a refund uses up, locked; None when it needs none. The visit is locked.

    Refuses `approval_needed` without one, and a request that is for something else, declined, used, or was decided by
    the actor himself.
    """
    if request is None:
        if why := why_second_person(entry=entry, amount=amount, actor=actor, at=at):
            raise Refusal("approval_needed", f"Cần người thứ hai duyệt: {why}", field="amount")
        return None
    request = RefundRequest.objects.select_for_update().get(pk=request.pk)
    if request.entry_id != entry.pk or request.amount != amount:
        raise Refusal("other_request", "Giấy đề nghị đã duyệt cho phiếu hoặc số tiền khác", field="amount")
    if not request.is_approved:
        raise Refusal("not_approved", "Giấy đề nghị hoàn tiền chưa được duyệt")
    if request.decided_by_id == actor.user.pk:
        raise Refusal("own_approval", "Người chi tiền phải khác người duyệt")
    if CashEntry.objects.for_facility(actor.facility).filter(request=request).exists():
        raise Refusal("request_used", "Giấy đề nghị này đã chi tiền")
    return request


@service(action="billing.request_refund", permission="billing.refund")
def request_refund(
    *, entry: CashEntry, amount: Decimal, reason: str, actor: Actor, at: datetime, idempotency_key: str = ""
) -> RefundRequest:
    """Ask a second person for a refund (đề nghị hoàn tiền), whole đồng. Afterwards one request waits for a decision.

    Refuses what `refund` would refuse, and a second request while one of the entry waits.
    """
    _visit, reason = checked_refund(entry=entry, amount=amount, reason=reason)
    if entry.refund_requests.filter(is_approved__isnull=True).exists():
        raise Refusal("request_waits", "Phiếu này đã có giấy đề nghị đang chờ duyệt")
    request: RefundRequest = RefundRequest.objects.create(
        facility=actor.facility, entry=entry, amount=amount, reason=reason, asked_by=actor.user, asked_at=at
    )
    audit_facts(number=entry.number, amount=amount)
    return request


@service(action="billing.decide_refund", permission="billing.approve")
def decide_refund(
    *, request: RefundRequest, is_approved: bool, actor: Actor, at: datetime, note: str = ""
) -> RefundRequest:
    """Approve or decline a refund (duyệt hoàn tiền). Afterwards the cashier may pay it out once, or may not.

    Refuses one's own request, a decided one, and declining without a note.
    """
    lock_visit(request.entry.visit)
    request = RefundRequest.objects.select_for_update(of=("self",)).select_related("entry").get(pk=request.pk)
    if request.asked_by_id == actor.user.pk:
        raise Refusal("own_request", "Người duyệt phải khác người đề nghị")
    if request.is_approved is not None:
        raise Refusal("already_decided", "Giấy đề nghị đã được quyết định")
    note = fitting(nfc(note), 500, "note")
    if not is_approved and not note:
        raise Refusal("reason_missing", "Hãy ghi lý do không duyệt", field="note")
    request.is_approved, request.decided_by, request.decided_at, request.note = is_approved, actor.user, at, note
    request.save()
    audit_facts(number=request.entry.number, amount=request.amount, approved=is_approved)
    return request


def get_request(facility: Facility, pk: int) -> RefundRequest:
    """A request of the facility, or NotFound."""
    rows = RefundRequest.objects.for_facility(facility).select_related("entry__visit__patient", "asked_by")
    found: RefundRequest | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def open_requests(facility: Facility) -> QuerySet[RefundRequest]:
    """Requests that wait for a decision or, approved, for the money, oldest first."""
    rows = RefundRequest.objects.for_facility(facility).exclude(is_approved=False).filter(refund__isnull=True)
    return rows.select_related("entry__visit__patient", "entry__by", "asked_by", "decided_by").order_by(
        "asked_at", "pk"
    )
