"""Visits that a benchmark opened are ended when it is over, so that the desks of the facility are as before.

One that was killed leaves its visits; they are known by the reason of coming (`MARK`), and the next one ends them.
"""

from collections.abc import Callable
from uuid import uuid4

from django.utils import timezone

from his.accounts.actor import Actor
from his.core.money import ZERO
from insurance.billing import ledger
from insurance.billing.cash import collect
from insurance.billing.closing import close_visit
from insurance.billing.drawers import close_session, open_session
from insurance.billing.queries import NOT_DISPENSED, blockers
from patients.models import Visit
from patients.services.visits import cancel_visit

MARK = "Đo máy: nhiều máy cùng làm việc kho"
WHY = "Kết thúc lượt đo máy"


def left_behind(actor: Actor) -> list[Visit]:
    """Marked visits that are not over, oldest first: open, not closed, or closed and not paid."""
    rows = Visit.objects.for_facility(actor.facility).filter(reason=MARK).exclude(state=Visit.State.CANCELLED)
    return [row for row in rows.order_by("pk") if row.state != Visit.State.CLOSED or ledger.amount_due(row) > 0]


def clear(actor: Actor, say: Callable[[str], None]) -> None:
    """End every marked visit through the services of the desks: cancelled before the doctor began; else closed, drugs
    that were not handed out declined, and paid by card, which leaves the drawer empty. `actor` is the system at an
    invented facility."""
    found = left_behind(actor)
    for visit in found:
        _end(visit, actor)
    _pay([row for row in found if row.state == Visit.State.CLOSED], actor)
    if found:
        say(f"  đã kết thúc {len(found)} lượt khám của lần đo")


def _end(visit: Visit, actor: Actor) -> None:
    now = timezone.now()
    if visit.state != Visit.State.CLOSED and not visit.exams.exists():
        cancel_visit(visit=visit, reason=WHY, actor=actor, at=now)
    elif visit.state != Visit.State.CLOSED:
        waits = any(one.code == NOT_DISPENSED for one in blockers(visit))
        close_visit(visit=visit, actor=actor, at=now, drugs_declined_reason=WHY if waits else "", extra_told=True)
    visit.refresh_from_db()


def _pay(visits: list[Visit], actor: Actor) -> None:
    """What is due, in a drawer of the system, which is closed at the end."""
    due = {visit.pk: ledger.amount_due(visit) for visit in visits}
    session = ledger.open_session_of(actor.facility, actor.user.pk)
    if session is None:
        if not any(amount > 0 for amount in due.values()):
            return
        session = open_session(opening_float=ZERO, actor=actor, at=timezone.now())
    for visit in visits:
        if due[visit.pk] > 0:
            how = {"actor": actor, "at": timezone.now(), "idempotency_key": uuid4().hex}
            collect(visit=visit, amount=due[visit.pk], method="card", bank_reference="", **how)  # type: ignore[arg-type]
    close_session(session=session, denominations={}, note=WHY, actor=actor, at=timezone.now())
