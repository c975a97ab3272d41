"""Whether all numbers of a month agree: the last result of each month, and F9 to hold them against each other now."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from his.access import DeskRequest, requires
from his.ui.forms import saved
from reports.forms import MonthForm, last_month
from reports.models import Reconciliation
from reports.services import run_reconciliation

LISTED = 12


@require_http_methods(["GET", "POST"])
@requires("reports.view")
def reconciliations(request: DeskRequest) -> HttpResponse:
    """The results, the latest open; a POST makes one."""
    if request.method == "GET":
        form = MonthForm(initial={"month": last_month(timezone.localdate())})
        return render(request, "reports/reconciliations.html", _context(request, form))
    form = MonthForm(request.POST)
    if not form.is_valid():
        return render(request, "reports/reconciliations.html", _context(request, form), status=422)
    made = run_reconciliation(month=form.cleaned_data["month"], actor=request.actor, at=timezone.now())
    found = f"{made.difference_count} chỗ lệch" if made.difference_count else "không chỗ nào lệch"
    saved(request, f"Đã đối chiếu tháng {made.month:%m/%Y}: {found}")
    return redirect("reconciliations")


def _context(request: DeskRequest, form: MonthForm) -> dict[str, Any]:
    rows = Reconciliation.objects.for_facility(request.actor.facility).select_related("run_by").order_by("-run_at")
    listed = list(rows[:LISTED])
    shown = next((row for row in listed if str(row.pk) == request.GET.get("run")), listed[0] if listed else None)
    return {"form": form, "listed": listed, "shown": shown, "may_run": request.actor.may("reports.run")}
