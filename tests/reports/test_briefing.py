"""The morning briefing: 07:00 to 07:00, hand before records, frozen when locked."""

import re
from datetime import date, datetime, time, timedelta

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
from tests.reports import second_opinion_more as more
from tests.reports import second_opinion_wards as second
from tests.reports.month import OCTOBER, person_visit

MORNING = DAY + timedelta(days=1)
LONG_AFTER = at(12, day=date(2026, 11, 3))
END = at(12, day=DAY + timedelta(days=2))


def cells_of(place: Place, department: Department, day: date = MORNING) -> dict[str, Cell]:
    sheet = sheet_of(place.facility, day, briefing_of(place.facility, day), END)
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
    sheet = sheet_of(place.facility, MORNING, None, END)
    totals = dict(zip((metric.code for metric in METRICS), sheet.totals(), strict=True))
    assert totals["visits"] == 2
    assert (totals["blood"], totals["ultrasound"], totals["chemistry"]) == (1, 1, 0)
    assert (totals["before"], totals["admitted"], totals["present"]) == (0, 0, 0)
    assert cells_of(place, done.visit.department)["visits"].value == 2
    later = sheet_of(place.facility, MORNING + timedelta(days=1), None, END)
    assert dict(zip((m.code for m in METRICS), later.totals(), strict=True))["visits"] == 1
    station = world.station.facility
    counted = sum(metric.is_counted for metric in METRICS)
    assert sheet_of(station, MORNING, None, END).totals().count(0) == counted + 1, "and who is there"
    ahead = sheet_of(station, MORNING, None, at(6, 59)).totals()
    assert ahead.count(0) == counted - 7, "before a duty nobody knows who is there"


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


def told(place: Place, morning: date, when: datetime = LONG_AFTER) -> dict[str, tuple[int | None, ...]]:
    """By department who was there, came, was moved in and out, left, was sent away, died, is there."""
    sheet = sheet_of(place.facility, morning, None, when)
    assert sheet.gaps() == []
    found = {row.code: tuple(cell.value for cell in row.values()[:8]) for row in sheet.rows}
    return {code: row for code, row in found.items() if any(row)}


@pytest.mark.django_db
def test_who_lies_in_the_wards_is_counted_from_seven_to_seven(
    world: World, ward_month: dict[str, walk.Walk], client: Client
) -> None:
    """The people of `tests.reports.month`, and what another program reads in the beds each morning."""
    place = world.hospital
    assert told(place, date(2026, 10, 7)) == {"K02": (0, 3, 0, 0, 1, 0, 0, 2)}
    assert told(place, date(2026, 10, 7), at(11)) == {"K02": (0, 3, 0, 0, 0, 0, 0, 3)}, "at 11:00 of the duty"
    assert told(place, date(2026, 10, 9)) == {"K02": (2, 0, 0, 1, 0, 0, 0, 1), "K27": (0, 0, 1, 0, 0, 0, 0, 1)}
    assert told(place, date(2026, 10, 10)) == {"K02": (1, 0, 0, 0, 1, 0, 0, 0), "K27": (1, 0, 0, 0, 0, 0, 1, 0)}
    assert told(place, date(2026, 11, 3), at(8, day=date(2026, 11, 3)))["K27"] == (1, 0, 0, 0, 0, 0, 0, 1)
    with connection.cursor() as cursor:
        found = second.stretches(cursor, place.facility.code, more.VISIT, datetime(2026, 11, 30))
    for day in OCTOBER.days():
        end = datetime.combine(day, time(7))
        span = (end - timedelta(days=1), end)
        seen: dict[str, list[int]] = {}
        for one in found:
            ways = [one.lies(span[0]), one.began(span, "admitted"), one.began(span, "moved")]
            ways += [one.ended(span, how) for how in ("moved", "home", "transfer", "died")]
            old = seen.get(one.ward, [0] * 8)
            seen[one.ward] = [was + now for was, now in zip(old, [*ways, one.lies(end)], strict=True)]
        assert told(place, day) == {k: tuple(v) for k, v in seen.items() if any(v)}, day

    department = place.departments["K02"]
    write_cells(day=MORNING, department=department, cells={"died": (1, "")}, actor=place.actor("nurse"), at=at(18))
    gap = f"{department.name}: hiện có 1, theo giường 2"
    assert sheet_of(place.facility, MORNING, briefing_of(place.facility, MORNING), END).gaps() == [gap]
    lock_briefing(day=MORNING, actor=place.actor("doctor"), at=at(7, 30, day=MORNING))
    client.force_login(place.users["nurse"])
    assert gap in client.get("/registers/briefing/?day=07102026").content.decode()
    assert gap in joined(pieces(client.get("/registers/briefing/pdf/?day=07102026").content))
