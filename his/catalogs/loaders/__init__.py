"""One module per kind of catalogue file; each turns a file into a `Plan` and writes nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from his.catalogs.loaders import (
    admin_units,
    chemical_list,
    codelist,
    drug_list,
    icd9cm,
    icd10,
    icd10_flags,
    long_prescription,
    national_services,
    price_list,
    starter,
    supply_list,
)
from his.catalogs.loaders.plan import Plan, Request


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of import. `needs_file` and `per_facility` say what the command must be given."""

    load: Callable[[Request], Plan]
    title_vi: str
    needs_file: bool = True
    per_facility: bool = False


KINDS: dict[str, Kind] = {
    "icd10": Kind(icd10.load, "ICD-10 (QĐ 4469/2020, bảng tính có các phụ lục)"),
    "icd10_flags": Kind(icd10_flags.load, "Quy tắc dùng mã ICD-10 (TT 06/2026)"),
    "services": Kind(national_services.load, "Dịch vụ kỹ thuật quốc gia (QĐ 7603)"),
    "icd9cm": Kind(icd9cm.load, "Mã ICD-9-CM của dịch vụ (QĐ 4440/2020)"),
    "price_list": Kind(price_list.load, "Bảng giá dịch vụ của cơ sở (mẫu 05/DM)", per_facility=True),
    "drug_list": Kind(drug_list.load, "Danh mục thuốc của cơ sở (mẫu 03/DM)", per_facility=True),
    "supply_list": Kind(supply_list.load, "Danh mục vật tư y tế của cơ sở (mẫu 04/DM)", per_facility=True),
    "chemical_list": Kind(chemical_list.load, "Danh mục hóa chất của cơ sở", per_facility=True),
    "admin_units_old": Kind(admin_units.load_old, "Đơn vị hành chính trước 01/07/2025"),
    "admin_units_new": Kind(admin_units.load_new, "Đơn vị hành chính từ 01/07/2025", needs_file=False),
    "long_prescription": Kind(long_prescription.load, "Bệnh kê đơn trên 30 ngày (TT 26/2025)"),
    "codelist": Kind(codelist.load, "Bộ mã dùng chung (một tệp, hoặc cả thư mục)"),
    "starter": Kind(starter.load, "Danh mục khởi đầu của dự án", needs_file=False),
}
