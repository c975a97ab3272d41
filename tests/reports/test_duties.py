"""Due dates, as properties and as worked days; how far duties are; who ticks them and who answers for them."""

import itertools
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.urls import reverse
from django.utils.html import escape
from hypothesis import given
from hypothesis import strategies as st

from his.core.dates import local
from his.core.errors import Refusal
from insurance.claims.export import export_month
from reports.definition import form_codes
from reports.duties.rules import (
    Duty,
    due_at,
    due_of,
    dues_between,
    load_duties,
    periods_ending,
)
from reports.duties.services import assign_duty, tick_duty, untick_duty
from reports.duties.states import tasks_between, to_do
from reports.duties.workdays import load_holidays, working_day
from reports.models import DutyTick
from reports.period import Period
from tests.cast import World, at
from tests.insurance import walk

HOLIDAYS = load_holidays()
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 1))
LENGTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
PERIODIC = [duty for duty in load_duties() if duty.every != "event"]


def duty(code: str) -> Duty:
    return next(one for one in load_duties() if one.code == code)


def due(code: str, day: date) -> tuple[date, date]:
    """(warning line, red line) of the period that holds the day."""
    one = duty(code)
    found = due_of(one, Period.of(one.every, day), HOLIDAYS)
    return found.warn_on, found.due_on


@given(DAYS, st.integers(1, 15))
def test_the_nth_working_day_is_worked_and_n_are_worked_until_it(after: date, count: int) -> None:
    found = working_day(after, count, HOLIDAYS)
    between = [after + timedelta(days=n) for n in range(1, (found - after).days + 1)]
    assert HOLIDAYS.is_working(found)
    assert sum(map(HOLIDAYS.is_working, between)) == count


@given(DAYS, st.integers(1, 15))
def test_working_days_follow_each_other(after: date, count: int) -> None:
    assert working_day(after, count + 1, HOLIDAYS) == working_day(working_day(after, count, HOLIDAYS), 1, HOLIDAYS)


@given(st.sampled_from(PERIODIC), DAYS)
def test_a_red_line_follows_the_period_and_the_warning_never_lies_behind_it(one: Duty, day: date) -> None:
    period = Period.of(one.every, day)
    found = due_of(one, period, HOLIDAYS)
    assert found.warn_on <= found.due_on
    assert found.due_on >= period.end
    assert period.start <= day <= period.end
    assert (found.due_on - period.end).days <= 30


@given(st.sampled_from(sorted(LENGTHS)), DAYS)
def test_periods_of_a_year_follow_each_other_without_gap(every: str, day: date) -> None:
    year = list(periods_ending(every, date(day.year, 1, 1), date(day.year, 12, 31)))
    assert len(year) == 12 // LENGTHS[every]
    assert (year[0].start, year[-1].end) == (date(day.year, 1, 1), date(day.year, 12, 31))
    assert all(later.start == earlier.end + timedelta(days=1) for earlier, later in itertools.pairwise(year))


@given(DAYS)
def test_every_duty_stands_in_exactly_one_month_of_the_calendar(day: date) -> None:
    first = day.replace(day=1)
    whole = dues_between("commune_station", first, first + timedelta(days=120), HOLIDAYS, load_duties())
    months, start = [], first
    while start <= first + timedelta(days=120):
        last = min(Period.month(start).end, first + timedelta(days=120))
        months += dues_between("commune_station", start, last, HOLIDAYS, load_duties())
        start = Period.month(start).end + timedelta(days=1)
    assert sorted((d.code, p.start) for d, p, _ in whole) == sorted((d.code, p.start) for d, p, _ in months)


@pytest.mark.parametrize(
    ("code", "day", "warn", "red"),
    [
        ("CLAIMS", date(2026, 10, 31), date(2026, 11, 2), date(2026, 11, 4)),
        ("01BH", date(2026, 10, 1), date(2026, 11, 10), date(2026, 11, 15)),
        ("02BH", date(2026, 12, 31), date(2027, 1, 10), date(2027, 1, 15)),
        ("BIEU9", date(2026, 10, 15), date(2026, 11, 5), date(2026, 11, 6)),  # 01/11 is a Sunday
        ("BIEU14", date(2026, 12, 31), date(2027, 1, 5), date(2027, 1, 8)),  # Friday 01/01 is off
        ("BIEU11", date(2026, 4, 1), date(2026, 5, 5), date(2026, 5, 8)),  # Friday 01/05 is off
        ("BIEU9", date(2026, 8, 31), date(2026, 9, 5), date(2026, 9, 9)),  # 01 and 02/09 are off
        ("NCD-TYT", date(2026, 10, 1), date(2026, 11, 10), date(2026, 11, 13)),
        ("NCD-BV", date(2026, 10, 1), date(2026, 11, 5), date(2026, 11, 6)),
        ("PLIX", date(2026, 7, 1), date(2027, 1, 5), date(2027, 1, 14)),
        ("KIEMKE", date(2026, 2, 11), date(2026, 2, 25), date(2026, 2, 28)),
    ],
)
def test_worked_due_dates(code: str, day: date, warn: date, red: date) -> None:
    assert due(code, day) == (warn, red)


def test_a_saturday_worked_in_exchange_counts_and_days_not_announced_are_said() -> None:
    assert working_day(date(2026, 8, 21), 1, HOLIDAYS) == date(2026, 8, 22)
    assert due_of(duty("NCD-TYT"), Period.parse_month("2026-12"), HOLIDAYS).is_certain
    assert not due_of(duty("NCD-TYT"), Period.parse_month("2027-01"), HOLIDAYS).is_certain, "Tết 2027 is expected only"
    assert not due_of(duty("NCD-TYT"), Period.parse_month("2028-01"), HOLIDAYS).is_certain, "no list of 2028"
    assert due_of(duty("01BH"), Period.parse_month("2028-01"), HOLIDAYS).is_certain, "a day of the month needs no list"


def test_hours_run_by_the_clock_over_nights_and_days_off() -> None:
    found = datetime.fromisoformat("2026-12-31T22:30:00+07:00")
    assert due_at(duty("BTN24"), found)[1] == datetime.fromisoformat("2027-01-01T22:30:00+07:00")
    assert due_at(duty("KSDB48"), found)[1] == datetime.fromisoformat("2027-01-02T22:30:00+07:00")


def test_duties_are_those_of_the_kind_and_of_the_law_in_force() -> None:
    def codes(kind: str, month: str) -> set[str]:
        period = Period.parse_month(month)
        return {one.code for one, _, _ in dues_between(kind, period.start, period.end, HOLIDAYS, load_duties())}

    assert {"NCD-TYT", "BIEU9"} <= codes("commune_station", "2026-11")
    assert not {"NCD-BV", "BIEU14"} & codes("commune_station", "2026-11")
    assert {"NCD-BV", "BIEU14"} <= codes("district_hospital", "2026-11")
    assert "BIEU9" in codes("commune_station", "2027-03"), "the report for February 2027 is still due"
    assert "BIEU9" not in codes("commune_station", "2027-04")
    assert not [code for code in codes("commune_station", "2026-05") if code.startswith("NCD")]


def test_the_data_name_forms_of_the_product_and_roles() -> None:
    from his.accounts.roles import ROLES

    assert {one.form for one in load_duties() if one.form} <= set(form_codes())
    assert {one.role for one in load_duties()} <= set(ROLES)
    labels = [Period.of(every, date(2026, 11, 3)).short() for every in LENGTHS]
    assert labels == ["tháng 11/2026", "quý IV/2026", "6 tháng cuối năm 2026", "năm 2026"]


def test_a_tick_is_dated_and_can_be_taken_back(world: World) -> None:
    place = world.hospital
    walk.lan_full(world, place)
    actor, year = place.actor("manager"), date(2026, 1, 1)
    now = datetime.fromisoformat("2027-01-20T08:00:00+07:00")
    given_ = {"duty": "BIEU2", "period_start": year, "note": "CV 12/BC-TTYT", "actor": actor, "at": now}

    def state() -> str:
        rows = tasks_between(place.facility, date(2027, 1, 1), date(2027, 1, 31), local(now).date(), actor)
        return next(row.standing for row in rows if row.duty.code == "BIEU2")

    assert state() == "late"
    for wrong, field in (
        ({"note": "  "}, "note"),
        ({"done_on": date(2027, 1, 21)}, "done_on"),
        ({"done_on": date(2025, 12, 31)}, "done_on"),
    ):
        with pytest.raises(Refusal) as refused:
            tick_duty(**{**given_, "done_on": date(2027, 1, 11), **wrong})
        assert refused.value.field == field
    for wrong in ({"duty": "01BH"}, {"duty": "X"}, {"period_start": date(2026, 1, 2)}, {"duty": "BTN24"}):
        with pytest.raises(Refusal):
            tick_duty(**{**given_, "done_on": date(2027, 1, 11), **wrong})
    tick = tick_duty(**given_, done_on=date(2027, 1, 11))
    assert state() == "done"
    with pytest.raises(Refusal, match="đã được đánh dấu"):
        tick_duty(**given_, done_on=date(2027, 1, 11))
    untick_duty(tick=tick, actor=actor, at=now)
    assert state() == "late"
    assert DutyTick.objects.count() == 1, "the tick stays on record"


def test_a_month_is_exported_when_it_is_over_and_every_claim_was_written(world: World, tmp_path: Path) -> None:
    place = world.hospital
    actor, october = place.actor("claims"), date(2026, 10, 1)
    lan = walk.lan_full(world, place)
    patient, card = walk.someone(place, "Vũ Thị Mai", card="DN4999900000002")
    walk.visit_of(world, place, patient, card).examine("J06.9").sign().settled()

    def state(today: date) -> tuple[str, bool]:
        rows = tasks_between(place.facility, october, date(2026, 11, 30), today, actor)
        row = next(one for one in rows if one.duty.proof == "claims_export" and one.period.start == october)
        return row.progress.words, row.progress.is_done

    assert state(date(2026, 10, 31)) == ("Chưa xuất", False)
    export_month(month=october, out_dir=tmp_path, actor=actor, at=at(16))
    assert state(date(2026, 10, 31)) == ("Đã xuất 1 đến nay", False)
    assert state(date(2026, 11, 1)) == ("Đã xuất 06/10/2026", True)
    lan.settled()
    assert state(date(2026, 11, 1)) == ("Đã xuất 1/2", False)


def test_duties_belong_to_a_role_or_a_person(world: World) -> None:
    place = world.hospital
    walk.lan_full(world, place)
    manager, claims = place.actor("manager"), place.actor("claims")
    today = date(2026, 11, 3)

    def mine(actor: object) -> set[str]:
        rows = tasks_between(place.facility, date(2026, 11, 1), date(2026, 11, 30), today, actor)
        return {row.duty.code for row in rows if row.is_mine}

    assert mine(claims) == {"CLAIMS", "01BH"}
    assert "BIEU9" in mine(manager)
    assign_duty(duty="BIEU9", owner=f"user:{claims.user.pk}", actor=manager, at=at(8))
    assign_duty(duty="CLAIMS", owner="role:accountant", actor=manager, at=at(8))
    assert mine(claims) == {"01BH", "BIEU9"}
    assert {row.duty.code for row in to_do(claims, today, timedelta(days=14))} == {"01BH", "BIEU9"}
    stranger = world.station.actor("claims").user.pk
    for owner in (f"user:{stranger}", "role:king", "", "user:x"):
        with pytest.raises(Refusal) as refused:
            assign_duty(duty="BIEU9", owner=owner, actor=manager, at=at(8))
        assert refused.value.field == "owner"


def test_the_calendar_and_the_first_page_show_what_is_late(world: World) -> None:
    walk.lan_full(world, world.hospital)
    manager, cashier = (walk.signed_in(world.hospital, who) for who in ("manager", "cashier"))
    with time_machine.travel(datetime.fromisoformat("2026-11-09T08:00:00+07:00"), tick=True):
        page = manager.get(reverse("report-calendar"))
        rows = {row.duty.code: row for row in page.context["tasks"]}
        assert (rows["BIEU9"].standing, rows["01BH"].standing) == ("late", "ahead")
        assert rows["BIEU9"].badge == ("Quá hạn · Chưa làm", "stop")
        home = manager.get(reverse("home")).content.decode()
        assert home.index("Biểu 9/BCT") < home.index("01/BH Tổng hợp"), "what is late comes first"
        assert "Báo cáo phải nộp" not in cashier.get(reverse("home")).content.decode()
        assert cashier.get(reverse("report-calendar")).status_code == 403
        for odd in (
            "/reports/calendar/BIEU9/2026-13-01/",
            "/reports/calendar/X/2026-10-01/",
            "/reports/calendar/BTN24/2026-10-01/",
        ):
            assert manager.get(odd).status_code == 404, odd
        assert manager.get(reverse("report-calendar") + "?month=<x>&show=zz").status_code == 200


def test_a_duty_without_a_form_is_ticked_off_on_its_page(world: World) -> None:
    walk.lan_full(world, world.hospital)
    with time_machine.travel(datetime.fromisoformat("2027-01-20T08:00:00+07:00"), tick=True):
        manager = walk.signed_in(world.hospital, "manager")
        late = manager.get(reverse("report-calendar")).context["late"]
        address = reverse("report-tick", args=["BIEU2", "2026-01-01"])
        wrong = manager.post(address, {"done_on": "12012027", "note": ""})
        assert (wrong.status_code, wrong.context["tick_form"]["done_on"].value()) == (422, "12012027")
        assert manager.post(address, {"done_on": "12012027", "note": "CV 12"}).status_code == 302
        assert manager.get(reverse("report-calendar")).context["late"] == late - 1


@pytest.mark.parametrize("who", ["manager", "accountant", "claims", "head"])
def test_a_duty_leads_only_to_screens_that_open(world: World, who: str) -> None:
    """Who may see the calendar sees every duty, but a button for its screen only when the screen lets them in."""
    walk.lan_full(world, world.hospital)
    with time_machine.travel(datetime.fromisoformat("2026-11-09T08:00:00+07:00"), tick=True):
        client = walk.signed_in(world.hospital, who)
        tasks = [task for task in client.get(reverse("report-calendar")).context["tasks"] if task.progress.url]
        assert tasks
        for task in tasks:
            page = client.get(reverse("report-duty", args=[task.duty.code, task.period.start])).content.decode()
            is_linked = f'href="{escape(task.progress.url)}"' in page
            assert is_linked == (client.get(task.progress.url).status_code == 200), task.duty.code
