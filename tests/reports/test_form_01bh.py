"""Form 01/BH: the same visits and amounts as the claims, its identities, its periods, its versions."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from his.core.errors import NotFound, PermissionRefused, Refusal
from insurance.billing.closing import reopen_visit
from insurance.models import BenefitResult
from reports.definition import load_form
from reports.engine import run
from reports.models import ReportRun
from reports.period import Period
from tests.cast import World, at
from tests.insurance import walk
from tests.reports.month import (
    HOSTILE_NAME,
    MONEY,
    OCTOBER,
    by_code,
    exported,
    failed,
    made,
    person_visit,
    small_month,
    total,
)

CLAIMS_EQUAL = "Tổng tiền bằng các hồ sơ XML của tháng"
NO_CLAIM = "Mọi lượt khám trong biểu đều đã lập hồ sơ XML từ kết quả chi phí hiện hành"
UNPAID = "Người bệnh đã thanh toán xong phần của mình"
STILL_OPEN = "Không lượt khám BHYT nào kết thúc trong tháng mà chưa chốt chi phí"
MAPPED = "Mọi loại hình KCB đều thuộc một phần của biểu"


def test_rows_and_sums_are_those_of_the_claims(world: World, tmp_path: Path, hospital_month: list[walk.Walk]) -> None:
    """Every common field of every row, and every sum, to the đồng; read from the XML files by other code."""
    walks = hospital_month
    claims = exported(world.hospital, tmp_path)
    report = made(world.hospital)
    rows = by_code(report)
    assert set(rows) == set(claims) == {w.visit.claim_code for w in walks if w.visit.is_insured}
    for code, row in rows.items():
        xml = claims[code]
        assert {tag: Decimal(row[tag]) for tag in MONEY} == {tag: Decimal(xml[tag]) for tag in MONEY}, code
        same = set(row) & set(xml) - {*MONEY, "STT"}
        assert same >= {"HO_TEN", "NGAY_SINH", "NGAY_VAO", "NGAY_RA", "SO_NGAY_DTRI", "MA_LOAI_KCB", "NAM_QT"}
        assert {tag: str(row[tag]) for tag in same} == {tag: xml[tag] for tag in same}, code
        whole, base, fund, copay, own, other = (Decimal(row[tag]) for tag in MONEY)
        assert base == fund + copay > 0
        assert whole == base + other + own
    for tag in MONEY:
        assert total(report, tag) == sum(Decimal(xml[tag]) for xml in claims.values())
    assert total(report, "T_BHTT") > 0
    assert set(failed(report)) == {UNPAID}


def test_sections_order_and_numbers(world: World, hospital_month: list[walk.Walk]) -> None:
    walks = hospital_month
    report = made(world.hospital)
    assert report.values["sections"] == ["I", "I", "I", "II"]
    assert [row[0] for row in report.values["rows"]] == [1, 2, 3, 4]
    chronic = by_code(report)[walks[2].visit.claim_code]
    assert report.values["refs"][-1] == walks[2].visit.claim_code
    # Seven days of drugs from the day of the visit: the visit ends with the last one.
    assert (chronic["SO_NGAY_DTRI"], chronic["NGAY_RA"]) == (7, "202610122359")
    assert [ref for ref, _ in report.values["left_out"]] == []
    names = {row["HO_TEN"] for row in by_code(report).values()}
    assert HOSTILE_NAME in names
    assert "Trần Văn Hùng" not in names


def test_what_makes_no_claim_is_left_out_for_the_same_reason(world: World, tmp_path: Path) -> None:
    left = person_visit(world, world.hospital, "Ngô Ngoài Quỹ", "GD4999912345609").examine("I10").sign()
    result = left.settled()
    BenefitResult.objects.filter(pk=result.pk).update(entitlement_code="9")
    assert exported(world.hospital, tmp_path) == {}
    report = made(world.hospital)
    assert report.values["rows"] == []
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert report.values["left_out"] == [[row["claim_code"], row["reason"]] for row in manifest["left_out"]]
    assert report.values["left_out"][0][0] == left.visit.claim_code


def test_checks_name_the_visits(world: World, tmp_path: Path, hospital_month: list[walk.Walk]) -> None:
    """Before the export nothing has a claim; an unpaid and an open visit are named."""
    walks = hospital_month
    waiting = person_visit(world, world.hospital, "Vũ Chưa Chốt", "GD4999912345604", hour=13).examine("I10").sign()
    report = made(world.hospital)
    insured = sorted(w.visit.claim_code for w in walks if w.visit.is_insured)
    assert sorted(failed(report)[NO_CLAIM]) == insured
    assert failed(report)[UNPAID] == [walks[4].visit.claim_code]
    assert failed(report)[STILL_OPEN] == [waiting.visit.claim_code]
    assert CLAIMS_EQUAL in failed(report)
    exported(world.hospital, tmp_path)
    again = made(world.hospital)
    assert again.pk == report.pk, "the rows are the same, so it is the same report"
    assert set(failed(again)) == {UNPAID, STILL_OPEN}


def test_a_claim_of_an_older_split_does_not_count(world: World, tmp_path: Path) -> None:
    """After a correction the claim of the old split is no longer what the report is compared with."""
    lan = walk.lan_full(world, world.hospital)
    lan.settled()
    exported(world.hospital, tmp_path)
    first = made(world.hospital)
    assert failed(first) == {}
    reopen_visit(visit=lan.visit, reason="Sửa chẩn đoán", actor=world.hospital.actor("manager"), at=at(14))
    second = made(world.hospital)
    assert (second.version, second.values["rows"]) == (2, [])
    assert failed(second) == {STILL_OPEN: [lan.visit.claim_code]}
    lan.visit.refresh_from_db()
    lan.now = at(15)
    lan.close()
    third = made(world.hospital)
    assert third.version == 3
    assert third.sha256 == first.sha256, "the same rows have the same fingerprint"
    assert failed(third)[NO_CLAIM] == [lan.visit.claim_code]
    assert ReportRun.objects.get(pk=first.pk).values == first.values, "an older version keeps its rows"


def test_empty_month(world: World) -> None:
    report = made(world.hospital)
    assert (report.values["rows"], report.values["refs"], report.version) == ([], [], 1)
    assert failed(report) == {}


def test_december_and_january_are_two_reports(world: World) -> None:
    """The claim month is that of closing: a visit of 31 December closed on 1 January belongs to January."""
    place, late = world.hospital, at(15, 0, date(2026, 12, 31))
    december = person_visit(world, place, "Lý Tháng Chạp", "GD4999912345605", day=late).examine("I10").sign()
    december.now = at(23, 50, date(2026, 12, 31))
    december.close()
    january = person_visit(world, place, "Mai Tháng Giêng", "GD4999912345606", day=late).examine("I10").sign()
    january.now = at(0, 1, date(2027, 1, 1))
    january.close()
    first, second = made(place, Period.parse_month("12/2026")), made(place, Period.parse_month("01/2027"))
    assert list(by_code(first)) == [december.visit.claim_code]
    assert list(by_code(second)) == [january.visit.claim_code]
    row = by_code(second)[january.visit.claim_code]
    assert (row["NAM_QT"], row["THANG_QT"], str(row["NGAY_RA"])[:8]) == (2027, 1, "20261231")
    assert second.values["period"] == {"start": "2027-01-01", "end": "2027-01-31", "label": "Tháng 01 năm 2027"}


def test_a_visit_type_without_a_section_blocks(world: World) -> None:
    """Codes 10 to 16 of QĐ 1804 are not placed by the form: the row is kept, the check is blocking."""
    home = person_visit(world, world.hospital, "Bùi Tại Nhà", "GD4999912345607", visit_type="12").examine("I10").sign()
    home.settled()
    report = made(world.hospital)
    assert report.values["sections"] == [""]
    assert failed(report)[MAPPED] == [home.visit.claim_code]
    check = next(row for row in report.checks if row["title"] == MAPPED)
    assert check["severity"] == "blocking"
    assert "12" in check["message"]


def test_only_the_own_facility(world: World, hospital_month: list[walk.Walk]) -> None:
    ours = walk.lan(world, world.station).examine("I10").sign()
    ours.settled()
    assert list(by_code(made(world.station))) == [ours.visit.claim_code]
    assert len(by_code(made(world.hospital))) == 4
    with pytest.raises(NotFound):
        run(
            form="01BH",
            facility=world.hospital.facility,
            period=OCTOBER,
            actor=world.station.actor("claims"),
            at=at(17),
        )
    with pytest.raises(PermissionRefused):
        run(
            form="01BH",
            facility=world.hospital.facility,
            period=OCTOBER,
            actor=world.hospital.actor("cashier"),
            at=at(17),
        )


def test_months_before_the_form_are_refused(world: World) -> None:
    with pytest.raises(Refusal, match="có hiệu lực từ kỳ 04/2026"):
        made(world.hospital, Period.parse_month("03/2026"))
    with pytest.raises(Refusal, match="Không có mẫu"):
        load_form("99BH", date(2026, 10, 1))


def test_the_number_of_queries_does_not_grow_with_the_visits(world: World, tmp_path: Path) -> None:
    counts = []
    for place in (world.station, world.hospital):
        walk.lan_full(world, place).settled() if place is world.station else small_month(world, place)
        exported(place, tmp_path / place.facility.code)
        with CaptureQueriesContext(connection) as queries:
            made(place)
        counts.append(len(queries))
    assert counts[0] == counts[1]
