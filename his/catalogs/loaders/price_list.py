"""The price list of a facility (form 05/DM): which services it offers and at which price, in đồng a unit.

A column GIA_YEU_CAU, which the form does not have, gives the on-demand price; without one, or empty, there is none.
The first day of a price is the row's TU_NGAY; where the row has none, the day the import asks for. `open_ended`
ignores DEN_NGAY, for a list whose successor is not published yet.
"""

from collections.abc import Mapping
from typing import Any

from his.catalogs.cost_groups import class_of, cost_group
from his.catalogs.loaders.facility_list import plan_rows
from his.catalogs.loaders.plan import Plan, Request, RowReader
from his.catalogs.loaders.sheet import code, money, optional_money
from his.catalogs.models import PricedService, TechnicalService
from his.catalogs.search_words import search_key
from his.core.text import fold

SOURCE = "Mẫu 05/DM"


def load(request: Request) -> Plan:
    """Plan the prices of one facility. Refuses without a facility."""
    national = {
        service: (line, kind)
        for service, line, kind in TechnicalService.objects.values_list("code", "technical_line", "procedure_class")
    }
    columns = ("MA_DICH_VU", "TEN_DICH_VU", "DON_GIA", "GIA_TT_BHYT")
    plan, _section = plan_rows(request, SOURCE, PricedService, columns, lambda reader: _values(reader, national))
    return plan


def _values(reader: RowReader, national: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    service = reader.get("MA_DICH_VU", code, required=True) or ""
    name = reader.get("TEN_DICH_VU", required=True) or ""
    line, national_class = national.get(service.split("_")[0], ("", ""))
    procedure_class = class_of(reader.get("PHAN_LOAI_PTTT", code) or "") or national_class
    price, insured_price = reader.get("DON_GIA", money), reader.get("GIA_TT_BHYT", money)
    on_demand_price = reader.get("GIA_YEU_CAU", optional_money)
    if on_demand_price is not None and price is not None and on_demand_price < price:
        reader.fail("GIA_YEU_CAU", "below_price", "Giá theo yêu cầu thấp hơn DON_GIA", on_demand_price)
    if price is not None and insured_price is not None and insured_price > price:
        reader.warn("GIA_TT_BHYT", "above_price", "Giá BHYT cao hơn DON_GIA: quỹ chỉ trả theo DON_GIA", insured_price)
    group = cost_group(service, name, procedure_class)
    if reader.ok and not group:
        reader.warn("MA_NHOM", "unknown_group", "Không suy ra được nhóm chi phí của dịch vụ", service)
    return {
        "code": service,
        "name": name,
        "search_name": search_key("service", service, name),
        "price_name": reader.get("TEN_DVKT_GIA") or name,
        "group_code": group,
        "unit": "Ngày" if fold(name).startswith("giuong") else "Lần",
        "price": price,
        "insured_price": insured_price,
        "on_demand_price": on_demand_price,
        "technical_line": line,
        "procedure_class": procedure_class,
        "decision": (reader.get("QUYET_DINH") or "")[:255],
        "source": SOURCE,
    }
