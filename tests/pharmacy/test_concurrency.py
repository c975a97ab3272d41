"""Two desks at once: the last units go out once, and nobody waits for ever."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from his.core.errors import Refusal
from patients.models import Prescription
from pharmacy.handout import LineChoice, ReturnedLine
from pharmacy.models import Dispense, LotBalance, StockDocument, StockMovement, Store
from pharmacy.queries import balance_differences
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.returning import return_drugs
from pharmacy.services.stock import LotLine, record_loss, reverse_document, transfer
from pharmacy.services.window import call_next
from tests.cast import at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*tasks):
    """Run the tasks in threads that start together; each gives its result or its Refusal."""
    gate = threading.Barrier(len(tasks))

    def run(task):
        try:
            gate.wait(timeout=10)
            return task()
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def give(place, prescription: Prescription, store: Store):
    actor = place.actor("pharmacist")
    return lambda: dispense(prescription=prescription, store=store, actor=actor, at=at(10))


def test_the_last_units_go_to_one_of_two_patients(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place, quantity=20))
    first = shelf.lan_prescription(world, place, (PARACETAMOL, 20))
    second = shelf.hung_prescription(world, place, (PARACETAMOL, 20))

    results = at_once(give(place, first, store), give(place, second, store))

    done = [result for result in results if isinstance(result, Dispense)]
    refused = [result for result in results if isinstance(result, Refusal)]
    assert (len(done), len(refused)) == (1, 1)
    assert refused[0].code == "shortage"
    assert "Paracetamol 500mg" in refused[0].message_vi
    assert "hết" in refused[0].message_vi
    assert shelf.on_hand(store) == {"L1": Decimal(0)}
    assert balance_differences(place.facility) == []


def test_one_prescription_at_two_windows_is_handed_out_once(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 20))
    results = at_once(*[give(place, prescription, store)] * 3)
    codes = sorted(result.code for result in results if isinstance(result, Refusal))
    assert codes == ["already_dispensed", "already_dispensed"]
    assert shelf.on_hand(store) == {"L1": Decimal(80)}
    assert StockMovement.objects.filter(kind="dispense").count() == 1


def test_two_windows_that_give_parts_of_one_line_never_exceed_it(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    prescription, actor = shelf.lan_prescription(world, place, (PARACETAMOL, 20)), place.actor("pharmacist")
    part = LineChoice(prescription.lines.get().pk, Decimal(8), reason="out_of_stock", is_final=False)
    how = {"prescription": prescription, "store": store, "choices": [part], "actor": actor, "at": at(10)}
    results = at_once(*[lambda: dispense(**how)] * 3)
    assert sorted(getattr(result, "code", "done") for result in results) == ["done", "done", "too_much"]
    assert shelf.on_hand(store) == {"L1": Decimal(84)}


def test_the_database_holds_the_limit_of_a_line_by_itself(world):
    """Two writers that no service keeps apart: one waits for the other, and what exceeds is refused."""
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    prescription, actor = shelf.lan_prescription(world, place, (PARACETAMOL, 20)), place.actor("pharmacist")
    part = LineChoice(prescription.lines.get().pk, Decimal(5), reason="out_of_stock", is_final=False)
    how = {"prescription": prescription, "store": store, "choices": [part], "actor": actor, "at": at(10)}
    done = [dispense(**how), dispense(**how)]

    def add(to: Dispense) -> object:
        row = to.lines.get()
        row.pk, row.quantity = None, Decimal(8)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
                time.sleep(0.3)
        except IntegrityError as error:
            return Refusal("limit", str(error))
        return row

    results = at_once(lambda: add(done[0]), lambda: add(done[1]))
    assert sorted(getattr(result, "code", "done") for result in results) == ["done", "limit"]


def test_drugs_come_back_once(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    done, actor = give(place, shelf.lan_prescription(world, place), store)(), place.actor("pharmacist")
    lines = [ReturnedLine(done.lines.get().pk, Decimal(15))]
    back = lambda: return_drugs(dispense=done, lines=lines, reason="Dị ứng", actor=actor, at=at(11))  # noqa: E731
    results = at_once(back, back)
    assert sorted(getattr(result, "code", "done") for result in results) == ["done", "too_much"]
    assert shelf.on_hand(store) == {"L1": Decimal(95)}


def test_two_windows_that_call_at_once_get_two_patients(world):
    place, store = world.station, shelf.dispensary(world.station)
    patients = {shelf.lan_prescription(world, place), shelf.hung_prescription(world, place)}
    call = lambda: call_next(store=store, actor=place.actor("pharmacist"), at=at(10))  # noqa: E731
    assert {row.prescription for row in at_once(call, call)} == patients


def test_one_dispense_is_undone_once(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    done = give(place, shelf.lan_prescription(world, place), store)()
    actor = place.actor("pharmacist")
    undo = lambda: reverse_dispense(dispense=done, reason="Nhầm", actor=actor, at=at(11))  # noqa: E731
    results = at_once(undo, undo)
    assert sorted(getattr(result, "code", "done") for result in results) == ["already_reversed", "done"]
    assert shelf.on_hand(store) == {"L1": Decimal(100)}


@pytest.mark.parametrize("is_undone", [False, True])
def test_a_window_that_keeps_the_rest_holds_no_number_while_it_waits(world, is_undone):
    """Who has a lot and wants a number gets it, though another who will want the lot has begun."""
    place, store = world.station, shelf.dispensary(world.station)
    actor = place.actor("pharmacist")
    shelf.receive(place, store, shelf.goods(world, place))
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 20), (AMLODIPIN, 7))
    shelf.receive(place, store, shelf.goods(world, place, code=AMLODIPIN, lot="L2"))
    choices = [
        LineChoice(line.pk, Decimal(0), reason="out_of_stock", is_final=False)
        for line in prescription.lines.filter(drug__code=AMLODIPIN)
    ]
    line = LotLine(lot=shelf.lot("L2"), quantity=Decimal(1))
    lost = record_loss(store=store, lines=[line], reason="Vỡ", actor=actor, at=at(9, 30))
    other = shelf.hung_prescription(world, place, (AMLODIPIN, 7))
    act = lambda: dispense(prescription=prescription, store=store, choices=choices, actor=actor, at=at(10))  # noqa: E731
    if is_undone:
        done = act()
        act = lambda: reverse_dispense(dispense=done, reason="Nhầm", actor=actor, at=at(11))  # noqa: E731
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            list(LotBalance.objects.filter(lot=line.lot).select_for_update())
            waiting = pool.submit(at_once, act)
            time.sleep(0.5)
            assert not waiting.done()
            if is_undone:
                reverse_document(document=lost, reason="Nhầm", actor=actor, at=at(11))
            else:
                give(place, other, store)()
        (result,) = waiting.result()
    assert isinstance(result, Dispense)
    assert balance_differences(place.facility) == []


def test_a_dispense_that_waited_chooses_among_what_is_left(world):
    place, store = world.station, shelf.dispensary(world.station)
    early, late = date(2027, 1, 1), date(2028, 1, 1)
    shelf.receive(place, store, shelf.goods(world, place, lot="A", quantity=20, expires_on=early))
    shelf.receive(place, store, shelf.goods(world, place, lot="B", quantity=20, expires_on=late))
    prescription, actor = shelf.lan_prescription(world, place, (PARACETAMOL, 20)), place.actor("pharmacist")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            line = LotLine(lot=shelf.lot("A"), quantity=Decimal(15))
            record_loss(store=store, lines=[line], reason="Vỡ", actor=actor, at=at(9))
            waiting = pool.submit(at_once, give(place, prescription, store))
            time.sleep(0.5)  # the dispense now waits for lot A
            assert not waiting.done()
        (done,) = waiting.result()
    assert isinstance(done, Dispense)
    assert shelf.on_hand(store) == {"A": Decimal(0), "B": Decimal(5)}


def test_a_loss_that_waited_sees_what_was_received_meanwhile(world):
    """The balance that the statement saw first, zero, is not the one that it changes."""
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place, lot="A", quantity=4))
    line, actor = [LotLine(lot=shelf.lot("A"), quantity=Decimal(4))], place.actor("pharmacist")
    lose = lambda: record_loss(store=store, lines=line, reason="Vỡ", actor=actor, at=at(9))  # noqa: E731
    lose()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            shelf.receive(place, store, shelf.goods(world, place, lot="A", quantity=5))
            waiting = pool.submit(at_once, lose)
            time.sleep(0.5)
            assert not waiting.done()
        (done,) = waiting.result()
    assert isinstance(done, StockDocument)
    assert shelf.on_hand(store) == {"A": Decimal(1)}


def test_transfers_and_their_reversals_do_not_lock_each_other_out(world):
    place, main, store = world.hospital, shelf.main_store(world.hospital), shelf.dispensary(world.hospital)
    lots = [f"L{i}" for i in range(4)]
    for where in (main, store):
        shelf.receive(place, where, *(shelf.goods(world, place, lot=number) for number in lots))
    actor = place.actor("pharmacist")
    lines = [LotLine(lot=shelf.lot(number), quantity=Decimal(1), lot_reason="Thử") for number in lots]

    def move() -> StockDocument:
        return transfer(store=main, target_store=store, lines=lines, actor=actor, at=at(9))

    earlier = [move() for _ in range(12)]

    def undo(document: StockDocument) -> StockDocument:
        return reverse_document(document=document, reason="Nhầm", actor=actor, at=at(10))

    results = at_once(lambda: [move() for _ in range(12)], lambda: [undo(document) for document in earlier])
    assert [len(result) for result in results] == [12, 12]
    assert shelf.on_hand(main) == dict.fromkeys(lots, Decimal(88))
    assert balance_differences(place.facility) == []


def test_a_lock_that_is_held_too_long_is_answered_with_busy(world, settings):
    settings.LOCK_TIMEOUT = "200ms"
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    prescription = shelf.lan_prescription(world, place)
    with transaction.atomic():
        list(LotBalance.objects.select_for_update())
        (result,) = at_once(give(place, prescription, store))
    assert isinstance(result, Refusal)
    assert result.code == "busy"
    assert not StockDocument.objects.filter(kind="dispense").exists()
    give(place, prescription, store)()
    assert shelf.on_hand(store) == {"L1": Decimal(80)}
