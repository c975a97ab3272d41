"""Squares whose shade tells the value: rows by columns, such as weekdays by hours. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from his.ui.charts.drawing import Drawing, Number
from his.ui.text import decimal_text

SHADES: Final = 5
_ROW, _LEFT, _TOP = 24, 72, 20
_WIDEST, _WHOLE = Decimal(70), Decimal(1)


def heat(
    key: str,
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Mapping[tuple[int, int], Number],
    *,
    unit: str,
) -> Drawing:
    """A square for each row and column, shaded in five steps up to the highest value, with the value in it.

    `values` are by position; a place without one stays empty.
    """
    drawing = Drawing(key, title, height=_TOP + _ROW * len(rows) + 4)
    most = max((Decimal(value) for value in values.values()), default=Decimal(0))
    if not most:
        return drawing
    slot = min(Decimal(drawing.width - _LEFT - 4) / len(columns), _WIDEST)
    for x, label in enumerate(columns):
        drawing.write("tick", _LEFT + slot * x + slot / 2, 13, label, "middle")
    for y, label in enumerate(rows):
        drawing.write("tick", _LEFT - 6, _TOP + _ROW * y + 16, label, "end")
    for (y, x), value in sorted(values.items()):
        left, top = _LEFT + slot * x, _TOP + _ROW * y
        shade = min(SHADES, int(Decimal(value) * SHADES / most) + 1)
        text = decimal_text(Decimal(value).quantize(_WHOLE))
        hint = f"{rows[y]}, {columns[x]}: {text} {unit}"
        drawing.rect(f"h{shade}", left + 1, top + 1, slot - 2, _ROW - 2, hint)
        drawing.write(f"in-h{shade}", left + slot / 2, top + 16, text, "middle")
    (row, column), top_value = max(values.items(), key=lambda pair: pair[1])
    drawing.summary = (
        f"Cao nhất {rows[row]}, {columns[column]}: {decimal_text(Decimal(top_value).quantize(_WHOLE))} {unit}"
    )
    return drawing
