"""A frozen report made by hand, for tests that need no database."""

from typing import Any

from reports.definition import Form, load_form
from reports.period import Period
from reports.table import fingerprint

OCTOBER = Period.parse_month("2026-10")
FORM: Form = load_form("01BH", OCTOBER.start)
ROWS = [
    # name, card, section, type, admitted, hospital, insured, fund, co-payment, self-paid, other
    ('Nguyễn <Thị> Lan & "Út"', "GD4999912345678", "I", "01", "", "750800.50", "450800.50", "360640.40", "90160.10"),
    ("=1+1", "TE1999912345601", "I", "01", "", "39800.00", "39800.00", "39800.00", "0.00"),
    ("Đỗ Ngọc Ánh", "HT3999912345602", "II", "05", "", "150620.00", "150620.00", "150620.00", "0.00"),
    ("Trần Ửng", "DN4999912345603", "IV", "03", "202610060900", "1250000.30", "1250000.30", "1000000.24", "250000.06"),
]
SELF_PAID = ("300000.00", "0.00", "0.00", "0.00")


def report() -> dict[str, Any]:
    """Four visits in three sections, with parts of a đồng and hostile names."""
    rows, sections = [], []
    for n, ((name, card, section, kind, admitted, whole, base, fund, copay), own) in enumerate(
        zip(ROWS, SELF_PAID, strict=True), 1
    ):
        cells = [n, name, "195400000000", "2", card, "I10", "202610060800", admitted, "202610080923", n, kind]
        rows.append([*cells, whole, base, fund, copay, own, "0.00", "99002", 2026, 10])
        sections.append(section)
    facility = {
        "code": "99002",
        "name": "Bệnh viện Đa khoa Ví Dụ",
        "parent_name": "Sở Y tế tỉnh Ví Dụ",
        "address": "Số 1 đường Mẫu",
        "phone": "0900000002",
        "province_code": "99",
    }
    return {
        "form": FORM.code,
        "definition": FORM.version,
        "facility": facility,
        "period": {"start": "2026-10-01", "end": "2026-10-31", "label": OCTOBER.label()},
        "columns": list(FORM.tags),
        "rows": rows,
        "sections": sections,
        "refs": [f"99002.2610.{n:06d}" for n in range(1, 5)],
        "left_out": [],
    }


def empty_report() -> dict[str, Any]:
    """A month without visits."""
    return {**report(), "rows": [], "sections": [], "refs": []}


def digest(values: dict[str, Any]) -> str:
    """Its fingerprint."""
    return fingerprint(values)
