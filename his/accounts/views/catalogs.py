"""The facility's own price list and drug list: hand in a file, see what it would change, then import it."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.accounts.forms import CatalogForm
from his.accounts.views.common import carry_out
from his.catalogs.report import ImportRefused, ImportReport
from his.catalogs.services import import_facility_catalog
from his.catalogs.uploads import Upload, discard, find, keep, remember
from his.core.errors import NotFound, Refusal
from his.ui.forms import render_refusal, saved

PAGE, CHECK = "accounts_admin/catalogs.html", "accounts_admin/catalog_check.html"


@require_http_methods(["GET", "POST"])
@requires("catalogs.import")
def catalogs(request: DeskRequest) -> HttpResponse:
    """Hand in a file; nothing is stored in the catalogue yet."""
    form = CatalogForm(request.POST or None, request.FILES or None)
    context = {"form": form, "tab": "catalogs"}
    if request.method == "GET":
        return render(request, PAGE, context)

    def act(data: dict[str, Any]) -> HttpResponse:
        asked = {name: data[name] for name in ("kind", "effective_on", "open_ended", "replaces")}
        upload = keep(request.actor.facility, data["path"], **asked)
        try:
            report, refused = _preview(request, upload)
        except Refusal:
            discard(upload)
            raise
        remember(upload, report, refused)
        return redirect("admin-catalog-check", upload.token)

    return carry_out(request, form, act, PAGE, context)


@require_GET
@requires("catalogs.import")
def check(request: DeskRequest, token: UUID) -> HttpResponse:
    """What the file would change, and its errors."""
    return render(request, CHECK, _context(request, find(request.actor.facility, token)))


@require_GET
@requires("catalogs.import")
def findings(request: DeskRequest, token: UUID) -> HttpResponseBase:
    """All errors and warnings as CSV, to mend the source."""
    upload = find(request.actor.facility, token)
    name = f"loi-{upload.file.stem}.csv"
    return FileResponse(upload.findings.open("rb"), as_attachment=True, filename=name, content_type="text/csv")


@require_GET
@requires("catalogs.import")
def changes(request: DeskRequest, token: UUID) -> HttpResponseBase:
    """All that the import would change as CSV, a line for each value."""
    upload = find(request.actor.facility, token)
    name = f"thay-doi-{upload.file.stem}.csv"
    return FileResponse(upload.changes.open("rb"), as_attachment=True, filename=name, content_type="text/csv")


@require_POST
@requires("catalogs.import")
def bring_in(request: DeskRequest, token: UUID) -> HttpResponse:
    """Import the file that was looked at; the file is removed."""
    upload = find(request.actor.facility, token)
    try:
        report = _import(request, upload)
    except NotFound:
        raise
    except Refusal as refusal:
        return render_refusal(request, refusal, CHECK, _context(request, upload))
    discard(upload)
    saved(
        request,
        f"Đã nhập {upload.file.name}: thêm {report.added}, đổi {report.changed}, giữ nguyên {report.unchanged}, "
        f"kết thúc {report.closed}",
    )
    return redirect("admin-catalogs")


def _preview(request: DeskRequest, upload: Upload) -> tuple[ImportReport, str]:
    """Carry the import out and take it all back, audit entry included: the figures are those of the import itself."""
    try:
        with transaction.atomic():
            report = _import(request, upload)
            transaction.set_rollback(True)
    except ImportRefused as refusal:
        return refusal.report, refusal.message_vi
    return report, ""


def _import(request: DeskRequest, upload: Upload) -> ImportReport:
    return import_facility_catalog(
        actor=request.actor,
        kind=upload.kind,
        path=upload.file,
        effective_on=upload.effective_on,
        open_ended=upload.open_ended,
        replaces=upload.replaces,
    )


def _context(request: DeskRequest, upload: Upload) -> dict[str, Any]:
    return {
        "upload": upload,
        "seen": upload.seen,
        "title": dict(CatalogForm.base_fields["kind"].choices)[upload.kind],  # type: ignore[attr-defined]
        "changes": upload.seen["added"] + upload.seen["changed"] + upload.seen["closed"],
        "tab": "catalogs",
    }
