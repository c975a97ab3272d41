"""Catalogues in memory for the tests of the rules: just what the sound claims and the examples name."""

from collections.abc import Mapping
from datetime import date


def _drugs() -> dict[str, dict[str, str]]:
    """Each drug by its ingredient, with its registration, and with its tender."""
    found = {}
    for number, code, name, price in ((1, "40.48", "Paracetamol", "1050.5"), (2, "40.155", "Cefuroxim", "12000")):
        cells = {"name": name, "strength": "500mg", "unit": "Viên", "route": "1.01", "price": price, "group": "4",
                 "rate": "100"}  # fmt: skip
        key = (code, f"VD-9900{number}-26", "17/QĐ-ZZ;G1;N2;2026")
        found |= {"|".join(key[:length]): cells for length in (1, 2, 3)}
    return found


def _service(name: str, group: str, price: str, unit: str = "Lần") -> dict[str, str]:
    return {"name": name, "group": group, "price": price, "highest_price": price, "insured_price": price, "unit": unit}


def _supplies() -> dict[str, dict[str, str]]:
    cells = {"name": "Kim luồn số 22", "unit": "Cái", "price": "4500.5", "group": "10"}
    return {"N99.01.010": cells, "N99.01.010|18/QĐ-ZZ;G1;N2;2026": cells}


ROWS: dict[str, dict[str, dict[str, str]]] = {
    "staff": {
        "000001/ZZ-GPHN": {"name": "Lê Thị Đầu"},
        "000017/ZZ-GPHN": {"name": "Lê Văn Ví"},
        "000018/ZZ-GPHN": {"name": "Phạm Văn Dụ"},
    },
    "icd10": {
        **{
            code: {"name": code}
            for code in ("A15.0", "A17.0", "C50.9", "E11.9", "G01*", "I10", "J06.9", "K35.8", "N41.0")
        },
        "C50.9": {"name": "U ác của vú", "mainly_female": "1"},
        "K35": {"name": "Viêm ruột thừa cấp", "has_more_specific": "1"},
        "N40": {"name": "Tăng sản tuyến tiền liệt", "only_sex": "1"},
        "N41.0": {"name": "Viêm tuyến tiền liệt cấp", "mainly_male": "1"},
        "O80.0": {"name": "Đẻ thường", "only_sex": "2"},
        "R10.3": {"name": "Đau khu trú bụng dưới", "discouraged_as_main": "1"},
        "R53": {"name": "Mệt mỏi"},
        "R96.0": {"name": "Chết tức thì", "cause_of_death_only": "1"},
        "Y83.1": {"name": "Phẫu thuật cấy ghép", "not_as_main": "1"},
    },
    "icd9": {"47.01": {"name": "Cắt ruột thừa nội soi"}, "47.09": {"name": "Cắt ruột thừa"}},
    "traditional_icd": {"U50.011": {"name": "Trường ung"}},
    "facilities": {"99001": {"name": "Trung tâm Y tế Ví Dụ"}, "99002": {"name": "Bệnh viện Thử"}},
    "provinces": {"98": {"name": "Thử"}, "99": {"name": "Ví Dụ"}},
    "communes": {"99001": {"name": "Thử", "parent": "99"}},
    "drugs": _drugs(),
    "services": {
        "03.18": _service("Khám ngoại", "13", "50600"),
        "02.1896": _service("Khám nội", "13", "36500"),
        "22.0120.1370": _service("Tổng phân tích tế bào máu", "1", "49700") | {"device": "HH.1.99001.A001"},
        "24.0003.1715": _service("Vi khuẩn nuôi cấy và định danh", "1", "49700"),
        "03.3328.0459": _service("Phẫu thuật cắt ruột thừa", "8", "2815900"),
        "K03.1917": _service("Giường ngoại khoa", "15", "257100", "Ngày"),
    },
    "supplies": _supplies(),
    "devices": {"HH.1.99001.A001": {"name": "Máy huyết học"}},
    "device_services": {"22.0120.1370": {"name": "Tổng phân tích tế bào máu"}},
    "long_prescriptions": {"I10": {"name": "Tăng huyết áp"}},
    "drug_interactions": {"40.2|40.48": {"mechanism": "kéo dài QT", "management": "đổi thuốc"}},
    "drug_indications": {"40.3": {"include_icd": "G30;F00", "law": "CV 266 TH08"}},
}


class MemoryCatalogs:
    """Catalogues as dictionaries; `without` names those that are empty."""

    def __init__(self, *without: str) -> None:
        self.without = without

    def has(self, name: str) -> bool:
        return name in ROWS and name not in self.without

    def find(self, name: str, code: str, on: date | None) -> Mapping[str, str] | None:
        return ROWS[name].get(code)
