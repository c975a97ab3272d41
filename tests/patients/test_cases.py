"""Cases of infectious diseases: what signing opens, until when, once for a person, and what becomes of them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from his.catalogs.models import Diagnosis
from his.core.dates import VIETNAM, local
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.core.text import fold
from his.demo.places import Place
from patients import notifiable
from patients.models import CaseEvent, DiseaseCase, Exam, Patient
from patients.queries_cases import cases_to_follow, cases_to_report, get_case, missing_of, sheet_of, urgent_count
from patients.services.cases import (
    discharge_case,
    enter_case,
    exclude_case,
    record_death,
    report_case,
    report_death,
    restore_case,
    save_sheet,
)
from patients.services.exams import save_exam, set_diagnoses, start_exam
from patients.services.signing import amend_exam, sign_exam
from patients.services.visits import open_visit
from tests.cast import DAY, World, anh_hung, at
from tests.scenes import scene

State, Kind = DiseaseCase.State, CaseEvent.Kind
_CODES = [
    ("A97.0", "Sốt xuất huyết không có dấu hiệu cảnh báo"),
    ("A05.9", "Ngộ độc thức ăn do vi khuẩn"),
    ("B05.9", "Sởi không biến chứng"),
    ("A15.0", "Lao phổi, có xác nhận vi khuẩn"),
    ("A16.2", "Lao phổi, không đề cập xác nhận"),
    ("B01.9", "Thủy đậu không biến chứng"),
]


@scene
def place(world: World) -> Place:
    for code, name in _CODES:
        Diagnosis.objects.create(
            code=code, name=name, search_name=fold(f"{code} {name}"), valid_from=date(2020, 1, 1), source="test"
        )
    return world.station


def examined(
    place: Place,
    patient: Patient,
    main: str,
    *,
    begun: datetime | None = None,
    signed: datetime | None = None,
    others: tuple[str, ...] = (),
    result: str = "2",
) -> Exam:
    """A signed exam of a person who pays himself."""
    begun = begun or at(8, 10)
    doctor = place.actor("doctor")
    visit = open_visit(
        patient=patient,
        room=place.rooms["PK1"],
        reason="Sốt cao",
        confirm_second=True,
        actor=place.actor("reception"),
        at=begun - timedelta(minutes=10),
    )
    exam = start_exam(visit=visit, actor=doctor, at=begun)
    save_exam(exam=exam, actor=doctor, at=begun, findings="Da sung huyết", treatment="Hạ sốt")
    set_diagnoses(exam=exam, main=main, others=others, actor=doctor, at=begun)
    signed = signed or begun + timedelta(minutes=20)
    return sign_exam(exam=exam, actor=doctor, treatment_result_code=result, at=signed)


def only_case(exam: Exam) -> DiseaseCase:
    (case,) = exam.cases
    return get_case(exam.facility, case.pk)


def kinds(case: DiseaseCase) -> list[str]:
    return [event.kind for event in case.events.all()]


# Signing


def test_a_signed_diagnosis_opens_a_case_with_its_clock_and_a_prefilled_sheet(place):
    exam = examined(place, anh_hung(place), "A97.0")
    case = only_case(exam)
    assert (case.disease, case.group, case.case_class, case.state) == ("dengue", "B", "clinical", State.OPEN)
    assert (case.detected_at, case.due_at) == (at(8, 10), at(8, 10, DAY + timedelta(days=2)))
    assert case.next_due == case.due_at
    blocks = sheet_of(case)
    assert [block.title[:2] for block in blocks] == ["1.", "2.", "3.", "4.", "5."]
    said = {item.label: item.value for block in blocks for item in block.items}
    assert said["Họ và tên"] == "Trần Văn Hùng"
    assert said["Triệu chứng"] == "Sốt cao\nDa sung huyết"
    assert said["Điều trị"] == "Hạ sốt"
    missing = missing_of(blocks)
    assert {"Ngày khởi phát", "Yếu tố tiếp xúc", "Nơi học, làm việc", "Mẫu bệnh phẩm"} <= set(missing)
    assert "Họ và tên" not in missing
    assert "Người giám hộ" not in missing
    assert kinds(case) == [Kind.OPENED]


def test_other_diagnoses_open_none_and_accompanying_ones_do(place):
    hung = anh_hung(place)
    assert examined(place, hung, "I10").cases == []
    exam = examined(place, hung, "I10", others=("B05.9", "A97.0"), begun=at(14))
    assert sorted(case.disease for case in exam.cases) == ["dengue", "measles"]
    measles = next(case for case in exam.cases if case.disease == "measles")
    assert measles.due_at == at(14, 0, DAY + timedelta(days=1))


def test_what_is_only_counted_has_no_clock_and_is_in_no_list(place):
    case = only_case(examined(place, anh_hung(place), "B01.9"))
    assert (case.due_at, case.next_due) == (None, None)
    assert not cases_to_report(place.facility).exists()


def test_a_late_signature_wins_no_time(place):
    late = at(9, 0, DAY + timedelta(days=3))
    case = only_case(examined(place, anh_hung(place), "A97.0", signed=late))
    assert (case.opened_at, case.due_at) == (late, at(8, 10, DAY + timedelta(days=2)))
    assert "quá hạn" in case.events.get().text
    assert urgent_count(place.facility, late) == 1


def test_the_clock_goes_over_midnight_and_over_the_end_of_the_month(place):
    begun = datetime(2026, 10, 31, 23, 50, tzinfo=VIETNAM)
    case = only_case(examined(place, anh_hung(place), "B05.9", begun=begun, signed=begun + timedelta(minutes=30)))
    assert case.detected_on == date(2026, 10, 31)
    assert local(case.due_at) == datetime(2026, 11, 1, 23, 50, tzinfo=VIETNAM)


# Once in thirty days


@pytest.mark.parametrize(("days", "cases"), [(0, 1), (1, 1), (29, 1), (30, 2), (31, 2)])
def test_a_person_has_one_case_of_a_disease_in_thirty_days(place, days, cases):
    hung = anh_hung(place)
    first = only_case(examined(place, hung, "A97.0"))
    again = examined(place, hung, "A97.0", begun=at(15, 0, DAY + timedelta(days=days)))
    assert DiseaseCase.objects.count() == cases
    assert (again.cases[0].pk == first.pk) is (cases == 1)
    assert (Kind.SEEN_AGAIN in kinds(first)) is (cases == 1)


def test_signing_holds_the_standing_cases_that_it_changes(place):
    hung = anh_hung(place)
    examined(place, hung, "A16.2")
    with CaptureQueriesContext(connection) as asked:
        examined(place, hung, "A15.0", begun=at(8, 10, DAY + timedelta(days=90)))
    (read,) = [one["sql"] for one in asked if one["sql"].startswith('SELECT "patients_diseasecase"')]
    assert read.endswith('FOR NO KEY UPDATE OF "patients_diseasecase"')


def test_an_earlier_exam_that_is_signed_later_is_the_same_case(place):
    hung = anh_hung(place)
    later = examined(place, hung, "A97.0", begun=at(8, 10, DAY + timedelta(days=5)))
    earlier = examined(place, hung, "A97.0", begun=at(8, 10), signed=at(9, 0, DAY + timedelta(days=6)))
    assert earlier.cases[0].pk == later.cases[0].pk


def test_a_long_disease_is_one_case_for_longer_and_takes_the_more_certain_class(place):
    hung = anh_hung(place)
    first = only_case(examined(place, hung, "A16.2"))
    examined(place, hung, "A15.0", begun=at(8, 10, DAY + timedelta(days=90)))
    first.refresh_from_db()
    assert (DiseaseCase.objects.count(), first.case_class) == (1, "confirmed")
    examined(place, hung, "A16.2", begun=at(8, 10, DAY + timedelta(days=120)))
    first.refresh_from_db()
    assert first.case_class == "confirmed"
    assert kinds(first).count(Kind.CLASSIFIED) == 1


def test_the_database_keeps_a_second_case_out(place):
    case = only_case(examined(place, anh_hung(place), "A97.0"))
    twin = DiseaseCase.objects.get(pk=case.pk)
    twin.pk, twin.detected_on = None, case.detected_on + timedelta(days=29)
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)
    twin.detected_on = case.detected_on + timedelta(days=30)
    twin.save(force_insert=True)


RULE = next(row for row in notifiable.list_in_force().rows if row.disease == "measles")


@given(st.integers(0, 2 * 366 * 24 * 60))
def test_the_clock_is_hours_and_not_days(minutes):
    detected = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    assert RULE.due(detected) - detected == timedelta(hours=24)
    assert local(RULE.due(detected)).time() == local(detected).time()


@given(st.lists(st.integers(0, 120), min_size=1, max_size=12))
def test_cases_of_a_row_of_visits_never_overlap_and_miss_none(days):
    """The rule itself, without a database: visits in any order of signing."""
    from patients.services.cases import _overlaps

    cases: list[DiseaseCase] = []
    for day in (DAY + timedelta(days=one) for one in days):
        known = [case for case in cases if _overlaps(case, day, RULE.repeat_days)]
        if not known:
            cases.append(DiseaseCase(detected_on=day, repeat_days=RULE.repeat_days))
    for one in cases:
        others = [other for other in cases if other is not one]
        assert all(abs((other.detected_on - one.detected_on).days) >= 30 for other in others)
    for day in days:
        seen = DAY + timedelta(days=day)
        assert any(abs((case.detected_on - seen).days) < 30 for case in cases)


# What becomes of a case


@scene
def case(place: Place) -> DiseaseCase:
    return only_case(examined(place, anh_hung(place), "A97.0"))


def test_a_case_is_reported_with_its_code_and_then_told_its_outcome(place, case):
    manager = place.actor("manager")
    with pytest.raises(Refusal, match="mã ca"):
        report_case(case=case, actor=manager, at=at(10))
    with pytest.raises(Refusal, match="Giờ báo"):
        report_case(case=case, system_code="X1", reported_at=at(7), actor=manager, at=at(10))
    done = report_case(case=case, system_code=" 2026-099-1 ", actor=manager, at=at(10))
    assert (done.state, done.system_code, done.reported_at) == (State.REPORTED, "2026-099-1", at(10))
    assert not cases_to_report(place.facility).exists()
    assert [row.pk for row in cases_to_follow(place.facility, DAY)] == [case.pk]
    with pytest.raises(Refusal) as twice:
        report_case(case=case, system_code="X2", actor=manager, at=at(11))
    assert twice.value.code == "already_reported"
    done = discharge_case(case=case, outcome="Khỏi", actor=manager, at=at(12))
    assert (done.state, done.outcome) == (State.DISCHARGED, "Khỏi")
    assert not cases_to_follow(place.facility, DAY).exists()
    exclude_case(case=case, reason="Nhầm người", actor=manager, at=at(13))
    back = restore_case(case=case, reason="Đúng người", actor=manager, at=at(14))
    assert back.state == State.DISCHARGED, "what was told at discharge stays told"
    assert not cases_to_follow(place.facility, DAY).exists()


def test_a_report_by_telephone_waits_for_its_entry_on_the_system(place, case):
    doctor = place.actor("doctor")
    done = report_case(case=case, channel="other", actor=doctor, at=at(10))
    assert done.needs_back_entry
    assert not cases_to_report(place.facility).exists()
    done = enter_case(case=case, system_code="X9", actor=doctor, at=at(16))
    assert (done.system_code, done.reported_at, done.needs_back_entry) == ("X9", at(10), False)
    assert kinds(case)[-1] == Kind.BACK_ENTERED


def test_an_excluded_case_asks_nothing_and_gives_room_for_another(place, case):
    doctor = place.actor("doctor")
    with pytest.raises(Refusal, match="lý do"):
        exclude_case(case=case, reason=" ", actor=doctor, at=at(10))
    exclude_case(case=case, reason="NS1 âm tính, chẩn đoán lại", actor=doctor, at=at(10))
    assert not cases_to_report(place.facility).exists()
    with pytest.raises(Refusal, match="loại trừ"):
        report_case(case=case, system_code="X1", actor=doctor, at=at(11))
    again = examined(place, case.patient, "A97.0", begun=at(9, 0, DAY + timedelta(days=2)))
    assert again.cases[0].pk != case.pk
    with pytest.raises(Refusal) as another:
        restore_case(case=case, reason="Nhầm", actor=doctor, at=at(12))
    assert another.value.code == "already_another"
    exclude_case(case=again.cases[0], reason="Trùng", actor=doctor, at=at(13))
    assert restore_case(case=case, reason="Nhầm", actor=doctor, at=at(14)).state == State.OPEN


def test_a_death_has_a_clock_of_its_own(place):
    exam = examined(place, anh_hung(place), "A97.0", result="5")
    case = only_case(exam)
    assert case.death_due_at - case.died_at == timedelta(hours=24)
    assert case.next_due == case.death_due_at < case.due_at
    doctor = place.actor("doctor")
    report_case(case=case, system_code="X1", actor=doctor, at=at(10))
    (waiting,) = cases_to_report(place.facility)
    assert waiting.next_due == case.death_due_at
    assert [urgent_count(place.facility, case.death_due_at - timedelta(hours=left)) for left in (13, 12)] == [0, 1]
    report_death(case=case, actor=doctor, at=case.death_due_at + timedelta(minutes=1))
    assert case.events.last().text == "quá hạn", "by the clock of the death, which is shorter than that of the case"
    assert not cases_to_report(place.facility).exists()
    with pytest.raises(Refusal):
        report_death(case=case, actor=doctor, at=at(12, 0, DAY + timedelta(days=2)))


def test_a_death_that_is_heard_of_later_starts_its_clock_then(place, case):
    doctor, died = place.actor("doctor"), at(22, 0, DAY + timedelta(days=3))
    with pytest.raises(Refusal, match="Giờ tử vong"):
        record_death(case=case, died_at=died, actor=doctor, at=at(9))
    done = record_death(case=case, died_at=died, actor=doctor, at=at(7, 0, DAY + timedelta(days=4)))
    assert done.death_due_at == at(22, 0, DAY + timedelta(days=4))


def test_an_amendment_of_the_exam_marks_the_case_until_its_sheet_is_kept(place, case):
    doctor = place.actor("doctor")
    amend_exam(exam=case.exam, text="NS1 âm tính", reason="Có kết quả", actor=doctor, at=at(15))
    assert get_case(place.facility, case.pk).needs_review
    report_case(case=case, system_code="X1", actor=doctor, at=at(15, 10))
    assert get_case(place.facility, case.pk).needs_review, "a report of what was known before settles nothing"
    exclude_case(case=case, reason="NS1 âm tính", actor=doctor, at=at(15, 20))
    assert not get_case(place.facility, case.pk).needs_review
    restore_case(case=case, reason="Nhầm", actor=doctor, at=at(15, 30))
    assert get_case(place.facility, case.pk).needs_review
    save_sheet(case=case, case_class="suspected", texts={"agent": "Chưa rõ"}, actor=doctor, at=at(16))
    after = get_case(place.facility, case.pk)
    assert (after.needs_review, after.case_class, after.agent) == (False, "suspected", "Chưa rõ")


def test_an_amendment_of_a_later_exam_marks_the_case_that_it_saw_again(place, case):
    doctor = place.actor("doctor")
    again = examined(place, case.patient, "A97.0", begun=at(8, 10, DAY + timedelta(days=3)))
    other = examined(place, case.patient, "I10", begun=at(8, 10, DAY + timedelta(days=4)))
    later = at(9, 0, DAY + timedelta(days=5))
    amend_exam(exam=other, text="Nhầm ô", reason="Sửa", actor=doctor, at=later)
    assert not get_case(place.facility, case.pk).needs_review
    amend_exam(exam=again, text="NS1 âm tính", reason="Có kết quả", actor=doctor, at=later)
    assert get_case(place.facility, case.pk).needs_review


def test_a_sheet_refuses_impossible_days_beside_their_fields(place, case):
    doctor = place.actor("doctor")
    for wrong in ({"onset_on": DAY + timedelta(days=1)}, {"specimen_on": DAY + timedelta(days=1)}):
        with pytest.raises(Refusal) as refused:
            save_sheet(case=case, case_class="clinical", texts={}, actor=doctor, at=at(16), **wrong)
        assert refused.value.field == next(iter(wrong))


def test_nothing_of_a_case_is_deleted_and_its_origin_is_fixed(case):
    for change in (
        case.delete,
        case.events.all().delete,
        lambda: DiseaseCase.objects.filter(pk=case.pk).update(detected_at=at(7)),
        lambda: CaseEvent.objects.update(text="khác"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_other_roles_and_facilities_are_kept_out(world, place, case):
    with pytest.raises(PermissionRefused):
        exclude_case(case=case, reason="x", actor=place.actor("nurse"), at=at(10))
    with pytest.raises(NotFound):
        exclude_case(case=case, reason="x", actor=world.hospital.actor("doctor"), at=at(10))
    with pytest.raises(NotFound):
        get_case(world.hospital.facility, case.pk)
    assert urgent_count(world.hospital.facility, at(10, 0, DAY + timedelta(days=9))) == 0
