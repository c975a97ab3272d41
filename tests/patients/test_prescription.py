"""The prescription of an open exam."""

from datetime import date
from decimal import Decimal

import pytest

from his.catalogs.models import Drug, LongPrescriptionDisease
from his.core.errors import NotFound, Refusal
from patients.models import Exam
from patients.services.exams import set_diagnoses, start_exam
from patients.services.prescriptions import LineInput, prescribe
from tests.cast import World, at, lan_visit
from tests.scenes import scene


@scene
def exam(world: World) -> Exam:
    visit = lan_visit(world.station)
    return start_exam(visit=visit, actor=world.station.actor("doctor"), at=at(8, 10))


def write(world: World, exam: Exam, *lines: LineInput, **more):
    return prescribe(exam=exam, lines=lines, actor=world.station.actor("doctor"), at=at(8, 30), **more)


def line(world: World, code: str = "TH0001", **more) -> LineInput:
    doses = {"morning": Decimal(1), "evening": Decimal(1), "days": 5}
    return LineInput(world.drug(world.station, code), **{**doses, **more})


def test_quantities_are_computed_by_dose_form_or_given(world, exam):
    lines = [
        line(world),
        line(world, "TH0002", morning=Decimal("0.5"), evening=Decimal(0), days=7, usage="Uống sau ăn <30'>"),
        line(world, "TH0004", morning=Decimal(5), noon=Decimal(5), evening=Decimal(5), days=5),
        line(world, "TH0003", quantity=Decimal(2)),
    ]
    written = write(world, exam, *lines, note="Uống nhiều nước")
    assert [row.quantity for row in written.lines.all()] == [10, 4, 2, 2]
    assert written.lines.all()[1].usage == "Uống sau ăn <30'>"
    assert (written.number, written.note) == ("99001.DT26.000001", "Uống nhiều nước")
    assert all(row.is_insured for row in written.lines.all())


def test_writing_again_replaces_the_lines_under_the_same_number(world, exam):
    first = write(world, exam, line(world), line(world, "TH0002"))
    again = write(world, exam, line(world, "TH0002", days=3))
    assert (again, again.number) == (first, first.number)
    assert [(row.drug.code, row.quantity) for row in again.lines.all()] == [("TH0002", 6)]
    assert not write(world, exam).lines.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": Decimal(0)}, "lines-0-quantity"),
        ({"quantity": Decimal(-2)}, "lines-0-quantity"),
        ({"quantity": Decimal("NaN")}, "lines-0-quantity"),
        ({"quantity": Decimal(10000)}, "lines-0-quantity"),
        ({"morning": Decimal(0), "evening": Decimal(0)}, "lines-0-morning"),
        ({"noon": Decimal(-1)}, "lines-0-noon"),
        ({"evening": Decimal("0.333")}, "lines-0-evening"),
        ({"days": 0}, "lines-0-days"),
        ({"days": 31}, "lines-0-days"),
        ({"usage": "x" * 501}, "lines-0-usage"),
    ],
)
def test_impossible_lines_are_refused_beside_their_field(world, exam, change, field):
    with pytest.raises(Refusal) as caught:
        write(world, exam, line(world, **change))
    assert caught.value.field == field


def test_a_drug_by_the_pack_needs_its_quantity(world, exam):
    Drug.objects.filter(code="TH0003").update(quantity_rule="pack")
    with pytest.raises(Refusal) as caught:
        write(world, exam, line(world, "TH0003"))
    assert caught.value.field == "lines-0-quantity"


def test_a_drug_twice_or_not_on_the_list_is_refused(world, exam):
    with pytest.raises(Refusal) as caught:
        write(world, exam, line(world), line(world, "TH0002"), line(world, days=1))
    assert (caught.value.code, caught.value.field) == ("repeated", "lines-2-drug")
    with pytest.raises(NotFound):
        write(world, exam, LineInput(world.drug(world.hospital, "TH0001"), morning=Decimal(1)))
    Drug.objects.filter(code="TH0001").update(valid_to=date(2026, 10, 5))
    with pytest.raises(Refusal) as caught:
        write(world, exam, line(world))
    assert (caught.value.code, caught.value.field) == ("not_in_force", "lines-0-drug")


def test_ninety_days_only_for_the_diseases_of_the_annex(world, exam):
    LongPrescriptionDisease.objects.create(
        item="9.1", name="Tăng huyết áp", icd_expression="I10", valid_from=date(2025, 7, 1), source="test"
    )
    doctor = world.station.actor("doctor")
    with pytest.raises(Refusal, match="30 ngày"):
        write(world, exam, line(world, days=60))
    set_diagnoses(exam=exam, main="J06.9", others=["I10"], actor=doctor, at=at(8, 20))
    with pytest.raises(Refusal, match="30 ngày"):
        write(world, exam, line(world, days=60))
    set_diagnoses(exam=exam, main="I10", actor=doctor, at=at(8, 20))
    assert write(world, exam, line(world, days=90)).lines.get().quantity == 180
    with pytest.raises(Refusal, match="90 ngày"):
        write(world, exam, line(world, days=91))
