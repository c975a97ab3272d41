"""Somebody lies at the hospital: bé Tí two days with pneumonia in the children's ward, told through the desks.

A stay spans days that the desks of the month have closed already; the fund pays all of it, so that no drawer is needed.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from his.catalogs.models import Diagnosis, PricedService
from his.core.dates import local, vn_datetime
from his.demo.places import Place
from insurance.billing.closing import close_visit
from patients.models import Exam, Patient, Visit
from patients.queries import card_for
from patients.services.beds import admit_to_ward, leave_ward, move_bed
from patients.services.exams import save_exam, set_diagnoses, start_exam
from patients.services.signing import sign_exam, write_note
from patients.services.visits import open_visit, record_vitals
from patients.wards import BED_GROUPS, INPATIENT

TI = "099223000111"
"""The citizen ID of bé Tí (`his.demo.cast`)."""
_WARD, _ROOM, _FIRST_DAY = "K18", "PK3", 27
_DISEASES = ("J18.9", "J20.9")
_COURSE = (
    (0, time(15), "Sốt 38,6 °C, ho đờm, thở 40 lần/phút, không rút lõm lồng ngực. Kháng sinh tiêm, hạ sốt, theo dõi."),
    (1, time(8), "Còn sốt nhẹ 37,8 °C, ăn được, phổi bớt ran. Tiếp tục điều trị."),
    (2, time(8), "Hết sốt, ăn uống khá, phổi thông khí tốt. Cho ra viện."),
)


def keep_ward(place: Place, month: date) -> Visit | None:
    """Let bé Tí lie two days in the ward, the first night two children in the bed; answers the closed visit.

    None where the catalogue lacks a bed day of the ward or the disease, or nobody of that name came this month.
    """
    first = month + timedelta(days=_FIRST_DAY - 1)
    patient = Patient.objects.for_facility(place.facility).filter(citizen_id=TI).first()
    service = _bed_day(place, first)
    disease = Diagnosis.objects.on(first).filter(code__in=_DISEASES).order_by("code").first()
    if patient is None or service is None or disease is None:
        return None
    exam = _admitted(place, patient, disease, service, first)
    visit = exam.visit
    doctor, nurse, department = place.actor("doctor3"), place.actor("nurse"), place.departments[_WARD]
    for days, hour, text in _COURSE:
        write_note(visit=visit, text=text, actor=doctor, at=_at(first, days, hour))
    stay = visit.bed_stays.latest("started_at")
    stay = move_bed(
        stay=stay,
        department=department,
        bed_code="H004",
        service_code=service.code,
        actor=nurse,
        at=_at(first, 1, time(9)),
    )
    leaving = _at(first, 2, time(9, 30))
    sign_exam(
        exam=exam,
        outcome=Exam.Outcome.FOLLOW_UP,
        follow_up_on=local(leaving).date() + timedelta(days=7),
        treatment_result_code="1",
        actor=doctor,
        at=leaving - timedelta(minutes=20),
    )
    leave_ward(stay=stay, actor=nurse, at=leaving)
    close_visit(visit=visit, actor=place.actor("cashier"), at=leaving + timedelta(minutes=20), extra_told=True)
    visit.refresh_from_db()
    return visit


def _bed_day(place: Place, on: date) -> PricedService | None:
    """The cheapest bed day of the ward."""
    rows = PricedService.objects.for_facility(place.facility).on(on)
    return rows.filter(code__startswith=_WARD, group_code=BED_GROUPS[INPATIENT]).order_by("price", "code").first()


def _admitted(place: Place, patient: Patient, disease: Diagnosis, service: PricedService, first: date) -> Exam:
    """The exam of a child who was examined and lies in a bed of the ward."""
    doctor, nurse, arrived = place.actor("doctor3"), place.actor("nurse"), _at(first, 0, time(8, 10))
    visit = open_visit(
        patient=patient,
        room=place.rooms[_ROOM],
        card=card_for(patient, first),
        route="emergency",
        reason="Sốt cao, ho, thở nhanh",
        confirm_second=True,
        actor=place.actor("reception"),
        at=arrived,
    )
    record_vitals(
        visit=visit,
        pulse=132,
        temperature=Decimal("38.6"),
        respiration=40,
        weight_kg=Decimal("14.2"),
        actor=nurse,
        at=arrived + timedelta(minutes=5),
    )
    exam = start_exam(visit=visit, actor=doctor, at=arrived + timedelta(minutes=10))
    noted = arrived + timedelta(minutes=15)
    save_exam(
        exam=exam,
        history="Trẻ ho, sốt 3 ngày, uống hạ sốt không đỡ",
        findings="Tỉnh, thở nhanh, phổi ran ẩm hai đáy",
        treatment="Nhập khoa Nhi, kháng sinh, hạ sốt, theo dõi nhịp thở",
        advice="Giữ ấm, uống đủ nước, khám lại theo hẹn",
        actor=doctor,
        at=noted,
    )
    set_diagnoses(exam=exam, main=disease.code, actor=doctor, at=noted)
    admit_to_ward(
        visit=visit,
        department=place.departments[_WARD],
        bed_code="H003",
        service_code=service.code,
        patients_in_bed=2,
        actor=nurse,
        at=noted + timedelta(minutes=20),
    )
    return exam


def _at(first: date, days: int, hour: time) -> datetime:
    return vn_datetime(first + timedelta(days=days), hour)
