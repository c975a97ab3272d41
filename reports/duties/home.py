"""What the first page says of the reports that are late or due soon."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from his.accounts.actor import Actor
from reports.duties.states import to_do

AHEAD = timedelta(days=14)
SHOWN = 8


def waiting(actor: Actor, today: date) -> Mapping[str, Any] | None:
    """The first duties that are late or due within two weeks; None when there is none."""
    rows = to_do(actor, today, AHEAD)
    if not rows:
        return None
    late = sum(1 for row in rows if row.standing == "late")
    return {"tasks": rows[:SHOWN], "more": max(0, len(rows) - SHOWN), "late": late}
