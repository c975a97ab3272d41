"""The queue of a room, and the screen on the wall that shows which number goes where (hàng chờ, màn hình gọi số)."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.accounts.models import Room
from his.core.errors import NotFound, Refusal
from his.ui.forms import saved
from patients import queries
from patients.models import QueueTicket
from patients.services.visits import call_next, call_ticket, skip_ticket
from patients.views import polling

_BADGES = {"waiting": "wait", "called": "info", "skipped": "off"}


@require_GET
@requires("patients.queue")
def queue(request: DeskRequest) -> HttpResponse:
    """The first exam room's queue."""
    room = queries.exam_rooms(request.actor.facility, timezone.localdate()).first()
    if room is None:
        raise NotFound("Cơ sở chưa có phòng khám nào")
    return redirect("queue-room", pk=room.pk)


@require_GET
@requires("patients.queue")
def room_queue(request: DeskRequest, pk: int) -> HttpResponse:
    """Who waits for a room; all rooms at the left."""
    room = queries.get_room(request.actor.facility, pk)
    rooms = queries.exam_rooms(request.actor.facility, timezone.localdate())
    return render(request, "patients/queue.html", {"rooms": rooms, **_list(request, room)})


@require_GET
@requires("patients.queue")
def room_list(request: DeskRequest, pk: int) -> HttpResponse:
    """The list again, for the page that polls it."""
    context = _list(request, queries.get_room(request.actor.facility, pk))
    return polling.answer(request, "patients/queue_list.html", context["part"], context)


@require_POST
@requires("patients.queue")
def next_number(request: DeskRequest, pk: int) -> HttpResponse:
    """Call the next number of the room (F12)."""
    room = queries.get_room(request.actor.facility, pk)
    ticket = call_next(room=room, actor=request.actor, at=timezone.now())
    if ticket is None:
        messages.info(request, f"{room.name}: không còn ai chờ")
    else:
        saved(request, f"Đang gọi số {ticket.label}: {ticket.visit.patient.full_name}")
    return redirect("queue-room", pk=pk)


@require_POST
@requires("patients.queue")
def call(request: DeskRequest, pk: int) -> HttpResponse:
    """Call one number, again or out of turn."""
    return _change(request, pk, call_ticket, "Đang gọi số")


@require_POST
@requires("patients.queue")
def skip(request: DeskRequest, pk: int) -> HttpResponse:
    """Set one number aside."""
    return _change(request, pk, skip_ticket, "Đã cho vắng số")


@require_GET
@requires("patients.queue", "patients.register")
def board(request: DeskRequest) -> HttpResponse:
    """The screen on the wall: numbers and rooms, never names."""
    return render(request, "patients/queue_board.html", _board(request))


@require_GET
@requires("patients.queue", "patients.register")
def board_numbers(request: DeskRequest) -> HttpResponse:
    """The numbers again, for the screen that polls them."""
    context = _board(request)
    return polling.answer(request, "patients/queue_board_part.html", context["part"], context)


def _change(request: DeskRequest, pk: int, service: Any, done: str) -> HttpResponse:
    ticket = queries.get_ticket(request.actor.facility, pk)
    try:
        ticket = service(ticket=ticket, actor=request.actor, at=timezone.now())
    except NotFound:
        raise
    except Refusal as refusal:
        messages.error(request, refusal.message_vi)
    else:
        saved(request, f"{done} {ticket.label}: {ticket.visit.patient.full_name}")
    return redirect("queue-room", pk=ticket.room_id)


def _list(request: HttpRequest, room: Room) -> dict[str, Any]:
    on = timezone.localdate()
    tickets = [(ticket, _BADGES[ticket.state]) for ticket in queries.waiting(room, on)]
    context: Mapping[str, Any] = {"room": room, "tickets": tickets, "on": on}
    return {"room": room, "part": polling.part(request, "patients/queue_rows.html", context)}


def _board(request: HttpRequest) -> dict[str, Any]:
    facility = request.actor.facility  # type: ignore[attr-defined]
    tickets: list[QueueTicket] = queries.called(facility, timezone.localdate())
    context = {"now": tickets[0] if tickets else None, "tickets": tickets}
    return {"part": polling.part(request, "patients/queue_board_numbers.html", context)}
