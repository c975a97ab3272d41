"""Days in a bed: laid out on the beds of a stay, charged once, closed, claimed, to the đồng and with their reasons."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest

from his.catalogs.models import PricedService
from his.core.errors import Refusal
from insurance.benefits.engine import load
from insurance.benefits.engine.beds import BedDays, Stay, count_beds
from insurance.benefits.engine.cases import run_case
from insurance.billing.charges import find_sources, not_yet_charged
from insurance.billing.closing import reopen_visit
from insurance.billing.queries import lines_of
from insurance.billing.statement import blocks_of
from insurance.claims.services import build_claim
from insurance.claims.stored import content_of
from insurance.models import Charge, Claim, SourceChange
from patients.models import BedStay
from patients.services.beds import leave_ward, move_bed, undo_bed_step
from patients.services.signing import write_note
from reports.engine import run
from reports.period import Period
from reports.reconcile import reconcile
from tests.cast import World, at
from tests.insurance import money_audit, walk
from tests.insurance.test_benefit_cases import ROWS, STAYS, given
from tests.wards import admitted, bed_prices, on_day

PARAMS = load(on=datetime(2026, 8, 3).date())
HALF = Decimal("0.5")


def when(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M")


def laid_out(*stays: tuple[str, str, str, int], **how: object) -> list[tuple[int, Decimal, Decimal]]:
    """Key, quantity and rate of stays given as (ward, from, to, price); keys count from 0."""
    made = [Stay(n, ward, when(a), when(b), Decimal(price)) for n, (ward, a, b, price) in enumerate(stays)]
    return told(count_beds(PARAMS, made, **how))


def told(counted: Sequence[BedDays]) -> list[tuple[int, Decimal, Decimal]]:
    return [(one.key, one.quantity, one.rate) for one in counted]


@pytest.mark.parametrize("case_id", STAYS)
def test_one_bed_has_the_days_of_the_worked_case(case_id: str) -> None:
    stay = json.loads(ROWS[case_id]["extra_json"])
    found = laid_out(("K02", stay["ngay_vao"], stay["ngay_ra"], 300_000), has_extra_day=stay["special"])
    assert found == [(0, stay["bed_days"], 100)]


CASES = [
    ("C083", (("A", "202608030800", "202608031300", 400_000), ("B", "202608031300", "202608031830", 300_000),
              ("C", "202608031830", "202608041600", 200_000))),
    ("C084", (("A", "202608030800", "202608041600", 300_000, {"patients": 2}),)),
    ("C085", (("A", "202608030800", "202608041600", 300_000, {"patients": 3}),)),
    ("C087", (("A", "202608030800", "202608031500", 300_000, {"patients": 3}),
              ("B", "202608031500", "202608041600", 200_000))),
    ("C161", (("A", "202608030800", "202608151000", 300_000, {"medical_price": Decimal(200_000)}),)),
]  # fmt: skip


@pytest.mark.parametrize(("case_id", "stays"), CASES, ids=[name for name, _ in CASES])
def test_wards_shares_and_surgery_give_the_lines_of_the_worked_case(case_id: str, stays: Sequence[tuple]) -> None:
    """The counted beds, put into the case in the place of its lines, give its amounts to the đồng."""
    made = [
        Stay(n, ward, when(a), when(b), Decimal(price), **(more[0] if more else {}))
        for n, (ward, a, b, price, *more) in enumerate(stays)
    ]
    wanted = json.loads(ROWS[case_id]["items_json"])
    lines = []
    for one in count_beds(PARAMS, made):
        stay = made[one.key]
        price = stay.medical_price if one.is_medical else stay.price
        lines.append(
            {**wanted[0], "qty": str(one.quantity), "price": str(price), "bh": str(price), "dv": int(one.rate)}
        )
    by_price = sorted(lines, key=lambda line: -Decimal(line["price"]))
    assert [(Decimal(a["qty"]), a["price"], a["dv"]) for a in by_price] == [
        (Decimal(b["qty"]), b["price"], b.get("dv", 100)) for b in wanted
    ]
    answer = run_case(given(case_id, items_json=json.dumps(by_price)))
    assert {name: answer[name] for name in ("T_TONGCHI_BV", "T_BHTT", "T_BNCCT")} == {
        name: ROWS[case_id][name] for name in ("T_TONGCHI_BV", "T_BHTT", "T_BNCCT")
    }


def test_the_day_of_leaving_counts_only_when_the_stay_earns_it() -> None:
    """A move on the last day changes nothing, unless that day counts too."""
    stays = (("A", "202608030800", "202608050800", 300_000), ("B", "202608050800", "202608051600", 200_000))
    assert laid_out(*stays) == [(0, 2, 100), (1, 0, 100)]
    assert laid_out(*stays, has_extra_day=True) == [(0, Decimal("2.5"), 100), (1, HALF, 100)]


def test_beds_of_one_ward_share_its_one_day() -> None:
    """Two beds of a ward on a day are one day, at the bed of the longest time; a ward again is the same ward."""
    first, again = ("A", "202608030800", "202608041400", 300_000), ("A", "202608041400", "202608051000", 300_000)
    assert laid_out(first, again) == [(0, 2, 100), (1, 0, 100)]
    back = (("A", "202608030800", "202608031200", 400_000), ("B", "202608031200", "202608031500", 200_000),
            ("A", "202608031500", "202608041400", 400_000))  # fmt: skip
    assert laid_out(*back) == [(0, 0, 100), (1, HALF, 100), (2, HALF, 100)]


def test_days_of_a_day_ward_stand_alone_and_observation_ends_after_three() -> None:
    days = [("A", f"2026080{day}0800", f"2026080{day}1500", 60_000) for day in (3, 4, 6)]
    assert laid_out(*days) == [(0, 1, 100), (1, 1, 100), (2, 1, 100)]
    assert laid_out(("A", "202608030800", "202608101500", 60_000), is_observation=True) == [(0, 3, 100)]
    assert laid_out(("A", "202608030800", "202608031100", 60_000)) == [(0, 0, 100)]


def test_the_hours_of_one_day_of_day_treatment_are_added() -> None:
    """Morning and afternoon are one bed day, of the longer bed or of both wards; two short times may be none."""
    morning, afternoon = ("A", "202608030700", "202608031130", 60_000), ("A", "202608031300", "202608031745", 60_000)
    assert laid_out(morning, afternoon) == [(0, 0, 100), (1, 1, 100)]
    made = [Stay(0, "A", when("202608030700"), when("202608031130"), Decimal(1))]
    made.append(Stay(1, "B", when("202608031300"), when("202608031745"), Decimal(1)))
    counted = count_beds(PARAMS, made)
    assert told(counted) == [(0, HALF, 100), (1, HALF, 100)]
    assert counted[0].reasons[0].startswith("Nằm nhiều lần trong ngày 03/08/2026, tất cả 9 giờ 15 phút: 1 ngày giường")
    short = (("A", "202608030700", "202608030900", 60_000), ("A", "202608031500", "202608031700", 60_000))
    assert laid_out(*short) == [(0, 0, 100), (1, 0, 100)]
    assert laid_out(morning, ("A", "202608040700", "202608041130", 60_000)) == [(0, 1, 100), (1, 1, 100)]


def test_a_reason_says_only_what_counted() -> None:
    """The limit of observation takes the extra day too; without an operation nothing is said of one."""
    long = Stay(0, "A", when("202608030800"), when("202608101500"), Decimal(1))
    (cut,) = count_beds(PARAMS, [long], is_observation=True, has_extra_day=True)
    assert not any("ngày ra viện" in reason for reason in cut.reasons)
    (whole,) = count_beds(PARAMS, [long], has_extra_day=True)
    assert whole.reasons[-1].startswith("Tính thêm ngày ra viện theo kết quả điều trị")
    bed = Stay(0, "A", when("202608030800"), when("202608231000"), Decimal(3), medical_price=Decimal(2))
    first_days = {
        one.reasons[1].split(":")[0]
        for operated in ([], [when("202608040000").date()])
        for one in count_beds(PARAMS, [bed], operated_on=operated)
        if one.is_medical
    }
    assert first_days == {"Quá 10 ngày sau mổ", "Quá 10 ngày từ giường ngoại khoa đầu tiên (chưa ghi ngày mổ)"}


def test_a_second_operation_begins_the_surgical_days_anew() -> None:
    bed = Stay(0, "A", when("202608030800"), when("202608231000"), Decimal(3), medical_price=Decimal(2))
    assert [(b.is_medical, b.quantity) for b in count_beds(PARAMS, [bed])] == [(False, 10), (True, 10)]
    again = count_beds(PARAMS, [bed], operated_on=[when("202608040000").date(), when("202608110000").date()])
    assert [(b.is_medical, b.quantity) for b in again] == [(False, 18), (True, 2)]
    assert again[1].first_at == when("202608210000")


def test_a_stretcher_is_half() -> None:
    bed = Stay(0, "A", when("202608030800"), when("202608041000"), Decimal(3), is_stretcher=True)
    (half,) = count_beds(PARAMS, [bed])
    assert (half.rate, half.reasons[1].split(" [")[0]) == (50, "Băng ca, giường gấp: tính 50% giá")


def test_a_day_of_wards_that_are_all_short_is_the_longest_ones() -> None:
    """Three wards in the evening of the admission: our own reading, which says so."""
    first = (("A", "202608032100", "202608032130", 3), ("B", "202608032130", "202608032330", 1))
    stays = (*first, ("C", "202608032330", "202608051000", 2))
    assert laid_out(*stays) == [(0, 0, 100), (1, 1, 100), (2, 1, 100)]
    made = [Stay(n, ward, when(a), when(b), Decimal(price)) for n, (ward, a, b, price) in enumerate(stays)]
    reason = count_beds(PARAMS, made)[1].reasons[1].removeprefix("Ngày 03/08 nằm 3 khoa: không khoa nào quá 4 giờ, ")
    assert reason.startswith("tính cho khoa nằm lâu nhất trong ngày (cách hiểu của phần mềm)")


# From the ward to the claim


def three_days(world: World) -> walk.Walk:
    """Bà Lan in an intensive-care bed of two people, from the third day alone in another ward, home on the fourth."""
    place = world.hospital
    bed_prices(place)
    step = walk.lan(world, place).examine(treatment="Thuốc hạ áp, theo dõi")
    stay = admitted(step, "K02", "H001", "K02.1911", at(9), patients_in_bed=2)
    nurse, doctor = place.actor("nurse"), place.actor("doctor")
    for day in (6, 7, 8):
        write_note(visit=step.visit, text="Đỡ đau đầu, huyết áp ổn", actor=doctor, at=on_day(day, 15))
    new = {"department": place.departments["K27"], "bed_code": "h005", "service_code": "K27.1933"}
    stay = move_bed(stay=stay, **new, actor=nurse, at=on_day(8, 10))
    step.now = on_day(9, 10)
    step.sign()
    leave_ward(stay=stay, actor=nurse, at=on_day(9, 11))
    step.visit.refresh_from_db()
    step.now = on_day(9, 11, 5)
    return step


@pytest.mark.django_db
def test_three_days_two_wards_and_a_shared_bed_make_a_clean_claim(world: World) -> None:
    step = three_days(world)
    assert (step.visit.visit_type, step.visit.ended_at) == ("03", on_day(9, 11))
    assert [(s.kind, s.code, s.quantity, s.service_rate) for s in not_yet_charged(step.visit)][1:] == [
        ("bed", "K02.1911", Decimal("2.5"), 50),
        ("bed", "K27.1933", HALF, 100),
    ]
    result = step.settled()
    assert not_yet_charged(step.visit) == []
    # 39.800 + 2,5 x 364.400 x 50 % + 0,5 x 241.300 = 615.950; a card of level 4 above 15 % of the base salary: 80 %
    assert (result.total_hospital_amount, result.fund_amount, result.copay_amount) == (615_950, 492_760, 123_190)
    _exam, shared, alone = lines_of(result)
    assert (shared.hospital_amount, alone.hospital_amount) == (455_500, 120_650)
    assert [reason.split(" [")[0] for reason in shared.reasons[:3]] == [
        "Nằm từ 09:00 06/10/2026 đến 11:00 09/10/2026: 3 ngày giường",
        "2 người nằm một giường: tính 50% giá",
        "Ngày 08/10 nằm 2 khoa: mỗi khoa nửa ngày",
    ]
    claim = build_claim(visit=step.visit, actor=step.place.actor("claims"), at=on_day(9, 15))
    content = content_of(claim)
    assert money_audit.faults(content) == []
    tables = money_audit.tables_of(content)
    (summary,) = tables["XML1"]
    assert {tag: summary[tag] for tag in ("MA_LOAI_KCB", "NGAY_VAO_NOI_TRU", "NGAY_RA", "SO_NGAY_DTRI", "MA_KHOA")} == {
        "MA_LOAI_KCB": "03",
        "NGAY_VAO_NOI_TRU": "202610060900",
        "NGAY_RA": "202610091100",
        "SO_NGAY_DTRI": "4",
        "MA_KHOA": "K01;K02;K27",
    }
    tags = ("MA_NHOM", "MA_GIUONG", "MA_KHOA", "NGAY_YL", "NGAY_KQ", "SO_LUONG", "TYLE_TT_DV")
    assert [tuple(row[tag] for tag in tags) for row in tables["XML3"]][1:] == [
        ("15", "H001", "K02", "202610060900", "202610081000", "2.500", "50"),
        ("15", "H005", "K27", "202610081000", "202610091100", "0.500", "100"),
    ]
    (paper,) = tables["XML7"]
    assert {tag: paper[tag] for tag in ("MA_KHOA_RV", "NGAY_RA", "NGAY_CT", "MA_YTE")} == {
        "MA_KHOA_RV": "K27",
        "NGAY_RA": "202610091100",
        "NGAY_CT": "20261009",
        "MA_YTE": summary["MA_BN"],
    }
    assert list(claim.findings.all()) == []
    assert claim.state == Claim.State.CLEAN
    (block,) = blocks_of(lines_of(result), visit=step.visit)
    bed_group = next(group for group in block.groups if group.number == "2")
    assert [(one.number, one.amounts.hospital) for one in bed_group.groups] == [("2.2", 576_150)]
    month = Period.month(walk.MONTH)
    run(form="01BH", facility=step.place.facility, period=month, actor=step.place.actor("claims"), at=on_day(9, 16))
    assert [check.name for check in reconcile(step.place.facility, walk.MONTH) if check.differences] == []


@pytest.mark.django_db
def test_rows_of_a_bed_begin_with_it_and_break_where_its_price_changes(world: World) -> None:
    """Moved in the evening, operated on the first and on the fifteenth day, home on the twenty-sixth."""
    place = world.hospital
    bed_prices(place)
    step = walk.lan(world, place).examine(treatment="Mổ, theo dõi")
    surgical = {"department": "K27", "service": "K27.1933", "medical_service_code": "K27.1923"}
    stay = admitted(step, bed="H001", when=at(9), **surgical)
    step.now = at(12)
    step.order(walk.CBC)
    nurse, ward = place.actor("nurse"), place.departments["K27"]
    codes = {"service_code": "K27.1933", "medical_service_code": "K27.1923"}
    stay = move_bed(stay=stay, department=ward, bed_code="H005", **codes, actor=nurse, at=at(22))
    step.now = on_day(20, 8)
    step.order(walk.GLUCOSE)
    PricedService.objects.filter(facility=place.facility, code__in=[walk.CBC, walk.GLUCOSE]).update(group_code="8")
    step.now = on_day(31, 9)
    step.sign()
    leave_ward(stay=stay, actor=nurse, at=on_day(31, 10))
    step.visit.refresh_from_db()
    step.now = on_day(31, 10, 5)
    step.settled()
    content = content_of(build_claim(visit=step.visit, actor=place.actor("claims"), at=on_day(31, 15)))
    assert money_audit.faults(content) == []
    tags = ("MA_GIUONG", "MA_DICH_VU", "NGAY_YL", "NGAY_KQ", "SO_LUONG")
    rows = [tuple(row[tag] for tag in tags) for row in money_audit.tables_of(content)["XML3"] if row["MA_GIUONG"]]
    assert rows == [
        ("H001", "K27.1933", "202610060900", "202610062200", "1.000"),
        ("H005", "K27.1933", "202610062200", "202610160000", "9.000"),
        ("H005", "K27.1923", "202610160000", "202610200000", "4.000"),
        ("H005", "K27.1933", "202610200000", "202610300000", "10.000"),
        ("H005", "K27.1923", "202610300000", "202610311000", "1.000"),
    ]


@pytest.mark.django_db
def test_a_claim_ends_when_the_patient_left_though_the_doctor_signs_a_day_later(world: World) -> None:
    bed_prices(world.hospital)
    step = walk.lan(world, world.hospital).examine()
    stay = admitted(step, "K02", "H001", "K02.1911", at(9))
    leave_ward(stay=stay, actor=step.place.actor("nurse"), at=on_day(8, 11))
    step.now = on_day(9, 10)
    step.sign().settled()
    claim = build_claim(visit=step.visit, actor=step.place.actor("claims"), at=on_day(9, 15))
    tables = money_audit.tables_of(content_of(claim))
    assert tables["XML1"][0]["NGAY_RA"] == "202610081100"
    assert [row["NGAY_KQ"] for row in tables["XML3"]] == ["202610081100", "202610081100"]
    assert [row["SO_LUONG"] for row in tables["XML3"]] == ["1.000", "2.000"]


@pytest.mark.django_db
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("outcome", "result", "days"), [("home_request", "4", 3), ("home_request", "2", 2), ("home", "4", 2)]
)
def test_who_goes_home_at_own_request_not_better_has_the_day_of_leaving(
    world: World, outcome: str, result: str, days: int
) -> None:
    """Xin ra viện, MA_LOAI_RV 4: one more day only with a result of not better or worse (TT 39/2024 Đ4c k1)."""
    bed_prices(world.hospital)
    step = walk.lan(world, world.hospital).examine()
    stay = admitted(step, "K02", "H001", "K02.1911", at(9))
    leave_ward(stay=stay, actor=step.place.actor("nurse"), at=on_day(8, 11))
    step.now = on_day(8, 12)
    step.sign(outcome=outcome, treatment_result_code=result)
    step.settled()
    claim = build_claim(visit=step.visit, actor=step.place.actor("claims"), at=on_day(8, 15))
    tables = money_audit.tables_of(content_of(claim))
    assert tables["XML1"][0]["MA_LOAI_RV"] == {"home_request": "4", "home": "1"}[outcome]
    assert tables["XML3"][1]["SO_LUONG"] == f"{days}.000"


def test_who_lies_in_a_bed_is_named_and_stops_the_closing(world: World) -> None:
    bed_prices(world.hospital)
    step = walk.lan(world, world.hospital).examine()
    admitted(step, "K02", "H001", "K02.1911", at(9))
    step.sign()
    _found, missing = find_sources(step.visit)
    assert [(gap.name, gap.refusal.code) for gap in missing] == [("Ngày giường H001, Hồi sức cấp cứu", "in_ward")]
    with pytest.raises(Refusal, match="còn nằm giường H001, Hồi sức cấp cứu: ghi ra khoa") as refused:
        step.close()
    assert refused.value.code == "in_ward"
    assert not Charge.objects.exists()


@pytest.mark.django_db
def test_a_corrected_stay_changes_the_charge_and_the_claim_follows(world: World) -> None:
    step = three_days(world)
    step.settled()
    build_claim(visit=step.visit, actor=step.place.actor("claims"), at=on_day(9, 15))
    last = BedStay.objects.latest("started_at")
    assert not SourceChange.objects.filter(visit_id=step.visit.pk).exists()
    reopen_visit(visit=step.visit, reason="Ghi nhầm giờ ra", actor=step.place.actor("manager"), at=on_day(9, 16))
    nurse = step.place.actor("nurse")
    undo_bed_step(stay=last, reason="Ghi nhầm giờ", actor=nurse, at=on_day(9, 16))
    leave_ward(stay=last, actor=nurse, at=on_day(10, 8))
    assert SourceChange.objects.filter(visit_id=step.visit.pk).exists()
    assert [s.quantity for s in not_yet_charged(step.visit)] == [Decimal("2.5"), Decimal("1.5")]
    step.visit.refresh_from_db()
    step.now = on_day(10, 9)
    assert step.close().total_hospital_amount == 615_950 + 241_300


@pytest.mark.django_db
def test_an_observation_bed_of_a_station_takes_the_place_of_the_exam(world: World) -> None:
    place = world.station
    bed_prices(place)
    step = walk.lan(world, place).examine()
    stay = admitted(step, "K01", "H001", "K01.1950", at(9), visit_type="06")
    step.now = on_day(8, 9)
    step.sign()
    leave_ward(stay=stay, actor=place.actor("nurse"), at=on_day(8, 10))
    step.visit.refresh_from_db()
    assert [(s.kind, s.quantity, s.group_code) for s in not_yet_charged(step.visit)] == [("bed", 2, "16")]
    PricedService.objects.filter(facility=place.facility, code="K01.1950").update(group_code="")
    found, missing = find_sources(step.visit)
    assert [source.kind for source in found] == ["exam"], "a bed that cannot be counted is named, and nothing breaks"
    assert [gap.name for gap in missing] == ["Ngày giường"]
