"""Use flags per ICD-10 code under TT 06/2026/TT-BYT (annex columns 24 to 29), for visits that end from 01/07/2026.

The circular replaces the flags of every code, so a code that it does not list loses the flags that an older list
gave it. It gives no names here: a code that the catalogue does not know yet is reported and left out.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from his.catalogs.loaders.icd10 import ICD_CODE, dotted
from his.catalogs.loaders.plan import Plan, Record, Request, RowReader, workbook_of
from his.catalogs.loaders.sheet import code, flag
from his.catalogs.models import Diagnosis
from his.core.errors import Refusal

SOURCE = "TT 06/2026/TT-BYT"
EFFECTIVE = date(2026, 7, 1)

FLAGS = {
    "not_as_main": "not_as_main",
    "discouraged_as_main": "discouraged_as_main",
    "has_more_specific_code": "has_more_specific",
    "mainly_female": "mainly_female",
    "mainly_male": "mainly_male",
    "cause_of_death_only": "cause_of_death_only",
}


def load(request: Request) -> Plan:
    """Plan new versions of the diagnoses in force, with the flags of the file. Refuses when no diagnoses are loaded."""
    table = workbook_of(request).table("code", *FLAGS)
    plan = Plan(SOURCE)
    starts = request.effective_on or EFFECTIVE
    listed = _listed(table, plan)
    current = list(Diagnosis.objects.on(starts))
    if not current:
        raise Refusal("no_diagnoses", "Chưa có danh mục ICD-10; hãy nhập danh mục bệnh trước", field="path")
    section = plan.section(Diagnosis, "code")
    names = [f.name for f in Diagnosis._meta.concrete_fields if f.name not in {"id", "valid_from", "valid_to"}]
    nothing = dict.fromkeys(FLAGS.values(), False)
    for diagnosis in current:
        row, flags = listed.pop(diagnosis.code, (0, nothing))
        values = {**{name: getattr(diagnosis, name) for name in names}, **flags}
        section.records.append(Record(row, values, starts, None))
    for icd, (row, _flags) in listed.items():
        plan.warn(row, "code", "unknown_code", "Mã chưa có tên trong danh mục ICD-10, bỏ qua", icd)
    return plan


def _listed(table: Any, plan: Plan) -> dict[str, tuple[int, Mapping[str, bool]]]:
    listed: dict[str, tuple[int, Mapping[str, bool]]] = {}
    for row, cells in table:
        plan.read += 1
        reader = RowReader(plan, row, cells)
        icd = dotted(reader.get("code", code, required=True) or "")
        flags = {ours: reader.get(theirs, flag) for theirs, ours in FLAGS.items()}
        if icd and not ICD_CODE.match(icd) and not ICD_CODE.match(icd[:6]):
            reader.fail("code", "bad_code", "Mã bệnh không đúng dạng ICD-10", icd)
        if not reader.ok:
            continue
        if icd in listed:
            plan.warn(row, "code", "duplicate_row", "Mã lặp lại, dùng dòng đầu", icd)
            continue
        listed[icd] = (row, flags)
    return listed
