"""The register of managed patients: who is proposed, enrolled, on target, overdue and lost, and who may say so."""

from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module
from itertools import count

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from his.catalogs.models import PricedService
from his.core.dates import BirthDate
from his.core.errors import NotFound, PermissionRefused, Refusal
from patients.chronic import disease_of
from patients.models import ManagedPatient, Patient, ServiceResult, Visit
from patients.queries_care import (
    LOOKED_AT,
    followed,
    last_readings,
    managed_of,
    managed_on,
    proposals,
    proposed_diseases,
)
from patients.services.care import decline, end_management, enrol
from patients.services.orders import ResultInput, record_result
from patients.services.people import register_patient
from patients.services.visits import open_visit, record_vitals
from tests.cast import DAY, World, at, ba_lan
from tests.insurance import walk
from tests.insurance.walk import GLUCOSE, Walk
from tests.scenes import scene

State = ManagedPatient.State
HYPERTENSION, DIABETES = disease_of("hypertension"), disease_of("diabetes")


@scene
def seen(world: World) -> Walk:
    """Bà Lan examined at the hospital for hypertension and diabetes, glucose 8,1 mmol/l."""
    indicator = {"code": "GLU", "name": "Glucose", "unit": "mmol/L", "low": "3.9", "high": "6.4"}
    PricedService.objects.filter(code=GLUCOSE).update(indicators=[indicator])
    step = walk.lan(world, world.hospital).examine("I10", ["E11.9"]).order(GLUCOSE, results=False)
    technician = world.hospital.actor("technician")
    order = step.visit.orders.get()
    record_result(order=order, results=[ResultInput("GLU", value="8,1")], actor=technician, at=step._later())
    return step.sign()


def day(number: int) -> date:
    return DAY + timedelta(days=number)


# Proposed, enrolled, declined


def test_signed_diagnoses_propose_a_person_until_somebody_answers(world, seen):
    hospital, doctor = world.hospital.facility, world.hospital.actor("doctor")
    (one,) = proposals(hospital, HYPERTENSION, DAY)
    assert (one.patient.pk, one.first_on, one.seen.code) == (seen.visit.patient_id, DAY, "I10")
    assert proposals(hospital, HYPERTENSION, day(-1)) == []
    assert proposals(world.station.facility, HYPERTENSION, DAY) == []
    assert [row.code for row in proposed_diseases(one.patient, ["I10", "E11.9", "J06.9"], DAY)] == [
        "hypertension",
        "diabetes",
    ]
    enrol(patient=one.patient, disease="hypertension", diagnosis_code="I10", actor=doctor, at=at(15))
    decline(patient=one.patient, disease="diabetes", diagnosis_code="E11.9", reason="Nhầm", actor=doctor, at=at(15))
    assert proposals(hospital, HYPERTENSION, DAY) == proposals(hospital, DIABETES, DAY) == []
    assert proposed_diseases(one.patient, ["I10", "E11.9"], DAY) == []
    assert [row.disease for row in managed_on(hospital, DAY)] == ["hypertension"]


def test_nobody_is_managed_twice_and_only_for_what_fits(world, seen):
    doctor, patient = world.hospital.actor("doctor"), seen.visit.patient
    wrong = {"I10": "diabetes", "": "hypertension"}
    for code, disease in wrong.items():
        with pytest.raises(Refusal) as refused:
            enrol(patient=patient, disease=disease, diagnosis_code=code, actor=doctor, at=at(15))
        assert refused.value.field == "diagnosis_code"
    enrol(patient=patient, disease="hypertension", diagnosis_code="i10 ", actor=doctor, at=at(15))
    for again in (enrol, decline):
        more = {"reason": "x"} if again is decline else {}
        with pytest.raises(Refusal) as twice:
            again(patient=patient, disease="hypertension", diagnosis_code="I10", actor=doctor, at=at(15), **more)
        assert twice.value.code == "already_managed"
    with pytest.raises(Refusal, match="tương lai"):
        enrol(patient=patient, disease="diabetes", diagnosis_code="E11.9", enrolled_on=day(1), actor=doctor, at=at(15))


def test_an_end_has_its_reason_its_day_and_stays(world, seen):
    doctor, patient = world.hospital.actor("doctor"), seen.visit.patient
    row = enrol(patient=patient, disease="hypertension", diagnosis_code="I10", actor=doctor, at=at(15))
    for change in (
        {"state": State.MANAGED, "reason": "x"},
        {"state": State.TRANSFERRED, "reason": ""},
        {"state": State.DIED, "reason": "", "ended_on": day(-1)},
        {"state": State.DIED, "reason": "", "ended_on": day(1)},
    ):
        with pytest.raises(Refusal):
            end_management(managed=row, actor=doctor, at=at(16), **change)
    later = at(8, 0, day(40))
    done = end_management(
        managed=row, state=State.TRANSFERRED, reason="BV tỉnh", ended_on=day(30), actor=doctor, at=later
    )
    assert (done.state, done.ended_on) == (State.TRANSFERRED, day(30))
    assert list(managed_on(world.hospital.facility, day(29))) == [row]
    assert list(managed_on(world.hospital.facility, day(30))) == []
    with pytest.raises(Refusal) as twice:
        end_management(managed=row, state=State.DIED, reason="", actor=doctor, at=later)
    assert twice.value.code == "already_ended"
    for broken in (row.delete, lambda: ManagedPatient.objects.update(state="managed", ended_on=None)):
        with pytest.raises(DatabaseError), transaction.atomic():
            broken()
    assert enrol(patient=patient, disease="hypertension", diagnosis_code="I10", actor=doctor, at=later).pk != row.pk


def test_the_database_keeps_ends_whole_and_the_open_without_one(world, seen):
    doctor = world.hospital.actor("doctor")
    row = enrol(patient=seen.visit.patient, disease="hypertension", diagnosis_code="I10", actor=doctor, at=at(15))
    end = {"ended_at": at(16), "ended_by": doctor.user, "end_reason": "BV tỉnh"}
    for broken in (
        {"state": State.TRANSFERRED, **end},
        {"state": State.TRANSFERRED, **end, "ended_on": DAY, "end_reason": ""},
        {"ended_on": DAY},
        {"ended_at": at(16)},
        {"end_reason": "BV tỉnh"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            ManagedPatient.objects.filter(pk=row.pk).update(**broken)
    ManagedPatient.objects.filter(pk=row.pk).update(state=State.TRANSFERRED, ended_on=DAY, **end)


def test_who_was_transferred_is_proposed_again_after_coming_back(world):
    hospital, doctor = world.hospital, world.hospital.actor("doctor")
    first = walk.lan(world, hospital).examine("I10").sign()
    patient = first.visit.patient
    row = enrol(patient=patient, disease="hypertension", diagnosis_code="I10", actor=doctor, at=at(15))
    end_management(managed=row, state=State.TRANSFERRED, reason="Về trạm", actor=doctor, at=at(16))
    assert proposals(hospital.facility, HYPERTENSION, day(9)) == []
    assert proposed_diseases(patient, ["I10"], day(9)) == [], "the same rule for the doctor's note"
    Visit.objects.filter(pk=first.visit.pk).update(state="closed", closed_at=at(17), claim_month=DAY.replace(day=1))
    again = later_visit(world, patient, day(9))
    (one,) = proposals(hospital.facility, HYPERTENSION, day(9))
    assert (one.seen.visit_id, one.first_on) == (again.visit.pk, day(9)), "from the return on, not from the first visit"
    assert proposed_diseases(patient, ["I10"], day(9)) == [HYPERTENSION]


def test_periods_of_one_disease_never_overlap(world, seen):
    doctor, patient = world.hospital.actor("doctor"), seen.visit.patient
    who = {"patient": patient, "disease": "hypertension", "diagnosis_code": "I10", "actor": doctor}
    row = enrol(**who, at=at(15))
    later = at(8, 0, day(40))
    end_management(managed=row, state=State.ENDED, reason="Nhầm", ended_on=day(30), actor=doctor, at=later)
    for wrong in (day(-5), day(0), day(29)):
        with pytest.raises(Refusal, match="đến 05/11/2026") as refused:
            enrol(**who, enrolled_on=wrong, at=later)
        assert refused.value.field == "enrolled_on"
    again = enrol(**who, enrolled_on=day(30), at=later)
    for wrong in (day(-5), day(29)):
        again.pk, again.enrolled_on = None, wrong
        with pytest.raises(IntegrityError), transaction.atomic():
            again.save(force_insert=True)
    decline(**{**who, "disease": "diabetes", "diagnosis_code": "E11.9"}, reason="Nhầm", at=later)
    enrol(**{**who, "disease": "diabetes", "diagnosis_code": "E11.9"}, enrolled_on=day(2), at=later)


def test_overlapping_periods_of_before_are_parted_where_the_first_one_ended(world, seen):
    doctor, patient = world.hospital.actor("doctor"), seen.visit.patient
    row = enrol(patient=patient, disease="hypertension", diagnosis_code="I10", actor=doctor, at=at(15))
    end_management(managed=row, state=State.ENDED, reason="x", ended_on=day(30), actor=doctor, at=at(8, 0, day(40)))
    constraint = next(one for one in ManagedPatient._meta.constraints if one.name == "managed_once_at_a_time")
    connection.check_constraints()  # nothing is left pending, so that the table may be altered
    with connection.schema_editor() as editor:
        editor.remove_constraint(ManagedPatient, constraint)
    row.pk, row.enrolled_on, row.recorded_at, row.state = None, day(-9), at(8, 0, day(41)), State.MANAGED
    row.ended_on = row.ended_at = row.ended_by = None
    row.end_reason, row.is_newly_found = "", True
    row.save(force_insert=True)
    later = {"state": State.ENDED, "ended_at": at(8, 0, day(40)), "ended_by": doctor.user, "end_reason": "x"}
    for number, (first, last) in enumerate([(10, 40), (-20, 20), (12, 15)]):
        row.pk, row.disease, row.enrolled_on, row.note = None, "diabetes", day(first), "y" * 490 if number == 1 else ""
        row.recorded_at = at(8, 0, day(42 + number))
        for name, value in {**later, "ended_on": day(last)}.items():
            setattr(row, name, value)
        row.save(force_insert=True)
    import_module("patients.migrations.0014_part_overlapping_management").part(apps, None)
    connection.check_constraints()
    with connection.schema_editor() as editor:
        editor.add_constraint(ManagedPatient, constraint)
    rows = ManagedPatient.objects.order_by("pk")
    assert list(rows.values_list("enrolled_on", "ended_on", "is_newly_found")) == [
        (DAY, day(30), False),
        (day(30), None, False),
        (day(10), day(40), True),
        (day(-20), day(10), True),
        (day(15), day(15), False),
    ]
    notes = [row.note for row in rows]
    assert [bool(note) for note in notes] == [False, True, False, True, True], "the days of before stay in the note"
    assert notes[1] == f"Đã ghi: quản lý từ {day(-9):%d/%m/%Y}; sửa vì chồng ngày với đợt khác"
    assert notes[3].startswith("yyy")
    assert notes[3].endswith(f"đến {day(20):%d/%m/%Y}; sửa vì chồng ngày với đợt khác")


def later_visit(world: World, patient: Patient, on: date, main: str = "I10", **signs: int) -> Walk:
    place = world.hospital
    visit = open_visit(
        patient=patient,
        room=place.rooms["PK1"],
        confirm_second=True,
        actor=place.actor("reception"),
        at=at(8, 0, on),
    )
    step = Walk(world, place, visit, now=at(8, 5, on)).examine(main)
    if signs:
        record_vitals(visit=visit, actor=place.actor("nurse"), at=at(8, 7, on), **signs)
    return step.sign()


# As of a day


def test_last_visit_readings_and_loss_are_as_of_the_day_asked(world, seen):
    hospital, doctor, patient = world.hospital.facility, world.hospital.actor("doctor"), seen.visit.patient
    row = enrol(patient=patient, disease="hypertension", diagnosis_code="I10", actor=doctor, at=at(15))
    later_visit(world, patient, day(10), systolic=150, diastolic=90)
    later_visit(world, patient, day(40), systolic=128, diastolic=76)
    later_visit(world, patient, day(60), main="J06.9", systolic=160, diastolic=95)

    def on(number: int):
        (one,) = followed(hospital, [row], day(number))
        return one

    assert (on(9).readings.systolic, on(9).is_on_target, on(9).seen.on) == (None, None, DAY)
    assert (on(10).readings.systolic, on(10).is_on_target, on(10).seen.on) == (150, False, day(10))
    assert (on(41).is_on_target, on(41).expected_on, on(41).overdue_days) == (True, day(70), 0)
    assert (on(61).seen.on, on(61).readings.systolic) == (day(40), 160)
    assert (on(71).overdue_days, on(130).is_lost, on(131).is_lost) == (1, False, True)


def test_the_last_sugar_that_is_a_figure_counts_and_old_ones_are_not_read(world, seen):
    hospital, patient = world.hospital.facility, seen.visit.patient
    known, position = ServiceResult.objects.get(indicator_code="GLU"), count(2).__next__

    def add(code: str, value: str, unit: str, number: int) -> None:
        known.pk, known.position, known.indicator_code, known.value, known.unit = None, position(), code, value, unit
        known.resulted_at = at(9, 0, day(number))
        known.save(force_insert=True)

    add("GLUM", "6,4", "mmol/L", 3)
    for number in range(4, 4 + LOOKED_AT - 1):
        add("GLU", "không đo được", "", number)
    add("HBA1C", "6,8", "%", 2)
    (readings,) = last_readings(hospital, [patient.pk], day(30)).values()
    assert (readings.glucose, readings.glucose_on, readings.hba1c) == (Decimal("6.4"), day(3), Decimal("6.8"))
    (before,) = last_readings(hospital, [patient.pk], day(2)).values()
    assert (before.glucose, before.glucose_on) == (Decimal("8.1"), DAY)
    add("GLU", "126", "", 20)
    (unknown,) = last_readings(hospital, [patient.pk], day(30)).values()
    assert unknown.glucose is None, "five results in vain: not measured, instead of an old one"


def test_the_note_of_the_doctor_says_what_a_person_is_managed_for(world, seen, client: Client):
    doctor, patient = world.hospital.actor("doctor"), seen.visit.patient
    assert managed_of(world.hospital.facility, patient, DAY) == []
    enrol(patient=patient, disease="diabetes", diagnosis_code="E11.9", actor=doctor, at=at(15))
    (one,) = managed_of(world.hospital.facility, patient, DAY)
    assert (one.readings.glucose, one.is_on_target) == (Decimal("8.1"), False)
    client.force_login(world.hospital.users["doctor"])
    page = client.get(reverse("doctor-visit", args=[seen.visit.pk])).content.decode()
    assert "Đang quản lý <b>ĐTĐ</b>, lần cuối 06/10, đường 8,1" in page
    assert "Chưa quản lý <b>THA</b>" in page
    answer = {"disease": "hypertension", "patient": patient.pk, "visit": seen.visit.pk, "answer": "new"}
    back = client.post(reverse("care-proposals"), answer)
    assert back.url == reverse("doctor-visit", args=[seen.visit.pk])
    row = ManagedPatient.objects.get(disease="hypertension")
    assert (row.is_newly_found, row.enrolled_on, row.diagnosis_code) == (True, DAY, "I10")
    assert "Chưa quản lý" not in client.get(back.url).content.decode()


def test_other_roles_and_facilities_are_kept_out(world, seen):
    patient, call = seen.visit.patient, {"disease": "hypertension", "diagnosis_code": "I10", "at": at(15)}
    for role in ("nurse", "reception", "manager"):
        with pytest.raises(PermissionRefused):
            enrol(patient=patient, actor=world.hospital.actor(role), **call)
    with pytest.raises(NotFound):
        enrol(patient=patient, actor=world.station.actor("doctor"), **call)
    row = enrol(patient=patient, actor=world.hospital.actor("doctor"), **call)
    with pytest.raises(NotFound):
        end_management(managed=row, state=State.DIED, reason="", actor=world.station.actor("doctor"), at=at(15))
    assert list(managed_on(world.station.facility, DAY)) == []


# Screens


@pytest.fixture
def desk(world: World, client: Client) -> Client:
    client.force_login(world.hospital.users["doctor"])
    return client


def test_a_person_is_enrolled_by_hand_and_the_list_shows_who_is_late(world, desk, seen):
    ba = seen.visit.patient
    nobody = desk.post(reverse("care-new"), {"who": "Không Có Ai", "disease": "copd", "diagnosis_code": "J44.9"})
    assert nobody.status_code == 422
    assert "Không tìm thấy" in nobody.content.decode()
    made = desk.post(
        reverse("care-new"),
        {"who": ba.code, "disease": "copd", "diagnosis_code": "J44.9", "enrolled_on": "01012026"},
    )
    row = ManagedPatient.objects.get()
    assert made.url == reverse("care-one", args=[row.pk])
    page = desk.get(reverse("care"), {"disease": "copd"}).content.decode()
    assert "Bỏ trị trên 90 ngày" in page
    assert "chưa khám" in page
    ended = desk.post(made.url, {"state": "transferred", "ended_on": "", "reason": ""})
    assert ended.status_code == 422
    assert desk.post(made.url, {"state": "transferred", "ended_on": "", "reason": "BV tỉnh"}).status_code == 302
    assert "Chưa quản lý ai" in desk.get(reverse("care"), {"disease": "copd"}).content.decode()


def test_who_declines_a_proposal_says_why_in_their_own_words(world, desk, seen):
    answer = {"disease": "hypertension", "patient": seen.visit.patient_id, "answer": "decline"}
    asked = desk.post(reverse("care-proposals"), answer)
    assert asked.status_code == 200
    assert 'name="reason"' in asked.content.decode()
    empty = desk.post(reverse("care-proposals"), {**answer, "reason": "  "})
    assert empty.status_code == 422
    assert '<span class="error" id="id_reason_error">Hãy ghi lý do</span>' in empty.content.decode()
    assert not ManagedPatient.objects.exists()
    done = desk.post(reverse("care-proposals"), {**answer, "visit": seen.visit.pk, "reason": "Tăng huyết áp tạm thời"})
    assert done.url == reverse("doctor-visit", args=[seen.visit.pk])
    row = ManagedPatient.objects.get()
    assert (row.state, row.end_reason) == (State.DECLINED, "Tăng huyết áp tạm thời")


def test_the_register_asks_as_often_for_many_as_for_few(world, desk, django_assert_max_num_queries):
    doctor, reception = world.hospital.actor("doctor"), world.hospital.actor("reception")
    patient, _ = ba_lan(world.hospital)
    people = [patient]
    for number in range(12):
        people.append(
            register_patient(
                full_name=f"Người Thứ {number}",
                birth=BirthDate(date(1960, 1, 1 + number), "day"),
                sex="1",
                actor=reception,
                at=at(7),
            )
        )
    for one in people:
        enrol(patient=one, disease="hypertension", diagnosis_code="I10", actor=doctor, at=at(15))
    with django_assert_max_num_queries(12):
        page = desk.get(reverse("care")).content.decode()
    assert page.count("row-link") == 13
