"""A stock-take beside the windows: dispensing while it is posted, two who post, two who open the same lots."""

from decimal import Decimal

import pytest

from his.core.errors import Refusal
from pharmacy.models import Dispense, StockCount, StockCountEntry, StockDocument
from pharmacy.queries import balance_differences
from tests.cast import at
from tests.pharmacy import board, shelf
from tests.pharmacy.shelf import PARACETAMOL
from tests.pharmacy.test_concurrency import at_once, give

pytestmark = pytest.mark.django_db(transaction=True)


def counted(world, place, store) -> StockCount:
    """100 of A by the book, 90 on the shelf, approved."""
    shelf.receive(place, store, shelf.goods(world, place, lot="A"))
    count = board.opened(place, store)
    board.twice(place, count, "A", 90, when=at(8, 30))
    return board.approve(place, count, at(9))


def test_dispensing_goes_on_while_a_count_is_posted(world):
    place = world.station
    store = shelf.dispensary(place)
    count = counted(world, place, store)
    prescriptions = [
        shelf.someone_prescription(world, place, name, (PARACETAMOL, 7))
        for name in ("Người Một", "Người Hai", "Người Ba")
    ]
    windows = [give(place, prescription, store) for prescription in prescriptions]
    results = at_once(lambda: board.post(place, count, at(10)), *windows)
    assert [type(result) for result in results] == [StockCount, Dispense, Dispense, Dispense]
    assert shelf.on_hand(store) == {"A": Decimal(90 - 21)}
    assert balance_differences(place.facility) == []


def test_two_who_post_and_one_who_abandons(world):
    place = world.station
    store = shelf.dispensary(place)
    count = counted(world, place, store)
    results = at_once(*[lambda: board.post(place, count, at(10))] * 3)
    codes = sorted(getattr(result, "code", "done") for result in results)
    assert codes == ["already_posted", "already_posted", "done"]
    assert StockDocument.objects.filter(kind="count_down").count() == 1
    assert shelf.on_hand(store) == {"A": Decimal(90)}


def test_two_who_open_a_count_of_the_same_lots(world):
    place = world.station
    store = shelf.dispensary(place)
    shelf.receive(place, store, shelf.goods(world, place, lot="A"), shelf.goods(world, place, lot="B"))
    results = at_once(*[lambda: board.opened(place, store)] * 2)
    assert sorted(getattr(result, "code", "open") for result in results) == ["already_counting", "open"]
    assert StockCount.objects.count() == 1


def test_several_counters_write_at_once(world):
    place = world.station
    store = shelf.dispensary(place)
    lots = [f"L{i}" for i in range(6)]
    shelf.receive(place, store, *(shelf.goods(world, place, lot=lot) for lot in lots))
    count = board.opened(place, store)

    def all_of(who: int):
        return lambda: [board.seen(place, count, lot, 100, when=at(9), who=who) for lot in lots]

    results = at_once(all_of(0), all_of(1))
    assert not any(isinstance(result, Refusal) for result in results)
    assert StockCountEntry.objects.count() == 12
