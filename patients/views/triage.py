"""Triage: vital signs of those who wait, at a desk or on a phone (phân loại, đo sinh hiệu)."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from his.access import DeskRequest, requires
from his.core.codes import row_id
from his.core.errors import NotFound, Refusal
from his.ui.forms import add_refusal, saved, status_of
from patients import queries
from patients.forms import VitalsForm
from patients.models import Visit
from patients.services.visits import record_vitals
from patients.views import polling
from patients.views.safety import card_context
from patients.views.strip import strip_of_visit


@require_GET
@requires("patients.triage")
def triage(request: DeskRequest) -> HttpResponse:
    """The list of those who wait; the first without readings is offered by F12."""
    return render(request, "patients/triage.html", _list(request))


@require_GET
@requires("patients.triage")
def triage_list(request: DeskRequest) -> HttpResponse:
    """The list again, for the page that polls it."""
    context = _list(request)
    return polling.answer(request, "patients/triage_list.html", context["part"], context)


@require_http_methods(["GET", "POST"])
@requires("patients.triage")
def vitals(request: DeskRequest, pk: int) -> HttpResponse:
    """The readings of one visit; after saving, the next person without readings."""
    visit = queries.get_visit(request.actor.facility, pk)
    if request.method == "GET":
        return _screen(request, visit, VitalsForm())
    form = VitalsForm(request.POST)
    if not form.is_valid():
        return _screen(request, visit, form, status=422)
    readings = {name: form.cleaned_data[name] for name in VitalsForm.UNITS}
    try:
        record_vitals(visit=visit, actor=request.actor, at=timezone.now(), **readings)
    except NotFound:
        raise
    except Refusal as refusal:
        add_refusal(form, refusal)
        return _screen(request, visit, form, status=status_of(refusal))
    saved(request, f"Đã ghi sinh hiệu của {visit.patient.full_name}")
    waiting = queries.triage_list(request.actor.facility, timezone.localdate()).filter(measured_at__isnull=True).first()
    return redirect("triage-visit", pk=waiting.pk) if waiting else redirect("triage")


def _screen(request: DeskRequest, visit: Visit, form: VitalsForm, *, status: int = 200) -> HttpResponse:
    known = card_context(visit)
    context = {
        **_list(request, visit.pk),
        "visit": visit,
        "form": form,
        "earlier": visit.vital_signs.order_by("-taken_at", "-pk"),
        "strip": strip_of_visit(visit, known["coded"]),
        **known,
    }
    return render(request, "patients/triage.html", context, status=status)


def _list(request: DeskRequest, current: int = 0) -> dict[str, Any]:
    current = current or row_id(request.GET.get("current", ""))
    visits = list(queries.triage_list(request.actor.facility, timezone.localdate()))
    context = {"visits": visits, "current": current, "to_measure": sum(1 for v in visits if v.measured_at is None)}
    first = next((visit for visit in visits if visit.measured_at is None and visit.pk != current), None)
    return {
        "current": current,
        "first": first,
        "part": polling.part(request, "patients/triage_rows.html", {**context, "first": first}),
    }
