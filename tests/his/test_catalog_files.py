"""Reading real-world files: numbers typed as text, codes turned into numbers, old fonts, damaged files."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from his.catalogs.cost_groups import class_of, cost_group
from his.catalogs.loaders.drug_list import own_code, quantity_rule, route_code
from his.catalogs.loaders.icd10 import age_range, dotted
from his.catalogs.loaders.sheet import CellError, code, day, flag, legacy_font, money, open_workbook
from his.core.errors import Refusal


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        (39800.0, "39800"),
        ("39800", "39800"),
        ("1,363,000", "1363000"),
        ("1.363.000", "1363000"),
        ("1,363,000.50", "1363000.5"),
        ("1.363.000,5", "1363000.5"),
        ("39800.5", "39800.5"),
        ("1 363 000 đ", "1363000"),
        (0, "0"),
    ],
)
def test_prices_are_read_as_people_type_them(cell: object, amount: str) -> None:
    assert money(cell) == Decimal(amount)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("39.800", "ambiguous_number"),
        ("1,363", "ambiguous_number"),
        ("", "required"),
        ("miễn phí", "not_a_number"),
        (-1, "not_a_number"),
        ("NaN", "not_a_number"),
    ],
)
def test_a_price_that_can_be_misread_is_refused(cell: object, reason: str) -> None:
    with pytest.raises(CellError) as refused:
        money(cell)
    assert refused.value.code == reason


def test_codes_keep_their_zeros_or_are_refused() -> None:
    assert code(" 02.1896 ") == "02.1896"
    assert code(99001.0) == "99001"
    with pytest.raises(CellError, match="mất số 0"):
        code(2.1)
    assert route_code(2.1) == "2.10"
    assert route_code("1.01") == "1.01"


def test_dates_and_flags() -> None:
    assert day(20260101.0) == day("2026-01-01") == day("01/01/2026") == day(datetime(2026, 1, 1)) == date(2026, 1, 1)
    assert day("") is None
    with pytest.raises(CellError):
        day("20261301")
    assert [flag(cell) for cell in (1.0, "x", "(*)", "", "0")] == [True, True, True, False, False]
    with pytest.raises(CellError):
        flag("2")


def test_icd_codes_and_ages_of_the_annexes() -> None:
    assert [dotted(raw) for raw in ("A066†", "A06.6", "G01*", "M0000", "I10")] == [
        "A06.6",
        "A06.6",
        "G01",
        "M00.00",
        "I10",
    ]
    assert age_range("Phụ lục A3.1 ( phù hợp tuổi : 0 - 365 ngày )") == (0, 365)
    assert age_range("Phụ lục A3.5 ( tuổi hợp lệ: trên 27 ngày tuổi )") == (28, None)
    assert age_range("Phụ lục A3.6 ( tuổi hợp lệ: 1 tuổi trở lên )") == (365, None)
    assert age_range("Phụ lục A3.8 (tuổi hợp lệ : 9 – 60 tuổi)") == (3287, 22279)  # the last day of being 60
    with pytest.raises(Refusal, match="khoảng tuổi"):
        age_range("Phụ lục A3.11 tuổi bất kỳ")


def test_old_fonts_are_named() -> None:
    assert legacy_font("BÖnh viªm phæi; §au ®Çu; Sèt xuÊt huyÕt; ViÖt Nam") == "TCVN3 (ABC)"
    assert legacy_font("Beänh vieâm phoåi; ñau ñaàu; soát xuaát huyeát") == "VNI"
    assert legacy_font("Bệnh viêm phổi, thuê, yêu cầu, quê; Seretide® Évohaler «25»") is None
    assert legacy_font("") is None


def test_a_csv_in_an_old_font_is_refused_by_name(tmp_path: Path) -> None:
    old = tmp_path / "icd.csv"
    old.write_bytes("code,name\nA01,BÖnh th­¬ng hµn; ®au ®Çu; sèt cao; viªm häng\n".encode("latin-1"))
    with pytest.raises(Refusal, match="TCVN3") as refused:
        open_workbook(old)
    assert refused.value.code == "legacy_encoding"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("damaged.xlsx", b"PK\x03\x04 not a workbook"),
        ("open-quote.csv", b'code,name\nA01,"' + b"x" * 140_000),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    broken = tmp_path / name
    broken.write_bytes(content)
    with pytest.raises(Refusal) as refused:
        open_workbook(broken)
    assert refused.value.code in {"empty_file", "not_a_workbook", "not_a_table"}
    with pytest.raises(Refusal) as absent:
        open_workbook(tmp_path / "absent.xlsx")
    assert absent.value.code == "no_file"


@pytest.mark.parametrize(
    ("service", "name", "value", "group"),
    [
        ("02.03", "Khám Nội tổng hợp", "", "13"),
        ("03.1896", "Khám Nhi", "", "13"),
        ("22.0121.1369", "Tổng phân tích tế bào máu ngoại vi", "", "1"),
        ("01.0281.1510", "Xét nghiệm đường máu mao mạch tại giường", "", "1"),
        ("25.0029.1751", "Xét nghiệm mô bệnh học thường quy", "3", "1"),
        ("18.0119.0028", "Chụp X-quang ngực thẳng [số hóa 1 phim]", "", "2"),
        ("02.0113.0004", "Siêu âm doppler tim", "3", "2"),
        ("18.0605.0170", "Sinh thiết vú dưới hướng dẫn siêu âm", "1", "18"),
        ("02.0317.0165", "Siêu âm can thiệp - đặt ống thông", "1", "18"),
        ("21.0014.1778", "Điện tim thường", "", "3"),
        ("10.0506.0459", "Cắt ruột thừa đơn thuần", "6", "8"),
        ("15.0034.0997", "Vá nhĩ đơn thuần", "P2", "8"),
        ("03.2389.0212", "Tiêm bắp thịt", "3", "18"),
        ("16.0057.1032", "Chụp tủy bằng Hydroxit canxi", "3", "18"),
        ("K03.NO1", "Giường Nội khoa loại 1 - Khoa Nội tổng hợp", "", "15"),
        ("K01.1950", "Giường lưu tại trạm y tế", "", "16"),
        ("13.9999.9999", "Dịch vụ chưa biết", "", ""),
    ],
)
def test_the_cost_group_follows_rules_and_is_never_guessed(service: str, name: str, value: str, group: str) -> None:
    assert cost_group(service, name, class_of(value)) == group


@pytest.mark.parametrize(
    ("unit", "route", "strength", "packaging", "expected"),
    [
        ("Viên", "1.01", "500mg", "Hộp 10 vỉ x 10 viên", ("count", "1")),
        ("Chai", "1.01", "120mg/5ml; 60ml", "Hộp 1 chai 60ml", ("volume", "60")),
        ("Lọ", "1.01", "40mg/15ml", "Hộp 10 lọ x 15ml", ("count", "1")),
        ("Ống", "2.10", "1mg/1ml", "Hộp 10 ống", ("count", "1")),
        ("Chai", "2.15", "0,9%; 500ml", "Thùng 20 chai x 500ml", ("count", "1")),
        ("Tuýp", "3.05", "5%", "Hộp 1 tuýp 5g", ("pack", "1")),
        ("Lọ", "6.01", "0,3%; 5ml", "Hộp 1 lọ 5ml", ("pack", "1")),
    ],
)
def test_how_a_drug_is_counted(unit: str, route: str, strength: str, packaging: str, expected: tuple[str, str]) -> None:
    rule, content = quantity_rule(unit, route, strength, packaging)
    assert (rule, content) == (expected[0], Decimal(expected[1]))


def test_the_own_code_of_a_drug_tells_bids_apart_and_forgives_typing() -> None:
    one = own_code("40.48", "VD-99001-26", "Thuốc Thử", "500mg", "Viên", "99/QĐ-SYT;G1;N4;2026")
    assert own_code("40.48", "vd-99001-26", "thuốc  THỬ", "500mg", "viên", "99/QĐ-SYT;G1;N4;2026") == one
    assert own_code("40.48", "VD-99001-26", "Thuốc Thử", "500mg", "Viên", "100/QĐ-SYT;G1;N4;2027") != one
