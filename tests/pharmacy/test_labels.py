"""What the label tells the patient, in plain words; and the labels as papers."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from his.catalogs.models import Drug
from his.printing.models import PrintRecord
from patients.sheets import last_day, law_on
from pharmacy.handout import LineChoice, ReturnedLine
from pharmacy.labels import amount_text, directions, verb_of
from pharmacy.models import NotGiven
from pharmacy.printing.labels import label_data, print_labels
from pharmacy.services.dispensing import dispense
from pharmacy.services.returning import return_drugs
from tests.cast import at
from tests.pdf_text import joined, pieces
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL


@dataclass
class Line:
    morning: Decimal = Decimal(0)
    noon: Decimal = Decimal(0)
    afternoon: Decimal = Decimal(0)
    evening: Decimal = Decimal(0)
    days: int = 5
    usage: str = ""


def line(doses: str, usage: str = "") -> Line:
    amounts = [Decimal(text) for text in doses.split()] if doses else [Decimal(0)] * 4
    return Line(*amounts, usage=usage)


@pytest.mark.parametrize(
    ("doses", "unit", "route", "usage", "said"),
    [
        ("1 0 0 1", "viên", "Uống", "Uống sau ăn", "Sáng uống 1 viên, tối uống 1 viên, sau ăn"),
        ("0.5 0 0 0", "viên", "Uống", "", "Sáng uống nửa viên"),
        ("1.5 0 0 0.25", "viên", "Uống", "", "Sáng uống 1 viên rưỡi, tối uống một phần tư viên"),
        ("0 2.25 0 0", "viên", "Uống", "", "Trưa uống 2 viên và một phần tư"),
        ("0.33 0 0 0", "viên", "Uống", "", "Sáng uống một phần ba viên"),
        ("0.4 0 0 0", "viên", "Uống", "", "Sáng uống 0,4 viên"),
        ("2.5 0 2.5 0", "ml", "Uống", "Lắc kỹ", "Sáng uống 2,5 ml, chiều uống 2,5 ml, lắc kỹ"),
        ("1 1 0 1", "gói", "Uống", "Pha nước", "Sáng uống 1 gói, trưa uống 1 gói, tối uống 1 gói, pha nước"),
        ("10 0 0 10", "đơn vị", "Tiêm dưới da", "", "Sáng tiêm dưới da 10 đơn vị, tối tiêm dưới da 10 đơn vị"),
        ("", "tuýp", "Bôi", "Bôi lớp mỏng ngày 2 lần.", "Bôi lớp mỏng ngày 2 lần"),
        ("", "tuýp", "Dùng ngoài", "", "Bôi ngoài da theo chỉ dẫn của bác sĩ"),
        ("1 0 0 1", "giọt", "Nhỏ mắt, mũi, tai", "mắt phải", "Sáng nhỏ 1 giọt, tối nhỏ 1 giọt, mắt phải"),
        ("0 0 0 1", "viên", "Đặt âm đạo", "", "Tối đặt âm đạo 1 viên"),
        ("2 0 0 2", "nhát", "Dạng hít", "Súc miệng sau hít", "Sáng hít 2 nhát, tối hít 2 nhát, súc miệng sau hít"),
        ("1 0 0 0", "viên", "", "BHYT", "Sáng dùng 1 viên, BHYT"),
    ],
)  # fmt: skip
def test_directions_say_what_to_do_in_plain_words(doses, unit, route, usage, said):
    assert directions(line(doses, usage), unit, route) == said


def test_units_that_are_measured_stay_in_figures():
    assert amount_text(Decimal("0.5"), "ml") == "0,5 ml"
    assert amount_text(Decimal("2.00"), "viên") == "2 viên"
    assert verb_of("Khí dung") == "hít khí dung"


def test_a_prescription_is_valid_for_five_days_after_its_own():
    assert last_day(date(2026, 10, 6)) == date(2026, 10, 11)
    assert last_day(date(2026, 12, 29)) == date(2027, 1, 3)
    assert last_day(date(2010, 1, 1)) is None
    assert law_on(date(2026, 10, 6)) == "TT 26/2025/TT-BYT"


def test_each_drug_has_a_label_with_its_first_expiry_and_copies_are_counted(world):
    place, store = world.station, shelf.dispensary(world.station)
    Drug.objects.filter(code=AMLODIPIN).update(storage="cold")
    shelf.receive(place, store, shelf.goods(world, place, lot="B", expires_on=date(2028, 1, 1)))
    shelf.receive(place, store, shelf.goods(world, place, lot="A", expires_on=date(2027, 2, 1), quantity=5))
    shelf.receive(place, store, shelf.goods(world, place, code=AMLODIPIN, lot="C#$*"))
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 20), (AMLODIPIN, 7))
    actor = place.actor("pharmacist")
    done = dispense(prescription=prescription, store=store, actor=actor, at=at(10))

    first, second = label_data(done)["labels"]
    assert (first["quantity"], first["expiry"], first["directions"]) == ("20 viên", "01/02/2027", "Sáng uống 1 viên")
    assert (second["quantity"], second["warning"]) == ("07 viên", "Bảo quản: Lạnh (2-8 °C)")
    roll = print_labels(dispense=done, on_sheet=False, actor=actor, at=at(10))
    said = joined(pieces(roll))
    assert {piece.page for piece in pieces(roll)} == {1, 2}
    assert "Nguyễn Thị Lan" in said
    assert "Sáng uống 1 viên" in said
    assert "C#$*" in said
    sheet = print_labels(dispense=done, on_sheet=True, actor=actor, at=at(10))
    assert {piece.page for piece in pieces(sheet)} == {1}
    print_labels(dispense=done, on_sheet=False, actor=actor, at=at(10))
    copies = PrintRecord.objects.filter(form="drug_label").values_list("copy_no", flat=True)
    assert sorted(copies) == [1, 2]

    given = done.lines.get(lot__number="C#$*")
    back = [ReturnedLine(given.pk, Decimal(7))]
    return_drugs(dispense=done, lines=back, reason="Không dùng", actor=actor, at=at(11))
    assert [row["drug"] for row in label_data(done)["labels"]] == ["Paracetamol 500mg"]


def test_a_label_says_how_long_what_was_given_lasts(world):
    """Five tablets of a line for seven days, one a day: the label must not promise a week."""
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    prescription = shelf.lan_prescription(world, place, (PARACETAMOL, 7))
    (line,) = prescription.lines.all()
    choice = LineChoice(line.pk, Decimal(5), reason=NotGiven.Reason.DECLINED)
    done = dispense(
        prescription=prescription, store=store, choices=[choice], actor=place.actor("pharmacist"), at=at(10)
    )
    (label,) = label_data(done)["labels"]
    assert (label["days"], label["quantity"]) == ("5 ngày", "05 viên")
