"""Two versions of a report held against each other, and what a late correction says before it is stored."""

from decimal import Decimal

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from his.catalogs.models import PricedService
from his.core.dates import local
from his.core.money import round0
from his.demo.places import Place
from his.ui.text import money_text
from insurance.billing.closing import rehearse, reopen_visit
from insurance.models import BenefitResult
from patients.models import Visit, VisitDiagnosis
from reports.definition import load_form
from reports.engine import run
from reports.filing.compare import Change, Comparison, compare
from reports.filing.corrections import filed_reports
from reports.filing.services import check_report, sign_report
from reports.filing.sides import as_now, stored
from reports.filing.splits import split_change
from reports.models import Filing, ReportRun
from tests.cast import World, at
from tests.insurance import walk
from tests.reports.month import OCTOBER, by_code, made, total
from tests.scenes import scene


def figures(found: Comparison) -> dict[tuple[str, str], tuple[str, str]]:
    return {(one.row, one.column): (one.before, one.after) for one in found.figures}


@scene
def october(world: World, hospital_month: list[walk.Walk]) -> tuple[walk.Walk, ReportRun]:
    """The month of the hospital, and bà Lan's visit in it."""
    return hospital_month[0], made(world.hospital)


def corrected(lan: walk.Walk, price: int = 40000) -> None:
    """A price was wrong: the visit is opened and closed again."""
    reopen_visit(visit=lan.visit, reason="Sai giá", actor=lan.place.actor("manager"), at=at(18))
    PricedService.objects.filter(code=walk.CBC, facility=lan.place.facility).update(price=price, insured_price=price)
    lan.visit.refresh_from_db()
    lan.now = at(18, 5)
    lan.close()


def test_nothing_differs_from_itself(october: tuple[walk.Walk, ReportRun]) -> None:
    assert compare(stored(october[1]), as_now(october[1], at(18))).is_same


def test_a_corrected_visit_stands_behind_every_figure_that_moved(october: tuple[walk.Walk, ReportRun]) -> None:
    lan, old = october
    before = by_code(old)[lan.visit.claim_code]
    corrected(lan)
    found = compare(stored(old), as_now(old, at(18)))
    new = made(lan.place)
    after = by_code(new)[lan.visit.claim_code]
    assert {change.ref for one in found.figures for change in one.changes} == {lan.visit.claim_code}
    assert figures(found) == figures(compare(stored(old), stored(new)))
    (change,) = found.changes
    said = {detail.what: (detail.before, detail.after) for detail in change.details}
    assert change.kind == "changed"
    assert said
    for tag in ("T_BHTT", "T_BNCCT", "T_TONGCHI_BH"):
        moved = Decimal(str(after[tag])) - Decimal(str(before[tag]))
        assert total(new, tag) - total(old, tag) == moved != 0, tag
    split = split_change(lan.place.facility, lan.visit.claim_code, old.run_at, None)
    assert split is not None
    assert [line.name for line in split.lines] == [PricedService.objects.filter(code=walk.CBC).first().name]
    moved = Decimal(str(after["T_BHTT"])) - Decimal(str(before["T_BHTT"]))
    assert split.change.fund == moved


def test_a_visit_that_went_and_one_that_came(world: World, october: tuple[walk.Walk, ReportRun]) -> None:
    lan, old = october
    reopen_visit(visit=lan.visit, reason="Thiếu thuốc", actor=lan.place.actor("manager"), at=at(18))
    gone = compare(stored(old), as_now(old, at(18)))
    assert gone.changes == (Change(lan.visit.claim_code, "gone"),)
    rows = len(old.values["rows"])
    assert ("Số dòng", str(rows), str(rows - 1)) in {(one.column, one.before, one.after) for one in gone.figures}
    without = made(lan.place)
    lan.visit.refresh_from_db()
    lan.now = at(18, 5)
    lan.close()
    came = compare(stored(without), as_now(without, at(18)))
    assert came.changes == (Change(lan.visit.claim_code, "came"),)
    assert compare(stored(old), as_now(old, at(18))).is_same, "closed again as it was"


def test_figures_of_a_statistical_form_name_who_moved_from_one_to_the_other(
    world: World, hospital_month: list[walk.Walk]
) -> None:
    lan = hospital_month[0]
    place = world.hospital
    old = run(form="BENH10N", facility=place.facility, period=OCTOBER, actor=place.actor("claims"), at=at(17))
    with pgtrigger.ignore("patients.VisitDiagnosis:signed_is_frozen"):
        VisitDiagnosis.objects.filter(visit=lan.visit, is_main=True).update(code="J20.0")
    found = compare(stored(old), as_now(old, at(18)))
    code = lan.visit.claim_code
    (change,) = found.changes
    assert (change.ref, change.kind) == (code, "changed")
    assert [(one.what, one.before, one.after) for one in change.details] == [("Bệnh chính (3 ký tự)", "I10", "J20")]
    moved = {
        (one.row[:3], one.column, one.before, one.after, one.changes[0].kind) for one in found.figures if one.changes
    }
    labels = {row[1]: str(row[2]) for row in old.values["rows"]}
    lost, won = labels["I10"][:3], labels["J20"][:3]
    assert {(row, kind) for row, _, _, _, kind in moved} == {(lost, "gone"), (won, "came")}
    counts = {(one.row[:3]): (int(one.before), int(one.after)) for one in found.figures if one.column == "Số ca"}
    assert counts[lost][0] - counts[lost][1] == counts[won][1] - counts[won][0] == 1
    again = run(form="BENH10N", facility=place.facility, period=OCTOBER, actor=place.actor("claims"), at=at(18))
    assert figures(compare(stored(old), stored(again))) == figures(found)


def filed(place: Place, report: ReportRun) -> Filing:
    """Checked and signed; what fails is no matter here."""
    claims, manager = place.actor("claims"), place.actor("manager")
    ReportRun.objects.filter(pk=report.pk).update(checks=[])
    report.refresh_from_db()
    filing = check_report(run=report, actor=claims, at=at(17, 10))
    Filing.objects.filter(pk=filing.pk).update(checks=[])
    return sign_report(filing=filing, actor=manager, at=at(17, 20))


def test_the_desk_says_before_it_is_stored_what_changes_in_filed_reports(
    october: tuple[walk.Walk, ReportRun],
) -> None:
    lan, old = october
    place = lan.place
    diseases = run(form="BENH10N", facility=place.facility, period=OCTOBER, actor=place.actor("claims"), at=at(17))
    assert filed_reports(lan.visit, False) == []
    filed(place, old)
    filed(place, diseases)
    found = {report.title: report for report in filed_reports(lan.visit, False)}
    assert set(found) == {"01/BH 10/2026", "10 bệnh ngoại trú 10/2026"}
    assert found["01/BH 10/2026"].state == f"đã ký ngày {local(at(17)):%d/%m/%Y}"
    page = walk.signed_in(place, "manager").get(reverse("cashier-filed", args=[lan.visit.pk])).content.decode()
    assert "01/BH 10/2026" in page

    reopen_visit(visit=lan.visit, reason="Sai giá", actor=place.actor("manager"), at=at(18))
    PricedService.objects.filter(code=walk.CBC, facility=place.facility).update(price=40000, insured_price=40000)
    with pgtrigger.ignore("patients.VisitDiagnosis:signed_is_frozen"):
        VisitDiagnosis.objects.filter(visit=lan.visit, is_main=True).update(code="J20.9")
    lan.visit.refresh_from_db()
    stored_results = BenefitResult.objects.filter(visit=lan.visit).count()
    told = rehearse(lan.visit, place.actor("cashier"), at(18, 5), lambda: filed_reports(lan.visit, True)) or []
    assert BenefitResult.objects.filter(visit=lan.visit).count() == stored_results, "nothing is stored"
    lan.visit.refresh_from_db()
    assert lan.visit.state == Visit.State.EXAMINED
    effects = {report.title: {one.what: (one.before, one.after) for one in report.changes} for report in told}
    lan.now = at(18, 5)
    lan.close()
    new = made(place)
    column = load_form("01BH", OCTOBER.start).column("T_BHTT").short
    sums = effects["01/BH 10/2026"]
    assert sums["Mã bệnh"] == ("I10", "J20.9")
    assert sums[f"Cộng: {column}"] == tuple(money_text(round0(total(one, "T_BHTT"))) for one in (old, new))
    again = run(form="BENH10N", facility=place.facility, period=OCTOBER, actor=place.actor("claims"), at=at(19))
    cases = {str(row[2]): str(row[3]) for row in again.values["rows"]}
    for row in diseases.values["rows"]:
        said = effects["10 bệnh ngoại trú 10/2026"].get(f"{row[2]}: Số ca")
        assert (said or (row[3], row[3])) == (row[3], cases.get(str(row[2]), "0"))
    assert effects["10 bệnh ngoại trú 10/2026"]["Bệnh chính (3 ký tự)"] == ("I10", "J20")


def test_the_command_names_figures_and_visits(
    october: tuple[walk.Walk, ReportRun], capsys: pytest.CaptureFixture[str]
) -> None:
    lan, old = october
    call = ("compare_reports", "01BH", "--facility", old.facility.code, "--month", "2026-10")
    call_command(*call)
    assert "Không số nào khác" in capsys.readouterr().out
    corrected(lan)
    with pytest.raises(CommandError) as differs:
        call_command(*call)
    assert differs.value.returncode == 1
    assert f"{lan.visit.claim_code} sửa" in capsys.readouterr().out
    made(lan.place)
    with pytest.raises(CommandError):
        call_command(*call, "--versions", "1", "2")
    assert "bản 1 → bản 2" in capsys.readouterr().out
    with pytest.raises(CommandError, match="Không có bản 7"):
        call_command(*call, "--versions", "1", "7")


def test_the_page_shows_the_difference_and_stays_in_its_facility(
    world: World, october: tuple[walk.Walk, ReportRun]
) -> None:
    lan, old = october
    corrected(lan)
    new = made(lan.place)
    client, other = walk.signed_in(world.hospital, "claims"), walk.signed_in(world.station, "claims")
    addresses = [
        reverse("report-compare", args=[old.pk]),
        reverse("report-compare", args=[new.pk]) + f"?with={old.pk}",
        reverse("report-compared-visit", args=[old.pk, lan.visit.claim_code]) + f"?with={new.pk}",
        reverse("report-compared-visit", args=[old.pk, lan.visit.claim_code]),
    ]
    for address in addresses:
        page = client.get(address)
        assert page.status_code == 200, address
        assert lan.visit.claim_code in page.content.decode(), address
        assert other.get(address).status_code == 404, address
        assert walk.signed_in(world.hospital, "cashier").get(address).status_code == 403
    assert client.get(reverse("report-compare", args=[old.pk]) + "?with=99999").status_code == 404
    assert client.get(reverse("report-compared-visit", args=[old.pk, "x"])).status_code == 404


def test_closing_is_not_rehearsed_where_nothing_of_the_day_was_filed(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    with CaptureQueriesContext(connection) as asked:
        page = walk.signed_in(place, "cashier").get(reverse("cashier-filed", args=[step.visit.pk]))
    assert page.status_code == 200
    assert not [query for query in asked.captured_queries if "FOR NO KEY UPDATE" in query["sql"]]
