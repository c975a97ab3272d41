"""The medical supplies of a facility (form 04/DM): groups, bids, prices and what the fund pays, in đồng a unit.

`insured_price` is DON_GIA_BH, the ceiling of the fund; without one the price. The form does not say with which services
a supply is used: the facility writes that itself.
"""

from typing import Any

from his.catalogs.item_models import Drug, ItemKind, QuantityRule
from his.catalogs.loaders.drug_list import (
    FULL_RATE,
    bid_values,
    insured_price,
    own_code,
    payment_rate,
    unit_name,
)
from his.catalogs.loaders.facility_list import plan_rows
from his.catalogs.loaders.plan import Plan, Request, RowReader
from his.catalogs.loaders.sheet import code, money, optional_money
from his.core.text import fold

SOURCE = "Mẫu 04/DM"
PAID, PAID_AT_A_RATE = "10", "11"
_SEARCHED = 2200


def load(request: Request) -> Plan:
    """Plan the supplies of one facility. Refuses without a facility."""
    columns = ("MA_VAT_TU", "TEN_VAT_TU", "DON_VI_TINH", "DON_GIA")
    plan, section = plan_rows(request, SOURCE, Drug, columns, _values)
    section.is_whole = lambda row: row.kind == ItemKind.SUPPLY
    return plan


def _values(reader: RowReader) -> dict[str, Any]:
    supply_code = reader.get("MA_VAT_TU", code, required=True) or ""
    name = reader.get("TEN_VAT_TU", required=True) or ""
    unit = unit_name(reader.get("DON_VI_TINH", required=True) or "")
    group, model = reader.get("NHOM_VAT_TU") or "", reader.get("MA_HIEU") or ""
    registration, bid = reader.get("SO_LUU_HANH") or "", reader.get("TT_THAU") or ""
    price, rate = reader.get("DON_GIA", money), payment_rate(reader)
    ceiling = insured_price(reader, price)
    if price is not None and ceiling is not None and ceiling > price:
        reader.warn("DON_GIA_BH", "above_price", "Giá BHYT cao hơn DON_GIA: quỹ chỉ trả theo DON_GIA", ceiling)
    return {
        "kind": ItemKind.SUPPLY.value,
        "code": own_code(supply_code, registration, name, model, unit, bid, reader.get("MA_CSKCB_TBYT") or ""),
        "ingredient_code": supply_code,
        "name": name,
        "search_name": fold(f"{name} {model} {group} {supply_code}")[:_SEARCHED],
        "unit": unit,
        "quantity_rule": QuantityRule.COUNT.value,
        "supply_group": group,
        "model_code": model,
        "features": reader.get("TINHNANG_KT") or "",
        "registration_no": registration.replace(" ", ""),
        "bid_info": bid,
        **bid_values(reader),
        "price": price,
        "insured_price": ceiling,
        "payment_rate": rate,
        "group_code": PAID if rate == FULL_RATE else PAID_AT_A_RATE,
        "use_norm": reader.get("DINH_MUC", optional_money),
        "manufacturer": reader.get("HANG_SX") or "",
        "country": reader.get("NUOC_SX") or "",
        "supplier": reader.get("NHA_THAU") or "",
        "packaging": reader.get("QUY_CACH") or "",
        "source": SOURCE,
    }
