"""What the patient pays less or alone, at the programming interface: waivers and self-pay."""

from typing import Any

from django.utils import timezone
from ninja import Router

from his.access import DeskRequest, requires
from insurance.billing import queries as billing
from insurance.billing.charges import find_sources, self_pay_choices
from insurance.billing.fee_waivers import Reason, cancel_waiver, grant_waiver
from insurance.billing.self_pay import choosable, choose_self_pay, withdraw_self_pay
from insurance.models import FeeWaiver, SelfPayChoice
from insurance.schemas_charges import (
    CancelWaiverIn,
    FeeWaiverIn,
    FeeWaiverOut,
    SelfPayChoiceOut,
    SelfPayIn,
    SelfPayOut,
)

router = Router(tags=["insurance"])


@router.get("/visits/{visit_id}/fee-waivers", response=list[FeeWaiverOut])
@requires("billing.view")
def list_waivers(request: DeskRequest, visit_id: int) -> list[FeeWaiver]:
    """The waivers of a visit and the rows that took some back, of all its splits."""
    return billing.waivers_of(billing.get_visit(request.actor.facility, visit_id))


@router.post("/visits/{visit_id}/fee-waivers", response=FeeWaiverOut)
@requires("billing.waive")
def post_waiver(request: DeskRequest, visit_id: int, body: FeeWaiverIn) -> FeeWaiver:
    """Waive a part of what the patient pays of a closed visit."""
    visit = billing.get_visit(request.actor.facility, visit_id)
    row = grant_waiver(
        visit=visit,
        line=billing.get_line(visit, body.line_id) if body.line_id is not None else None,
        amount=body.amount,
        percent=body.percent,
        reason=Reason(body.reason_code, body.reason),
        idempotency_key=body.idempotency_key,
        actor=request.actor,
        at=timezone.now(),
    )
    return billing.get_waiver(request.actor.facility, row.pk)  # as stored: two decimals


@router.post("/fee-waivers/{waiver_id}/cancel", response=FeeWaiverOut)
@requires("billing.waive")
def post_cancel(request: DeskRequest, waiver_id: int, body: CancelWaiverIn) -> FeeWaiver:
    """Take a waiver back, whole: the patient owes it again."""
    waiver = billing.get_waiver(request.actor.facility, waiver_id)
    return cancel_waiver(waiver=waiver, reason=body.reason, actor=request.actor, at=timezone.now())


@router.get("/visits/{visit_id}/self-pay", response=SelfPayOut)
@requires("billing.view")
def get_self_pay(request: DeskRequest, visit_id: int) -> dict[str, Any]:
    """What the patient pays alone by their own wish, and what may still be chosen."""
    visit = billing.get_visit(request.actor.facility, visit_id)
    return {"choices": self_pay_choices(visit), "choosable": choosable(visit, find_sources(visit)[0])}


@router.post("/visits/{visit_id}/self-pay", response=SelfPayChoiceOut)
@requires("billing.close")
def post_self_pay(request: DeskRequest, visit_id: int, body: SelfPayIn) -> SelfPayChoice:
    """Move one thing of an insured visit to self-pay."""
    visit = billing.get_visit(request.actor.facility, visit_id)
    return choose_self_pay(visit=visit, actor=request.actor, at=timezone.now(), **body.dict())


@router.post("/self-pay/{choice_id}/withdraw", response=SelfPayChoiceOut)
@requires("billing.close")
def post_withdraw(request: DeskRequest, choice_id: int) -> SelfPayChoice:
    """Let the fund pay its part again."""
    choice = billing.get_choice(request.actor.facility, choice_id)
    return withdraw_self_pay(choice=choice, actor=request.actor, at=timezone.now())
