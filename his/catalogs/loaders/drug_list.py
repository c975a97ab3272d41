"""The drug list of a facility (form 03/DM): ingredients, forms, bids and prices, in đồng a unit.

The form has no code of the facility's own, and its ingredient code stands for many products, so the code is made
from what tells one product of one bid from another. The same product in the same bid gets the same code in every
import.
"""

import hashlib
import re
from decimal import Decimal
from typing import Any

from his.catalogs.loaders.plan import Plan, Record, Request, RowReader, workbook_of
from his.catalogs.loaders.price_list import facility_of, own_rows_only, period
from his.catalogs.loaders.sheet import code, money, text
from his.catalogs.models import Drug, QuantityRule
from his.core.text import fold

SOURCE = "Mẫu 03/DM"
FULL_RATE = Decimal(100)
_VOLUME = re.compile(r"(\d+(?:[.,]\d+)?)\s*ml\b")
_SEVERAL = re.compile(r"\b(?:[2-9]|\d{2,}) (?:chai|lo|ong|binh)\b")
_CONTAINER = re.compile(r"^(chai|lo|binh)\b")


def load(request: Request) -> Plan:
    """Plan the drugs of one facility. Refuses without a facility."""
    facility = facility_of(request)
    table = workbook_of(request).table("MA_THUOC", "TEN_HOAT_CHAT", "TEN_THUOC", "DON_VI_TINH", "DON_GIA")
    plan = Plan(SOURCE)
    section = plan.section(Drug, "code", facility=facility)
    for row, cells in table:
        plan.read += 1
        reader = RowReader(plan, row, cells)
        values = _values(reader)
        starts, ends = period(reader, request)
        own_rows_only(reader, facility)
        if reader.ok:
            section.records.append(Record(row, values, starts, ends))
    return plan


def _values(reader: RowReader) -> dict[str, Any]:
    ingredient_code = reader.get("MA_THUOC", code, required=True) or ""
    ingredient = reader.get("TEN_HOAT_CHAT", required=True) or ""
    name = reader.get("TEN_THUOC", required=True) or ""
    strength = reader.get("HAM_LUONG", required=True) or ""
    unit = unit_name(reader.get("DON_VI_TINH", required=True) or "")
    price = reader.get("DON_GIA", money)
    rate = reader.get("TYLE_TT_BH", money, empty=FULL_RATE)
    registration, bid = reader.get("SO_DANG_KY") or "", reader.get("TT_THAU") or ""
    packaging, form = reader.get("QUY_CACH") or "", reader.get("DANG_BAO_CHE") or ""
    route = reader.get("MA_DUONG_DUNG", route_code, required=True) or ""
    if rate is not None and not 0 <= rate <= FULL_RATE:
        reader.fail("TYLE_TT_BH", "bad_rate", "Tỷ lệ thanh toán phải từ 0 đến 100", rate)
    rule, content = quantity_rule(unit, route, strength, packaging)
    return {
        "code": own_code(ingredient_code, registration, name, strength, unit, bid, reader.get("MA_CSKCB_THUOC") or ""),
        "ingredient_code": ingredient_code,
        "ingredient": ingredient,
        "name": name,
        "search_name": fold(f"{name} {ingredient} {strength}"),
        "strength": strength,
        "unit": unit,
        "route_code": route,
        "route_name": reader.get("DUONG_DUNG") or "",
        "dose_form": form,
        "quantity_rule": rule,
        "pack_size": content,
        "registration_no": registration.replace(" ", ""),
        "bid_info": bid,
        "price": price,
        "insured_price": reader.get("GIA_BH_TT", money, empty=price),
        "payment_rate": rate,
        "group_code": "4" if rate == FULL_RATE else "6",
        "manufacturer": reader.get("NHA_SX") or "",
        "country": reader.get("NUOC_SX") or "",
        "supplier": reader.get("NHA_THAU") or "",
        "packaging": packaging,
        "processing_code": reader.get("PP_CHEBIEN") or "",
        "source": SOURCE,
    }


def own_code(ingredient_code: str, *identity: str) -> str:
    """A code that stays the same for the same product and bid, whatever the case, marks and spacing of the file."""
    digest = hashlib.sha256("|".join(fold(part) for part in identity).encode()).hexdigest()[:8]
    return f"{ingredient_code[:40]}-{digest}"


def unit_name(unit: str) -> str:
    """The unit with a capital (`viên` and `Viên` are one unit)."""
    return unit[:1].upper() + unit[1:]


def route_code(cell: Any) -> str:
    """A route code `d.dd`; a number cell gets its two decimals back (2.1 is 2.10)."""
    return f"{cell:.2f}" if isinstance(cell, float) else text(cell)


def quantity_rule(unit: str, route: str, strength: str, packaging: str) -> tuple[str, Decimal]:
    """How a prescription is counted, and the content of one unit in ml: a bottle to drink is dosed in ml and handed out
    whole, an ointment, drops or inhaler is one pack, all else is counted in units."""
    folded = fold(unit)
    oral, injected = route.startswith("1."), route.startswith("2.")
    if oral and _CONTAINER.match(folded):
        sizes = _VOLUME.findall(fold(f"{unit} {strength} ; {packaging}"))
        size = max((Decimal(size.replace(",", ".")) for size in sizes), default=Decimal(0))
        if size > 5 and not _SEVERAL.search(fold(packaging)):  # bottles sold by the box hold one dose: counted
            return QuantityRule.VOLUME.value, size
    if folded.startswith("tuyp") or not (oral or injected or route.startswith("4.")):
        return QuantityRule.PACK.value, Decimal(1)
    return QuantityRule.COUNT.value, Decimal(1)
