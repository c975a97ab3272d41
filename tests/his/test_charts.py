"""Pictures of numbers: what stands where, that texts stay texts, and that nothing breaks the strict page."""

import re
from decimal import Decimal
from itertools import pairwise

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from his.ui.charts import Drawing, Series, bars, funnel, heat, lines, ranks
from his.ui.charts.drawing import short_text, ticks

NASTY = """<b onload="x">&"'’ Ệ Ữ ]]></svg><script>"""


def drawn(drawing: Drawing) -> str:
    return render_to_string("his/components/drawing.html", {"drawing": drawing})


def svg(drawing: Drawing) -> etree._Element:
    """The picture read as XML, without the legend under it."""
    return etree.fromstring(re.search(r'<svg class="chart".*?</svg>\n', drawn(drawing), re.S)[0])


def number(shape: etree._Element, name: str) -> Decimal:
    return Decimal(shape.get(name))


def kinds(words: str) -> list[Drawing]:
    series = [Series(words, [1, None, 3]), Series("hai", [Decimal("2.5"), 0, -1])]
    labels = [words, "b", "c"]
    return [
        bars("a", words, labels, series, unit=words),
        bars("b", words, labels, series, unit=words, stacked=False),
        lines("c", words, labels, series, unit=words),
        ranks("d", words, [(words, 3), ("b", 1)], unit=words),
        funnel("e", words, [(words, 3), ("b", 1)], unit=words),
        heat("f", words, [words], ["8", "9"], {(0, 0): 3, (0, 1): Decimal("7.5")}, unit=words),
    ]


@pytest.mark.parametrize("position", range(6))
def test_texts_are_escaped_and_a_picture_has_a_name_in_words(position: int) -> None:
    drawing = kinds(NASTY)[position]
    root = svg(drawing)
    assert root.findtext("title") == NASTY
    assert root.find("desc").text
    assert root.get("aria-labelledby") == f"{drawing.key}-t {drawing.key}-d"
    assert {shape.tag for shape in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "rect",
        "text",
        "line",
        "circle",
        "polyline",
    }
    assert not [name for shape in root.iter() for name in shape.attrib if name == "style" or name.startswith("on")]
    assert any(NASTY[:20] in (shape.text or "") for shape in root.iter("text", "title"))


@pytest.mark.parametrize("position", range(6))
def test_everything_stands_inside_the_picture(position: int) -> None:
    root = svg(kinds("Lượt khám")[position])
    width, height = map(Decimal, root.get("viewBox").split()[2:])
    for rect in root.iter("rect"):
        assert number(rect, "x") >= 0 <= number(rect, "y")
        assert number(rect, "x") + number(rect, "width") <= width
        assert number(rect, "y") + number(rect, "height") <= height


def test_stacked_bars_stand_on_each_other_and_below_zero_below_the_axis() -> None:
    root = svg(bars("a", "Tiền", ["1"], [Series("x", [60]), Series("y", [40]), Series("z", [-50])], unit="đ"))
    first, second, third = root.iter("rect")
    (axis,) = [line for line in root.iter("line") if line.get("class") == "axis"]
    assert number(first, "y") + number(first, "height") == number(axis, "y1") == number(third, "y")
    assert number(second, "y") + number(second, "height") == number(first, "y")
    heights = [number(rect, "height") for rect in (first, second, third)]
    assert heights[0] * 5 == pytest.approx(heights[2] * 6, abs=1)
    assert [rect.findtext("title") for rect in (first, second, third)] == ["1, x: 60", "1, y: 40", "1, z: -50"]


def test_an_unknown_month_leaves_a_gap_and_is_not_zero() -> None:
    root = svg(lines("a", "Tiền", list("abcde"), [Series("x", [1, 2, None, 4, 5])], unit="đ"))
    assert len(list(root.iter("circle"))) == 4
    assert [len(line.get("points").split()) for line in root.iter("polyline")] == [2, 2]


def test_a_rank_is_as_long_as_its_number_and_a_funnel_says_its_part() -> None:
    first, second = svg(ranks("a", "Lỗi", [("x", 200), ("y", 50)], unit="hồ sơ")).iter("rect")
    assert number(first, "width") == number(second, "width") * 4
    texts = [text.text for text in svg(funnel("a", "Bước", [("x", 200), ("y", 50)], unit="lượt")).iter("text")]
    assert texts == ["x", "100%", "y", "25%"]


@pytest.mark.parametrize(
    "drawing",
    [
        bars("a", "t", ["1", "2"], [Series("x", [0, None])], unit=""),
        bars("a", "t", [], [Series("x", [])], unit=""),
        lines("a", "t", ["1"], [Series("x", [None])], unit=""),
        ranks("a", "t", [], unit=""),
        funnel("a", "t", [("x", 0)], unit=""),
        heat("a", "t", ["x"], [], {}, unit=""),
    ],
)
def test_without_data_it_says_so(drawing: Drawing) -> None:
    assert "Chưa có dữ liệu" in drawn(drawing)
    assert "<svg" not in drawn(drawing)


@given(low=st.decimals(-(10**12), 0, places=2), high=st.decimals(0, 10**12, places=2))
def test_axes_hold_every_value_with_few_round_marks(low: Decimal, high: Decimal) -> None:
    marks = ticks(low, high)
    assert marks[0] <= low <= high <= marks[-1]
    assert Decimal(0) in marks
    assert 2 <= len(marks) <= 7
    steps = {b - a for a, b in pairwise(marks)}
    assert len(steps) == 1
    assert str(int(steps.pop())).rstrip("0") in {"1", "2", "5"}


def test_numbers_of_an_axis_are_short_and_vietnamese() -> None:
    written = [short_text(Decimal(value)) for value in ("0", "950", "12500", "2500000", "-1200000000")]
    assert written == ["0", "950", "12,5 nghìn", "2,5 triệu", "-1,2 tỷ"]
