"""The database itself keeps what was signed: no query can change or delete it."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import models, transaction
from django.db.utils import InternalError

from patients.models import Exam, PrescriptionLine, ServiceOrder, ServiceResult, VisitDiagnosis
from patients.services.exams import set_diagnoses, start_exam
from patients.services.orders import ResultInput, order_service, record_result
from patients.services.prescriptions import LineInput, prescribe
from patients.services.signing import sign_exam
from tests.cast import World, at, lan_visit, weigh
from tests.scenes import scene

SIGNED: list[tuple[type[models.Model], dict[str, object]]] = [
    (Exam, {"findings": "khác"}),
    (VisitDiagnosis, {"code": "I11"}),
    (ServiceOrder, {"quantity": 2}),
    (ServiceResult, {"value": "khác"}),
    (PrescriptionLine, {"quantity": 1}),
]


@scene
def signed(world: World) -> Exam:
    place = world.hospital
    doctor = place.actor("doctor")
    exam = start_exam(visit=lan_visit(place), actor=doctor, at=at(8, 10))
    set_diagnoses(exam=exam, main="I10", actor=doctor, at=at(8, 15))
    order = order_service(exam=exam, service=world.service(place, "22.0121.1369"), actor=doctor, at=at(8, 20))
    result = ResultInput(indicator_code="WBC", indicator_name="Số lượng bạch cầu", value="8.2", unit="G/L")
    record_result(order=order, results=[result], actor=place.actor("technician"), at=at(9))
    line = LineInput(drug=world.drug(place, "TH0002"), morning=Decimal(1), days=28)
    prescribe(exam=exam, lines=[line], actor=doctor, at=at(9, 5))
    weigh(exam.visit, place)
    return sign_exam(exam=exam, actor=doctor, at=at(9, 10))


@pytest.mark.parametrize(("model", "change"), SIGNED, ids=lambda part: getattr(part, "__name__", ""))
@pytest.mark.parametrize("act", [lambda rows, change: rows.update(**change), lambda rows, change: rows.delete()])
def test_a_signed_row_is_frozen(
    signed: Exam,
    model: type[models.Model],
    change: dict[str, object],
    act: Callable[[models.QuerySet[models.Model], dict[str, object]], object],
) -> None:
    rows = model._default_manager.all()
    assert rows.count() == 1
    with pytest.raises((InternalError, models.ProtectedError)), transaction.atomic():
        act(rows, change)
    assert rows.count() == 1
