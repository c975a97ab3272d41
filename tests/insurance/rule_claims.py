"""Two sound claims of invented people at facility 99001 for the tests of the rules, and overlays that change them.

An overlay is what the `good` and `bad` cells of a rule hold: parts joined by `;`. `out` starts from the outpatient
visit (the inpatient one is the default), `XML3[2].MA_NHOM=10` sets a field (row 1 when no row is named), `+XML7` adds
the sample of a table, `-XML4` takes a table away, `XML3=2` keeps or repeats rows up to that number, `-XML1.HO_TEN`
takes a tag away, `qd3176` chooses the standard, `\\n` is a line feed and `\\s` a semicolon,
`!unreadable XML2` a problem of reading that table.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal

from his.core.money import round2
from insurance.rules.engine import VisitFacts
from insurance.standards import Problem, Standard, load
from tests.insurance.rule_documents import DOCUMENTS, EARLIER, PRESCRIPTION

Tables = dict[str, list[dict[str, str]]]

LATEST = "qd1931"
DOCTOR, OTHER_DOCTOR = "000017/ZZ-GPHN", "000018/ZZ-GPHN"


def money(value: Decimal) -> str:
    return f"{value:.2f}"


def line(quantity: str, price: str, level: str = "80", service: str = "100", paid: str = "100") -> dict[str, str]:
    """The amounts of a line, as the annex has them."""
    full = round2(Decimal(quantity) * Decimal(price) * Decimal(service) / 100)
    covered = round2(full * Decimal(paid) / 100)
    fund = round2(covered * Decimal(level) / 100)
    return {
        "SO_LUONG": quantity,
        "TYLE_TT_BH": paid,
        "THANH_TIEN_BV": money(full),
        "THANH_TIEN_BH": money(covered),
        "MUC_HUONG": level,
        "T_BHTT": money(fund),
        "T_BNCCT": money(covered - fund),
        "T_BNTT": money(full - covered),
        **{f"T_NGUONKHAC{end}": "0.00" for end in ("", "_NSNN", "_VTNN", "_VTTN", "_CL")},
        "MA_PTTT": "1",
        "PHAM_VI": "1",
    }


def drug(number: int, code: str, name: str, quantity: str, price: str, **more: str) -> dict[str, str]:
    level = more.pop("MUC_HUONG", "80")
    return {
        "STT": str(number),
        "MA_THUOC": code,
        "MA_NHOM": "4",
        "TEN_THUOC": name,
        "DON_VI_TINH": "Viên",
        "HAM_LUONG": "500mg",
        "DUONG_DUNG": "1.01",
        "SO_DANG_KY": f"VD-9900{number}-26",
        "TT_THAU": "17/QĐ-ZZ;G1;N2;2026",
        "DON_GIA": price,
        **line(quantity, price, level),
        "NGUON_CTRA": "1",
        "MA_BAC_SI": DOCTOR,
        **more,
    }


def service(
    number: int, code: str, name: str, group: str, price: str, quantity: str = "1", **more: str
) -> dict[str, str]:
    level, rate = more.pop("MUC_HUONG", "80"), more.pop("TYLE_TT_DV", "100")
    return {
        "STT": str(number),
        "MA_DICH_VU": code,
        "TEN_DICH_VU": name,
        "MA_NHOM": group,
        "DON_VI_TINH": "Lần",
        "DON_GIA_BV": price,
        "DON_GIA_BH": price,
        "TYLE_TT_DV": rate,
        **line(quantity, price, level, rate),
        "MA_BAC_SI": DOCTOR,
        "NGUOI_THUC_HIEN": DOCTOR,
        "MA_BENH": "K35.8",
        **more,
    }


def totals(tables: Tables) -> dict[str, str]:
    """The totals of the summary."""
    drugs, services = tables.get("XML2", []), tables.get("XML3", [])

    def add(tag: str, rows: list[dict[str, str]]) -> Decimal:
        return sum((Decimal(row[tag]) for row in rows), Decimal(0))

    lines = [*drugs, *services]
    supplies = [row for row in services if row["MA_NHOM"] in ("10", "11")]
    return {
        "T_THUOC": money(add("THANH_TIEN_BV", drugs)),
        "T_VTYT": money(add("THANH_TIEN_BV", supplies)),
        "T_TONGCHI_BV": money(add("THANH_TIEN_BV", lines)),
        "T_TONGCHI_BH": money(add("THANH_TIEN_BH", lines)),
        **{tag: money(add(tag, lines)) for tag in ("T_BNTT", "T_BNCCT", "T_BHTT", "T_NGUONKHAC")},
        "T_BHTT_GDV": money(add("T_BHTT", lines)),
    }


PERSON = {
    "HO_TEN": "Trần Thị Mẫu",
    "SO_CCCD": "099154000042",
    "NGAY_SINH": "195403150000",
    "GIOI_TINH": "2",
    "MA_QUOCTICH": "000",
    "MA_DANTOC": "01",
    "MA_NGHE_NGHIEP": "00",
    "DIA_CHI": "Thôn Mẫu, xã Thử, tỉnh Ví Dụ",
    "MATINH_CU_TRU": "99",
    "MAXA_CU_TRU": "99001",
    "DIEN_THOAI": "0900000042",
    "MA_THE_BHYT": "HT3999900000042",
    "MA_DKBD": "99001",
    "GT_THE_TU": "20260101",
    "GT_THE_DEN": "20261231",
    "MA_BN": "99001.000042",
    "MA_CSKCB": "99001",
    "MA_TTDV": "000001/ZZ-GPHN",
    "NAM_QT": "2026",
    "THANG_QT": "08",
    "MA_DOITUONG_KCB": "1.1",
    "CAN_NANG": "48.50",
    "STT": "1",
}

INPATIENT: Tables = {
    "XML2": [
        drug(1, "40.48", "Paracetamol", "15", "1050.5", LIEU_DUNG="1 viên/lần * 3 lần/ngày * 5 ngày [3 viên/ngày]",
             MA_KHOA="K03", NGAY_YL="202608030930", NGAY_TH_YL="202608031000", MUC_HUONG="95"),
        drug(2, "40.155", "Cefuroxim", "6", "12000", LIEU_DUNG="1 viên/lần * 2 lần/ngày * 3 ngày [2 viên/ngày]",
             MA_KHOA="K03", NGAY_YL="202608031130", NGAY_TH_YL="202608031200", MUC_HUONG="95"),
    ],
    "XML3": [
        service(1, "03.18", "Khám ngoại", "13", "50600", MA_KHOA="K01", NGAY_YL="202608030810",
                NGAY_TH_YL="202608030810", NGAY_KQ="202608030830", MUC_HUONG="95"),
        service(2, "22.0120.1370", "Tổng phân tích tế bào máu", "1", "49700", MA_KHOA="K01", NGAY_YL="202608030820",
                NGAY_TH_YL="202608030830", NGAY_KQ="202608030900", MA_MAY="HH.1.99001.A001", MUC_HUONG="95"),
        service(3, "03.3328.0459", "Phẫu thuật cắt ruột thừa", "8", "2815900", MA_KHOA="K03", NGAY_YL="202608031000",
                NGAY_TH_YL="202608031030", NGAY_KQ="202608031130", PP_VO_CAM="1", MA_PTTT_QT="47.09",
                NGUOI_THUC_HIEN=f"{DOCTOR};{OTHER_DOCTOR}", MUC_HUONG="95"),
        service(4, "K03.1917", "Giường ngoại khoa", "15", "257100", "3", MA_KHOA="K03", NGAY_YL="202608030930",
                NGAY_TH_YL="202608030930", NGAY_KQ="202608061000", MA_GIUONG="H001", DON_VI_TINH="Ngày",
                MUC_HUONG="95"),
        service(5, "03.3328.0459", "", "10", "4500.5", "2", MA_KHOA="K03", NGAY_YL="202608031000",
                NGAY_TH_YL="202608031030", MA_VAT_TU="N99.01.010", TEN_VAT_TU="Kim luồn số 22", DON_VI_TINH="Cái",
                TT_THAU="18/QĐ-ZZ;G1;N2;2026", NGUOI_THUC_HIEN="", MUC_HUONG="95"),
    ],
    "XML4": [
        {"STT": "1", "MA_DICH_VU": "22.0120.1370", "MA_CHI_SO": "WBC", "TEN_CHI_SO": "Số lượng bạch cầu",
         "GIA_TRI": "12.4", "DON_VI_DO": "G/L", "NGAY_KQ": "202608030900", "MA_BS_DOC_KQ": OTHER_DOCTOR},
    ],
    "XML5": [
        {"STT": "1", "DIEN_BIEN_LS": "Đau hố chậu phải, sốt nhẹ", "THOI_DIEM_DBLS": "202608030930",
         "NGUOI_THUC_HIEN": DOCTOR},
        {"STT": "2", "DIEN_BIEN_LS": "Hậu phẫu ổn, vết mổ khô", "THOI_DIEM_DBLS": "202608050800",
         "NGUOI_THUC_HIEN": DOCTOR},
    ],
    "XML7": [deepcopy(DOCUMENTS["XML7"])],
    "XML8": [deepcopy(DOCUMENTS["XML8"])],
}  # fmt: skip
INPATIENT["XML1"] = [
    {
        **PERSON,
        "LY_DO_VV": "Đau bụng",
        "LY_DO_VNT": "Đau hố chậu phải, sốt",
        "CHAN_DOAN_VAO": "Viêm ruột thừa cấp",
        "CHAN_DOAN_RV": "Viêm ruột thừa cấp",
        "MA_BENH_CHINH": "K35.8",
        "MA_BENH_KT": "I10;E11.9",
        "MA_PTTT_QT": "47.09",
        "NGAY_VAO": "202608030805",
        "NGAY_VAO_NOI_TRU": "202608030920",
        "NGAY_RA": "202608061000",
        "NGAY_TTOAN": "202608061030",
        "SO_NGAY_DTRI": "4",
        "PP_DIEU_TRI": "Phẫu thuật cắt ruột thừa, kháng sinh",
        "KET_QUA_DTRI": "2",
        "MA_LOAI_RV": "1",
        "MA_LOAI_KCB": "03",
        "MA_KHOA": "K01;K03",
        "MA_HSBA": "26.000017",
        "GHI_CHU": "Thay băng hằng ngày, tái khám khi sốt",
        **totals(INPATIENT),
    }
]

OUTPATIENT: Tables = {
    "XML2": [
        drug(1, "40.48", "Paracetamol", "15", "1050.5", LIEU_DUNG="1 viên/lần * 3 lần/ngày * 5 ngày [3 viên/ngày]",
             MA_KHOA="K01", NGAY_YL="202608030930", NGAY_TH_YL="202608030945", MUC_HUONG="100"),
    ],
    "XML3": [
        service(1, "02.1896", "Khám nội", "13", "36500", MA_KHOA="K01", NGAY_YL="202608030810", MA_BENH="J06.9",
                NGAY_TH_YL="202608030810", NGAY_KQ="202608030930", MUC_HUONG="100"),
        service(2, "22.0120.1370", "Tổng phân tích tế bào máu", "1", "49700", MA_KHOA="K01", NGAY_YL="202608030820",
                NGAY_TH_YL="202608030830", NGAY_KQ="202608030900", MA_MAY="HH.1.99001.A001", MA_BENH="J06.9",
                MUC_HUONG="100"),
    ],
    "XML4": deepcopy(INPATIENT["XML4"]),
}  # fmt: skip
OUTPATIENT["XML1"] = [
    {
        **PERSON,
        "LY_DO_VV": "Sốt, ho",
        "CHAN_DOAN_VAO": "Viêm đường hô hấp trên cấp",
        "CHAN_DOAN_RV": "Viêm đường hô hấp trên cấp",
        "MA_BENH_CHINH": "J06.9",
        "MA_BENH_KT": "I10",
        "NGAY_VAO": "202608030805",
        "NGAY_RA": "202608031000",
        "NGAY_TTOAN": "202608031030",
        "SO_NGAY_DTRI": "0",
        "PP_DIEU_TRI": "Hạ sốt",
        "KET_QUA_DTRI": "2",
        "MA_LOAI_RV": "1",
        "MA_LOAI_KCB": "01",
        "MA_KHOA": "K01",
        "MA_HSBA": "26.000018",
        **totals(OUTPATIENT),
    }
]

FILE_FACTS = {
    "MACSKCB": "99001",
    "NGAYLAP": "20260806",
    "SOLUONGHOSO": "1",
    "SO_HOSO": "1",
    "CHUKYDONVI": "1",
    "LOAIHOSO": "XML1;XML2;XML3;XML4;XML5",
}

_SET = re.compile(r"(XML\d+|GIAMDINHHS|RX|PERSON|ALLERGY|HOME)(?:\[(\d+)\])?\.([A-Z0-9_]+)=(.*)", re.DOTALL)
_COUNT = re.compile(r"(XML\d+)=(\d+)")
_WITHOUT = re.compile(r"-(XML\d+)\.([A-Z0-9_]+)")


def claim(overlay: str = "") -> VisitFacts:
    """The facts of a sound claim with an overlay."""
    parts = [part.strip() for part in overlay.split(";") if part.strip()]
    name = next((part for part in parts if part.startswith("qd")), LATEST)
    standard = load(name)
    chosen = deepcopy(OUTPATIENT if "out" in parts else INPATIENT)
    chosen["GIAMDINHHS"] = [dict(FILE_FACTS)]
    problems = [_problem(*part[1:].split()) for part in parts if part.startswith("!")]
    for part in parts:
        if part != "out" and part != name and not part.startswith("!"):
            _change(chosen, part)
    order = sorted(chosen, key=lambda table: int(table.removeprefix("XML")) if table.startswith("XML") else -1)
    tables = {table: _filled(standard, table, chosen[table], parts) for table in order}
    return VisitFacts(standard, tables, problems)


def _problem(code: str, table: str = "GIAMDINHHS") -> Problem:
    return Problem(table, None, "", code, "không đọc được")


def _change(tables: Tables, part: str) -> None:
    part = part.replace("\\n", "\n").replace("\\s", ";")
    if match := _SET.fullmatch(part):
        rows = tables.setdefault(match[1], [{}])
        rows[int(match[2] or 1) - 1][match[3]] = match[4]
    elif match := _COUNT.fullmatch(part):
        rows, wanted = tables[match[1]], int(match[2])
        rows[wanted:] = []
        rows += [deepcopy(rows[-1]) for _ in range(wanted - len(rows))]
    elif part == "+RX":
        tables |= deepcopy(PRESCRIPTION)
    elif part.startswith("+"):
        tables[part[1:]] = [deepcopy((DOCUMENTS | EARLIER)[part[1:]])]
    elif not _WITHOUT.fullmatch(part):
        del tables[part.removeprefix("-")]


def _filled(standard: Standard, table: str, rows: list[dict[str, str]], parts: list[str]) -> list[Mapping[str, str]]:
    """Every tag of the standard, empty where the claim has none; without those that the overlay takes away."""
    if table not in standard.tables:
        return list(rows)
    gone = {match[2] for part in parts if (match := _WITHOUT.fullmatch(part)) and match[1] == table}
    return [
        {tag: text for tag, text in ({f.tag: "" for f in standard.table(table).fields} | _own(row, table)).items()
         if tag not in gone}
        for row in rows
    ]  # fmt: skip


def _own(row: dict[str, str], table: str) -> dict[str, str]:
    return {"MA_LK": "99001.2608.000017", **row} if table not in ("GIAMDINHHS", "XML12") else row
