"""Consecutive papers of narcotics for cancer pain: one examination, ten days each, each fetched in its own time."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from hypothesis import given as for_all
from hypothesis import strategies as st

from his.accounts.models import Staff
from his.catalogs.models import Diagnosis, Drug
from his.core.errors import Refusal
from his.demo.places import Place
from patients.models import Patient, Prescription, PrescriptionSheet
from patients.national.document import sent_of
from patients.national.port import body
from patients.printing.narcotic import print_continuation
from patients.printing.prescription import print_prescription
from patients.series import portions
from patients.services.exams import set_diagnoses, start_exam
from patients.services.prescriptions import LineInput, prescribe
from patients.services.signing import sign_exam
from patients.services.visits import open_visit
from patients.sheets import NARCOTIC, rules_on, share
from pharmacy.handout import Bringer, LineChoice, ReturnedLine
from pharmacy.models import Dispense, Reservation, ReturnRecord, Store
from pharmacy.queries_given import collected_until, parts_of, parts_on
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.returning import return_drugs, reverse_return
from pharmacy.services.window import leave_out
from tests.cast import DAY, World, anh_hung, at, weigh
from tests.insurance.walk import signed_in
from tests.pdf_text import joined, pieces
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.scenes import scene

RULE = rules_on(DAY)[NARCOTIC]


def day(number: int) -> date:
    """So many days after signing."""
    return DAY + timedelta(days=number)


@scene
def store(world: World) -> Store:
    """A dispensary with 200 of a narcotic and of an ordinary drug; doctors may prescribe both."""
    place = world.hospital
    Drug.objects.for_facility(place.facility).filter(code=PARACETAMOL).update(control_class="narcotic")
    Staff.objects.for_facility(place.facility).update(prescribes_controlled=True)
    Diagnosis.objects.create(
        code="C34.9", name="U ác của phế quản", search_name="u ac", valid_from=date(2020, 1, 1), source="test"
    )
    place.facility.prescribing_code = "vd992"
    place.facility.save(update_fields=["prescribing_code"])
    made = shelf.dispensary(place)
    shelf.receive(
        place,
        made,
        shelf.goods(world, place, quantity=200),
        shelf.goods(world, place, code=AMLODIPIN, lot="L2", quantity=200),
    )
    return made


def signed(world: World, days: int = 30, *, main: str = "C34.9", ordinary: bool = False) -> Prescription:
    """Anh Hùng's prescription: the narcotic twice a day, perhaps an ordinary drug beside it."""
    place = world.hospital
    doctor = place.actor("doctor")
    visit = open_visit(patient=anh_hung(place), room=place.rooms["PK1"], actor=place.actor("reception"), at=at(7))
    exam = start_exam(visit=visit, actor=doctor, at=at(8))
    set_diagnoses(exam=exam, main=main, actor=doctor, at=at(8))
    lines = [LineInput(world.drug(place, PARACETAMOL), morning=Decimal(1), evening=Decimal(1), days=days)]
    if ordinary:
        lines.append(LineInput(world.drug(place, AMLODIPIN), morning=Decimal(1), days=30))
    prescription = prescribe(exam=exam, lines=lines, actor=doctor, at=at(8))
    weigh(visit, place, at(8))
    sign_exam(exam=exam, actor=doctor, at=at(9))
    return Prescription.objects.get(pk=prescription.pk)


def papers(prescription: Prescription) -> list[PrescriptionSheet]:
    return list(prescription.sheets.filter(kind="N").order_by("part"))


def fetch(world: World, of: Prescription, store: Store, number: int, *choices: LineChoice) -> Dispense:
    """Handed out so many days after signing."""
    place: Place = world.hospital
    return dispense(
        prescription=of,
        store=store,
        choices=choices,
        witness=place.users["nurse"],
        recipient_name="Nguyễn Văn Hùng",
        recipient_id_number="099190000001",
        actor=place.actor("pharmacist"),
        at=at(10, day=day(number)),
    )


@for_all(st.integers(1, 30))
def test_papers_follow_each_other_without_gap_and_their_times_never_meet(days: int) -> None:
    parts = RULE.parts(DAY, days)
    assert len(parts) == -(-days // 10)
    assert (parts[0].first_day, parts[-1].last_day) == (DAY, day(days - 1))
    for earlier, later in pairwise(parts):
        assert later.first_day == earlier.last_day + timedelta(days=1)
        assert later.valid_from > earlier.valid_until
    assert all(part.last_day - part.first_day < timedelta(days=10) for part in parts)


@for_all(st.decimals("0.001", 9999, places=3), st.integers(11, 30))
def test_shares_sum_to_the_quantity_and_never_fall_short(quantity: Decimal, days: int) -> None:
    ends = [0, 10, min(20, days), days] if days > 20 else [0, 10, days]
    shares = [share(quantity, days, covered_before=a, covered=b) for a, b in pairwise(ends)]
    assert sum(shares) == quantity
    assert all(one >= 0 for one in shares)
    assert shares[0] * days >= quantity * 10, "the first paper lasts its ten days"


def test_thirty_days_are_three_papers_with_a_code_each(world: World, store: Store) -> None:
    prescription = signed(world, ordinary=True)
    found = papers(prescription)
    said = [(one.part, one.first_day, one.last_day, one.valid_from, one.valid_until) for one in found]
    assert said == [
        (1, day(0), day(9), day(0), day(5)),
        (2, day(10), day(19), day(7), day(15)),
        (3, day(20), day(29), day(17), day(25)),
    ]
    assert len({one.code for one in found}) == 3
    assert all(one.code.startswith("vd992") and one.code.endswith("-N") for one in found)
    (ordinary,) = prescription.sheets.exclude(kind="N")
    assert (ordinary.part, ordinary.first_day, ordinary.valid_until) == (1, None, day(5))
    lines = list(prescription.lines.filter(sheet__kind="N"))
    held = [portions(one, lines, DAY) for one in found]
    assert [[(one.quantity, one.days) for one in row] for row in held] == [[(20, 10)]] * 3


def test_only_cancer_and_aids_get_more_than_one(world: World, store: Store) -> None:
    with pytest.raises(Refusal, match="tối đa 7 ngày"):
        signed(world, 30, main="I10")


def test_ten_days_are_one_paper_like_every_other(world: World, store: Store) -> None:
    (paper,) = papers(signed(world, 10))
    assert (paper.part, paper.first_day, paper.valid_from) == (1, None, None)


def test_each_paper_is_handed_out_in_its_time_only(world: World, store: Store) -> None:
    prescription = signed(world)
    assert fetch(world, prescription, store, 1).lines.get().quantity == 20
    for number in (3, 6):
        with pytest.raises(Refusal, match="Đơn N thứ 2 chỉ lĩnh được từ 13/10/2026 đến hết 21/10/2026"):
            fetch(world, prescription, store, number)
    assert fetch(world, prescription, store, 7).lines.get().quantity == 20
    with pytest.raises(Refusal, match="Đơn N thứ 3"):
        fetch(world, prescription, store, 15)
    assert fetch(world, prescription, store, 25).lines.get().quantity == 20
    with pytest.raises(Refusal, match="đã cấp phát"):
        fetch(world, prescription, store, 25)


def test_what_was_not_fetched_in_its_time_is_not_given_later(world: World, store: Store) -> None:
    prescription = signed(world)
    assert fetch(world, prescription, store, 12).lines.get().quantity == 20, "the second, not the first too"
    with pytest.raises(Refusal, match="Các đơn liên tiếp chỉ cấp được đến hết 31/10/2026"):
        fetch(world, prescription, store, 26)
    assert [part.open for part in parts_of(prescription)] == [40]


def test_a_paper_in_two_parts_never_exceeds_its_portion(world: World, store: Store) -> None:
    prescription = signed(world)
    line = prescription.lines.get()
    some = LineChoice(line.pk, Decimal(15), reason="out_of_stock", is_final=False)
    fetch(world, prescription, store, 1, some)
    with pytest.raises(Refusal, match="Nhiều nhất 5"):
        fetch(world, prescription, store, 2, LineChoice(line.pk, Decimal(6)))
    assert fetch(world, prescription, store, 2).lines.get().quantity == 5


def test_undoing_opens_the_portion_again_and_leaving_out_drops_all(world: World, store: Store) -> None:
    place = world.hospital
    prescription = signed(world)
    given = fetch(world, prescription, store, 1)
    assert [part.open for part in parts_on(prescription, day(1))] == [0]
    when = at(11, day=day(1))
    reverse_dispense(dispense=given, reason="Nhầm", actor=place.actor("pharmacist"), at=when)
    assert [part.open for part in parts_on(prescription, day(1))] == [20]
    leave_out(prescription=prescription, reason="declined", actor=place.actor("pharmacist"), at=when)
    assert [part.open for part in parts_of(prescription)] == [0]
    with pytest.raises(Refusal):
        fetch(world, prescription, store, 8)


def test_the_ordinary_drugs_beside_it_keep_their_five_days(world: World, store: Store) -> None:
    prescription = signed(world, ordinary=True)
    assert {part.line.drug.code: part.open for part in parts_on(prescription, day(5))} == {
        PARACETAMOL: 20,
        AMLODIPIN: 30,
    }
    assert {part.line.drug.code: part.open for part in parts_on(prescription, day(8))} == {
        PARACETAMOL: 20,
        AMLODIPIN: 0,
    }
    assert [row.lot.drug.code for row in fetch(world, prescription, store, 8).lines.all()] == [PARACETAMOL]


def test_until_when_is_right_on_every_side_of_each_time(world: World, store: Store) -> None:
    prescription = signed(world)
    said = {
        number: collected_until(prescription, at(10, day=day(number))) for number in (0, 5, 6, 7, 15, 16, 17, 25, 26)
    }
    assert said == {
        0: day(5),
        5: day(5),
        6: day(15),
        7: day(15),
        15: day(15),
        16: day(25),
        17: day(25),
        25: day(25),
        26: day(25),
    }
    assert collected_until(signed(world, 10), at(10, day=day(3))) == day(5)


def test_what_comes_back_late_takes_nothing_from_the_next_paper(world: World, store: Store) -> None:
    prescription = signed(world)
    given = fetch(world, prescription, store, 1)
    back = [ReturnedLine(given.lines.get().pk, Decimal(6), is_intact=False, condition="Nguyên vỉ")]
    return_drugs(
        dispense=given,
        lines=back,
        reason="Đổi thuốc",
        bringer=Bringer("Nguyễn Văn Hùng"),
        actor=world.hospital.actor("pharmacist"),
        at=at(9, day=day(8)),
    )
    assert fetch(world, prescription, store, 8).lines.get().quantity == 20


def test_controlled_drugs_that_come_back_leave_a_record(world: World, store: Store, time_machine) -> None:
    place = world.hospital
    prescription = signed(world, ordinary=True)
    given = fetch(world, prescription, store, 1)
    time_machine.move_to(at(9, day=day(2)), tick=False)
    window, page = signed_in(place, "pharmacist"), reverse("dispensing-return", args=[given.pk])
    typed = {"reason": "Người bệnh mất", "handed_by": "", "handed_by_id_number": "099190000001"}
    for row in given.lines.all():
        typed |= {f"return-{row.pk}-quantity": "6", f"return-{row.pk}-condition": "Vỉ nguyên <3>"}
    asked = window.post(page, typed)
    assert asked.status_code == 422
    assert "hãy ghi người giao lại" in asked.content.decode()
    assert "Vỉ nguyên &lt;3&gt;" in asked.content.decode(), "nothing typed is lost"
    condition = f"return-{given.lines.get(lot__drug__control_class='narcotic').pk}-condition"
    unsaid = window.post(page, typed | {"handed_by": "Nguyễn Thị Vợ", condition: " "})
    assert unsaid.status_code == 422
    assert "hãy ghi tình trạng thuốc nhận lại" in unsaid.content.decode()
    assert window.post(page, typed | {"handed_by": "Nguyễn Thị Vợ"}).status_code == 302
    record = ReturnRecord.objects.get()
    assert (record.number, record.handed_by, len(record.rows)) == ("NL26-000001", "Nguyễn Thị Vợ", 1)
    assert record.rows[0]["quantity"] == "6"
    with pytest.raises(DatabaseError), transaction.atomic():
        ReturnRecord.objects.update(handed_by="Khác")
    assert "NL26-000001" in window.get(reverse("dispensing-open", args=[prescription.pk])).content.decode()
    paper = joined(pieces(window.get(reverse("return-record-pdf", args=[record.pk])).content))
    for part in ("Phụ lục XVIII", "NL26-000001", "Nguyễn Thị Vợ", "Vỉ nguyên <3>", "Người bệnh mất", "Bản 2/2"):
        assert part in paper
    assert "ĐÃ HỦY" not in paper
    Patient.objects.filter(pk=prescription.visit.patient_id).update(full_name="Người Khác")
    reverse_return(
        patient_return=record.patient_return, reason="Nhầm", actor=place.actor("pharmacist"), at=at(9, 5, day=day(2))
    )
    undone = joined(pieces(window.get(reverse("return-record-pdf", args=[record.pk])).content))
    assert "ĐÃ HỦY" in undone
    assert "Người Khác" not in undone, "as they were called when it was made"
    assert "NL26-000001" not in window.get(reverse("dispensing-open", args=[prescription.pk])).content.decode()
    listed = window.get(reverse("controlled-returns")).content.decode()
    assert "NL26-000001" in listed
    assert "Vỉ nguyên &lt;3&gt;" in listed
    assert "Đã hủy" in listed
    assert (
        "NL26-000001" not in signed_in(world.station, "pharmacist").get(reverse("controlled-returns")).content.decode()
    )


def test_the_window_knows_a_rest_between_and_after_the_papers(world: World, store: Store, time_machine) -> None:
    prescription = signed(world)
    fetch(world, prescription, store, 1)
    page = reverse("dispensing-open", args=[prescription.pk])
    said = {}
    for number in (6, 26):
        time_machine.move_to(at(10, day=day(number)), tick=False)
        said[number] = signed_in(world.hospital, "pharmacist").get(page).content.decode()
    assert "Chờ đơn N kế tiếp" in said[6]
    assert "chỉ cấp được đến hết 31/10/2026" in said[26]
    assert "Đơn hết hiệu lực" in said[26]
    assert all(reverse("dispensing-leave-out", args=[prescription.pk]) in html for html in said.values())
    leave_out(
        prescription=prescription, reason="declined", actor=world.hospital.actor("pharmacist"), at=at(10, day=day(26))
    )
    assert "Đơn hết hiệu lực" not in signed_in(world.hospital, "pharmacist").get(page).content.decode()


def test_stock_is_kept_for_the_paper_whose_time_it_is(world: World, store: Store) -> None:
    signed(world)
    (kept,) = Reservation.objects.all()
    assert (kept.quantity, kept.until) == (20, at(0, day=day(6)))


def test_every_paper_is_printed_with_its_days_and_sent_as_its_course(world: World, store: Store) -> None:
    prescription = signed(world)
    text = joined(pieces(print_prescription(prescription=prescription, actor=world.hospital.actor("doctor"), at=at(9))))
    for part in ("Đơn 1/3", "Đơn 2/3", "Đơn 3/3", "từ ngày 16/10/2026 đến hết ngày 25/10/2026", "Hai mươi"):
        assert part in text
    assert "Sáu mươi" not in text
    paper = print_continuation(sheet=papers(prescription)[1], actor=world.hospital.actor("doctor"), at=at(9))
    text = joined(pieces(paper))
    for part in ("CẦN TIẾP TỤC ĐIỀU TRỊ", papers(prescription)[1].code, "C34.9", ": 20 viên", "Trưởng trạm y tế"):
        assert part in text
    courses = [body(sent_of(one)) for one in papers(prescription)]
    assert [(one["dot_dung_thuoc"]["dot"], one["dot_dung_thuoc"]["tu_ngay"]) for one in courses] == [
        (1, "06/10/2026"),
        (2, "16/10/2026"),
        (3, "26/10/2026"),
    ]
    assert {one["thong_tin_don_thuoc"][0]["so_luong"] for one in courses} == {"20"}


def test_a_series_names_all_its_days(world: World, store: Store) -> None:
    prescription = signed(world, 10)
    with pytest.raises(IntegrityError, match="prescription_sheet_part"), transaction.atomic():
        PrescriptionSheet.objects.create(
            facility=prescription.facility, prescription=prescription, kind="N", part=2, valid_until=day(15)
        )
