"""Registers that are written at the desk: numbers, corrections that keep what stood there, cancellation, privacy."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from his.core.errors import NotFound, PermissionRefused, Refusal
from his.demo.places import Place
from reports.models import RegisterEarlier, RegisterEntry
from reports.registers.book import Book, Totals
from reports.registers.definition import Column, register_on, registers
from reports.registers.fill import facts_of_visit, filled, visit_to_write
from reports.registers.services import cancel_entry, correct_entry, print_register, write_entry
from reports.registers.values import LONGEST, LONGEST_TEXT, YES, read_cell, shown_cell
from tests.cast import DAY, World, at, ba_lan
from tests.insurance import walk
from tests.pdf_text import joined, pieces

MAI = {
    "full_name": "Phạm Thị Mai",
    "age": "26",
    "gestation": "24",
    "weight_kg": "52,5",
    "iron": YES,
    "tetanus": "Mũi 1",
}


def write(place: Place, register: str = "A3", on: date = DAY, who: str = "nurse", **typed: str) -> RegisterEntry:
    actor = place.actor(who)
    return write_entry(register=register, on=on, typed=typed or MAI, actor=actor, at=at(9))


def lines(place: Place, register: str = "A3") -> list[Any]:
    return list(Book(place.facility, register_on(register, DAY), DAY, DAY).lines())


@pytest.mark.django_db
def test_lines_are_numbered_by_register_and_year_and_stored_as_read(world: World) -> None:
    first, second, other = write(world.station), write(world.station), write(world.station, on=date(2025, 12, 31))
    assert [(row.year, row.number) for row in (first, second, other)] == [(2026, 1), (2026, 2), (2025, 1)]
    assert write(world.hospital).number == 1
    assert first.values["weight_kg"] == "52.5"
    assert lines(world.station)[0].cells["weight_kg"] == "52,5"
    totals = Totals()
    for line in lines(world.station):
        totals.add(line)
    assert totals.text("lượt khám thai") == "2 lượt khám thai; cấp sắt/acid folic 2"


@pytest.mark.django_db
def test_all_that_is_wrong_is_said_at_once_and_takes_no_number(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        write(world.station, full_name="Mai", gestation="60", weight_kg="nặng", last_period="32/13/2026")
    assert refused.value.facts["wrong"] == {
        "gestation": "Phải từ 1 đến 44",
        "weight_kg": "Hãy gõ một số",
        "last_period": "Ngày không có thật",
    }
    with pytest.raises(Refusal, match="tương lai"):
        write(world.station, on=date(2026, 10, 7))
    with pytest.raises(Refusal, match="lập từ hồ sơ"):
        write(world.station, register="A1")
    assert write(world.station).number == 1


@pytest.mark.django_db
def test_a_correction_keeps_what_stood_there_and_shows_on_paper(world: World) -> None:
    place, actor = world.station, world.station.actor("nurse")
    entry = write(place)
    print_register(register="A3", start=DAY, end=DAY, actor=actor, at=at(10))
    corrected = correct_entry(
        entry=entry,
        version=1,
        on=DAY,
        typed={**MAI, "gestation": "25"},
        reason="Tính lại",
        patient=None,
        actor=actor,
        at=at(11),
    )
    assert (corrected.version, corrected.values["gestation"]) == (2, "25")
    older = RegisterEarlier.objects.get(entry=entry)
    assert (older.version, older.values["gestation"], older.reason) == (1, "24", "Tính lại")
    (line,) = lines(place)
    assert line.is_changed
    assert line.is_corrected
    paper = joined(pieces(print_register(register="A3", start=DAY, end=DAY, actor=actor, at=at(12))))
    assert "1*" in paper.replace(" ", "")
    assert "Bố cục theo thực tế sử dụng" in paper


@pytest.mark.django_db
def test_two_who_correct_the_same_line_do_not_overwrite_each_other(world: World) -> None:
    entry, actor = write(world.station), world.station.actor("nurse")
    change = {"entry": entry, "version": 1, "on": DAY, "patient": None, "actor": actor, "at": at(11), "reason": "Sai"}
    correct_entry(typed={**MAI, "gestation": "25"}, **change)
    with pytest.raises(Refusal, match="Người khác vừa sửa"):
        correct_entry(typed={**MAI, "gestation": "26"}, **change)
    with pytest.raises(Refusal, match="Chưa sửa"):
        correct_entry(typed={**MAI, "gestation": "25"}, **{**change, "version": 2})
    with pytest.raises(Refusal, match="năm 2026"):
        correct_entry(typed=MAI, **{**change, "version": 2, "on": date(2025, 12, 31)})


@pytest.mark.django_db
def test_a_cancelled_line_stays_with_its_number_and_counts_for_nothing(world: World) -> None:
    place, actor = world.station, world.station.actor("nurse")
    entry = write(place)
    with pytest.raises(Refusal, match="lý do"):
        cancel_entry(entry=entry, version=1, reason=" ", actor=actor, at=at(11))
    cancel_entry(entry=entry, version=1, reason="Ghi nhầm người", actor=actor, at=at(11))
    with pytest.raises(Refusal, match="đã hủy"):
        correct_entry(entry=entry, version=1, on=DAY, typed=MAI, reason="Sửa", patient=None, actor=actor, at=at(12))
    (line,) = lines(place)
    totals = Totals()
    totals.add(line)
    assert (line.number, line.cancelled, totals.count) == (1, "Ghi nhầm người", 0)
    assert write(place).number == 2


@pytest.mark.django_db
def test_the_database_keeps_lines_whoever_writes(world: World) -> None:
    entry = write(world.station)
    rows = RegisterEntry.objects.filter(pk=entry.pk)
    for change in ({"values": {}}, {"number": 7}, {"version": 2}, {"entered_on": date(2026, 10, 5)}):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()


@pytest.mark.django_db
def test_registers_of_hiv_and_mental_disorders_need_a_right_of_their_own(world: World, client: Client) -> None:
    assert {row.code for row in registers(DAY) if row.is_sensitive} == {"A8", "A10"}
    entry = write(world.station, register="A10", who="doctor", full_name="Người Giấu Tên")
    for role in ("nurse", "technician"):
        with pytest.raises((NotFound, PermissionRefused)):
            write(world.station, register="A10", who=role, full_name="Khác")
        client.force_login(world.station.users[role])
        assert "A10" not in client.get("/registers/A1/").content.decode()
        for path in ("/registers/A10/", "/registers/A10/xlsx/", "/registers/A10/pdf/", f"/registers/lines/{entry.pk}/"):
            assert client.get(path).status_code == 404, (role, path)
    client.force_login(world.station.users["manager"])
    assert "Người Giấu Tên" in client.get(f"/registers/lines/{entry.pk}/").content.decode()
    assert client.post(f"/registers/lines/{entry.pk}/cancel/", {"cancel_reason": "x"}).status_code == 403


@pytest.mark.django_db
def test_a_visit_fills_the_line(world: World) -> None:
    done = walk.lan_full(world, world.station)
    facts = facts_of_visit(visit_to_write(world.station.facility, done.visit.pk))
    given = filled(register_on("A12", DAY), facts)
    assert given["full_name"] == "Nguyễn Thị Lan"
    assert given["card_number"] == "GD4999912345678"
    assert given["weight_kg"] == "48,5"
    assert "Paracetamol 500mg × 15 viên" in given["treatment"]
    assert filled(register_on("A3", DAY), facts)["age"] == "72"
    with pytest.raises(NotFound):
        visit_to_write(world.hospital.facility, done.visit.pk)


@pytest.mark.django_db
def test_a_line_names_nobody_of_another_facility(world: World) -> None:
    patient, _ = ba_lan(world.hospital)
    actor = world.station.actor("nurse")
    with pytest.raises(NotFound):
        write_entry(register="A3", on=DAY, typed=MAI, patient=patient, actor=actor, at=at(9))


@pytest.mark.django_db
def test_a_correction_keeps_or_changes_whom_the_line_names(world: World, client: Client) -> None:
    place, done = world.station, walk.lan_full(world, world.station)
    typed, nurse = {**MAI, "full_name": "Nguyễn Thi Lan", "age": "72"}, place.actor("nurse")
    entry = write_entry(register="A3", on=DAY, typed=typed, visit=done.visit, actor=nurse, at=at(9))
    client.force_login(place.users["nurse"])
    path = f"/registers/lines/{entry.pk}/"
    assert done.visit.patient.code in client.get(path).content.decode()

    def corrected(version: int, **changed: str) -> RegisterEntry:
        sent = {"entered_on": "06/10/2026", "version": version, "reason": "Sai", **typed, **changed}
        assert client.post(f"{path}correct/", sent).status_code == 302
        return RegisterEntry.objects.get(pk=entry.pk)

    kept = corrected(1, full_name="Nguyễn Thị Lan")
    assert (kept.patient, kept.visit) == (done.visit.patient, done.visit), "the same name, now with its marks"
    other, _ = walk.someone(place, "Trần Thị Khác", card="GD4999912345699")
    moved = corrected(2, full_name="Trần Thị Khác", patient=str(other.pk))
    assert (moved.patient, moved.visit) == (other, None)
    assert other.code.casefold() in moved.search_text
    assert f"<dd>{done.visit.patient.code}</dd>" in client.get(path).content.decode()
    assert corrected(3, full_name="Người Không Có Hồ Sơ").patient is None
    older = RegisterEarlier.objects.filter(entry=entry).order_by("version")
    assert [(row.patient, row.visit) for row in older] == [(done.visit.patient, done.visit)] * 2 + [(other, None)]

    stranger, _ = ba_lan(world.hospital)
    wanted = {"entry": moved, "version": 4, "on": DAY, "typed": typed, "reason": "Sai", "actor": nurse, "at": at(11)}
    with pytest.raises(NotFound):
        correct_entry(patient=stranger, **wanted)
    gone = {"entered_on": "06/10/2026", "version": 4, "reason": "Sai", **typed, "patient": str(stranger.pk)}
    assert client.post(f"{path}correct/", gone).status_code == 404


@pytest.mark.django_db
def test_looking_for_a_person_asks_as_little_for_many_as_for_one(world: World, client: Client) -> None:
    client.force_login(world.station.users["nurse"])
    walk.someone(world.station, "Phạm Thị Một", card="GD4999912345601")

    def asked(text: str) -> tuple[int, str]:
        with CaptureQueriesContext(connection) as queries:
            page = client.get("/registers/people/", {"q": text}).content.decode()
        return len(queries), page

    asked("pham")  # the first request of a session
    one, page = asked("pham")
    assert 'data-fill-card_number="GD4999912345601"' in page
    for number in range(2, 7):
        walk.someone(world.station, f"Phạm Thị Số {number}", card=f"GD499991234560{number}")
    many, page = asked("pham")
    assert page.count('role="option"') == 6
    assert many == one
    assert asked("p")[0] == one - 3, "no person, no card, no name of a code is looked up"


@pytest.mark.django_db
def test_a_line_is_read_by_the_version_of_its_day(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = register_on("A11", DAY)
    newer = replace(old, version="2026-10-08", valid_from=date(2026, 10, 8), columns=(*old.columns, Column("x", "Mới")))
    monkeypatch.setattr("reports.registers.definition._all", lambda: (old, newer))
    client.force_login(world.station.users["nurse"])
    typed = {"topic": "Phòng bệnh", "form": "Nói chuyện", "attendance": "9", "x": "mục mới"}
    for day, stored in (("06102026", (old.version, None)), ("09/10/2026", (newer.version, "mục mới"))):
        assert client.post("/registers/A11/new/", {**typed, "entered_on": day}).status_code == 302
        row = RegisterEntry.objects.latest("pk")
        assert (row.definition, row.values.get("x")) == stored


@pytest.mark.django_db(transaction=True)
def test_lines_written_at_once_get_numbers_without_gaps(world: World) -> None:
    actor = world.station.actor("nurse")

    def one(_: int) -> int:
        try:
            return write_entry(register="A3", on=DAY, typed=MAI, actor=actor, at=at(9)).number
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(12))) == list(range(1, 13))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.decimals(min_value=-(10**8), max_value=10**8, places=3, allow_nan=False))
def test_a_number_is_read_again_as_it_is_shown(number: Any) -> None:
    column = Column("n", "Số", kind="number")
    stored = read_cell(column, str(number).replace(".", ","), on=DAY)
    assert read_cell(column, shown_cell(column, stored), on=DAY) == stored


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dates(min_value=date(1900, 1, 1), max_value=DAY))
def test_a_day_is_read_again_as_it_is_shown(day: date) -> None:
    column = Column("d", "Ngày", kind="date")
    stored = read_cell(column, f"{day:%d%m%Y}", on=DAY)
    assert stored == day.isoformat() == read_cell(column, shown_cell(column, stored), on=DAY)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text())
def test_any_text_is_refused_or_kept_within_its_length(text: str) -> None:
    for kind in ("text", "long", "date", "number", "birth", "yesno"):
        column = Column("t", "Chữ", kind=kind)
        try:
            stored = read_cell(column, text, on=DAY)
        except ValueError:
            continue
        assert len(stored) <= LONGEST.get(kind, LONGEST_TEXT)
        assert "\x00" not in stored
        assert shown_cell(column, stored) or not stored
