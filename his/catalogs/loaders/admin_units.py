"""Administrative units: three levels to 30/06/2025, two levels from 01/07/2025."""

from datetime import date
from typing import Any

from his.catalogs.loaders.plan import Plan, Record, Request, RowReader, Section, workbook_of
from his.catalogs.loaders.sheet import code
from his.catalogs.models import AdministrativeUnit
from his.core.text import fold, nfc

OLD_SOURCE = "Danh mục đơn vị hành chính trước 01/07/2025"
NEW_SOURCE = "Đơn vị hành chính hai cấp từ 01/07/2025"
OLD_EFFECTIVE = date(2004, 1, 1)
OLD_LAST_DAY = date(2025, 6, 30)
NEW_EFFECTIVE = date(2025, 7, 1)
PROVINCE, DISTRICT, COMMUNE = (level.value for level in AdministrativeUnit.Level)


def load_old(request: Request) -> Plan:
    """Plan provinces, districts and communes of the old workbook; all end on 30/06/2025."""
    table = workbook_of(request).table("tentinh", "matinh", "tenhuyen", "mahuyen", "tenxa", "maxa")
    plan = Plan(OLD_SOURCE)
    section = plan.section(AdministrativeUnit, "level", "code", repeats_are_errors=False)
    starts = request.effective_on or OLD_EFFECTIVE
    seen: set[tuple[str, str]] = set()
    for row, cells in table:
        plan.read += 1
        reader = RowReader(plan, row, cells)
        province = (reader.get("matinh", code, required=True), reader.get("tentinh", required=True))
        district = (reader.get("mahuyen", code, required=True), reader.get("tenhuyen", required=True))
        commune = (reader.get("maxa", code), reader.get("tenxa"))
        if commune[0] and not commune[1]:
            reader.fail("tenxa", "required", "Thiếu tên xã", commune[0])
        if not reader.ok:
            continue
        _once(section, seen, row, PROVINCE, province, "", starts)
        _once(section, seen, row, DISTRICT, district, province[0], starts)
        if commune[0]:  # island districts have no commune
            _once(section, seen, row, COMMUNE, commune, district[0], starts, may_repeat=True)
    return plan


def load_new(request: Request) -> Plan:
    """Plan the 34 provinces and their communes from the package that carries the official list; no file is needed."""
    from vietnam_provinces import Province, Ward

    plan = Plan(NEW_SOURCE)
    section = plan.section(AdministrativeUnit, "level", "code")
    starts = request.effective_on or NEW_EFFECTIVE
    for province in Province.iter_all():
        name = province.name if province.name.startswith("Thành phố") else f"Tỉnh {province.name}"
        section.records.append(_unit(0, PROVINCE, (f"{province.code.value:02d}", name), "", starts, NEW_SOURCE))
    for ward in Ward.iter_all():
        parent = f"{ward.province_code.value:02d}"
        section.records.append(_unit(0, COMMUNE, (f"{ward.code.value:05d}", ward.name), parent, starts, NEW_SOURCE))
    plan.read = len(section.records)
    return plan


def _once(
    section: Section,
    seen: set[tuple[str, str]],
    row: int,
    level: str,
    unit: tuple[str, str],
    parent: str,
    starts: date,
    *,
    may_repeat: bool = False,
) -> None:
    """Take provinces and districts once, though every row of their communes repeats them; report repeated communes."""
    if may_repeat or (level, unit[0]) not in seen:
        seen.add((level, unit[0]))
        section.records.append(_unit(row, level, unit, parent, starts, OLD_SOURCE, OLD_LAST_DAY))


def _unit(
    row: int, level: str, unit: tuple[str, str], parent: str, starts: date, source: str, ends: date | None = None
) -> Record:
    name = nfc(unit[1])
    values: dict[str, Any] = {
        "level": level,
        "code": unit[0],
        "name": name,
        "search_name": fold(name),
        "parent_code": parent,
        "source": source,
    }
    return Record(row, values, starts, ends)
