"""What the demonstration writes by hand: a few lines in registers of the station, a briefing at the hospital."""

from collections.abc import Iterator
from datetime import date, time, timedelta

from his.core.dates import local, vn_datetime
from his.demo.places import STATION, Place
from patients.models import Visit
from reports.briefing.models import Briefing
from reports.briefing.services import lock_briefing, write_cells
from reports.models import RegisterEntry
from reports.registers.definition import register_on
from reports.registers.fill import facts_of_person, facts_of_visit, filled, visit_to_write
from reports.registers.services import cancel_entry, correct_entry, write_entry
from reports.registers.values import NO, YES

FOLLOWED = 8
"""Visits for high blood pressure that are written into the register of chronic diseases."""
_PREGNANT = (
    ("Lò Thị Thử", "24", "12", "48", "100/60", "Đầu", "1000"),
    ("Trần Thị Mẫu", "31", "24", "55,5", "110/70", "Đầu", "1001"),
    ("Vàng Thị Ví Dụ", "19", "32", "52", "120/80", "Mông", "0000"),
    ("Nguyễn Thị Giả", "28", "38", "61", "115/75", "Đầu", "2002"),
)
_TALKS = (
    ("Phòng sốt xuất huyết, diệt bọ gậy", "Nói chuyện", "Nhà văn hoá thôn Giả Định", "Người dân", "46"),
    ("Dinh dưỡng cho trẻ dưới 5 tuổi", "Thảo luận nhóm", "Trạm y tế", "Bà mẹ có con nhỏ", "18"),
)
_CHILDREN = (("Bé Thị Một", "Nữ", "02/08/2026", "DPT-VGB-Hib", "1"), ("Bé Văn Hai", "Nam", "15/06/2026", "bOPV", "2"))


def keep_registers(place: Place, month: date) -> int:
    """Write lines of registers at the station and lock one briefing at the hospital; answers how many lines."""
    if place.facility.code != STATION:
        hold_briefing(place, month)
        return 0
    return len(list(_lines(place, month)))


def _lines(place: Place, month: date) -> Iterator[RegisterEntry]:
    nurse = place.actor("nurse")
    first = month + timedelta(days=4)
    at = vn_datetime(month + timedelta(days=20), time(15))
    for number, (name, age, weeks, weight, pressure, presentation, para) in enumerate(_PREGNANT):
        yield write_entry(
            register="A3",
            on=first + timedelta(days=2 * number),
            typed={
                "full_name": name,
                "age": age,
                "address": "Thôn Giả Định, xã Thí Dụ",
                "ethnicity": "Kinh",
                "para": para,
                "gestation": weeks,
                "weight_kg": weight,
                "pressure": pressure,
                "presentation": presentation if int(weeks) > 20 else "",
                "anaemia": NO,
                "iron": YES,
                "tetanus": "Mũi 1",
                "prognosis": "Có nguy cơ" if presentation == "Mông" else "Đẻ thường",
                "by": nurse.user.display_name,
            },
            actor=nurse,
            at=at,
        )
    for number, (topic, how, where, who, count) in enumerate(_TALKS):
        typed = {"topic": topic, "form": how, "place": where, "audience": who, "attendance": count}
        yield write_entry(register="A11", on=first + timedelta(days=number), typed=typed, actor=nurse, at=at)
    for number, (name, sex, born, vaccine, dose) in enumerate(_CHILDREN):
        typed = {"full_name": name, "sex": sex, "birth": born, "vaccine": vaccine, "dose": dose, "reaction": "Không"}
        yield write_entry(register="A2.1", on=first + timedelta(days=number), typed=typed, actor=nurse, at=at)
    yield from _followed(place, month)
    _mend(place, month)


def _followed(place: Place, month: date) -> Iterator[RegisterEntry]:
    """Visits for high blood pressure in the register of chronic diseases, filled from the records."""
    doctor = place.actor("doctor")
    rows = Visit.objects.for_facility(place.facility).filter(
        arrived_at__gte=vn_datetime(month, time()), diagnoses__code__startswith="I10", diagnoses__is_main=True
    )
    for pk in rows.order_by("arrived_at").values_list("pk", flat=True)[:FOLLOWED]:
        visit = visit_to_write(place.facility, pk)
        on = local(visit.arrived_at).date()
        known = {**facts_of_person(visit.patient, on), **facts_of_visit(visit)}
        typed = {**filled(register_on("A12", on), known), "disease": "Tăng huyết áp", "outcome": "Đang quản lý"}
        at = visit.ended_at or visit.arrived_at
        yield write_entry(register="A12", on=on, typed=typed, visit=visit, actor=doctor, at=at)


def _mend(place: Place, month: date) -> None:
    """One line of the antenatal register is corrected, the last one cancelled."""
    nurse, at = place.actor("nurse"), vn_datetime(month + timedelta(days=21), time(8))
    rows = RegisterEntry.objects.for_facility(place.facility).filter(register="A3").order_by("number")
    first, last = rows[0], rows[len(_PREGNANT) - 1]
    typed = {**first.values, "gestation": "13", "due_on": f"{month + timedelta(days=190):%d/%m/%Y}"}
    correct_entry(
        entry=first,
        version=1,
        on=first.entered_on,
        typed=typed,
        reason="Tính lại theo siêu âm",
        patient=first.patient,
        actor=nurse,
        at=at,
    )
    cancel_entry(entry=last, version=1, reason="Ghi nhầm sổ", actor=nurse, at=at)


def hold_briefing(place: Place, month: date) -> Briefing:
    """The briefing of a working day, with what the ward counted by hand, locked in the morning."""
    day = month + timedelta(days=6)
    department = place.departments[min(place.departments)]
    cells = {"emergencies": (2, "một ca tai nạn giao thông")}
    cells |= {"before": (12, ""), "admitted": (3, ""), "discharged": (4, "")}
    write_cells(
        day=day, department=department, cells=cells, actor=place.actor("nurse"), at=vn_datetime(day, time(6, 45))
    )
    return lock_briefing(day=day, actor=place.actor("manager"), at=vn_datetime(day, time(7, 20)))
