"""Bars: standing by day (beside each other or on top of each other), lying by rank, and the steps of a funnel. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from his.ui.charts.drawing import Drawing, Frame, Number, Series, is_empty, short_text, spoken, ticks
from his.ui.text import decimal_text

ZERO = Decimal(0)
ROW: Final = 26
"""The height of a lying bar with its gap."""
_NAME, _END = 250, 96
"""Room for the names before lying bars, and for the numbers behind them."""
_NAME_LETTERS, _LETTERS = 36, 13
"""The most letters of a name before it is cut, and of a number before it is said shortly."""


def bars(
    key: str, title: str, labels: Sequence[str], series: Sequence[Series], *, unit: str, stacked: bool = True
) -> Drawing:
    """Bars by position; on top of each other they show the sum. What is below zero stands below the axis."""
    drawing = Drawing(key, title, spoken(labels, series, unit))
    if is_empty(series):
        return drawing
    heaps = [[Decimal(one.values[i] or 0) for one in series] for i in range(len(labels))]
    high = max(sum((v for v in heap if v > 0), ZERO) if stacked else max(heap) for heap in heaps)
    low = min(sum((v for v in heap if v < 0), ZERO) if stacked else min(heap) for heap in heaps)
    frame = Frame(drawing, labels, ticks(low, high), unit)
    for position, heap in enumerate(heaps):
        (_heap if stacked else _group)(frame, position, heap, series)
    drawing.legend = [(f"s{number}", one.name) for number, one in enumerate(series, 1)] if len(series) > 1 else []
    return drawing


def _heap(frame: Frame, position: int, heap: Sequence[Decimal], series: Sequence[Series]) -> None:
    above = below = ZERO
    gap = frame.slot * Decimal("0.14")
    for number, value in enumerate(heap, 1):
        start = above if value > 0 else below
        top, foot = frame.y(max(start, start + value)), frame.y(min(start, start + value))
        hint = _hint(frame.labels[position], series[number - 1].name, value)
        if value:
            frame.drawing.rect(f"s{number}", frame.left(position) + gap, top, frame.slot - 2 * gap, foot - top, hint)
        above, below = (above + value, below) if value > 0 else (above, below + value)


def _group(frame: Frame, position: int, heap: Sequence[Decimal], series: Sequence[Series]) -> None:
    gap = frame.slot * Decimal("0.14")
    width = (frame.slot - 2 * gap) / len(heap)
    for number, value in enumerate(heap, 1):
        top, foot = frame.y(max(value, ZERO)), frame.y(min(value, ZERO))
        hint = _hint(frame.labels[position], series[number - 1].name, value)
        if value:
            frame.drawing.rect(
                f"s{number}", frame.left(position) + gap + width * (number - 1), top, width, foot - top, hint
            )


def _hint(label: str, name: str, value: Number) -> str:
    return f"{label}, {name}: {decimal_text(Decimal(value))}"


def ranks(key: str, title: str, rows: Sequence[tuple[str, Number]], *, unit: str, css: Sequence[str] = ()) -> Drawing:
    """Lying bars with their names before and their numbers behind them, in the order given, each of its class."""
    series = Series(title, [value for _, value in rows])
    drawing = Drawing(key, title, spoken([name for name, _ in rows], [series], unit), height=ROW * len(rows) + 6)
    if is_empty([series]):
        return drawing
    most, room = max(Decimal(value) for _, value in rows), drawing.width - _NAME - _END
    for number, (name, value) in enumerate(rows):
        top = 4 + ROW * number
        drawing.write("name", _NAME - 8, top + 15, _cut(name), "end")
        width = room * Decimal(value) / most
        drawing.rect(css[number] if css else "s1", _NAME, top, width, ROW - 6, _hint(name, unit, value))
        text = decimal_text(Decimal(value))
        drawing.write("value", _NAME + width + 6, top + 15, text if len(text) <= _LETTERS else short_text(value))
    return drawing


def funnel(key: str, title: str, steps: Sequence[tuple[str, int]], *, unit: str) -> Drawing:
    """Steps of which each is a part of the one before: bars around one middle, each with its percent of the first."""
    series = Series(title, [value for _, value in steps])
    drawing = Drawing(key, title, "", height=ROW * len(steps) + 6)
    if is_empty([series]):
        return drawing
    first = max(value for _, value in steps)
    drawing.summary = "; ".join(f"{name}: {decimal_text(value)} {unit}" for name, value in steps)
    room = drawing.width - _NAME - _END
    for number, (name, value) in enumerate(steps):
        top, width = 4 + ROW * number, room * Decimal(value) / first
        drawing.write("name", _NAME - 8, top + 15, _cut(name), "end")
        drawing.rect("s1", _NAME + (room - width) / 2, top, width, ROW - 6, _hint(name, unit, value))
        share = decimal_text((Decimal(value) * 100 / first).quantize(Decimal("0.1")))
        drawing.write("value", _NAME + room + 6, top + 15, f"{share}%")
    return drawing


def _cut(name: str) -> str:
    return name if len(name) <= _NAME_LETTERS else f"{name[: _NAME_LETTERS - 1].rstrip()}…"
