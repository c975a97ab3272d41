"""Worked cases in a flat file: one row in, the expected output columns out.

The input columns are those from `case_id` to `supply_cap_mode`, `items_json` and `extra_json`. `run_case` is pure;
a command reads and writes the files. A row may leave `ma_doituong_kcb` empty: the decision rows then choose.
"""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from insurance.benefits.engine.facts import ZERO, BenefitError, Facts, Item, LaterCard, LineSplit, Split
from insurance.benefits.engine.params import Params, load
from insurance.benefits.engine.splitter import split

OUTPUT_COLUMNS = (
    "case_id",
    "base_salary",
    "threshold_15pct",
    "MUC_HUONG",
    "T_TONGCHI_BV",
    "T_TONGCHI_BH",
    "T_BHTT",
    "T_BNCCT",
    "T_BNTT",
    "T_NGUONKHAC",
    "T_BHTT_GDV",
    "T_TRANTT",
    "lines_json",
)

_TIERS = {"ban_dau": "primary", "co_ban": "basic", "chuyen_sau": "specialised", "": ""}
_FORMER = {"xa": "commune", "huyen": "district", "tinh": "province", "tw": "central", "none": "", "": ""}
_MODES = {"a": "patient", "b": "facility", "arv": "arv"}
_ANNEXES = {"PL1": "I", "PL2": "II", "": ""}
_EXAM, _BED, _TRANSPORT, _SUPPLIES = "13", frozenset({"14", "15", "16"}), "12", frozenset({"10", "11"})
_HERE, _ELSEWHERE = "99001", "99002"


def run_case(
    row: Mapping[str, str], *, data_dir: Path | None = None, settings: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Split one case row and answer its output columns as text. Raises `BenefitError` for a row it cannot read."""
    extra: dict[str, Any] = json.loads(row["extra_json"] or "{}")
    raw_items: list[dict[str, Any]] = json.loads(row["items_json"])
    ended_on = date.fromisoformat(row["ngay_ra"])
    params = load(data_dir, on=ended_on).with_settings(**(settings or {}))
    if row["supply_cap_mode"] not in {"", "A"}:
        raise BenefitError("supply_cap_mode", f"Cách tính trần vật tư {row['supply_cap_mode']} không được hỗ trợ")
    segments = max((int(raw.get("seg", 0)) for raw in raw_items), default=0)
    items = [_item(position, raw, ended_on, segments) for position, raw in enumerate(raw_items)]
    answer = split(_facts(row, extra, params, segments), items, params)
    return _columns(row["case_id"], answer, params)


def _item(position: int, raw: Mapping[str, Any], ended_on: date, segments: int) -> Item:
    """One line; with several benefit segments each stands for a day, the last one for the day of discharge."""
    group = "" if raw.get("grp") is None else str(raw["grp"])
    package = raw.get("pkg") or ""
    price = _decimal(raw["price"])
    kind = _kind(raw["kind"], group, package)
    cap = raw.get("cap")
    forced = raw.get("mh")
    return Item(
        key=f"{position:06d}",
        sequence=position,
        kind=kind,
        group_code=group,
        quantity=_decimal(raw["qty"]),
        hospital_price=price,
        insured_price=price if kind == "drug" else _decimal(raw.get("bh", price)),
        service_rate=_decimal(raw.get("dv", 100)),
        payment_rate=_decimal(raw.get("tl", 100)),
        scope=str(raw.get("pv", 1)),
        other_source=_decimal(raw.get("src", 0)),
        other_source_mode=_MODES[raw.get("srcmode", "a")],
        package=package,
        payment_method=str(raw.get("pttt", 1)),
        segment=int(raw.get("seg", 0)),
        provided_on=ended_on - timedelta(days=segments - int(raw.get("seg", 0))) if segments else None,
        unit_ceiling=None if cap is None else _decimal(cap),
        forced_percent=None if forced is None else _decimal(forced),
    )


def _kind(kind: str, group: str, package: str) -> str:
    if kind == "thuoc":
        return "drug"
    if group in _SUPPLIES or (package and not group):
        return "supply"
    if group == _TRANSPORT:
        return "transport"
    if group == _EXAM:
        return "exam"
    return "bed" if group in _BED else "service"


def _facts(row: Mapping[str, str], extra: Mapping[str, Any], params: Params, segments: int) -> Facts:
    ended_on = params.on
    cards = [card for card in row["card_code"].split(";") if card]
    paid, paid_before = _paid(row, extra, params)
    has_five_years = row["five_years"] == "Y"
    is_exempt = has_five_years and row["copay_exempt"] == "Y"
    year_start = date(ended_on.year, 1, 1)
    return Facts(
        ended_on=ended_on,
        admitted_on=min(_admitted(extra, ended_on), ended_on - timedelta(days=segments)),
        visit_type=row["ma_loai_kcb"],
        card_number=cards[0] if cards else None,
        later_cards=tuple(LaterCard(position, card) for position, card in enumerate(cards) if position),
        registered_facility=_HERE if row["ma_doituong_kcb"] in {"", "1.1"} and row["in_network"] == "Y" else _ELSEWHERE,
        facility_code=_HERE,
        facility_kind="commune_station" if row["old_tier_before_2025"] == "xa" else "",
        facility_tier=_TIERS[row["facility_tier"]],
        facility_points=Decimal(row["facility_points"]) if row["facility_points"] else None,
        facility_provisional=False,
        former_line=_FORMER[row["old_tier_before_2025"]],
        route=_route(row),
        entitlement_code=row["ma_doituong_kcb"] or None,
        listed_disease=_ANNEXES[row["disease_annex"]],
        five_years_from=year_start if has_five_years else None,
        # Both conditions are needed: a row marked exempt without five years is not exempt.
        # With segments the exemption was reached when the last one began.
        copay_exempt_from=(ended_on if segments else year_start) if is_exempt else None,
        copay_paid_this_year=paid,
        copay_paid_before_change=paid_before,
        card_valid_to=_card_end(extra, ended_on, params),
    )


def _route(row: Mapping[str, str]) -> str:
    if row["emergency"] == "Y":
        return "emergency"
    return "referral" if row["referral"] == "Y" else "self"


def _admitted(extra: Mapping[str, Any], ended_on: date) -> date:
    """The day of admission; a stay that outlived the card began while the card was valid."""
    if extra.get("ngay_vao"):
        return _day(extra["ngay_vao"])
    return min(ended_on, _day(extra["gt_the_den"])) if extra.get("gt_the_den") else ended_on


def _paid(row: Mapping[str, str], extra: Mapping[str, Any], params: Params) -> tuple[Decimal, Decimal]:
    """Co-payment of the year and its part before a change of the base salary, both before this visit."""
    before = _decimal(extra.get("copay_before_0107", 0))
    if extra.get("copay_ytd_before") is None:
        return before, before
    paid = _decimal(extra["copay_ytd_before"])
    if extra.get("threshold") is not None:
        # The row states its own limit; shift the sum so that the same amount remains.
        limit = params.number("annual_copay_factor") * params.number("base_salary")
        paid = max(ZERO, limit - (_decimal(extra["threshold"]) - paid))
    return max(paid, before), before


def _card_end(extra: Mapping[str, Any], ended_on: date, params: Params) -> date | None:
    """The card's last day, when the days of grace decide; lines of these files have no day of their own."""
    if not extra.get("gt_the_den"):
        return None
    last = _day(extra["gt_the_den"])
    return last if ended_on <= last + timedelta(days=int(params.number("card_grace_days"))) else None


def _columns(case_id: str, answer: Split, params: Params) -> dict[str, str]:
    totals = answer.totals
    salary = params.number("base_salary")
    ceilings = sorted({line.ceiling_amount for line in answer.lines if line.ceiling_amount is not None})
    return {
        "case_id": case_id,
        "base_salary": _text(salary),
        "threshold_15pct": _text(salary * params.number("low_cost_factor")),
        "MUC_HUONG": "|".join(_text(percent) for percent in answer.benefit_percents),
        "T_TONGCHI_BV": _text(totals.hospital),
        "T_TONGCHI_BH": _text(totals.insured),
        "T_BHTT": _text(totals.fund),
        "T_BNCCT": _text(totals.copay),
        "T_BNTT": _text(totals.self_paid),
        "T_NGUONKHAC": _text(totals.other),
        "T_BHTT_GDV": _text(totals.fund_fee_for_service),
        "T_TRANTT": "|".join(_text(ceiling) for ceiling in ceilings),
        "lines_json": json.dumps([_line(line) for line in answer.lines]),
    }


def _line(line: LineSplit) -> dict[str, str]:
    return {
        "BV": _text(line.hospital_amount),
        "BH": _text(line.insured_amount),
        "TL": _text(line.payment_rate),
        "MH": _text(line.benefit_percent),
        "BHTT": _text(line.fund_amount),
        "BNCCT": _text(line.copay_amount),
        "BNTT": _text(line.self_paid_amount),
        "NGUONKHAC": _text(line.other_amount),
    }


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def _text(value: Decimal) -> str:
    return f"{value:f}" if value == value.to_integral() and value.as_tuple().exponent == 0 else f"{value.normalize():f}"


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
