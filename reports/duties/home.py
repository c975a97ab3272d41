"""What the first page says of the reports that are late or due soon, and of the clocks of duties in hours."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from his.accounts.actor import Actor
from his.core.dates import local
from reports.duties.events import event_tasks
from reports.duties.states import to_do

AHEAD = timedelta(days=14)
SHOWN = 8


def waiting(actor: Actor, at: datetime) -> Mapping[str, Any] | None:
    """The first duties that are late or due within two weeks, and those in hours whose clocks run; None when there is
    none. Who signs reports sees the clocks of everybody, others those of their own duties."""
    rows = to_do(actor, local(at).date(), AHEAD)
    events = [row for row in event_tasks(actor, at) if row.waiting and (row.is_mine or actor.may("reports.sign"))]
    if not rows and not events:
        return None
    late = sum(1 for row in rows if row.standing == "late") + sum(row.late for row in events)
    return {"events": events, "tasks": rows[:SHOWN], "more": max(0, len(rows) - SHOWN), "late": late}
