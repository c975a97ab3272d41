"""ICD-9-CM codes of services (QĐ 4440/QĐ-BYT 2020), for MA_PTTT_QT of claims.

The published workbook holds the ICD-9-CM code as a number, so a last zero is lost (`93.90` reads `93.9`): such codes
are kept as read and reported once with their count.
"""

import re
from datetime import date
from typing import Any

from his.catalogs.loaders.plan import Plan, Record, Request, RowReader, workbook_of
from his.catalogs.loaders.sheet import CellError, code, text
from his.catalogs.models import ProcedureCode

SOURCE = "QĐ 4440/QĐ-BYT 2020"
EFFECTIVE = date(2020, 10, 27)
_SHAPE = re.compile(r"^\d{2}(\.\d{1,2})?$")


def load(request: Request) -> Plan:
    """Plan the mapping of services to ICD-9-CM."""
    table = workbook_of(request).table("matuongduong", "maicd9", "tenicd9")
    plan = Plan(SOURCE)
    starts = request.effective_on or EFFECTIVE
    section = plan.section(ProcedureCode, "service_code", "icd9_code", repeats_are_errors=False)
    short = 0
    for row, cells in table:
        plan.read += 1
        reader = RowReader(plan, row, cells)
        service = reader.get("matuongduong", code, required=True)
        icd9 = reader.get("maicd9", icd9_code, required=True)
        if not reader.ok:
            continue
        short += isinstance(cells["maicd9"], float) and len(icd9) == 4
        values = {"service_code": service, "icd9_code": icd9, "icd9_name": reader.get("tenicd9"), "source": SOURCE}
        section.records.append(Record(row, values, starts))
    if short:
        plan.warn(
            0,
            "maicd9",
            "short_codes",
            f"{short} mã ICD-9-CM dạng số chỉ có một chữ số thập phân, có thể đã mất số 0 cuối",
        )
    return plan


def icd9_code(cell: Any) -> str:
    """The code with its two-digit category (`4.51` -> `04.51`)."""
    raw = text(cell)
    whole, _dot, rest = raw.partition(".")
    found = f"{whole:0>2}.{rest}" if rest else f"{whole:0>2}"
    if raw and not _SHAPE.match(found):
        raise CellError("bad_code", "Mã ICD-9-CM không đúng dạng")
    return found if raw else ""
