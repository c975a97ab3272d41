"""Charges: everything that was done is charged once, at the price of the day, and what has no price is said."""

from datetime import date
from decimal import Decimal

import pytest

from his.accounts.models import Room
from his.catalogs.models import Drug, PricedService
from his.core.errors import NotFound, Refusal
from insurance.billing.charges import find_sources, not_yet_charged, pull_charges, sources_of
from insurance.billing.closing import close_visit
from insurance.models import Charge
from patients.models import ServiceOrder
from patients.services.orders import cancel_order
from pharmacy.services.dispensing import dispense, reverse_dispense
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import AMLODIPIN, CBC, GLUCOSE, HALF_PAID, PARACETAMOL
from tests.pharmacy import shelf

pytestmark = pytest.mark.django_db


def pulled(step: walk.Walk) -> list[Charge]:
    return pull_charges(visit=step.visit, actor=step.place.actor("cashier"), at=at(11))


def test_exams_performed_orders_and_dispensed_drugs_are_charged_with_copied_prices(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    assert not_yet_charged(step.visit)[0].name == "Khám Nội"
    charges = pulled(step)
    assert [(c.line_kind, c.code, c.quantity, c.hospital_price, c.payment_rate) for c in charges] == [
        ("exam", "02.1896", 1, 39800, 100),
        ("service", "22.0121.1369", 1, 49700, 100),
        ("service", "18.0015.0001", 1, 58600, 100),
        ("drug", "40.48", 15, 180, 100),
        ("drug", "40.573", 5, 120000, 50),
    ]
    assert not_yet_charged(step.visit) == []
    PricedService.objects.update(price=1, insured_price=1)
    charges[0].refresh_from_db()
    assert charges[0].hospital_price == 39800


def test_pulling_twice_changes_nothing(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    assert [c.pk for c in pulled(step)] == [c.pk for c in pulled(step)]


def test_a_drug_from_two_lots_is_one_charge(world: World) -> None:
    place, store = world.station, shelf.dispensary(world.station)
    lots = [shelf.goods(world, place, lot=name, quantity=10) for name in ("L1", "L2")]
    shelf.receive(place, store, *lots)
    step = walk.lan(world, place).examine().prescribe((PARACETAMOL, 15)).sign()
    dispense(prescription=step.prescription, store=store, actor=place.actor("pharmacist"), at=at(10))
    assert [(c.code, c.quantity) for c in pulled(step)] == [("02.1896", 1), ("40.48", 15)]


def test_what_was_taken_back_or_cancelled_is_charged_no_more(world: World) -> None:
    step = walk.lan(world, world.hospital).examine().order(CBC, results=False).order(GLUCOSE)
    waiting = ServiceOrder.objects.get(service__code=CBC)
    cancel_order(order=waiting, reason="Nhầm", actor=world.hospital.actor("doctor"), at=at(9))
    step.prescribe((PARACETAMOL, 15)).sign().dispense()
    before = pulled(step)
    assert [c.code for c in before] == ["02.1896", GLUCOSE, "40.48"]
    reverse_dispense(dispense=step.given, reason="Trả lại", actor=world.hospital.actor("pharmacist"), at=at(10))
    assert [c.code for c in pulled(step)] == ["02.1896", GLUCOSE]
    assert Charge.objects.get(pk=before[2].pk).cancelled_at == at(11)
    step.dispense()
    assert [c.code for c in pulled(step)] == ["02.1896", GLUCOSE, "40.48"]


def test_prices_follow_the_day_on_which_the_visit_ended(world: World) -> None:
    old = world.service(world.hospital, "02.1896")
    PricedService.objects.filter(pk=old.pk).update(valid_to=date(2026, 10, 5))
    old.pk, old.price, old.insured_price, old.valid_from = None, Decimal(50600), Decimal(45000), date(2026, 10, 6)
    old.save(force_insert=True)
    (exam,) = sources_of(walk.lan(world, world.hospital).examine().sign().visit)
    assert (exam.hospital_price, exam.insured_price) == (50600, 45000)


def test_a_drug_of_an_earlier_list_is_priced_by_the_list_of_the_day(world: World) -> None:
    step = walk.lan(world, world.hospital).examine().prescribe((AMLODIPIN, 14)).sign().dispense()
    old = world.drug(world.hospital, AMLODIPIN)
    Drug.objects.filter(pk=old.pk).update(valid_to=date(2026, 10, 5))
    old.pk, old.price, old.insured_price, old.valid_from = None, Decimal("301.5"), Decimal("301.5"), date(2026, 10, 6)
    old.save(force_insert=True)
    assert [s.hospital_price for s in sources_of(step.visit) if s.code == "40.491"] == [Decimal("301.5")]


@pytest.mark.parametrize(
    ("change", "code"),
    [({"valid_to": date(2026, 10, 5)}, "price_missing"), ({"group_code": ""}, "group_missing")],
)
def test_a_missing_price_is_named_and_refuses_to_close(world: World, change: dict[str, object], code: str) -> None:
    step = walk.lan(world, world.hospital).examine().order(CBC).sign()
    PricedService.objects.filter(facility=world.hospital.facility, code=CBC).update(**change)
    found, missing = find_sources(step.visit)
    assert [s.code for s in found] == ["02.1896"]
    assert [(m.name[:13], m.refusal.code) for m in missing] == [("Tổng phân tíc", code)]
    assert CBC in missing[0].refusal.message_vi
    with pytest.raises(Refusal) as refused:
        step.close()
    assert refused.value.code == code
    assert not Charge.objects.exists()


def test_a_drug_without_a_price_refuses_to_close(world: World) -> None:
    step = walk.lan(world, world.hospital).examine().prescribe((HALF_PAID, 1)).sign().dispense()
    Drug.objects.filter(code=HALF_PAID).update(valid_to=date(2026, 10, 5))
    with pytest.raises(Refusal, match="Danh mục thuốc chưa có TH0003 ngày 06/10/2026") as refused:
        step.close()
    assert refused.value.code == "price_missing"


def test_a_room_without_an_exam_service_charges_no_exam(world: World) -> None:
    Room.objects.filter(pk=world.hospital.rooms["PK1"].pk).update(exam_service_code="")
    step = walk.lan(world, world.hospital).examine().sign()
    assert sources_of(step.visit) == []
    with pytest.raises(Refusal) as refused:
        step.close()
    assert refused.value.code == "nothing_to_charge"


def test_what_the_patient_chose_to_pay_is_outside_the_scope(world: World) -> None:
    step = walk.lan(world, world.hospital).examine().order(CBC, is_insured=False)
    step.prescribe((PARACETAMOL, 15), is_insured=False).sign().dispense()
    rates = {s.code: (s.scope_code, s.payment_rate) for s in sources_of(step.visit)}
    assert rates == {"02.1896": ("1", 100), CBC: ("2", 0), "40.48": ("2", 0)}


def test_another_facility_cannot_pull_or_close(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    stranger = world.station.actor("cashier")
    with pytest.raises(NotFound):
        pull_charges(visit=step.visit, actor=stranger, at=at(11))
    with pytest.raises(NotFound):
        close_visit(visit=step.visit, actor=stranger, at=at(11))
    assert not Charge.objects.exists()
