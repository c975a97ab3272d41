"""The checks at the foot of form 01/BH: each passes on a good report and names the rows of a bad one."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from reports.checks import Facts, Finding, blocking, run_checks
from tests.reports.frozen import FORM, report

TAGS = FORM.tags
Change = Callable[[dict[str, Any]], None]


def claims_of(values: dict[str, Any]) -> Facts:
    """Facts in which the claims say the same as the report."""
    sums = {tag: sum((Decimal(row[TAGS.index(tag)]) for row in values["rows"]), Decimal(0)) for tag in FORM.summed_tags}
    return Facts(figures={"claims": sums})


def findings(values: dict[str, Any], facts: Facts | None = None) -> dict[str, Finding]:
    return {row.title: row for row in run_checks(FORM, values, facts or claims_of(values)) if not row.passed}


def put(row: int, tag: str, value: object) -> Change:
    def change(values: dict[str, Any]) -> None:
        values["rows"][row][TAGS.index(tag)] = value

    return change


def test_a_good_report_passes() -> None:
    assert findings(report()) == {}


@pytest.mark.parametrize(
    ("title", "change"),
    [
        ("Cột (3) = (4) + (5)", put(1, "T_BNCCT", "0.02")),
        ("Cột (2) = (3) + (6) + (7)", put(1, "T_NGUONKHAC", "1000.00")),
        ("Các trường bắt buộc có giá trị", put(1, "MA_BENH_CHINH", "")),
        ("Không trường nào dài quá kích thước của mẫu", put(1, "MA_BENH_CHINH", "I10.12345")),
        ("Ngày vào ≤ ngày vào nội trú ≤ ngày ra", put(1, "NGAY_RA", "202610060759")),
        ("Ngày vào ≤ ngày vào nội trú ≤ ngày ra", put(1, "NGAY_VAO_NOI_TRU", "202609300800")),
        ("Mọi loại hình KCB đều thuộc một phần của biểu", lambda values: values["sections"].__setitem__(1, "")),
    ],
)
def test_a_wrong_row_is_named(title: str, change: Change) -> None:
    values = report()
    change(values)
    found = findings(values)
    assert found[title].refs == (values["refs"][1],)
    assert found[title].severity == "blocking"
    assert blocking([row.stored() for row in found.values()])


def test_a_cent_is_tolerated() -> None:
    """The portal compares to 0.01 đồng."""
    values = report()
    put(1, "T_BNCCT", "0.01")(values)
    assert "Cột (3) = (4) + (5)" not in findings(values)


def test_sums_that_differ_from_the_claims_block() -> None:
    values = report()
    facts = claims_of(values)
    wrong = {**facts.figures["claims"], "T_BHTT": Decimal("1551060.63")}
    found = findings(values, Facts(flags={"claims_differ": ["99002.2610.000004"]}, figures={"claims": wrong}))
    check = found["Tổng tiền bằng các hồ sơ XML của tháng"]
    assert check.message == "Quỹ trả: biểu 1.551.060,64, hồ sơ 1.551.060,63; 1 hồ sơ khác dòng của biểu"
    assert check.refs == ("99002.2610.000004",)


def test_flags_open_their_visits() -> None:
    values = report()
    facts = Facts(flags={"unpaid": ["99002.2610.000002"]}, figures=claims_of(values).figures)
    assert findings(values, facts)["Người bệnh đã thanh toán xong phần của mình"].refs == ("99002.2610.000002",)


def test_the_gap_of_rounding_is_said_and_is_no_error() -> None:
    values = report()
    for row in range(3):
        put(row, "T_BHTT", "100.50")(values)
    note = next(row for row in run_checks(FORM, values, claims_of(values)) if row.severity == "note")
    # 101 + 101 + 101 + 1,000,000 printed by rows; the sum 1,000,301.74 is printed as 1,000,302.
    assert (note.passed, note.message) == (True, "Quỹ BHYT thanh toán lệch -1 đ")
