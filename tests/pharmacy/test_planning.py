"""What will run out, what will expire unused, what to buy: worked cases and properties."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pharmacy.planning import (
    MONTH_DAYS,
    LotLeft,
    Position,
    counted_from,
    expiry_step,
    is_low,
    is_over,
    left_over,
    price_gap,
    proposal,
    will_last,
)

ON = date(2026, 11, 1)


def lot(number: int, quantity: int | str, days: int, *, is_blocked: bool = False) -> LotLeft:
    return LotLeft(number, Decimal(quantity), ON + timedelta(days=days), is_blocked)


def position(
    *lots: LotLeft, monthly: int | str | None = 30, low: int | None = None, high: int | None = None
) -> Position:
    limits = [None if limit is None else Decimal(limit) for limit in (low, high)]
    return Position(lots, None if monthly is None else Decimal(monthly), *limits)


def test_only_good_stock_counts() -> None:
    held = position(lot(1, 100, 400), lot(2, 40, -1), lot(3, 60, 400, is_blocked=True))
    assert (held.on_hand, held.usable(ON), held.months_left(ON)) == (200, 100, Decimal("3.3"))


def test_a_lot_may_be_used_on_its_last_day() -> None:
    assert position(lot(1, 5, 0)).usable(ON) == 5
    assert position(lot(1, 5, -1)).usable(ON) == 0


@pytest.mark.parametrize(
    ("held", "low", "over"),
    [
        (position(lot(1, 59, 400)), True, False),  # a month's lead and a month's safety need 60
        (position(lot(1, 60, 400)), False, False),
        (position(lot(1, 181, 400)), False, True),  # six months use 180
        (position(lot(1, 59, 400), low=20), False, False),  # the set minimum stands
        (position(lot(1, 19, 400), low=20, high=100), True, False),
        (position(lot(1, 101, 400), low=20, high=100), False, True),
        (position(lot(1, 1, 400), monthly=0), False, True),  # nobody used it
        (position(monthly=0), False, False),
        (position(lot(1, 1000, 400), monthly=None), False, False),  # nothing is known yet
        (position(lot(1, 500, -3)), True, False),  # expired stock hides no stock-out
    ],
)
def test_low_and_over(held: Position, low: bool, over: bool) -> None:
    assert (is_low(held, ON), is_over(held, ON)) == (low, over)


def test_what_expires_unused_is_foretold_first_expiry_first() -> None:
    # 30 a month; the first lot may be used for 31 days (30.55 of it), the second until day 92 (90.67 in all).
    held = position(lot(1, 50, 30), lot(2, 100, 91), lot(3, 10, 800))
    assert left_over(held, ON) == {1: 19, 2: 40}
    assert will_last(held, ON) == 160 - 59


def test_nothing_is_foretold_without_an_average() -> None:
    assert left_over(position(lot(1, 50, 30), monthly=None), ON) == {}
    assert left_over(position(lot(1, 50, 30), monthly=0), ON) == {1: 50}


def test_what_to_buy() -> None:
    assert proposal(position(lot(1, 50, 900)), ON, months=Decimal(3)) == 70
    assert proposal(position(lot(1, 50, 900)), ON, months=Decimal(3), coming=Decimal(60)) == 10
    assert proposal(position(lot(1, 500, 900)), ON, months=Decimal(3)) == 0
    assert proposal(position(lot(1, 500, 900), monthly=None), ON, months=Decimal(3)) == 0
    assert proposal(position(lot(1, "0.5", 900), monthly="10.1"), ON, months=Decimal(3)) == 40, "whole units up"
    assert proposal(position(low=200), ON, months=Decimal(3)) == 200
    assert proposal(position(high=90), ON, months=Decimal(3)) == 90
    assert proposal(position(lot(1, 120, 0)), ON, months=Decimal(3)) == 119, "all but one expires tonight"


def test_steps_of_expiry() -> None:
    found = [expiry_step(ON + timedelta(days=days), ON) for days in (-1, 0, 30, 31, 90, 91, 180, 181)]
    assert found == [-1, 30, 30, 90, 90, 180, 180, None]


def test_price_gaps() -> None:
    assert price_gap(Decimal(100), Decimal(100)) is None
    assert price_gap(Decimal(110), Decimal(100)) is None
    assert price_gap(Decimal(111), Decimal(100)) == Decimal("0.110")
    assert price_gap(Decimal(101), Decimal(100), Decimal(0)) == Decimal("0.010")
    assert price_gap(Decimal(10), Decimal(0)) is None, "no price is listed"


lots = st.lists(st.tuples(st.integers(0, 500), st.integers(-60, 900), st.booleans()), max_size=6)


@given(lots, st.integers(0, 300), st.integers(0, 6))
def test_properties(parts: list[tuple[int, int, bool]], monthly: int, months: int) -> None:
    held = position(*(lot(i, q, d, is_blocked=b) for i, (q, d, b) in enumerate(parts)), monthly=monthly)
    rest = left_over(held, ON)
    by_id = {part.lot_id: part for part in held.lots}
    assert all(0 < left <= by_id[at].usable(ON) for at, left in rest.items())
    assert 0 <= will_last(held, ON) <= held.usable(ON) <= held.on_hand
    wanted = proposal(held, ON, months=Decimal(months))
    assert wanted >= 0
    assert wanted == wanted.to_integral_value()
    assert will_last(held, ON) + wanted >= Decimal(monthly) * (months + 1)
    for part in held.lots:
        if part.usable(ON) and part.lot_id not in rest:
            days = (part.expires_on - ON).days + 1
            assert part.usable(ON) < Decimal(monthly) / MONTH_DAYS * days + 1, "more is left than could be used"


@pytest.mark.parametrize(
    ("began", "handed", "first"),
    [
        (date(2026, 1, 15), date(2026, 1, 15), date(2026, 8, 1)),
        (date(2026, 10, 1), date(2026, 10, 3), date(2026, 10, 1)),
        (date(2026, 9, 30), date(2026, 10, 6), date(2026, 10, 1)),
        (date(2026, 10, 2), date(2026, 10, 6), date(2026, 11, 1)),
        (date(2026, 8, 4), date(2026, 10, 1), date(2026, 10, 1)),
        (date(2026, 8, 4), None, date(2026, 11, 1)),
        (date(2025, 12, 31), date(2026, 11, 2), date(2026, 11, 1)),
    ],
)
def test_a_month_counts_when_the_ledger_had_all_of_it_and_something_was_handed_out(
    began: date, handed: date | None, first: date
) -> None:
    assert counted_from(began, handed, date(2026, 11, 10)) == first


def test_a_ledger_begun_on_the_last_day_of_a_long_month_counts_from_the_next() -> None:
    assert counted_from(date(2026, 1, 31), date(2026, 1, 31), date(2026, 3, 1)) == date(2026, 2, 1)
    assert counted_from(date(2026, 12, 31), date(2026, 12, 31), date(2027, 2, 1)) == date(2027, 1, 1)
