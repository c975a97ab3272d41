"""Any sequence of documents, undone in the opposite order, leaves the balances it found."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from his.core.errors import Refusal
from pharmacy.models import LotBalance, StockDocument
from pharmacy.queries import balance_differences
from pharmacy.services.stock import LotLine, record_loss, reverse_document, transfer
from tests.cast import at
from tests.pharmacy import shelf

step = st.tuples(
    st.sampled_from(["receive", "transfer", "back", "loss", "undo"]),
    st.integers(0, 2),
    st.decimals(min_value="0.001", max_value=120, places=3),
)


@pytest.fixture
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
            line = [LotLine(lot=shelf.lot(f"L{which}"), quantity=quantity)]
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
