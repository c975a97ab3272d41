"""At the desk the rules see a visit that is not over: what is not known yet is no fault, what is wrong is said."""

import pytest

from insurance.rules.engine import RuleBook, Stage, VisitFacts, load_rules
from insurance.standards import load
from tests.insurance.rule_catalogs import MemoryCatalogs
from tests.insurance.rule_claims import LATEST, claim

STANDARD = load(LATEST)
BOOK = RuleBook(STANDARD, load_rules(), MemoryCatalogs())

OPEN = ("MA_LK", "STT", "MA_BN", "HO_TEN", "SO_CCCD", "NGAY_SINH", "GIOI_TINH", "MA_QUOCTICH", "MA_DANTOC",
        "MA_NGHE_NGHIEP", "DIA_CHI", "MATINH_CU_TRU", "MAXA_CU_TRU", "MA_THE_BHYT", "MA_DKBD", "GT_THE_TU",
        "GT_THE_DEN", "MA_DOITUONG_KCB", "NGAY_VAO", "MA_LOAI_KCB", "MA_CSKCB", "LY_DO_VV")  # fmt: skip
"""What the summary knows while the visit is open."""
EXAMINED = (*OPEN, "CHAN_DOAN_VAO", "CHAN_DOAN_RV", "MA_BENH_CHINH", "MA_BENH_KT", "CAN_NANG", "NGAY_TAI_KHAM")
DRUG = ("STT", "MA_THUOC", "MA_NHOM", "TEN_THUOC", "DON_VI_TINH", "HAM_LUONG", "DUONG_DUNG", "LIEU_DUNG", "SO_DANG_KY",
        "TT_THAU", "PHAM_VI", "SO_LUONG", "MA_KHOA", "MA_BAC_SI", "NGAY_YL")  # fmt: skip
SERVICE = ("STT", "MA_DICH_VU", "MA_NHOM", "TEN_DICH_VU", "DON_VI_TINH", "PHAM_VI", "SO_LUONG", "MA_KHOA", "MA_BAC_SI",
           "NGAY_YL")  # fmt: skip


def at_the_desk(overlay: str, known: tuple[str, ...]) -> VisitFacts:
    """The outpatient claim as it stands before it is settled; all other fields are empty."""
    whole = claim(f"out; {overlay}")
    tables = {}
    for name, tags in (("XML1", known), ("XML2", DRUG), ("XML3", SERVICE)):
        rows = [row.texts for row in whole.rows(name)]
        tables[name] = [{tag: text if tag in tags else "" for tag, text in row.items()} for row in rows]
    return VisitFacts(STANDARD, tables)


@pytest.mark.parametrize(("stage", "known"), [(Stage.ORDER, OPEN), (Stage.ORDER, EXAMINED), (Stage.SIGN, EXAMINED)])
def test_what_is_not_known_yet_is_no_fault(stage: Stage, known: tuple[str, ...]) -> None:
    assert [f"{f.rule} {f.table}.{f.field}" for f in BOOK.check(at_the_desk("", known), stage)] == []


@pytest.mark.parametrize(
    ("overlay", "rule"),
    [
        ("XML2.MA_THUOC=40.999", "drug.known"),
        ("XML2.SO_LUONG=0", "drug.quantity_positive"),
        ("XML2.SO_LUONG=30", "clinical.dose_quantity"),
        ("XML2.SO_LUONG=10", "clinical.dose_short"),
        ("XML2.LIEU_DUNG=Uống khi đau", "clinical.dose_shape"),
        ("XML2.MA_BAC_SI=000099/ZZ-GPHN", "drug.licence_registered"),
        ("XML3[2].MA_DICH_VU=22.0120.9999", "service.known"),
        ("XML3[2].NGAY_YL=202608020800", "service.order_time"),
        ("XML3[2].MA_NHOM=13; XML3[2].MA_DICH_VU=02.1896", "service.exam_twice"),
        ("XML3[2].MA_NHOM=15", "service.bed_outpatient"),
        ("XML1.GIOI_TINH=1; XML1.MA_BENH_KT=O80.0", "summary.sex_male"),
        ("XML1.MA_LOAI_KCB=07", "summary.pickup_exam"),
    ],
)
def test_a_wrong_line_is_said_when_it_is_ordered(overlay: str, rule: str) -> None:
    assert rule in {finding.rule for finding in BOOK.check(at_the_desk(overlay, EXAMINED), Stage.ORDER)}
