"""Forms 19, 20, 21 and 02/BH: nothing of the claims is lost or counted twice, in months and in quarters."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree
from openpyxl import load_workbook

from his.catalogs.models import PricedService
from his.core.errors import Refusal
from his.core.money import ZERO
from reports.engine import run
from reports.export import export, file_name
from reports.export.merged import export_merged, merged
from reports.models import ReportRun
from reports.period import Period
from reports.queries import newest_run
from tests.cast import World, at
from tests.insurance import walk
from tests.reports.month import OCTOBER, by_code, failed, made, person_visit, total
from tests.reports.test_lists import claim_tables

QUARTER = Period.parse_quarter("2026-Q4")


def form_of(world: World, form: str, period: Period) -> ReportRun:
    return run(
        form=form, facility=world.hospital.facility, period=period, actor=world.hospital.actor("claims"), at=at(17)
    )


def lines_of_files(world: World, folder: Path) -> list[tuple[str, dict[str, str]]]:
    """(table, line) of all claim files."""
    claims = claim_tables(world, folder)
    return [(name, line) for tables in claims.values() for name in ("XML2", "XML3") for line in tables.get(name, [])]


@pytest.mark.parametrize("period", [OCTOBER, QUARTER])
def test_the_three_forms_share_out_the_lines_of_the_claims(
    world: World, tmp_path: Path, period: Period, list_month: list[walk.Walk]
) -> None:
    lines = lines_of_files(world, tmp_path)
    monthly = made(world.hospital)
    reports = {form: form_of(world, form, period) for form in ("19BHYT", "20BHYT", "21BHYT")}
    sums = {form: total(report, "THANH_TIEN") for form, report in reports.items()}
    assert sum(sums.values()) == total(monthly, "T_TONGCHI_BH") > 0
    assert sums["20BHYT"] == sum(Decimal(line["THANH_TIEN_BH"]) for table, line in lines if table == "XML2")
    assert sum(total(report, "T_BHTT") for report in reports.values()) == total(monthly, "T_BHTT")
    assert all(not failed(report) for report in reports.values())
    assert reports["20BHYT"].period_end == period.end


def test_quantities_by_item_are_those_of_the_files(world: World, tmp_path: Path, list_month: list[walk.Walk]) -> None:
    lines = lines_of_files(world, tmp_path)
    services = by_code(form_of(world, "21BHYT", OCTOBER)).values()
    for row in services:
        same = [line for table, line in lines if table == "XML3" and line["MA_DICH_VU"] == row["MA_DICH_VU"]]
        assert Decimal(str(row["SL_NGOAI_TRU"])) + Decimal(str(row["SL_NOI_TRU"])) == sum(
            Decimal(line["SO_LUONG"]) for line in same
        )
    assert sum(Decimal(str(row["SL_NOI_TRU"])) for row in services) > 0
    drugs = by_code(form_of(world, "20BHYT", OCTOBER)).values()
    for row in drugs:
        same = [line for table, line in lines if table == "XML2" and line["TEN_THUOC"] == row["TEN_THUOC"]]
        assert row["SO_DANG_KY"] == same[0]["SO_DANG_KY"] != ""
        assert row["TT_THAU"] == same[0]["TT_THAU"]


def test_the_quarter_is_the_sum_of_its_stored_months(world: World, list_month: list[walk.Walk]) -> None:
    monthly = made(world.hospital)
    empty = form_of(world, "02BH", QUARTER)
    assert failed(empty)["Đã lập 01/BH của cả ba tháng"] == ["2026-11", "2026-12"]
    for month in ("2026-11", "2026-12"):
        made(world.hospital, Period.parse_month(month))
    report = form_of(world, "02BH", QUARTER)
    rows = by_code(report)
    assert "Đã lập 01/BH của cả ba tháng" not in failed(report)
    assert (rows["A"]["SO_LUOT"], rows["A"]["T_BHTT"], rows["01"]["STT_CHA"]) == ("", "", "A")
    for tag, of_month in (("T_TONGCHI_BV", "T_TONGCHI_BV"), ("T_BHTT", "T_BHTT"), ("T_BNTT", "T_BNTT")):
        for part in ("A", "B"):
            leaves = [Decimal(str(row[tag])) for row in rows.values() if row["STT_CHA"] == part]
            assert sum(leaves) == total(monthly, of_month), (part, tag)
    assert [rows[code]["SO_LUOT"] for code in ("B1", "B2", "B3")] == ["5", "1", "1"]
    assert "02" not in rows
    assert "12" not in rows


def test_the_paper_of_the_quarter_shows_each_part_once_with_its_sum(
    world: World, tmp_path: Path, list_month: list[walk.Walk]
) -> None:
    monthly = made(world.hospital)
    report = form_of(world, "02BH", QUARTER)
    assert file_name(report, "xlsx") == "02BH_99002_2026-Q4.xlsx"
    path = tmp_path / "02.xlsx"
    path.write_bytes(export(report, "xlsx"))
    book = load_workbook(path)
    paper = [row for row in book["Bản in"].iter_rows(values_only=True) if any(cell is not None for cell in row)]
    (part,) = [row for row in paper if str(row[0]).startswith("A. Tổng hợp")]
    assert Decimal(str(part[5])) == total(monthly, "T_BHTT").quantize(Decimal(1))
    assert any(str(row[0]) == "Quý IV năm 2026" for row in paper)
    file = list(book["MAU_02_BH"].iter_rows(values_only=True))
    assert file[1][:4] == ("A", None, "Tổng hợp theo loại hình KCB", None)
    assert export(report, "pdf").startswith(b"%PDF")


def test_a_month_and_its_quarter_are_different_reports(world: World, list_month: list[walk.Walk]) -> None:
    month, quarter = form_of(world, "21BHYT", OCTOBER), form_of(world, "21BHYT", QUARTER)
    assert (month.version, quarter.version, month.pk != quarter.pk) == (1, 1, True)
    assert newest_run(world.hospital.facility, "21BHYT", OCTOBER) == month
    with pytest.raises(Refusal, match="lập theo quý"):
        form_of(world, "02BH", OCTOBER)


@pytest.mark.parametrize(
    ("period", "label", "key", "before"),
    [
        (Period.month(date(2026, 10, 9)), "Tháng 10 năm 2026", "2026-10", "2026-09"),
        (Period.quarter(date(2026, 2, 9)), "Quý I năm 2026", "2026-Q1", "2025-Q4"),
        (Period.half_year(date(2026, 7, 1)), "6 tháng cuối năm 2026", "2026-H2", "2026-H1"),
        (Period.year(date(2026, 7, 1)), "Năm 2026", "2026", "2025"),
        (Period.day(date(2026, 3, 1)), "Ngày 01/03/2026", "2026-03-01", "2026-02-28"),
    ],
)
def test_periods(period: Period, label: str, key: str, before: str) -> None:
    assert (period.label(), period.key(), Period.before(period).key()) == (label, key, before)
    assert Period.of(period.kind, period.end) == period


@pytest.mark.parametrize("text", ["2026-Q5", "Q0/2026", "Q4", "26-Q1", "2026-10"])
def test_quarters_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match="Quý viết dạng"):
        Period.parse_quarter(text)


def test_several_sites_stand_in_one_form_as_parts(world: World, tmp_path: Path, list_month: list[walk.Walk]) -> None:
    person_visit(world, world.station, "Trạm Có Khách", "GD4999912345621").examine("J06.9").sign().settled()
    runs = [made(world.station), made(world.hospital)]
    form, values = merged(runs)
    assert [row[0] for row in values["rows"]] == list(range(1, sum(len(run.values["rows"]) for run in runs) + 1))
    path = tmp_path / "merged.xlsx"
    path.write_bytes(export_merged(runs, "xlsx"))
    paper = list(load_workbook(path)["Bản in"].iter_rows(values_only=True))
    place = [column.tag for column in form.printed()].index("T_BHTT")
    sums = {str(row[0]).partition(" (")[0]: row[place] for row in paper if isinstance(row[0], str)}
    assert "A. Trạm y tế xã Thí Dụ - I. Khám bệnh ngoại trú" in sums or any(key.startswith("A. ") for key in sums)
    whole = sum(total(run, "T_BHTT") for run in runs)
    assert Decimal(str(sums["Tổng cộng"])) == whole.quantize(Decimal(1))
    assert export_merged(runs, "xml").count(b"<CHITIET_HS01BH>") == len(values["rows"])
    with pytest.raises(Refusal, match="cùng mẫu"):
        merged([runs[0], form_of(world, "21BHYT", OCTOBER)])


GATEWAY = {
    "01DM": ("DANHSACH_DMBOPHANCHUYENMON", "DMBOPHANCHUYENMON"),
    "02DM": ("DANHSACH_DMNHANLUCKBCB", "DMNHANLUCKBCB"),
    "03DM": ("DANHSACH_DMTHUOCMAUCHEPHAMMAU", "DMTHUOCMAUCHEPHAMMAU"),
    "04DM": ("DSACH_TBYT", "DM_TBYT"),
    "05DM": ("DANHSACH_DMDICHVUKBCB", "DMDICHVUKBCB"),
    "06DM": ("DSACH_TBYTTHDV", "DM_TBYTTHDV"),
}


@pytest.mark.parametrize(("code", "types"), [("14A", {"01", "05"}), ("14B", {"03"})])
def test_costs_by_card_group_and_referral_are_those_of_the_files(
    world: World, tmp_path: Path, list_month: list[walk.Walk], code: str, types: set[str]
) -> None:
    claims = claim_tables(world, tmp_path)
    wanted: dict[tuple[str, str], dict[str, Decimal]] = {}
    for tables in claims.values():
        (visit,) = tables["XML1"]
        if visit["MA_LOAI_KCB"] not in types:
            continue
        where = visit["MA_DKBD"]
        origin = "here" if where == "99002" else "province" if where[:2] == "99" else "elsewhere"
        row = wanted.setdefault((origin, visit["MA_THE_BHYT"][:2]), dict.fromkeys(("n", "days", "T_BHTT", "4"), ZERO))
        row["n"] += 1
        row["days"] += Decimal(visit["SO_NGAY_DTRI"])
        row["T_BHTT"] += Decimal(visit["T_BHTT"])
        row["4"] += sum(Decimal(line["THANH_TIEN_BH"]) for line in tables.get("XML2", []))
    report = form_of(world, code, OCTOBER)
    found: dict[tuple[str, str], dict[str, Decimal]] = {}
    for origin, cells in zip(report.values["sections"], by_code(report).values(), strict=True):
        assert cells["TUYEN"] == "Đúng tuyến", "registered here, an emergency, or referred"
        tags = {"n": "SO_LUOT", "days": "SO_NGAY", "T_BHTT": "T_BHTT", "4": "T_THUOC"}
        found[origin, str(cells["NHOM"])] = {key: Decimal(str(cells.get(tag, 0))) for key, tag in tags.items()}
    if code == "14A":
        wanted = {key: {**row, "days": ZERO} for key, row in wanted.items()}
    assert found == wanted
    assert len(found) == (5 if code == "14A" else 1)
    assert failed(report) == {}


@pytest.mark.parametrize("code", sorted(GATEWAY))
def test_catalogues_hold_what_is_in_force_in_the_month(world: World, tmp_path: Path, code: str) -> None:
    PricedService.objects.filter(facility=world.hospital.facility, code=walk.CBC).update(
        device_code="HH.1.A01;HH.2.A02"
    )
    report = form_of(world, code, OCTOBER)
    path = tmp_path / "dm.xlsx"
    path.write_bytes(export(report, "xlsx"))
    head, *lines = load_workbook(path)[f"MAU_{code[:2]}_DM"].iter_rows(values_only=True)
    assert list(head) == list(report.values["columns"])
    assert len(lines) == len(report.values["rows"]) > (0 if code != "04DM" else -1)
    assert set(failed(report)) == ({"Mọi máy có tên và số lưu hành"} if code == "06DM" else set())
    root = etree.fromstring(export(report, "xml"))
    listed, signature = root
    assert (root.tag, listed.tag, signature.tag, len(signature)) == ("HSDANHMUC", GATEWAY[code][0], "CHUKYDONVI", 0)
    assert {row.tag for row in listed} <= {GATEWAY[code][1]}
    said = [{field.tag: field.text for field in row} for row in listed]
    texts = [[None if cell in ("", None) else str(cell) for cell in line] for line in lines]
    assert said == [dict(zip(head, line, strict=True)) for line in texts]
    if code == "06DM":
        assert {"HH.1.A01", "HH.2.A02"} <= {row["MA_MAY"] for row in said}
        assert {row["TEN_TB"] for row in said} == {None}


def test_a_change_of_a_catalogue_is_two_rows(world: World) -> None:
    drug = world.drug(world.hospital, "TH0001")
    drug.valid_to = date(2026, 10, 14)
    drug.save()
    drug.pk, drug.valid_from, drug.valid_to, drug.price = None, date(2026, 10, 15), None, Decimal(200)
    drug.save(force_insert=True)
    rows = by_code(form_of(world, "03DM", OCTOBER)).values()
    both = [(row["DON_GIA"], row["TU_NGAY"], row["DEN_NGAY"]) for row in rows if row["TEN_THUOC"] == drug.name]
    assert both == [("180", "20260101", "20261014"), ("200", "20261015", "")]
    assert len(list(by_code(form_of(world, "03DM", Period.parse_month("2026-11"))))) == len(rows) - 1
