"""Worked cases in a flat file: one row in, the expected output columns out.

The input columns are those from `case_id` to `supply_cap_mode`, `items_json` and `extra_json`; only `ngay_ra`,
`ma_loai_kcb` and `items_json` must be filled, and a line needs no more than its quantity and its price. `run_case` is
pure; a command reads and writes the files. A row may leave `ma_doituong_kcb` empty: the decision rows then choose.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from his.core.codes import clean_code
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
_ANNEXES = {"PL1": "I", "PL2": "II"}
_EXAM, _BED, _TRANSPORT, _SUPPLIES = "13", frozenset({"14", "15", "16"}), "12", frozenset({"10", "11"})
_HERE, _ELSEWHERE = "99001", "99002"

Row = Mapping[str, str]
Extra = Mapping[str, Any]


def run_case(row: Row, *, data_dir: Path | None = None, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Split one case row and answer its output columns as text. Raises `BenefitError` for a row it cannot read."""
    row = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    extra = _object(row.get("extra_json", ""))
    raw_items = _lines(row.get("items_json", ""))
    ended_on = _day(row.get("ngay_ra", ""), "ngay_ra")
    segments = sorted({_segment(raw) for raw in raw_items})
    params = load(data_dir, on=ended_on).with_settings(**_settings(segments, settings))
    if row.get("supply_cap_mode", "") not in {"", "A"}:
        raise BenefitError("supply_cap_mode", f"Cách tính trần vật tư {row['supply_cap_mode']} không được hỗ trợ")
    items = [_item(position, raw, ended_on, segments) for position, raw in enumerate(raw_items)]
    answer = split(_facts(row, extra, params, segments), items, params)
    return _columns(row.get("case_id", ""), answer, params)


def _settings(segments: Sequence[int], settings: Mapping[str, str] | None) -> dict[str, str]:
    """The days of segments only order them, so they must not choose the base salary of the supply cap."""
    return {**({"supply_cap_date": "discharge"} if len(segments) > 1 else {}), **(settings or {})}


def _item(position: int, raw: Extra, ended_on: date, segments: Sequence[int]) -> Item:
    """One line, of the day of discharge; with several benefit segments each of the earlier ones stands for a day."""
    where = f"dòng {position + 1}"
    segment = segments.index(_segment(raw))
    package = _word(raw, "pkg", "")
    group = _word(raw, "grp", "")
    kind = _kind(_word(raw, "kind", "dv"), group, package)
    price = _number(raw, "price", None, where)
    mode = _word(raw, "srcmode", "a")
    if mode not in _MODES:
        raise BenefitError("source_mode", f"{where}: không biết cách trừ nguồn khác {mode}")
    return Item(
        key=f"{position:06d}",
        sequence=position,
        kind=kind,
        group_code=group,
        quantity=_number(raw, "qty", None, where),
        hospital_price=price,
        # A list price above the price paid raises nothing: the fund knows no more than was paid.
        insured_price=price if kind == "drug" else min(price, _number(raw, "bh", price, where)),
        # The table of drugs has no TYLE_TT_DV.
        service_rate=None if kind == "drug" else _optional(raw, "dv", where),
        payment_rate=_number(raw, "tl", Decimal(100), where),
        scope=_word(raw, "pv", "1"),
        # ARV support is what the co-payment comes to, whatever the line says.
        other_source=ZERO if mode == "arv" else _number(raw, "src", ZERO, where),
        other_source_mode=_MODES[mode],
        package=package,
        payment_method=_word(raw, "pttt", "1"),
        segment=segment,
        provided_on=ended_on - timedelta(days=len(segments) - 1 - segment),
        unit_ceiling=_optional(raw, "cap", where),
        forced_percent=_optional(raw, "mh", where),
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
    has_five_years = _yes(row, "five_years")
    is_exempt = has_five_years and _yes(row, "copay_exempt")
    year_start = date(ended_on.year, 1, 1)
    is_registered = _yes(row, "in_network") and code in {"", "1.1"}
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
        facility_points=_optional(row, "facility_points", "facility_points"),
        facility_provisional=False,
        former_line=_chosen(_FORMER, row, "old_tier_before_2025"),
        route=_route(row),
        entitlement_code=code or None,
        origin_code=_origin(row),
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
        return [max(cards, key=lambda card: params.card_level(card).percent)]
    return cards


def _code_without_tier(row: Row) -> str:
    """The code of a row that names neither code nor tier, where no tier could change it."""
    if row.get("facility_tier") or not row.get("card_code"):
        return ""
    if _yes(row, "in_network"):
        return "1.1"
    if _yes(row, "referral"):
        return "1.3"
    return "2" if _yes(row, "emergency") else ""


def _route(row: Row) -> str:
    if _yes(row, "emergency"):
        return "emergency"
    return "referral" if _yes(row, "referral") else "self"


def _origin(row: Row) -> str | None:
    """The code of the visit that issued a drug pick-up note, as far as the place tells."""
    if row.get("old_tier_before_2025") == "xa":
        return "1.2"
    return "1.1" if _yes(row, "in_network") else None


def _admitted(extra: Extra, ended_on: date) -> date:
    """The day of admission; a stay that outlived the card began while the card was valid."""
    if extra.get("ngay_vao"):
        return _day(extra["ngay_vao"], "ngay_vao")
    return min(ended_on, _day(extra["gt_the_den"], "gt_the_den")) if extra.get("gt_the_den") else ended_on


def _paid(extra: Extra, params: Params) -> tuple[Decimal, Decimal]:
    """Co-payment of the year and its part before a change of the base salary, both before this visit."""
    where = "extra_json"
    before = _number(extra, "copay_before_0107", ZERO, where)
    paid = max(before, _number(extra, "copay_ytd_before", before, where))
    limit = params.number("annual_copay_factor") * params.number("base_salary")
    own_limit = _optional(extra, "threshold", where)
    if own_limit is not None:
        # The row states its own limit; shift the sum so that the same amount remains.
        paid = max(before, limit - own_limit + paid)
    elif not paid and (remaining := _optional(extra, "remaining", where)) is not None:
        paid = max(ZERO, limit - remaining)
    return paid, before


def _card_end(extra: Extra, ended_on: date, params: Params) -> date | None:
    """The card's last day, when the days of grace decide; lines of these files have no day of their own."""
    if not extra.get("gt_the_den"):
        return None
    last = _day(extra["gt_the_den"], "gt_the_den")
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


def _object(text: str) -> Extra:
    """The facts beside the columns; an empty cell has none."""
    read = _json(text or "{}", "extra_json")
    if not isinstance(read, dict):
        raise BenefitError("extra_json", "extra_json không phải là một đối tượng JSON")
    return read


def _lines(text: str) -> list[Extra]:
    read = _json(text, "items_json")
    if not isinstance(read, list) or not all(isinstance(line, dict) for line in read):
        raise BenefitError("items_json", "items_json không phải là danh sách các dòng chi phí")
    return read


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except ValueError as error:
        raise BenefitError(name, f"{name} không phải JSON: {error}") from error


def _word(raw: Extra, name: str, default: str) -> str:
    """A code as text, written as a number or not; what is missing, null or empty is the default."""
    value = raw.get(name)
    return default if value in (None, "") else str(value).strip().removesuffix(".0")


def _optional(raw: Extra, name: str, where: str) -> Decimal | None:
    text = _word(raw, name, "")
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise BenefitError("number", f"{where}: {name} = {text} không phải là số") from None
    if not value.is_finite() or value < 0:
        raise BenefitError("number", f"{where}: {name} = {text} phải là số không âm")
    return value


def _number(raw: Extra, name: str, default: Decimal | None, where: str) -> Decimal:
    """A number of zero or more; without a default it must be there."""
    value = _optional(raw, name, where)
    if value is not None:
        return value
    if default is None:
        raise BenefitError("number_missing", f"{where}: thiếu {name}")
    return default


def _segment(raw: Extra) -> int:
    return int(_number(raw, "seg", ZERO, "items_json"))


def _chosen(known: Mapping[str, str], row: Row, name: str) -> str:
    word = row.get(name, "")
    if word not in known:
        raise BenefitError(name, f"{name}: không biết giá trị {word}")
    return known[word]


def _yes(row: Row, name: str) -> bool:
    return row.get(name, "").upper() == "Y"


def _day(value: Any, name: str) -> date:
    """The day of 2026-08-03, 20260803 or 202608031530."""
    digits = str(value).replace("-", "")[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        raise BenefitError(name, f"{name}: {value} không phải là ngày") from None
