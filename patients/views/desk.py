"""What the doctor's and the technician's screens share: the clock, the room, the queue."""

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from his.access import DeskRequest
from his.accounts.models import Room
from his.core.codes import row_id
from his.core.dates import local
from his.core.errors import Refusal
from patients.models import Exam, QueueTicket, Visit
from patients.queries import exam_rooms, get_room
from patients.queries_clinical import sent_back, tickets_of_room
from patients.services.exams import start_exam

ROOM_KEY = "exam_room"


def sent(request: HttpRequest) -> dict[str, str]:
    """What a form sent, without the NUL characters that no field can hold."""
    return {name: value.replace("\x00", "") for name, value in request.POST.dict().items() if isinstance(value, str)}


def now() -> datetime:
    """The instant of the request; the only clock of these screens."""
    return timezone.now()


def today() -> date:
    """The Vietnamese day of the request."""
    return local(now()).date()


def desk_room(request: DeskRequest) -> tuple[Room | None, list[Room]]:
    """The room where this doctor works, and all exam rooms with their number of waiting people.

    The session remembers it; else a room of the doctor's department, else the first.
    """
    rooms = list(exam_rooms(request.actor.facility, today()))
    wanted = request.session.get(ROOM_KEY)
    staff = request.actor.staff
    own = [room for room in rooms if staff is not None and room.department_id == staff.department_id]
    room = next((room for room in rooms if room.pk == wanted), None) or next(iter(own or rooms), None)
    return room, rooms


def choose_room(request: HttpRequest, raw: str) -> None:
    """Work in another exam room of the facility from now on."""
    request.session[ROOM_KEY] = get_room(request.actor.facility, row_id(raw)).pk  # type: ignore[attr-defined]


def begin_exam(request: DeskRequest, visit: Visit) -> Exam:
    """The open exam of the visit, begun in its room when there is none.

    A visit that was sent on is begun by a desk of the room where it waits, so that sending twice starts nothing.
    """
    if visit.state == Visit.State.OPEN and visit.exams.exists():
        room, _ = desk_room(request)
        if room is None or room.pk != visit.room_id:
            message = f"Người bệnh đã chuyển sang {visit.room.name}; chọn phòng đó để khám tiếp"
            raise Refusal("already_sent_on", message)
    return start_exam(visit=visit, actor=request.actor, at=now())


def queue_context(request: DeskRequest, visit: Visit | None = None) -> dict[str, Any]:
    """The numbers of the doctor's room today: those being served and waiting, then the last that are done."""
    room, rooms = desk_room(request)
    tickets = tickets_of_room(room, today()) if room is not None else []
    done = [ticket for ticket in tickets if ticket.state == QueueTicket.State.DONE]
    returned = sent_back(room, today()) if room is not None else []
    open_ones = [ticket for ticket in tickets if ticket.state != QueueTicket.State.DONE]
    return {
        "room": room,
        "rooms": rooms,
        "tickets": open_ones,
        "done": sorted(done, key=lambda ticket: ticket.done_at or ticket.issued_at, reverse=True)[:12],
        "done_count": len(done),
        "sent_back": returned,
        "current_visit_id": visit.pk if visit is not None else None,
        "queue_version": "-".join(
            [*(f"{ticket.pk}{ticket.state}" for ticket in tickets), *(f"r{row.pk}" for row in returned)]
        ),
    }
