"""The clock at the dispensing window: where something later is written, the user looks once and goes on.

Who confirmed that the clock is right is not asked again in the session about what was written up to then, until the
clock is set back once more.
"""

from datetime import datetime

from django.http import HttpRequest

from his.core.dates import local
from pharmacy.services.stock_checks import CLOCK_TOLERANCE, LONG_AGO, DeskClock

NAME = "confirm_clock"
"""The box of the forms; its value is the instant up to which the user looked."""
_KEY = "clock_confirmed"


def desk_clock(request: HttpRequest, at: datetime) -> DeskClock:
    """The clock as the desk knows it: with what was confirmed now, or before in the session."""
    known = request.session.get(_KEY) or {}
    before = _read(known.get("until"))
    if before != LONG_AGO and at + CLOCK_TOLERANCE < _read(known.get("at")):  # set back again
        before = LONG_AGO
    return DeskClock(max(before, _read(request.POST.get(NAME))))


def keep_clock(request: HttpRequest, at: datetime) -> None:
    """Remember in the session what was confirmed with a form that was then carried out."""
    if _read(request.POST.get(NAME)) != LONG_AGO:
        request.session[_KEY] = {"until": desk_clock(request, at).confirmed_until.isoformat(), "at": at.isoformat()}


def _read(text: str | None) -> datetime:
    try:
        read = datetime.fromisoformat(text or "")
        return local(read) if read.tzinfo is not None else LONG_AGO
    except (ValueError, OverflowError):
        return LONG_AGO
