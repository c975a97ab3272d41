"""Stock is kept from signing until it is collected, lapses or is dropped; no unit is used by two prescriptions."""

from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from his.accounts.actor import system_actor
from his.audit.models import AuditEntry
from his.core.errors import Refusal
from patients.models import Visit
from patients.services.visits import mark_closed, open_visit
from pharmacy.models import DispenseLine, LotBalance, Reservation, Store
from pharmacy.queries import balance_differences, stock_by_drug, usable_stock
from pharmacy.queries_window import proposal
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.lots import block_lot
from pharmacy.services.reservations import release_lapsed
from pharmacy.services.stock import LotLine, record_loss, transfer
from pharmacy.services.stores import set_storage
from tests.cast import DAY, anh_hung, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.scenes import scene

EARLY, LATE = date(2026, 12, 1), date(2027, 6, 1)


@scene
def place(world):
    return world.station


@scene
def store(place) -> Store:
    return shelf.dispensary(place)


@pytest.fixture(autouse=True)
def figures_agree(place):
    """After each test the balances are what ledger and reservations say, and the links of all rows hold."""
    yield
    assert balance_differences(place.facility) == []
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def hand_out(place, prescription, store, when=None):
    return dispense(prescription=prescription, store=store, actor=place.actor("pharmacist"), at=when or at(10))


def kept(**fits) -> list[tuple[str, str, str]]:
    rows = Reservation.objects.filter(**fits).select_related("lot").order_by("pk")
    return [(row.lot.number, f"{row.quantity.normalize():f}", row.state) for row in rows]


def reserved() -> dict[str, Decimal]:
    rows = LotBalance.objects.select_related("lot").order_by("pk")
    return {row.lot.number: row.reserved for row in rows if row.reserved}


def given(done) -> list[tuple[str, Decimal]]:
    rows = DispenseLine.objects.filter(dispense=done).order_by("pk")
    return [(row.lot.number, row.quantity) for row in rows]


def two_lots(world, place, store, early=12, late=50):
    shelf.receive(place, store, shelf.goods(world, place, lot="SAU", expires_on=LATE, quantity=late))
    shelf.receive(place, store, shelf.goods(world, place, lot="TRƯỚC", expires_on=EARLY, quantity=early))


def test_signing_keeps_the_lots_that_expire_first(world, place, store):
    two_lots(world, place, store)
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 20))
    assert kept() == [("TRƯỚC", "12", "held"), ("SAU", "8", "held")]
    assert reserved() == {"SAU": 8, "TRƯỚC": 12}
    row = Reservation.objects.first()
    assert (row.store, row.made_at, row.until) == (store, at(9, 5), at(0, day=DAY + timedelta(days=6)))
    drug = world.drug(place, PARACETAMOL)
    assert usable_stock(place.facility, [drug.pk], DAY) == {drug.pk: 42}
    (stock,) = stock_by_drug(place.facility, DAY)
    assert (stock.on_hand, stock.usable) == (62, 42)
    assert prescription.exam.not_reserved == []


def test_what_is_short_is_named_and_signing_goes_on(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, quantity="7.5"))
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 20), (AMLODIPIN, 10))
    assert [short.text() for short in prescription.exam.not_reserved] == [
        "Paracetamol 500mg: cần 20 Viên, kho cấp phát chỉ còn 7,5",
        "Amlodipin 5mg: cần 10 Viên, kho cấp phát đã hết",
    ]
    assert kept() == [("L1", "7.5", "held")]


def test_signing_works_without_any_store(world, place):
    assert shelf.lan_prescription(world, place).is_signed
    assert kept() == []


def test_two_prescriptions_never_use_the_same_units(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, quantity=20))
    first = shelf.lan_prescription(world, place, (PARACETAMOL, 15))
    second = shelf.hung_prescription(world, place, (PARACETAMOL, 15))
    with pytest.raises(Refusal, match="chỉ còn 5"):
        hand_out(place, second, store)
    line, actor = [LotLine(shelf.lot("L1"), Decimal(1))], place.actor("pharmacist")
    with pytest.raises(Refusal, match="chỉ còn 0"):
        transfer(store=store, target_store=shelf.dispensary(place, "CQ"), lines=line, actor=actor, at=at(10))
    assert [(line.left, line.is_short) for line in proposal(first, store, DAY)] == [(15, False)]
    hand_out(place, first, store)
    assert kept() == [("L1", "15", "used"), ("L1", "5", "held")]
    assert reserved() == {"L1": 5}


def test_its_own_lots_are_taken_first_then_the_rest(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, lot="SAU", expires_on=LATE, quantity=15))
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 20))
    shelf.receive(place, store, shelf.goods(world, place, lot="TRƯỚC", expires_on=EARLY, quantity=12), when=at(9, 30))
    assert given(hand_out(place, prescription, store)) == [("SAU", 15), ("TRƯỚC", 5)]
    assert kept() == [("SAU", "15", "used")]


def test_what_broke_on_the_shelf_is_kept_no_longer(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, quantity=30))
    shelf.lan_prescription(world, place, (PARACETAMOL, 12))
    shelf.hung_prescription(world, place, (PARACETAMOL, 14))
    line, actor = [LotLine(shelf.lot("L1"), Decimal(10))], place.actor("pharmacist")
    record_loss(store=store, lines=line, reason="Vỡ", actor=actor, at=at(10))
    assert kept() == [("L1", "12", "held"), ("L1", "14", "released")]
    with pytest.raises(Refusal, match="chỉ còn 20") as refused:
        record_loss(store=store, lines=[LotLine(shelf.lot("L1"), Decimal(21))], reason="Vỡ", actor=actor, at=at(10))
    assert refused.value.facts["left"] == 20


def test_undoing_keeps_the_stock_again(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, quantity=20))
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 20))
    done = hand_out(place, prescription, store)
    reverse_dispense(dispense=done, reason="Nhầm", actor=place.actor("pharmacist"), at=at(11))
    assert kept() == [("L1", "20", "used"), ("L1", "20", "held")]
    hand_out(place, prescription, store, at(12))
    assert kept(state="held") == []


def test_a_lot_that_may_not_go_any_more_is_replaced(world, place, store):
    two_lots(world, place, store, early=5, late=10)
    shelf.receive(place, store, shelf.goods(world, place, lot="MỚI", expires_on=date(2028, 1, 1)))
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 12))
    block_lot(lot=shelf.lot("TRƯỚC"), reason="Thu hồi", actor=place.actor("pharmacist"), at=at(9, 30))
    assert given(hand_out(place, prescription, store)) == [("SAU", 10), ("MỚI", 2)]
    assert kept() == [("TRƯỚC", "5", "released"), ("SAU", "7", "used")]
    assert reserved() == {}


def test_a_lot_that_expires_before_it_is_collected_is_replaced(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, lot="TRƯỚC", expires_on=DAY))
    shelf.receive(place, store, shelf.goods(world, place, lot="SAU", expires_on=LATE))
    prescription = shelf.lan_prescription(world, place)
    assert kept() == [("TRƯỚC", "20", "held")]
    assert given(hand_out(place, prescription, store, at(8, day=DAY + timedelta(days=1)))) == [("SAU", 20)]
    assert kept() == [("TRƯỚC", "20", "released")]


def test_what_nobody_collects_is_released_after_five_days(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place))
    shelf.lan_prescription(world, place)
    last, after = at(23, 59, day=DAY + timedelta(days=5)), at(0, day=DAY + timedelta(days=6))
    assert release_lapsed(actor=place.actor("pharmacist"), at=last) == 0
    assert release_lapsed(actor=place.actor("pharmacist"), at=after) == 1
    assert release_lapsed(actor=place.actor("pharmacist"), at=after) == 0
    assert kept() == [("L1", "20", "released")]
    assert reserved() == {}


def test_the_command_releases_at_every_facility(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place))
    shelf.lan_prescription(world, place)
    out = StringIO()
    call_command("release_lapsed", stdout=out)  # the day of the cast is over for long
    assert out.getvalue().splitlines() == ["99001: bỏ giữ 1 lần", "99002: bỏ giữ 0 lần"]


def test_a_window_frees_by_itself_what_lapsed(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place, quantity=20))
    shelf.lan_prescription(world, place)
    late = DAY + timedelta(days=6)
    visit = open_visit(
        patient=anh_hung(place), room=place.rooms["PK1"], actor=place.actor("reception"), at=at(8, day=late)
    )
    other = shelf.sign(world, place, visit, [(PARACETAMOL, 20)], when=at(9, day=late))
    assert kept() == [("L1", "20", "released"), ("L1", "20", "held")]
    hand_out(place, other, store, at(10, day=late))
    assert kept(state="held") == []


def test_closing_the_costs_frees_what_the_patient_declined(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place))
    prescription = shelf.lan_prescription(world, place)
    visit = Visit.objects.get(pk=prescription.visit_id)
    close_step(visit, place)
    assert kept() == [("L1", "20", "released")]
    assert AuditEntry.objects.filter(action="pharmacy.release", object_id=visit.pk).count() == 1


def close_step(visit, place):
    from his.service import REGISTRY, service

    if "tests.close" not in REGISTRY:

        @service(action="tests.close", permission="billing.collect")
        def close(*, visit, actor, at):
            return mark_closed(visit=visit, actor=actor, at=at, claim_month=DAY)

        close_step.run = close
    close_step.run(visit=visit, actor=system_actor(place.facility), at=at(15))


def test_it_is_kept_where_most_is_there_and_freed_when_collected_elsewhere(world, place, store):
    other = shelf.dispensary(place, "CQ")
    shelf.receive(place, store, shelf.goods(world, place, quantity=15))
    shelf.receive(place, other, shelf.goods(world, place, lot="L2", quantity=40))
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 20))
    assert kept(store=other) == [("L2", "20", "held")]
    shelf.receive(place, store, shelf.goods(world, place, quantity=15), when=at(9, 30))
    assert given(hand_out(place, prescription, store)) == [("L1", 20)]
    assert kept() == [("L2", "20", "released")]
    assert reserved() == {}


def test_ended_reservations_stay_as_they_are(world, place, store):
    shelf.receive(place, store, shelf.goods(world, place))
    hand_out(place, shelf.lan_prescription(world, place), store)
    for attempt in (
        lambda: Reservation.objects.update(state="held", ended_at=None),
        lambda: Reservation.objects.all().delete(),
        lambda: LotBalance.objects.update(reserved=101),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()


def test_a_cold_drug_goes_out_only_where_it_is_kept_cold(world, place, store):
    drug = world.drug(place, PARACETAMOL)
    drug.storage = "cold"
    drug.save()
    shelf.receive(place, store, shelf.goods(world, place))
    store = set_storage(store=store, keeps=["cool"], actor=place.actor("pharmacist"))
    prescription = shelf.lan_prescription(world, place)
    assert kept() == []
    with pytest.raises(Refusal, match="hết"):
        hand_out(place, prescription, store)
    assert usable_stock(place.facility, [drug.pk], DAY) == {}
    with pytest.raises(Refusal) as refused:
        shelf.receive(place, store, shelf.goods(world, place))
    assert refused.value.code == "cold_chain"
    assert "Lạnh (2-8 °C)" in refused.value.message_vi
    with pytest.raises(Refusal, match="không có trong danh sách"):
        set_storage(store=store, keeps=["warm"], actor=place.actor("pharmacist"))
    store = set_storage(store=store, keeps=["cool", "cold"], actor=place.actor("pharmacist"))
    assert usable_stock(place.facility, [drug.pk], DAY) == {drug.pk: 100}
    assert given(hand_out(place, prescription, store)) == [("L1", 20)]


def test_an_insured_line_takes_only_lots_of_its_tender(world, place, store, monkeypatch):
    old = world.drug(place, PARACETAMOL)
    shelf.receive(place, store, shelf.goods(world, place, lot="CŨ", expires_on=EARLY, quantity=30))
    old.valid_to = DAY - timedelta(days=1)
    old.save()
    new = type(old).objects.get(pk=old.pk)
    new.pk, new.bid_info, new.valid_from, new.valid_to = None, "100/QĐ-SYT;G1;N4;2026", DAY, None
    new.save(force_insert=True)
    goods = shelf.GoodsLine(new, "MỚI", LATE, Decimal(25), Decimal(160))
    shelf.receive(place, store, goods)
    monkeypatch.setattr(type(world), "drug", lambda *_: new)
    insured = shelf.lan_prescription(world, place, (PARACETAMOL, 20))
    assert given(hand_out(place, insured, store)) == [("MỚI", 20)]
    own = shelf.hung_prescription(world, place, (PARACETAMOL, 28))
    assert given(hand_out(place, own, store)) == [("CŨ", 28)]
