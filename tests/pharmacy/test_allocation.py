"""FEFO: never more than is usable, never expired or blocked, earliest expiry first, exact."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pharmacy.allocation import LotStock, Wanted, allocate, out_of_turn

ON = date(2026, 10, 6)


def stock(lot_id: int, quantity: str, days: int = 100, **kwargs) -> LotStock:
    return LotStock(lot_id, kwargs.pop("item", "A"), ON + timedelta(days=days), Decimal(quantity), **kwargs)


def picked(allocation) -> list[tuple[int, str]]:
    return [(pick.lot_id, str(pick.quantity)) for pick in allocation.picks]


def test_takes_the_earliest_expiry_first_and_then_the_earliest_receipt():
    lots = [stock(3, "10", 50), stock(2, "10", 50), stock(1, "10", 90)]
    assert picked(allocate([Wanted(1, "A", Decimal(25))], lots, ON)) == [(2, "10"), (3, "10"), (1, "5")]


def test_exactly_all_that_is_left_is_enough():
    allocation = allocate([Wanted(1, "A", Decimal("7.5"))], [stock(1, "5", 1), stock(2, "2.5", 2)], ON)
    assert allocation.is_complete
    assert picked(allocation) == [(1, "5"), (2, "2.5")]


def test_a_lot_is_usable_until_the_end_of_its_last_day():
    lots = [stock(1, "10", 0), stock(2, "10", -1)]
    allocation = allocate([Wanted(1, "A", Decimal(15))], lots, ON)
    assert picked(allocation) == [(1, "10")]
    assert [(short.wanted, short.left) for short in allocation.shortages] == [(Decimal(15), Decimal(10))]


def test_blocked_and_reserved_stock_is_not_taken():
    lots = [stock(1, "10", is_blocked=True), stock(2, "10", reserved=Decimal(4))]
    assert picked(allocate([Wanted(1, "A", Decimal(6))], lots, ON)) == [(2, "6")]


def test_lines_of_one_drug_share_what_there_is():
    wanted = [Wanted(1, "A", Decimal(8)), Wanted(2, "A", Decimal(8)), Wanted(3, "B", Decimal(1))]
    allocation = allocate(wanted, [stock(1, "10")], ON)
    assert [(short.key, short.left) for short in allocation.shortages] == [(2, Decimal(2)), (3, Decimal(0))]


def test_what_is_kept_for_who_asks_is_taken_first():
    early = stock(1, "10", 5, reserved=Decimal(2))
    late = stock(2, "10", 9, reserved=Decimal(7), own=Decimal(6))
    assert picked(allocate([Wanted(1, "A", Decimal(8))], [early, late], ON)) == [(2, "6"), (1, "2")]
    assert picked(allocate([Wanted(1, "A", Decimal(17))], [early, late], ON)) == [(2, "9"), (1, "8")]


def test_what_is_kept_in_a_lot_that_may_not_go_is_replaced():
    gone = [
        stock(1, "10", -1, reserved=Decimal(6), own=Decimal(6)),
        stock(2, "10", reserved=Decimal(6), own=Decimal(6), is_blocked=True),
        stock(3, "10", reserved=Decimal(6), own=Decimal(6), is_kept_well=False),
    ]
    assert picked(allocate([Wanted(1, "A", Decimal(6))], [*gone, stock(4, "10")], ON)) == [(4, "6")]


def test_a_line_with_a_tender_takes_no_lots_of_another_one():
    lots = [stock(1, "10", 5, tender="QĐ1"), stock(2, "3", 9, tender="QĐ2"), stock(3, "2", 11)]
    allocation = allocate([Wanted(1, "A", Decimal(8), "QĐ2"), Wanted(2, "A", Decimal(4))], lots, ON)
    assert [(pick.key, pick.lot_id, str(pick.quantity)) for pick in allocation.picks] == [
        (1, 2, "3"),
        (1, 3, "2"),
        (2, 1, "4"),
    ]
    (short,) = allocation.shortages
    assert (short.key, short.left, short.other_tender) == (1, Decimal(5), Decimal(10))


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_a_quantity_that_is_not_above_zero_is_a_defect_of_the_caller(quantity):
    with pytest.raises(ValueError):
        allocate([Wanted(1, "A", Decimal(quantity))], [], ON)


amounts = st.decimals(min_value=0, max_value=50, places=3)
lots_of_any_kind = st.lists(
    st.builds(
        lambda lot_id, item, days, on_hand, share, own, blocked, kept_well: LotStock(
            lot_id,
            item,
            ON + timedelta(days=days),
            on_hand,
            (on_hand * share / 4).quantize(Decimal("0.001")),
            blocked,
            own=(on_hand * min(own, share) / 4).quantize(Decimal("0.001")),
            is_kept_well=kept_well,
        ),
        st.integers(1, 10_000),
        st.sampled_from("AB"),
        st.integers(-5, 5),
        amounts,
        st.integers(0, 4),
        st.integers(0, 4),
        st.booleans(),
        st.sampled_from([True, True, False]),
    ),
    max_size=12,
    unique_by=lambda lot: lot.lot_id,
)
lines = st.lists(
    st.tuples(st.sampled_from("AB"), st.decimals(min_value="0.001", max_value=80, places=3)), min_size=1, max_size=4
)


@given(lots=lots_of_any_kind, wanted=lines)
def test_properties(lots: list[LotStock], wanted: list[tuple[str, Decimal]]):
    asked = [Wanted(key, item, quantity) for key, (item, quantity) in enumerate(wanted)]
    allocation = allocate(asked, lots, ON)
    by_id = {lot.lot_id: lot for lot in lots}
    taken: dict[int, Decimal] = {}
    for pick in allocation.picks:
        lot = by_id[pick.lot_id]
        assert pick.quantity > 0
        assert lot.expires_on >= ON
        assert not lot.is_blocked
        assert lot.is_kept_well
        assert lot.item == asked[pick.key].item
        taken[pick.lot_id] = taken.get(pick.lot_id, Decimal(0)) + pick.quantity
    assert all(quantity <= by_id[lot_id].usable(ON) for lot_id, quantity in taken.items())
    for item in "AB":
        usable = [lot for lot in lots if lot.item == item and lot.usable(ON) > 0]
        total_asked = sum((line.quantity for line in asked if line.item == item), Decimal(0))
        total_taken = sum((taken.get(lot.lot_id, Decimal(0)) for lot in usable), Decimal(0))
        # Exact: all that was asked, or all that there is; nothing in between.
        assert total_taken == min(total_asked, sum((lot.usable(ON) for lot in usable), Decimal(0)))
        # Nothing beyond what is kept is touched before all that is kept is used up; of each, FEFO: a later lot is
        # touched only when every earlier one is used up.
        in_order = sorted(usable, key=lambda lot: (lot.expires_on, lot.lot_id))
        beyond = {lot.lot_id: taken.get(lot.lot_id, Decimal(0)) - min(lot.own, lot.usable(ON)) for lot in in_order}
        if any(quantity > 0 for quantity in beyond.values()):
            assert all(quantity >= 0 for quantity in beyond.values())
        for earlier, later in pairwise(in_order):
            if beyond[later.lot_id] > 0:
                assert taken.get(earlier.lot_id, Decimal(0)) == earlier.usable(ON)
            elif later.own > 0 and later.lot_id in taken:
                assert beyond[earlier.lot_id] >= 0
    for line in asked:
        got = sum((pick.quantity for pick in allocation.picks if pick.key == line.key), Decimal(0))
        short = next((short for short in allocation.shortages if short.key == line.key), None)
        assert got == (short.left if short else line.quantity)


def test_a_lot_is_out_of_turn_while_one_before_it_holds_some():
    lots = [stock(1, "10", 5), stock(2, "10", 9), stock(3, "10", 9), stock(4, "10", 2, item="B")]
    assert out_of_turn({3: Decimal(1)}, lots, ON) == {3: 1}
    assert out_of_turn({1: Decimal(9), 2: Decimal(1)}, lots, ON) == {2: 1}
    assert out_of_turn({1: Decimal(10), 3: Decimal(1)}, lots, ON) == {3: 2}, "received later"
    assert out_of_turn({1: Decimal(10), 2: Decimal(10), 3: Decimal(1)}, lots, ON) == {}
    gone = [
        stock(1, "10", -1),
        stock(2, "10", is_blocked=True),
        stock(3, "4", 1, reserved=Decimal(4)),
        stock(4, "1", 9),
    ]
    assert out_of_turn({4: Decimal(1)}, gone, ON) == {}, "what may not go has no turn"


@given(lots=lots_of_any_kind, wanted=lines, data=st.data())
def test_what_is_allocated_is_never_out_of_turn_and_leaving_some_of_an_earlier_lot_always_is(lots, wanted, data):
    free = [replace(lot, own=Decimal(0)) for lot in lots]
    asked = [Wanted(key, item, quantity) for key, (item, quantity) in enumerate(wanted)]
    taken: dict[int, Decimal] = {}
    for pick in allocate(asked, free, ON).picks:
        taken[pick.lot_id] = taken.get(pick.lot_id, Decimal(0)) + pick.quantity
    assert out_of_turn(taken, free, ON) == {}
    by_turn = [lot for lot in sorted(free, key=lambda lot: (lot.expires_on, lot.lot_id)) if lot.usable(ON) > 0]
    pairs = [(a, b) for a, b in combinations(by_turn, 2) if a.item == b.item and b.lot_id in taken]
    if pairs:
        first, later = data.draw(st.sampled_from(pairs))
        less = {**taken, first.lot_id: taken[first.lot_id] - Decimal("0.001")}
        assert later.lot_id in out_of_turn(less, free, ON)
