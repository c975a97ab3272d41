"""A second program for the cases of the split, written from the rules and sharing nothing with the engine.

It reads the columns of a case row and answers the expected output columns. It knows no reasons, no facts and no data
files: the figures of the law stand here a second time, so that a slip in a file of the product is seen as well.
"""

import json
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

D = Decimal
SALARIES = (
    ("2013-07-01", 1_150_000),
    ("2016-05-01", 1_210_000),
    ("2017-07-01", 1_300_000),
    ("2018-07-01", 1_390_000),
    ("2019-07-01", 1_490_000),
    ("2023-07-01", 1_800_000),
    ("2024-07-01", 2_340_000),
    ("2026-07-01", 2_530_000),
)
LEVELS = {"1": 100, "2": 100, "3": 95, "4": 80, "5": 100}
RIDES = ["CC", "CK", "CB", "TE", "BT", "HN", "DT", "DK", "XD", "TS", "QN", "CA", "CY"]
HALVES = {"1.13", "1.14", "1.18"}
RIGHT = {"1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "2", "3.6", "7"}
Line = dict[str, Any]


def cents(value: Decimal) -> Decimal:
    return value.quantize(D("0.01"), rounding=ROUND_HALF_UP)


def salary_on(day: str) -> Decimal:
    return D([amount for first, amount in SALARIES if first <= day][-1])


def rate_of(row: Mapping[str, str]) -> int:
    code, day = row["ma_doituong_kcb"], row["ngay_ra"]
    if code == "9":
        return 0
    if code in HALVES:
        return 50 if day >= "2026-07-01" else 0
    if code == "3.1":
        return 40 if row["ma_loai_kcb"] in {"03", "09"} else 0
    return 100


def digit_of(card: str, day: str) -> str:
    return "2" if card[:3] in {"CN3", "LH4"} and day >= "2026-01-01" else card[2]


def remaining_of(row: Mapping[str, str], extra: Mapping[str, str]) -> Decimal:
    salary, old = salary_on(row["ngay_ra"]), salary_on(row["ngay_ra"][:4] + "-01-01")
    before = D(extra.get("copay_before_0107", 0))
    if "threshold" in extra:
        return D(extra["threshold"]) - D(extra.get("copay_ytd_before", 0))
    if "remaining" in extra:
        return D(extra["remaining"])
    after = max(D(extra.get("copay_ytd_before", before)) - before, D(0))
    return cents((6 - before / old) * salary - after)


def in_scope(line: Line, digit: str, card: str, rate: int, code: str) -> bool:
    if not rate or str(line.get("pv", 1)) == "2" or D(line.get("tl", 100)) == 0 or str(line.get("mh")) == "0":
        return False
    if str(line.get("pv", 1)) == "3" and not (digit == "5" and code in RIGHT):
        return False
    return str(line.get("grp")) != "12" or card[:2] in RIDES


def base_of(line: Line, digit: str, covered: bool) -> tuple[Decimal, Decimal, Decimal]:
    """THANH_TIEN_BV, THANH_TIEN_BH before the cap of packages, TYLE_TT_BH."""
    drug = line["kind"] == "thuoc"
    number, price = D(line["qty"]), D(line["price"])
    share = D(1) if drug else D(line.get("dv", 100)) / 100
    whole = cents(number * price * share)
    if not covered:
        return whole, D(0), D(0)
    rate = D(100) if digit in "15" else D(line.get("tl", 100))
    price = price if drug else min(price, D(line.get("bh", price)))
    insured = number * price * share * rate / 100
    if line.get("srcmode") == "b" and whole:
        insured = insured * (whole - D(line.get("src", 0))) / whole
    insured = cents(insured)
    if line.get("cap"):
        insured = min(insured, cents(D(line["cap"]) * number))
    return whole, insured, rate


def cap_packages(lines: list[Line], cap: Decimal) -> bool:
    was_cut = False
    for package in {line["pkg"] for line in lines if line.get("pkg")}:
        counted = [
            line
            for line in lines
            if line.get("pkg") == package
            and str(line.get("grp")) in {"10", "11"}
            and line["covered"]
            and D(line.get("tl", 100)) == 100
            and line["digit"] not in "15"
        ]
        total = sum((line["BH"] for line in counted), D(0))
        if total <= cap:
            continue
        was_cut = True
        exact = [cap * line["BH"] / total * 100 for line in counted]
        units = [int(share) for share in exact]
        left = int(cap * 100) - sum(units)
        for place in sorted(range(len(exact)), key=lambda n: (units[n] - exact[n], n))[:left]:
            units[place] += 1
        for line, share in zip(counted, units, strict=True):
            line["BH"] = D(share) / 100
    return was_cut


def take_sources(line: Line) -> None:
    given, mode = D(line.get("src", 0)), line.get("srcmode", "a")
    if mode == "arv":
        line["NK"], line["CCT"] = line["CCT"], D(0)
        return
    line["NK"] = given
    if mode == "b":
        line["TT"] -= given
        return
    for part in ("TT", "CCT", "BHTT"):
        taken = min(given, line[part])
        line[part] -= taken
        given -= taken


def solve(row: Mapping[str, str]) -> dict[str, Any]:
    """The output columns of a row as numbers; lines hold BV, BH, TL, MH, BHTT, CCT, TT, NK."""
    extra, code, rate = json.loads(row["extra_json"]), row["ma_doituong_kcb"], rate_of(row)
    cards = row["card_code"].split(";")
    salary = salary_on(row["ngay_ra"])
    lines: list[Line] = json.loads(row["items_json"])
    for line in lines:
        card = cards[min(line.get("seg", 0), len(cards) - 1)]
        line["digit"] = digit_of(card, row["ngay_ra"]) if card else "4"
        line["covered"] = in_scope(line, line["digit"], card, rate, code)
        line["BV"], line["BH"], line["TL"] = base_of(line, line["digit"], line["covered"])
    cap = 45 * salary
    was_cut = cap_packages(lines, cap)
    is_low = sum((line["BH"] for line in lines), D(0)) < salary * 15 / 100
    has_five = row["five_years"] == "Y" and rate == 100
    remaining = remaining_of(row, extra) if has_five else None
    last = max((line.get("seg", 0) for line in lines), default=0)
    was_stopped = False
    for line in lines:
        certificate = has_five and row["copay_exempt"] == "Y" and line.get("seg", 0) == last
        is_full = is_low or certificate or (remaining is not None and remaining <= 0)
        level = 100 if is_full else LEVELS[line["digit"]]
        line["MH"] = D(0) if not rate else D(100) if code == "1.2" else D(level * rate) / 100
        if line["covered"] and str(line.get("grp")) == "12":
            line["MH"] = D(100)
        if rate and line.get("mh") is not None:
            line["MH"] = D(line["mh"])
    left = max(remaining, D(0)) if remaining is not None else None
    for line in lines:
        line["BHTT"] = cents(line["BH"] * line["MH"] / 100)
        line["CCT"] = line["BH"] - line["BHTT"]
        line["TT"] = line["BV"] - line["BH"]
        if left is not None and line["CCT"]:
            kept = min(line["CCT"], left)
            was_stopped |= kept < line["CCT"]
            left -= kept
            line["BHTT"] += line["CCT"] - kept
            line["CCT"] = kept
        take_sources(line)
    shown = [line for line in lines if line["covered"] and str(line.get("grp")) != "12"]
    percents = {line["MH"] for line in shown or [line for line in lines if line["covered"]]}
    totals = {name: sum((line[name] for line in lines), D(0)) for name in ("BV", "BH", "BHTT", "CCT", "TT", "NK")}
    totals["GDV"] = sum((line["BHTT"] for line in lines if line.get("pttt", 1) == 1), D(0))
    percents |= {D(100)} if was_stopped else set()
    return {"percents": sorted(percents), "cap": cap if was_cut else None, "lines": lines, **totals}


def code_of(place: Mapping[str, Any]) -> str | None:
    """The code of QĐ 3276 for a place and a way of coming, first from the top; None where no row of the list fits."""
    tier, points, line = place["tier"], place["points"], place["former_line"]
    is_low = place["provisional"] or (points is not None and points < 50)
    was_high = line in {"province", "central"}
    if tier == "primary" and place["kind"] == "commune_station":
        return "1.2"
    if place["registered"]:
        return "1.1"
    named = {"referral": "1.3", "residence_change": "1.4", "follow_up": "1.5", "organ_donor": "1.6", "newborn": "1.7"}
    if place["route"] in {*named, "emergency"}:
        return named.get(place["route"], "2")
    if tier == "primary":
        return "1.11"
    return _basic(place, is_low, was_high) if tier == "basic" else _specialised(place)


def _basic(place: Mapping[str, Any], is_low: bool, was_high: bool) -> str | None:
    if place["inpatient"]:
        return "1.15"
    if is_low and not was_high:
        return "1.12"
    if place["annex"]:  # Annex II holds all of Annex I
        return "1.16"
    if was_high:
        return "1.14"
    if place["former_line"] == "district":
        return "3.3"
    return "1.13" if place["points"] is not None and 50 <= place["points"] < 70 else None


def _specialised(place: Mapping[str, Any]) -> str | None:
    line = place["former_line"]
    if place["annex"] == "I":
        return "1.17"
    if line == "province" and not place["inpatient"]:
        return "1.18"
    if place["inpatient"] and place["area"]:
        return "3.6"
    return {"central": "3.1", "province": "3.2", "district": "3.3"}.get(line)
