"""Loading one facility's month: stock, drawers, and every planned visit step by step in the order of time."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby

from django.db import connection

from his.accounts.actor import Actor
from his.accounts.models import Room
from his.core.dates import vn_datetime
from his.core.money import ZERO
from his.demo.health import keep_register
from his.demo.menu import read_menu
from his.demo.places import HOSPITAL, STATION, Place
from his.demo.plan import MonthPlan, VisitPlan, plan_month
from his.demo.registers import keep_registers
from his.demo.stock import add_others, open_stores
from his.demo.stocktake import count_store
from his.demo.story import Desk, tell
from his.demo.wards import keep_ward
from his.demo.watch import watch
from his.service import audit_facts, service
from insurance.billing.drawers import DENOMINATIONS, close_day, close_session, open_session, receive_drawer
from insurance.billing.ledger import expected_cash
from insurance.models import CashSession
from insurance.rules.desk import remembering

MONTH = date(2026, 10, 1)
VISITS = {STATION: 300, HOSPITAL: 1200}
FLOAT = Decimal(500_000)
_DOCTORS = {
    STATION: {"PK1": "doctor"},
    HOSPITAL: {"PK1": "doctor", "PK2": "doctor2", "PK3": "doctor3", "PK4": "doctor4", "PK5": "doctor5"},
}
_IMAGING = {STATION: "technician", HOSPITAL: "technician2"}
_OPENS, _CLOSES = time(6, 45), time(18, 30)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded, and which names of the profiles the catalogue does not have, by kind."""

    facility_code: str
    visits: int
    missing: dict[str, list[str]]


def load_facility(
    place: Place, *, visits: int, month: date = MONTH, progress: Callable[[date], None] | None = None
) -> Loaded:
    """Load the month of one facility through the services of its desks.

    The facility has its rooms, accounts and catalogue and nothing else. The same catalogue and number give the same
    month, to the minute and the đồng.
    """
    menu = read_menu(place.facility, month)
    rooms = {room.code: room for room in place.rooms.values() if room.kind == Room.Kind.EXAM and room.exam_service_code}
    plan = plan_month(menu, month, visits=visits, rooms={code: room.name for code, room in sorted(rooms.items())})
    _hurry()
    actors = {role: place.actor(role) for role in place.users}
    store = open_stores(actors, demand=plan.demand(), drugs=plan.drugs(), month=month)
    others = add_others(store, {code: plan.drugs()[code] for code in plan.demand()}, month, actors["pharmacist"])
    desk = Desk(
        actors=actors,
        doctors={room: actors[role] for room, role in _DOCTORS[place.facility.code].items()},
        rooms=rooms,
        imaging=actors[_IMAGING[place.facility.code]],
        store=store,
        others=others,
    )
    with remembering(timedelta(days=31)):  # nobody changes a catalogue while the month is told
        _run(desk, plan, progress)
    lain = keep_ward(place, month) if place.facility.code == HOSPITAL else None
    watched = watch(place, store, month) if place.facility.code == HOSPITAL else None
    keep_register(place, month)
    if place.facility.code == STATION:
        count_store(store, place, month)
    keep_registers(place, month)
    told = len(plan.visits) + (lain is not None) + (watched is not None)
    return Loaded(place.facility.code, told, {kind: sorted(names) for kind, names in menu.missing.items()})


def _hurry() -> None:
    """Settings of this session for many small transactions: no wait for the disk, joins planned as they are written.

    After a crash of the machine the demonstration is loaded again, so nothing that matters can be lost.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET join_collapse_limit = 1")


def _run(desk: Desk, plan: MonthPlan, progress: Callable[[date], None] | None) -> None:
    for day, visits in groupby(plan.visits, key=lambda visit: visit.arrived_at.date()):
        load_day(day=day, desk=desk, visits=list(visits), actor=desk.actors["admin"])
        if progress is not None:
            progress(day)


@service(action="demo.load_day", permission="accounts.manage")
def load_day(*, day: date, desk: Desk, visits: list[VisitPlan], actor: Actor) -> None:
    """Let the desks of a facility work through one day in one transaction: each step by its own account and service.

    Afterwards the visits are closed, the drawer is counted and handed over, the day is closed and every step has its
    audit entry.
    """
    cashier = desk.actors["cashier"]
    session = open_session(opening_float=FLOAT, actor=cashier, at=vn_datetime(day, _OPENS))
    last = _run_day(desk, visits)
    evening = max(last, vn_datetime(day, _CLOSES))
    session = _count(session, cashier, evening)
    treasurer = desk.actors.get("accountant", desk.actors["manager"])
    counted = session.counted_amount or ZERO
    receive_drawer(session=session, amount=counted, actor=treasurer, at=evening + timedelta(minutes=10))
    close_day(day=day, actor=treasurer, at=evening + timedelta(minutes=15))
    audit_facts(day=day, visits=len(visits))


def _run_day(desk: Desk, visits: list[VisitPlan]) -> datetime:
    """Tell all stories of a day side by side; the next step is always the earliest. Answers the last instant."""
    waiting: list[tuple[datetime, int, Iterator[datetime]]] = []
    for number, visit in enumerate(visits):
        story = tell(desk, visit)
        heapq.heappush(waiting, (next(story), number, story))
    last = visits[0].arrived_at
    while waiting:
        last, number, story = waiting[0]
        following = next(story, None)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (following, number, story))
    return last


def _count(session: CashSession, cashier: Actor, at: datetime) -> CashSession:
    """Count the drawer: the notes that its amount takes, and a note about coins that do not exist."""
    left = int(expected_cash(session))
    notes: dict[int, int] = {}
    for face in DENOMINATIONS:
        notes[face], left = divmod(left, face)
    return close_session(
        session=session,
        denominations={face: count for face, count in notes.items() if count},
        note=f"Lẻ {left} đ không có mệnh giá" if left else "",
        actor=cashier,
        at=at,
    )
