"""Worked cases in a flat file: one row in, the expected output columns out.

The input columns are those from `case_id` to `supply_cap_mode`, `items_json` and `extra_json`; only `ngay_ra`,
`ma_loai_kcb` and `items_json` must be filled, and a line needs no more than its quantity and its price. `run_case` is
pure; a command reads and writes the files. A row may leave `ma_doituong_kcb` empty: the decision rows then choose.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from his.core.codes import clean_code
from insurance.benefits.engine.case_words import Extra, Row, day, is_yes, mapping, mappings, number, optional, word
from insurance.benefits.engine.facts import ZERO, BenefitError, Facts, Item, LaterCard, LineSplit, Split
from insurance.benefits.engine.params import Params, load
from insurance.benefits.engine.splitter import split
from insurance.benefits.engine.tables import CardLevel

INPUT_COLUMNS = (
    "case_id",
    "ngay_ra",
    "ma_loai_kcb",
    "facility_tier",
    "facility_points",
    "old_tier_before_2025",
    "in_network",
    "referral",
    "emergency",
    "disease_annex",
    "card_code",
    "five_years",
    "copay_exempt",
    "ma_doituong_kcb",
    "supply_cap_mode",
    "items_json",
    "extra_json",
)
"""Those that are read; group and description are for people."""

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
_ANNEXES = {"PL1": "I", "PL2": "II"}
_HANDED_BACK = "PL4"
_EXAM, _BED, _TRANSPORT, _SUPPLIES = "13", frozenset({"14", "15", "16"}), "12", frozenset({"10", "11"})
_HERE, _ELSEWHERE = "99001", "99002"


def run_case(row: Row, *, data_dir: Path | None = None, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Split one case row and answer its output columns as text. Raises `BenefitError` for a row it cannot read."""
    row = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    row |= dict.fromkeys(unreadable_place(row), "")
    extra = mapping(row.get("extra_json", ""), "extra_json")
    raw_items = mappings(row.get("items_json", ""), "items_json")
    ended_on = day(row.get("ngay_ra", ""), "ngay_ra")
    segments = sorted({_segment(raw) for raw in raw_items})
    params = load(data_dir, on=ended_on).with_settings(**_settings(segments, settings))
    if row.get("supply_cap_mode", "").upper() not in {"", "A"}:
        raise BenefitError("supply_cap_mode", f"Cách tính trần vật tư {row['supply_cap_mode']} không được hỗ trợ")
    items = [_item(position, raw, ended_on, segments) for position, raw in enumerate(raw_items)]
    answer = split(_facts(row, extra, params, segments), items, params)
    return _columns(row.get("case_id", ""), answer, params)


def unreadable_place(row: Row) -> list[str]:
    """Columns about the place and the way of coming that say nothing known, where the code of the row is given.

    The code already decides, so they stop nobody; without a code they are refused where they are read.
    """
    return [name for name, reads in _PLACE.items() if row.get("ma_doituong_kcb") and not _reads(reads, row, name)]


def _reads(reads: Callable[[Row, str], object], row: Row, name: str) -> bool:
    try:
        reads(row, name)
    except BenefitError:
        return False
    return True


def _settings(segments: Sequence[int], settings: Mapping[str, str] | None) -> dict[str, str]:
    """The days of segments only order them, so they must not choose the base salary of the supply cap."""
    return {**({"supply_cap_date": "discharge"} if len(segments) > 1 else {}), **(settings or {})}


def _item(position: int, raw: Extra, ended_on: date, segments: Sequence[int]) -> Item:
    """One line, of the day of discharge; with several benefit segments each of the earlier ones stands for a day."""
    where = f"dòng {position + 1}"
    segment = segments.index(_segment(raw))
    package = word(raw, "pkg", "")
    group = word(raw, "grp", "")
    kind = _kind(word(raw, "kind", "dv").lower(), group, package)
    price = number(raw, "price", None, where)
    mode = word(raw, "srcmode", "a").lower()
    forced = optional(raw, "mh", where)
    if mode not in _MODES:
        raise BenefitError("source_mode", f"{where}: không biết cách trừ nguồn khác {mode}")
    return Item(
        key=f"{position + 1:06d}",
        sequence=position,
        kind=kind,
        group_code=group,
        quantity=number(raw, "qty", None, where),
        hospital_price=price,
        # A list price above the price paid raises nothing: the fund knows no more than was paid.
        insured_price=price if kind == "drug" else min(price, number(raw, "bh", price, where)),
        # The table of drugs has no TYLE_TT_DV.
        service_rate=None if kind == "drug" else optional(raw, "dv", where),
        payment_rate=number(raw, "tl", Decimal(100), where),
        # What the fund pays nothing of is no co-payment either: it counts to no yearly limit.
        scope="2" if forced == 0 else word(raw, "pv", "1"),
        # ARV support is what the co-payment comes to, whatever the line says.
        other_source=ZERO if mode == "arv" else number(raw, "src", ZERO, where),
        other_source_mode=_MODES[mode],
        package=package,
        payment_method=word(raw, "pttt", "1"),
        segment=segment,
        provided_on=ended_on - timedelta(days=len(segments) - 1 - segment),
        unit_ceiling=optional(raw, "cap", where),
        forced_percent=forced,
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


def _facts(row: Row, extra: Extra, params: Params, segments: Sequence[int]) -> Facts:
    ended_on = params.on
    code = row.get("ma_doituong_kcb", "") or _code_without_tier(row)
    cards = _cards(row, params, segments)
    paid, paid_before = _paid(extra, params)
    has_five_years = is_yes(row, "five_years")
    is_exempt = is_yes(row, "copay_exempt") and has_five_years
    year_start = date(ended_on.year, 1, 1)
    is_registered = is_yes(row, "in_network") and code in {"", "1.1"}
    former = row.get("old_tier_before_2025", "")
    days = len(segments) - 1 if segments else 0
    return Facts(
        ended_on=ended_on,
        admitted_on=min(_admitted(extra, ended_on), ended_on - timedelta(days=days)),
        visit_type=row["ma_loai_kcb"].zfill(2) if row.get("ma_loai_kcb") else "",
        card_number=cards[0] if cards else None,
        later_cards=tuple(LaterCard(position, card) for position, card in enumerate(cards) if position),
        registered_facility=_HERE if is_registered else _ELSEWHERE,
        facility_code=_HERE,
        facility_kind="commune_station" if former == "xa" else "",
        facility_tier=_chosen(_TIERS, row, "facility_tier"),
        facility_points=optional(row, "facility_points", "điểm của cơ sở"),
        facility_provisional=False,
        former_line=_chosen(_FORMER, row, "old_tier_before_2025"),
        route=_route(row),
        entitlement_code=code or None,
        origin_code=word(extra, "origin_code", "") or _origin(row),
        is_chronic_return=row.get("disease_annex", "") == _HANDED_BACK and row.get("referral", "").upper() == "Y",
        listed_disease=_ANNEXES.get(row.get("disease_annex", ""), ""),
        five_years_from=year_start - timedelta(days=365) if has_five_years else None,
        # Both conditions are needed: a row marked exempt without five years is not exempt.
        # With segments the exemption was reached when the last one began.
        copay_exempt_from=(ended_on if days else year_start) if is_exempt else None,
        copay_paid_this_year=paid,
        copay_paid_before_change=paid_before,
        card_valid_to=_card_end(extra, ended_on, params),
    )


def _cards(row: Row, params: Params, segments: Sequence[int]) -> list[str]:
    """The card of each segment in turn; where nothing says which card a line belongs to, the best one of all.

    A person of several groups has the highest level (Luật BHYT Đ22 k2).
    """
    cards = [clean_code(card) for card in row.get("card_code", "").split(";") if card.strip()]
    if len(cards) > 1 and len(segments) < 2:
        return [max(cards, key=lambda card: _worth(params.card_level(card)))]
    return cards


def _worth(level: CardLevel) -> tuple[Decimal, bool]:
    return level.percent, level.lifts_limits


def _code_without_tier(row: Row) -> str:
    """The code of a row that names neither code nor tier, where no tier could change it."""
    if row.get("facility_tier") or not row.get("card_code"):
        return ""
    if is_yes(row, "in_network"):
        return "1.1"
    if is_yes(row, "referral"):
        return "1.3"
    return "2" if is_yes(row, "emergency") else ""


def _route(row: Row) -> str:
    if is_yes(row, "emergency"):
        return "emergency"
    return "referral" if is_yes(row, "referral") else "self"


def _origin(row: Row) -> str | None:
    """The code of the visit that issued a drug pick-up note, as far as the place tells."""
    if row.get("old_tier_before_2025") == "xa":
        return "1.2"
    return "1.1" if is_yes(row, "in_network") else None


def _admitted(extra: Extra, ended_on: date) -> date:
    """The day of admission; a stay that outlived the card began while the card was valid."""
    if extra.get("ngay_vao"):
        return day(extra["ngay_vao"], "ngay_vao")
    return min(ended_on, day(extra["gt_the_den"], "gt_the_den")) if extra.get("gt_the_den") else ended_on


def _paid(extra: Extra, params: Params) -> tuple[Decimal, Decimal]:
    """Co-payment of the year and its part before a change of the base salary, both before this visit."""
    where = "extra_json"
    before = number(extra, "copay_before_0107", ZERO, where)
    paid = max(before, number(extra, "copay_ytd_before", before, where))
    own_limit = optional(extra, "threshold", where)
    remaining = own_limit - paid if own_limit is not None else optional(extra, "remaining", where)
    if remaining is None:
        return paid, before
    # The row says what may still be collected: the sum paid is whatever leaves that much.
    limit = params.number("annual_copay_factor") * params.number("base_salary")
    return max(ZERO, limit - remaining), ZERO


def _card_end(extra: Extra, ended_on: date, params: Params) -> date | None:
    """The card's last day, when the days of grace decide; lines of these files have no day of their own."""
    if not extra.get("gt_the_den"):
        return None
    last = day(extra["gt_the_den"], "gt_the_den")
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


def _text(value: Decimal) -> str:
    return f"{value:f}" if value == value.to_integral() and value.as_tuple().exponent == 0 else f"{value.normalize():f}"


def _segment(raw: Extra) -> int:
    return int(number(raw, "seg", ZERO, "items_json"))


def _chosen(known: Mapping[str, str], row: Row, name: str) -> str:
    said = row.get(name, "")
    if said not in known:
        raise BenefitError(name, f"{name}: không biết giá trị {said}")
    return known[said]


_PLACE: Mapping[str, Callable[[Row, str], object]] = {
    "facility_tier": lambda row, name: _chosen(_TIERS, row, name),
    "facility_points": lambda row, name: optional(row, name, name),
    "old_tier_before_2025": lambda row, name: _chosen(_FORMER, row, name),
    "in_network": is_yes,
    "referral": is_yes,
    "emergency": is_yes,
}
