"""How a stored report looks on paper, for PDF and spreadsheet alike: header cells, parts, totals. Pure.

Printed money is rounded to đồng; totals are rounded once, from sums that were never rounded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from his.core.money import round0
from his.core.words import amount_in_words
from his.ui.text import decimal_text, money_text
from reports.definition import NUMBERS, SUMMED, Column, Form
from reports.table import Cell, Part, parts_of, totals_of
from reports.words import SEXES


@dataclass(frozen=True, slots=True)
class HeaderCell:
    """One cell of the table header: place and size in columns and rows."""

    text: str
    x: int
    y: int
    width: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything above and below the rows."""

    columns: tuple[Column, ...]
    header: tuple[HeaderCell, ...]
    parts: tuple[Part, ...]
    totals: Mapping[str, Decimal]
    words: str
    first_sum: int
    """How many columns stand before the first sum: the label of a sum spans them."""
    total_count: int
    """How many rows the total adds up: neither headings nor parts that are not added."""


def layout_of(form: Form, values: Mapping[str, Any]) -> Layout:
    """The layout of a stored report."""
    columns = form.printed()
    totals = totals_of(form, values)
    parts = tuple(parts_of(form, values))
    apart = set(values.get("not_added", ()))
    return Layout(
        columns=columns,
        header=tuple(header_of(columns)),
        parts=parts,
        totals=totals,
        words=amount_in_words(round0(totals[form["words_column"]])) if form.get("words_column") else "",
        first_sum=next((i for i, column in enumerate(columns) if column.type in SUMMED), len(columns)),
        total_count=sum(len(part.positions) for part in parts if part.section not in apart),
    )


def period_text(values: Mapping[str, Any]) -> str:
    """The period, and the store when the report is of one: Tháng 10 năm 2026 · kho KC."""
    label: str = values["period"]["label"]
    return f"{label} · kho {values['store']}" if values.get("store") else label


def noun_of(form: Form) -> str:
    """What the rows are counted as."""
    return form.get("noun") or "lượt"


def header_of(columns: Sequence[Column]) -> list[HeaderCell]:
    """Two rows of headings, the upper one joining neighbours of a group, and a row of column numbers."""
    cells: list[HeaderCell] = []
    for x, column in enumerate(columns):
        if not column.group:
            cells.append(HeaderCell(column.heading, x, 0, height=2))
        else:
            if x == 0 or columns[x - 1].group != column.group:
                width = 1
                while x + width < len(columns) and columns[x + width].group == column.group:
                    width += 1
                cells.append(HeaderCell(column.group, x, 0, width=width))
            cells.append(HeaderCell(column.heading, x, 1))
        cells.append(HeaderCell(column.print_label, x, 2))
    return cells


def shown(column: Column, value: Cell) -> str:
    """A stored value as it is printed."""
    text = str(value)
    if not text or column.print_as in {"", "text", "center", "number"}:
        return text
    if column.type in NUMBERS or column.print_as == "decimal":  # a number that the file has as text too
        return number_text(column, Decimal(text))
    if column.print_as == "sex":
        return SEXES.get(text, text)
    return day_text(text)


def number_text(column: Column, value: Decimal) -> str:
    """A number as it is printed: whole đồng, thousands of đồng, or with the decimals that it has."""
    if column.print_as == "money":
        return money_text(round0(value))
    return decimal_text(round0(value / 1000) if column.print_as == "thousands" else value)


def day_text(digits: str) -> str:
    """The known parts of a stored day: 15/03/1954, 03/1954 or 1954."""
    year, month, day = digits[:4], digits[4:6], digits[6:8]
    if month == "00":
        return year
    return f"{month}/{year}" if day == "00" else f"{day}/{month}/{year}"
