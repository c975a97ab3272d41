"""Orders and results."""

from datetime import date
from decimal import Decimal

import pytest

from his.core.errors import NotFound, PermissionRefused, Refusal
from patients.models import Exam, ServiceOrder
from patients.queries_clinical import waiting_orders
from patients.services.exams import start_exam
from patients.services.orders import ResultInput, cancel_order, order_service, record_result
from patients.services.visits import open_visit
from tests.cast import World, anh_hung, at, lan_visit
from tests.scenes import scene

BLOOD, SUGAR, SCAN = "22.0121.1369", "23.0075.1494", "18.0015.0001"


@scene
def exam(world: World) -> Exam:
    visit = lan_visit(world.hospital)
    return start_exam(visit=visit, actor=world.hospital.actor("doctor"), at=at(8, 10))


def order(world: World, exam: Exam, code: str = SUGAR, hour: int = 8, minute: int = 20, **more) -> ServiceOrder:
    place = world.hospital
    more = {"service": world.service(place, code), **more}
    return order_service(exam=exam, actor=place.actor("doctor"), at=at(hour, minute), **more)


def refused(call, **arguments) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(**arguments)
    return caught.value


def test_an_order_waits_where_its_group_is_performed(world, exam):
    sugar, scan = order(world, exam), order(world, exam, SCAN)
    assert (sugar.department.code, scan.department.code) == ("K47", "K39")
    assert (sugar.is_insured, sugar.ordered_by) == (True, world.hospital.staff["doctor"])
    facility = world.hospital.facility
    assert list(waiting_orders(facility)) == [sugar, scan]
    assert list(waiting_orders(facility, department=world.hospital.departments["K39"])) == [scan]
    assert not waiting_orders(world.station.facility).exists()


def test_a_self_paying_visit_has_no_insured_order(world):
    place = world.hospital
    visit = open_visit(patient=anh_hung(place), room=place.rooms["PK1"], actor=place.actor("reception"), at=at(8))
    assert not order(world, start_exam(visit=visit, actor=place.actor("doctor"), at=at(8, 5))).is_insured


def test_orders_are_refused(world, exam):
    for quantity in ("0", "-1", "1000", "0.0001", "NaN"):
        with pytest.raises(Refusal) as caught:
            order(world, exam, quantity=Decimal(quantity))
        assert caught.value.field == "quantity"
    order(world, exam)
    with pytest.raises(Refusal, match="đang chờ"):
        order(world, exam)
    with pytest.raises(Refusal, match="trước giờ bắt đầu"):
        order(world, exam, BLOOD, 8, 5)
    with pytest.raises(NotFound):
        order(world, exam, service=world.service(world.station, BLOOD))
    blood = world.service(world.hospital, BLOOD)
    blood.valid_to = date(2026, 10, 5)
    blood.save()
    with pytest.raises(Refusal, match="không có trong bảng giá"):
        order(world, exam, BLOOD)


def test_results_keep_what_was_typed_and_flag_what_is_out_of_range(world, exam):
    sugar, technician = order(world, exam), world.hospital.actor("technician")
    typed = [
        ResultInput("WBC", value="12,5"),
        ResultInput(indicator_name="Ghi chú <'>", value="Âm tính"),
        ResultInput(),
    ]
    done = record_result(order=sugar, actor=technician, at=at(8, 50), performed_at=at(8, 40), results=typed)
    first, second = done.results.all()
    assert (first.value, first.unit, first.reference, first.is_abnormal) == ("12,5", "G/L", "4 - 10", True)
    assert (first.indicator_name, second.indicator_name) == ("Số lượng bạch cầu", "Ghi chú <'>")
    assert (second.value, second.is_abnormal) == ("Âm tính", False)
    assert (done.state, done.performed_at, done.result_at) == (ServiceOrder.State.PERFORMED, at(8, 40), at(8, 50))
    assert (done.performed_by, done.device_code) == (world.hospital.staff["technician"], "HH.1.000001")


def test_results_may_be_corrected_until_the_exam_is_signed(world, exam):
    sugar, technician = order(world, exam), world.hospital.actor("technician")
    record_result(order=sugar, actor=technician, at=at(8, 50), results=[ResultInput("WBC", value="125")])
    record_result(order=sugar, actor=technician, at=at(8, 55), results=[ResultInput("WBC", value="5")])
    assert [(row.value, row.is_abnormal) for row in sugar.results.all()] == [("5", False)]


@pytest.mark.parametrize("value", ["6,,1", "6 1", "6.1.0", "l0,5", "O,5", "abc<>", "?", "-", "5-6"])
def test_a_slip_of_the_hand_is_no_value_of_an_indicator_with_limits(world, exam, value):
    """It could never be told as abnormal; the field of its row says so, and nothing is stored."""
    sugar, technician = order(world, exam), world.hospital.actor("technician")
    good, slip = ResultInput(indicator_name="Ghi chú", value=value), ResultInput("WBC", value=value)
    refusal = refused(record_result, order=sugar, actor=technician, at=at(8, 50), results=[good, slip])
    assert (refusal.code, refusal.field) == ("unreadable_value", "results-1-value")
    assert value in refusal.message_vi
    assert not sugar.results.exists()


@pytest.mark.parametrize("value", ["5", " 5,6", "<0,01", "≥ 60", "-1.5", "Âm tính", "Vỡ hồng cầu", "++", "(-)", "1/80"])
def test_numbers_signs_and_words_are_values(world, exam, value):
    sugar, technician = order(world, exam), world.hospital.actor("technician")
    record_result(order=sugar, actor=technician, at=at(8, 50), results=[ResultInput("WBC", value=value)])
    assert sugar.results.get().value == value.strip()


def test_results_are_refused(world, exam):
    sugar, technician = order(world, exam), world.hospital.actor("technician")
    good = [ResultInput("WBC", value="5")]
    early = refused(record_result, order=sugar, actor=technician, at=at(8, 19), results=good)
    assert early.code == "before_order"
    wrong = {"order": sugar, "actor": technician, "at": at(8, 50)}
    assert refused(record_result, **wrong, performed_at=at(8, 19), results=good).field == "performed_at"
    assert refused(record_result, **wrong, performed_at=at(8, 51), results=good).code == "after_result"
    assert refused(record_result, **wrong, results=[ResultInput("WBC", value=" ")]).code == "no_result"
    assert refused(record_result, **wrong, results=[ResultInput("WBC", value="9" * 256)]).field == "results-0-value"
    with pytest.raises(PermissionRefused):
        record_result(order=sugar, actor=world.hospital.actor("pharmacist"), at=at(8, 50), results=good)
    with pytest.raises(NotFound):
        record_result(order=sugar, actor=world.station.actor("technician"), at=at(8, 50), results=good)


def test_cancelling_only_before_it_was_performed(world, exam):
    sugar, blood = order(world, exam), order(world, exam, BLOOD)
    doctor, technician = world.hospital.actor("doctor"), world.hospital.actor("technician")
    assert refused(cancel_order, order=sugar, reason=" ", actor=doctor, at=at(9)).field == "reason"
    cancelled = cancel_order(order=sugar, reason="Người bệnh không làm", actor=doctor, at=at(9))
    assert (cancelled.state, cancelled.cancel_reason) == (ServiceOrder.State.CANCELLED, "Người bệnh không làm")
    assert refused(cancel_order, order=sugar, reason="x", actor=doctor, at=at(9)).code == "already_cancelled"
    good = [ResultInput("WBC", value="5")]
    assert refused(record_result, order=sugar, actor=technician, at=at(9), results=good).code == "cancelled"
    record_result(order=blood, actor=technician, at=at(9), results=good)
    assert refused(cancel_order, order=blood, reason="x", actor=doctor, at=at(9)).code == "already_performed"
