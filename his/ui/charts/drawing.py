"""What all pictures share: shapes, series, and how texts and coordinates are written. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from his.ui.text import decimal_text

Number = Decimal | int
Values = Sequence[Number | None]
WIDTH, HEIGHT = 680, 230
"""Units of the picture; the stylesheet makes it as wide as its place."""
_TENTH = Decimal("0.1")
_SHORT = ((Decimal(10) ** 9, " tỷ"), (Decimal(10) ** 6, " triệu"), (Decimal(10) ** 3, " nghìn"))
_WHOLE_BELOW = Decimal(10) ** 4


@dataclass(frozen=True, slots=True)
class Shape:
    """One SVG element: a name and attributes that only this package writes, a text, and a hint shown on pointing."""

    tag: str
    css: str
    attributes: tuple[tuple[str, str], ...]
    text: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Values by position under one name; None where nothing is known, which is not zero."""

    name: str
    values: Values


@dataclass(slots=True)
class Drawing:
    """A picture. `key` makes its ids unique on the page; `summary` says in words what is seen; without shapes there is
    nothing to show and the template says `empty`."""

    key: str
    title: str
    summary: str = ""
    empty: str = "Chưa có dữ liệu"
    height: int = HEIGHT
    width: int = WIDTH
    shapes: list[Shape] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)

    def rect(self, css: str, x: Number, y: Number, width: Number, height: Number, hint: str = "") -> None:
        """A rectangle from its upper left corner."""
        place = (("x", at(x)), ("y", at(y)), ("width", at(max(width, 0))), ("height", at(max(height, 0))))
        self.shapes.append(Shape("rect", css, place, hint=hint))

    def write(self, css: str, x: Number, y: Number, text: str, anchor: str = "start") -> None:
        """A text; `anchor` says whether it starts, centres or ends at `x`."""
        self.shapes.append(Shape("text", css, (("x", at(x)), ("y", at(y)), ("text-anchor", anchor)), text))

    def line(self, css: str, x1: Number, y1: Number, x2: Number, y2: Number) -> None:
        """A straight line."""
        self.shapes.append(Shape("line", css, (("x1", at(x1)), ("y1", at(y1)), ("x2", at(x2)), ("y2", at(y2)))))


def at(value: Number) -> str:
    """A coordinate to a tenth, with a point whatever the language of the page."""
    return f"{Decimal(value).quantize(_TENTH).normalize():f}"


def short_text(value: Number) -> str:
    """`12.500.000` -> `12,5 triệu`: for axes, where the exact figure stands in the table."""
    number = Decimal(value)
    for size, word in _SHORT:
        if abs(number) >= max(size, _WHOLE_BELOW):
            return decimal_text((number / size).quantize(_TENTH)) + word
    return decimal_text(number.quantize(_TENTH))


def ticks(low: Number, high: Number, most: int = 5) -> list[Decimal]:
    """Round values from at most `low` to at least `high`, zero among them: steps of 1, 2 or 5 times a power of ten."""
    low, high = min(Decimal(low), Decimal(0)), max(Decimal(high), Decimal(0))
    step = Decimal(1)
    sizes = (2, Decimal("2.5"), 2)  # 1 -> 2 -> 5 -> 10
    turn = 0
    while (high - low) / step > most:
        step *= sizes[turn % 3]
        turn += 1
    first, last = (low / step).to_integral_value("ROUND_FLOOR"), (high / step).to_integral_value("ROUND_CEILING")
    return [step * count for count in range(int(first), max(int(last), int(first) + 1) + 1)]


def is_empty(series: Sequence[Series]) -> bool:
    """Whether there is nothing to draw: no value, or only zeros."""
    return not any(value for one in series for value in one.values)


class Frame:
    """Axes of a picture by positions: grid lines with their numbers, labels below, and where a value lies."""

    LEFT, RIGHT, TOP, BOTTOM = 84, 8, 10, 24

    def __init__(self, drawing: Drawing, labels: Sequence[str], marks: Sequence[Decimal], unit: str) -> None:
        self.drawing, self.labels, self.marks = drawing, labels, marks
        self.slot = Decimal(drawing.width - self.LEFT - self.RIGHT) / max(len(labels), 1)
        self.floor = Decimal(drawing.height - self.BOTTOM)
        self._draw(unit)

    def y(self, value: Number) -> Decimal:
        """The height of a value."""
        low, high = self.marks[0], self.marks[-1]
        return self.floor - (Decimal(value) - low) / (high - low) * (self.floor - self.TOP)

    def left(self, position: int) -> Decimal:
        """Where the place of a position begins."""
        return self.LEFT + self.slot * position

    def _draw(self, unit: str) -> None:
        end = self.drawing.width - self.RIGHT
        for mark in self.marks:
            height = self.y(mark)
            self.drawing.line("axis" if mark == 0 else "grid", self.LEFT, height, end, height)
            self.drawing.write("tick", self.LEFT - 6, height + 4, short_text(mark), "end")
        if unit:
            self.drawing.write("unit", 2, self.TOP + 1, unit)
        every = -(-len(self.labels) // 16)
        for position, label in enumerate(self.labels):
            if position % every == 0:
                middle = self.left(position) + self.slot / 2
                self.drawing.write("tick", middle, self.drawing.height - 7, label, "middle")


def spoken(labels: Sequence[str], series: Sequence[Series], unit: str) -> str:
    """What a picture shows, in words: of each series its highest value and where."""
    said = []
    for one in series:
        known = [(value, label) for value, label in zip(one.values, labels, strict=True) if value is not None]
        if known:
            top, label = max(known, key=lambda pair: pair[0])
            said.append(f"{one.name}: cao nhất {label}, {decimal_text(Decimal(top))} {unit}".rstrip())
    return ". ".join(said)
