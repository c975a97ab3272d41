"""Building and exporting a month from the screen: started, watched, and the finished file."""

from decimal import Decimal
from typing import Any

from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.core.errors import NotFound, Refusal
from insurance.claims import jobs
from insurance.models import ClaimJob
from insurance.views.claims_state import month_of

_TOTALS = {
    "T_TONGCHI_BV": "Tổng chi",
    "T_TONGCHI_BH": "Trong phạm vi BHYT",
    "T_BHTT": "Quỹ trả",
    "T_BNCCT": "Cùng chi trả",
    "T_BNTT": "Tự trả",
}


@require_POST
@requires("claims.build")
def build_all(request: DeskRequest) -> HttpResponse:
    """Begin to build the month, or show the work that is already on it."""
    return _begun(request, jobs.start_build)


@require_POST
@requires("claims.export")
def export(request: DeskRequest) -> HttpResponse:
    """Begin to export the month, or show the work that is already on it."""
    return _begun(request, jobs.start_export)


def _begun(request: DeskRequest, start: Any) -> HttpResponse:
    month = month_of(request.POST)
    if month is None:
        raise Refusal("no_month", "Hãy chọn tháng quyết toán", field="month")
    try:
        job = start(month=month, actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        at_work = jobs.running(request.actor.facility, month) if refusal.code == "already_running" else None
        if at_work is None:
            raise
        job = at_work
    if "HX-Request" in request.headers:
        return render(request, "insurance/claims_job.html", {"job": job})
    return redirect("claims-job", job.pk)


@require_GET
@requires("claims.view")
def job(request: DeskRequest, pk: int) -> HttpResponse:
    """How far a job is and what it came to; for the bar of the screen only its line."""
    jobs.close_silent(request.actor.facility, timezone.now())
    found = jobs.get_job(request.actor, pk)
    is_owner = found.by_id == request.actor.user.pk
    context = {
        "job": found,
        "is_owner": is_owner,
        "has_file": is_owner and found.kind == ClaimJob.Kind.EXPORT and jobs.zip_of(found).exists(),
        "kept_until": found.ended_at and found.ended_at + jobs.KEPT,
        "totals": [(word, Decimal(found.result["totals"][tag])) for tag, word in _TOTALS.items()]
        if "totals" in found.result
        else [],
    }
    if "HX-Request" not in request.headers:
        return render(request, "insurance/claims_job_page.html", context)
    in_bar = request.headers.get("HX-Target") == "job"
    return render(request, "insurance/claims_job.html" if in_bar else "insurance/claims_job_outcome.html", context)


@require_GET
@requires("claims.export")
def download_zip(request: DeskRequest, pk: int) -> FileResponse:
    """The finished zip, for the one who exported it, for a day."""
    found = jobs.get_job(request.actor, pk)
    jobs.drop_old(timezone.now())
    path = jobs.zip_of(found)
    if found.by_id != request.actor.user.pk or found.kind != ClaimJob.Kind.EXPORT or not path.exists():
        raise NotFound("Không còn tệp này, hãy xuất lại")
    name = f"{request.actor.facility.code}-{found.month:%Y-%m}.zip"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type="application/zip")
