"""Single stages of the split: exams, cards that start or end inside a stay, the yearly limit, caps and sources."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from insurance.benefits.engine import BenefitError, LaterCard, load, split_reason
from insurance.benefits.engine.rates import (
    WardStay,
    bed_days,
    bed_share_rate,
    earns_extra_day,
    may_earn_extra_day,
    reused_supply_price,
    stretcher_rate,
    surgery_rate,
    surgical_bed_days,
    transport_litres,
    ward_quantities,
)
from tests.insurance.benefit_builders import DAY, facts, item, split_on

PARAMS = load(on=DAY)
STAY = {"visit_type": "03", "admitted_on": date(2026, 9, 20), "entitlement_code": "1.3"}


def amounts(answer):
    return {line.key: (line.fund_amount, line.copay_amount, line.self_paid_amount) for line in answer.lines}


def exam(key, **changes):
    return item(key, 50_600, kind="exam", group_code="13", **changes)


def test_exams_are_rated_by_their_order_and_never_pass_two_exams():
    exams = [exam(f"k{number}", sequence=number) for number in range(6)]
    answer = split_on(facts(), *reversed(exams))
    rates = {line.key: line.service_rate for line in answer.lines}
    assert [rates[f"k{number}"] for number in range(6)] == [100, 30, 30, 30, 10, 0]
    assert answer.totals.hospital == 2 * 50_600
    assert any("thứ 2" in reason for line in answer.lines if line.key == "k1" for reason in line.reasons)


def test_exams_outside_the_scope_or_without_a_card_keep_their_price():
    answer = split_on(facts(), exam("a"), exam("b", scope="2"))
    assert [line.service_rate for line in answer.lines] == [100, 100]
    assert split_on(facts(card_number=None), exam("a"), exam("b")).totals.hospital == 2 * 50_600


def test_a_card_shown_late_pays_from_its_first_day():
    visit = facts(**STAY, card_valid_from=date(2026, 9, 25))
    early, late = item("a", provided_on=date(2026, 9, 24)), item("b", provided_on=date(2026, 9, 25))
    assert amounts(split_on(visit, early, late)) == {"a": (0, 0, 1_000_000), "b": (800_000, 200_000, 0)}


def test_a_card_shown_late_in_a_stay_pays_from_that_day_except_in_an_emergency():
    shown = {"visit_type": "03", "admitted_on": date(2026, 9, 20), "card_shown_on": date(2026, 9, 22)}
    early, late = item("a", provided_on=date(2026, 9, 21)), item("b", provided_on=date(2026, 9, 22))
    answer = split_on(facts(**shown, entitlement_code="1.3"), early, late)
    assert amounts(answer) == {"a": (0, 0, 1_000_000), "b": (800_000, 200_000, 0)}
    assert "NĐ 188/2025/NĐ-CP Đ38 k1" in answer.lines[0].law_ids
    assert split_on(facts(**shown, entitlement_code="2"), early, late).totals.fund == 1_600_000


def test_a_patient_back_the_same_day_has_a_further_exam():
    again = split_on(facts(exams_before=1), exam("a"), exam("b", sequence=1))
    assert [line.service_rate for line in again.lines] == [30, 30]


def test_what_stands_outside_keeps_the_percent_of_its_own_day():
    visit = facts(**STAY, copay_exempt_from=date(2026, 10, 1))
    days = {"a": date(2026, 9, 30), "b": date(2026, 10, 1)}
    lines = [item(key, scope="2", provided_on=day) for key, day in days.items()]
    assert [line.benefit_percent for line in split_on(visit, *lines, item("c", provided_on=DAY)).lines] == [
        80,
        100,
        100,
    ]


@pytest.mark.parametrize(("kind", "day", "fund"), [("03", 5, 800_000), ("03", 6, 0), ("01", 5, 0)])
def test_a_card_that_ran_out_pays_fifteen_days_of_treatment(kind, day, fund):
    visit = facts(
        visit_type=kind,
        admitted_on=date(2026, 9, 18),
        ended_on=date(2026, 10, 6),
        entitlement_code="1.3",
        card_valid_to=date(2026, 9, 20),
    )
    inside = item("z", provided_on=date(2026, 9, 20))
    answer = split_on(visit, item(provided_on=date(2026, 10, day)), inside)
    assert amounts(answer)["a"][0] == fund
    assert amounts(answer)["z"][0] == 800_000


def test_a_line_without_a_day_is_refused_when_the_day_decides():
    with pytest.raises(BenefitError) as refused:
        split_on(facts(**STAY, card_valid_from=date(2026, 9, 25)), item())
    assert refused.value.code == "service_day_missing"


def test_a_better_card_counts_from_its_segment():
    visit = facts(**STAY, later_cards=(LaterCard(1, "HN2990123456789"),))
    answer = split_on(visit, item("a"), item("b", segment=1))
    assert amounts(answer) == {"a": (800_000, 200_000, 0), "b": (1_000_000, 0, 0)}
    assert answer.benefit_percents == (80, 100)


@pytest.mark.parametrize(
    ("card", "day", "percent"),
    [("CN3", date(2025, 12, 31), 95), ("CN3", DAY, 100), ("LH4", DAY, 100), ("CN4", DAY, 80), ("DN3", DAY, 95)],
)
def test_an_out_of_date_digit_is_read_anew_for_its_group_only(card, day, percent):
    visit = facts(ended_on=day, card_number=f"{card}990123456789", entitlement_code="1.1")
    assert split_on(visit, item()).benefit_percents == (percent,)


def test_the_certificate_exempts_from_its_day_to_the_end_of_the_year():
    visit = facts(**STAY, copay_exempt_from=date(2026, 10, 1))
    answer = split_on(visit, item("a", provided_on=date(2026, 9, 30)), item("b", provided_on=date(2026, 10, 1)))
    assert amounts(answer) == {"a": (800_000, 200_000, 0), "b": (1_000_000, 0, 0)}
    assert split_on(facts(copay_exempt_from=date(2025, 12, 31)), item()).benefit_percents == (80,)


def test_the_limit_stops_the_copay_in_the_order_of_cost():
    visit = facts(five_years_from=date(2020, 1, 1), copay_paid_this_year=Decimal(14_500_000))
    first, second = item("z", 3_000_000, sequence=1), item("a", 5_000_000, sequence=2)
    for lines in ((first, second), (second, first)):
        answer = split_on(visit, *lines)
        assert amounts(answer) == {"z": (2_400_000, 600_000, 0), "a": (4_920_000, 80_000, 0)}
        assert answer.benefit_percents == (80, 100)


def test_no_limit_before_five_years_are_complete():
    paid = Decimal(20_000_000)
    assert split_on(facts(copay_paid_this_year=paid), item()).totals.copay == 200_000
    assert split_on(facts(copay_paid_this_year=paid, five_years_from=date(2026, 10, 6)), item()).totals.copay == 200_000
    assert split_on(facts(copay_paid_this_year=paid, five_years_from=DAY), item()).totals.copay == 0


def test_paid_at_the_old_base_salary_counts_in_its_own_measure():
    half_before = {"copay_paid_this_year": Decimal(7_020_000), "copay_paid_before_change": Decimal(7_020_000)}
    visit = facts(five_years_from=date(2020, 1, 1), **half_before)
    assert split_on(visit, item(price=100_000_000)).totals.copay == 7_590_000


def test_the_boundary_of_the_limit_is_a_setting():
    visit = facts(five_years_from=date(2020, 1, 1), copay_paid_this_year=Decimal(15_180_000))
    assert (split_on(visit, item()).totals.copay, split_on(visit, item()).benefit_percents) == (0, (100,))
    assert split_on(visit, item(), annual_limit_boundary="greater").totals.copay == 200_000


def test_the_day_of_the_base_salary_is_a_setting():
    across = facts(ended_on=date(2026, 7, 2), admitted_on=date(2026, 6, 28), visit_type="03", entitlement_code="1.3")
    assert split_on(across, item(price=360_000)).benefit_percents == (100,)
    assert split_on(across, item(price=360_000), base_salary_date="admission").benefit_percents == (80,)


def test_the_cap_uses_the_base_salary_of_the_service():
    across = facts(ended_on=date(2026, 7, 2), admitted_on=date(2026, 6, 28), visit_type="03", entitlement_code="1.3")
    set_of_june = item(price=200_000_000, kind="supply", group_code="10", package="G1", provided_on=date(2026, 6, 30))
    assert split_on(across, set_of_june).lines[0].ceiling_amount == 45 * 2_340_000
    assert split_on(across, set_of_june, supply_cap_date="discharge").lines[0].ceiling_amount == 45 * 2_530_000


def test_the_service_of_a_package_is_not_capped():
    operation = item("s", 150_000_000, kind="service", group_code="8", package="G1")
    implant = item("v", 150_000_000, kind="supply", group_code="10", package="G1")
    answer = split_on(facts(**STAY), operation, implant)
    assert [line.insured_amount for line in answer.lines] == [150_000_000, 113_850_000]


def test_scope_three_is_for_level_five_on_the_right_route():
    drug = item(kind="drug", group_code="5", scope="3")
    army = facts(card_number="QN5990123456789", entitlement_code="1.3")
    assert split_on(army, drug).totals.fund == 1_000_000
    assert split_on(facts(entitlement_code="1.3"), drug).totals.fund == 0
    assert split_on(facts(card_number="QN5990123456789"), drug).totals.fund == 0


def test_transport_is_for_the_listed_groups_and_has_no_copay():
    ride = item("t", 480_000, kind="transport", group_code="12")
    poor = split_on(facts(card_number="HN2990123456789", entitlement_code="1.3"), ride)
    worker = split_on(facts(entitlement_code="1.3"), ride)
    assert (poor.totals.fund, worker.totals.fund, worker.totals.self_paid) == (480_000, 0, 480_000)
    skipped = split_on(facts(entitlement_code="1.3"), ride, item(), transport_entitlement="skip")
    assert amounts(skipped)["t"] == (480_000, 0, 0)
    assert skipped.benefit_percents == (80,)


def test_a_programme_that_pays_leaves_nothing_to_the_fund():
    answer = split_on(facts(), item(fund_source="3", foreign_source=Decimal(1_000_000)))
    assert (answer.totals.fund, answer.totals.self_paid, answer.totals.other) == (0, 0, 1_000_000)


def test_arv_support_takes_the_copay_into_the_named_source():
    line = split_on(facts(), item(kind="drug", other_source_mode="arv"), arv_source="foreign").lines[0]
    assert (line.copay_amount, line.foreign_source, line.fund_amount) == (0, 200_000, 800_000)


@pytest.mark.parametrize(
    ("said", "lines", "visit"),
    [
        ("phần vượt 18.600 đồng", [item(price=58_600, unit_ceiling=Decimal(40_000))], {}),
        ("Giá BHYT thanh toán 800.000 đồng", [item(insured_price=Decimal(800_000))], {}),
        ("khoản này vượt 36.150.000 đồng", [item(price=150_000_000, kind="supply", group_code="10", package="G1")], {}),
        (
            "khoản này còn thu 80.000 đồng, quỹ trả thêm 120.000 đồng",
            [item()],
            {"five_years_from": date(2020, 1, 1), "copay_paid_this_year": Decimal(15_100_000)},
        ),
        ("trừ vào cùng chi trả 200.000, quỹ BHYT 50.000", [item(state_source=Decimal(250_000))], {}),
        ("hỗ trợ cơ sở 250.000", [item(state_source=Decimal(250_000), other_source_mode="facility")], {}),
        ("đủ 5 năm liên tục", [item()], {"copay_exempt_from": DAY}),
        ("dưới 15% lương cơ sở", [item(price=379_499)], {}),
        ("Nằm ghép, chuyển khoa: tính 50% giá", [item(kind="bed", service_rate=Decimal(50))], {}),
        ("Dịch vụ thêm: tính 80% giá", [item(group_code="8", service_rate=Decimal(80))], {}),
    ],
)
def test_the_reason_of_a_line_tells_the_amounts_and_the_law(said, lines, visit):
    reasons = [split_reason(reason) for reason in split_on(facts(**visit), *lines).lines[0].reasons]
    assert [law for text, law in reasons if said in text] != [], reasons
    assert all(law for _text, law in reasons)


def test_every_line_and_step_says_why_and_by_which_law():
    answer = split_on(facts(entitlement_code="1.14"), item(payment_rate=Decimal(50)))
    line = answer.lines[0]
    assert any("50%" in reason for reason in line.reasons)
    assert any("40%" in reason and "thẻ mức 4" in reason for reason in line.reasons)
    assert "NĐ 188/2025/NĐ-CP Đ19 k3" in line.law_ids
    stages = [step.stage for step in answer.explanation]
    assert stages == ["eligibility", "route", "coverage", "full_cover", "level", "totals"]
    assert answer.parameter_set["base_salary"] == "2530000"


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("negative", {"quantity": Decimal(-1)}),
        ("negative", {"hospital_price": Decimal("NaN"), "insured_price": Decimal(0)}),
        ("rate_range", {"payment_rate": Decimal(101)}),
        ("kind", {"kind": "food"}),
        ("scope", {"scope": "4"}),
        ("insured_price_above", {"hospital_price": Decimal(1)}),
        ("sources_above_line", {"state_source": Decimal(1_000_001)}),
        ("drug_two_prices", {"kind": "drug", "insured_price": Decimal(1)}),
        ("drug_service_rate", {"kind": "drug", "service_rate": Decimal(50)}),
        ("exam_quantity", {"kind": "exam", "quantity": Decimal(2)}),
        ("arv_sources", {"other_source_mode": "arv", "state_source": Decimal(1)}),
    ],
)
def test_impossible_lines_are_refused_with_a_name(code, changes):
    with pytest.raises(BenefitError) as refused:
        split_on(facts(), item(**changes))
    assert refused.value.code == code


def test_a_key_twice_is_refused():
    with pytest.raises(BenefitError) as refused:
        split_on(facts(), item(), item())
    assert refused.value.code == "key_repeated"


def test_rates_before_the_split():
    assert [bed_share_rate(PARAMS, patients=number) for number in (1, 2, 3, 4)] == [100, 50, 33, 33]
    assert surgical_bed_days(PARAMS, days=12) == (10, 2)
    assert stretcher_rate(PARAMS) == 50
    assert [surgery_rate(PARAMS, role=role) for role in ("first", "same_team", "other_team")] == [100, 50, 80]
    assert transport_litres(PARAMS, distance_km=Decimal(60), is_own_vehicle=True) == 24
    assert transport_litres(PARAMS, distance_km=Decimal(60), is_own_vehicle=False) == 12
    price = reused_supply_price(
        PARAMS, price=Decimal(10_000_000), average_uses_last_year=Decimal(5), sterilisation_cost=Decimal(200_000)
    )
    assert price == 2_650_000


def test_wards_of_one_day():
    prices = (400_000, 300_000, 200_000)
    three = [WardStay(Decimal(price), Decimal(6)) for price in prices]
    half = Decimal("0.5")
    assert ward_quantities(PARAMS, three) == (half, 0, half)
    assert ward_quantities(PARAMS, three[:2]) == (half, half)
    assert ward_quantities(PARAMS, three[:1]) == (1,)
    crowded = [WardStay(Decimal(300_000), Decimal(6), patients=3), three[2]]
    assert ward_quantities(PARAMS, crowded) == (half, half)
    old = PARAMS.with_settings(transfer_shared_quantity="third")
    assert ward_quantities(old, crowded) == (Decimal("0.33"), half)
    short_first = [WardStay(Decimal(400_000), Decimal(4)), *three[1:]]
    assert ward_quantities(PARAMS, short_first) == (0, half, half)
    all_short = [WardStay(Decimal(400_000), Decimal(1)), *(WardStay(Decimal(9), Decimal(n)) for n in (2, 3))]
    assert ward_quantities(PARAMS, all_short) == (0, 0, 1)


EXTRA_DAY = {
    ("5", "1"): True,
    ("6", "4"): True,
    ("6", "1"): True,
    ("3", "4"): True,
    ("4", "2"): True,
    ("4", "5"): True,
    ("3", "1"): False,
    ("4", "1"): False,
    ("2", "2"): False,
    ("1", "5"): False,
    ("1", "4"): False,
    ("7", "2"): False,
}


@pytest.mark.parametrize(("outcome", "is_earned"), EXTRA_DAY.items(), ids=str)
def test_the_extra_bed_day_is_billed_only_for_what_the_law_names(outcome, is_earned):
    assert earns_extra_day(*outcome) is is_earned
    assert may_earn_extra_day(*outcome) or not is_earned


def test_bed_days_refuse_a_discharge_before_the_admission():
    with pytest.raises(BenefitError):
        bed_days(PARAMS, admitted_at=datetime(2026, 8, 4, 8), left_at=datetime(2026, 8, 4, 7))
