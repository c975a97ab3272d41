"""The morning briefing: 07:00 to 07:00, hand before records, frozen when locked."""

import re
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from his.accounts.models import Department
from his.core.errors import PermissionRefused, Refusal
from his.demo.places import Place
from patients.models import Exam
from patients.services.outcomes import Transfer
from reports.briefing.metrics import METRICS, Cell, completed, present, window
from reports.briefing.models import Briefing, BriefingCell
from reports.briefing.queries import briefing_of, sheet_of
from reports.briefing.services import lock_briefing, print_briefing, write_cells
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.pdf_text import joined, pieces
from tests.reports.month import person_visit

MORNING = DAY + timedelta(days=1)


def cells_of(place: Place, department: Department, day: date = MORNING) -> dict[str, Cell]:
    sheet = sheet_of(place.facility, day, briefing_of(place.facility, day))
    return dict(next(row for row in sheet.rows if row.code == department.code).cells)


@pytest.mark.django_db
def test_what_happened_from_seven_to_seven_is_counted_by_department(world: World) -> None:
    place = world.hospital
    done = walk.lan_full(world, place)
    early = at(6, 59, day=MORNING)
    person_visit(
        world,
        place,
        "Người Sớm",
        "GD4999912345601",
        day=early,
    ).examine()
    person_visit(world, place, "Người Sau", "GD4999912345602", day=at(7, 0, day=MORNING)).examine()
    sheet = sheet_of(place.facility, MORNING, None)
    totals = dict(zip((metric.code for metric in METRICS), sheet.totals(), strict=True))
    assert totals["visits"] == 2
    assert (totals["blood"], totals["ultrasound"], totals["chemistry"]) == (1, 1, 0)
    assert totals["before"] is None
    assert cells_of(place, done.visit.department)["visits"].value == 2
    later = sheet_of(place.facility, MORNING + timedelta(days=1), None)
    assert dict(zip((m.code for m in METRICS), later.totals(), strict=True))["visits"] == 1
    assert sheet_of(world.station.facility, MORNING, None).totals().count(0) == sum(m.is_counted for m in METRICS)


@pytest.mark.django_db
def test_the_hand_stands_before_the_records_and_who_is_there_follows(world: World) -> None:
    place = world.hospital
    department = walk.lan_full(world, place).visit.department
    written = {"visits": (3, "một người chưa nhập máy"), "before": (10, ""), "admitted": (2, ""), "discharged": (4, "")}
    write_cells(day=MORNING, department=department, cells=written, actor=place.actor("nurse"), at=at(18))
    cells = cells_of(place, department)
    assert (cells["visits"].counted, cells["visits"].value, cells["present"].value) == (1, 3, 8)
    write_cells(day=MORNING, department=department, cells={"visits": (None, "")}, actor=place.actor("nurse"), at=at(18))
    assert cells_of(place, department)["visits"].value == 1
    assert cells_of(place, department)["present"].value == 8
    with pytest.raises(Refusal, match="tính từ"):
        write_cells(
            day=MORNING, department=department, cells={"present": (1, "")}, actor=place.actor("nurse"), at=at(18)
        )


@pytest.mark.django_db
def test_a_locked_briefing_never_changes(world: World) -> None:
    place = world.hospital
    sent = person_visit(world, place, "Người Chuyển", "GD4999912345691", hour=10).examine("I10", history="Đau ngực")
    slip = Transfer(
        transfer_facility_code="99003", transfer_condition="Tỉnh", transfer_plan="Tiếp", transport="Xe cứu thương"
    )
    sent.sign(outcome=Exam.Outcome.TRANSFER, transfer=slip)
    department, doctor = sent.visit.department, place.actor("doctor")
    with pytest.raises(Refusal, match="chưa chốt được"):
        lock_briefing(day=MORNING, actor=doctor, at=at(6, day=MORNING))
    locked = lock_briefing(day=MORNING, actor=doctor, at=at(7, 30, day=MORNING))
    walk.lan_full(world, place)
    assert cells_of(place, department)["visits"].value == 1, "what was entered afterwards changes nothing"
    with pytest.raises(Refusal, match="đã chốt"):
        write_cells(day=MORNING, department=department, cells={"visits": (9, "")}, actor=doctor, at=at(8, day=MORNING))
    with pytest.raises(Refusal, match="đã chốt"):
        lock_briefing(day=MORNING, actor=doctor, at=at(8, day=MORNING))
    with pytest.raises(DatabaseError), transaction.atomic():
        Briefing.objects.filter(pk=locked.pk).update(values={})
    with pytest.raises(DatabaseError), transaction.atomic():
        BriefingCell.objects.create(
            facility=place.facility, briefing=locked, department=department, metric="visits", at=at(8), by=doctor.user
        )
    paper = joined(pieces(print_briefing(day=MORNING, actor=doctor, at=at(8, day=MORNING))))
    assert "Đã chốt lúc 07:30 07/10/2026" in paper
    assert "Người Chuyển" in paper
    assert "99003" in paper


@pytest.mark.django_db
def test_who_writes_does_not_lock(world: World, client: Client) -> None:
    with pytest.raises(PermissionRefused):
        lock_briefing(day=MORNING, actor=world.station.actor("nurse"), at=at(8, day=MORNING))
    client.force_login(world.station.users["nurse"])
    department = Department.objects.for_facility(world.station.facility).order_by("code").first()
    path = f"/registers/briefing/departments/{department.pk}/?day=07/10/2026"
    assert client.post(path, {"visits": "12", "visits_note": "ghi tay"}).status_code == 302
    shown = client.get("/registers/briefing/?day=07102026").content.decode()
    assert "<b>12*</b>" in shown
    assert "ghi tay" in shown
    wrong = client.post(path, {"visits": "nhiều", "visits_note": "giữ lại"})
    assert wrong.status_code == 422
    assert "giữ lại" in wrong.content.decode()
    assert client.post("/registers/briefing/lock/?day=07/10/2026").status_code == 403
    client.force_login(world.station.users["manager"])
    assert client.post("/registers/briefing/lock/?day=07/10/2026").status_code == 302


@pytest.mark.django_db
def test_printing_begins_no_briefing(world: World, client: Client) -> None:
    client.force_login(world.station.users["nurse"])
    paper = client.get("/registers/briefing/pdf/?day=07/10/2026")
    assert "bản in nháp" in joined(pieces(paper.content))
    assert not Briefing.objects.exists()
    assert client.get("/registers/briefing/pdf/?day=01/01/2099").status_code == 422
    ahead, here = (client.get(f"/registers/briefing/?day={day}").content.decode() for day in ("01012099", "07102026"))
    assert "Phiên trực này chưa bắt đầu" in ahead
    assert "/pdf/" in here
    assert not re.search(r"/pdf/|/departments/|/lock/", ahead), "nothing is offered that would be refused"


@pytest.mark.django_db
def test_a_whole_department_is_written_in_as_few_statements_as_one_cell(world: World) -> None:
    place, nurse = world.hospital, world.hospital.actor("nurse")
    first, second = Department.objects.for_facility(place.facility).order_by("code")[:2]
    all_cells = {metric.code: (number, "") for number, metric in enumerate(METRICS) if metric.code != "present"}

    def asked(department: Department, cells: dict[str, tuple[int | None, str]]) -> int:
        with CaptureQueriesContext(connection) as queries:
            write_cells(day=MORNING, department=department, cells=cells, actor=nurse, at=at(18))
        return len(queries)

    asked(first, {"visits": (1, "")})  # begins the briefing of the morning
    one = asked(second, {"visits": (1, "")})
    assert asked(first, all_cells) == one
    assert {cell.metric: cell.written for cell in BriefingCell.objects.filter(department=first)} == {
        code: figure for code, (figure, _) in all_cells.items()
    }
    asked(first, {"before": (None, "không rõ")})
    assert (cells_of(place, first)["before"].written, cells_of(place, first)["before"].note) == (None, "không rõ")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([metric.code for metric in METRICS]), st.integers(0, 500)))
def test_who_is_there_is_what_came_less_what_went(figures: dict[str, int]) -> None:
    cells = completed({code: Cell(written=figure) for code, figure in figures.items()})
    came = sum(figures.get(code, 0) for code in ("before", "admitted", "moved_in"))
    went = sum(figures.get(code, 0) for code in ("moved_out", "discharged", "sent_away", "died"))
    assert cells["present"].value == (came - went if "before" in figures else None) == present(cells)


def test_a_duty_is_a_whole_day() -> None:
    start, end = window(MORNING)
    assert (start, end - start) == (at(7), timedelta(days=1))
