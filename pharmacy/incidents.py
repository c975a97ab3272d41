"""Reports of lost or mixed-up drugs under special control: which rows they have, when they are due. Pure.

TT 18/2026/TT-BYT: within 48 hours from when the loss or mix-up was noticed, on the form of annex XI.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from his.ui.text import decimal_text

DUE_WITHIN = timedelta(hours=48)
"""From noticing a loss to having reported it (TT 18/2026/TT-BYT, annex XI)."""

SOON = timedelta(hours=12)
"""With so little time left the desk warns in red."""

_MINUTE = 60


@dataclass(frozen=True, slots=True)
class RowText:
    """What a person writes beside one drug: why it is missing, what was done, a remark."""

    cause: str
    measure: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long there is until a report is due; `kind` is that of the badge that shows it."""

    due_at: datetime
    text: str
    kind: str

    @property
    def is_over(self) -> bool:
        return self.kind == "stop"


def deadline(found_at: datetime, at: datetime) -> Deadline:
    """The deadline of what was noticed at `found_at`, seen from `at`: still open, soon, or over."""
    due_at = found_at + DUE_WITHIN
    left = due_at - at
    if left < timedelta(0):
        return Deadline(due_at, f"quá hạn {_hours(-left)}", "stop")
    return Deadline(due_at, f"còn {_hours(left)}", "warn" if left <= SOON else "wait")


def was_late(found_at: datetime, sent_at: datetime) -> bool:
    """Whether a report went out after its deadline."""
    return sent_at > found_at + DUE_WITHIN


def missing(row: Mapping[str, str]) -> str:
    """The name of the first cell that a report cannot do without and that is empty, else nothing."""
    return next((name for name in ("cause", "measure") if not row[name]), "")


def readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored row with its quantity as people write it."""
    return {**row, "quantity": decimal_text(Decimal(row["quantity"]))}


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // _MINUTE
    hours, rest = divmod(minutes, _MINUTE)
    return f"{hours} giờ {rest} phút" if hours else f"{rest} phút"
