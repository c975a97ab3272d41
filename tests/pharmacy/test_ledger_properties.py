"""Any sequence of documents, undone in the opposite order, leaves the balances it found; whatever happens to the
stock that is kept for prescriptions, no unit is promised twice."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from his.core.errors import Refusal
from pharmacy.models import Dispense, LotBalance, StockDocument
from pharmacy.queries import balance_differences, held_reservations
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.reservations import release_lapsed
from pharmacy.services.stock import LotLine, record_loss, reverse_document, transfer
from tests.cast import DAY, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import PARACETAMOL
from tests.scenes import scene

step = st.tuples(
    st.sampled_from(["receive", "transfer", "back", "loss", "undo"]),
    st.integers(0, 2),
    st.decimals(min_value="0.001", max_value=120, places=3),
)


@scene
def stores(world):
    place = world.hospital
    main, store = shelf.main_store(place), shelf.dispensary(place)
    shelf.receive(place, main, *(shelf.goods(world, place, lot=f"L{i}") for i in range(3)))
    shelf.receive(place, store, *(shelf.goods(world, place, lot=f"L{i}", quantity=10) for i in range(3)))
    return place, main, store


def balances() -> dict[tuple[int, int], Decimal]:
    return {(row.store_id, row.lot_id): row.on_hand for row in LotBalance.objects.all() if row.on_hand}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, min_size=1, max_size=8))
def test_documents_and_reversals_return_to_the_same_balances(world, stores, steps):
    with transaction.atomic():
        place, main, store = stores
        actor, now = place.actor("pharmacist"), at(8)
        before, done = balances(), []
        for kind, which, quantity in steps:
            now += timedelta(minutes=1)
            line = [LotLine(lot=shelf.lot(f"L{which}"), quantity=quantity, lot_reason="Thử")]
            try:
                if kind == "receive":
                    goods = shelf.goods(world, place, lot=f"L{which}", quantity=str(quantity))
                    done.append(shelf.receive(place, store, goods, when=now))
                elif kind == "transfer":
                    done.append(transfer(store=main, target_store=store, lines=line, actor=actor, at=now))
                elif kind == "back":
                    done.append(transfer(store=store, target_store=main, lines=line, actor=actor, at=now))
                elif kind == "loss":
                    done.append(record_loss(store=store, lines=line, reason="Hỏng", actor=actor, at=now))
                elif done:
                    reverse_document(document=done[-1], reason="Nhầm", actor=actor, at=now)
                    done.pop()
            except Refusal as refusal:
                if refusal.code != "shortage":
                    raise
            assert all(quantity > 0 for quantity in balances().values())
            assert balance_differences(place.facility) == []
        for document in reversed(done):
            now += timedelta(minutes=1)
            reverse_document(document=document, reason="Trả lại như cũ", actor=actor, at=now)
        assert balances() == before
        assert not StockDocument.objects.filter(kind="reversal", reverses__kind="reversal").exists()
        transaction.set_rollback(True)


act = st.tuples(
    st.sampled_from(["give", "give", "undo", "lose", "receive", "lapse", "move"]),
    st.integers(0, 2),
    st.decimals(min_value="0.5", max_value=30, places=1),
)


@scene
def prescriptions(world, stores):
    names = ("Lý Thị Một", "Đào Văn Hai", "Trịnh Thị Ba")
    return [shelf.someone_prescription(world, stores[0], name, (PARACETAMOL, 20)) for name in names]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(act, min_size=1, max_size=8))
def test_what_is_kept_is_there_whatever_happens(world, stores, prescriptions, acts):
    """Losses take kept stock last and end as many reservations; whoever still holds all can be served in full."""
    with transaction.atomic():
        place, _, store = stores
        now = at(10)
        for kind, which, quantity in acts:
            now += timedelta(minutes=1)
            try:
                happens(world, stores, kind, f"L{which}", prescriptions[which], quantity, now)
            except Refusal as refusal:
                if refusal.code not in {"shortage", "already_dispensed"}:
                    raise
            assert balance_differences(place.facility) == []
            assert not LotBalance.objects.filter(reserved__gt=F("on_hand")).exists()
        for prescription in prescriptions:
            if sum(held_reservations(prescription).values_list("quantity", flat=True)) == 20:
                dispense(prescription=prescription, store=store, actor=place.actor("pharmacist"), at=now)
                assert not held_reservations(prescription).exists()
        transaction.set_rollback(True)


def happens(world, stores, kind, lot, prescription, quantity, now) -> None:
    place, main, store = stores
    actor, line = place.actor("pharmacist"), [LotLine(lot=shelf.lot(lot), quantity=quantity, lot_reason="Thử")]
    if kind == "give":
        dispense(prescription=prescription, store=store, actor=actor, at=now)
    elif kind == "undo":
        for done in Dispense.objects.filter(prescription=prescription, is_reversed=False):
            reverse_dispense(dispense=done, reason="Nhầm", actor=actor, at=now)
    elif kind == "lose":
        record_loss(store=store, lines=line, reason="Vỡ", actor=actor, at=now)
    elif kind == "move":
        transfer(store=store, target_store=main, lines=line, actor=actor, at=now)
    elif kind == "receive":
        shelf.receive(place, store, shelf.goods(world, place, lot=lot, quantity=str(quantity)), when=now)
    else:
        release_lapsed(actor=actor, at=now + timedelta(days=6))


def test_an_apostrophe_a_clock_set_back_and_a_reversal_of_a_reversal(world, stores):
    place, _, store = stores
    actor, number = place.actor("pharmacist"), "L'1\"; --%s"
    shelf.receive(place, store, shelf.goods(world, place, lot=number))
    line = [LotLine(lot=shelf.lot(number), quantity=Decimal(40))]
    loss = record_loss(store=store, lines=line, reason="Vỡ", actor=actor, at=at(9))
    assert shelf.on_hand(store)[number] == 60
    with pytest.raises(Refusal) as early:
        reverse_document(document=loss, reason="Nhầm", actor=actor, at=at(8, 59))
    undone = reverse_document(document=loss, reason="Nhầm", actor=actor, at=at(9))
    with pytest.raises(Refusal) as twice:
        reverse_document(document=undone, reason="Nhầm", actor=actor, at=at(10))
    # A document of the day before, entered late, is in the ledger like any other.
    record_loss(store=store, lines=line, reason="Vỡ", actor=actor, at=at(9, day=DAY - timedelta(days=1)))
    assert (early.value.code, twice.value.code) == ("time_order", "reversal_final")
    assert shelf.on_hand(store)[number] == 60
    assert balance_differences(place.facility) == []
