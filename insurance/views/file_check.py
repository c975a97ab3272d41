"""Checking claim files of any system (kiểm tra tệp hồ sơ): hand in files, findings by cause, a line in its table."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from his.access import DeskRequest, requires
from his.core.codes import row_id
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.ui.forms import render_refusal, saved
from insurance.checking import store, work
from insurance.checking.results import FoundCause, FoundPlace, Results
from insurance.checking.shown import shown_rows
from insurance.checking.store import DONE, RUNNING, FileCheckJob
from insurance.forms import FileCheckForm
from insurance.rules.files import AUTO
from insurance.rules.words import SEVERITY_BADGE, SEVERITY_VI, lacking_vi

PAGE = 50
HAND_IN, RESULT, PROGRESS = "insurance/check_files.html", "insurance/check_result.html", "insurance/check_progress.html"


@require_http_methods(["GET", "POST"])
@requires("claims.view")
def hand_in(request: DeskRequest) -> HttpResponse:
    """Choose or drop files; the check begins at once."""
    form = FileCheckForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "limit": settings.CHECK_UPLOAD_MB, "last": store.latest(request.actor)}
    if request.method == "GET" or not form.is_valid():
        return render(request, HAND_IN, context)
    asked = {"standard": form.cleaned_data["standard"] or AUTO, "own": form.cleaned_data["own"]}
    try:
        job = store.keep(request.actor, request.FILES.getlist("files"), **asked)
    except PermissionRefused:
        raise
    except Refusal as refusal:
        return render_refusal(request, refusal, HAND_IN, context)
    work.start(job)
    return redirect("claims-check-result", job.token)


@require_GET
@requires("claims.view")
def show(request: DeskRequest, token: UUID) -> HttpResponse:
    """How far the check is; once done its causes, with `?cause=` the places of one, with `&place=` the line."""
    job = store.find(request.actor, token)
    told = job.progress()
    context: dict[str, Any] = {"job": job, "told": told, "severities": _severities(told.severities)}
    if told.state == DONE:
        context |= _found(job, request.GET)
        context["lacking"] = lacking_vi((need, title) for _, title, need in told.cannot_run)
    return render(request, RESULT, context)


@require_GET
@requires("claims.view")
def progress(request: DeskRequest, token: UUID) -> HttpResponse:
    """How far the check is, asked every second; at its end the whole page again."""
    job = store.find(request.actor, token)
    told = job.progress()
    if told.state != RUNNING:
        return HttpResponseClientRedirect(reverse("claims-check-result", args=[token]))
    return render(request, PROGRESS, {"job": job, "told": told})


@require_GET
@requires("claims.view")
def download(request: DeskRequest, token: UUID, form: str) -> FileResponse:
    """The list of findings as `check_claims` writes it: json or xlsx."""
    job = store.find(request.actor, token)
    files = {"json": job.json_file, "xlsx": job.workbook}
    if form not in files or job.progress().state != DONE:
        raise NotFound("Chưa có danh sách này")
    return FileResponse(files[form].open("rb"), as_attachment=True, filename=f"kiem-tra-ho-so.{form}")


@require_POST
@requires("claims.view")
def throw_away(request: DeskRequest, token: UUID) -> HttpResponse:
    """Remove the files and what was found in them at once; a check that runs ends."""
    store.discard(store.find(request.actor, token))
    saved(request, "Đã xóa các tệp và kết quả kiểm tra khỏi máy chủ")
    return redirect("claims-check")


# What the page shows


class _Places(Sequence[FoundPlace]):
    """The places of a cause for a paginator, read page by page."""

    def __init__(self, results: Results, cause: FoundCause) -> None:
        self._results, self._cause = results, cause

    def __len__(self) -> int:
        return self._cause.count

    def __getitem__(self, at: Any) -> Any:
        return self._results.places(self._cause.number, at.start, at.stop - at.start)


def _found(job: FileCheckJob, asked: QueryDict) -> dict[str, Any]:
    results = Results(job.results)
    causes = results.causes()
    context: dict[str, Any] = {
        "causes": [(one, SEVERITY_VI[one.severity], SEVERITY_BADGE[one.severity]) for one in causes]
    }
    number = row_id(asked.get("cause", ""))
    cause = next((one for one in causes if one.number == number), None)
    if cause is None:
        if number:
            raise NotFound("Không có nguyên nhân này")
        return context
    context |= {
        "cause": cause,
        "word": SEVERITY_VI[cause.severity],
        "look": SEVERITY_BADGE[cause.severity],
        "page": Paginator(_Places(results, cause), PAGE).get_page(asked.get("page")),
        "q": f"cause={cause.number}&",
    }
    return context | _line(results, cause, row_id(asked.get("place", "")))


def _line(results: Results, cause: FoundCause, number: int) -> dict[str, Any]:
    """The line of one place in its table."""
    if not number:
        return {"place": None}
    place = results.place(number)
    if place is None or place.cause != cause.number:
        raise NotFound("Không có chỗ này")
    claim = results.claim(place)
    rows = shown_rows(claim, place, results.of_claim(place)) if claim else []
    return {"place": place, "claim": claim, "rows": rows}


def _severities(counts: dict[str, int]) -> list[tuple[str, str, int]]:
    return [(word, SEVERITY_BADGE[severity], counts.get(severity, 0)) for severity, word in SEVERITY_VI.items()]
