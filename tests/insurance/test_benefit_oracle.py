"""The engine against a second program over made-up rows: levels, codes, days, several lines, segments, sources."""

import json
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insurance.benefits.engine import BenefitError
from insurance.benefits.engine.cases import run_case
from tests.insurance.benefit_builders import facts, item, split_on
from tests.insurance.benefit_oracle import code_of, salary_on, solve
from tests.insurance.test_benefit_cases import ROWS

CARDS = ["TE1", "CC1", "HN2", "CK2", "KC2", "HT3", "CN3", "PV3", "DN4", "GD4", "LH4", "QN5", "CA5"]
OLD_CODES = ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "2", "3.1", "3.2", "3.3", "3.6", "7", "9"]
NEW_CODES = ["1.11", "1.12", "1.13", "1.14", "1.15", "1.16", "1.17", "1.18"]
DAYS = [
    "2017-06-15",
    "2017-06-30",
    "2017-07-01",
    "2018-06-30",
    "2018-07-01",
    "2019-06-30",
    "2019-07-01",
    "2023-06-30",
    "2023-07-01",
    "2024-06-30",
    "2024-07-01",
    "2025-01-01",
    "2025-12-31",
    "2026-01-01",
    "2026-06-30",
    "2026-07-01",
    "2026-10-05",
    "2027-01-01",
]
COLUMNS = {
    "T_TONGCHI_BV": "BV",
    "T_TONGCHI_BH": "BH",
    "T_BHTT": "BHTT",
    "T_BNCCT": "CCT",
    "T_BNTT": "TT",
    "T_NGUONKHAC": "NK",
    "T_BHTT_GDV": "GDV",
}
OF_A_LINE = {"BV": "BV", "BH": "BH", "TL": "TL", "BHTT": "BHTT", "BNCCT": "CCT", "BNTT": "TT", "NGUONKHAC": "NK"}
PRICES = (
    st.decimals("0.001", 400_000, places=3)
    | st.integers(1, 9_000_000).map(Decimal)
    | st.integers(10_000_000, 130_000_000).map(Decimal)
)


@st.composite
def lines(draw: st.DrawFn, segment: int) -> dict[str, Any]:
    """A line with some of the keys that the form knows; the others are left out."""
    kind, quantity = (
        draw(st.sampled_from(["dv", "dv", "thuoc"])),
        draw(st.sampled_from(["1", "2", "0.5", "3", "1.125", "0", "12.333"])),
    )
    price = draw(PRICES)
    line: dict[str, Any] = {"kind": kind, "qty": quantity, "price": str(price), "seg": segment}
    share = Decimal(1)
    if kind == "dv":
        line["grp"] = draw(st.sampled_from([None, 8, 10, 11, 13, 15, 12, 19]))
        line["dv"] = draw(st.sampled_from([100, 100, 80, 50, 33, 0]))
        line["bh"] = str((price * draw(st.sampled_from([100, 100, 80, 0])) / 100).quantize(Decimal("0.001")))
        share = Decimal(line["dv"]) / 100
    if line.get("grp") in {10, 11}:
        line |= draw(
            st.sampled_from([{}, {"pkg": "G1"}, {"pkg": "G2"}, {"pkg": "G1", "cap": 50_000_000}, {"cap": 999}])
        )
    line |= draw(
        st.sampled_from(
            [{}, {}, {"tl": 50}, {"tl": 30}, {"tl": 0}, {"pv": 2}, {"pv": 3}, {"pttt": 2}, {"mh": 80}, {"mh": 0}]
        )
    )
    whole = Decimal(quantity) * price * share
    given = whole * draw(st.sampled_from([0, 10, 30, 60, 95])) / 100
    mode = draw(st.sampled_from(["", "", "a", "b", "arv"]))
    if mode in {"a", "b"}:
        line |= {"srcmode": mode, "src": str(given.quantize(Decimal("0.01"), rounding=ROUND_FLOOR))}
    elif mode and kind == "thuoc":
        line["srcmode"] = mode
    return line


@st.composite
def rows(draw: st.DrawFn) -> dict[str, str]:
    day = draw(st.sampled_from(DAYS))
    segments = draw(st.sampled_from([1, 1, 2, 3]))
    places = sorted([*range(segments), *draw(st.lists(st.integers(0, segments - 1), max_size=4))])
    cards = draw(st.lists(st.sampled_from(CARDS), min_size=segments, max_size=segments))
    limit = 6 * salary_on(day)
    paid = draw(st.sampled_from([0, 1, 1_000, 100_000, 2_000_000, int(limit)]))
    extra = draw(
        st.just({})
        | st.just({"threshold": str(limit), "copay_ytd_before": str(limit - paid)})
        | st.integers(0, 14_040_000).map(lambda before: {"copay_before_0107": str(before)})
        | st.decimals(0, 7_000_000, places=2).map(lambda left: {"copay_before_0107": "1", "remaining": str(left)})
    )
    return {
        "case_id": "X",
        "ngay_ra": day,
        "ma_loai_kcb": draw(st.sampled_from(["01", "03", "09", "04"])),
        "card_code": ";".join(f"{card}99{place:010d}" for place, card in enumerate(cards, 1)),
        "five_years": draw(st.sampled_from("YN")),
        "copay_exempt": draw(st.sampled_from("NNY")),
        "ma_doituong_kcb": draw(st.sampled_from(OLD_CODES + (NEW_CODES if day >= "2025" else []))),
        "items_json": json.dumps([draw(lines(place)) for place in places]),
        "extra_json": json.dumps(extra),
    }


def compare(row: dict[str, str]) -> None:
    answer, wanted = run_case(row), solve(row)
    assert {name: Decimal(answer[name]) for name in COLUMNS} == {name: wanted[key] for name, key in COLUMNS.items()}
    assert answer["T_TRANTT"] == ("" if wanted["cap"] is None else str(wanted["cap"]))
    for found, line in zip(json.loads(answer["lines_json"]), wanted["lines"], strict=True):
        assert {name: Decimal(found[name]) for name in OF_A_LINE} == {
            name: line[key] for name, key in OF_A_LINE.items()
        }
        assert not line["covered"] or Decimal(found["MH"]) == line["MH"]
    if any(line["covered"] for line in wanted["lines"]):
        assert [Decimal(percent) for percent in answer["MUC_HUONG"].split("|")] == wanted["percents"]


@settings(max_examples=500, deadline=None)
@given(row=rows())
def test_both_programs_say_the_same(row):
    compare(row)


WORKED = [name for name, row in ROWS.items() if row["ma_doituong_kcb"] in {*OLD_CODES, *NEW_CODES} and row["card_code"]]


@pytest.mark.parametrize("case_id", [name for name in WORKED if name != "N013"])  # two cards without segments
def test_the_second_program_knows_the_worked_cases(case_id):
    compare({name: text or "" for name, text in ROWS[case_id].items()})


PLACES = st.fixed_dictionaries(
    {
        "tier": st.sampled_from(["primary", "basic", "specialised"]),
        "points": st.none() | st.sampled_from([Decimal(text) for text in ("0", "49.99", "50", "69.99", "70", "90")]),
        "provisional": st.booleans(),
        "former_line": st.sampled_from(["", "commune", "district", "province", "central"]),
        "kind": st.sampled_from(["commune_station", "polyclinic", "district_hospital"]),
        "route": st.sampled_from(
            ["self", "self", "self", "emergency", "referral", "residence_change", "follow_up", "organ_donor", "newborn"]
        ),
        "registered": st.booleans(),
        "inpatient": st.booleans(),
        "annex": st.sampled_from(["", "", "I", "II"]),
        "area": st.sampled_from(["", "", "K1", "K3"]),
    }
)


@settings(max_examples=1500, deadline=None)
@given(place=PLACES)
def test_both_programs_choose_the_same_code(place):
    visit = facts(
        facility_tier=place["tier"],
        facility_points=place["points"],
        facility_provisional=place["provisional"],
        former_line=place["former_line"],
        facility_kind=place["kind"],
        route=place["route"],
        registered_facility="99002" if place["registered"] else "99001",
        visit_type="03" if place["inpatient"] else "01",
        listed_disease=place["annex"],
        area_code=place["area"],
    )
    code = code_of(place)
    if code is None:
        with pytest.raises(BenefitError) as refused:
            split_on(visit, item())
        assert refused.value.code == "entitlement_undecided"
    else:
        assert split_on(visit, item()).route_code == code
