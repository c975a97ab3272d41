"""The wards (buồng bệnh): who lies where; one person's beds with the days that count, admit, move, leave, undo."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from his.access import DeskRequest, requires
from his.accounts.models import Department, Facility
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import nfc
from his.ui.forms import add_refusal, saved, status_of
from patients.forms_beds import BedForm, LeaveForm, UndoForm, for_department
from patients.models import BedStay, Visit
from patients.queries_beds import (
    bed_services,
    beds_of,
    chosen_ward,
    counts_of_wards,
    discharge_exam,
    get_bed_visit,
    people_in,
    visits_to_admit,
    wards,
)
from patients.services.beds import admit_to_ward, leave_ward, move_bed, undo_bed_step
from patients.views.desk import now, sent
from patients.views.strip import strip_of_visit
from patients.wards import DAY_TREATMENT, admissions


@require_http_methods(["GET", "POST"])
@requires("patients.ward")
def beds(request: DeskRequest) -> HttpResponse:
    """The list of a ward; POST looks for somebody to admit, who is opened at once when it is one person."""
    facility, at = request.actor.facility, now()
    context: dict[str, Any] = {**_list(request, at), "who": ""}
    if request.method == "POST":
        text = nfc(sent(request).get("who", ""))
        found = visits_to_admit(facility, text, local(at).date()) if text else []
        if len(found) == 1:
            return redirect(f"{reverse('bed-visit', args=[found[0].pk])}?ward={context['ward'].pk}")
        message = "" if found else "Không có người bệnh nào đang khám khớp với chữ đã gõ"
        context |= {"who": text, "found": found, "who_error": message}
    return render(request, "patients/beds/list.html", context, status=422 if context.get("who_error") else 200)


def _list(request: DeskRequest, at: datetime, ward: Department | None = None) -> dict[str, Any]:
    facility = request.actor.facility
    ward = ward or chosen_ward(facility, request.GET.get("ward", ""), request.actor.staff)
    counts = counts_of_wards(facility)
    return {
        "ward": ward,
        "wards": [(one, counts.get(one.pk, 0)) for one in wards(facility)],
        "people": people_in(ward, at) if ward is not None else [],
        "now": at,
    }


@require_http_methods(["GET", "POST"])
@requires("patients.ward")
def bed_visit(request: DeskRequest, pk: int) -> HttpResponse:
    """The beds of one visit; POST admits, moves, lets leave, or takes back the last step, by `step`."""
    visit = get_bed_visit(request.actor.facility, pk)
    at = now()
    rows, uncounted = beds_of(visit, at)
    standing = [stay for stay, _ in rows if stay.voided_at is None]
    last = standing[-1] if standing else None
    made = _forms(request, visit, last, at)
    if request.method == "POST":
        form = made.get(request.POST.get("step", ""))
        if form is not None and form.is_valid():
            try:
                message = _do(request, visit, last, form)
            except Refusal as refusal:
                if status_of(refusal) in {403, 404}:
                    raise
                add_refusal(form, refusal)
            else:
                saved(request, message)
                return redirect("bed-visit", pk=visit.pk)
        elif form is None:
            made["stale"] = forms.Form({})
            made["stale"].add_error(None, "Giường của người bệnh vừa thay đổi, hãy xem lại")
    bound = next((form for form in made.values() if form.is_bound), None)
    lying = last if last is not None and last.ended_at is None else None
    context = {
        **_list(request, at, last.department if last else None),
        "visit": visit,
        "strip": strip_of_visit(visit),
        "rows": rows,
        "uncounted": uncounted,
        "lying": lying,
        "last": last,
        "bound": bound,
        "forms": made,
        "discharge_exam": None if lying else discharge_exam(visit),
        "may_examine": request.actor.may("patients.examine"),
    }
    return render(request, "patients/beds/visit.html", context, status=422 if bound and bound.errors else 200)


def _forms(request: DeskRequest, visit: Visit, last: BedStay | None, at: datetime) -> dict[str, forms.Form]:
    """The forms that make sense now, by step; the one that was sent is bound."""
    if visit.state in {Visit.State.CLOSED, Visit.State.CANCELLED}:
        return {}
    step = request.POST.get("step", "") if request.method == "POST" else ""
    facility = request.actor.facility
    found: dict[str, forms.Form] = {}
    lying = last is not None and last.ended_at is None
    if lying and last is not None:
        found["move"] = _bed_form(request, step == "move", last.department, BedForm.as_it_is(last, at), at)
        found["leave"] = LeaveForm(sent(request) if step == "leave" else None, now=at, initial={"at": at})
    elif visit.state == Visit.State.IN_EXAM and (last is None or visit.visit_type == DAY_TREATMENT):
        ward = chosen_ward(facility, request.GET.get("ward", ""), request.actor.staff)
        begin = {"at": at, "department": ward.pk if ward else None, "patients_in_bed": 1}
        found["admit"] = _bed_form(request, step == "admit", ward, begin, at, _types(facility))
    if last is not None:
        found["undo"] = UndoForm(sent(request) if step == "undo" else None)
    return found


def _types(facility: Facility) -> tuple[tuple[str, str], ...]:
    return admissions(is_hospital=facility.kind == Facility.Kind.DISTRICT_HOSPITAL)


def _bed_form(
    request: DeskRequest,
    is_sent: bool,
    ward: Department | None,
    initial: dict[str, Any],
    at: datetime,
    visit_types: tuple[tuple[str, str], ...] = (),
) -> BedForm:
    facility = request.actor.facility
    return BedForm(
        sent(request) if is_sent else None,
        initial=initial,
        now=at,
        departments=wards(facility),
        services=for_department(bed_services(facility, local(at).date()), ward),
        visit_types=visit_types,
    )


def _do(request: DeskRequest, visit: Visit, last: BedStay | None, form: forms.Form) -> str:
    """Do what was asked and say it."""
    data, who, seen = dict(form.cleaned_data), visit.patient.full_name, request.POST.get("seen", "")
    if isinstance(form, BedForm):
        data["department"] = next(one for one in wards(request.actor.facility) if one.pk == data["department"])
        if last is not None and last.ended_at is None:
            stay = move_bed(stay=last, actor=request.actor, seen=seen, **data)
            return f"{who} nằm giường {stay.bed_code}, {stay.department.name}"
        stay = admit_to_ward(visit=visit, actor=request.actor, **data)
        return f"Đã nhận {who} vào giường {stay.bed_code}, {stay.department.name}"
    assert last is not None
    if isinstance(form, LeaveForm):
        leave_ward(stay=last, actor=request.actor, at=data["at"], seen=seen)
        return f"{who} đã ra khoa"
    undo_bed_step(stay=last, reason=data["reason"], actor=request.actor, at=now(), seen=seen)
    return f"Đã hủy bước vừa ghi của {who}"
