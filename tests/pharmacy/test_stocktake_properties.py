"""Whatever moves while it is counted: once posted, a lot has what was counted plus what moved since, and no more."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from his.core.errors import Refusal
from pharmacy.models import StockCountEntry, StockMovement
from pharmacy.queries import balance_differences
from pharmacy.queries_stocktake import counted_lines
from pharmacy.services.stock import LotLine, record_loss, transfer
from tests.cast import at
from tests.pharmacy import board, shelf
from tests.scenes import scene

LOTS = ("L0", "L1", "L2")
amount = st.decimals(min_value=0, max_value=40, places=3)
step = st.one_of(
    st.tuples(st.sampled_from(["loss", "in", "away"]), st.integers(0, 2), amount.filter(lambda x: x > 0)),
    st.tuples(st.just("count"), st.integers(0, 2), amount, st.integers(0, 1), st.sampled_from([0, 0, "0.5"])),
)


@scene
def stores(world):
    place = world.hospital
    main, store = shelf.main_store(place), shelf.dispensary(place)
    shelf.receive(place, main, *(shelf.goods(world, place, lot=lot) for lot in LOTS))
    shelf.receive(place, store, *(shelf.goods(world, place, lot=lot, quantity=30) for lot in LOTS))
    return place, main, store


def move(place, main, store, kind: str, lot: str, quantity: Decimal, when: datetime) -> None:
    line, actor = [LotLine(lot=shelf.lot(lot), quantity=quantity, lot_reason="Thử")], place.actor("pharmacist")
    try:
        if kind == "loss":
            record_loss(store=store, lines=line, reason="Thử", actor=actor, at=when)
        elif kind == "in":
            transfer(store=main, target_store=store, lines=line, actor=actor, at=when)
        else:
            transfer(store=store, target_store=main, lines=line, actor=actor, at=when)
    except Refusal as refusal:
        if refusal.code != "shortage":
            raise


def settle(place, count, now: datetime) -> datetime:
    """The last counts that a board makes: what nobody counted, and again where it differs."""
    for _ in range(3):
        for one in counted_lines(count):
            now += timedelta(seconds=20)
            if not one.verdict.is_settled:
                counted = one.counted if one.counted is not None else Decimal(25)
                board.seen(place, count, one.line.lot.number, str(counted), when=now, round_no=one.verdict.round)
    for one in counted_lines(count):
        if one.needs_reason:
            board.because(place, count, one.line.lot.number)
    return now


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(step, max_size=8), after=st.lists(step, max_size=4))
def test_after_posting_there_is_what_was_counted_plus_what_moved_since(stores, before, after):
    with transaction.atomic():
        place, main, store = stores
        count = board.opened(place, store)
        now = at(8)
        for kind, which, quantity, *more in before:
            now += timedelta(minutes=1)
            if kind == "count":
                who, damaged = more
                board.seen(place, count, LOTS[which], str(quantity), damaged=damaged, when=now, who=who)
            else:
                move(place, main, store, kind, LOTS[which], quantity, now)
        now = settle(place, count, now)
        board.approve(place, count, now)
        for kind, which, quantity, *_ in after:
            now += timedelta(minutes=1)
            if kind != "count":
                move(place, main, store, kind, LOTS[which], quantity, now)
        now += timedelta(minutes=1)
        expected = {
            line.lot.number: line.counted + since(store, line)
            for line in count.lines.select_related("lot").order_by("pk")
        }
        short = {lot for lot, left in expected.items() if left < 0}
        if short:
            with pytest.raises(Refusal, match="tồn kho âm") as caught:
                board.post(place, count, now)
            assert all(f"lô {lot} " in caught.value.message_vi for lot in short)
        else:
            board.post(place, count, now)
            assert shelf.on_hand(store) == expected
        assert balance_differences(place.facility) == []
        assert StockCountEntry.objects.filter(line__count=count).exists()
        transaction.set_rollback(True)


def since(store, line) -> Decimal:
    """What moved after the instant at which the lot was counted."""
    rows = StockMovement.objects.filter(store=store, lot=line.lot, at__gt=line.counted_at)
    return sum(rows.values_list("quantity", flat=True), Decimal(0))
