"""A list on the screen: sums by part, checks, and the rows page by page as the database has them now."""

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.paginator import Paginator
from django.db import transaction
from django.http import FileResponse, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.core.errors import NotFound, Refusal
from his.core.money import ZERO, round0
from his.ui.text import money_text
from reports.checks import MAX_REFS, Finding
from reports.definition import NUMBERS, SUMMED, Column, form_codes
from reports.export import EXPORTERS
from reports.export.layout import shown
from reports.lists.rows import Cell, rows
from reports.lists.services import export_list, file_name, list_query
from reports.lists.statement import ListQuery
from reports.lists.totals import PartSums, checks, totals
from reports.period import Period
from reports.queries import state_of
from reports.views.desk import desk_context

PAGE = 100


def asked(request: DeskRequest, form: str, month: str, variant: str = "") -> ListQuery:
    """The list of an address; not found when there is none."""
    if form not in form_codes():
        raise NotFound
    try:
        return list_query(form, request.actor.facility, Period.parse_month(month), variant)
    except (ValueError, Refusal):
        raise NotFound from None


@require_GET
@requires("reports.view")
def report_list(request: DeskRequest, form: str, month: str) -> HttpResponse:
    """One list of a month."""
    query = asked(request, form, month)
    columns = [query.form.column(tag) for tag in query.form["screen"]]
    with transaction.atomic():
        parts = totals(query)
        found = checks(query)
        page = Paginator(range(sum(part.count for part in parts)), PAGE).get_page(request.GET.get("page"))
        lines = list(rows(query, start=page.start_index() - 1 if page.object_list else 0, stop=page.end_index()))
    stored = [finding.stored() for finding in found]
    context = {
        **desk_context(request, form, Period.parse_month(month)),
        "form": query.form,
        "query": query,
        "columns": columns,
        "sums": _sums(query, parts),
        "checks": [_check(finding) for finding in found if not finding.passed],
        "fine": [finding.title for finding in found if finding.passed],
        "state": state_of(stored),
        "lines": [_line(query, columns, row.cells, row.claim_code, row.refusal) for row in lines],
        "page": page,
        "files": [(variant, file_name(query, variant)) for variant in query.form.variants] or [("", file_name(query))],
    }
    return render(request, "reports/list.html", context)


def _sums(query: ListQuery, parts: list[PartSums]) -> dict[str, Any]:
    """One line for each amount, one column for each part that has visits: parts have long labels and many figures."""
    used = [row for row in parts if row.count]
    columns = [c for c in query.form.printed() if c.type in SUMMED and c.source != "none"]
    amounts = [(column.short, [row.sums.get(column.tag, ZERO) for row in used]) for column in columns]
    return {
        "labels": [row.part.label for row in used],
        "counts": [row.count for row in used],
        "lines": [(short, [round0(one) for one in each], round0(sum(each, ZERO))) for short, each in amounts],
        "count": sum(row.count for row in used),
    }


SHOWN_REFS = 12


def _check(finding: Finding) -> dict[str, Any]:
    return {
        "title": finding.title,
        "severity": finding.severity,
        "message": finding.message,
        "refs": finding.refs[:SHOWN_REFS],
        "more": max(0, min(finding.count, MAX_REFS) - SHOWN_REFS),
    }


def _line(query: ListQuery, columns: list[Column], cells: tuple[Cell, ...], code: str, refusal: str) -> dict[str, Any]:
    if refusal:
        return {"code": code, "refusal": refusal}
    by_tag = dict(zip((column.tag for column in query.form.columns), cells, strict=True))
    return {"code": code, "cells": [(column, _shown(column, by_tag[column.tag])) for column in columns]}


def _shown(column: Column, value: Cell) -> str:
    if column.type in NUMBERS and isinstance(value, Decimal):
        return money_text(round0(value))
    return "" if value is None else shown(column, value if isinstance(value, int) else str(value))


@require_GET
@requires("reports.view")
def report_list_file(request: DeskRequest, form: str, month: str) -> FileResponse:
    """The spreadsheet of a list."""
    variant = request.GET.get("variant", "")
    query = asked(request, form, month, variant)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "list.xlsx"
        made = export_list(
            form=form, period=query.period, target=target, actor=request.actor, at=timezone.now(), variant=variant
        )
        file = target.open("rb")  # still readable when the folder is gone
    return FileResponse(file, as_attachment=True, filename=made.name, content_type=EXPORTERS["xlsx"][1])
