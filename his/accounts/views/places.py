"""Departments and rooms: the list, and one sheet for each."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from his.access import DeskRequest, requires
from his.accounts.forms import DepartmentForm, RoomForm
from his.accounts.models import Facility, Room
from his.accounts.queries import department_of, departments_of, room_of, rooms_of
from his.accounts.services.places import EXAM_GROUPS, add_department, add_room, update_department, update_room
from his.accounts.views.common import carry_out, fix
from his.catalogs.queries import search_services, service_on
from his.core.errors import Refusal
from his.ui import typeahead
from his.ui.forms import saved
from his.ui.text import money_text

DEPARTMENT, ROOM = "accounts_admin/department.html", "accounts_admin/room.html"


@require_GET
@requires("accounts.manage")
def place_list(request: DeskRequest) -> HttpResponse:
    """Departments and rooms."""
    facility = request.actor.facility
    context = {"departments": departments_of(facility), "rooms": rooms_of(facility), "tab": "places"}
    return render(request, "accounts_admin/places.html", context)


@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def department_new(request: DeskRequest) -> HttpResponse:
    """A new department."""
    form = DepartmentForm(request.POST or None)
    context = {"form": form, "tab": "places"}
    if request.method == "GET":
        return render(request, DEPARTMENT, context)

    def act(data: dict[str, Any]) -> HttpResponse:
        made = add_department(code=data["code"], name=data["name"], actor=request.actor)
        saved(request, f"Đã thêm khoa {made.code} {made.name}")
        return redirect("admin-places")

    return carry_out(request, form, act, DEPARTMENT, context)


@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def department(request: DeskRequest, pk: int) -> HttpResponse:
    """Rename a department, switch it off or on."""
    found = department_of(request.actor.facility, pk)
    initial = {"code": found.code, "name": found.name, "is_active": found.is_active}
    form = DepartmentForm(request.POST or None, initial=initial)
    fix(form, "code", focus="name")
    context = {"form": form, "department": found, "tab": "places"}
    if request.method == "GET":
        return render(request, DEPARTMENT, context)

    def act(data: dict[str, Any]) -> HttpResponse:
        update_department(department=found, name=data["name"], is_active=data["is_active"], actor=request.actor)
        saved(request, f"Đã lưu khoa {found.code} {found.name}")
        return redirect("admin-places")

    return carry_out(request, form, act, DEPARTMENT, context)


@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def room_new(request: DeskRequest) -> HttpResponse:
    """A new room."""
    form = RoomForm(request.POST or None, facility=request.actor.facility)
    context = {"form": form, "tab": "places"}
    if request.method == "GET":
        return render(request, ROOM, context)

    def act(data: dict[str, Any]) -> HttpResponse:
        facts = {name: data[name] for name in ("code", "name", "kind", "department", "exam_service_code")}
        made = add_room(**facts, actor=request.actor, at=timezone.now())
        saved(request, f"Đã thêm phòng {made.code} {made.name}")
        return redirect("admin-places")

    return carry_out(request, form, act, ROOM, context)


@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def room(request: DeskRequest, pk: int) -> HttpResponse:
    """Change a room, switch it off or on."""
    found = room_of(request.actor.facility, pk)
    form = RoomForm(request.POST or None, facility=request.actor.facility, initial=_initial(found))
    fix(form, "code", "kind", focus="name")
    context = {"form": form, "room": found, "is_exam": found.kind == Room.Kind.EXAM, "tab": "places"}
    if request.method == "GET":
        return render(request, ROOM, context)

    def act(data: dict[str, Any]) -> HttpResponse:
        facts = {name: data[name] for name in ("name", "department", "exam_service_code", "is_active")}
        update_room(room=found, **facts, actor=request.actor, at=timezone.now())
        saved(request, f"Đã lưu phòng {found.code} {found.name}")
        return redirect("admin-places")

    return carry_out(request, form, act, ROOM, context)


@require_GET
@requires("accounts.manage")
def exam_options(request: DeskRequest) -> HttpResponse:
    """Exams of the facility's price list of today."""
    rows = search_services(
        request.actor.facility, request.GET.get("q", "")[:100], on=timezone.localdate(), groups=EXAM_GROUPS
    )
    return typeahead.answer(
        request, (typeahead.Option(row.code, row.name, f"{money_text(row.price)} đ") for row in rows)
    )


def _initial(found: Room) -> dict[str, Any]:
    names = ("code", "name", "kind", "department", "exam_service_code", "is_active")
    text = _exam_text(found.facility, found.exam_service_code) if found.exam_service_code else ""
    return {**{name: getattr(found, name) for name in names}, "exam_service_text": text}


def _exam_text(facility: Facility, code: str) -> str:
    try:
        return service_on(facility, code, timezone.localdate()).name
    except Refusal:  # no longer on the price list: the code alone is shown
        return code
