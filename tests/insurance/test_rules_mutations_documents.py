"""A sound claim with one field spoilt is found there: XML4 to XML15 and what a file says of itself."""

from collections.abc import Iterator

import pytest

from insurance.rules.engine import RuleBook, Stage, load_rules
from insurance.standards import load
from insurance.standards.model import Field
from tests.insurance.rule_catalogs import MemoryCatalogs
from tests.insurance.rule_claims import LATEST, claim

STANDARD = load(LATEST)
BOOK = RuleBook(STANDARD, [rule for rule in load_rules() if Stage.BATCH not in rule.stages], MemoryCatalogs())

SOUND = {
    "XML4": "",
    "XML5": "",
    "XML6": "+XML6",
    "XML7": "",
    "XML8": "",
    "XML9": "+XML9",
    "XML10": "+XML10",
    "XML11": "+XML11",
    "XML12": "+XML12",
    "XML13": "+XML13; XML1.MA_LOAI_RV=2; XML1.MA_NOI_DEN=99002",
    "XML14": "+XML14",
    "XML15": "+XML15",
}
LEAVE = "XML7.SO_NGAY_NGHI=5; XML7.NGOAITRU_TUNGAY=20260807; XML7.NGOAITRU_DENNGAY=20260811; "
ENDED = (
    "XML7.MA_DINH_CHI_THAI=1; XML7.TUOI_THAI=10; XML7.THOIGIAN_DINHCHI=202608040900; XML7.NGUYENNHAN_DINHCHI=Thai lưu; "
)
PCR = "+XML6; XML6.MA_TINH_TRANG_DK=1; XML6.LAN_XN_PCR=1; XML6.NGAY_XN_PCR=20260803; XML6.NGAY_KQ_XN_PCR=20260805; "
MOTHER = "+XML9; XML1.HO_TEN=Nguyễn Thị Ví; XML1.SO_CCCD=099198000077; XML1.NGAY_SINH=199805200000; "
TRANSFER = SOUND["XML13"] + "; "

NAMES = "tên người viết tự do, không có danh sách để đối chiếu"
FREE = "lời văn tự do, được phép trống"
RESERVE = "trường dự phòng, nội dung tùy cơ sở"
UNJUDGED = {
    "XML4.DON_VI_DO": "đơn vị đo được phép trống, chưa có danh mục chỉ số để đối chiếu",
    "XML4.MO_TA": FREE,
    "XML5.GIAI_DOAN_BENH": FREE,
    "XML5.HOI_CHAN": FREE,
    "XML5.PHAU_THUAT": FREE,
    "XML6.MA_PHAC_DO_DIEU_TRI_BD": "danh mục phác đồ ARV chưa có",
    "XML7.GHI_CHU": FREE,
    "XML7.HO_TEN_CHA": NAMES,
    "XML7.HO_TEN_ME": NAMES,
    "XML8.HO_TEN_CHA": NAMES,
    "XML8.HO_TEN_ME": NAMES,
    "XML8.NGUOI_GIAM_HO": NAMES,
    "XML8.DON_VI": FREE,
    "XML8.GHI_CHU": FREE,
    "XML9.HO_TEN_CHA": NAMES,
    "XML12.NGHE_NGHIEP": FREE,
    "XML11.HO_TEN_CHA": NAMES,
    "XML11.HO_TEN_ME": NAMES,
    **{f"{table}.DU_PHONG": RESERVE for table in SOUND},
}
"""Fields of which no wrong text within the width can be told from a right one, with the reason."""


def found_at(table: str, tag: str, overlay: str) -> list[str]:
    """The rules that found something on the table and field."""
    return [one.rule for one in BOOK.check(claim(overlay)) if (one.table, one.field) == (table, tag)]


def spoilt(field: Field, text: str) -> Iterator[str]:
    """What a slip of the hand or of an interface makes of a text."""
    if text:
        yield ""
    kind = field.types[0].item if field.types[0].base == "list" else field.types[0].base
    if kind in ("date8", "datetime12"):
        sound = text or ("20260804" if kind == "date8" else "202608041000")
        yield from (
            f"{int(sound[:4]) + 1}{sound[4:]}",
            f"{int(sound[:4]) - 100}{sound[4:]}",
            f"{sound[:4]}13{sound[6:]}",
        )
    elif kind == "int":
        yield from ("-1", "hai", "99")
    elif kind == "code":
        yield from (f"{text[:-1]}8", text[:-1], "Z")
    else:
        yield "Lời văn khác hẳn"


def one_part(text: str) -> str:
    """A text as an overlay writes it."""
    return text.replace(";", "\\s")


FIELDS = [(table, field) for table in SOUND for field in STANDARD.table(table).fields]


@pytest.mark.parametrize("table", SOUND)
def test_the_samples_are_sound(table: str) -> None:
    assert [f"{one.rule} {one.table}.{one.field}: {one.message}" for one in BOOK.check(claim(SOUND[table]))] == []


@pytest.mark.parametrize(("table", "field"), FIELDS, ids=[f"{table}.{field.tag}" for table, field in FIELDS])
def test_a_spoilt_field_is_found_there(table: str, field: Field) -> None:
    text = claim(SOUND[table]).text(table, field.tag)
    tried = {wrong for wrong in spoilt(field, text) if wrong != text}
    found = {w for w in tried if found_at(table, field.tag, f"{SOUND[table]}; {table}.{field.tag}={one_part(w)}")}
    assert bool(found) is (f"{table}.{field.tag}" not in UNJUDGED), sorted(tried)
    if field.required == "yes":
        assert "" in found


@pytest.mark.parametrize(
    "overlay",
    [
        "XML4.NGAY_KQ=",
        "XML4.NGAY_KQ=202508030900",
        "XML4.MA_DICH_VU=22.0120.1371",
        "XML4.MA_BS_DOC_KQ=000071/ZZ-GPHN",
        "XML5[2].THOI_DIEM_DBLS=202609050800",
        "XML5[2].NGUOI_THUC_HIEN=000071/ZZ-GPHN",
        "+XML6; XML6.NGAY_SINH=195405130000",
        "+XML6; XML6.GIOI_TINH=1",
        "+XML6; XML6.MA_THE_BHYT=HT3999900000024",
        "+XML6; XML6.LOAI_DTRI_LAO=4",
        "+XML6; XML6.SO_NGAY_CAP_THUOC_ARV=90",
        "+XML6; XML6.NGAY_KET_THUC_XU_TRI=20260820; XML6.SO_NGAY_CAP_THUOC_ARV=30",
        "+XML6; XML6.NGAY_KQ_XN_TLVR=20260630",
        "+XML6; XML6.BDDT_ARV=20240102",
        PCR + "XML6.LAN_XN_PCR=4",
        PCR + "XML6.NGAY_KQ_XN_PCR=20260802",
        PCR + "XML6.MA_KQ_XN_PCR=2",
        LEAVE + "XML7.SO_NGAY_NGHI=7",
        LEAVE + "XML7.NGOAITRU_TUNGAY=20260801",
        LEAVE + "XML7.NGOAITRU_DENNGAY=20270811",
        LEAVE + "XML7.NGOAITRU_DENNGAY=",
        ENDED + "XML7.TUOI_THAI=",
        ENDED + "XML7.TUOI_THAI=70",
        ENDED + "XML7.THOIGIAN_DINHCHI=",
        ENDED + "XML7.NGUYENNHAN_DINHCHI=",
        "XML7.NGAY_RA=202608061100",
        "XML7.NGAY_CT=20260805",
        "XML7.MA_KHOA_RV=K30",
        "XML7.MA_CHA=0000000000",
        "XML8.KET_QUA_DTRI=3",
        "XML8.MA_LOAI_KCB=04",
        "XML8.NGAY_VAO=202608040805",
        MOTHER + "XML9.HO_TEN_NND=Nguyễn Thị Vy",
        MOTHER + "XML9.NGAYSINH_NND=19980502",
        MOTHER + "XML9.SO_CCCD_NND=099198000087",
        MOTHER + "XML9.MA_THE_NND=HT3999900000024",
        MOTHER + "XML9.MAXA_CU_TRU=99010",
        MOTHER + "XML1.CAN_NANG_CON=3100; XML9.CAN_NANG_CON=3200",
        "+XML9; XML9.MA_THE_TAM=TE9990000000078",
        "+XML9; XML9.CAN_NANG_CON=3",
        "+XML9; XML9.NGAY_SINH_CON=202608072215",
        "+XML9; XML9.GIOI_TINH_CON=4",
        "+XML9; XML9.MA_BHXH_NND=99000000",
        "+XML10; XML10.SO_NGAY=60",
        "+XML10; XML10.TU_NGAY=20260816",
        "+XML10; XML10.CHAN_DOAN_RV=Thai 30 tuần, dọa đẻ non",
        "+XML11; XML11.SO_NGAY_NGHI=50",
        "+XML11; XML11.SO_NGAY_NGHI=0",
        "+XML11; XML11.MA_BHXH=0000000000",
        "+XML11; XML11.MA_BHXH=9900000024",
        "+XML11; XML11.DEN_NGAY=20260801",
        "+XML11; XML11.MAU_SO=CT70",
        "+XML11; XML11.NGAY_CT=20260815",
        TRANSFER + "XML13.MA_CSKCB_DEN=99001",
        TRANSFER + "XML13.HO_TEN=Trần Thị Mầu",
        TRANSFER + "XML13.MA_BENH_CHINH=K35",
        TRANSFER + "XML13.MA_BENH_KT=I10",
        TRANSFER + "XML13.GT_THE_DEN=20271231",
        TRANSFER + "XML13.NGAY_VAO=202608030815",
        TRANSFER + "XML13.MA_LYDO_CT=4",
        TRANSFER + "XML13.MA_LOAI_RV=5",
        "+XML12; XML12.MA_BHXH=0000000000",
        "+XML12; XML12.TONG_TYLE_TTCT=12",
        "+XML12; XML12.NGAY_CAP_CCCD=20270101",
        "+XML14; XML14.NGAY_HEN_KL=20260713",
        "+XML14; XML14.NGAY_HEN_KL=20280813",
        "+XML14; XML14.NGAY_CT=20260708",
        "+XML14; XML14.CHAN_DOAN_RV=Viêm phổi",
        "+XML14; XML14.MA_THE_BHYT=HT3999900000024",
        "+XML15; XML15.HO_TEN=Trần Thị Mầu",
        "+XML15; XML15.MA_BN=99001.000024",
        "+XML15; XML15.LOAI_DTRI_LAO=5",
        "+XML15; XML15.PHANLOAI_LAO_HIV=2; XML15.NGAYKD_HIV=20240110",
        "GIAMDINHHS.MACSKCB=99010",
        "GIAMDINHHS.MACSKCB=",
        "GIAMDINHHS.NGAYLAP=20260801",
        "GIAMDINHHS.NGAYLAP=06/08/2026",
        "GIAMDINHHS.SOLUONGHOSO=",
        "GIAMDINHHS.LOAIHOSO=XML2\\sXML1",
        "GIAMDINHHS.LOAIHOSO=XML1\\sXML12",
        "GIAMDINHHS.LOAIHOSO=xml1",
    ],
)  # fmt: skip
def test_a_plausible_fault_is_found_there(overlay: str) -> None:
    table, tag = overlay.split("; ")[-1].split("=")[0].split(".")
    assert found_at(table.split("[")[0], tag, overlay)


@pytest.mark.parametrize("table", [name for name in STANDARD.tables if name not in ("XML0", "XML1", "XML12")])
def test_another_claim_code_is_found_in_every_table(table: str) -> None:
    overlay = SOUND.get(table, "")
    assert "claim.one_code" in found_at(table, "MA_LK", f"{overlay}; {table}.MA_LK=99001.2608.000071")
