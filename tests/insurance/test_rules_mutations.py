"""A corrupted field of a sound claim is found: at least one finding on that table and field, for every field that
a rule can judge. Fields and changes that nothing can tell from the truth stand in `UNTOLD`, each with its reason."""

import pytest

from insurance.rules.engine import RuleBook, Stage, load_rules
from insurance.standards import load
from tests.insurance.rule_catalogs import MemoryCatalogs
from tests.insurance.rule_claims import LATEST, claim

BOOK = RuleBook(load(LATEST), [rule for rule in load_rules() if Stage.BATCH not in rule.stages], MemoryCatalogs())
EMPTY = "(trống)"

MONEY_LINE = ("THANH_TIEN_BV", "THANH_TIEN_BH", "T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC", "T_NGUONKHAC_NSNN",
              "T_NGUONKHAC_VTNN", "T_NGUONKHAC_VTTN", "T_NGUONKHAC_CL")  # fmt: skip
MONEY_TOTAL = ("T_THUOC", "T_VTYT", "T_TONGCHI_BV", "T_TONGCHI_BH", "T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC",
               "T_BHTT_GDV")  # fmt: skip
AMOUNTS = [EMPTY, "-1.00", "1,5", "12.345", "1e3", "123456789012345.67", "7.77"]
MOMENTS = [EMPTY, "20260803", "202613030805", "2026080308", "202608032561", "2026-08-03 08:05", "209901010000"]
CODE_5 = ["9900", "99A-1", "990011"]

CHANGES: dict[str, dict[str, list[str]]] = {
    "XML1": {
        "MA_LK": [EMPTY, "99001 17", "99001.2608.000018", "X" * 101],
        "STT": ["x", "1.5"],
        "MA_BN": [EMPTY, "9" * 101, "99\n1"],
        "HO_TEN": [EMPTY, "Trần Thị Mẫu 2", "Mẫu", "Trần@Mẫu", "X" * 256],
        "SO_CCCD": [EMPTY, "09915400004", "0991540x0042", "099054000042", "099155000042", "HT3999900000042"],
        "NGAY_SINH": [EMPTY, "195404310000", "19540315", "202703150000", "185403150000", "195503150000",
                      "195413150000"],
        "GIOI_TINH": [EMPTY, "1", "4", "22", "x"],
        "NHOM_MAU": ["C+", "ABCDEF"],
        "MA_QUOCTICH": [EMPTY, "VN", "0000", "84"],
        "MA_DANTOC": [EMPTY, "00", "77", "1", "001"],
        "MA_NGHE_NGHIEP": [EMPTY, "98", "9", "000000"],
        "DIA_CHI": [EMPTY, "Xã"],
        "MATINH_CU_TRU": [EMPTY, "98", "97", "X9", "9999"],
        "MAHUYEN_CU_TRU": ["Q1", "1234"],
        "MAXA_CU_TRU": [EMPTY, "99002", "9900", "A9001", "990011"],
        "DIEN_THOAI": ["09000a0042", "42", "0900 000 042 000 42"],
        "MA_THE_BHYT": [EMPTY, "HT399990000004", "HT39999000000422", "ZT3999900000042", "HT4999900000042",
                        "HT9999900000042", "HT3039900000042", "HT399990000O042", "ht3999900000042",
                        "HT3999900000042;HT3999900000043"],
        "MA_DKBD": [EMPTY, "99002", "99777", "99001;99002", *CODE_5],
        "GT_THE_TU": [EMPTY, "20260805", "20261301", "2026", "20270101", "20260101;20260102"],
        "GT_THE_DEN": [EMPTY, "20961231", "20260701", "20251231", "20260230", "20261231;20261231"],
        "NGAY_MIEN_CCT": ["2026", "20261001", "2026080308"],
        "LY_DO_VV": [EMPTY],
        "LY_DO_VNT": [EMPTY],
        "MA_LY_DO_VNT": ["123456"],
        "CHAN_DOAN_VAO": [EMPTY],
        "CHAN_DOAN_RV": [EMPTY],
        "MA_BENH_CHINH": [EMPTY, "K35,8", "k35.8", "K99.9", "Y83.1", "K35.8;I10", "K35.88888"],
        "MA_BENH_KT": ["I10;I10", "I10;K35.8", "I99.9", "11.9", "I10,E11.9"],
        "MA_BENH_YHCT": ["U99.999"],
        "MA_PTTT_QT": [EMPTY, "47.01", "4709", "47.09;47.01"],
        "MA_DOITUONG_KCB": [EMPTY, "1.19", "99", "1.12", "1.2", "9.9.9"],
        "MA_NOI_DI": ["9900", "99777"],
        "MA_NOI_DEN": ["99002"],
        "MA_TAI_NAN": ["9", "x"],
        "NGAY_VAO": [*MOMENTS, "202608070805", "202608031000"],
        "NGAY_VAO_NOI_TRU": [EMPTY, "202608030700", "202608070920", "20260803"],
        "NGAY_RA": [*MOMENTS, "202608020800", "202608030900"],
        "GIAY_CHUYEN_TUYEN": ["X" * 51],
        "SO_NGAY_DTRI": [EMPTY, "0", "3", "5", "x", "1000"],
        "PP_DIEU_TRI": [EMPTY],
        "KET_QUA_DTRI": [EMPTY, "0", "9", "x", "22"],
        "MA_LOAI_RV": [EMPTY, "0", "6", "x"],
        "NGAY_TTOAN": [EMPTY, "202608050800", "202608020800", "202708061030", "20260806"],
        "NAM_QT": [EMPTY, "2025", "2027", "26", "20266"],
        "THANG_QT": [EMPTY, "07", "09", "13", "x"],
        "MA_LOAI_KCB": [EMPTY, "99", "3", "x"],
        "MA_KHOA": [EMPTY, "K77", "A01", "01", "K01;K03;K05"],
        "MA_CSKCB": [EMPTY, "99002", "99777", *CODE_5],
        "MA_KHUVUC": ["K4", "1"],
        "CAN_NANG": [EMPTY, "48,50", "485.50", "4.85", "48.505", "x", "0"],
        "CAN_NANG_CON": ["32", "3,2", "x"],
        "NAM_NAM_LIEN_TUC": ["2026", "19990101", "20261301"],
        "NGAY_TAI_KHAM": ["20260801", "2026", "20280813"],
        "MA_HSBA": [EMPTY, "X" * 101],
        "MA_TTDV": ["ngô trưởng", "000009/ZZ-GPHN"],
        **dict.fromkeys(MONEY_TOTAL, AMOUNTS),
    },
    "XML2": {
        "MA_LK": [EMPTY, "99001.2608.000018"],
        "STT": [EMPTY, "2", "3", "x", "0"],
        "MA_THUOC": [EMPTY, "40.999", "40.48 x", "40.49"],
        "MA_PP_CHEBIEN": ["SC"],
        "MA_CSKCB_THUOC": ["99001", "X.99001"],
        "MA_NHOM": [EMPTY, "10", "99", "5", "x"],
        "TEN_THUOC": [EMPTY, "Paracetamon"],
        "DON_VI_TINH": [EMPTY, "Ống"],
        "HAM_LUONG": [EMPTY, "50mg"],
        "DUONG_DUNG": [EMPTY, "1.1", "uống", "2.10"],
        "LIEU_DUNG": [EMPTY, "Uống", "8 viên/lần * 3 lần/ngày * 5 ngày [3 viên/ngày]",
                      "1 viên/lần * 2 lần/ngày * 5 ngày [2 viên/ngày]"],
        "SO_DANG_KY": [EMPTY, "VD-99009-26", "VD 99001-26"],
        "TT_THAU": [EMPTY, "17/QĐ-ZZ;G1;N2", "18/QĐ-ZZ;G1;N2;2026", "17/QĐ-ZZ;G1;N3;2026"],
        "PHAM_VI": [EMPTY, "2", "3", "4", "x"],
        "TYLE_TT_BH": [EMPTY, "50", "101", "-1", "x"],
        "SO_LUONG": [EMPTY, "0", "-10", "1500", "10,5", "10.1234", "16", "51"],
        "DON_GIA": [EMPTY, "0", "1150.5", "105.05", "1050,5", "1050.5555"],
        "MUC_HUONG": [EMPTY, "80", "100", "950", "x"],
        "MA_KHOA": [EMPTY, "K77", "K05", "03"],
        "MA_BAC_SI": [EMPTY, "000099/ZZ-GPHN", "BS Ví"],
        "MA_DICH_VU": ["99.999.9999"],
        "NGAY_YL": [*MOMENTS, "202608030800", "202608070930", "202608031030"],
        "NGAY_TH_YL": ["20260803", "202608030900", "202608070930", "202613031000"],
        "MA_PTTT": [EMPTY, "2", "4", "x"],
        "NGUON_CTRA": [EMPTY, "3", "5", "x"],
        "VET_THUONG_TP": ["0", "2"],
        **dict.fromkeys(MONEY_LINE, AMOUNTS),
    },
    "XML3": {
        "MA_LK": [EMPTY, "99001.2608.000018"],
        "STT": [EMPTY, "1", "9", "x"],
        "MA_DICH_VU": [EMPTY, "22.0120.9999", "22.0120.1370_XX", "22 0120"],
        "MA_PTTT_QT": ["X47", "47.01", "47.99"],
        "MA_VAT_TU": ["N99.01.010"],
        "MA_NHOM": [EMPTY, "4", "99", "3", "x"],
        "GOI_VTYT": ["1", "G0", "G1000"],
        "TEN_DICH_VU": [EMPTY, "Tổng phân tích"],
        "MA_XANG_DAU": ["R953V1", "X1"],
        "DON_VI_TINH": [EMPTY, "Ống"],
        "PHAM_VI": [EMPTY, "2", "3", "4", "x"],
        "SO_LUONG": [EMPTY, "0", "-1", "51", "1,5", "1.2345", "2"],
        "DON_GIA_BV": [EMPTY, "59700", "4970", "x", "49700.1234"],
        "DON_GIA_BH": [EMPTY, "59700", "4970", "x", "49700.1234"],
        "TYLE_TT_BH": [EMPTY, "101", "-1", "x", "90"],
        "TYLE_TT_DV": [EMPTY, "101", "-1", "x", "90", "10"],
        "MUC_HUONG": [EMPTY, "80", "100", "950", "x"],
        "MA_KHOA": [EMPTY, "K77", "K05", "01"],
        "MA_BAC_SI": [EMPTY, "000099/ZZ-GPHN", "BS Ví"],
        "NGUOI_THUC_HIEN": [EMPTY, "000099/ZZ-GPHN", "BS Ví"],
        "MA_BENH": [EMPTY, "K358", "K99.9"],
        "MA_BENH_YHCT": ["U99.999"],
        "NGAY_YL": [*MOMENTS, "202608030800", "202608070820", "202608030840"],
        "NGAY_TH_YL": [*MOMENTS, "202608030815", "202608070830", "202608030910"],
        "NGAY_KQ": [*MOMENTS, "202608030810", "202608070900", "202608030825"],
        "MA_PTTT": [EMPTY, "2", "4", "x"],
        "VET_THUONG_TP": ["0", "2"],
        "PP_VO_CAM": ["5", "x"],
        "MA_MAY": [EMPTY, "HH.9.99001.A001", "A001", "HH.1.99001.A777"],
        "TAI_SU_DUNG": ["0", "1"],
        **dict.fromkeys(MONEY_LINE, AMOUNTS),
    },
    "XML4": {
        "MA_LK": [EMPTY, "99001.2608.000018"],
        "STT": [EMPTY, "x"],
        "MA_DICH_VU": [EMPTY, "22.0120.9999"],
        "TEN_CHI_SO": [EMPTY],
        "NGAY_KQ": [EMPTY, "20260803", "202608030800", "202613030805"],
        "MA_BS_DOC_KQ": ["000099/ZZ-GPHN"],
    },
    "XML5": {
        "MA_LK": [EMPTY, "99001.2608.000018"],
        "STT": [EMPTY, "7", "x"],
        "DIEN_BIEN_LS": [EMPTY],
        "THOI_DIEM_DBLS": [EMPTY, "20260803", "202608020800", "202608070800", "202613030805"],
        "NGUOI_THUC_HIEN": [EMPTY, "000099/ZZ-GPHN"],
    },
}  # fmt: skip
"""By table and field the texts that are put in. XML3 is tried on its second row, a test; other rows are below."""

OTHER_ROWS = [
    ("XML3", 3, "PP_VO_CAM", EMPTY),
    ("XML3", 3, "MA_PTTT_QT", EMPTY),
    ("XML3", 3, "MA_KHOA", "K08"),
    ("XML3", 1, "MA_NHOM", "11"),
    ("XML3", 3, "TYLE_TT_DV", "50"),
    ("XML3", 4, "MA_GIUONG", EMPTY),
    ("XML3", 4, "MA_GIUONG", "X001"),
    ("XML3", 4, "SO_LUONG", "4"),
    ("XML3", 4, "TYLE_TT_DV", "80"),
    ("XML3", 4, "MA_KHOA", "K05"),
    ("XML3", 4, "NGAY_KQ", EMPTY),
    ("XML3", 5, "MA_VAT_TU", EMPTY),
    ("XML3", 5, "MA_VAT_TU", "N99.01.999"),
    ("XML3", 5, "TEN_VAT_TU", EMPTY),
    ("XML3", 5, "TEN_VAT_TU", "Kim"),
    ("XML3", 5, "TT_THAU", EMPTY),
    ("XML3", 5, "TT_THAU", "18/QĐ-ZZ;G1;N2"),
    ("XML3", 5, "DON_GIA_BV", "5500.5"),
    ("XML3", 5, "MA_DICH_VU", "03.9999.0459"),
    ("XML3", 5, "NGAY_YL", "202608051000"),
    ("XML3", 5, "T_TRANTT", "4000"),
    ("XML3", 1, "TYLE_TT_DV", "50"),
    ("XML3", 1, "SO_LUONG", "2"),
    ("XML2", 2, "STT", "1"),
]

UNTOLD: dict[str, str] = {
    "XML1.GHI_CHU": "chữ tự do",
    "XML1.DU_PHONG": "dự phòng",
    "XML2.DANG_BAO_CHE": "chữ tự do, không bắt buộc",
    "XML2.CACH_DUNG": "chữ tự do, không bắt buộc",
    "XML2.DU_PHONG": "dự phòng",
    "XML3.VI_TRI_TH_DVKT": "danh mục chưa ban hành",
    "XML3.MA_HIEU_SP": "chữ của nhà sản xuất, không bắt buộc",
    "XML3.DU_PHONG": "dự phòng",
    "XML4.MA_CHI_SO": "chưa có danh mục chỉ số trong phần mềm",
    "XML4.GIA_TRI": "kết quả là của phòng xét nghiệm",
    "XML4.DON_VI_DO": "chưa có danh mục đơn vị đo",
    "XML4.MO_TA": "chữ tự do",
    "XML4.KET_LUAN": "chữ tự do",
    "XML4.DU_PHONG": "dự phòng",
    "XML5.GIAI_DOAN_BENH": "chữ tự do, không bắt buộc",
    "XML5.HOI_CHAN": "chữ tự do, không bắt buộc",
    "XML5.PHAU_THUAT": "chữ tự do, không bắt buộc",
    "XML5.DU_PHONG": "dự phòng",
}
"""Fields of which no change can be told from the truth by what else stands in the claim."""

CASES = [
    (table, 2 if table == "XML3" else 1, tag, value)
    for table, fields in CHANGES.items()
    for tag, values in fields.items()
    for value in values
] + OTHER_ROWS


@pytest.mark.parametrize(("table", "row", "tag", "value"), CASES, ids=lambda one: str(one)[:24])
def test_a_corrupted_field_is_found_where_it_lies(table: str, row: int, tag: str, value: str) -> None:
    text = "" if value == EMPTY else value.replace(";", "\\s")
    found = {(f.table, f.row, f.field) for f in BOOK.check(claim(f"{table}[{row}].{tag}={text}"))}
    assert (table, row, tag) in found, sorted(found, key=str)


def test_every_field_of_the_first_five_tables_is_tried_or_has_a_reason() -> None:
    tried = {f"{table}.{tag}" for table, _, tag, _ in CASES}
    fields = {f"{name}.{f.tag}" for name in CHANGES for f in load(LATEST).table(name).fields}
    assert fields - tried == set(UNTOLD)
