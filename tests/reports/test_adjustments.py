"""A correction after the month was filed: the month is frozen, the visit stays in it, form 09/BH says what changed."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pgtrigger
import pytest
from django.urls import reverse
from lxml import etree
from openpyxl import load_workbook

from his.catalogs.models import PricedService
from insurance.billing.closing import reopen_visit
from insurance.billing.queries import lines_of
from insurance.claims.compare import FieldChange, RowChange, TableChange
from insurance.claims.services import build_month
from insurance.models import BenefitResult, Claim
from patients.models import Visit
from reports.datasets.adjustments import _of_table as of_table
from reports.datasets.adjustments import adjusted as adjustments_of
from reports.datasets.base import Query
from reports.definition import latest
from reports.engine import run
from reports.export import export
from reports.export.xml import to_xml
from reports.filing.compare import compare
from reports.filing.sides import as_now, stored
from reports.lists.services import list_query
from reports.lists.totals import checks, totals
from reports.models import ReportRun
from reports.period import Period
from reports.reconcile import reconcile
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.money_audit import tables_of
from tests.reports.month import OCTOBER, by_code, exported, failed, made, reopened, small_month, total
from tests.reports.test_compare import filed

NOVEMBER = Period.parse_month("2026-11")
QUARTER = Period.parse_quarter("2026-Q4")
LATER = timedelta(days=40)


@pytest.fixture
def october(world: World, tmp_path: Path) -> tuple[walk.Walk, ReportRun]:
    """October is exported and filed."""
    lan = small_month(world, world.hospital)[0]
    exported(world.hospital, tmp_path / "sent")
    report = made(world.hospital)
    filed(world.hospital, report)
    return lan, report


def corrected(lan: walk.Walk, when: datetime, price: int = 40000) -> Visit:
    """A price was wrong: the visit is opened, closed again, and its claim is built."""
    place = lan.place
    reopen_visit(visit=reopened(lan.visit), reason="Sai giá", actor=place.actor("manager"), at=when)
    PricedService.objects.filter(code=walk.CBC, facility=place.facility).update(price=price, insured_price=price)
    lan.visit, lan.now = reopened(lan.visit), when + timedelta(minutes=5)
    lan.close()
    month = reopened(lan.visit).claim_month
    assert month is not None
    build_month(month=month, actor=place.actor("claims"), at=when + timedelta(hours=1))
    return reopened(lan.visit)


def adjusted(world: World, period: Period) -> ReportRun:
    place = world.hospital
    return run(form="09BH", facility=place.facility, period=period, actor=place.actor("claims"), at=at(18) + LATER)


def fund_of_list(world: World, form: str, period: Period) -> Decimal:
    parts = totals(list_query(form, world.hospital.facility, period, ""))
    return sum((part.sums["T_BHTT"] for part in parts), Decimal(0))


def test_a_visit_of_a_filed_month_stays_in_it_and_is_counted_once(
    world: World, october: tuple[walk.Walk, ReportRun]
) -> None:
    lan, old = october
    assert corrected(lan, at(18) + LATER).claim_month == OCTOBER.start
    again, november = made(world.hospital), made(world.hospital, NOVEMBER)
    assert lan.visit.claim_code in by_code(again)
    assert november.values["rows"] == []
    old.refresh_from_db()
    moved = total(again, "T_BHTT") - total(old, "T_BHTT")
    assert moved != 0, "the filed version is as it was"
    report = adjusted(world, NOVEMBER)
    assert total(report, "CHENH_LECH_QUY") == moved
    for period, wanted in ((OCTOBER, total(again, "T_BHTT")), (NOVEMBER, Decimal(0))):
        assert sum(fund_of_list(world, form, period) for form in ("79A", "80A")) == wanted
        place = world.hospital
        items = [
            run(form=form, facility=place.facility, period=period, actor=place.actor("claims"), at=at(19))
            for form in ("19BHYT", "20BHYT", "21BHYT")
        ]
        assert sum(total(item, "T_BHTT") for item in items) == wanted
    said = [
        row for row in checks(list_query("79A", world.hospital.facility, OCTOBER, "")) if "sau khi nộp" in row.title
    ]
    assert [row.refs for row in said] == [(lan.visit.claim_code,)]
    differing = {check.name: check.differences for check in reconcile(world.hospital.facility, OCTOBER.start)}
    assert (differing["report"], differing["filed"], differing["claims"]) == ([], [], [])
    settlement = run(
        form="02BH", facility=old.facility, period=QUARTER, actor=world.hospital.actor("claims"), at=at(19)
    )
    assert Decimal(str(by_code(settlement)["01"]["T_BHTT"])) < total(old, "T_BHTT")
    leaves = [Decimal(str(row["T_BHTT"])) for row in by_code(settlement).values() if row["STT_CHA"] == "A"]
    assert sum(leaves) == total(old, "T_BHTT"), "the quarter adds up what was filed"
    assert compare(stored(settlement), as_now(settlement, at(18))).is_same
    assert filed(world.hospital, settlement).is_filed, "rows that name a part have no amounts, and it can be signed"


def test_reconcile_names_a_visit_that_is_asked_for_twice(world: World, october: tuple[walk.Walk, ReportRun]) -> None:
    lan, _ = october
    corrected(lan, at(18) + LATER)
    Visit.objects.filter(pk=lan.visit.pk).update(claim_month=NOVEMBER.start)
    (check,) = [one for one in reconcile(world.hospital.facility, OCTOBER.start) if one.name == "filed"]
    assert [one.ref for one in check.differences] == [lan.visit.claim_code]


def test_reconcile_holds_what_was_filed_against_its_splits_behind_a_newer_version(
    world: World, october: tuple[walk.Walk, ReportRun]
) -> None:
    lan, old = october
    corrected(lan, at(18) + LATER)
    draft = made(world.hospital)
    corrected(lan, at(18) + 2 * LATER, price=52000)

    def said() -> list[str]:
        checks = {check.name: check for check in reconcile(world.hospital.facility, OCTOBER.start)}
        return [row.what.split(":")[0] for row in checks["report"].differences if row.ref == lan.visit.claim_code]

    assert {what.split(", ", 1)[1] for what in said()} == {f"biểu đã lưu, lần {draft.version}"}, "a stale draft, apart"
    made(world.hospital)
    assert said() == []
    row, place = (
        old.values["rows"][old.values["refs"].index(lan.visit.claim_code)],
        old.values["columns"].index("T_BHTT"),
    )
    row[place] = "1.00"
    with pgtrigger.ignore():
        old.save()
    assert said() == [f"T_BHTT, biểu đã nộp, lần {old.version}"]


def test_an_unfiled_month_is_left_as_before(world: World) -> None:
    lan = small_month(world, world.hospital)[0]
    assert corrected(lan, at(18) + LATER).claim_month == NOVEMBER.start


def test_the_form_says_field_by_field_what_the_files_say_differently(
    world: World, october: tuple[walk.Walk, ReportRun], tmp_path: Path
) -> None:
    lan, _ = october
    code = lan.visit.claim_code
    corrected(lan, at(18) + LATER)
    before = tables_of((tmp_path / "sent" / f"{code}.xml").read_bytes())
    exported(world.hospital, tmp_path / "again")
    after = tables_of((tmp_path / "again" / f"{code}.xml").read_bytes())
    report = adjusted(world, NOVEMBER)
    rows = list(by_code(report).values())
    assert {(row["MA_LK"], row["KY_QT"], row["TRANGTHAI_HS"], row["LYDO_DIEUCHINH"]) for row in rows} == {
        (code, "202610", "1", "Sai giá")
    }
    said = {
        (row["SOBANG_XML"], row["STT_XML"], row["TRUONG_TT_GOC"]): (row["TT_GOC"], row["TT_DIEUCHINH"]) for row in rows
    }
    wanted = {}
    for table in ("XML1", "XML2", "XML3"):
        for old, new in zip(before.get(table, []), after.get(table, []), strict=True):
            number = "" if table == "XML1" else old["STT"]
            wanted |= {(table[3:], number, tag): (old[tag], new[tag]) for tag in old if old[tag] != new[tag]}
    assert said == wanted
    assert ("1", "", "T_BHTT") in said
    assert any(key[0] == "3" and key[2] == "DON_GIA_BH" for key in said)
    assert failed(report) == {}
    path = tmp_path / "09.xlsx"
    path.write_bytes(export(report, "xlsx"))
    head, *lines = load_workbook(path)["HSDC09BH"].iter_rows(values_only=True)
    assert (len(head), head[-1], len(lines)) == (22, "TIEN_XUAT_TOAN", len(rows))
    assert {line[head.index("XML1_ID")] for line in lines} == {None}, "what the product does not know is empty"
    assert export(report, "pdf").startswith(b"%PDF")
    root = etree.fromstring(export(report, "xml"))
    assert [child.tag for child in root] == ["TT_HOSO", "CHUKYDONVI"]
    assert [child.tag for child in root[0]] == ["TT_MAU", "TT_XML1", "TT_DIEUCHINH"]
    assert (root.findtext(".//MAU_SO"), root.findtext(".//MA_CSKCB"), root.findtext(".//KY_QT")) == (
        "09/BH",
        "99002",
        "202610",
    )
    sent = {
        (node.findtext("SOBANG_XML") or "1", node.findtext("STT_XML") or "", node.findtext("TRUONG_TT_GOC")): (
            node.findtext("TT_GOC") or "",
            node.findtext("TT_DIEUCHINH") or "",
        )
        for node in (*root.iter("TT_XML1_DC"), *root.iter("CHIPHI"))
    }
    assert sent == wanted
    assert [node.findtext("STT") for node in root.iter("CHIPHI")] == [
        str(n) for n in range(1, len(list(root.iter("CHIPHI"))) + 1)
    ]


def test_what_was_told_last_month_is_not_told_again(world: World, october: tuple[walk.Walk, ReportRun]) -> None:
    """Filed, corrected in November and again in December: the three papers add up to what is true."""
    lan, old = october
    corrected(lan, at(18) + LATER)
    corrected(lan, at(18) + 2 * LATER, price=52000)
    december = adjusted(world, Period.parse_month("2026-12"))
    both = [total(adjusted(world, NOVEMBER), "CHENH_LECH_QUY"), total(december, "CHENH_LECH_QUY")]
    assert all(both)
    assert total(old, "T_BHTT") + sum(both) == total(made(world.hospital), "T_BHTT")


def test_a_correction_across_the_turn_of_a_month_has_its_reason(
    world: World, october: tuple[walk.Walk, ReportRun]
) -> None:
    """Opened two minutes before December, closed three minutes after."""
    lan, _ = october
    corrected(lan, at(23, 58) + timedelta(days=55))
    assert by_code(adjusted(world, NOVEMBER)) == {}
    december = adjusted(world, Period.parse_month("2026-12"))
    assert {row["LYDO_DIEUCHINH"] for row in by_code(december).values()} == {"Sai giá"}
    assert failed(december) == {}


def test_lines_that_came_or_went_have_bare_values_and_no_xml_without_a_state(
    world: World, october: tuple[walk.Walk, ReportRun]
) -> None:
    lan, _ = october
    corrected(lan, at(18) + LATER)
    (one,) = adjustments_of(Query(lan.place.facility, NOVEMBER))
    added, gone = FieldChange("THANH_TIEN_BH", "", "", "12.00"), FieldChange("THANH_TIEN_BH", "", "15.00", "")
    name = FieldChange("TEN_DICH_VU", "", "", "Siêu âm")
    change = TableChange(
        "XML3", "", (RowChange("added", None, 2, "", (name, added)), RowChange("removed", 1, None, "", (gone,)))
    )
    before = {"XML3": [{"STT": "1", "NGAY_YL": "202610060800", "TEN_DICH_VU": "Công thức máu"}]}
    told = [(row["item"], row["old"], row["new"], row["status"]) for row in of_table(one, change, before)]
    assert told == [("Siêu âm", "", "12.00", ""), ("Công thức máu", "15.00", "", "2")]

    report = adjusted(world, NOVEMBER)
    form, values = latest("09BH"), report.values
    table, status = form.tags.index("SOBANG_XML"), form.tags.index("TRANGTHAI_CP")
    lines = [row for row in values["rows"] if row[table] != "1"]
    assert {row[form.tags.index("TEN_DONG")] for row in lines} == {
        "Tổng phân tích tế bào máu ngoại vi (bằng máy đếm laser)"
    }
    lines[0][status] = ""
    root = etree.fromstring(to_xml(form, values, "x"))
    assert len(list(root.iter("CHIPHI"))) == len(lines) - 1
    for row in lines:
        row[status] = ""
    root = etree.fromstring(to_xml(form, values, "x"))
    assert [child.tag for child in root[0].find("TT_DIEUCHINH")] == ["DS_XML1_DIEUCHINH"], "no empty list"


def test_a_visit_that_is_claimed_no_more_is_taken_away(world: World, october: tuple[walk.Walk, ReportRun]) -> None:
    lan, old = october
    reopen_visit(visit=lan.visit, reason="Không có thẻ", actor=lan.place.actor("manager"), at=at(18) + LATER)
    assert failed(adjusted(world, NOVEMBER))["Không lượt nào của tháng đã nộp còn mở lại mà chưa chốt"]
    lan.visit, lan.now = reopened(lan.visit), at(18, 5) + LATER
    lan.close()
    BenefitResult.objects.filter(visit=lan.visit, is_current=True).update(entitlement_code="9")
    Claim.objects.filter(visit=lan.visit, is_current=True).update(is_current=False)
    (row,) = by_code(adjusted(world, NOVEMBER)).values()
    fund = Decimal(str(by_code(old)[lan.visit.claim_code]["T_BHTT"]))
    assert (row["TRANGTHAI_HS"], row["TT_GOC"], row["TT_DIEUCHINH"]) == ("2", f"{fund:.2f}", "0.00")
    assert Decimal(str(row["CHENH_LECH_QUY"])) == -fund


def test_who_was_taken_away_and_comes_back_is_told_as_new(world: World, october: tuple[walk.Walk, ReportRun]) -> None:
    """Filed, taken away in November, asked for again in December: the three papers add up to what is true."""
    lan, old = october
    code, november, december = lan.visit.claim_code, at(18) + LATER, at(18) + 2 * LATER
    for when in (november, november + timedelta(days=32)):  # left out both times
        reopen_visit(visit=reopened(lan.visit), reason="Không có thẻ", actor=lan.place.actor("manager"), at=when)
        lan.visit, lan.now = reopened(lan.visit), when + timedelta(minutes=5)
        lan.close()
        BenefitResult.objects.filter(visit=lan.visit, is_current=True).update(entitlement_code="9")
        Claim.objects.filter(visit=lan.visit, is_current=True).update(is_current=False)
    gone, nothing = adjusted(world, NOVEMBER), adjusted(world, Period.parse_month("2026-12"))
    assert total(gone, "CHENH_LECH_QUY") == -Decimal(str(by_code(old)[code]["T_BHTT"]))
    assert (nothing.values["rows"], failed(nothing)) == ([], {}), "taken away twice is told once"
    corrected(lan, december, price=52000)
    report = adjusted(world, Period.parse_month("2026-12"))
    assert "Mọi lượt điều chỉnh đã lập hồ sơ XML của cả hai lần chốt" not in failed(report)
    first, *lines = by_code(report).values()
    fund = Decimal(str(by_code(made(world.hospital))[code]["T_BHTT"]))
    assert (first["TRANGTHAI_HS"], first["TRUONG_TT_GOC"], first["TT_GOC"]) == ("1", "T_BHTT", "0.00")
    assert (first["TT_DIEUCHINH"], Decimal(str(first["CHENH_LECH_QUY"]))) == (f"{fund:.2f}", fund)
    tables = {row["SOBANG_XML"] for row in lines}
    assert tables == {"2", "3"}
    assert ({row["TT_GOC"] for row in lines}, all(row["TEN_DONG"] for row in lines)) == ({""}, True)
    assert len(lines) == len(lines_of(BenefitResult.objects.get(visit=lan.visit, is_current=True)))
    sent = etree.fromstring(export(report, "xml"))
    assert [len(list(sent.iter(tag))) for tag in ("TT_XML1_DC", "CHIPHI")] == [1, 0], "no code says that a line is new"
    papers = [total(old, "T_BHTT"), total(gone, "CHENH_LECH_QUY"), total(report, "CHENH_LECH_QUY")]
    assert sum(papers) == total(made(world.hospital), "T_BHTT")


def test_the_desk_says_that_the_visit_stays(world: World, october: tuple[walk.Walk, ReportRun]) -> None:
    lan, _ = october
    page = walk.signed_in(world.hospital, "manager").get(reverse("cashier-filed", args=[lan.visit.pk])).content.decode()
    assert "vẫn thuộc tháng 10/2026" in page
    assert "chuyển sang tháng quyết toán" not in page
