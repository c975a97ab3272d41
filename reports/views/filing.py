"""The steps of a report on its way, and the visits behind what was found before filing."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.accounts.confirming import sign_with
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.ui.forms import add_refusal, saved, status_of
from reports.filing.queries import filing_of, filing_title, get_filing
from reports.filing.services import check_report, send_report, sign_report, withdraw_report
from reports.filing_models import Filing
from reports.models import ReportRun
from reports.queries import get_run, visits_by_code
from reports.views.desk import report_context
from reports.views.filing_panel import SendForm, SignForm, WithdrawForm

SHOWN = 500


@require_POST
@requires("reports.run")
def check(request: DeskRequest, pk: int) -> HttpResponse:
    """Check a version before it is signed."""
    run = get_run(request.actor.facility, pk)

    def act() -> str:
        filing = check_report(run=run, actor=request.actor, at=timezone.now())
        failed = sum(1 for row in (*run.checks, *filing.checks) if not row["passed"])
        return "Đã kiểm tra, không có gì phải xem lại" if not failed else f"Đã kiểm tra: {failed} điều phải xem lại"

    return _act(request, run, "check_form", forms.Form(request.POST), act)


@require_POST
@requires("reports.sign")
def sign(request: DeskRequest, pk: int) -> HttpResponse:
    """Sign a checked report with the own password."""
    filing = get_filing(request.actor.facility, pk)
    form = SignForm(request.POST)

    def act() -> str:
        sign_with(request, form.cleaned_data["password"], field="password")
        done = sign_report(filing=filing, actor=request.actor, at=timezone.now())
        return f"Đã ký {filing_title(done)}; số liệu của bản này không đổi được nữa"

    return _act(request, filing.run, "sign_form", form, act)


@require_POST
@requires("reports.send")
def send(request: DeskRequest, pk: int) -> HttpResponse:
    """Record that a signed report was sent."""
    filing = get_filing(request.actor.facility, pk)
    form = SendForm(request.POST)

    def act() -> str:
        done = send_report(filing=filing, actor=request.actor, at=timezone.now(), **form.cleaned_data)
        return f"Đã ghi nhận gửi {filing_title(done)}"

    return _act(request, filing.run, "send_form", form, act)


@require_POST
@requires("reports.sign")
def withdraw(request: DeskRequest, pk: int) -> HttpResponse:
    """Withdraw a report with a reason."""
    filing = get_filing(request.actor.facility, pk)
    form = WithdrawForm(request.POST)

    def act() -> str:
        reason = form.cleaned_data["reason"]
        withdraw_report(filing=filing, reason=reason, actor=request.actor, at=timezone.now())
        return f"Đã rút {filing_title(filing)}; lập bản mới rồi kiểm tra, ký, gửi lại"

    return _act(request, filing.run, "withdraw_form", form, act)


def _act(request: DeskRequest, run: ReportRun, name: str, form: forms.Form, act: Callable[[], str]) -> HttpResponse:
    """Do the step and show the report again; what is refused stands in the panel beside the field."""

    def shown() -> dict[str, Any]:
        return {**report_context(request, get_run(request.actor.facility, run.pk)), name: form}

    if not form.is_valid():
        return render(request, "reports/report.html", shown(), status=422)
    try:
        saved(request, act())
    except (NotFound, PermissionRefused):
        raise
    except Refusal as refusal:
        add_refusal(form, refusal)
        return render(request, "reports/report.html", shown(), status=status_of(refusal))
    return redirect("report-run", pk=run.pk)


@require_GET
@requires("reports.view")
def filing_check(request: DeskRequest, pk: int, number: int) -> HttpResponse:
    """The visits behind one finding of the check before filing; what is no visit is named as it is."""
    run = get_run(request.actor.facility, pk)
    filing = filing_of(run)
    finding = _finding(filing, number)
    refs = finding["refs"][:SHOWN]
    visits = visits_by_code(request.actor.facility, refs)
    known = {visit.claim_code for visit in visits}
    others = [ref for ref in refs if ref not in known]
    context = {"finding": finding, "visits": visits, "others": others, "made": run}
    return render(request, "reports/filing_check.html", context)


def _finding(filing: Filing | None, number: int) -> dict[str, Any]:
    if filing is None or number >= len(filing.checks):
        raise NotFound
    found: dict[str, Any] = filing.checks[number]
    return found
