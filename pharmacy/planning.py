"""Knowing ahead: what will run out, what will expire unused, what to buy. Pure: no database, no clock.

Quantities are in units of the item, consumption is a month's average (AMC, mức dùng bình quân tháng). Where nothing was
used, or nothing is known yet, months of stock are unknown (None), never zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

ZERO = Decimal(0)
MONTH_DAYS: Final = Decimal("30.4375")
EXPIRY_STEPS: Final = (30, 90, 180)
"""Near expiry is said in steps of 1, 3 and 6 months, in days."""
EXPIRY_BADGES: Final = {-1: "stop", 30: "stop", 90: "warn", 180: "info"}
"""How urgent a step is, as the kinds of badges."""
EXPIRY_WORDS: Final = {-1: "Hết hạn", 30: "Dưới 1 tháng", 90: "Dưới 3 tháng", 180: "Dưới 6 tháng"}
LOOK_BACK_MONTHS: Final = 3
LEAD_MONTHS: Final = Decimal(1)
SAFETY_MONTHS: Final = Decimal(1)
OVER_MONTHS: Final = Decimal(6)
PRICE_GAP: Final = Decimal("0.10")
"""A lot bought for a tenth more or less than the list says is told."""


@dataclass(frozen=True, slots=True)
class LotLeft:
    """What is left of one lot, good or not."""

    lot_id: int
    quantity: Decimal
    expires_on: date
    is_blocked: bool = False

    def usable(self, on: date) -> Decimal:
        """What may still be used on the day."""
        return ZERO if self.is_blocked or self.expires_on < on else self.quantity


@dataclass(frozen=True, slots=True)
class Position:
    """One item on a day: its lots, what a month uses (None: not known yet), and the limits the facility set."""

    lots: tuple[LotLeft, ...]
    monthly: Decimal | None
    min_stock: Decimal | None = None
    max_stock: Decimal | None = None

    @property
    def on_hand(self) -> Decimal:
        return sum((lot.quantity for lot in self.lots), ZERO)

    def usable(self, on: date) -> Decimal:
        return sum((lot.usable(on) for lot in self.lots), ZERO)

    def months_left(self, on: date) -> Decimal | None:
        """How many months the usable stock lasts; None when nothing is used or known."""
        return (self.usable(on) / self.monthly).quantize(Decimal("0.1")) if self.monthly else None


def is_low(position: Position, on: date, *, lead: Decimal = LEAD_MONTHS, safety: Decimal = SAFETY_MONTHS) -> bool:
    """Below the set minimum, or, without one, below what lead time and safety need. Nothing used is never low."""
    if position.min_stock is not None:
        return position.usable(on) < position.min_stock
    return bool(position.monthly) and position.usable(on) < (position.monthly or ZERO) * (lead + safety)


def is_over(position: Position, on: date, *, months: Decimal = OVER_MONTHS) -> bool:
    """Above the set maximum, or, without one, more than so many months use; stock that nobody used is over too."""
    usable = position.usable(on)
    if position.max_stock is not None:
        return usable > position.max_stock
    return position.monthly is not None and usable > position.monthly * months


def left_over(position: Position, on: date) -> dict[int, Decimal]:
    """What of each usable lot will still be there when it expires, when the average goes on, earliest expiry first.

    Without a known average nothing is foretold: the answer is empty.
    """
    if position.monthly is None:
        return {}
    found, used, a_day = {}, ZERO, position.monthly / MONTH_DAYS
    for lot in sorted(position.lots, key=lambda lot: (lot.expires_on, lot.lot_id)):
        if not (usable := lot.usable(on)):
            continue
        days = (lot.expires_on - on).days + 1  # a lot may be issued until the end of its day
        taken = min(usable, max(a_day * days - used, ZERO))
        used += taken
        if rest := (usable - taken).to_integral_value():
            found[lot.lot_id] = rest
    return found


def will_last(position: Position, on: date) -> Decimal:
    """The usable stock less what will expire unused."""
    return position.usable(on) - sum(left_over(position, on).values(), ZERO)


def proposal(
    position: Position, on: date, *, months: Decimal, safety: Decimal = SAFETY_MONTHS, coming: Decimal = ZERO
) -> Decimal:
    """What to buy for so many months: average x (months + safety) - what will last - what is coming, whole units up.

    At least up to the set minimum, never above the set maximum.
    """
    wanted = (position.monthly or ZERO) * (months + safety)
    if position.min_stock is not None:
        wanted = max(wanted, position.min_stock)
    if position.max_stock is not None:
        wanted = min(wanted, position.max_stock)
    lacking = wanted - will_last(position, on) - coming
    return max(lacking, ZERO).to_integral_value(rounding=ROUND_CEILING)


def look_back_from(on: date, months: int = LOOK_BACK_MONTHS) -> date:
    """The first day of the so many whole months before the month of the day, over which use is averaged."""
    count = on.year * 12 + on.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def counted_from(began: date, handed: date | None, on: date, months: int = LOOK_BACK_MONTHS) -> date:
    """The first day of the months over which use is averaged, at most so many before the month of the day.

    A month counts when the ledger, begun on the day `began`, had all of its days, and not before the month in which
    something was first handed out (`handed`): what was only stocked until then was used up outside the ledger. The
    month of the day itself, and so no month, when nothing counts yet.
    """
    if handed is None:
        return on.replace(day=1)
    whole = began if began.day == 1 else (began.replace(day=1) + timedelta(days=31)).replace(day=1)
    return max(look_back_from(on, months), whole, handed.replace(day=1))


def whole_months(first: date, on: date) -> int:
    """How many whole months there are from the month of the first day to before the month of the day."""
    return max(0, (on.year - first.year) * 12 + on.month - first.month)


def expiry_step(expires_on: date, on: date, steps: Sequence[int] = EXPIRY_STEPS) -> int | None:
    """The shortest step of days within which it expires; -1 when it has expired; None beyond all steps."""
    days = (expires_on - on).days
    return -1 if days < 0 else next((step for step in steps if days <= step), None)


def price_gap(bought: Decimal, listed: Decimal, most: Decimal = PRICE_GAP) -> Decimal | None:
    """How much dearer (plus) or cheaper a unit was bought than the list says, as a part of it; None within `most`."""
    if listed <= 0 or bought == listed:
        return None
    gap = (bought - listed) / listed
    return gap.quantize(Decimal("0.001")) if abs(gap) > most else None
