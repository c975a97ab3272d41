"""The amounts of a claim agree: the worked examples of the split, and every change of an amount is found."""

from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from his.core.money import round2
from insurance.standards import Claim, check_money, load
from insurance.standards.rows import DrugRow, ServiceRow
from tests.insurance import standard_cases as cases

STANDARD = load("qd1931")


def drug(quantity, price, coverage, hospital, insured, percent, fund, copay, self_paid, support="0"):
    return replace(
        cases.DRUGS[0],
        quantity=Decimal(quantity),
        unit_price=Decimal(price),
        coverage_percent=Decimal(coverage),
        hospital_amount=Decimal(hospital),
        insured_amount=Decimal(insured),
        benefit_percent=Decimal(percent),
        fund_amount=Decimal(fund),
        copay_amount=Decimal(copay),
        self_paid_amount=Decimal(self_paid),
        other_support_amount=Decimal(support),
        other_sources_amount=Decimal(support),
    )


def service(quantity, price, insured_price, share, hospital, insured, percent, fund, copay, self_paid):
    return replace(
        cases.SERVICES[0],
        quantity=Decimal(quantity),
        hospital_price=Decimal(price),
        insured_price=Decimal(insured_price),
        service_percent=Decimal(share),
        hospital_amount=Decimal(hospital),
        insured_amount=Decimal(insured),
        benefit_percent=Decimal(percent),
        fund_amount=Decimal(fund),
        copay_amount=Decimal(copay),
        self_paid_amount=Decimal(self_paid),
    )


def wrong(standard, claim):
    """The tags of amounts that differ from their formula."""
    return [p.tag for p in check_money(standard, claim) if p.code == "differs"]


def claim_of(*lines):
    """The lines with the totals that belong to them."""
    drugs = [line for line in lines if isinstance(line, DrugRow)]
    services = [line for line in lines if isinstance(line, ServiceRow)]

    def total(name, among=lines):
        return sum((getattr(line, name) for line in among), Decimal(0))

    summary = replace(
        cases.SUMMARY,
        drugs_amount=total("hospital_amount", drugs),
        supplies_amount=total("hospital_amount", [x for x in services if x.cost_group_code in ("10", "11")]),
        total_hospital_amount=total("hospital_amount"),
        total_insured_amount=total("insured_amount"),
        self_paid_amount=total("self_paid_amount"),
        copay_amount=total("copay_amount"),
        fund_amount=total("fund_amount"),
        other_sources_amount=total("other_sources_amount"),
        fund_fee_for_service_amount=total("fund_amount", [x for x in lines if x.payment_method_code == "1"]),
    )
    return Claim(summary, drugs, services)


EXAMPLES = {
    "exam at 80": service(1, 50600, 50600, 100, 50600, 50600, 80, 40480, 10120, 0),
    "second exam of the day": service(1, 50600, 50600, 30, 15180, 15180, 80, 12144, 3036, 0),
    "drug paid by half": drug(2, 120000, 50, 240000, 120000, 80, 96000, 24000, 120000),
    "support to the facility": drug(
        1, 10000000, 50, 10000000, 3500000, 80, 2800000, 700000, 3500000, support="3000000"
    ),
    "support to the patient": drug(2, 120000, 50, 240000, 120000, 80, 96000, 14000, 0, support="130000"),
    "support of the co-payment alone": drug(2, 120000, 50, 240000, 120000, 80, 96000, 0, 120000, support="24000"),
    "shared bed": service(3, 257100, 257100, 50, 385650, 385650, 80, 308520, 77130, 0),
    "dearer than the fund pays": service(1, 55000, 49700, 100, 55000, 49700, 80, 39760, 9940, 5300),
    "low cost": service(1, 300000, 300000, 100, 300000, 300000, 100, 300000, 0, 0),
    "half rate of the route": service(1, 100000, 100000, 100, 100000, 100000, "47.5", 47500, 52500, 0),
}


@pytest.mark.parametrize("line", EXAMPLES.values(), ids=EXAMPLES)
def test_a_worked_example_agrees(line):
    assert check_money(STANDARD, claim_of(line)) == []


def test_all_examples_in_one_visit_and_the_golden_visit_agree():
    assert check_money(STANDARD, claim_of(*EXAMPLES.values())) == []
    assert check_money(STANDARD, cases.CLAIM) == []


def test_the_first_decree_left_the_share_out_of_the_hospital_amount():
    second = EXAMPLES["second exam of the day"]
    old = replace(second, hospital_amount=Decimal(50600), self_paid_amount=Decimal(35420))
    assert check_money(load("qd130"), claim_of(old)) == []
    assert wrong(STANDARD, claim_of(old)) == ["THANH_TIEN_BV"]


def test_nothing_outside_the_benefits_is_covered():
    outside = replace(EXAMPLES["exam at 80"], scope_code="2")
    assert ("THANH_TIEN_BH", "outside_scope") in [(p.tag, p.code) for p in check_money(STANDARD, claim_of(outside))]


def test_support_may_not_reach_the_whole_price():
    free = drug(2, 120000, 50, 240000, 120000, 80, 0, 0, 0, support="240000")
    assert [p.code for p in check_money(STANDARD, claim_of(free))] == ["support_too_big"]


def test_the_annex_formula_is_accepted_for_the_fund_when_others_pay():
    claim = claim_of(EXAMPLES["support to the patient"])
    formula = claim.summary.total_insured_amount - claim.summary.copay_amount
    assert formula == 106000
    assert check_money(STANDARD, replace(claim, summary=replace(claim.summary, fund_amount=formula))) == []
    assert check_money(STANDARD, replace(claim, summary=replace(claim.summary, fund_amount=Decimal(1)))) != []


def test_which_total_of_the_fund_is_right_is_a_setting():
    claim = claim_of(EXAMPLES["support to the patient"])
    by_formula = replace(claim, summary=replace(claim.summary, fund_amount=Decimal(106000)))
    lines, formula = (
        replace_money(fund_total="lines"),
        replace_money(fund_total="formula"),
    )
    assert check_money(lines, claim) == check_money(formula, by_formula) == []
    assert [p.tag for p in check_money(lines, by_formula)] == ["T_BHTT"]
    assert [p.tag for p in check_money(formula, claim)] == ["T_BHTT"]


def test_a_facility_may_forgo_the_difference_between_its_prices():
    """2 x 60.000 less 2 x 50.000 x 50 % is 70.000, of which 50.000 are covered."""
    line = service(2, 60000, 50000, 50, 70000, 50000, 80, 40000, 10000, 20000)
    assert check_money(STANDARD, claim_of(line)) == []
    assert wrong(load("qd4750"), claim_of(line)) == ["THANH_TIEN_BV"]


def test_whether_the_share_counts_for_the_covered_price_is_a_setting():
    line = service(1, 50600, 50600, 30, 50600, 50600, 80, 40480, 10120, 0)
    without = replace_money(service_percent_in_insured_amount=False, service_percent_in_hospital_amount=False)
    assert check_money(without, claim_of(line)) == []
    assert wrong(STANDARD, claim_of(line)) == ["THANH_TIEN_BV", "THANH_TIEN_BH"]


def replace_money(**changed):
    """The standard in force with other money rules."""
    return replace(STANDARD, money=replace(STANDARD.money, **changed))


AMOUNTS = [f.name for f in fields(DrugRow) if f.name.endswith("_amount")]
TOTALS = [f.name for f in fields(type(cases.SUMMARY)) if f.name.endswith("_amount")]


@pytest.mark.parametrize("name", AMOUNTS)
@pytest.mark.parametrize("cent", [Decimal("0.01"), Decimal("-0.01")])
def test_one_cent_more_or_less_in_a_line_is_found_in_that_line(name, cent):
    line = EXAMPLES["drug paid by half"]
    wrong = replace(line, **{name: getattr(line, name) + cent})
    problems = check_money(STANDARD, claim_of(wrong))
    assert {(p.table, p.row) for p in problems} == {("XML2", 1)}


@pytest.mark.parametrize("name", TOTALS)
def test_one_cent_more_in_a_total_is_found_at_its_field(name):
    claim = claim_of(*EXAMPLES.values())
    wrong = replace(claim.summary, **{name: getattr(claim.summary, name) + Decimal("0.01")})
    tag = {f.source: f.tag for f in STANDARD.table("XML1").fields}[name]
    assert tag in [p.tag for p in check_money(STANDARD, replace(claim, summary=wrong))]


money = st.decimals(min_value=0, max_value=10**8, places=3)


@given(
    quantity=st.decimals("0.001", 1000, places=3), price=money, coverage=st.integers(0, 100), rate=st.integers(0, 100)
)
def test_a_line_split_by_the_formulas_always_agrees(quantity, price, coverage, rate):
    hospital, insured = round2(quantity * price), round2(quantity * price * coverage / 100)
    fund = round2(insured * rate / 100)
    line = drug(quantity, price, coverage, hospital, insured, rate, fund, insured - fund, hospital - insured)
    assert check_money(STANDARD, claim_of(line)) == []


SERVICE = EXAMPLES["shared bed"]


@pytest.mark.parametrize(
    ("line", "changes", "named"),
    [
        (EXAMPLES["drug paid by half"], {"quantity": Decimal(3)}, {"SO_LUONG": "2", "DON_GIA": "80000"}),
        (EXAMPLES["drug paid by half"], {"unit_price": Decimal(12000)}, {"DON_GIA": "120000", "SO_LUONG": "20"}),
        (EXAMPLES["drug paid by half"], {"coverage_percent": Decimal(60)}, {"TYLE_TT_BH": "50"}),
        (EXAMPLES["drug paid by half"], {"benefit_percent": Decimal(95)}, {"MUC_HUONG": "80"}),
        (SERVICE, {"insured_price": Decimal(257000)}, {"DON_GIA_BH": "257100"}),
        (SERVICE, {"service_percent": Decimal(100)}, {"TYLE_TT_DV": "50", "SO_LUONG": "1.5"}),
        (SERVICE, {"other_support_amount": Decimal(10)}, {"T_NGUONKHAC_CL": "0"}),
    ],
)
def test_the_factor_that_does_not_fit_the_amounts_is_named_with_the_value_that_would(line, changes, named):
    """A factor that two readings explain is named twice: 3 days at half price, 1.5 at the full one."""
    found = {
        p.tag: p.message_vi for p in check_money(STANDARD, claim_of(replace(line, **changes))) if p.code == "suspect"
    }
    assert set(found) == set(named)
    for tag, value in named.items():
        assert found[tag].endswith(f"phải là {value}")


def test_a_difference_of_less_than_a_dong_is_told_as_rounding():
    claim = claim_of(SERVICE)
    rounded = replace(claim, summary=replace(claim.summary, fund_amount=Decimal("308520.40")))
    assert [(p.tag, p.code) for p in check_money(STANDARD, rounded)] == [("T_BHTT", "rounding")]
