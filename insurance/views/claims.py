"""The claims screen (hồ sơ BHYT): the funnel of a month, the list behind each number, one claim in the panel."""

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.accounts.models import Facility
from his.core.codes import row_id
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.ui.forms import render_refusal, saved
from insurance.billing.queries import get_visit
from insurance.claims import queries
from insurance.claims.export import export_month, zip_name
from insurance.claims.inclusion import reason_left_out_of
from insurance.claims.services import build_claim, build_month
from insurance.claims.stored import content_of
from insurance.forms import MonthForm
from insurance.models import Claim
from patients.models import Visit

PAGE = 50
CHUNK = 100
TEMPLATE = "insurance/claims.html"


@require_GET
@requires("claims.view")
def screen(request: DeskRequest) -> HttpResponse:
    """The month's funnel, one of its lists, and with `?visit=` one claim."""
    return render(request, TEMPLATE, _context(request, request.GET))


@require_POST
@requires("claims.build")
def build_one(request: DeskRequest, pk: int) -> HttpResponse:
    """Build the claim of one visit again."""
    visit = get_visit(request.actor.facility, pk)
    try:
        claim = build_claim(visit=visit, actor=request.actor, at=timezone.now())
    except (NotFound, PermissionRefused):
        raise
    except Refusal as refusal:
        return render_refusal(request, refusal, TEMPLATE, _context(request, request.POST, visit))
    count = claim.findings.count()
    said = f"còn {count} lỗi" if count else "không có lỗi"
    saved(request, f"Đã lập hồ sơ {claim.claim_code}, bản {claim.version}: {said}")
    return redirect(_address(request.POST, visit=str(visit.pk)))


@require_POST
@requires("claims.build")
def build_all(request: DeskRequest) -> HttpResponse:
    """Build a chunk of the month; the answer asks for the next one until all is built."""
    month = _month(request.POST)
    if month is None:
        raise Refusal("no_month", "Hãy chọn tháng quyết toán", field="month")
    after = request.POST.get("after", "")[:30]
    step = build_month(month=month, actor=request.actor, at=timezone.now(), after=after, limit=CHUNK)
    so_far = {name: _count(request, name) for name in ("built", "findings", "errors")}
    context = {
        "month": month,
        "cursor": step.cursor,
        "built": so_far["built"] + step.built,
        "findings": so_far["findings"] + step.with_findings,
        "errors": so_far["errors"] + len(step.errors),
        "latest_errors": step.errors,
        "total": queries.funnel(request.actor.facility, month)["insured"],
        "address": _address(request.POST),
    }
    if "HX-Request" in request.headers:
        return render(request, "insurance/claims_progress.html", context)
    return render(request, "insurance/claims_built.html", context)


@require_GET
@requires("claims.view")
def download(request: DeskRequest, pk: int) -> HttpResponse:
    """The stored bytes of a claim as a file named by its claim code."""
    claim = _claim(request.actor.facility, pk)
    response = HttpResponse(content_of(claim), content_type="application/xml")
    response.headers["Content-Disposition"] = f'attachment; filename="{claim.claim_code}.xml"'
    return response


@require_POST
@requires("claims.export")
def export(request: DeskRequest) -> FileResponse:
    """The month as one zip: the very files that `export_claims` writes, with their manifest."""
    month = _month(request.POST)
    if month is None:
        raise Refusal("no_month", "Hãy chọn tháng quyết toán", field="month")
    with tempfile.TemporaryDirectory() as folder:
        export_month(month=month, out_dir=Path(folder), actor=request.actor, at=timezone.now(), zipped=True)
        name = zip_name(request.actor.facility.code, month)
        packed = (Path(folder) / name).open("rb")  # stays readable when its folder is gone; the response closes it
    return FileResponse(packed, as_attachment=True, filename=name, content_type="application/zip")


# What the page shows


def _context(request: DeskRequest, sent: QueryDict, visit: Visit | None = None) -> dict[str, Any]:
    facility = request.actor.facility
    form = MonthForm(sent if sent.get("month") else None)
    month = _month(sent) or queries.latest_month(facility) or timezone.localdate().replace(day=1)
    view = sent.get("view") or "insured"
    rows = queries.listed(facility, month, view)
    page = Paginator(rows, PAGE).get_page(sent.get("page"))
    counts = queries.funnel(facility, month)
    actor = request.actor
    return {
        "form": form,
        "month": month,
        "view": view,
        "steps": [(step, counts[step.code]) for step in queries.VIEWS],
        "sides": [(step, counts[step.code]) for step in queries.SIDE_VIEWS],
        "counts": counts,
        "page": page,
        "q": f"month={month:%Y-%m}&view={view}&",
        "groups": queries.finding_groups(facility, month) if view == "findings" else [],
        "may_build": actor.may("claims.build"),
        "may_export": actor.may("claims.export"),
        "may_bill": actor.may("billing.view"),
        **_opened(request, sent, visit),
    }


def _opened(request: DeskRequest, sent: QueryDict, visit: Visit | None) -> dict[str, Any]:
    asked = row_id(sent.get("visit", ""))
    if visit is None:
        if not asked:
            return {"current_pk": None}
        visit = get_visit(request.actor.facility, asked)
    claim = queries.current_claim(visit)
    result = visit.benefit_results.filter(is_current=True).first()
    return {
        "visit": visit,
        "current_pk": visit.pk,
        "claim": claim,
        "result": result,
        "left_out": reason_left_out_of(visit, result) if result else "Lượt khám chưa chốt chi phí",
        "tables": queries.shown_tables(claim) if claim else [],
        "found": list(claim.findings.order_by("table", "row", "id")) if claim else [],
    }


def _claim(facility: Facility, visit_id: int) -> Claim:
    claim = queries.current_claim(get_visit(facility, visit_id))
    if claim is None:
        raise NotFound("Lượt khám chưa có hồ sơ BHYT")
    return claim


def _month(sent: QueryDict) -> date | None:
    form = MonthForm(sent)
    return form.cleaned_data["month"] if form.is_valid() else None


def _address(sent: QueryDict, **more: str) -> str:
    """The screen again with the same month, list and page."""
    query = QueryDict(mutable=True)
    for name in ("month", "view", "page"):
        if value := sent.get(name):
            query[name] = str(value)
    query.update(more)
    return f"{reverse('claims')}?{query.urlencode()}"


def _count(request: HttpRequest, name: str) -> int:
    raw = request.POST.get(name, "0")
    return int(raw) if raw.isdecimal() and len(raw) < 9 else 0
