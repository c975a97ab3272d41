"""Requests and goods in transit: asked, approved, shipped, received in parts, lost on the way."""

from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from his.core.errors import PermissionRefused, Refusal
from pharmacy.models import LotBalance, StockDocument, StockRequest, Store
from pharmacy.queries import balance_differences
from pharmacy.queries_documents import in_transit, propose, request_progress
from pharmacy.services.requests import (
    AskLine,
    approve_request,
    close_request,
    refuse_request,
    send_request,
    withdraw_request,
    write_request,
)
from pharmacy.services.stock import reverse_document
from pharmacy.services.stock_checks import LotLine
from pharmacy.services.transit import arrive, lose_in_transit, ship
from tests.cast import DAY, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.scenes import scene


@scene
def place(world):
    return world.hospital


@scene
def main(world, place) -> Store:
    store = shelf.main_store(place)
    shelf.receive(
        place,
        store,
        shelf.goods(world, place),
        shelf.goods(world, place, lot="L'0", quantity=30, expires_on=DAY),
        shelf.goods(world, place, code=AMLODIPIN, lot="A1", quantity=50, unit_cost=250),
    )
    return store


@scene
def ward(place) -> Store:
    return shelf.cabinet(place)


def lots(*wanted: tuple[str, int]) -> list[LotLine]:
    return [LotLine(shelf.lot(number), Decimal(quantity), "Thử") for number, quantity in wanted]


def send(place, main, ward, *wanted, hour=8, **more) -> StockDocument:
    actor = place.actor("keeper")
    return ship(store=main, target_store=ward, lines=lots(*wanted), actor=actor, at=at(hour), **more)


def take(place, shipment, *wanted, hour=9, who="nurse") -> StockDocument:
    return arrive(shipment=shipment, lines=lots(*wanted), actor=place.actor(who), at=at(hour))


def left(place) -> dict[str, Decimal]:
    return {row.lot.number: row.left for row in in_transit(place.facility)}


def test_what_was_sent_is_in_no_store_until_it_arrives(place, main, ward):
    shipment = send(place, main, ward, ("L1", 40), ("A1", 10))
    assert (shelf.on_hand(main)["L1"], shelf.on_hand(ward)) == (60, {})
    assert left(place) == {"L1": 40, "A1": 10}
    take(place, shipment, ("L1", 25))
    assert (shelf.on_hand(ward), left(place)) == ({"L1": Decimal(25)}, {"L1": 15, "A1": 10})
    take(place, shipment, ("L1", 15), ("A1", 10), hour=10)
    assert (shelf.on_hand(ward), left(place)) == ({"L1": Decimal(40), "A1": Decimal(10)}, {})
    with pytest.raises(Refusal) as nothing:
        take(place, shipment, ("L1", 1), hour=11)
    assert nothing.value.code == "not_in_transit"


def test_only_what_was_sent_arrives_and_not_before_it_left(place, main, ward):
    shipment = send(place, main, ward, ("L1", 40))
    for wanted, code in ((("L1", 41), "more_than_sent"), (("A1", 1), "not_in_transit")):
        with pytest.raises(Refusal) as refused:
            take(place, shipment, wanted)
        assert (refused.value.code, refused.value.facts["position"]) == (code, 0)
    with pytest.raises(Refusal) as early:
        take(place, shipment, ("L1", 1), hour=7)
    assert early.value.code == "time_order"
    other = take(place, shipment, ("L1", 1))
    with pytest.raises(Refusal) as wrong:
        take(place, other, ("L1", 1), hour=10)
    assert wrong.value.code == "not_a_shipment"


def test_what_is_lost_on_the_way_is_a_loss_with_a_reason(place, main, ward):
    shipment = send(place, main, ward, ("L1", 40))
    take(place, shipment, ("L1", 37))
    lose = {"shipment": shipment, "lines": lots(("L1", 3)), "at": at(10)}
    with pytest.raises(Refusal, match="lý do"):
        lose_in_transit(**lose, reason=" ", actor=place.actor("keeper"))
    with pytest.raises(PermissionRefused):
        lose_in_transit(**lose, reason="Vỡ", actor=place.actor("nurse"))
    loss = lose_in_transit(**lose, reason="Vỡ khi vận chuyển", actor=place.actor("keeper"))
    assert (loss.kind, loss.store, loss.reason) == ("loss", ward, "Vỡ khi vận chuyển")
    assert loss.origin is not None
    assert loss.origin.origin == shipment
    assert (shelf.on_hand(ward), left(place)) == ({"L1": Decimal(37)}, {})
    assert balance_differences(place.facility) == []


def test_papers_of_a_journey_are_undone_from_its_end(place, main, ward):
    shipment = send(place, main, ward, ("L1", 40))
    arrival = take(place, shipment, ("L1", 37))
    loss = lose_in_transit(
        shipment=shipment, lines=lots(("L1", 3)), reason="Vỡ", actor=place.actor("keeper"), at=at(10)
    )

    def undo(document):
        return reverse_document(document=document, reason="Nhầm", actor=place.actor("head"), at=at(11))

    for blocked in (shipment, loss.origin):
        with pytest.raises(Refusal) as refused:
            undo(blocked)
        assert refused.value.code == "has_answer"
    for document in (loss, loss.origin, arrival):
        undo(document)
    assert left(place) == {"L1": 40}
    undone = undo(shipment)
    with pytest.raises(Refusal) as final:
        undo(undone)
    assert final.value.code == "reversal_final"
    assert "không hủy được nữa" in final.value.message_vi
    assert (shelf.on_hand(main)["L1"], left(place)) == (100, {})
    with pytest.raises(Refusal) as gone:
        take(place, shipment, ("L1", 1), hour=12)
    assert gone.value.code == "already_reversed"


def ask(world, place, main, ward, *wanted, who="nurse") -> StockRequest:
    lines = [AskLine(world.drug(place, code), Decimal(quantity)) for code, quantity in wanted]
    actor = place.actor(who)
    return write_request(store=ward, source_store=main, lines=lines, actor=actor, at=at(7))


def approved(place, request, *quantities: int) -> StockRequest:
    send_request(request=request, actor=place.actor("nurse"), at=at(7))
    by_line = dict(zip(request.lines.values_list("pk", flat=True), map(Decimal, quantities), strict=True))
    return approve_request(request=request, approved=by_line, actor=place.actor("head"), at=at(8))


def test_a_request_goes_from_the_ward_to_the_shelf_and_every_step_is_counted(world, place, main, ward):
    request = ask(world, place, main, ward, (PARACETAMOL, 60), (AMLODIPIN, 20))
    assert request.number == "PL26-000001"
    with pytest.raises(Refusal, match="không xuất được"):
        send(place, main, ward, ("L1", 1), request=request)
    request = approved(place, request, 50, 0)
    picks = propose(main, [(row.drug.code, row.to_ship) for row in request_progress(request)], DAY)
    assert [(lot.number, quantity) for lot, quantity in picks] == [("L'0", 30), ("L1", 20)], "first expired first"
    shipment = ship(
        store=main,
        target_store=ward,
        lines=[LotLine(lot, quantity) for lot, quantity in picks],
        request=request,
        actor=place.actor("keeper"),
        at=at(9),
    )
    take(place, shipment, ("L'0", 30), ("L1", 15), hour=10)
    lose_in_transit(shipment=shipment, lines=lots(("L1", 2)), reason="Vỡ", actor=place.actor("keeper"), at=at(11))
    para, amlo = request_progress(request)
    assert (para.line.asked_qty, para.approved, para.shipped) == (60, 50, 50)
    assert (para.received, para.on_the_way, para.lost, para.to_ship) == (45, 3, 2, 0)
    assert (amlo.approved, amlo.shipped) == (0, 0)
    with pytest.raises(Refusal) as on_the_way:
        close_request(request=request, actor=place.actor("keeper"), at=at(12))
    assert on_the_way.value.code == "in_transit"
    take(place, shipment, ("L1", 3), hour=12)
    assert close_request(request=request, actor=place.actor("keeper"), at=at(13)).state == "closed"


def test_no_more_is_shipped_than_was_approved_and_only_from_store_to_store_of_the_request(world, place, main, ward):
    request = approved(place, ask(world, place, main, ward, (PARACETAMOL, 60)), 50)
    for wanted, target, code in (
        ([("L1", 30), ("L'0", 21)], ward, "more_than_approved"),
        ([("A1", 1)], ward, "not_requested"),
        ([("L1", 1)], shelf.dispensary(place), "other_store"),
    ):
        with pytest.raises(Refusal) as refused:
            send(place, main, target, *wanted, request=request)
        assert refused.value.code == code
    first = send(place, main, ward, ("L1", 50), request=request)
    with pytest.raises(Refusal):
        send(place, main, ward, ("L1", 1), request=request)
    reverse_document(document=first, reason="Nhầm", actor=place.actor("head"), at=at(9))
    send(place, main, ward, ("L1", 50), request=request, hour=10)


def test_only_who_may_approve_decides_and_each_state_allows_its_steps(world, place, main, ward):
    request = ask(world, place, main, ward, (PARACETAMOL, 60))
    line = request.lines.get().pk
    with pytest.raises(Refusal) as unsent:
        approve_request(request=request, approved={line: Decimal(1)}, actor=place.actor("head"), at=at(8))
    assert unsent.value.code == "already_decided"
    send_request(request=request, actor=place.actor("nurse"), at=at(8))
    for who in ("nurse", "keeper", "pharmacist"):
        with pytest.raises(PermissionRefused):
            approve_request(request=request, approved={}, actor=place.actor(who), at=at(8))
    for quantity, code in ((61, "more_than_asked"), (-1, "bad_quantity"), (0, "nothing_approved")):
        with pytest.raises(Refusal) as refused:
            approve_request(request=request, approved={line: Decimal(quantity)}, actor=place.actor("head"), at=at(8))
        assert refused.value.code == code
    with pytest.raises(Refusal, match="lý do"):
        refuse_request(request=request, reason="", actor=place.actor("head"), at=at(8))
    done = refuse_request(request=request, reason="Hết hàng", actor=place.actor("head"), at=at(8))
    assert (done.state, done.decision_note) == ("refused", "Hết hàng")
    with pytest.raises(Refusal):
        withdraw_request(request=request, actor=place.actor("nurse"), at=at(9))


def test_a_drug_stands_once_on_a_request(world, place, main, ward):
    with pytest.raises(Refusal) as refused:
        ask(world, place, main, ward, (PARACETAMOL, 1), (PARACETAMOL, 2))
    assert (refused.value.code, refused.value.facts["position"]) == ("drug_twice", 1)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from("salu"), st.integers(1, 40)), min_size=1, max_size=12))
def test_stores_and_transit_always_hold_what_came_less_what_was_lost(world, place, main, ward, steps):
    """Ship, arrive, lose, undo in any order and quantity: nothing appears and nothing disappears."""
    with transaction.atomic():
        for step, quantity in steps:
            try:
                walk(place, main, ward, step, quantity)
            except Refusal as refusal:
                known = refusal.code in {"shortage", "more_than_sent", "not_in_transit", "has_answer"}
                if not known:
                    raise
        held = sum(row.on_hand for row in LotBalance.objects.filter(lot__number="L1"))
        on_the_way = sum(row.left for row in in_transit(place.facility))
        assert held + on_the_way + sum_of("loss") == 100
        assert balance_differences(place.facility) == []
        transaction.set_rollback(True)


def walk(place, main, ward, step, quantity) -> None:
    living = StockDocument.objects.filter(reversed_by=None).exclude(kind__in=["receipt", "reversal"]).order_by("pk")
    shipment = living.filter(kind="shipment").last()
    if step == "s":
        send(place, main, ward, ("L1", quantity), hour=12)
    elif step == "u":
        last = living.last()
        if last is not None:
            reverse_document(document=last, reason="Nhầm", actor=place.actor("head"), at=at(12))
    elif shipment is not None and step == "a":
        take(place, shipment, ("L1", quantity), hour=12)
    elif shipment is not None:
        lose_in_transit(
            shipment=shipment, lines=lots(("L1", quantity)), reason="Vỡ", actor=place.actor("keeper"), at=at(12)
        )


def sum_of(kind: str) -> Decimal:
    documents = StockDocument.objects.filter(kind=kind, reversed_by=None)
    return sum((line.quantity for d in documents for line in d.lines.filter(lot__number="L1")), Decimal(0))
