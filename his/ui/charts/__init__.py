"""Pictures of numbers: pure functions from series to a drawing, which one template writes as SVG.

A drawing holds shapes with texts as they are; the template escapes them, classes of the stylesheet colour them (no
inline style), so nothing that a user typed can become markup. A picture never stands alone: the numbers it shows also
stand in a table beside it (`his/components/picture.html`).
"""

from his.ui.charts.bars import bars, funnel, ranks
from his.ui.charts.drawing import Drawing, Series, Shape
from his.ui.charts.heat import heat
from his.ui.charts.lines import lines
from his.ui.charts.picture import Cell, Picture, counted, headings, paid

__all__ = [
    "Cell",
    "Drawing",
    "Picture",
    "Series",
    "Shape",
    "bars",
    "counted",
    "funnel",
    "headings",
    "heat",
    "lines",
    "paid",
    "ranks",
]
