"""How values are written and read back: money, quantities, dates, ages, search marks."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils.html import escape
from hypothesis import given
from hypothesis import strategies as st

from his.core.dates import BirthDate
from his.core.text import fold
from his.ui import text
from his.ui.forms import DayField, MoneyField, NumberField
from his.ui.templatetags import his_ui

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)
ON = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Decimal("1250500"), "1.250.500"),
        (Decimal("1250500.00"), "1.250.500"),
        (Decimal("1250500.50"), "1.250.500,50"),
        (Decimal("0.00"), "0"),
        (Decimal("-0.00"), "0"),
        (Decimal("-2000"), "-2.000"),
        (999, "999"),
        (None, ""),
    ],
)
def test_money(amount: Decimal | int | None, written: str) -> None:
    assert his_ui.money(amount) == written


@pytest.mark.parametrize(
    ("quantity", "written"),
    [(Decimal("10.000"), "10"), (Decimal("0.50"), "0,5"), (Decimal("1E+3"), "1.000"), (Decimal("0"), "0"), (7, "7")],
)
def test_quantities_have_no_trailing_zeros(quantity: Decimal | int, written: str) -> None:
    assert his_ui.qty(quantity) == written


def test_percent() -> None:
    assert (his_ui.percent(Decimal("80.00")), his_ui.percent(Decimal("47.5"))) == ("80%", "47,5%")


@pytest.mark.parametrize("written", [his_ui.money, his_ui.qty, his_ui.percent])
def test_a_float_is_a_defect(written: object) -> None:
    with pytest.raises(TypeError):
        written(1.5)  # type: ignore[operator]


@given(AMOUNTS)
def test_money_written_is_read_back_the_same(amount: Decimal) -> None:
    assert MoneyField().clean(his_ui.money(amount)) == amount


@given(AMOUNTS)
def test_money_groups_have_three_digits(amount: Decimal) -> None:
    groups = his_ui.money(amount).lstrip("-").split(",")[0].split(".")
    assert 1 <= len(groups[0]) <= 3
    assert all(len(group) == 3 for group in groups[1:])


@given(st.decimals(min_value=0, max_value=10**9, places=3))
def test_a_quantity_written_is_read_back_the_same(quantity: Decimal) -> None:
    assert NumberField().clean(his_ui.qty(quantity)) == quantity


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0.5", "0.5"),
        ("0,5", "0.5"),
        ("1.250", "1250"),
        ("1.25", "1.25"),
        ("1 250 500 đ", "1250500"),
        ("0.125", "0.125"),
    ],
)
def test_numbers_as_desks_type_them(typed: str, number: str) -> None:
    assert NumberField().clean(typed) == Decimal(number)


@pytest.mark.parametrize("typed", ["abc", "1,2,3", "NaN", "Infinity", "1.2.3", "--1"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(Exception, match="Hãy gõ một số"):
        NumberField().clean(typed)


def test_days() -> None:
    assert his_ui.vn_date(ON) == "22/11/2026"
    assert his_ui.vn_date(BirthDate(date(1954, 1, 1), "year")) == "1954"
    # 18:30 UTC is after midnight in Vietnam
    late = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    assert (his_ui.vn_datetime(late), his_ui.vn_date(late), his_ui.vn_time(late)) == (
        "22/11/2026 01:30",
        "22/11/2026",
        "01:30",
    )
    assert DayField().clean("22112026") == DayField().clean("22/11/2026") == ON
    with pytest.raises(Exception, match="Ngày không có thật"):
        DayField().clean("31022026")


@pytest.mark.parametrize(
    ("born", "written"),
    [
        (date(1954, 3, 15), "72 tuổi"),
        (date(2025, 5, 20), "18 tháng"),
        (date(2026, 11, 10), "12 ngày"),
        (date(2020, 11, 22), "6 tuổi"),
        (date(2020, 11, 23), "71 tháng"),
        (BirthDate(date(1954, 1, 1), "year"), "72 tuổi"),
        (None, ""),
    ],
)
def test_age_in_the_unit_a_clinician_expects(born: date | BirthDate | None, written: str) -> None:
    assert his_ui.age(born, ON) == written


@pytest.mark.parametrize(
    ("original", "query", "shown"),
    [
        ("Nguyễn Đức Ấm", "duc", "Nguyễn <mark>Đức</mark> Ấm"),
        ("Nguyễn Đức Ấm", "am nguy", "<mark>Nguy</mark>ễn Đức <mark>Ấm</mark>"),
        ("Đau bụng, đầu", "ĐẦU", "<mark>Đau</mark> bụng, <mark>đầu</mark>"),
        ("Tăng huyết áp", "uyet", "Tăng huyết áp"),
        ("a < b", "b", "a &lt; <mark>b</mark>"),
        ("Lan", "", "Lan"),
        (None, "x", ""),
    ],
)
def test_highlight_marks_the_original(original: str | None, query: str, shown: str) -> None:
    assert his_ui.highlight(original, query) == shown


@given(st.text(max_size=40), st.text(max_size=10))
def test_highlight_never_changes_the_text(original: str, query: str) -> None:
    shown = his_ui.highlight(original, query)
    assert shown.replace("<mark>", "").replace("</mark>", "") == escape(original)


@given(st.sampled_from("ĂắÂẬĐđÊệƠợỮÝỵ"))
def test_one_letter_folds_as_search_does(letter: str) -> None:
    assert text.fold_char(letter) == fold(letter)


def test_keyed_underlines_the_alt_letter() -> None:
    assert his_ui.keyed("Đơn thuốc", "d") == "<u>Đ</u>ơn thuốc"
    assert his_ui.keyed("In", "x") == "In (<u>X</u>)"


def test_accents_are_stable() -> None:
    assert text.accent("26000123") == text.accent("26000123")
    assert len({text.accent(f"26{number:06d}") for number in range(200)}) == text.ACCENTS


def test_filters_are_built_in() -> None:
    page = Template("{{ a|money }} {{ q|qty }} {{ c|accent }} {{ k|keycap }} {% data unit=u none=n %}")
    context = Context({"a": Decimal("5000"), "q": Decimal("1.50"), "c": "1", "k": "Ctrl+Delete", "u": 'Viên"', "n": ""})
    assert page.render(context) == f'5.000 1,5 {text.accent("1")} Ctrl+Del data-unit="Viên&quot;"'
