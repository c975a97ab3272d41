"""Dispensing and its undoing: exact, several lots, never expired, never twice, never after closing."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from his.core.errors import NotFound, PermissionRefused, Refusal
from his.service import REGISTRY
from patients.models import Prescription, Visit
from pharmacy.models import Dispense, DispenseLine, LotBalance, StockMovement
from pharmacy.queries import balance_differences, waiting_prescriptions
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.lots import block_lot
from pharmacy.services.stock import LotLine, record_loss
from tests.cast import DAY, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL


def hand_out(place, prescription, store, **kwargs) -> Dispense:
    return dispense(
        prescription=prescription, store=store, actor=place.actor("pharmacist"), at=kwargs.pop("when", at(10)), **kwargs
    )


def test_a_prescription_is_covered_by_several_lots_first_expired_first(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place, lot="SAU", expires_on=date(2027, 6, 1), quantity=50))
    shelf.receive(place, store, shelf.goods(world, place, lot="TRƯỚC", expires_on=date(2026, 12, 1), quantity=12))
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 20))

    done = hand_out(place, prescription, store)

    assert shelf.on_hand(store) == {"SAU": Decimal(42), "TRƯỚC": Decimal(0)}
    lines = DispenseLine.objects.filter(dispense=done).order_by("pk")
    assert [(line.lot.number, line.quantity) for line in lines] == [("TRƯỚC", Decimal(12)), ("SAU", Decimal(8))]
    assert shelf.current_dispense(prescription) == done
    assert done.document.number.startswith("PC26-")
    assert balance_differences(place.facility) == []


def test_exactly_all_that_is_left_is_handed_out(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place, quantity=20))
    hand_out(place, shelf.lan_prescription(world, place, (PARACETAMOL, 20)), store)
    assert shelf.on_hand(store) == {"L1": Decimal(0)}


def test_stock_that_ran_out_since_prescribing_is_named_and_nothing_changes(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(
        place, store, shelf.goods(world, place, quantity=30), shelf.goods(world, place, code=AMLODIPIN, lot="A1")
    )
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 20), (AMLODIPIN, 10))
    broken = [LotLine(lot=shelf.lot("L1"), quantity=Decimal(15))]
    record_loss(store=store, lines=broken, reason="Vỡ", actor=place.actor("pharmacist"), at=at(9, 30))
    before = shelf.on_hand(store)

    with pytest.raises(Refusal) as refused:
        hand_out(place, prescription, store)

    assert refused.value.code == "shortage"
    assert "Paracetamol 500mg" in refused.value.message_vi
    assert "chỉ còn 15" in refused.value.message_vi
    assert "Amlodipin" not in refused.value.message_vi
    assert shelf.on_hand(store) == before
    assert shelf.current_dispense(prescription) is None


def test_expired_and_blocked_lots_are_never_handed_out(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(
        place,
        store,
        shelf.goods(world, place, lot="HẾT HẠN", expires_on=DAY - timedelta(days=1)),
        shelf.goods(world, place, lot="KHÓA", expires_on=date(2027, 1, 1)),
        shelf.goods(world, place, lot="TỐT", expires_on=DAY),
        when=at(6, day=DAY - timedelta(days=3)),
    )
    block_lot(lot=shelf.lot("KHÓA"), reason="Nghi hỏng", actor=place.actor("pharmacist"), at=at(7))
    done = hand_out(place, shelf.lan_prescription(world, place, (PARACETAMOL, 100)), store)
    assert {line.lot.number for line in done.lines.all()} == {"TỐT"}
    with pytest.raises(Refusal, match=r"0 \(hết\)"):
        hand_out(place, shelf.hung_prescription(world, place, (PARACETAMOL, 1)), store)


def test_only_a_signed_prescription_is_handed_out_and_only_once(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    prescription = shelf.lan_prescription(world, place)
    hand_out(place, prescription, store)
    with pytest.raises(Refusal) as again:
        hand_out(place, prescription, store)
    assert again.value.code == "already_dispensed"
    draft = Prescription.objects.create(
        facility=place.facility,
        visit=prescription.visit,
        exam=_second_exam(place, prescription),
        number="nháp",
        prescribed_by=place.staff["doctor"],
        prescribed_at=at(9),
    )
    with pytest.raises(Refusal) as unsigned:
        hand_out(place, draft, store)
    assert unsigned.value.code == "not_signed"


def _second_exam(place, prescription):
    from patients.models import Exam

    exam = prescription.exam
    return Exam.objects.create(
        facility=place.facility,
        visit=prescription.visit,
        room=exam.room,
        department=exam.department,
        doctor=exam.doctor,
        service_code=exam.service_code,
        started_at=at(9),
    )


def test_the_same_request_sent_twice_is_carried_out_once(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    prescription = shelf.lan_prescription(world, place)
    first = hand_out(place, prescription, store, idempotency_key="k1")
    assert hand_out(place, prescription, store, idempotency_key="k1") == first
    assert shelf.on_hand(store) == {"L1": Decimal(80)}


def test_a_clock_set_back_is_refused(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    prescription = shelf.lan_prescription(world, place)
    with pytest.raises(Refusal) as refused:
        hand_out(place, prescription, store, when=at(8))
    assert refused.value.code == "time_order"


def test_undoing_puts_the_same_lots_back_and_the_prescription_waits_again(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    prescription = shelf.lan_prescription(world, place)
    done = hand_out(place, prescription, store)
    assert list(waiting_prescriptions(place.facility, DAY)) == []

    undone = reverse_dispense(dispense=done, reason="Cấp nhầm người", actor=place.actor("pharmacist"), at=at(11))

    assert undone.is_reversed
    assert shelf.on_hand(store) == {"L1": Decimal(100)}
    assert undone.document.reversed_by.reason == "Cấp nhầm người"
    assert list(waiting_prescriptions(place.facility, DAY)) == [prescription]
    kinds = StockMovement.objects.order_by("pk").values_list("kind", "quantity")
    assert list(kinds) == [("receipt", 100), ("dispense", -20), ("dispense", 20)]
    with pytest.raises(Refusal) as again:
        reverse_dispense(dispense=done, reason="Lần nữa", actor=place.actor("pharmacist"), at=at(11))
    assert again.value.code == "already_reversed"
    second = hand_out(place, prescription, store, when=at(12))
    assert shelf.current_dispense(prescription) == second
    assert balance_differences(place.facility) == []


def test_a_closed_visit_is_neither_dispensed_nor_undone(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    done = hand_out(place, shelf.lan_prescription(world, place), store)
    waiting = shelf.hung_prescription(world, place)
    Visit.objects.update(state=Visit.State.CLOSED, closed_at=at(15), claim_month=date(2026, 10, 1))
    with pytest.raises(Refusal) as undoing:
        reverse_dispense(dispense=done, reason="Muộn", actor=place.actor("pharmacist"), at=at(16))
    with pytest.raises(Refusal) as late:
        hand_out(place, waiting, store, when=at(16))
    assert undoing.value.code == late.value.code == "visit_closed"
    assert list(waiting_prescriptions(place.facility, DAY)) == []


def test_undoing_needs_a_reason(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    done = hand_out(place, shelf.lan_prescription(world, place), store)
    with pytest.raises(Refusal) as refused:
        reverse_dispense(dispense=done, reason="  ", actor=place.actor("pharmacist"), at=at(11))
    assert refused.value.field == "reason"


@pytest.mark.parametrize("role", ["doctor", "reception", "cashier", "technician"])
def test_only_the_pharmacist_hands_out(world, role):
    place, store = world.hospital, shelf.dispensary(world.hospital)
    shelf.receive(place, store, shelf.goods(world, place))
    prescription = shelf.lan_prescription(world, place)
    with pytest.raises(PermissionRefused):
        dispense(prescription=prescription, store=store, actor=place.actor(role), at=at(10))


def test_another_facility_finds_nothing(world):
    here, there = world.station, world.hospital
    store, other_store = shelf.dispensary(here), shelf.dispensary(there)
    shelf.receive(here, store, shelf.goods(world, here))
    prescription = shelf.lan_prescription(world, here)
    with pytest.raises(NotFound):
        hand_out(there, prescription, other_store)
    with pytest.raises(NotFound):
        hand_out(here, prescription, other_store)
    done = hand_out(here, prescription, store)
    with pytest.raises(NotFound):
        reverse_dispense(dispense=done, reason="Không được", actor=there.actor("pharmacist"), at=at(11))
    line = LotLine(lot=shelf.lot("L1"), quantity=Decimal(1))
    with pytest.raises(NotFound):
        record_loss(store=other_store, lines=[line], reason="Vỡ", actor=there.actor("pharmacist"), at=at(11))
    assert LotBalance.objects.filter(store=other_store).count() == 0


def test_every_pharmacy_service_asks_for_a_permission_or_is_a_step():
    names = {name: info.permission for name, info in REGISTRY.items() if name.startswith("pharmacy.")}
    assert {name for name, permission in names.items() if permission is None} == {
        "pharmacy.end_hold",
        "pharmacy.hold_lot",
        "pharmacy.keep_open",
        "pharmacy.post",
        "pharmacy.release",
        "pharmacy.reserve",
        "pharmacy.reverse_step",
    }
