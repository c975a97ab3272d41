"""Registers made from records: what they say, how they count and number, what they remember of a print."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from his.catalogs.models import CodeEntry
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.demo.places import Place
from patients.models import Exam, Patient, Visit
from patients.services.exams import set_diagnoses, start_exam
from patients.services.outcomes import Transfer
from patients.services.people import update_patient
from patients.services.visits import cancel_visit
from reports.engine import run
from reports.models import PrintedLine
from reports.period import Period
from reports.registers.arrivals import arrivals_of
from reports.registers.book import Book
from reports.registers.definition import Column, register_on, registers
from reports.registers.printing.sheet import typed_cell, write_xlsx
from reports.registers.services import export_register, print_register, set_numbering
from reports.registers.sources import Line
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.pdf_text import joined, pieces
from tests.reports.month import person_visit

pytestmark = pytest.mark.django_db
OCTOBER = {"start": date(2026, 10, 1), "end": date(2026, 10, 31)}


def book(place: Place, code: str = "A1", text: str = "", **span: date) -> Book:
    span = span or {"start": DAY, "end": DAY}
    return Book(place.facility, register_on(code, span["end"]), span["start"], span["end"], text)


def test_a1_has_the_columns_of_the_circular_in_order() -> None:
    """TT 23/2025/TT-BYT, PL III, A1/CSYT: thirteen columns after the number."""
    assert [column.heading for column in register_on("A1", DAY).columns] == [
        "Họ và tên",
        "Giới",
        "Ngày sinh",
        "Giấy tờ tuỳ thân (số)",
        "Số thẻ BHYT",
        "Địa chỉ",
        "Dân tộc",
        "Nghề nghiệp",
        "Triệu chứng",
        "Chẩn đoán",
        "Phương pháp điều trị",
        "Y, bác sĩ khám bệnh",
        "Ghi chú",
    ]


def test_a_line_says_what_the_visit_left(world: World) -> None:
    done = walk.lan_full(world, world.station)
    (line,) = book(world.station).lines()
    assert line.number == 1
    assert line.is_final
    assert line.cells == {
        "full_name": "Nguyễn Thị Lan",
        "sex": "Nữ",
        "birth": "15/03/1954",
        "citizen_id": "099154000123",
        "card_number": "GD4999912345678",
        "address": "Thôn Giả Định, xã Thí Dụ",
        "ethnicity": "Kinh",
        "occupation": "",
        "reason": "Đau đầu",
        "diagnosis": "Bệnh tăng huyết áp vô căn (nguyên phát) (I10); "
        "Bệnh đái tháo đường không phụ thuộc insulin, chưa có biến chứng (E11.9)",
        "treatment": "Điều trị ngoại trú; Paracetamol 500mg × 15 viên; Nửa giá 1g × 5 lọ",
        "doctor": done.exam.doctor.full_name,
        "note": "",
    }


def test_a1_counts_the_visits_with_an_examination(world: World, station_month: list[walk.Walk]) -> None:
    waiting = walk.someone(world.station, "Người Đang Chờ", card="GD4999912345680")
    walk.visit_of(world, world.station, *waiting, hour=12)
    examined = Visit.objects.filter(facility=world.station.facility, pk__in=Exam.objects.values("visit"))
    shown = book(world.station, **OCTOBER)
    assert shown.rows.count() == len(list(shown.lines())) == examined.count() == 5
    assert sum(part.count for part in shown.parts()) == 5
    arrivals = arrivals_of(shown)
    assert arrivals is not None
    assert (arrivals.examined, arrivals.unexamined) == (5, 1)
    assert arrivals_of(book(world.station, "CHUYEN")) is None


def test_who_came_and_was_not_examined_reconciles_the_register_with_form_9(world: World, client: Client) -> None:
    place = world.hospital
    walk.lan_full(world, place)
    person_visit(world, place, "Người Nằm Viện", "GD4999912345692", visit_type="03", hour=10).examine()
    waiting = walk.someone(place, "Người Về Luôn", card="GD4999912345680")
    walk.visit_of(world, place, *waiting, hour=12)
    gone = walk.visit_of(world, place, *walk.someone(place, "Người Đã Hủy", card="GD4999912345681"), hour=12)
    cancel_visit(visit=gone.visit, reason="Ghi nhầm", actor=place.actor("reception"), at=at(13))
    made = run(form="B9", facility=place.facility, period=Period.month(DAY), actor=place.actor("manager"), at=at(17))
    columns = made.values["columns"]
    form_9 = {row[columns.index("TEN")]: row[columns.index("TS")] for row in made.values["rows"]}
    words = "Đến 3 lượt: 2 lượt có khám, 1 lượt không khám. Biểu 9 đếm 2 lượt, không kể 1 lượt nội trú"
    assert int(form_9["Tổng số lượt khám bệnh"]) == 2
    client.force_login(place.users["nurse"])
    span = "?start=01/10/2026&end=31/10/2026"
    assert words in client.get(f"/registers/A1/{span}").content.decode()
    listed = client.get(f"/registers/A1/unexamined/{span}").content.decode()
    assert ("Người Về Luôn" in listed, "Người Nằm Viện" in listed, "Người Đã Hủy" in listed) == (True, False, False)
    paper = print_register(register="A1", actor=place.actor("nurse"), at=at(17), **OCTOBER)
    assert words in joined(pieces(paper))
    assert client.get(f"/registers/CHUYEN/unexamined/{span}").status_code == 404
    client.force_login(world.station.users["nurse"])
    assert "Người Về Luôn" not in client.get(f"/registers/A1/unexamined/{span}").content.decode()


def test_numbers_go_on_through_the_year_or_begin_each_month(world: World) -> None:
    place = world.station
    for month, hour in ((9, 8), (9, 9), (10, 8), (10, 9)):
        when = at(hour, day=date(2026, month, 6))
        person_visit(world, place, f"Người {month} {hour}", f"GD49999123{month:02d}{hour:03d}", day=when).examine()
    whole = {"start": date(2026, 9, 1), "end": date(2026, 10, 31)}
    assert [line.number for line in book(place, **whole).lines()] == [1, 2, 3, 4]
    found = book(place, text="nguoi 9", **OCTOBER)
    assert [line.number for line in found.shown(found.rows)] == [4]
    set_numbering(register="A1", numbering="month", actor=place.actor("manager"), at=at(12))
    assert [line.number for line in book(place, **whole).lines()] == [1, 2, 1, 2]
    assert [line.number for line in found_again(place)] == [2]


def found_again(place: Place) -> list:
    again = book(place, text="nguoi 9", **OCTOBER)
    return again.shown(again.rows)


def test_a_correction_after_the_first_print_has_a_mark(world: World) -> None:
    place = world.station
    done = walk.lan_full(world, place)
    walk.hung(world, place, 10).examine("J06.9")
    nurse = place.actor("nurse")
    first = print_register(register="A1", start=DAY, end=DAY, actor=nurse, at=at(17))
    assert "Nguyễn Thị Lan" in joined(pieces(first))
    assert PrintedLine.objects.count() == 1, "a line that is not signed is not remembered"
    assert not any(line.is_changed for line in book(place).lines())

    reception = place.actor("reception")
    update_patient(patient=done.visit.patient, address="Thôn Mới, xã Thí Dụ", actor=reception, at=at(18))
    assert [line.is_changed for line in book(place).lines()] == [True, False]
    second = joined(pieces(print_register(register="A1", start=DAY, end=DAY, actor=nurse, at=at(19))))
    assert "dòng đã sửa sau lần in đầu" in second
    assert "lần in 2" in second
    assert [line.is_changed for line in book(place).lines()] == [True, False], "the first print stays the measure"


def test_the_spreadsheet_holds_the_same_lines(world: World, tmp_path: Path, station_month: list[walk.Walk]) -> None:
    target = tmp_path / "a1.xlsx"
    count = export_register(register="A1", target=target, actor=world.station.actor("nurse"), at=at(17), **OCTOBER)
    sheet = openpyxl.load_workbook(target).active
    rows = list(sheet.iter_rows(min_row=5, max_row=4 + count, values_only=True))
    lines = list(book(world.station, **OCTOBER).lines())
    assert [row[0] for row in rows] == [line.number for line in lines]
    assert [row[2] for row in rows] == [line.cells["full_name"] for line in lines]
    assert rows[0][6] == "GD4999912345678"
    assert (rows[0][4], sheet["E5"].number_format) == (datetime(1954, 3, 15), "dd/mm/yyyy")


def test_a_spreadsheet_that_breaks_off_leaves_nothing_behind(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk.lan_full(world, world.station)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def breaking() -> Iterator[Line]:
        yield from book(world.station).lines()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_xlsx(book(world.station), breaking(), tmp_path / "a1.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "shown", "stored"),
    [
        ("number", "52,5", ("decimal", Decimal("52.5"))),
        ("number", "1.250", ("whole", Decimal(1250))),
        ("number", "", ("text", "")),
        ("date", "06/10/2026", ("day", datetime(2026, 10, 6))),
        ("birth", "1954", ("text", "1954")),
        ("birth", "31/12/1899", ("text", "31/12/1899")),
        ("text", "0912", ("text", "0912")),
    ],
)
def test_a_cell_of_a_spreadsheet_is_what_its_column_says(kind: str, shown: str, stored: tuple[str, object]) -> None:
    assert typed_cell(Column("c", "Cột", kind=kind), shown) == stored


def test_a_day_is_never_divided_between_parts(
    world: World, monkeypatch: pytest.MonkeyPatch, station_month: list[walk.Walk]
) -> None:
    monkeypatch.setattr("reports.registers.book.PART", 2)
    person_visit(world, world.station, "Ngày Khác", "GD4999912345690", day=at(8, day=date(2026, 10, 7))).examine()
    parts = book(world.station, **OCTOBER).parts()
    assert [part.count for part in parts] == [5, 1]
    nurse = world.station.actor("nurse")
    with pytest.raises(Refusal, match="in 2 phần"):
        print_register(register="A1", actor=nurse, at=at(17), **OCTOBER)
    paper = joined(pieces(print_register(register="A1", actor=nurse, at=at(17), part=2, **OCTOBER)))
    assert "Ngày Khác" in paper
    assert "phần 2/2" in paper
    assert "Nguyễn Thị Lan" not in paper


def test_a_print_goes_by_the_last_day_of_its_span(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, station_month: list[walk.Walk]
) -> None:
    """A new circular from the 8th, and a code renamed on that day, are in a print up to the 31st, not in one before."""
    place, old = world.station, register_on("A1", DAY)
    person_visit(world, place, "Ngày Khác", "GD4999912345690", day=at(8, day=date(2026, 10, 7))).examine()
    Patient.objects.for_facility(place.facility).update(occupation_code="61")
    since, entry = date(2026, 10, 8), CodeEntry.objects.get(list="occupations", code="61")
    CodeEntry.objects.filter(pk=entry.pk).update(valid_to=date(2026, 10, 7))
    CodeEntry.objects.create(list="occupations", code="61", name="Nông dân", valid_from=since)
    newer = replace(old, version="2026-10-08", valid_from=since, title="SỔ KHÁM BỆNH MỚI")
    monkeypatch.setattr("reports.registers.definition._all", lambda: (old, newer))
    monkeypatch.setattr("reports.registers.book.PART", 2)
    nurse = place.actor("nurse")

    def printed(end: int, part: int) -> str:
        span = {"start": DAY, "end": date(2026, 10, end)}
        pdf = print_register(register="A1", paper="A3", part=part, actor=nurse, at=at(17), **span)
        return joined(pieces(pdf)).replace("- ", "")

    before = printed(7, 2)
    assert ("MỚI" in before, "Lao động nông nghiệp" in before, "Nông dân" in before) == (False, True, False)
    for part in (1, 2):
        after = printed(31, part)
        assert ("MỚI" in after, "Lao động nông nghiệp" in after, "Nông dân" in after) == (True, False, True)
    client.force_login(place.users["nurse"])
    shown = {end: client.get(f"/registers/A1/?start=01/10/2026&end={end}/10/2026") for end in ("07", "31")}
    assert {end: page.context["register"].version for end, page in shown.items()} == {
        "07": old.version,
        "31": newer.version,
    }
    assert client.get("/registers/A1/?start=31/10/2026&end=01/10/2026").status_code == 422


def test_registers_of_a_hospital_list_orders_and_transfers(world: World) -> None:
    place = world.hospital
    walk.lan_full(world, place)
    assert [line.cells["service"] for line in book(place, "HINH-ANH").lines()] == ["Siêu âm ổ bụng"]
    (test,) = book(place, "XET-NGHIEM").lines()
    assert test.cells["result"].endswith("6,1 G/L")
    assert list(book(place, "THU-THUAT").lines()) == []
    sent = person_visit(world, place, "Người Chuyển", "GD4999912345691", hour=10).examine("I10", history="Đau ngực")
    sent.sign(
        outcome=Exam.Outcome.TRANSFER,
        transfer=Transfer(
            transfer_facility_code="99003",
            transfer_condition="Tỉnh",
            transfer_plan="Điều trị tiếp",
            transport="Xe cứu thương",
        ),
    )
    (line,) = book(place, "CHUYEN").lines()
    assert (line.cells["full_name"], line.cells["transfer_to"]) == ("Người Chuyển", "99003")
    assert line.cells["transfer_number"] == Exam.objects.get(pk=sent.exam.pk).transfer_number != ""
    assert [one.cells["full_name"] for one in book(place, "VAO-RA").lines()] == ["Người Chuyển"]
    later = start_exam(visit=sent.visit, room=place.rooms["PK2"], actor=place.actor("doctor"), at=at(11))
    set_diagnoses(exam=later, main="J06.9", actor=place.actor("doctor"), at=at(11))
    replace(sent, exam=later, now=at(11)).sign(outcome=Exam.Outcome.HOME)
    (again,) = book(place, "CHUYEN").lines()
    assert {**again.cells, "ended": ""} == {**line.cells, "ended": ""}, "an examination after it changes no transfer"
    (entered,) = book(place, "VAO-RA").lines()
    assert (entered.cells["transfer_to"], "J06.9" in entered.cells["diagnosis"]) == ("99003", True)


def test_a_page_asks_as_much_of_the_database_for_few_lines_as_for_many(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries, station_month: list[walk.Walk]
) -> None:
    shown = book(world.station, **OCTOBER)
    with django_assert_max_num_queries(18):
        assert len(shown.shown(shown.rows[:50])) == 5


def test_no_register_shows_another_facility(world: World) -> None:
    walk.lan_full(world, world.hospital)
    for register in registers(DAY):
        assert list(book(world.station, register.code).lines()) == []
    with pytest.raises(Refusal, match="Không có dòng nào"):
        print_register(register="A1", start=DAY, end=DAY, actor=world.station.actor("nurse"), at=at(17))


def test_who_may_not_see_a_register_cannot_print_it(world: World) -> None:
    with pytest.raises(PermissionRefused):
        print_register(register="A1", start=DAY, end=DAY, actor=world.station.actor("cashier"), at=at(17))
    with pytest.raises(NotFound):
        print_register(register="A10", start=DAY, end=DAY, actor=world.station.actor("nurse"), at=at(17))
