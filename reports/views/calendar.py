"""The calendar of duties: what is due in a month and what is late, who answers for it, and how far it is."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, may_open, requires
from his.accounts.models import Membership
from his.accounts.roles import ROLES
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.ui.forms import DayField, add_refusal, saved, status_of
from reports.duties.events import event_tasks
from reports.duties.services import assign_duty, duty_by_code, tick_duty, untick_duty
from reports.duties.states import LOOKS_BACK, tasks_between
from reports.filing_models import DutyOwner, DutyTick
from reports.period import Period

PAGE, PANEL = "reports/calendar.html", "reports/calendar_duty.html"
_FILTERS = (("", "Tất cả"), ("mine", "Việc của tôi"), ("open", "Chưa xong"))


class TickForm(forms.Form):
    """When a duty was done, and how."""

    done_on = DayField(label="Ngày đã làm", error_messages={"required": "Gõ ngày đã làm"})
    note = forms.CharField(
        label="Số văn bản, nơi nhận",
        max_length=500,
        error_messages={"required": "Ghi số văn bản, nơi nhận hoặc cách đã làm"},
    )


class OwnerForm(forms.Form):
    """Who answers for a duty."""

    owner = forms.ChoiceField(label="Người chịu trách nhiệm")

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].choices = choices  # type: ignore[attr-defined]


@require_GET
@requires("reports.duties")
def calendar(request: DeskRequest) -> HttpResponse:
    """The duties with a red line in a month; in the current one what is late comes first."""
    return render(request, PAGE, _context(request))


def _context(request: DeskRequest) -> dict[str, Any]:
    actor, today = request.actor, timezone.localdate()
    month = _month(request.GET.get("month", ""), today)
    wanted = request.GET.get("show", "")
    rows = tasks_between(actor.facility, month.start, month.end, today, actor)
    late = []
    if month == Period.month(today):
        before = tasks_between(actor.facility, today - LOOKS_BACK, month.start - timedelta(days=1), today, actor)
        late = [row for row in before if row.standing == "late"]
    shown = [row for row in (*late, *rows) if _is_wanted(row, wanted)]
    events = event_tasks(actor, timezone.now())
    return {
        "tasks": shown,
        "late": sum(1 for row in (*late, *rows) if row.standing == "late") + sum(row.late for row in events),
        "month": month,
        "before": f"{Period.before(month).start:%Y-%m}",
        "after": f"{month.end + timedelta(days=1):%Y-%m}",
        "wanted": wanted,
        "filters": _FILTERS,
        "events": events,
        "today": today,
        "may_view": actor.may("reports.view"),
    }


def _is_wanted(row: Any, wanted: str) -> bool:
    return {"mine": row.is_mine, "open": not row.progress.is_done}.get(wanted, True)


def _month(text: str, today: date) -> Period:
    try:
        return Period.parse_month(text)
    except ValueError:
        return Period.month(today)


@require_GET
@requires("reports.duties")
def duty(request: DeskRequest, code: str, start: str) -> HttpResponse:
    """One duty of one period in the panel: the law, who, and the tick."""
    return render(request, PANEL, _duty_context(request, code, start))


def _duty_context(request: DeskRequest, code: str, start: str) -> dict[str, Any]:
    actor, today = request.actor, timezone.localdate()
    try:
        chosen, first = duty_by_code(code), date.fromisoformat(start)
    except (Refusal, ValueError):
        raise NotFound from None
    if chosen.every == "event":
        raise NotFound
    period = Period.of(chosen.every, first)
    around = timedelta(days=62)
    rows = tasks_between(actor.facility, period.end - around, period.end + around, today, actor)
    task = next((row for row in rows if (row.duty.code, row.period) == (code, period)), None)
    if task is None:
        raise NotFound
    choices = _owners(request)
    return {
        "task": task,
        "label": period.short(),
        "tick_form": TickForm(initial={"done_on": today}),
        "owner_form": OwnerForm(initial={"owner": _owner_now(request, code, chosen.role)}, choices=choices),
        "may_assign": actor.may("reports.sign"),
        "may_open": bool(task.progress.url) and may_open(actor, task.progress.url),
    }


def _owners(request: DeskRequest) -> list[tuple[str, str]]:
    members = Membership.objects.for_facility(request.actor.facility).filter(is_active=True, user__is_active=True)
    people = {row.user_id: row.user.display_name for row in members.select_related("user").order_by("user__username")}
    roles = [(f"role:{code}", f"Vai trò: {title}") for code, (title, _) in ROLES.items()]
    return [*roles, *((f"user:{pk}", name) for pk, name in people.items())]


def _owner_now(request: DeskRequest, code: str, role: str) -> str:
    row = DutyOwner.objects.for_facility(request.actor.facility).filter(duty=code).first()
    if row is None:
        return f"role:{role}"
    return f"user:{row.user_id}" if row.user_id else f"role:{row.role}"


@require_POST
@requires("reports.duties")
def tick(request: DeskRequest, code: str, start: str) -> HttpResponse:
    """Say that a duty was done."""
    context = _duty_context(request, code, start)
    form = TickForm(request.POST)
    task = context["task"]
    if form.is_valid():
        try:
            tick_duty(
                duty=code,
                period_start=task.period.start,
                actor=request.actor,
                at=timezone.now(),
                **form.cleaned_data,
            )
        except (NotFound, PermissionRefused):
            raise
        except Refusal as refusal:
            add_refusal(form, refusal)
            return render(request, PANEL, {**context, "tick_form": form}, status=status_of(refusal))
        saved(request, f"Đã đánh dấu: {task.duty.title}, {task.period.short()}")
        return _back(task.due.due_on)
    return render(request, PANEL, {**context, "tick_form": form}, status=422)


@require_POST
@requires("reports.duties")
def untick(request: DeskRequest, pk: int) -> HttpResponse:
    """Take a tick back."""
    row = DutyTick.objects.for_facility(request.actor.facility).filter(pk=pk).first()
    if row is None:
        raise NotFound
    untick_duty(tick=row, actor=request.actor, at=timezone.now())
    saved(request, "Đã bỏ đánh dấu, việc này lại chưa làm")
    return redirect("report-calendar")


@require_POST
@requires("reports.sign")
def assign(request: DeskRequest, code: str, start: str) -> HttpResponse:
    """Give a duty to a role or a person."""
    context = _duty_context(request, code, start)
    form = OwnerForm(request.POST, choices=_owners(request))
    if not form.is_valid():
        return render(request, PANEL, {**context, "owner_form": form}, status=422)
    assign_duty(duty=code, owner=form.cleaned_data["owner"], actor=request.actor, at=timezone.now())
    saved(request, f"Đã giao: {context['task'].duty.title}")
    return _back(context["task"].due.due_on)


def _back(due_on: date) -> HttpResponse:
    return redirect(f"{reverse('report-calendar')}?{urlencode({'month': f'{due_on:%Y-%m}'})}")
