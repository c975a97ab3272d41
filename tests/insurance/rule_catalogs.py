"""Catalogues in memory for the tests of the rules: just what the sound claims and the examples name."""

from collections.abc import Mapping
from datetime import date

ROWS: dict[str, dict[str, dict[str, str]]] = {
    "staff": {
        "000001/ZZ-GPHN": {"name": "Lê Thị Đầu"},
        "000017/ZZ-GPHN": {"name": "Lê Văn Ví"},
        "000018/ZZ-GPHN": {"name": "Phạm Văn Dụ"},
    },
    "icd10": {code: {"name": code} for code in ("A15.0", "E11.9", "I10", "J06.9", "K35.8")},
    "facilities": {"99001": {"name": "Trung tâm Y tế Ví Dụ"}, "99002": {"name": "Bệnh viện Thử"}},
}


class MemoryCatalogs:
    """Catalogues as dictionaries; `without` names those that are empty."""

    def __init__(self, *without: str) -> None:
        self.without = without

    def has(self, name: str) -> bool:
        return name in ROWS and name not in self.without

    def find(self, name: str, code: str, on: date | None) -> Mapping[str, str] | None:
        return ROWS[name].get(code)
