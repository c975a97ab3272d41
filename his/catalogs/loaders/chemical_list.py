"""The chemicals of a facility (hóa chất): for the laboratory and for disinfection, in đồng a unit.

No form of the insurance lists them, so the columns are our own, named like those of form 04/DM: MA_HOA_CHAT,
TEN_HOA_CHAT, DON_VI_TINH, DON_GIA and, when known, NONG_DO, SO_LUU_HANH, TT_THAU, HANG_SX, NUOC_SX, NHA_THAU, QUY_CACH.
"""

from typing import Any

from his.catalogs.item_models import Drug, ItemKind, QuantityRule
from his.catalogs.loaders.drug_list import unit_name
from his.catalogs.loaders.facility_list import plan_rows
from his.catalogs.loaders.plan import Plan, Request, RowReader
from his.catalogs.loaders.sheet import code, money
from his.core.text import fold

SOURCE = "Danh mục hóa chất"


def load(request: Request) -> Plan:
    """Plan the chemicals of one facility. Refuses without a facility."""
    columns = ("MA_HOA_CHAT", "TEN_HOA_CHAT", "DON_VI_TINH", "DON_GIA")
    plan, section = plan_rows(request, SOURCE, Drug, columns, _values)
    section.is_whole = lambda row: row.kind == ItemKind.CHEMICAL
    return plan


def _values(reader: RowReader) -> dict[str, Any]:
    own_code = reader.get("MA_HOA_CHAT", code, required=True) or ""
    name, strength = reader.get("TEN_HOA_CHAT", required=True) or "", reader.get("NONG_DO") or ""
    price = reader.get("DON_GIA", money, required=True)
    return {
        "kind": ItemKind.CHEMICAL.value,
        "code": own_code,
        "name": name,
        "strength": strength,
        "search_name": fold(f"{own_code} {name} {strength}"),
        "unit": unit_name(reader.get("DON_VI_TINH", required=True) or ""),
        "quantity_rule": QuantityRule.COUNT.value,
        "registration_no": (reader.get("SO_LUU_HANH") or "").replace(" ", ""),
        "bid_info": reader.get("TT_THAU") or "",
        "price": price,
        "insured_price": 0,
        "payment_rate": 0,
        "group_code": "",
        "manufacturer": reader.get("HANG_SX") or "",
        "country": reader.get("NUOC_SX") or "",
        "supplier": reader.get("NHA_THAU") or "",
        "packaging": reader.get("QUY_CACH") or "",
        "source": SOURCE,
    }
