"""Reports of lost or mixed-up drugs under special control: what is due, writing, signing, sending (TT 18/2026)."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.accounts.confirming import sign_with
from his.core.errors import Refusal
from his.ui.forms import render_refusal, saved
from pharmacy import queries_documents as papers
from pharmacy import queries_incidents as found
from pharmacy.forms import ReasonForm, SignForm
from pharmacy.forms_incidents import IncidentForm, SentForm
from pharmacy.incidents import deadline, readable, was_late
from pharmacy.models import ControlledIncident, StockDocument
from pharmacy.services.incidents import (
    dismiss_incident,
    edit_incident,
    record_incident_sent,
    report_incident,
    row_of,
    sign_incident,
)
from pharmacy.views.common import head

_LIST, _WRITE, _ONE = (f"pharmacy/controlled_{name}.html" for name in ("incidents", "incident_edit", "incident"))
_SHOWN = 50
State = ControlledIncident.State


@require_GET
@requires("pharmacy.view")
def incident_list(request: DeskRequest) -> HttpResponse:
    """What waits for a report with the time left, then the reports: all that are not sent yet first."""
    facility, at = request.actor.facility, timezone.now()
    rows = [*found.open_incidents(facility), *found.ended_incidents(facility)[:_SHOWN]]
    reports = [
        {"report": one, "deadline": _deadline(one, at), "drugs": [readable(row) for row in one.rows]} for one in rows
    ]
    context = {"waiting": found.unreported(facility, at), "reports": reports, **_may(request)}
    return render(request, _LIST, {**head(request), **context})


def _deadline(report: ControlledIncident, at: Any) -> Any:
    if report.state in found.OPEN and not _is_undone(report):
        return deadline(report.found_at, at)
    return None


def _is_undone(report: ControlledIncident) -> bool:
    return getattr(report.document, "reversed_by", None) is not None


def _may(request: DeskRequest) -> dict[str, Any]:
    may = request.actor.may
    return {"may_keep": may("pharmacy.keep_book"), "may_approve": may("pharmacy.approve_book"), "tab": "controlled"}


@require_http_methods(["GET", "POST"])
@requires("pharmacy.view")
def write(request: DeskRequest, pk: int) -> HttpResponse:
    """Begin the report of a document, or decide as the head that it needs none."""
    document = papers.document(request.actor.facility, pk)
    rows = [row_of(line) for line in found.controlled_lines(document)]
    initial = {"found_at": document.posted_at}
    form = IncidentForm(request.POST if request.method == "POST" else None, rows=rows, initial=initial)
    context = {**_write_context(request, document, form), "reason_form": ReasonForm(auto_id="id_dismiss_%s")}

    def act() -> ControlledIncident:
        return report_incident(document=document, **_said(form), actor=request.actor, at=timezone.now())

    return _written(request, form, act, context)


@require_http_methods(["GET", "POST"])
@requires("pharmacy.keep_book")
def edit(request: DeskRequest, pk: int) -> HttpResponse:
    """Write a report that is not signed yet anew."""
    report = found.incident(request.actor.facility, pk)
    if report.state != State.DRAFTED:
        return redirect("controlled-incident", pk)
    initial = {"kind": report.kind, "found_at": report.found_at}
    form = IncidentForm(request.POST if request.method == "POST" else None, rows=report.rows, initial=initial)

    def act() -> ControlledIncident:
        return edit_incident(incident=report, **_said(form), actor=request.actor, at=timezone.now())

    return _written(request, form, act, {**_write_context(request, report.document, form), "report": report})


def _write_context(request: DeskRequest, document: StockDocument, form: IncidentForm) -> dict[str, Any]:
    due = deadline(form.noticed_at(), timezone.now())
    return {**head(request), **_may(request), "document": document, "form": form, "deadline": due}


def _said(form: IncidentForm) -> dict[str, Any]:
    return {"kind": form.cleaned_data["kind"], "found_at": form.cleaned_data["found_at"], "texts": form.texts()}


def _written(
    request: DeskRequest, form: IncidentForm, act: Callable[[], ControlledIncident], context: dict[str, Any]
) -> HttpResponse:
    if request.method == "GET":
        return render(request, _WRITE, context)
    if not form.is_valid():
        return render(request, _WRITE, context, status=422)
    try:
        done = act()
    except Refusal as refusal:
        return render_refusal(request, refusal, _WRITE, context, form=form)
    saved(request, f"Đã lưu báo cáo {done.number}, chờ người đứng đầu ký")
    return redirect("controlled-incident", done.pk)


@require_POST
@requires("pharmacy.approve_book")
def dismiss(request: DeskRequest, pk: int) -> HttpResponse:
    """Decide that a document is no loss or mix-up that is reported, with a report that is being written or without."""
    document = papers.document(request.actor.facility, pk)
    form = ReasonForm(request.POST, auto_id="id_dismiss_%s")
    drafted = found.open_incident_of(document)
    if drafted is not None:
        template, context = _ONE, _one_context(request, drafted)
    else:
        rows = [row_of(line) for line in found.controlled_lines(document)]
        written = IncidentForm(rows=rows, initial={"found_at": document.posted_at})
        template, context = _WRITE, _write_context(request, document, written)
    context |= {"reason_form": form}
    if not form.is_valid():
        return render(request, template, context | ({"form": form} if drafted else {}), status=422)
    try:
        reason = form.cleaned_data["reason"]
        done = dismiss_incident(document=document, reason=reason, actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, template, context)
    saved(request, f"Đã ghi: {document.number} không phải báo cáo đột xuất")
    return redirect("controlled-incident", done.pk)


@require_GET
@requires("pharmacy.view")
def incident(request: DeskRequest, pk: int) -> HttpResponse:
    """One report: what it says, where it stands, what comes next."""
    return render(request, _ONE, _one_context(request, found.incident(request.actor.facility, pk)))


def _one_context(request: DeskRequest, report: ControlledIncident) -> dict[str, Any]:
    now = timezone.now()
    may = _may(request)
    return {
        **head(request),
        **may,
        "report": report,
        "drugs": [readable(row) for row in report.rows],
        "deadline": _deadline(report, now),
        "was_late": report.sent_at is not None and was_late(report.found_at, report.sent_at),
        "is_undone": _is_undone(report),
        "may_sign": may["may_approve"] and report.state == State.DRAFTED and not _is_undone(report),
        "may_dismiss": may["may_approve"] and report.state == State.DRAFTED,
        "may_edit": may["may_keep"] and report.state == State.DRAFTED,
        "may_send": may["may_keep"] and report.state == State.SIGNED,
        "sign_form": SignForm(),
        "reason_form": ReasonForm(auto_id="id_dismiss_%s"),
        "sent_form": SentForm(initial={"sent_at": now}),
    }


@require_POST
@requires("pharmacy.approve_book")
def sign(request: DeskRequest, pk: int) -> HttpResponse:
    """Sign a report as the head of the unit."""
    report = found.incident(request.actor.facility, pk)
    form = SignForm(request.POST)
    context = {**_one_context(request, report), "sign_form": form, "form": form}
    if not form.is_valid():
        return render(request, _ONE, context, status=422)
    try:
        sign_with(request, form.cleaned_data["password"], field="password")
        sign_incident(incident=report, actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, _ONE, context, form=form)
    saved(request, f"Đã ký báo cáo {report.number}")
    return redirect("controlled-incident", pk)


@require_POST
@requires("pharmacy.keep_book")
def sent(request: DeskRequest, pk: int) -> HttpResponse:
    """Note that a signed report went out."""
    report = found.incident(request.actor.facility, pk)
    form = SentForm(request.POST)
    context = {**_one_context(request, report), "sent_form": form, "form": form}
    if not form.is_valid():
        return render(request, _ONE, context, status=422)
    try:
        record_incident_sent(incident=report, **form.cleaned_data, actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, _ONE, context, form=form)
    saved(request, f"Đã ghi gửi báo cáo {report.number}")
    return redirect("controlled-incident", pk)
