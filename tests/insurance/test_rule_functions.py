"""What the rule functions work out: benefit percents of a visit, written doses, services that are not paid."""

from decimal import Decimal
from pathlib import Path

import pytest

from insurance import law
from insurance.rules.engine import RuleBook, RuleError, load_rules
from insurance.rules.engine.functions.doses import Dose, read_dose
from insurance.rules.engine.functions.levels import levels_of
from insurance.standards import load
from tests.insurance.rule_catalogs import MemoryCatalogs
from tests.insurance.rule_claims import LATEST, claim

LOW, HIGH = "XML1.T_TONGCHI_BH=379499.99", "XML1.T_TONGCHI_BH=379500.00"
BEFORE = "XML1.NGAY_VAO=202606200805; XML1.NGAY_RA=202606241000"


@pytest.mark.parametrize(
    ("overlay", "percents"),
    [
        (HIGH, {"95"}),
        (LOW, {"100"}),
        (f"{BEFORE}; XML1.T_TONGCHI_BH=351000.00", {"95"}),
        (f"{BEFORE}; XML1.T_TONGCHI_BH=350999.99", {"100"}),
        ("XML1.T_TONGCHI_BH=", {"95", "100"}),
        (f"{HIGH}; XML1.MA_THE_BHYT=DN4999900000042", {"80"}),
        (f"{HIGH}; XML1.MA_THE_BHYT=CN3999900000042", {"100"}),
        (f"{HIGH}; {BEFORE}; XML1.MA_THE_BHYT=CN3999900000042; XML1.NGAY_RA=202512241000", {"95"}),
        (f"{HIGH}; XML1.MA_THE_BHYT=HT3999900000042\\sDN4999900000042", {"80", "95"}),
        (f"{HIGH}; XML1.MA_DOITUONG_KCB=1.2", {"100"}),
        (f"{HIGH}; XML1.MA_DOITUONG_KCB=3.1; XML1.MA_THE_BHYT=DN4999900000042", {"32"}),
        (f"{LOW}; XML1.MA_DOITUONG_KCB=3.1; XML1.MA_THE_BHYT=DN4999900000042", {"40"}),
        (f"out; {HIGH}; XML1.MA_DOITUONG_KCB=3.1", {"0"}),
        (f"out; {HIGH}; XML1.MA_DOITUONG_KCB=1.13", {"47.5"}),
        (f"out; {HIGH}; {BEFORE}; XML1.MA_DOITUONG_KCB=1.13", {"0"}),
        (f"{HIGH}; XML1.NGAY_MIEN_CCT=20260601", {"95", "100"}),
        (f"{HIGH}; XML1.NAM_NAM_LIEN_TUC=20200101", {"95", "100"}),
        (f"{HIGH}; XML1.NGAY_MIEN_CCT=20260601; XML1.MA_DOITUONG_KCB=3.1", {"38"}),
    ],
)
def test_the_percents_that_fit_a_visit(overlay: str, percents: set[str]) -> None:
    levels = levels_of(claim(overlay))
    assert levels is not None
    assert {f"{one.normalize():f}" for one in levels.usual} == percents


@pytest.mark.parametrize(
    "overlay",
    [
        "XML1.MA_THE_BHYT=",
        "XML1.MA_DOITUONG_KCB=7.2",
        "XML1.MA_DOITUONG_KCB=8",
        "XML1.MA_DOITUONG_KCB=1.99",
        "XML1.MA_THE_BHYT=HT",
        "XML1.NGAY_RA=; XML1.NGAY_VAO=",
    ],
)
def test_nothing_is_said_of_a_percent_that_cannot_be_told(overlay: str) -> None:
    assert levels_of(claim(overlay)) is None


@pytest.mark.parametrize(
    ("text", "dose"),
    [
        ("1 viên/lần * 3 lần/ngày * 5 ngày [3 viên/ngày]", Dose(Decimal(3), "viên", 5)),
        ("0,5 Viên/lần x 2 lần/ngày x 30 ngày", Dose(Decimal(1), "viên", 30)),
        ("1/2 viên/lần * 2 lần/ngày * 7 ngày", Dose(Decimal(1), "viên", 7)),
        ("2 lần/ngày * 5 ngày", Dose(None, "", 5)),
        ("Sáng: 3 viên, Chiều: 2 viên, Tối: 1 viên [6 viên/ngày]", Dose(Decimal(6), "viên", None)),
        ("Sáng 1 viên, Tối 2 viên * 10 ngày [3 viên/ngày]", Dose(Decimal(3), "viên", 10)),
        ("3 viên/ngày * 7 ngày [Sáng 1 viên, Tối 2 viên]", Dose(Decimal(3), "viên", 7)),
        ("12 g * 2 thang * 5 ngày", Dose(None, "", 5)),
        ("Dùng theo chỉ dẫn * 7 ngày", Dose(None, "", 7)),
        ("Uống khi đau", None),
    ],
)
def test_a_written_dose_is_read(text: str, dose: Dose | None) -> None:
    assert read_dose(text) == dose


def services(*names: str, visit: str = "", per_row: str = "") -> str:
    """An overlay that names the services of the first rows."""
    rows = [f"XML3[{n}].TEN_DICH_VU={name}; XML3[{n}].NGAY_YL=20260803{8 + n:02}00" for n, name in enumerate(names, 1)]
    return "; ".join([*rows, visit, per_row])


NOT_PAID = RuleBook(
    load(LATEST), [rule for rule in load_rules() if rule.id == "clinical.services_not_paid"], MemoryCatalogs()
)


@pytest.mark.parametrize(
    ("overlay", "rows"),
    [
        (services("Siêu âm ổ bụng", "Siêu âm tử cung phần phụ"), [2]),
        (services("Siêu âm ổ bụng", "Siêu âm tử cung phần phụ", per_row="XML3[2].PHAM_VI=2"), []),
        (services("Siêu âm ổ bụng", "Siêu âm tử cung phần phụ", per_row="XML3[2].NGAY_YL=202608051000"), []),
        (services("Siêu âm tử cung phần phụ", "Siêu âm tuyến giáp"), []),
        (services("AFB trực tiếp nhuộm Ziehl-Neelsen", "AFB trực tiếp nhuộm Ziehl-Neelsen"), []),
        (services("AFB trực tiếp", "AFB trực tiếp", "AFB trực tiếp"), [3]),
        (services("Định lượng Procalcitonin", per_row="XML3.SO_LUONG=2"), [1]),
        (services("Tiêm tĩnh mạch"), [1]),
        (services("Tiêm tĩnh mạch", visit="XML1.MA_LOAI_KCB=02"), []),
        (services("Tiêm tĩnh mạch", per_row="XML3.DON_GIA_BH=0"), []),
    ],
)
def test_services_that_are_not_paid(overlay: str, rows: list[int]) -> None:
    assert [finding.row for finding in NOT_PAID.check(claim(overlay))] == rows


def decree(folder: Path, row: str) -> None:
    """Put a folder with one row about unpaid services in force."""
    path = folder / "rules" / "lists" / "services_not_paid.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("id,paid,refused,most,per,visit_types,valid_from,valid_to,law,note\n" + row + "\n", "utf-8")
    law.use(folder)


def test_a_decree_changes_what_is_not_paid(tmp_path: Path) -> None:
    overlay = services("AFB trực tiếp", "AFB trực tiếp", "AFB trực tiếp")
    try:
        decree(tmp_path, "KT184,,^afb,3,day,,2026-01-01,,Công văn thử,")
        assert NOT_PAID.check(claim(overlay)) == []
        decree(tmp_path / "faulty", "KT184,,^afb,ba,day,,2026-01-01,,Công văn thử,")
        with pytest.raises(RuleError, match=r"services_not_paid\.csv, line 2"):
            NOT_PAID.check(claim(overlay))
    finally:
        law.use()
    assert [finding.row for finding in NOT_PAID.check(claim(overlay))] == [3]
