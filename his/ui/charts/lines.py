"""Lines over months or other moments. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from his.ui.charts.drawing import Drawing, Frame, Series, Shape, at, is_empty, spoken, ticks
from his.ui.text import decimal_text


def lines(key: str, title: str, labels: Sequence[str], series: Sequence[Series], *, unit: str) -> Drawing:
    """A line with a mark at each known value; where nothing is known the line has a gap."""
    drawing = Drawing(key, title, spoken(labels, series, unit))
    if is_empty(series):
        return drawing
    known = [Decimal(value) for one in series for value in one.values if value is not None]
    frame = Frame(drawing, labels, ticks(min(known), max(known)), unit)
    for number, one in enumerate(series, 1):
        places: list[tuple[str, str]] = []
        for position, value in enumerate(one.values):
            if value is None:
                _path(drawing, number, places)
                places = []
                continue
            x, y = at(frame.left(position) + frame.slot / 2), at(frame.y(value))
            places.append((x, y))
            hint = f"{labels[position]}, {one.name}: {decimal_text(Decimal(value))}"
            drawing.shapes.append(Shape("circle", f"dot d{number}", (("cx", x), ("cy", y), ("r", "3.5")), hint=hint))
        _path(drawing, number, places)
    drawing.legend = [(f"s{number}", one.name) for number, one in enumerate(series, 1)] if len(series) > 1 else []
    return drawing


def _path(drawing: Drawing, number: int, places: Sequence[tuple[str, str]]) -> None:
    if len(places) > 1:
        points = " ".join(f"{x},{y}" for x, y in places)
        drawing.shapes.append(Shape("polyline", f"line l{number}", (("points", points),)))
