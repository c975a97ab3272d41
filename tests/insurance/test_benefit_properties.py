"""What must hold for every visit: nothing lost, nothing negative, no order, and better cards never pay less."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from insurance.benefits.engine import Facts, Item, load, split
from tests.insurance.benefit_builders import DAY, facts

PARAMS = load(on=DAY)
CARDS_BY_LEVEL = ("DN4990123456789", "HT3990123456789", "CK2990123456789", "CC1990123456789")
ROUTES: tuple[dict[str, object], ...] = (
    {},
    {"entitlement_code": "1.2"},
    {"entitlement_code": "1.14"},
    {"entitlement_code": "3.1", "visit_type": "03"},
    {"entitlement_code": "3.1"},
    {"card_number": None},
)


@st.composite
def visits(draw: st.DrawFn) -> Facts:
    """A visit with any card, some route, and sometimes a co-payment counter near the yearly limit."""
    changes = {"card_number": draw(st.sampled_from(CARDS_BY_LEVEL)), **draw(st.sampled_from(ROUTES))}
    if draw(st.booleans()):
        changes["five_years_from"] = DAY
        changes["copay_paid_this_year"] = Decimal(draw(st.integers(14_000_000, 15_300_000)))
    return facts(**changes)


@st.composite
def lines(draw: st.DrawFn, key: str = "k") -> Item:
    """A charge line whose insured amount needs no rounding, so that thresholds cannot flip by a cent."""
    kind = draw(st.sampled_from(["service", "drug", "supply", "bed", "transport"]))
    quantity = draw(st.integers(0, 20))
    hospital = draw(st.integers(1, 20_000_000))
    insured = hospital if kind == "drug" else draw(st.integers(0, hospital))
    support = draw(st.integers(0, hospital * quantity // 4)) if draw(st.booleans()) else 0
    return Item(
        key=key,
        kind=kind,
        group_code="10" if kind == "supply" else "",
        quantity=Decimal(quantity),
        hospital_price=Decimal(hospital),
        insured_price=Decimal(insured),
        service_rate=None if kind == "drug" else Decimal(draw(st.sampled_from([30, 50, 100]))),
        payment_rate=Decimal(draw(st.sampled_from([0, 30, 50, 100]))),
        scope=draw(st.sampled_from(["1", "1", "1", "2", "3"])),
        state_source=Decimal(support),
        package=draw(st.sampled_from(["", "G1"])) if kind == "supply" else "",
        sequence=draw(st.integers(0, 3)),
    )


@st.composite
def bills(draw: st.DrawFn) -> tuple[Item, ...]:
    return tuple(draw(lines(key=f"k{number}")) for number in range(draw(st.integers(1, 6))))


@settings(max_examples=300, deadline=None)
@given(visit=visits(), bill=bills(), mode=st.sampled_from(["patient", "facility"]))
def test_parts_sum_to_the_whole_and_nothing_is_negative(visit, bill, mode):
    bill = tuple(replace(line, other_source_mode=mode) for line in bill)
    answer = split(visit, bill, PARAMS)
    for line in answer.lines:
        parts = (line.fund_amount, line.copay_amount, line.self_paid_amount, line.other_amount)
        assert sum(parts) == line.hospital_amount
        assert min(*parts, line.insured_amount, line.hospital_amount - line.insured_amount) >= 0
    totals = answer.totals
    assert totals.fund + totals.copay + totals.self_paid + totals.other == totals.hospital
    assert totals.insured == sum(line.insured_amount for line in answer.lines)
    assert all(0 <= percent <= 100 for percent in answer.benefit_percents)


@settings(max_examples=150, deadline=None)
@given(visit=visits(), bill=bills(), data=st.data())
def test_the_order_of_lines_does_not_matter(visit, bill, data):
    shuffled = data.draw(st.permutations(bill))
    one, other = split(visit, bill, PARAMS), split(visit, shuffled, PARAMS)
    assert one.totals == other.totals
    assert {line.key: line for line in one.lines} == {line.key: line for line in other.lines}


@settings(max_examples=150, deadline=None)
@given(visit=visits().filter(lambda visit: visit.card_number is not None), bill=bills())
def test_a_higher_level_never_pays_the_insurer_less(visit, bill):
    """Support for the patient is left out: what the level already covers, it takes off the insurer's part."""
    bill = tuple(replace(line, state_source=Decimal(0)) for line in bill)
    funds = [split(replace(visit, card_number=card), bill, PARAMS).totals.fund for card in CARDS_BY_LEVEL]
    assert funds == sorted(funds)


@settings(max_examples=150, deadline=None)
@given(visit=visits(), bill=bills(), part=st.integers(0, 20))
def test_splitting_a_line_changes_no_total_by_more_than_rounding(visit, bill, part):
    first, rest = replace(bill[0], state_source=Decimal(0)), bill[1:]
    taken = min(Decimal(part), first.quantity)
    halves = (replace(first, quantity=taken), replace(first, key="new", quantity=first.quantity - taken))
    whole, cut = split(visit, (first, *rest), PARAMS).totals, split(visit, (*halves, *rest), PARAMS).totals
    for name in ("hospital", "insured", "fund", "copay", "self_paid"):
        assert abs(getattr(whole, name) - getattr(cut, name)) <= Decimal("0.02") * (len(bill) + 1)
