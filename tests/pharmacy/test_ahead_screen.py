"""The lists that know ahead, over a small past: figures from the ledger, each row opening what it counts."""

from datetime import date, timedelta
from decimal import Decimal

from django.test import Client
from django.urls import reverse

from his.catalogs.models import Drug
from pharmacy import queries_planning as ahead
from pharmacy.models import Store
from pharmacy.queries_flow import consumption
from pharmacy.services.dispensing import dispense
from pharmacy.services.stock import LotLine, transfer
from pharmacy.views.ahead import KINDS
from tests.cast import DAY, World, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.scenes import scene

ON = date(2026, 11, 10)


@scene
def used(world: World) -> Store:
    """In September 60 came of paracetamol, in October 20 were used; amlodipin lies in the store and nobody used it."""
    place = world.hospital
    main, store = shelf.main_store(place), shelf.dispensary(place)
    soon = shelf.goods(world, place, lot="GAN", quantity=60, expires_on=date(2026, 11, 30), unit_cost=200)
    long = shelf.goods(world, place, code=AMLODIPIN, lot="LAU", quantity=9, unit_cost=250)
    shelf.receive(place, main, soon, long, when=at(6, day=date(2026, 9, 30)))
    pharmacist = place.actor("pharmacist")
    line = [LotLine(shelf.lot("GAN"), Decimal(30))]
    transfer(store=main, target_store=store, lines=line, actor=pharmacist, at=at(7))
    dispense(prescription=shelf.lan_prescription(world, place), store=store, actor=pharmacist, at=at(10))
    Drug.objects.for_facility(place.facility).filter(code=PARACETAMOL).update(
        bid_info="1/QĐ;G1;N1;2026", bid_quantity=50, max_stock=None, min_stock=None
    )
    return store


def test_the_average_rests_on_whole_months_only(world: World, used: Store) -> None:
    facility = world.hospital.facility
    assert ahead.look_back(facility, DAY).months == 0
    assert [item.position.monthly for item in ahead.items(facility, DAY)] == [None, None]
    looked = ahead.look_back(facility, ON)
    assert (looked.first, looked.last, looked.months) == (date(2026, 10, 1), date(2026, 10, 31), 1)
    by_code = {item.drug.code: item.position for item in ahead.items(facility, ON)}
    assert (by_code[PARACETAMOL].monthly, by_code[PARACETAMOL].on_hand) == (20, 40), "both stores together"
    assert by_code[AMLODIPIN].monthly == 0
    (one,) = ahead.items(facility, ON, {PARACETAMOL}, looked)
    assert one.position == by_code[PARACETAMOL], "asked alone it says the same"
    assert consumption(facility, looked.first, looked.last, codes={AMLODIPIN}) == {}


def test_what_expires_says_what_will_be_left(world: World, used: Store) -> None:
    (row,) = ahead.expiring(world.hospital.facility, ON)
    assert (row.lot.number, row.quantity, row.days, row.value) == ("GAN", 40, 20, 8000)
    assert row.surplus == 26, "21 days use 13.8 of 40"
    (unknown,) = ahead.expiring(world.hospital.facility, DAY)
    assert unknown.surplus is None


def test_the_desk_shows_by_store_what_will_be_left_in_all(
    world: World, used: Store, client: Client, time_machine
) -> None:
    time_machine.move_to(at(9, day=ON), tick=False)
    client.force_login(world.hospital.users["pharmacist"])
    page = client.get(reverse("stock"))
    lines = page.context["lines"]
    assert [(line["row"].on_hand, line["monthly"], line["surplus"]) for line in lines] == [(30, 20, 26), (10, 20, 26)]
    assert {(line["step"], line["badge"]) for line in lines} == {("Dưới 1 tháng", "stop")}
    time_machine.move_to(at(12, day=DAY), tick=False)
    assert {(line["monthly"], line["surplus"]) for line in client.get(reverse("stock")).context["lines"]} == {
        (None, None)
    }


def test_a_bid_knows_what_is_left_of_it(world: World, used: Store) -> None:
    found = {row.drug.code: row for row in ahead.bids(world.hospital.facility, ON)}
    bid = found[PARACETAMOL]
    assert (bid.won, bid.taken, bid.left, bid.part_taken) == (50, 60, -10, 120)


def test_a_price_that_is_not_that_of_the_list(world: World, used: Store) -> None:
    (row,) = ahead.price_gaps(world.hospital.facility, ON)
    assert (row.lot.number, row.listed, row.gap) == ("GAN", 180, Decimal("0.111"))


def test_every_list_opens_and_its_rows_lead_on(world: World, used: Store, client: Client, time_machine) -> None:
    time_machine.move_to(at(9, day=ON), tick=False)
    client.force_login(world.hospital.users["pharmacist"])
    Drug.objects.for_facility(world.hospital.facility).filter(code=PARACETAMOL).update(min_stock=41)
    said = {
        "low": "Paracetamol 500mg",
        "over": "Amlodipin 5mg",
        "bids": "Vượt",
        "prices": "11,1 %",
        "proposal": "66",
    }
    assert said.keys() == KINDS.keys()
    for what, text in said.items():
        page = client.get(reverse("stock-ahead", args=[what])).content.decode()
        assert text in page, what
        if what in {"low", "over", "proposal"}:
            assert "/card/" in page
    assert client.get(reverse("stock-ahead", args=["khac"])).status_code == 404
    client.force_login(world.hospital.users["reception"])
    assert client.get(reverse("stock-ahead", args=["low"])).status_code == 403


def test_their_stock_is_not_in_our_lists(world: World, used: Store, client: Client, time_machine) -> None:
    time_machine.move_to(at(9, day=ON + timedelta(days=1)), tick=False)
    client.force_login(world.station.users["pharmacist"])
    for what in KINDS:
        assert "GAN" not in client.get(reverse("stock-ahead", args=[what])).content.decode()
