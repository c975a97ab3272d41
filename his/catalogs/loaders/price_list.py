"""The price list of a facility (form 05/DM): which services it offers and at which price, in đồng a unit.

A column GIA_YEU_CAU, which the form does not have, gives the on-demand price; without one, or empty, there is none.
The first day of a price is the row's TU_NGAY; where the row has none, the day the import asks for. `open_ended`
ignores DEN_NGAY, for a list whose successor is not published yet.
"""

from collections.abc import Mapping
from typing import Any

from his.accounts.models import Facility
from his.catalogs.cost_groups import class_of, cost_group
from his.catalogs.loaders.plan import Plan, Record, Request, RowReader, workbook_of
from his.catalogs.loaders.sheet import code, day, money, optional_money
from his.catalogs.models import PricedService, TechnicalService
from his.catalogs.search_words import search_key
from his.core.errors import Refusal
from his.core.text import fold

SOURCE = "Mẫu 05/DM"


def load(request: Request) -> Plan:
    """Plan the prices of one facility. Refuses without a facility."""
    facility = facility_of(request)
    table = workbook_of(request).table("MA_DICH_VU", "TEN_DICH_VU", "DON_GIA", "GIA_TT_BHYT")
    plan = Plan(SOURCE)
    section = plan.section(PricedService, "code", facility=facility)
    national = {
        service: (line, kind)
        for service, line, kind in TechnicalService.objects.values_list("code", "technical_line", "procedure_class")
    }
    for row, cells in table:
        plan.read += 1
        reader = RowReader(plan, row, cells)
        values = _values(reader, national)
        starts, ends = period(reader, request)
        own_rows_only(reader, facility)
        if not reader.ok:
            continue
        if not values["group_code"]:
            plan.warn(row, "MA_NHOM", "unknown_group", "Không suy ra được nhóm chi phí của dịch vụ", values["code"])
        section.records.append(Record(row, values, starts, ends))
    return plan


def facility_of(request: Request) -> Facility:
    """The facility the list belongs to; refuses when none was named."""
    if request.facility is None:
        raise Refusal("no_facility", "Danh mục này thuộc về một cơ sở: hãy chọn cơ sở (--facility)", field="facility")
    return request.facility


def period(reader: RowReader, request: Request) -> tuple[Any, Any]:
    """First and last day of the row; spoils the row when there is no first day or the period is upside down."""
    starts = reader.get("TU_NGAY", day) or request.effective_on
    ends = None if request.open_ended else reader.get("DEN_NGAY", day)
    if starts is None:
        reader.fail("TU_NGAY", "no_start", "Dòng không có ngày bắt đầu; điền TU_NGAY hoặc dùng --effective")
    elif ends and ends < starts:
        reader.fail("DEN_NGAY", "bad_period", "DEN_NGAY trước ngày bắt đầu", ends.isoformat())
    return starts, ends


def own_rows_only(reader: RowReader, facility: Facility) -> None:
    """Spoil a row that names another facility."""
    owner = reader.get("MA_CSKCB", code)
    if owner and owner != facility.code:
        reader.fail("MA_CSKCB", "other_facility", f"Dòng thuộc cơ sở khác, không phải {facility.code}", owner)


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
    return {
        "code": service,
        "name": name,
        "search_name": search_key("service", service, name),
        "price_name": reader.get("TEN_DVKT_GIA") or name,
        "group_code": cost_group(service, name, procedure_class),
        "unit": "Ngày" if fold(name).startswith("giuong") else "Lần",
        "price": price,
        "insured_price": insured_price,
        "on_demand_price": on_demand_price,
        "technical_line": line,
        "procedure_class": procedure_class,
        "decision": (reader.get("QUYET_DINH") or "")[:255],
        "source": SOURCE,
    }
