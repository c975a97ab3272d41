"""Inpatients in the forms: a stay over the month's end, a move, day treatment, a stay that goes on, one taken back."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.urls import reverse

from patients.models import BedStay
from reports.datasets.base import Query
from reports.datasets.grid import behind
from reports.definition import latest
from reports.engine import query_of, run
from reports.export import export
from reports.grid.sets import FACTS
from reports.models import ReportBasis, ReportRun
from reports.period import Period
from reports.queries import behind_figure
from tests.cast import DAY, World
from tests.insurance import walk
from tests.reports import second_opinion_more as more
from tests.reports import second_opinion_wards as other
from tests.reports.month import OCTOBER, failed, on, person_visit

NOVEMBER = Period.parse_month("2026-11")


def made(world: World, form: str, period: Period = OCTOBER, when: datetime | None = None) -> ReportRun:
    place = world.hospital
    now = when or on(10, 8, month=12)
    return run(form=form, facility=place.facility, period=period, actor=place.actor("claims"), at=now)


def cells(report: ReportRun, tag: str = "TS") -> dict[str, str]:
    """One column by the first word or code of the row: the key, of departments their code."""
    at_tag = report.values["columns"].index(tag)
    pairs = zip(report.values["refs"], report.values["rows"], strict=True)
    return {ref.split("\x1f")[0]: row[at_tag] for ref, row in pairs}


def opened(report: ReportRun, row: str, tag: str = "TS") -> set[str]:
    """The claim codes that a figure opens."""
    form = latest(report.form)
    number = [ref.split("\x1f")[0] for ref in report.values["refs"]].index(row) + 1
    return set(behind_figure(report, form, number, form.column(tag)))


def codes(people: dict[str, walk.Walk], *names: str) -> set[str]:
    return {people[name].visit.claim_code for name in names}


def test_form_9_counts_beds_of_the_month_to_its_end(world: World, ward_month: dict[str, walk.Walk]) -> None:
    report = made(world, "B9")
    said = cells(report)
    assert {key: said[key] for key in said if key.startswith(("nb_", "ngay")) or key == "luu"} == {
        "nb_dau": "0",
        "nb_vao": "5",
        "nb_ra": "2",
        "nb_chuyen": "0",
        "nb_tv": "1",
        "nb_cuoi": "2",
        "luu": "0",
        "ngay": "12",  # 2 + 3 + 3 + 3 + 1
        "ngay_h": "10",
        "ngay_t": "1",
        "ngay_k": "1",
        "ngay_luu": "0",
        "nb_het": "3",
        "ngay_het": "7",  # 3 + 3 + 1
        "ngay_tb": "2.3",
    }
    assert (said["giuong_kh"], said["cong_suat"]) == ("", ""), "the number of beds is not known"
    assert failed(report) == {}
    assert opened(report, "nb_cuoi") == codes(ward_month, "over", "lying")
    assert opened(report, "nb_tv") == codes(ward_month, "moved")
    assert opened(report, "ngay_tb") == codes(ward_month, "moved", "day", "short")
    assert opened(report, "giuong_kh") == set()


def test_the_screen_opens_averages_and_no_blank_figure(world: World, ward_month: dict[str, walk.Walk]) -> None:
    report, reader = made(world, "B9"), walk.signed_in(world.hospital, "claims")
    page = reader.get(reverse("report-run", args=[report.pk]), {"section": "5"}).content.decode()
    number = {ref: at for at, ref in enumerate(report.values["refs"], 1)}
    average = reverse("report-figure", args=[report.pk, number["ngay_tb"], "TS"])
    assert f'href="{average}"' in page
    assert len(reader.get(average).context["visits"]) == 3
    assert reverse("report-figure", args=[report.pk, number["cong_suat"], "TS"]) not in page


def test_the_next_month_begins_with_who_was_there(world: World, ward_month: dict[str, walk.Walk]) -> None:
    said = cells(made(world, "B9", NOVEMBER))
    assert (said["nb_dau"], said["nb_vao"], said["nb_ra"], said["nb_cuoi"]) == ("2", "0", "1", "1")
    assert (said["ngay"], said["ngay_het"], said["ngay_tb"]) == ("31", "3", "3")  # 1 + 30


def test_a_month_that_runs_is_told_as_of_the_instant(world: World, ward_month: dict[str, walk.Walk]) -> None:
    said = cells(made(world, "B9", when=on(7, 8)))
    assert (said["nb_vao"], said["nb_ra"], said["nb_cuoi"], said["ngay"]) == ("3", "1", "2", "3")
    later = cells(made(world, "B9", when=on(31, 23, 59)))
    assert (later["nb_cuoi"], later["ngay"]) == ("2", "10"), "the last midnight has not come"
    assert cells(made(world, "B9", when=on(1, 0, month=11))) == cells(made(world, "B9"))


def test_wards_by_department_with_moves(world: World, ward_month: dict[str, walk.Walk]) -> None:
    report = made(world, "HDNOITRU")
    tags = ("DAU", "VAO", "DEN", "DI", "RA", "CHUYEN", "TV", "TV_24", "CUOI", "NGAY", "LUOT_HET", "NGAY_HET", "NGAY_TB")
    columns = [cells(report, tag) for tag in tags]
    assert [one["K02"] for one in columns] == ["0", "4", "0", "1", "2", "0", "0", "0", "1", "8", "2", "4", "2"]
    assert [one["K27"] for one in columns] == ["0", "1", "1", "0", "0", "0", "1", "0", "1", "4", "1", "3", "3"]
    assert cells(report, "GIUONG_KH") == {"K02": "", "K27": ""}
    assert failed(report) == {}
    assert opened(report, "K02", "DI") == opened(report, "K27", "DEN") == codes(ward_month, "moved")
    assert opened(report, "K27", "NGAY") == codes(ward_month, "moved", "lying")


def test_who_left_without_a_bed_is_named(world: World, ward_month: dict[str, walk.Walk]) -> None:
    bare = person_visit(world, world.hospital, "Trịnh Không Giường", "GD4999912345790", visit_type="03", hour=9)
    bare.examine("J20.9").sign()
    for form in ("B9", "HDNOITRU"):
        title = "Mọi lượt nội trú, ban ngày kết thúc trong kỳ có giường đã ghi"
        assert failed(made(world, form)) == {title: [bare.visit.claim_code]}


@pytest.mark.parametrize("day", range(5, 13))
def test_the_days_of_all_spans_are_those_of_the_visits(
    world: World, ward_month: dict[str, walk.Walk], day: int
) -> None:
    """Wherever the months are cut, both halves have the days of the whole, and the identity holds in each."""

    def read(first: date, last: date) -> tuple[int, int]:
        fields = ("was_here", "is_here", "entry", "exit")
        query = Query(world.hospital.facility, Period(first, last))
        facts = FACTS["stays"].read(query, fields, ("days", "whole_days"))
        there = sum(was + bool(entry) for _, was, _, entry, *_ in facts)
        assert there == sum(now + bool(left) for _, _, now, _, left, *_ in facts)
        return sum(fact[5] for fact in facts), sum(fact[6] for fact in facts)

    cut = DAY.replace(day=day)
    halves = [read(OCTOBER.start, cut), read(cut + timedelta(days=1), NOVEMBER.end)]
    assert tuple(map(sum, zip(*halves, strict=True))) == read(OCTOBER.start, NOVEMBER.end) == (43, 10)


def test_nothing_of_another_facility_is_counted(world: World, ward_month: dict[str, walk.Walk]) -> None:
    station = world.station
    actor = station.actor("claims")
    report = run(form="B9", facility=station.facility, period=OCTOBER, actor=actor, at=on(1, 8, month=11))
    assert set(cells(report).values()) == {"0", ""}


def test_a_report_of_before_the_wards_still_opens_what_it_counted(
    world: World, ward_month: dict[str, walk.Walk]
) -> None:
    """What a run of an older edition kept has no beds: its figures open as before, and those of the wards nothing."""
    report = made(world, "B9")
    form, basis = latest("B9"), ReportBasis.objects.get(run=report).content
    older = [kept for kept in basis if kept["facts"] != "stays"]
    query, column = query_of(form, report.facility, OCTOBER), form.column("TS")
    for row in ("ban_ngay", "tv", "xn"):
        assert behind(form, older, query, row, column) == behind(form, basis, query, row, column)
    assert behind(form, older, query, "ban_ngay", column) == [
        ward_month[name].visit.claim_code for name in ("day", "short")
    ]
    assert behind(form, older, query, "nb_vao", column) == []


@pytest.mark.parametrize("month", ["2026-10", "2026-11"])
def test_another_program_counts_the_same(
    world: World, ward_month: dict[str, walk.Walk], tmp_path: Path, month: str
) -> None:
    """Both months, every cell; a bed that is moved by an hour over midnight is found."""
    told = on(10, 8, month=12).replace(tzinfo=None)
    for code in ("B9", "HDNOITRU"):
        report = made(world, code, Period.parse_month(month))
        (tmp_path / f"{code}.xlsx").write_bytes(export(report, "xlsx"))

    def compared() -> list[str]:
        with connection.cursor() as cursor:
            found = other.stretches(cursor, "99002", more.VISIT, told)
            window = other.window_of(month, told)
            return [
                *more.form_9(tmp_path / "B9.xlsx", cursor, "99002", month, told),
                *other.by_ward(tmp_path / "HDNOITRU.xlsx", found, window),
            ]

    assert compared() == []
    stay = BedStay.objects.get(visit=ward_month["lying"].visit)
    BedStay.objects.filter(pk=stay.pk).update(started_at=on(28, 23))
    assert bool(compared()) is (month == "2026-10")
