"""How findings are said to people: the severities in Vietnamese, and where a finding lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from insurance.rules.engine import Severity
from patients.notices import Severity as DeskSeverity

SEVERITY_VI: Mapping[str, str] = {severity: DeskSeverity(severity).word for severity in Severity}
"""What happens to a claim with such a finding: the portal refuses it, somebody will ask, or it is good to know."""

SEVERITY_BADGE: Mapping[str, str] = {severity: DeskSeverity(severity).badge for severity in Severity}
"""The look of the badge that carries the word."""

WEIGHT: Mapping[str, int] = {severity: place for place, severity in enumerate(SEVERITY_VI)}
"""For sorting: the worst first."""

CATALOGS_VI: Mapping[str, str] = {
    "icd10": "danh mục bệnh ICD-10",
    "icd10_pairs": "cặp mã dao găm và hoa thị của ICD-10",
    "icd9": "danh mục phẫu thuật thủ thuật ICD-9-CM",
    "icd9_of_service": "bảng nối dịch vụ với ICD-9-CM",
    "national_services": "danh mục dịch vụ kỹ thuật quốc gia",
    "provinces": "danh mục tỉnh",
    "districts": "danh mục huyện",
    "communes": "danh mục xã",
    "staff": "danh sách nhân viên của cơ sở",
    "departments": "danh sách khoa phòng của cơ sở",
    "services": "bảng giá dịch vụ của cơ sở (05/DM)",
    "drugs": "danh mục thuốc của cơ sở (03/DM)",
    "traditional_icd": "danh mục bệnh y học cổ truyền",
    "facilities": "danh mục cơ sở khám chữa bệnh toàn quốc",
    "devices": "danh mục thiết bị của cơ sở",
    "device_services": "danh mục dịch vụ phải có mã máy",
    "supplies": "danh mục vật tư y tế của cơ sở",
    "long_prescriptions": "danh mục bệnh được kê đơn trên 30 ngày (TT 26/2025)",
    "drug_interactions": "danh mục tương tác thuốc",
    "drug_indications": "danh mục chỉ định của thuốc",
}
"""The catalogues that rules may lack, as people call them."""


def catalog_vi(name: str) -> str:
    """A catalogue as people call it; its own name when nobody gave it another."""
    return CATALOGS_VI.get(name, name)


def lacking_vi(cannot_run: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Rules that could not be asked, given as (catalogue, what the rule is called), by catalogue as people call it."""
    groups: dict[str, list[str]] = {}
    for need, called in cannot_run:
        groups.setdefault(catalog_vi(need), []).append(called)
    return sorted(groups.items())


def place_vi(table: str, row: int | None, field: str) -> str:
    """`XML2 dòng 3, MA_THUOC`, as much of it as there is."""
    line = f"{table} dòng {row}" if row else table
    return ", ".join(filter(None, [line, field]))
