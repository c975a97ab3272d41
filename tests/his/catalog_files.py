"""Small invented files in the shapes of the official ones, made by the tests themselves."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook

PRICE_COLUMNS = ["STT", "MA_DICH_VU", "TEN_DICH_VU", "DON_GIA", "GIA_TT_BHYT", "TU_NGAY", "DEN_NGAY", "MA_CSKCB"]
PRICE_COLUMNS += ["PHAN_LOAI_PTTT", "MA_NHOM", "QUYET_DINH"]
DRUG_COLUMNS = ["STT", "MA_THUOC", "TEN_HOAT_CHAT", "TEN_THUOC", "DON_VI_TINH", "HAM_LUONG", "DUONG_DUNG"]
DRUG_COLUMNS += ["MA_DUONG_DUNG", "DANG_BAO_CHE", "SO_DANG_KY", "QUY_CACH", "DON_GIA", "GIA_BH_TT", "TT_THAU"]
DRUG_COLUMNS += ["TYLE_TT_BH", "TU_NGAY", "DEN_NGAY", "MA_CSKCB"]
ICD_COLUMNS = ["MÃ CHƯƠNG", "TÊN CHƯƠNG", "MÃ NHÓM CHÍNH", "TÊN NHÓM CHÍNH", "MÃ BỆNH", "DISEASE NAME", "TÊN BỆNH"]


def write_csv(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return path


def write_xlsx(path: Path, sheets: dict[str, Sequence[Sequence[Any]]]) -> Path:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def price_row(
    code: Any = "22.0121.1369",
    name: Any = "Tổng phân tích tế bào máu ngoại vi",
    price: Any = 49700,
    *,
    start: Any = "20260101",
    end: Any = "20260630",
    owner: str = "",
    kind: Any = "",
) -> list[Any]:
    return [1, code, name, price, price, start, end, owner, kind, "", "20241219_277"]


def price_list(path: Path, *rows: Sequence[Any]) -> Path:
    return write_xlsx(path, {"MAU_05_DM": [PRICE_COLUMNS, *rows]})


def drug_row(
    name: str = "Thuốc Thử 500", strength: str = "500mg", unit: str = "viên", route: Any = "1.01", **more: Any
) -> list[Any]:
    cells = {
        "MA_THUOC": "40.48",
        "TEN_HOAT_CHAT": "Paracetamol",
        "TEN_THUOC": name,
        "DON_VI_TINH": unit,
        "HAM_LUONG": strength,
        "DUONG_DUNG": "Uống",
        "MA_DUONG_DUNG": route,
        "SO_DANG_KY": "VD-99001-26",
        "QUY_CACH": "Hộp 10 vỉ x 10 viên",
        "DON_GIA": 180,
        "GIA_BH_TT": 180,
        "TT_THAU": "99/QĐ-SYT;G1;N4;2026",
        **more,
    }
    return [cells.get(column, "") for column in DRUG_COLUMNS]


def drug_list(path: Path, *rows: Sequence[Any]) -> Path:
    return write_xlsx(path, {"MAU_03_DM": [DRUG_COLUMNS, *rows]})


def icd_row(code: str, name: str) -> list[str]:
    return ["J00-J99", "Bệnh hệ hô hấp", "J00-J06", "Nhiễm trùng cấp", code, f"English of {code}", name]


def annex(title: str, *codes: str) -> list[list[str]]:
    return [[title], ["(Ban hành kèm theo)"], ["Mã", "Tên bệnh"], *[[code, "=VLOOKUP(A1)"] for code in codes]]


def icd_workbook(path: Path, *rows: Sequence[Any]) -> Path:
    """A main list with the annexes; annex names are formulas without a value, as in copies in circulation."""
    heading = ["Phụ lục 1: Danh mục mã bệnh"]
    pairs = [["Phụ lục A1: Các Mã bệnh kép"], [""], ["Dagger (†)", "Tên", "Asterix (*)", "Tên", "PDx", "Tên"]]
    return write_xlsx(
        path,
        {
            "ICD10": [heading, [""], ICD_COLUMNS, *rows],
            "A1": [*pairs, ["A170", "", "G01", "", "G01", ""]],
            "A2": annex("Phụ lục A2: Các mã bệnh không sử dụng là bệnh chính", "G01", "Z340"),
            "A3.1": annex("Phụ lục A3.1 Bệnh trẻ sơ sinh ( phù hợp tuổi : 0 - 365 ngày )", "P599"),
            "A3.7 - A3.8": [
                *annex("Phụ lục A3.7 Bệnh của tuổi dậy thì (tuổi hợp lệ : 8 – 19 tuổi)", "Z003"),
                *annex("Phụ lục A3.8 Bệnh sản phụ khoa (tuổi hợp lệ : 9 – 60 tuổi)", "Z340"),
            ],
            "A3.9": annex("Phụ lục A3.9 Bệnh của người trưởng thành (tuổi hợp lệ: trên 15 tuổi)", "Z340"),
            "A4.1": annex("Phụ lục A4.1 Bệnh chỉ có ở giới Nữ", "Z340"),
            "A4.2": annex("Phụ lục A4.2 Bệnh chỉ có ở giới Nam", "N40"),
        },
    )
