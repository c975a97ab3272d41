"""Months at the edge, for every form: an empty one, one visit, the turn of the year, the month in which a facility
began, a visit that was opened again after its month was filed. Figures are those of the second program."""

import io
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from his.catalogs.models import PricedService
from his.demo.places import Place
from insurance.billing.closing import reopen_visit
from reports.datasets.grid import REST, behind
from reports.definition import SUMMED, Form, form_codes, latest
from reports.engine import query_of, run
from reports.filing.checks import checks_before_filing
from reports.filing.services import check_report, sign_report
from reports.models import ReportRun
from reports.period import Period
from tests.cast import World, at
from tests.insurance import walk
from tests.reports import test_second_opinion as six
from tests.reports import test_second_opinion_more as further
from tests.reports import workbook
from tests.reports.month import OCTOBER, person_visit, reopened

DECEMBER, JANUARY = Period.parse_month("2026-12"), Period.parse_month("2027-01")
NEW_YEARS_EVE, NEW_YEAR = date(2026, 12, 31), date(2027, 1, 1)
STORED = [code for code in form_codes() if not latest(code).is_list]


def period_of(form: Form, month: Period) -> Period:
    return month if "month" in form.periods else Period.of("quarter", month.start)


def files(folder: Path, period: Period, facility: str = "99002") -> str:
    """All forms and claims of a month as files; what the commands said."""
    said = io.StringIO()
    call_command(
        *("export_claims", "--facility", facility, "--month", period.key(), "--out", str(folder / "xml")), stdout=said
    )
    for form in (*six.FORMS, *further.FORMS, "09D"):
        with suppress(CommandError):  # a check may block the signature: the files are written all the same
            call_command(
                *("run_report", form, "--facility", facility, "--month", period.key(), "--out", str(folder)),
                *("--format", "xlsx"),
                stdout=said,
                stderr=said,
            )
    return said.getvalue()


def differences(folder: Path, period: Period) -> list[str]:
    return [*six.compared(folder, period), *further.compared(folder, period)]


def made(place: Place, code: str, period: Period = OCTOBER, hour: int = 18) -> ReportRun:
    how = {"facility": place.facility, "actor": place.actor("claims"), "at": at(hour)}
    return run(form=code, period=period_of(latest(code), period), **how)


def sums(report: ReportRun) -> dict[str, Decimal]:
    """What a report adds up, by column."""
    values, form = report.values, latest(report.form)
    return {
        column.tag: sum((Decimal(row[place] or 0) for row in values["rows"]), Decimal(0))
        for place, column in enumerate(form.columns)
        if column.type in SUMMED
    }


@pytest.mark.parametrize("code", form_codes())
def test_an_empty_month_of_every_form_is_zero_and_has_its_files(code: str, world: World, tmp_path: Path) -> None:
    place, form = world.hospital, latest(code)
    period = period_of(form, OCTOBER)
    when = ("--month", period.key()) if period.kind == "month" else ("--quarter", "2026-Q4")
    with suppress(CommandError):
        call_command("run_report", code, "--facility", "99002", *when, "--out", str(tmp_path))
    written = {path.suffix: path.read_bytes() for path in tmp_path.iterdir()}
    assert workbook.faults(written[".xlsx"]) == []
    assert form.is_list or written[".pdf"].startswith(b"%PDF")
    if not form.is_list and form["subject"] != "insurance":  # catalogues are full without a visit
        assert {tag: amount for tag, amount in sums(made(place, code)).items() if amount} == {}


def test_a_month_with_one_visit(world: World, tmp_path: Path) -> None:
    walk.lan_full(world, world.hospital).settled()
    files(tmp_path, OCTOBER)
    assert differences(tmp_path, OCTOBER) == []
    place = world.hospital
    counted = {code: sums(made(place, code)) for code in ("B14", "BENH10N", "B9", "DTNGUON", "THUNGAN")}
    assert (counted["B14"]["KKB"], counted["BENH10N"]["SO_CA"]) == (1, 1)
    assert len(made(place, "01BH").values["rows"]) == 1
    assert counted["DTNGUON"]["TONG"] > 0
    assert counted["THUNGAN"]["CON"] == counted["DTNGUON"]["CCT"] + counted["DTNGUON"]["BH_TU_TRA"]


def test_the_turn_of_the_year_parts_the_figures_of_every_form(world: World, tmp_path: Path) -> None:
    """One visit ends in the old year and is settled in the new one, one ends in the new year, one is old altogether."""
    place = world.hospital
    old = person_visit(world, place, "Lý Năm Cũ", "GD4999912345651", day=at(9, 0, NEW_YEARS_EVE))
    old.examine("I10").order(walk.CBC).prescribe((walk.AMLODIPIN, 5)).sign().dispense().settled()
    late = person_visit(world, place, "Lý Chốt Muộn", "GD4999912345652", day=at(22, 0, NEW_YEARS_EVE))
    late.examine("J20.9").prescribe((walk.AMLODIPIN, 7)).sign()
    late.now = at(0, 10, NEW_YEAR)
    late.dispense().settled()
    night = person_visit(world, place, "Lý Giao Thừa", "GD4999912345653", day=at(23, 50, NEW_YEARS_EVE))
    night.examine("J06.9").order(walk.GLUCOSE)
    night.now = at(0, 20, NEW_YEAR)
    night.sign().settled()
    for period in (DECEMBER, JANUARY):
        folder = tmp_path / period.key()
        files(folder, period)
        assert differences(folder, period) == [], period.key()
    ended = {period.key(): sums(made(place, "B14", period))["KKB"] for period in (DECEMBER, JANUARY)}
    assert ended == {"2026-12": 2, "2027-01": 1}
    settled = {period.key(): len(made(place, "01BH", period).values["rows"]) for period in (DECEMBER, JANUARY)}
    assert settled == {"2026-12": 1, "2027-01": 2}
    used = {period.key(): sums(made(place, "05D", period))["NGOAI_TT"] for period in (DECEMBER, JANUARY)}
    assert used == {"2026-12": 5 * 200, "2027-01": 7 * 200}
    january = made(place, "BENH10N", JANUARY)
    rows = [dict(zip(january.values["columns"], row, strict=True)) for row in january.values["rows"]]
    said = [(row["MA"], row["SO_CA"], row["KY_TRUOC"]) for row in rows]
    assert said == [("J06", "1", "0"), ("", "0", "2")], "what was of December alone is no leading cause of January"
    form, place_of = latest("BENH10N"), january.basis.content
    query = query_of(form, place.facility, JANUARY)
    opened = behind(form, place_of, query, REST, form.column("KY_TRUOC"))
    assert set(opened) == {old.visit.claim_code, late.visit.claim_code}
    assert behind(form, place_of, query, REST, form.column("SO_CA")) == []


@pytest.mark.parametrize("code", STORED)
def test_the_month_in_which_a_facility_began_says_so(code: str, world: World) -> None:
    """The first visit is of 6 October: before that the product knows nothing, which the check before filing tells."""
    place = world.hospital
    title = "Phần mềm có số liệu của cả kỳ"

    def told(period: Period) -> tuple[bool, str]:
        found = {check.title: check for check in checks_before_filing(made(place, code, period), at(18))}
        return found[title].passed, found[title].message

    assert told(OCTOBER) == (False, "Cơ sở chưa có lượt khám nào trong phần mềm đến hết kỳ")
    walk.lan_full(world, place).settled()
    began = "Lượt khám đầu tiên trong phần mềm là ngày 06/10/2026; trước đó đơn vị tự cộng thêm"
    assert told(OCTOBER) == (False, began)
    if "month" in latest(code).periods:
        assert told(Period.parse_month("2026-11")) == (True, "")
        before = Period.parse_month("2026-09")
        assert told(before) == (False, "Cơ sở chưa có lượt khám nào trong phần mềm đến hết kỳ")


def test_what_the_command_says_of_the_first_month(world: World, tmp_path: Path) -> None:
    walk.lan_full(world, world.hospital).settled()
    assert "Lượt khám đầu tiên trong phần mềm là ngày 06/10/2026" in files(tmp_path, OCTOBER)
    assert differences(tmp_path, OCTOBER) == []


def test_a_visit_opened_again_after_filing_changes_no_filed_form_and_every_new_one(
    world: World, tmp_path: Path, list_month: list[walk.Walk]
) -> None:
    """The price of a service of the filed October was wrong, which is corrected in November."""
    place, manager = world.hospital, world.hospital.actor("manager")
    codes = ("01BH", "20BHYT", "21BHYT", "B9", "B14", "BENH10N", "DTKHOA", "DTNGUON")
    files(tmp_path / "first", OCTOBER)
    filed = {code: made(place, code) for code in codes}
    for report in filed.values():
        filing = check_report(run=report, actor=manager, at=at(18, 5))
        sign_report(filing=filing, actor=manager, at=at(18, 10))
    before = {code: report.values for code, report in filed.items()}
    lan = list_month[0]
    later = at(9, 0, date(2026, 11, 12))
    reopen_visit(visit=reopened(lan.visit), reason="Sai giá", actor=manager, at=later)
    PricedService.objects.filter(code=walk.CBC, facility=place.facility).update(price=40000, insured_price=40000)
    lan.visit, lan.now = reopened(lan.visit), later
    lan.close()
    for code, report in filed.items():
        report.refresh_from_db()
        assert report.values == before[code], "what was signed stays"
    files(tmp_path / "again", OCTOBER)
    assert differences(tmp_path / "again", OCTOBER) == []
    versions = {code: made(place, code, hour=19).version for code in codes}
    changed = {code for code, version in versions.items() if version == 2}
    costs = {"01BH", "21BHYT", "DTKHOA", "DTNGUON"}
    assert changed == {*costs, "20BHYT"}, "neither drugs nor people; the foot of 20/BHYT says the sum of all three"
    assert made(place, "01BH", Period.parse_month("2026-11")).values["rows"] == [], "asked for once"
