"""Requests between stores (phiếu lĩnh, dự trù nội bộ): asked by who needs, approved by who may, shipped by the keeper.

draft → sent → approved or refused; a sent one may be withdrawn, an approved one ended before everything was shipped.
What was shipped and received follows from the documents, never from here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.catalogs.models import Drug
from his.core.dates import local
from his.core.errors import Refusal
from his.service import audit_facts, service
from patients.services.counters import next_number
from pharmacy.models import OwnApprovalRule, StockRequest, StockRequestLine, Store
from pharmacy.queries_documents import is_own, may_approve, own_approval_rule, request_progress
from pharmacy.services.stock_checks import STEP, check_own, check_quantity, given_reason, short, two_stores

State = StockRequest.State


OWN_REQUEST_VI = "Người lập, gửi phiếu lĩnh không tự duyệt phiếu của mình; hãy nhờ người khác có quyền duyệt"


@dataclass(frozen=True, slots=True)
class AskLine:
    """So much of a drug, in its units."""

    drug: Drug
    quantity: Decimal
    note: str = ""


@service(action="pharmacy.write_request", permission="pharmacy.draft")
def write_request(
    *,
    store: Store,
    source_store: Store,
    lines: Sequence[AskLine],
    actor: Actor,
    at: datetime,
    note: str = "",
    request: StockRequest | None = None,
    idempotency_key: str = "",
) -> StockRequest:
    """Write or rewrite a request that was not sent yet (lập phiếu lĩnh). Refuses a drug that stands in two lines."""
    two_stores(source_store, store)
    note = short(note, 500, "note")
    _check_lines(lines, actor)
    if request is None:
        year = local(at).year
        number = next_number(facility=actor.facility, series=f"stock-request-{year}")
        request = StockRequest(
            facility=actor.facility,
            number=f"PL{year % 100:02d}-{number:06d}",
            created_at=at,
            created_by=actor.user,
        )
    else:
        request = _locked(request, actor, State.DRAFT)
    request.store, request.source_store, request.note = store, source_store, note
    request.save()
    request.lines.all().delete()
    StockRequestLine.objects.bulk_create(
        StockRequestLine(
            facility=actor.facility,
            request=request,
            position=position,
            drug=line.drug,
            asked_qty=line.quantity,
            note=short(line.note, 255, "note"),
        )
        for position, line in enumerate(lines, 1)
    )
    audit_facts(number=request.number, lines=len(lines))
    return request


def _check_lines(lines: Sequence[AskLine], actor: Actor) -> None:
    known: set[str] = set()
    for position, line in enumerate(lines):
        check_own(actor, line.drug)
        check_quantity(position, line.quantity)
        if line.drug.code in known:
            raise Refusal("drug_twice", f"{line.drug.name} đã có ở dòng trên", field="drug", position=position)
        known.add(line.drug.code)


@service(action="pharmacy.send_request", permission="pharmacy.draft")
def send_request(*, request: StockRequest, actor: Actor, at: datetime) -> StockRequest:
    """Send a request to be approved (gửi phiếu lĩnh). Refuses one without lines."""
    locked = _locked(request, actor, State.DRAFT)
    if not locked.lines.exists():
        raise Refusal("no_lines", "Phiếu lĩnh chưa có dòng thuốc nào", field="lines")
    locked.state, locked.sent_at, locked.sent_by = State.SENT, at, actor.user
    return _changed(locked)


@service(action="pharmacy.approve_request", permission="pharmacy.approve")
def approve_request(
    *, request: StockRequest, approved: Mapping[int, Decimal], actor: Actor, at: datetime, note: str = ""
) -> StockRequest:
    """Approve a request (duyệt phiếu lĩnh): `approved` is the quantity of each line by its id, all lines of it.

    Refuses who wrote or sent it, unless the facility allows that (`allow_own_approval`); more than was asked, a line
    that is missing, and nothing at all: that is a refusal with a reason.
    """
    locked = _locked(request, actor, State.SENT)
    if not may_approve(locked, actor.user):
        raise Refusal("own_request", OWN_REQUEST_VI, field="request")
    if is_own(locked, actor.user):
        audit_facts(own_request=True)
    lines = list(locked.lines.select_related("drug"))
    for position, line in enumerate(lines):
        quantity = approved.get(line.pk)
        if quantity is None or not quantity.is_finite() or quantity < 0 or quantity != quantity.quantize(STEP):
            raise Refusal("bad_quantity", "Hãy gõ số lượng duyệt, từ 0", field="approved_qty", position=position)
        if quantity > line.asked_qty:
            raise Refusal("more_than_asked", "Duyệt nhiều hơn yêu cầu", field="approved_qty", position=position)
        line.approved_qty = quantity
    if not any(line.approved_qty for line in lines):
        raise Refusal("nothing_approved", "Không duyệt dòng nào; hãy từ chối phiếu, có lý do", field="lines")
    for line in lines:
        line.save(update_fields=["approved_qty"])
    locked.state, locked.decision_note = State.APPROVED, short(note, 500, "decision_note")
    return _decided(locked, actor, at)


@service(action="pharmacy.allow_own_approval", permission="pharmacy.settings")
def allow_own_approval(*, is_allowed: bool, reason: str, actor: Actor, at: datetime) -> OwnApprovalRule:
    """Say whether who asks for drugs may also approve it (cho tự duyệt phiếu lĩnh), with a reason.

    Meant for a station where one person keeps all stores. Every approval of one's own is marked in the audit log.
    Refuses what is so already.
    """
    rule = own_approval_rule(actor.facility)
    if is_allowed == (rule is not None and rule.is_allowed):
        raise Refusal("already_so", "Quy định này đang như vậy rồi", field="is_allowed")
    audit_facts(is_allowed=is_allowed)
    return OwnApprovalRule.objects.create(
        facility=actor.facility, is_allowed=is_allowed, reason=given_reason(reason), at=at, by=actor.user
    )


@service(action="pharmacy.refuse_request", permission="pharmacy.approve")
def refuse_request(*, request: StockRequest, reason: str, actor: Actor, at: datetime) -> StockRequest:
    """Refuse a request (từ chối phiếu lĩnh), with a reason."""
    locked = _locked(request, actor, State.SENT)
    locked.state, locked.decision_note = State.REFUSED, given_reason(reason)
    return _decided(locked, actor, at)


@service(action="pharmacy.withdraw_request", permission="pharmacy.draft")
def withdraw_request(*, request: StockRequest, actor: Actor, at: datetime) -> StockRequest:
    """Take back a request that nobody decided yet (rút phiếu lĩnh)."""
    locked = _locked(request, actor, State.DRAFT, State.SENT)
    locked.state = State.WITHDRAWN
    return _changed(locked)


@service(action="pharmacy.close_request", permission="pharmacy.receive")
def close_request(*, request: StockRequest, actor: Actor, at: datetime) -> StockRequest:
    """End an approved request (kết thúc phiếu lĩnh): what was not shipped will not be. Refuses while goods are on
    their way."""
    locked = _locked(request, actor, State.APPROVED)
    if any(row.on_the_way for row in request_progress(locked)):
        raise Refusal("in_transit", "Còn hàng đang đi đường, hãy nhận hoặc ghi mất trước", field="request")
    locked.state = State.CLOSED
    return _changed(locked)


def _decided(request: StockRequest, actor: Actor, at: datetime) -> StockRequest:
    request.decided_at, request.decided_by = at, actor.user
    return _changed(request)


def _changed(request: StockRequest) -> StockRequest:
    request.save()
    audit_facts(number=request.number, state=str(request.state))
    return request


def _locked(request: StockRequest, actor: Actor, *states: State) -> StockRequest:
    rows = StockRequest.objects.for_facility(actor.facility).select_for_update(of=("self",), no_key=True)
    locked: StockRequest = rows.get(pk=request.pk)
    if locked.state not in states:
        text = f"Phiếu lĩnh {locked.number}: {locked.get_state_display().lower()}, không làm được việc này nữa"
        raise Refusal("already_decided", text, field="request")
    return locked
