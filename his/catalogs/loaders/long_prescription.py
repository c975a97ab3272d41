"""Diseases that may be prescribed for more than 30 days (TT 26/2025/TT-BYT annex VII)."""

from datetime import date

from his.catalogs.loaders.plan import Plan, Record, Request, RowReader, workbook_of
from his.catalogs.models import LongPrescriptionDisease

SOURCE = "TT 26/2025/TT-BYT"
EFFECTIVE = date(2025, 7, 1)


def load(request: Request) -> Plan:
    """Plan the diseases of the annex. A disease without a code is kept, with a warning: no diagnosis will match it."""
    table = workbook_of(request).table("item", "disease_vi", "icd10_expression")
    plan = Plan(SOURCE)
    section = plan.section(LongPrescriptionDisease, "item")
    for row, cells in table:
        plan.read += 1
        reader = RowReader(plan, row, cells)
        item, name = reader.get("item", required=True), reader.get("disease_vi", required=True)
        expression = reader.get("icd10_expression")
        if not reader.ok:
            continue
        if not expression:
            plan.warn(row, "icd10_expression", "no_code", "Bệnh không kèm mã ICD-10 trong phụ lục", name)
        values = {"item": item, "name": name, "icd_expression": expression, "source": SOURCE}
        section.records.append(Record(row, values, request.effective_on or EFFECTIVE))
    return plan
