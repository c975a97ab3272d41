"""The insurance part of the programming interface: the same queries and services as the screens."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from ninja import Query, Router

from his.access import DeskRequest, requires
from his.core.errors import NotFound, Refusal
from insurance.api_charges import router as charges_router
from insurance.billing import ledger
from insurance.billing import queries as billing
from insurance.billing.cash import collect, refund, take_deposit, use_deposits, void_entry
from insurance.billing.closing import close_visit
from insurance.billing.ledger import Account
from insurance.claims import queries as claims
from insurance.claims.services import build_claim
from insurance.claims.shown import findings_of, get_finding, get_waiver
from insurance.claims.stored import content_of
from insurance.claims.waivers import Grounds, revoke_waiver, waive_finding
from insurance.forms import MonthForm
from insurance.models import BenefitResult, CashEntry, Claim, Finding, FindingWaiver
from insurance.schemas import (
    AccountOut,
    BuiltOut,
    ClaimsOut,
    CloseIn,
    CollectIn,
    DueOut,
    EntryOut,
    FindingOut,
    RefundIn,
    ResultOut,
    VoidIn,
    WaiveIn,
    WaiverOut,
)

router = Router(tags=["insurance"])
router.add_router("", charges_router)
PAGE_MAX = 500


@router.get("/visits/due", response=list[DueOut])
@requires("billing.view")
def list_due(request: DeskRequest) -> list[billing.DueVisit]:
    """Visits that wait for closing, or are closed and not level."""
    return billing.visits_to_settle(request.actor.facility)


@router.get("/visits/{visit_id}/split", response=ResultOut)
@requires("billing.view")
def get_split(request: DeskRequest, visit_id: int) -> BenefitResult:
    """The stored split of a closed visit."""
    result = billing.current_result(billing.get_visit(request.actor.facility, visit_id))
    if result is None:
        raise NotFound("Lượt khám chưa chốt chi phí")
    return result


@router.post("/visits/{visit_id}/close", response=ResultOut)
@requires("billing.close")
def post_close(request: DeskRequest, visit_id: int, body: CloseIn) -> BenefitResult:
    """Settle what a visit costs and who pays."""
    visit = billing.get_visit(request.actor.facility, visit_id)
    close_visit(visit=visit, actor=request.actor, at=timezone.now(), **body.dict())
    return get_split(request, visit_id)  # as stored: two decimals


@router.post("/visits/{visit_id}/collect", response=EntryOut)
@requires("billing.collect")
def post_collect(request: DeskRequest, visit_id: int, body: CollectIn) -> CashEntry:
    """Take money for a closed visit."""
    return collect(
        visit=billing.get_visit(request.actor.facility, visit_id),
        amount=body.amount,
        method=body.method,
        bank_reference=body.bank_reference,
        actor=request.actor,
        at=timezone.now(),
        idempotency_key=body.idempotency_key,
    )


@router.get("/visits/{visit_id}/account", response=AccountOut)
@requires("billing.view")
def get_account(request: DeskRequest, visit_id: int) -> Account:
    """What a visit owes, what was paid and what deposits are held."""
    return ledger.account_of(billing.get_visit(request.actor.facility, visit_id))


@router.post("/visits/{visit_id}/deposit", response=EntryOut)
@requires("billing.collect")
def post_deposit(request: DeskRequest, visit_id: int, body: CollectIn) -> CashEntry:
    """Take a deposit while the visit is not closed."""
    visit = billing.get_visit(request.actor.facility, visit_id)
    return take_deposit(visit=visit, actor=request.actor, at=timezone.now(), **body.dict())


@router.post("/visits/{visit_id}/use-deposits", response=EntryOut)
@requires("billing.collect")
def post_use(request: DeskRequest, visit_id: int) -> CashEntry:
    """Pay the bill of a closed visit from its deposits."""
    visit = billing.get_visit(request.actor.facility, visit_id)
    return use_deposits(visit=visit, actor=request.actor, at=timezone.now())


@router.post("/receipts/{entry_id}/void", response=EntryOut)
@requires("billing.void")
def post_void(request: DeskRequest, entry_id: int, body: VoidIn) -> CashEntry:
    """Undo one's own receipt or deposit on the spot."""
    entry = ledger.get_entry(request.actor.facility, entry_id)
    return void_entry(entry=entry, actor=request.actor, at=timezone.now(), **body.dict())


@router.post("/receipts/{entry_id}/refund", response=EntryOut)
@requires("billing.refund")
def post_refund(request: DeskRequest, entry_id: int, body: RefundIn) -> CashEntry:
    """Give money of a receipt back."""
    return refund(
        entry=ledger.get_entry(request.actor.facility, entry_id),
        amount=body.amount,
        reason=body.reason,
        actor=request.actor,
        at=timezone.now(),
        idempotency_key=body.idempotency_key,
    )


@router.get("/claims", response=ClaimsOut)
@requires("claims.view")
def list_claims(
    request: DeskRequest,
    month: str = Query(..., max_length=7, description="YYYY-MM"),
    view: str = Query("insured", max_length=20),
    offset: int = Query(0, ge=0, le=10_000_000),
    limit: int = Query(100, ge=1, le=PAGE_MAX),
) -> dict[str, Any]:
    """One list of a claim month: closed, insured, built, clean, exported, findings, warnings, notes, waived, failed,
    not_built or left_out."""
    form = MonthForm({"month": month})
    first = form.cleaned_data["month"] if form.is_valid() else None
    if first is None:
        raise Refusal("bad_month", "Tháng viết dạng 2026-10", field="month")
    facility = request.actor.facility
    rows = claims.listed(facility, first, view)
    counts = claims.funnel(facility, first)
    items = list(rows[offset : offset + limit])
    return {"month": first, "view": view, "counts": counts, "count": counts[view], "items": items}


@router.post("/claims/{visit_id}/build", response=BuiltOut)
@requires("claims.build")
def post_build(request: DeskRequest, visit_id: int) -> Claim:
    """Build and check the claim of a closed insured visit."""
    visit = billing.get_visit(request.actor.facility, visit_id)
    return build_claim(visit=visit, actor=request.actor, at=timezone.now())


@router.get("/claims/{visit_id}/findings", response=list[FindingOut])
@requires("claims.view")
def get_findings(request: DeskRequest, visit_id: int) -> list[Finding]:
    """What was found in the claim in force: what blocks first, waived findings last."""
    return findings_of(_claim(request, visit_id))


@router.post("/findings/{finding_id}/waive", response=WaiverOut)
@requires("claims.waive")
def post_waive(request: DeskRequest, finding_id: int, body: WaiveIn) -> FindingWaiver:
    """Let one finding pass, with the reason."""
    finding = get_finding(request.actor.facility, finding_id)
    grounds = Grounds(body.code, body.text)
    return waive_finding(finding=finding, grounds=grounds, actor=request.actor, at=timezone.now())


@router.post("/waivers/{waiver_id}/revoke", response=WaiverOut)
@requires("claims.waive")
def post_revoke(request: DeskRequest, waiver_id: int) -> FindingWaiver:
    """Take a waiver back: the finding counts again."""
    waiver = get_waiver(request.actor.facility, waiver_id)
    return revoke_waiver(waiver=waiver, actor=request.actor, at=timezone.now())


@router.get("/claims/{visit_id}/file")
@requires("claims.view")
def get_file(request: DeskRequest, visit_id: int) -> HttpResponse:
    """The bytes of the claim in force."""
    return HttpResponse(content_of(_claim(request, visit_id)), content_type="application/xml")


def _claim(request: DeskRequest, visit_id: int) -> Claim:
    claim = claims.current_claim(billing.get_visit(request.actor.facility, visit_id))
    if claim is None:
        raise NotFound("Lượt khám chưa có hồ sơ BHYT")
    return claim
