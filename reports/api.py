"""The reports' part of the programming interface: the same queries and services as the screens."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from ninja import Query, Router

from his.access import DeskRequest, requires
from his.core.errors import Refusal
from reports.engine import run
from reports.export import EXPORTERS, file_name
from reports.models import ReportRun
from reports.period import Period
from reports.queries import get_run, rows_of, runs_of
from reports.schemas import RowsOut, RunIn, RunOut
from reports.services import export_report

router = Router(tags=["reports"])


@router.get("/runs", response=list[RunOut])
@requires("reports.view")
def list_runs(request: DeskRequest) -> list[ReportRun]:
    """The newest version of each report of the facility, latest period first."""
    return runs_of(request.actor.facility)


@router.post("/runs", response=RunOut)
@requires("reports.run")
def post_run(request: DeskRequest, body: RunIn) -> ReportRun:
    """Make a report of a month, or return the last one when nothing changed."""
    try:
        period = Period.parse(body.month)
    except ValueError as wrong:
        raise Refusal("bad_month", str(wrong), field="month") from None
    actor = request.actor
    return run(form=body.form, facility=actor.facility, period=period, store=body.store, actor=actor, at=timezone.now())


@router.get("/runs/{run_id}", response=RunOut)
@requires("reports.view")
def read_run(request: DeskRequest, run_id: int) -> ReportRun:
    """One stored report with its checks."""
    return get_run(request.actor.facility, run_id)


@router.get("/runs/{run_id}/rows", response=RowsOut)
@requires("reports.view")
def read_rows(
    request: DeskRequest, run_id: int, offset: int = Query(0, ge=0), limit: int = Query(200, ge=1, le=1000)
) -> dict[str, Any]:
    """Rows of a stored report in the order of the file."""
    made = get_run(request.actor.facility, run_id)
    rows = rows_of(made)
    page = rows[offset : offset + limit]
    return {
        "columns": made.values["columns"],
        "rows": [list(row.cells) for row in page],
        "refs": [row.ref for row in page],
        "total": len(rows),
    }


@router.get("/runs/{run_id}/files/{kind}")
@requires("reports.view")
def read_file(request: DeskRequest, run_id: int, kind: str) -> HttpResponse:
    """The file of a stored report: xlsx, pdf or xml."""
    made = get_run(request.actor.facility, run_id)
    content = export_report(run=made, kind=kind, actor=request.actor, at=timezone.now())
    response = HttpResponse(content, content_type=EXPORTERS[kind][1])
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(made, kind)}"'
    return response
