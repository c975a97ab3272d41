"""A drawing with the table that tells the same numbers: what a screen includes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from his.ui.charts.drawing import Drawing
from his.ui.text import decimal_text, money_text


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the table: its text, to the right when it is a number, and what it opens."""

    text: str
    is_number: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What `his/components/picture.html` shows. A heading is (name, whether its cells are numbers)."""

    drawing: Drawing
    headings: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Cell] = ()
    note: str = ""


def headings(*names: str) -> tuple[tuple[str, bool], ...]:
    """The first column names the row, all others are numbers."""
    return tuple((name, position > 0) for position, name in enumerate(names))


def counted(value: Decimal | int | None, url: str = "") -> Cell:
    """A count or a measure; a dash when it is not known. A zero opens nothing."""
    return Cell("–" if value is None else decimal_text(value), is_number=True, url=url if value else "")


def paid(value: Decimal, url: str = "") -> Cell:
    """Đồng, whole."""
    return Cell(money_text(value.quantize(Decimal(1))), is_number=True, url=url if value else "")
