"""The technician's desk: orders that wait, and the entry of their results."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from his.access import DeskRequest, requires
from his.accounts.models import Department
from his.core.codes import row_id
from his.core.errors import NotFound, Refusal
from his.ui.forms import saved, status_of
from patients.forms_results import ResultRow, read_results, result_rows
from patients.models import ServiceOrder
from patients.queries_clinical import desk_order, lately_performed, performing_departments, waiting_orders
from patients.services.orders import record_result
from patients.views.desk import now, sent, today
from patients.views.strip import strip_of_visit

DEPARTMENT_KEY = "results_department"
LIST_LIMIT = 100


def _list_context(request: DeskRequest, order: ServiceOrder | None = None) -> dict[str, Any]:
    facility = request.actor.facility
    departments = performing_departments(facility)
    department = _department(request, departments)
    rows = list(waiting_orders(facility, department=department)[:LIST_LIMIT])
    return {
        "departments": departments,
        "department": department,
        "waiting": rows,
        "performed": lately_performed(facility, today(), department=department),
        "order": order,
        "results_version": "-".join(str(row.pk) for row in rows),
    }


def _department(request: DeskRequest, departments: list[Department]) -> Department | None:
    """The department of the session; before one was chosen, that of the technician, if it performs services."""
    wanted = request.session.get(DEPARTMENT_KEY)
    if wanted is None and request.actor.staff is not None:
        wanted = request.actor.staff.department_id
    return next((row for row in departments if row.pk == wanted), None)


@require_GET
@requires("patients.result")
def results(request: DeskRequest) -> HttpResponse:
    """The orders that wait. `department` narrows to one; 0 means all."""
    raw = request.GET.get("department", "")
    if raw:
        known = {row.pk for row in performing_departments(request.actor.facility)} | {0}
        if row_id(raw) not in known:
            raise NotFound
        request.session[DEPARTMENT_KEY] = row_id(raw)
        return redirect("results")
    return render(request, "patients/results/home.html", _list_context(request))


@require_GET
@requires("patients.result")
def results_list(request: DeskRequest) -> HttpResponse:
    """The list alone, for the poll; 204 when nothing changed."""
    context = _list_context(request)
    if request.GET.get("v") == context["results_version"]:
        return HttpResponse(status=204)
    context["order"] = {"pk": row_id(request.GET.get("order", ""))}
    return render(request, "patients/results/list.html", context)


@require_http_methods(["GET", "POST"])
@requires("patients.result")
def result(request: DeskRequest, order_id: int) -> HttpResponse:
    """One order: GET its grid, POST the values (F9), then the next order that waits."""
    order = desk_order(request.actor.facility, order_id)
    if order is None:
        raise NotFound
    if request.method == "GET":
        return _screen(request, order, result_rows(order))
    rows = read_results(sent(request), order)
    try:
        record_result(
            order=order,
            actor=request.actor,
            at=now(),
            results=[row.result for row in rows],
            device_code=request.POST.get("device_code"),
        )
    except Refusal as refusal:
        if refusal.code.startswith("already_"):
            messages.error(request, refusal.message_vi)
            return redirect("results")
        return _refused(request, order, rows, refusal)
    saved(request, f"Đã trả kết quả {order.service.name}: {order.visit.patient.full_name}")
    following = _following(request, order)
    return redirect("result", order_id=following.pk) if following else redirect("results")


def _refused(request: DeskRequest, order: ServiceOrder, rows: list[ResultRow], refusal: Refusal) -> HttpResponse:
    where = (refusal.field or "").split("-")
    if len(where) == 3 and where[1].isdecimal():
        for row in rows:
            if row.index == int(where[1]):
                row.error = refusal.message_vi
    device = request.POST.get("device_code", "")
    more = {"refusal": refusal, "wrong_field": refusal.field, "device_code": device}
    return _screen(request, order, rows, status=status_of(refusal), **more)


def _following(request: DeskRequest, order: ServiceOrder) -> ServiceOrder | None:
    """The next order of the list: of the same person first, so that one person is finished before the next."""
    departments = performing_departments(request.actor.facility)
    rows = list(waiting_orders(request.actor.facility, department=_department(request, departments))[:LIST_LIMIT])
    return next((row for row in rows if row.visit_id == order.visit_id), None) or next(iter(rows), None)


def _screen(
    request: DeskRequest, order: ServiceOrder, rows: list[ResultRow], status: int = 200, **more: object
) -> HttpResponse:
    context = {
        **_list_context(request, order),
        "rows": rows,
        "is_laboratory": bool(order.service.indicators) or order.service.group_code == "1",
        "strip": strip_of_visit(order.visit),
        "device_code": order.device_code,
        "is_locked": order.exam.is_signed or order.state == ServiceOrder.State.CANCELLED,
        **more,
    }
    return render(request, "patients/results/order.html", context, status=status)
