"""The desk of infectious-disease cases: by the time that is left, the sheet of one case, what was reported."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.dates import month_range, parse_month
from his.core.errors import NotFound, Refusal
from his.ui.forms import add_refusal, saved, status_of
from patients.forms_cases import DeathForm, DischargeForm, EnterForm, ReasonForm, ReportForm, SheetForm
from patients.models import DiseaseCase
from patients.notifiable import list_in_force
from patients.queries_cases import (
    URGENT_HOURS,
    cases_between,
    cases_to_follow,
    cases_to_report,
    get_case,
    missing_of,
    sheet_of,
    urgent_count,
)
from patients.services.cases import (
    discharge_case,
    enter_case,
    exclude_case,
    record_death,
    report_case,
    report_death,
    restore_case,
    save_sheet,
)
from patients.views.desk import now, sent, today
from patients.views.strip import strip_for

VIEWS = {"open": "Cần báo", "follow": "Chờ nhập bù, cập nhật", "month": "Cả tháng"}
PAGE = 50


@dataclass(frozen=True, slots=True)
class Clock:
    """What is left until a report is due, in words and as the kind of a badge."""

    text: str
    kind: str


def clock_of(case: DiseaseCase, at: datetime) -> Clock | None:
    """The clock of a case that was read with `next_due`; None when nothing is to be reported."""
    due: datetime | None = getattr(case, "next_due", None)
    if due is None:
        return None
    left = due - at
    minutes = int(abs(left).total_seconds()) // 60
    words = _span(minutes)
    if left < timedelta(0):
        return Clock(f"Quá hạn {words}", "stop")
    return Clock(f"Còn {words}", "warn" if left <= timedelta(hours=URGENT_HOURS) else "wait")


def _span(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} phút"
    hours = minutes // 60
    return f"{hours} giờ" if hours < 72 else f"{hours // 24} ngày"


@require_GET
@requires("cases.report")
def cases(request: DeskRequest) -> HttpResponse:
    """The list: what is to be reported by the time left; what waits for more; a whole month."""
    facility, at = request.actor.facility, now()
    chosen = request.GET.get("show", "open")
    typed, month, wrong = request.GET.get("month", ""), today().replace(day=1), ""
    try:
        month = parse_month(typed) if typed.strip() else month
    except ValueError as error:
        wrong = str(error)
    if chosen == "month":
        start, after = month_range(month.year, month.month)
        rows = cases_between(facility, start, after - timedelta(days=1))
        rows = rows.none() if wrong else rows
    elif chosen == "follow":
        rows = cases_to_follow(facility, today())
    else:
        chosen, rows = "open", cases_to_report(facility)
    is_wrong = chosen == "month" and bool(wrong)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "shown": chosen,
        "choices": VIEWS.items(),
        "page": page,
        "rows": [(case, clock_of(case, at)) for case in page],
        "list_problem": list_in_force(settings.VAR_DIR).problem,
        "month_text": typed if is_wrong else f"{month:%m/%Y}",
        "month_error": wrong if is_wrong else "",
        "q": f"show={chosen}&month={month:%Y-%m}&",
    }
    return render(request, "patients/cases/list.html", context, status=422 if is_wrong else 200)


@require_GET
@requires("cases.report")
def badge(request: DeskRequest) -> HttpResponse:
    """The number of urgent cases beside the desk's name; nothing when there is none."""
    count = urgent_count(request.actor.facility, now())
    if not count:
        return HttpResponse(status=204)
    return render(request, "his/components/badge.html", {"text": count, "kind": "stop"})


Step = Callable[[DiseaseCase, Actor, datetime, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that is done with a case: its form, its service, what is said afterwards."""

    form: type[forms.Form]
    run: Step
    said: str


ACTIONS: dict[str, Action] = {
    "sheet": Action(
        SheetForm,
        lambda case, actor, at, data: save_sheet(case=case, actor=actor, at=at, **data),
        "Đã lưu phiếu điều tra",
    ),
    "report": Action(
        ReportForm, lambda case, actor, at, data: report_case(case=case, actor=actor, at=at, **data), "Đã ghi báo ca"
    ),
    "enter": Action(
        EnterForm, lambda case, actor, at, data: enter_case(case=case, actor=actor, at=at, **data), "Đã ghi nhập bù"
    ),
    "discharge": Action(
        DischargeForm,
        lambda case, actor, at, data: discharge_case(case=case, actor=actor, at=at, **data),
        "Đã cập nhật ra viện",
    ),
    "death": Action(
        DeathForm, lambda case, actor, at, data: record_death(case=case, actor=actor, at=at, **data), "Đã ghi tử vong"
    ),
    "death_reported": Action(
        forms.Form, lambda case, actor, at, data: report_death(case=case, actor=actor, at=at), "Đã ghi báo tử vong"
    ),
    "exclude": Action(
        ReasonForm,
        lambda case, actor, at, data: exclude_case(case=case, reason=data["exclusion_reason"], actor=actor, at=at),
        "Đã loại trừ ca bệnh",
    ),
    "restore": Action(
        ReasonForm,
        lambda case, actor, at, data: restore_case(case=case, reason=data["exclusion_reason"], actor=actor, at=at),
        "Đã bỏ loại trừ",
    ),
}


@require_http_methods(["GET", "POST"])
@requires("cases.report")
def case(request: DeskRequest, pk: int) -> HttpResponse:
    """One case: its sheet in the middle, what is done with it at the side. POST does one `step`."""
    row = get_case(request.actor.facility, pk)
    if request.method == "GET":
        return _screen(request, row)
    step = request.POST.get("step", "")
    if step not in ACTIONS:
        raise NotFound
    action = ACTIONS[step]
    form = action.form(sent(request))
    if form.is_valid():
        values = form.values() if isinstance(form, SheetForm) else form.cleaned_data
        try:
            action.run(row, request.actor, now(), values)
            saved(request, f"{action.said}: {row.name}, {row.patient.full_name}")
            return redirect("cases") if step in {"report", "exclude"} else redirect("case", pk=row.pk)
        except Refusal as refusal:
            if status_of(refusal) in {403, 404}:
                raise
            add_refusal(form, refusal)
            return _screen(request, row, status=status_of(refusal), **{f"{step}_form": form})
    return _screen(request, row, status=422, **{f"{step}_form": form})


def _screen(request: DeskRequest, row: DiseaseCase, status: int = 200, **more: Any) -> HttpResponse:
    at = now()
    waiting = list(cases_to_report(request.actor.facility)[:PAGE])
    context = {
        "case": row,
        "clock": clock_of(row, at),
        "waiting": [(one, clock_of(one, at)) for one in waiting],
        "strip": strip_for(row.patient, on=row.detected_on, card=row.visit.card),
        "missing": missing_of(sheet_of(row)),
        "person": sheet_of(row)[0].items,
        "events": row.events.select_related("by"),
        "is_excluded": row.state == DiseaseCase.State.EXCLUDED,
        "sheet_form": SheetForm.of(row),
        "report_form": ReportForm(),
        "enter_form": EnterForm(),
        "discharge_form": DischargeForm(initial={"outcome": row.outcome}),
        "death_form": DeathForm(),
        "exclude_form": ReasonForm(auto_id="id_exclude_%s"),
        "restore_form": ReasonForm(auto_id="id_restore_%s"),
        **more,
    }
    context["form"] = next((form for form in more.values() if form.is_bound), None)
    return render(request, "patients/cases/case.html", context, status=status)
