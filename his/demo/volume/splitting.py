"""How long the benefit split takes: an ordinary visit of an outpatient, and a stay of 30 days with 600 lines."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from time import process_time
from typing import Any

from his.demo.volume.measure import SAMPLES, timings
from insurance.benefits.engine import Facts, Item, load, split

DAY = date(2026, 10, 5)
VISIT_GOAL_MS, STAY_GOAL_MS = 5, 50
STAY_DAYS, STAY_LINES = 30, 600
_VISIT = (
    ("exam", "13", 50_600, 100),
    ("exam", "13", 50_600, 100),
    ("service", "1", 49_700, 100),
    ("service", "1", 22_400, 100),
    ("service", "2", 58_600, 100),
    ("supply", "10", 12_500, 100),
    ("drug", "4", 180, 100),
    ("drug", "4", 1_234, 100),
    ("drug", "4", 24_000, 50),
    ("drug", "4", 3_150, 100),
)
_STAY = (("drug", "4"), ("service", "1"), ("supply", "10"), ("drug", "4"), ("bed", "15"))


def bench_split() -> dict[str, Any]:
    """Milliseconds of both over 200 calls each, waiting and computing; it is the engine, without the database."""
    return {
        **_figures("visit", _outpatient(), _visit_lines(), VISIT_GOAL_MS),
        **_figures("stay", _inpatient(), _stay_lines(), STAY_GOAL_MS),
    }


def _figures(name: str, facts: Facts, items: list[Item], goal: int) -> dict[str, Any]:
    params = load(on=DAY)
    started = process_time()
    found = timings(lambda told: split(told, items, params), [facts])
    p50, p95 = (round(found.percentile(share) * 1000, 2) for share in (0.5, 0.95))
    return {
        f"{name}_lines": len(items),
        f"{name}_p50_ms": p50,
        f"{name}_p95_ms": p95,
        f"{name}_cpu_ms": round((process_time() - started) * 1000 / (SAMPLES + 1), 2),
        f"{name}_goal_ms": goal,
        f"{name}_reaches_goal": p95 < goal,
    }


def _outpatient() -> Facts:
    """Self-referred, so that the decision rows and the lists of diseases are asked."""
    return Facts(
        ended_on=DAY,
        admitted_on=DAY,
        visit_type="01",
        card_number="DN4990000000001",
        registered_facility="99001",
        facility_code="99002",
        facility_kind="district_hospital",
        facility_tier="basic",
        facility_points=Decimal(45),
        facility_provisional=False,
        former_line="district",
        route="self",
        main_icd="E11.2",
        patient_born=date(1960, 1, 1),
    )


def _inpatient() -> Facts:
    """Sent by another facility, with five years complete and the yearly limit reached on the way."""
    return replace(
        _outpatient(),
        admitted_on=DAY - timedelta(days=STAY_DAYS),
        visit_type="03",
        route="referral",
        main_icd="",
        patient_born=None,
        five_years_from=date(2020, 1, 1),
        copay_paid_this_year=Decimal(14_000_000),
    )


def _visit_lines() -> list[Item]:
    return [
        Item(
            key=str(place),
            kind=kind,
            group_code=group,
            quantity=Decimal(20 if kind == "drug" else 1),
            hospital_price=Decimal(price),
            insured_price=Decimal(price),
            payment_rate=Decimal(rate),
            provided_on=DAY,
            sequence=place,
        )
        for place, (kind, group, price, rate) in enumerate(_VISIT)
    ]


def _stay_lines() -> list[Item]:
    """Twenty lines a day; a fifth are supplies of three packages, one of which passes the cap."""
    return [_stay_line(place) for place in range(STAY_LINES)]


def _stay_line(place: int) -> Item:
    kind, group = _STAY[place % len(_STAY)]
    price = Decimal(3_500_000 if kind == "supply" else 41_250) + place
    return Item(
        key=str(place),
        kind=kind,
        group_code=group,
        quantity=Decimal(1),
        hospital_price=price,
        insured_price=price if kind == "drug" else price - 1_000,
        service_rate=Decimal(50 if kind == "bed" and place % 2 else 100),
        payment_rate=Decimal(50 if place % 7 == 0 else 100),
        package=f"G{place % 3}" if kind == "supply" else "",
        provided_on=DAY - timedelta(days=STAY_DAYS) + timedelta(days=place * STAY_DAYS // STAY_LINES),
        sequence=place,
    )
