"""Waiving from the claims screen: one finding in the panel, all findings of one cause over the list."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from his.access import DeskRequest, requires
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.ui.forms import add_refusal, saved, status_of
from insurance.claims.shown import get_finding, get_waiver
from insurance.claims.waivers import Grounds, revoke_waiver, waive_cause, waive_finding
from insurance.forms import WaiverForm
from insurance.models import Finding
from insurance.views.claims import TEMPLATE, screen_context
from insurance.views.claims_state import ScreenState


@require_POST
@requires("claims.waive")
def waive(request: DeskRequest, pk: int) -> HttpResponse:
    """Let one finding pass; a refusal shows the form again, below the finding."""
    finding = get_finding(request.actor.facility, pk)
    form = WaiverForm(request.POST)
    try:
        if not form.is_valid():
            return _again(request, form, "panel_form", finding)
        waive_finding(finding=finding, grounds=_grounds(form), actor=request.actor, at=timezone.now())
    except (NotFound, PermissionRefused):
        raise
    except Refusal as refusal:
        add_refusal(form, refusal)
        return _again(request, form, "panel_form", finding, status_of(refusal))
    saved(request, f"Đã bỏ qua một lỗi của hồ sơ {finding.claim.claim_code}")
    return redirect(ScreenState.of(request).address(visit=finding.claim.visit_id))


@require_POST
@requires("claims.waive")
def waive_all(request: DeskRequest) -> HttpResponse:
    """Let all open findings of the cause in the list pass, as many as the person saw."""
    state, form = ScreenState.of(request), WaiverForm(request.POST)
    if state.cause is None:
        raise NotFound
    try:
        if not form.is_valid():
            return _again(request, form, "waiver_form")
        expected = form.cleaned_data["expected"] or 0
        at, grounds = timezone.now(), _grounds(form)
        number = waive_cause(
            month=state.month, cause=state.cause, grounds=grounds, expected=expected, actor=request.actor, at=at
        )
    except PermissionRefused:
        raise
    except Refusal as refusal:
        add_refusal(form, refusal)
        return _again(request, form, "waiver_form", status=status_of(refusal))
    saved(request, f"Đã bỏ qua {number} lỗi cùng nguyên nhân")
    return redirect(f"{reverse('claims')}?{state.whole()}")


@require_POST
@requires("claims.waive")
def revoke(request: DeskRequest, pk: int) -> HttpResponse:
    """Take one waiver back."""
    waiver = revoke_waiver(waiver=get_waiver(request.actor.facility, pk), actor=request.actor, at=timezone.now())
    saved(request, f"Lỗi của hồ sơ {waiver.claim_code} được tính lại")
    return redirect(ScreenState.of(request).address(visit=waiver.visit_id))


def _grounds(form: WaiverForm) -> Grounds:
    return Grounds(form.cleaned_data["code"], form.cleaned_data["text"])


def _again(
    request: DeskRequest, form: WaiverForm, name: str, finding: Finding | None = None, status: int = 422
) -> HttpResponse:
    """The screen with the form as it was sent and what is wrong with it."""
    context = screen_context(request, request.POST, finding.claim.visit if finding else None)
    found = {name: form, "waive_pk": finding.pk if finding else None, "waive_all": finding is None, "wrong_form": form}
    return render(request, TEMPLATE, context | found, status=status)
