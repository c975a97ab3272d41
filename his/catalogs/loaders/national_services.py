"""Technical services of the national list (QĐ 7603/QĐ-BYT 2018 annex 1): code, name, line, class, price name."""

import re
from datetime import date

from his.catalogs.loaders.plan import Plan, Record, Request, RowReader, workbook_of
from his.catalogs.loaders.sheet import code, money
from his.catalogs.models import TechnicalService
from his.catalogs.search_words import search_key

SOURCE = "QĐ 7603/QĐ-BYT 2018"
EFFECTIVE = date(2018, 12, 25)
SERVICE_CODE = re.compile(r"^\d{2}\.\d{3,4}[a-z]?\.\d{4}$")  # two official codes have a letter, as in 27.205b.0463


def load(request: Request) -> Plan:
    """Plan the national services of the file."""
    table = workbook_of(request).table("code", "name_vi", "technical_line", "procedure_class")
    plan = Plan(SOURCE)
    starts = request.effective_on or EFFECTIVE
    section = plan.section(TechnicalService, "code")
    for row, cells in table:
        plan.read += 1
        reader = RowReader(plan, row, cells)
        service = reader.get("code", code, required=True)
        name = reader.get("name_vi", required=True)
        price = reader.get("price_tt39", money) if cells.get("price_tt39") not in (None, "") else None
        if service and not SERVICE_CODE.match(service):
            reader.fail("code", "bad_code", "Mã dịch vụ không đúng dạng CC.KKKK.GGGG", service)
        if not reader.ok:
            continue
        values = {
            "code": service,
            "name": name,
            "search_name": search_key("service", service, name),
            "technical_line": reader.get("technical_line"),
            "procedure_class": reader.get("procedure_class"),
            "price_name": reader.get("price_name_tt39"),
            "reference_price": price,
            "chapter": reader.get("chapter"),
            "source": SOURCE,
        }
        section.records.append(Record(row, values, starts))
    return plan
