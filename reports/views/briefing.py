"""The morning briefing on the screen: all departments in one table, and one of them open for writing."""

from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.accounts.models import Department, Facility
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.printing.views import pdf_response
from his.ui.forms import DayField, NumberField, add_refusal, saved, status_of
from reports.briefing.metrics import METRICS, PRESENT, window
from reports.briefing.queries import Row, briefing_of, sheet_of
from reports.briefing.services import MOST, is_ahead, lock_briefing, print_briefing, write_cells
from reports.views.registers import desk, now


class DayForm(forms.Form):
    """Which morning."""

    day = DayField(label="Ngày")


class DepartmentForm(forms.Form):
    """Figures and notes of one department; an empty figure leaves the counted one."""

    def __init__(self, *args: Any, row: Row, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        for metric in METRICS:
            cell = row.cells[metric.code]
            if metric.code != PRESENT:
                figure = NumberField(
                    label=metric.heading,
                    required=False,
                    min_value=0,
                    max_value=MOST,
                    decimal_places=0,
                    initial=cell.written,
                )
                figure.widget.attrs["placeholder"] = "" if cell.counted is None else str(cell.counted)
                self.fields[metric.code] = figure
            self.fields[f"{metric.code}_note"] = forms.CharField(
                label=f"Ghi chú {metric.heading}", required=False, max_length=200, initial=cell.note
            )

    def lines(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Groups with their metrics: heading, counted figure, fields."""
        found = []
        for group, metrics in groupby(METRICS, key=lambda metric: metric.group):
            rows = [
                {
                    "heading": metric.heading,
                    "counted": self.row.cells[metric.code].counted,
                    "figure": self[metric.code] if metric.code in self.fields else None,
                    "note": self[f"{metric.code}_note"],
                }
                for metric in metrics
            ]
            found.append((group, rows))
        return found

    def cells(self) -> dict[str, tuple[int | None, str]]:
        """(figure, note) by metric."""
        found: dict[str, tuple[int | None, str]] = {}
        for metric in METRICS:
            figure = self.cleaned_data.get(metric.code)
            note = self.cleaned_data[f"{metric.code}_note"].strip()
            found[metric.code] = (None if figure is None else int(figure), note)
        return found


def usual_day() -> date:
    """The morning whose duty ended last, or that of the duty that runs once it is after noon."""
    at = local(now())
    return at.date() + timedelta(days=1) if at.hour >= 12 else at.date()


def day_of(request: DeskRequest) -> date:
    """The morning that the address names. Refuses what is no day."""
    raw = request.GET.get("day", "")
    if not raw:
        return usual_day()
    form = DayForm({"day": raw})
    if not form.is_valid():
        raise Refusal("day", "Ngày gõ dạng 22112026 hoặc 22/11/2026", field="day")
    day: date = form.cleaned_data["day"]
    return day


@require_GET
@requires("briefing.view")
def briefing(request: DeskRequest) -> HttpResponse:
    """All departments of a morning."""
    return _screen(request, day_of(request))


@require_http_methods(["GET", "POST"])
@requires("briefing.write")
def briefing_department(request: DeskRequest, pk: int) -> HttpResponse:
    """One department: what was counted, what is written over it, notes."""
    day = day_of(request)
    department = _department(request.actor.facility, pk)
    row = _row(request.actor.facility, day, pk)
    if request.method == "GET":
        return _department_screen(request, day, DepartmentForm(row=row))
    form = DepartmentForm(request.POST, row=row)
    if not form.is_valid():
        return _department_screen(request, day, form, status=422)
    try:
        write_cells(day=day, department=department, cells=form.cells(), actor=request.actor, at=now())
    except Refusal as refusal:
        add_refusal(form, refusal)
        return _department_screen(request, day, form, status=status_of(refusal))
    saved(request, f"Đã ghi {department.name}, giao ban {day:%d/%m/%Y}")
    return redirect(_address(day))


@require_POST
@requires("briefing.lock")
def briefing_lock(request: DeskRequest) -> HttpResponse:
    """Lock the morning."""
    day = day_of(request)
    try:
        lock_briefing(day=day, actor=request.actor, at=now())
    except Refusal as refusal:
        return _screen(request, day, refusal=refusal, status=status_of(refusal))
    saved(request, f"Đã chốt báo cáo giao ban {day:%d/%m/%Y}")
    return redirect(_address(day))


@require_GET
@requires("briefing.view")
def briefing_pdf(request: DeskRequest) -> HttpResponse:
    """The morning on paper."""
    day = day_of(request)
    return pdf_response(print_briefing(day=day, actor=request.actor, at=now()), f"giao-ban-{day:%Y%m%d}.pdf")


def _address(day: date) -> str:
    return f"{reverse('briefing')}?{urlencode({'day': f'{day:%d/%m/%Y}'})}"


def _department(facility: Facility, pk: int) -> Department:
    department: Department | None = Department.objects.for_facility(facility).filter(pk=pk, is_active=True).first()
    if department is None:
        raise NotFound
    return department


def _row(facility: Facility, day: date, pk: int) -> Row:
    rows = sheet_of(facility, day, briefing_of(facility, day), now()).rows
    found = next((row for row in rows if row.pk == pk), None)
    if found is None:
        raise Refusal("already_locked", f"Báo cáo giao ban ngày {day:%d/%m/%Y} đã chốt")
    return found


def _department_screen(request: DeskRequest, day: date, form: DepartmentForm, *, status: int = 200) -> HttpResponse:
    context = {
        **desk(request),
        "is_briefing": True,
        "day": day,
        "form": form,
        "row": form.row,
        "address": _address(day),
    }
    return render(request, "reports/briefing/department.html", context, status=status)


def _screen(request: DeskRequest, day: date, *, refusal: Refusal | None = None, status: int = 200) -> HttpResponse:
    facility = request.actor.facility
    begun = briefing_of(facility, day)
    start, end = window(day)
    is_locked = begun is not None and begun.locked_at is not None
    context = {
        **desk(request),
        "is_briefing": True,
        "day": day,
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1),
        "start": start,
        "end": end,
        "briefing": begun,
        "is_locked": is_locked,
        "sheet": (sheet := sheet_of(facility, day, begun, now())),
        "totals": sheet.totals(),
        "metrics": METRICS,
        "metric_groups": [(title, len(list(rows))) for title, rows in groupby(METRICS, lambda metric: metric.group)],
        "has_begun": (has_begun := not is_ahead(day, now())),
        "may_write": request.actor.may("briefing.write") and not is_locked and has_begun,
        "may_lock": request.actor.may("briefing.lock") and not is_locked and now() >= end,
        "refusal": refusal,
        "query": urlencode({"day": f"{day:%d/%m/%Y}"}),
    }
    return render(request, "reports/briefing/briefing.html", context, status=status)
