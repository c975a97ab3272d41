"""The reports desk: make a report, see its checks and sums, and open the visits behind every figure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods

from his.access import DeskRequest, requires
from his.accounts.models import Facility
from his.core.errors import NotFound, Refusal
from his.core.money import round0
from his.printing.views import pdf_response
from his.ui.forms import render_refusal, saved
from his.ui.text import decimal_text, minute_text
from pharmacy.queries import stores
from reports.datasets import SOURCES
from reports.definition import SUMMED, Column, Form, latest, load_form, load_version
from reports.engine import query_of, run
from reports.export import EXPORTERS, file_name, kinds_of
from reports.export.layout import layout_of, noun_of, period_text, shown
from reports.filing.queries import filing_badge, states_of
from reports.forms import RunForm, last_month
from reports.models import ReportRun
from reports.period import Period
from reports.queries import ShownRow, form_choices, get_run, rows_of, runs_of, state_of, strangers_of, versions_of
from reports.services import export_report
from reports.views.filing_panel import filing_context

PAGE = 100
_MAY = {"run": "reports.run", "match": "billing.match_bank"}


@require_http_methods(["GET", "POST"])
@requires("reports.view")
def reports(request: DeskRequest) -> HttpResponse:
    """The list of reports and the form that makes one."""
    if request.method == "POST":
        return _make(request)
    return render(request, "reports/reports.html", _desk(request, _run_form(request)))


def _make(request: DeskRequest) -> HttpResponse:
    form = _run_form(request)
    if not form.is_valid():
        return render(request, "reports/reports.html", _desk(request, form), status=422)
    actor, period = request.actor, form.cleaned_data["month"]
    try:
        chosen = load_form(form.cleaned_data["form"], period.start)
        period = period.fitting(chosen.periods)
        if chosen.is_list:
            return redirect("report-list", form=form.cleaned_data["form"], month=period.key())
        code, store = form.cleaned_data["form"], form.cleaned_data["store"]
        known = set(ReportRun.of(actor.facility, code, period, store).values_list("pk", flat=True))
        made = run(form=code, facility=actor.facility, period=period, store=store, actor=actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, "reports/reports.html", _desk(request, form), form=form)
    name = f"{chosen['number']}, {period.short()}"
    if made.pk not in known:
        saved(request, f"Đã lập {name}: {decimal_text(len(made.values['rows']))} dòng, bản {made.version}")
    else:
        messages.info(request, f"{name}: số liệu không đổi, vẫn là bản {made.version} lập {minute_text(made.run_at)}")
    return redirect("report-run", pk=made.pk)


def _run_form(request: DeskRequest, shown: tuple[str, Period, str] | None = None) -> RunForm:
    """What was sent; on the page of a report its form, period and store, so that F9 makes that one again."""
    choices, stores = form_choices(), store_choices(request.actor.facility)
    known = [code for _, group in choices for code, _ in group]
    if shown is not None and shown[0] in known:
        form, period, store = shown
        month = f"Q{(period.end.month + 2) // 3}/{period.end:%Y}" if period.kind == "quarter" else f"{period.end:%m/%Y}"
        return RunForm(initial={"form": form, "month": month, "store": store}, choices=choices, stores=stores)
    if request.method == "POST":
        return RunForm(request.POST, choices=choices, stores=stores)
    form, month = request.GET.get("form", ""), request.GET.get("month", "")
    first = {
        "form": form if form in known else known[0],
        "month": month[:7] or last_month(timezone.localdate()),
    }
    return RunForm(initial=first, choices=choices, stores=stores)


def store_choices(facility: Facility) -> list[tuple[str, str]]:
    """(code, name) of the active stores."""
    return [(store.code, store.name) for store in stores(facility)]


def desk_context(request: DeskRequest, form: str, period: Period) -> dict[str, Any]:
    """What the left pane shows beside a list."""
    return _desk(request, _run_form(request, (form, period, "")))


def _desk(request: DeskRequest, form: RunForm, current: ReportRun | None = None) -> dict[str, Any]:
    """What every page of the desk shows: the reports made, and the form."""
    rows = runs_of(request.actor.facility)
    filings = states_of(rows)
    listed = [
        {
            "run": row,
            "number": latest(row.form)["number"],
            "period": row.period.short(),
            "state": filing_badge(filings[row.pk]) if row.pk in filings else state_of(row.checks),
            "is_current": current is not None and _same(row, current),
        }
        for row in rows
    ]
    may = {f"may_{name}": request.actor.may(permission) for name, permission in _MAY.items()}
    return {"run_form": form, "listed": listed, **may}


def _same(a: ReportRun, b: ReportRun) -> bool:
    return _of(a) == _of(b)


def _of(run: ReportRun) -> tuple[Any, ...]:
    return run.form, run.store, run.period_start, run.period_end


@require_GET
@requires("reports.view")
def report(request: DeskRequest, pk: int) -> HttpResponse:
    """One report: checks, sums by section, and the rows of the chosen figure."""
    return render(request, "reports/report.html", report_context(request, get_run(request.actor.facility, pk)))


def report_context(request: DeskRequest, made: ReportRun) -> dict[str, Any]:
    """What the page of a report shows."""
    form = load_version(made.form, made.values["definition"])
    chosen = _Choice(request, made, form)
    page = Paginator(chosen.rows, PAGE).get_page(request.GET.get("page"))
    columns = [form.column(tag) for tag in form["screen"]]
    return {
        **_desk(request, _run_form(request, (made.form, made.period, made.store)), made),
        **filing_context(made, request.actor),
        "made": made,
        "form": form,
        "state": state_of(made.checks),
        "checks": [(at, row) for at, row in enumerate(made.checks) if not _is_fine(row)],
        "fine": [row for row in made.checks if _is_fine(row)],
        "versions": versions_of(made),
        "sums": _sums(form, made),
        "columns": columns,
        "lines": [_line(form, columns, row, made) for row in page.object_list],
        "page": page,
        "chosen": chosen,
        "q": chosen.query(),
        "formats": [(kind, file_name(made, kind)) for kind in kinds_of(form)],
        "noun": noun_of(form),
        "period_text": period_text(made.values),
        "print_url": reverse("report-file", args=[made.pk, "pdf"]),
        "is_blocked": state_of(made.checks)[1] == "stop",
    }


def _is_fine(check: Mapping[str, Any]) -> bool:
    return check["passed"] and check["severity"] != "note"


class _Choice:
    """Which rows of a report are looked at: all, a section, one column that is not zero, or those of a check."""

    def __init__(self, request: DeskRequest, made: ReportRun, form: Form) -> None:
        self.section = request.GET.get("section")
        self.column = request.GET.get("column", "")
        text = request.GET.get("check", "")
        self.check = int(text) if text in {str(number) for number in range(len(made.checks))} else None
        self.rows = rows_of(made, section=self.section, check=self.check)
        self.strangers: Sequence[str] = strangers_of(made, self.check) if self.check is not None else ()
        if self.column in form.summed_tags:
            at = form.tags.index(self.column)
            self.rows = [row for row in self.rows if Decimal(row.cells[at] or 0)]
        self.title = self._title(made, form)

    def _title(self, made: ReportRun, form: Form) -> str:
        parts = []
        if self.section is not None:
            parts.append(f"Phần {self.section}" if self.section else "Chưa xếp được vào phần nào")
        if self.column in form.summed_tags:
            parts.append(f"{form.column(self.column).heading} khác 0")
        if self.check is not None:
            parts.append(made.checks[self.check]["title"])
        return " · ".join(parts)

    def query(self) -> str:
        """The choice as the beginning of an address query."""
        given = {"section": self.section, "column": self.column or None, "check": self.check}
        kept = urlencode({name: value for name, value in given.items() if value is not None})
        return f"{kept}&" if kept else ""


def _sums(form: Form, made: ReportRun) -> dict[str, Any]:
    layout = layout_of(form, made.values)
    tags = [c.tag for c in layout.columns if c.type in SUMMED]
    return {
        "headings": [form.column(tag).short for tag in tags],
        "parts": [{"part": part, "cells": [(tag, round0(part.sums[tag])) for tag in tags]} for part in layout.parts],
        "totals": [(tag, round0(layout.totals[tag])) for tag in tags],
        "count": len(made.values["rows"]),
        "words": layout.words,
    }


def _line(form: Form, columns: Sequence[Column], row: ShownRow, made: ReportRun) -> dict[str, Any]:
    cells = [
        (column, shown(column, row.cells[form.tags.index(column.tag)]), form["dataset"] == "grid" and column.is_counted)
        for column in columns
    ]
    return {"ref": row.ref, "cells": cells, "number": row.number}


@require_GET
@requires("reports.view")
def report_row(request: DeskRequest, pk: int, number: int) -> HttpResponse:
    """One row of a report in the panel: its fields, and what lies behind them."""
    made = get_run(request.actor.facility, pk)
    if not 1 <= number <= len(made.values["rows"]):
        raise NotFound
    form = load_version(made.form, made.values["definition"])
    row, ref = made.values["rows"][number - 1], made.values["refs"][number - 1]
    query = query_of(form, request.actor.facility, made.period, made.store)
    template, behind = SOURCES[form["dataset"]].explain(query, ref)
    context = {
        **behind,
        "behind": template,
        "title": f"Lượt khám {ref}" if noun_of(form) == "lượt" else row[form.tags.index(form["title_column"])],
        "made": made,
        "ref": ref,
        "fields": [(column, shown(column, row[at])) for at, column in enumerate(form.columns)],
    }
    return render(request, "reports/row.html", context)


@require_GET
@requires("reports.view")
def report_file(request: DeskRequest, pk: int, kind: str) -> HttpResponse:
    """The file of a report; the PDF is shown, the others are downloaded."""
    made = get_run(request.actor.facility, pk)
    content = export_report(run=made, kind=kind, actor=request.actor, at=timezone.now())
    if kind == "pdf":
        return pdf_response(content, file_name(made, kind))
    response = HttpResponse(content, content_type=EXPORTERS[kind][1])
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(made, kind)}"'
    return response
