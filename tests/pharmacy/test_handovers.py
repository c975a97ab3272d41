"""A ward cabinet is handed over: counted by two, differences noted, stock untouched."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from his.core.errors import Refusal
from pharmacy.models import CabinetHandover, StockDocument, Store
from pharmacy.services.handovers import Counted, hand_over_cabinet
from pharmacy.services.stores import create_store
from tests.cast import at
from tests.pharmacy import shelf
from tests.scenes import scene


@scene
def place(world):
    return world.hospital


@scene
def ward(world, place) -> Store:
    store = shelf.cabinet(place)
    shelf.receive(place, store, shelf.goods(world, place), shelf.goods(world, place, lot="L'2", quantity=7))
    return store


def hand_over(place, store, *counted, to="doctor", **more) -> CabinetHandover:
    lines = [Counted(shelf.lot(number), Decimal(quantity), note) for number, quantity, note in counted]
    actor = place.actor("nurse")
    return hand_over_cabinet(store=store, taken_by=place.users[to], counted=lines, actor=actor, at=at(14), **more)


def test_a_count_is_kept_beside_the_book_and_changes_no_stock(place, ward):
    done = hand_over(place, ward, ("L1", 98, "Thiếu 2, đã báo"), ("L'2", 7, ""))
    rows = {line.lot.number: (line.book_qty, line.counted_qty, line.difference) for line in done.lines.all()}
    assert rows == {"L1": (100, 98, -2), "L'2": (7, 7, 0)}
    assert shelf.on_hand(ward) == {"L1": Decimal(100), "L'2": Decimal(7)}
    assert StockDocument.objects.count() == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        CabinetHandover.objects.update(note="khác")


@pytest.mark.parametrize(
    ("counted", "more", "field"),
    [
        ([("L1", 99, ""), ("L'2", 7, "")], {}, "note"),
        ([("L1", 100, "")], {}, "lines"),
        ([("L1", -1, "x"), ("L'2", 7, "")], {}, "counted"),
        ([("L1", 100, ""), ("L'2", 7, "")], {"to": "nurse"}, "taken_by"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(place, ward, counted, more, field):
    with pytest.raises(Refusal) as refused:
        hand_over(place, ward, *counted, **more)
    assert refused.value.field == field
    assert not CabinetHandover.objects.exists()


def test_only_a_cabinet_is_handed_over_to_somebody_of_the_facility(world, place, ward):
    with pytest.raises(Refusal, match="không phải tủ trực"):
        hand_over(place, shelf.main_store(place))
    stranger = {"taken_by": world.station.users["nurse"], "counted": [], "actor": place.actor("nurse"), "at": at(14)}
    with pytest.raises(Refusal) as refused:
        hand_over_cabinet(store=ward, **stranger)
    assert refused.value.code == "not_member"


def test_a_cabinet_belongs_to_a_department(place):
    with pytest.raises(Refusal) as refused:
        create_store(code="T1", name="Tủ trực", kind="cabinet", actor=place.actor("pharmacist"))
    assert refused.value.field == "department"
    with pytest.raises(DatabaseError), transaction.atomic():
        Store.objects.create(facility=place.facility, code="T1", name="Tủ", kind="cabinet")
