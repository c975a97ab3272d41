"""A second opinion on the money of a claim file: plain arithmetic on the XML itself, sharing no code with the product.

Formulas of the annex of QĐ 4750/QĐ-BYT: each line from its quantity, prices and rates; each total from the lines.
"""

import base64
import xml.etree.ElementTree as ET
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
OTHER = ("T_NGUONKHAC_NSNN", "T_NGUONKHAC_VTNN", "T_NGUONKHAC_VTTN", "T_NGUONKHAC_CL")


def tables_of(content: bytes) -> dict[str, list[dict[str, str]]]:
    """Rows of each table of a file with one visit."""
    tables: dict[str, list[dict[str, str]]] = {}
    for part in ET.fromstring(content).iter("FILEHOSO"):
        inner = ET.fromstring(base64.b64decode(part.findtext("NOIDUNGFILE", "")))
        name = part.findtext("LOAIHOSO", "")
        rows = [row for group in inner for row in group] or [inner]
        tables[name] = [{field.tag: field.text or "" for field in row} for row in rows]
    return tables


def number(row: dict[str, str], tag: str) -> Decimal:
    text = row.get(tag, "")
    assert "," not in text, f"{tag} has a comma: {text}"
    return Decimal(text or "0")


def to_cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def faults(content: bytes) -> list[str]:
    """What does not add up in the file; an empty list when everything does."""
    tables = tables_of(content)
    drugs, services = tables.get("XML2", []), tables.get("XML3", [])
    found = [f"XML2/{i}: {text}" for i, row in enumerate(drugs, 1) for text in _drug(row)]
    found += [f"XML3/{i}: {text}" for i, row in enumerate(services, 1) for text in _service(row)]
    return found + [f"XML1: {text}" for text in _totals(tables["XML1"][0], drugs, services)]


def _drug(row: dict[str, str]) -> list[str]:
    price = number(row, "SO_LUONG") * number(row, "DON_GIA")
    return _line(row, price, price * number(row, "TYLE_TT_BH") / 100)


def _service(row: dict[str, str]) -> list[str]:
    share = number(row, "SO_LUONG") * number(row, "TYLE_TT_DV") / 100
    insured = share * number(row, "DON_GIA_BH") * number(row, "TYLE_TT_BH") / 100
    return _line(row, share * number(row, "DON_GIA_BV"), insured)


def _line(row: dict[str, str], price: Decimal, insured: Decimal) -> list[str]:
    whole, base, fund = to_cents(price), to_cents(insured), to_cents(to_cents(insured) * number(row, "MUC_HUONG") / 100)
    support = sum((number(row, tag) for tag in OTHER), Decimal(0))
    wanted = {
        "THANH_TIEN_BV": whole,
        "THANH_TIEN_BH": base,
        "T_NGUONKHAC": support,
        "T_BHTT": fund,
        "T_BNCCT": base - fund,
        "T_BNTT": whole - base - support,
    }
    found = [f"{tag} {row.get(tag)}, not {value}" for tag, value in wanted.items() if number(row, tag) != value]
    parts = sum((number(row, tag) for tag in ("T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")), Decimal(0))
    if parts != whole:
        found.append(f"parts {parts} are not the whole {whole}")
    if row.get("PHAM_VI") == "2" and base:
        found.append("outside the scope but insured")
    return found + [f"{tag} below zero" for tag in wanted if number(row, tag) < 0]


def _totals(total: dict[str, str], drugs: list[dict[str, str]], services: list[dict[str, str]]) -> list[str]:
    lines = [*drugs, *services]

    def add(tag: str, among: list[dict[str, str]] = lines) -> Decimal:
        return sum((number(row, tag) for row in among), Decimal(0))

    supplies = [row for row in services if row["MA_NHOM"] in {"10", "11"}]
    wanted = {
        "T_THUOC": add("THANH_TIEN_BV", drugs),
        "T_VTYT": add("THANH_TIEN_BV", supplies),
        "T_TONGCHI_BV": add("THANH_TIEN_BV"),
        "T_TONGCHI_BH": add("THANH_TIEN_BH"),
        "T_BHTT": add("T_BHTT"),
        "T_BNCCT": add("T_BNCCT"),
        "T_BNTT": add("T_BNTT"),
        "T_NGUONKHAC": add("T_NGUONKHAC"),
        "T_BHTT_GDV": add("T_BHTT", [row for row in lines if row["MA_PTTT"] == "1"]),
    }
    found = [f"{tag} {total.get(tag)}, not {value}" for tag, value in wanted.items() if number(total, tag) != value]
    whole = sum((number(total, tag) for tag in ("T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")), Decimal(0))
    if whole != number(total, "T_TONGCHI_BV"):
        found.append(f"payers {whole} are not T_TONGCHI_BV {total['T_TONGCHI_BV']}")
    return found
