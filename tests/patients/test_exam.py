"""The open examination: beginning, drafts, diagnoses."""

from datetime import date

import pytest

from his.catalogs.models import Diagnosis, DiagnosisPair
from his.core.errors import NotFound, PermissionRefused, Refusal
from patients.models import Exam, QueueTicket, Visit
from patients.queries_clinical import diagnosis_warnings, warnings_of_codes
from patients.services.exams import save_exam, set_diagnoses, start_exam
from patients.services.visits import call_next, cancel_visit
from tests.cast import World, at, lan_visit
from tests.scenes import scene


@scene
def exam(world: World) -> Exam:
    visit = lan_visit(world.station)
    return start_exam(visit=visit, actor=world.station.actor("doctor"), at=at(8, 10))


def refused(call, **arguments) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(**arguments)
    return caught.value


def test_begin_serves_the_number_and_takes_the_reason_of_the_visit(world):
    visit, doctor = lan_visit(world.station), world.station.actor("doctor")
    call_next(room=visit.room, actor=doctor, at=at(8, 5))
    exam = start_exam(visit=visit, actor=doctor, at=at(8, 10))
    visit.refresh_from_db()
    assert (visit.state, exam.service_code, exam.reason) == (Visit.State.IN_EXAM, "02.1896", "Đau đầu, chóng mặt")
    assert exam.doctor == world.station.staff["doctor"]
    assert visit.tickets.get().state == QueueTicket.State.SERVING
    assert start_exam(visit=visit, actor=doctor, at=at(9)) == exam


def test_begin_is_refused(world):
    visit, doctor = lan_visit(world.station), world.station.actor("doctor")
    assert refused(start_exam, visit=visit, actor=doctor, at=at(7, 59)).code == "before_arrival"
    lab = world.station.rooms["XN"]
    assert refused(start_exam, visit=visit, actor=doctor, at=at(9), room=lab).field == "room"
    with pytest.raises(PermissionRefused):
        start_exam(visit=visit, actor=world.station.actor("reception"), at=at(9))
    with pytest.raises(NotFound):
        start_exam(visit=visit, actor=world.hospital.actor("doctor"), at=at(9))
    cancel_visit(visit=visit, reason="Về", actor=world.station.actor("reception"), at=at(9))
    assert refused(start_exam, visit=visit, actor=doctor, at=at(10)).code == "visit_cancelled"


def test_a_draft_keeps_texts_exactly_and_leaves_what_is_not_given(world, exam):
    doctor = world.station.actor("doctor")
    save_exam(
        exam=exam, actor=doctor, at=at(8, 20), findings='HA <140/90>, d\'Arsonval & "tim đều"\ndòng 2', history=""
    )
    save_exam(exam=exam, actor=doctor, at=at(8, 21), follow_up_on=date(2026, 11, 6))
    exam.refresh_from_db()
    assert exam.findings == 'HA <140/90>, d\'Arsonval & "tim đều"\ndòng 2'
    assert (exam.reason, exam.follow_up_on, exam.draft_saved_at) == ("Đau đầu, chóng mặt", date(2026, 11, 6), at(8, 21))
    save_exam(exam=exam, actor=doctor, at=at(8, 22), clear_follow_up=True)
    exam.refresh_from_db()
    assert exam.follow_up_on is None
    long = refused(save_exam, exam=exam, actor=doctor, at=at(8, 23), transfer={"transfer_facility_code": "123456"})
    assert (long.code, long.field) == ("too_long", "transfer_facility_code")


def test_diagnoses_one_main_then_the_others_in_order(world, exam):
    doctor = world.station.actor("doctor")
    set_diagnoses(exam=exam, main=" i10 ", others=["e11.9", "J06.9", ""], actor=doctor, at=at(8, 20))
    assert [(d.code, d.is_main, d.position) for d in exam.diagnoses.all()] == [
        ("I10", True, 1),
        ("E11.9", False, 2),
        ("J06.9", False, 3),
    ]
    assert exam.diagnoses.all()[0].name == "Bệnh tăng huyết áp vô căn (nguyên phát)"
    set_diagnoses(exam=exam, main="E11.9", others=["I10"], actor=doctor, at=at(8, 25))
    assert [(d.code, d.is_main) for d in exam.diagnoses.all()] == [("E11.9", True), ("I10", False)]


@pytest.mark.parametrize(
    ("main", "others", "code", "field"),
    [
        ("X99.9", [], "unknown_diagnosis", "main"),
        ("I10", ["<b>'"], "unknown_diagnosis", "others"),
        ("I10", ["I10"], "repeated", "others"),
        ("I10", ["E11.9", "E11.9"], "repeated", "others"),
        ("B95.0", [], "not_as_main", "main"),
        ("R99", [], "not_as_main", "main"),
        ("N40", [], "other_sex", "main"),
        ("I10", ["N40"], "other_sex", "others"),
        ("I10", [f"X{n:02}" for n in range(13)], "too_many", "others"),
    ],
)
def test_diagnoses_are_refused_beside_their_field(world, exam, main, others, code, field):
    since = {"valid_from": date(2020, 1, 1), "search_name": "x", "source": "test"}
    Diagnosis.objects.create(code="B95.0", name="Liên cầu nhóm A", not_as_main=True, **since)
    Diagnosis.objects.create(code="R99", name="Nguyên nhân tử vong", cause_of_death_only=True, **since)
    Diagnosis.objects.create(code="N40", name="Tăng sản tuyến tiền liệt", only_sex="1", **since)
    doctor = world.station.actor("doctor")
    refusal = refused(set_diagnoses, exam=exam, main=main, others=others, actor=doctor, at=at(8, 20))
    assert (refusal.code, refusal.field) == (code, field)
    assert not exam.diagnoses.exists()


def test_odd_diagnoses_are_warned_about_not_refused(world, exam):
    since = {"valid_from": date(2020, 1, 1), "search_name": "x", "source": "test"}
    Diagnosis.objects.create(code="J45", name="Hen phế quản", has_more_specific=True, **since)
    Diagnosis.objects.create(code="P07.1", name="Trẻ nhẹ cân", age_max_days=28, **since)
    Diagnosis.objects.filter(code="I10").update(valid_to=date(2026, 10, 5))
    doctor = world.station.actor("doctor")
    set_diagnoses(exam=exam, main="J45", others=["P07.1"], actor=doctor, at=at(8, 20))
    found = [(w.code, w.message_vi) for w in diagnosis_warnings(exam)]
    assert found == [("J45", "có mã chi tiết hơn"), ("P07.1", "không hợp tuổi (72 tuổi)")]
    # A code that ended the day before is unknown on the day of the exam.
    assert refused(set_diagnoses, exam=exam, main="I10", actor=doctor, at=at(8, 20)).code == "unknown_diagnosis"


def test_dagger_and_asterisk_codes_go_together(world, exam):
    """Annex A1 names the main one of a pair, unless a later list says that it may not be main."""
    since = {"valid_from": date(2020, 1, 1), "source": "test"}
    for code, not_main in (("A01.0", False), ("G01", True), ("I39.0", False), ("E11.6", False)):
        Diagnosis.objects.create(code=code, name=code, search_name="x", not_as_main=not_main, **since)
    for asterisk in ("G01", "I39.0"):
        DiagnosisPair.objects.create(dagger_code="A01.0", asterisk_code=asterisk, main_code=asterisk, **since)
    patient, found = exam.visit.patient, []
    for main, others in (
        ("A01.0", ["G01"]),
        ("A01.0", ["I39.0"]),
        ("I39.0", ["A01.0"]),
        ("I39.0", ["I10"]),
        ("I10", ["A01.0"]),
        ("I10", []),
    ):
        found.append([(w.code, w.message_vi) for w in warnings_of_codes(main, others, patient, date(2026, 10, 6))])
    assert found == [
        [],
        [("A01.0", "cặp A01.0† I39.0*: bệnh chính phải là I39.0")],
        [],
        [("I39.0", "mã (*) phải đi kèm mã (†): A01.0")],
        [("A01.0", "mã (†) phải đi kèm mã (*): G01, I39.0")],
        [],
    ]
