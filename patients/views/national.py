"""Prescriptions on their way to the national system: what waits, what failed and why, sending again."""

from datetime import date
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.core.dates import parse_day
from his.core.errors import Refusal
from his.ui.forms import render_refusal, saved
from patients import queries_national as queue
from patients.forms_national import LinkForm
from patients.models import PrescriptionSending
from patients.national.systems import system_of
from patients.services.national import PERMISSION, link_national, send, send_waiting

_PAGE = "patients/national.html"
_ROWS = 50
State = PrescriptionSending.State


@require_GET
@requires(PERMISSION, "accounts.manage")
def sending(request: DeskRequest) -> HttpResponse:
    """The papers of a day with their state, and above them what waits and what was refused."""
    return render(request, _PAGE, _context(request))


def _context(request: DeskRequest) -> dict[str, Any]:
    facility, at = request.actor.facility, timezone.now()
    day = _day(request)
    link = queue.link_of(facility)
    context: dict[str, Any] = {
        "link": link,
        "day": day,
        "day_q": f"{day:%d%m%Y}",
        "facility_code": facility.prescribing_code,
        "may_link": request.actor.may("accounts.manage"),
        "may_send": request.actor.may(PERMISSION),
        "link_form": LinkForm(
            initial={"system": link.system if link else "", "since": link.since if link else timezone.localdate()}
        ),
    }
    if link is None:
        return context
    waits = queue.waiting(link)
    first = waits.first()
    return context | {
        "waiting": waits.count(),
        "due": queue.due(link, at).count(),
        "oldest": first.prescription.signed_at if first is not None else None,
        "rejected": list(queue.rejected(link)[:_ROWS]),
        "rejected_count": queue.rejected(link).count(),
        "without_code": queue.without_code(link, day),
        "page": Paginator(queue.papers_of_day(link, day), _ROWS).get_page(request.GET.get("page")),
    }


def _day(request: DeskRequest) -> date:
    try:
        return parse_day(request.GET.get("day", ""))
    except ValueError:
        return timezone.localdate()


@require_POST
@requires(PERMISSION)
def send_all(request: DeskRequest) -> HttpResponse:
    """Send everything that waits now, and what was refused once more."""
    try:
        done = send_waiting(actor=request.actor, at=timezone.now(), is_forced=True)
    except Refusal as refusal:
        return render_refusal(request, refusal, _PAGE, _context(request))
    said = f"Đã gửi {done.sent} đơn, bị từ chối {done.rejected}, còn chờ {done.left}"
    saved(request, f"{said}. {done.problem}" if done.problem else said)
    return redirect("national")


@require_POST
@requires(PERMISSION)
def send_one(request: DeskRequest, pk: int) -> HttpResponse:
    """Send one paper again, as the timer would: not what was signed before the link, was sent or replaced."""
    code = queue.paper(request.actor.facility, pk).code
    link = queue.link_of(request.actor.facility)
    sheet = queue.to_send(link, pk) if link is not None else None
    if link is None or sheet is None:
        raise Refusal("already_settled", f"{code}: không phải gửi (đã gửi, đã thay, hoặc ký trước ngày liên thông)")
    row = send(sheet=sheet, system=system_of(link), actor=request.actor, at=timezone.now())
    saved(
        request, f"{sheet.code}: {row.get_state_display().lower()}" + (f". {row.last_error}" if row.last_error else "")
    )
    return redirect("national")


@require_POST
@requires("accounts.manage")
def link(request: DeskRequest) -> HttpResponse:
    """Say where the facility sends its prescriptions."""
    form = LinkForm(request.POST)
    context = {**_context(request), "link_form": form, "form": form}
    if not form.is_valid():
        return render(request, _PAGE, context, status=422)
    try:
        link_national(**form.cleaned_data, actor=request.actor)
    except Refusal as refusal:
        return render_refusal(request, refusal, _PAGE, context, form=form)
    saved(request, "Đã khai báo liên thông đơn thuốc quốc gia")
    return redirect("national")
