"""Goods in, transfers, losses, blocked lots, reversals: and the ledger that all of them go through."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from his.core.errors import NotFound, PermissionRefused, Refusal
from pharmacy.models import Lot, LotBalance, StockDocument
from pharmacy.queries import balance_differences, expiring_lots, stock_by_drug, stock_card, usable_stock
from pharmacy.services.lots import block_lot, release_lot
from pharmacy.services.stock import (
    LotLine,
    receive_goods,
    record_loss,
    reverse_document,
    transfer,
)
from pharmacy.services.stores import create_store
from tests.cast import DAY, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL


def reverse(place, document, reason="Nhập nhầm", hour=12):
    return reverse_document(document=document, reason=reason, actor=place.actor("pharmacist"), at=at(hour))


def lines(*wanted: tuple[str, str]) -> list[LotLine]:
    return [LotLine(lot=shelf.lot(number), quantity=Decimal(quantity)) for number, quantity in wanted]


def test_a_lot_number_is_stored_exactly_as_it_is_printed(world):
    place, store = world.station, shelf.dispensary(world.station)
    number = "L'01 <b>&\"%s"
    shelf.receive(place, store, shelf.goods(world, place, lot=number))
    shelf.receive(place, store, shelf.goods(world, place, lot=number, quantity=5))
    assert shelf.on_hand(store) == {number: Decimal(105)}
    assert Lot.objects.get().number == number


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": -5}, "quantity"),
        ({"quantity": "0.0001"}, "quantity"),
        ({"quantity": "99999999999"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"unit_cost": -1}, "unit_cost"),
        ({"lot": "  "}, "lot_number"),
        ({"lot": "x" * 101}, "lot_number"),
        ({"expires_on": DAY - timedelta(days=1)}, "expires_on"),
    ],
)
def test_a_bad_line_is_refused_beside_its_field_and_nothing_is_stored(world, change, field):
    place, store = world.station, shelf.dispensary(world.station)
    with pytest.raises(Refusal) as refused:
        shelf.receive(place, store, shelf.goods(world, place), shelf.goods(world, place, **{"lot": "L2", **change}))
    assert (refused.value.field, refused.value.facts["position"]) == (field, 1)
    assert not StockDocument.objects.exists()
    assert not Lot.objects.exists()


def test_a_document_without_lines_is_refused(world):
    place, store = world.station, shelf.dispensary(world.station)
    with pytest.raises(Refusal) as refused:
        shelf.receive(place, store)
    assert refused.value.code == "no_lines"


@pytest.mark.parametrize(
    ("change", "field"),
    [({"unit_cost": 1500}, "unit_cost"), ({"unit_cost": 15}, "unit_cost"), ({"quantity": 1000}, "quantity")],
)
def test_ten_times_the_last_receipt_is_asked_about_first(world, change, field):
    place, store = world.station, shelf.dispensary(world.station)
    actor = place.actor("pharmacist")
    shelf.receive(place, store, shelf.goods(world, place))
    odd = [shelf.goods(world, place, lot="L2", **change)]
    with pytest.raises(Refusal) as asked:
        receive_goods(store=store, lines=odd, actor=actor, at=at(7))
    assert asked.value.code == "unusual_receipt"
    assert [warning.field for warning in asked.value.facts["warnings"]] == [field]
    receive_goods(store=store, lines=odd, actor=actor, at=at(7), confirm_unusual=True)
    assert "L2" in shelf.on_hand(store)


def test_an_ordinary_receipt_is_not_asked_about(world):
    place, store = world.station, shelf.dispensary(world.station)
    actor = place.actor("pharmacist")
    for change in ({}, {"quantity": 999}, {"quantity": 1, "unit_cost": 1400}, {"quantity": 9}):
        line = shelf.goods(world, place, lot=f"L{change}", **change)
        receive_goods(store=store, lines=[line], actor=actor, at=at(7))


def test_the_first_receipt_is_compared_with_the_list_price(world):
    place, store = world.station, shelf.dispensary(world.station)
    with pytest.raises(Refusal) as asked:
        receive_goods(
            store=store,
            lines=[shelf.goods(world, place, unit_cost=18000)],
            actor=place.actor("pharmacist"),
            at=at(7),
        )
    assert "giá danh mục (180 đ)" in asked.value.message_vi


def test_a_drug_in_two_lots_counts_as_one_receipt(world):
    """30 of one lot and 970 of another came last; 400 in one lot are nothing odd, ten times 1000 in two lots are."""
    place, store = world.station, shelf.dispensary(world.station)
    actor = place.actor("pharmacist")
    shelf.receive(
        place, store, shelf.goods(world, place, quantity=970), shelf.goods(world, place, lot="L2", quantity=30)
    )
    usual = shelf.goods(world, place, lot="L3", quantity=999)
    receive_goods(store=store, lines=[usual], actor=actor, at=at(7))
    odd = [shelf.goods(world, place, lot=f"M{number}", quantity=4995) for number in (1, 2)]
    with pytest.raises(Refusal) as asked:
        receive_goods(store=store, lines=odd, actor=actor, at=at(7))
    assert [(one.position, one.field) for one in asked.value.facts["warnings"]] == [(0, "quantity"), (1, "quantity")]
    wrong = receive_goods(store=store, lines=odd, actor=actor, at=at(7), confirm_unusual=True)
    reverse_document(document=wrong, reason="Nhầm", actor=actor, at=at(8))
    with pytest.raises(Refusal):
        receive_goods(store=store, lines=odd, actor=actor, at=at(9))


def test_after_goods_that_cost_nothing_the_list_price_is_compared(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place, unit_cost=0))
    with pytest.raises(Refusal) as asked:
        receive_goods(
            store=store,
            lines=[shelf.goods(world, place, lot="L2", unit_cost=18000)],
            actor=place.actor("pharmacist"),
            at=at(7),
        )
    assert "giá danh mục (180 đ)" in asked.value.message_vi


def test_one_lot_has_one_price(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    with pytest.raises(Refusal) as refused:
        shelf.receive(place, store, shelf.goods(world, place, unit_cost=160))
    assert (refused.value.code, refused.value.field) == ("lot_price_differs", "unit_cost")
    assert shelf.on_hand(store) == {"L1": Decimal(100)}


def test_a_transfer_moves_between_stores_and_its_reversal_moves_back(world):
    place, main, store = world.hospital, shelf.main_store(world.hospital), shelf.dispensary(world.hospital)
    actor = place.actor("pharmacist")
    shelf.receive(place, main, shelf.goods(world, place))
    document = transfer(store=main, target_store=store, lines=lines(("L1", "40")), actor=actor, at=at(8))
    assert (shelf.on_hand(main), shelf.on_hand(store)) == ({"L1": Decimal(60)}, {"L1": Decimal(40)})
    record_loss(store=store, lines=lines(("L1", "1")), reason="Vỡ", actor=actor, at=at(9))
    with pytest.raises(Refusal) as refused:
        reverse(place, document)
    assert refused.value.code == "shortage"
    assert "chỉ còn 39" in refused.value.message_vi
    assert (shelf.on_hand(main), shelf.on_hand(store)) == ({"L1": Decimal(60)}, {"L1": Decimal(39)})
    transfer(store=main, target_store=store, lines=lines(("L1", "1")), actor=actor, at=at(10))
    reverse(place, document)
    assert (shelf.on_hand(main), shelf.on_hand(store)) == ({"L1": Decimal(99)}, {"L1": Decimal(0)})
    assert balance_differences(place.facility) == []


def test_a_reversal_is_final_and_happens_once(world):
    place, store = world.station, shelf.dispensary(world.station)
    document = shelf.receive(place, store, shelf.goods(world, place))
    undone = reverse(place, document)
    assert shelf.on_hand(store) == {"L1": Decimal(0)}
    for wrong, code in ((document, "already_reversed"), (undone, "reversal_final")):
        with pytest.raises(Refusal) as refused:
            reverse(place, wrong)
        assert refused.value.code == code


def test_a_reversal_needs_a_reason_and_comes_after_its_document(world):
    place, store = world.station, shelf.dispensary(world.station)
    document = shelf.receive(place, store, shelf.goods(world, place), when=at(8))
    with pytest.raises(Refusal) as unexplained:
        reverse(place, document, reason="")
    with pytest.raises(Refusal) as early:
        reverse(place, document, hour=7)
    assert (unexplained.value.field, early.value.code) == ("reason", "time_order")


def test_more_than_there_is_cannot_leave(world):
    place, store = world.station, shelf.dispensary(world.station)
    actor = place.actor("pharmacist")
    shelf.receive(place, store, shelf.goods(world, place))
    with pytest.raises(Refusal) as refused:
        record_loss(store=store, lines=lines(("L1", "60"), ("L1", "41")), reason="Hỏng", actor=actor, at=at(8))
    assert (refused.value.code, refused.value.facts["left"]) == ("shortage", Decimal(100))
    assert not StockDocument.objects.filter(kind="loss").exists()


def test_a_lot_that_a_store_never_held_cannot_leave_it(world):
    place, main, store = world.hospital, shelf.main_store(world.hospital), shelf.dispensary(world.hospital)
    shelf.receive(place, main, shelf.goods(world, place))
    with pytest.raises(Refusal) as refused:
        record_loss(store=store, lines=lines(("L1", "1")), reason="Hỏng", actor=place.actor("pharmacist"), at=at(8))
    assert (refused.value.code, refused.value.facts["left"]) == ("shortage", 0)


def test_reserved_stock_stays(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    LotBalance.objects.update(reserved=Decimal(30))
    drug = world.drug(place, PARACETAMOL)
    assert usable_stock(place.facility, [drug.pk], DAY) == {drug.pk: Decimal(70)}
    with pytest.raises(Refusal, match="chỉ còn 70"):
        record_loss(store=store, lines=lines(("L1", "71")), reason="Hỏng", actor=place.actor("pharmacist"), at=at(8))


def test_numbers_run_without_gaps_for_each_kind(world):
    place, store = world.station, shelf.dispensary(world.station)
    first = shelf.receive(place, store, shelf.goods(world, place))
    with pytest.raises(Refusal):
        shelf.receive(place, store, shelf.goods(world, place, unit_cost=1))
    second = shelf.receive(place, store, shelf.goods(world, place))
    assert (first.number, second.number) == ("PN26-000001", "PN26-000002")


def test_usable_stock_counts_only_stores_that_hand_out_and_lots_that_may_go(world):
    place, main, store = world.hospital, shelf.main_store(world.hospital), shelf.dispensary(world.hospital)
    drug, other = world.drug(place, PARACETAMOL), world.drug(place, AMLODIPIN)
    shelf.receive(place, main, shelf.goods(world, place, quantity=500))
    shelf.receive(
        place,
        store,
        shelf.goods(world, place, lot="L2", quantity=30),
        shelf.goods(world, place, lot="L3", quantity=7, expires_on=DAY),
        shelf.goods(world, place, lot="L4", quantity=9),
    )
    block_lot(lot=shelf.lot("L4"), reason="Thu hồi", actor=place.actor("pharmacist"), at=at(7))
    assert usable_stock(place.facility, [drug.pk, other.pk], DAY) == {drug.pk: Decimal(37)}
    assert usable_stock(place.facility, [drug.pk], DAY + timedelta(days=1)) == {drug.pk: Decimal(30)}
    release_lot(lot=shelf.lot("L4"), reason="Kết luận đạt", actor=place.actor("pharmacist"), at=at(8))
    assert usable_stock(place.facility, [drug.pk], DAY) == {drug.pk: Decimal(46)}


def test_a_commune_station_hands_out_from_its_main_store_too(world):
    place = world.station
    shelf.receive(place, shelf.main_store(place), shelf.goods(world, place))
    drug = world.drug(place, PARACETAMOL)
    assert usable_stock(place.facility, [drug.pk], DAY) == {drug.pk: Decimal(100)}
    assert usable_stock(world.hospital.facility, [drug.pk], DAY) == {}


def test_stock_stays_with_the_drug_when_the_price_list_changes(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    old = world.drug(place, PARACETAMOL)
    old.valid_to = date(2026, 9, 30)
    old.save()
    new = type(old).objects.get(pk=old.pk)
    new.pk, new.valid_from, new.valid_to, new.name, new.price = None, date(2026, 10, 1), None, "Tên mới 500mg", 190
    new.save()
    assert usable_stock(place.facility, [old.pk, new.pk], DAY) == {old.pk: Decimal(100), new.pk: Decimal(100)}
    assert [(row.name, row.usable) for row in stock_by_drug(place.facility, DAY)] == [
        ("Paracetamol 500mg", Decimal(100))
    ]


def test_the_stock_card_runs_from_opening_to_closing(world):
    place, store = world.station, shelf.dispensary(world.station)
    actor = place.actor("pharmacist")
    shelf.receive(place, store, shelf.goods(world, place), when=at(8, day=date(2026, 9, 30)))
    record_loss(store=store, lines=lines(("L1", "3")), reason="Vỡ", actor=actor, at=at(9))
    wrong = shelf.receive(place, store, shelf.goods(world, place, lot="L2", quantity=50), when=at(10))
    reverse(place, wrong)
    card = stock_card(world.drug(place, PARACETAMOL), date(2026, 10, 1), date(2026, 10, 31), store=store)
    assert (card.opening, card.incoming, card.outgoing, card.closing) == (100, 50, 53, 97)
    assert [line.left for line in card.lines] == [97, 147, 97]


def test_expiring_lots_come_first_expired_first(world):
    place, store = world.station, shelf.dispensary(world.station)
    early = at(6, day=DAY - timedelta(days=30))
    for number, days in (("XA", 400), ("GẦN", 20), ("HẾT", -1)):
        shelf.receive(
            place, store, shelf.goods(world, place, lot=number, expires_on=DAY + timedelta(days=days)), when=early
        )
    rows = expiring_lots(place.facility, DAY, within_days=90)
    assert [row.lot.number for row in rows] == ["HẾT", "GẦN"]


@pytest.mark.parametrize("role", ["doctor", "reception", "cashier", "nurse"])
def test_only_the_pharmacist_changes_stock(world, role):
    place, store = world.hospital, shelf.dispensary(world.hospital)
    document = shelf.receive(place, store, shelf.goods(world, place))
    actor = place.actor(role)
    with pytest.raises(PermissionRefused):
        receive_goods(store=store, lines=[shelf.goods(world, place)], actor=actor, at=at(7))
    with pytest.raises(PermissionRefused):
        reverse_document(document=document, reason="Thử", actor=actor, at=at(7))
    with pytest.raises(PermissionRefused):
        create_store(code="X", name="X", kind="main", actor=actor)


def test_another_facility_touches_nothing(world):
    here, there = world.station, world.hospital
    store, other_store = shelf.dispensary(here), shelf.dispensary(there)
    document = shelf.receive(here, store, shelf.goods(world, here))
    stranger = there.actor("pharmacist")
    foreign = shelf.goods(world, here)
    attempts = [
        lambda: receive_goods(store=store, lines=[shelf.goods(world, there)], actor=stranger, at=at(7)),
        lambda: receive_goods(store=other_store, lines=[foreign], actor=stranger, at=at(7)),
        lambda: reverse_document(document=document, reason="Thử", actor=stranger, at=at(7)),
        lambda: block_lot(lot=shelf.lot("L1"), reason="Thử", actor=stranger, at=at(7)),
        lambda: record_loss(store=other_store, lines=lines(("L1", "1")), reason="Thử", actor=stranger, at=at(7)),
        lambda: transfer(store=other_store, target_store=store, lines=lines(("L1", "1")), actor=stranger, at=at(7)),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    assert shelf.on_hand(store) == {"L1": Decimal(100)}


def test_a_store_code_is_used_once(world):
    place = world.station
    shelf.dispensary(place)
    for change in ({"code": "CP"}, {"code": ""}, {"kind": "cellar"}, {"name": "x" * 101}):
        with pytest.raises(Refusal):
            create_store(**{"code": "K9", "name": "Kho", "kind": "main", **change}, actor=place.actor("pharmacist"))
