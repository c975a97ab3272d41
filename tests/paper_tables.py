"""Finds the tables of the cashier's papers in their text: the cost statement, the report of a drawer or a day, a slip.

Reads `tests.pdf_text` and nothing of the product, so that what is printed can be added up by another program.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tests import pdf_text
from tests.pdf_text import Piece, amount

LEFT = 9 / 25.4 * 72
"""Where the table of a statement begins, points."""
COLUMNS = {7: "hospital", 9: "insured", 10: "fund", 11: "copay", 12: "other", 13: "self_paid"}
HALF_A_COLUMN = 26
"""Points; what stands farther off in a report is a bank's number in the notes."""
_MONEY = re.compile(r"-?\d{1,3}(\.\d{3})*(,\d+)?")


@dataclass(frozen=True, slots=True)
class Printed:
    """A line of the table of a statement: page, cells by column number."""

    page: int
    cells: dict[int, str]

    @property
    def amounts(self) -> tuple[Decimal, ...]:
        return tuple(amount(self.cells[column]) for column in COLUMNS)

    @property
    def is_row(self) -> bool:
        """A thing that was provided has a quantity; sums have none."""
        return 3 in self.cells and all(column in self.cells for column in COLUMNS)

    @property
    def is_sum(self) -> bool:
        return 3 not in self.cells and all(column in self.cells for column in COLUMNS)


def text_of(pdf: bytes) -> str:
    """All text of a paper, pieces apart by a blank."""
    return pdf_text.joined(pdf_text.pieces(pdf))


def statement_lines(pdf: bytes) -> list[Printed]:
    """The lines of the table with amounts in them, in order; the head and what is around the table left out."""
    pieces = pdf_text.pieces(pdf)
    right = _edges(pieces)
    lines: dict[tuple[int, int], dict[int, str]] = {}
    for piece in pieces:
        begins = piece.x < LEFT + 6  # the words of a sum reach over several columns
        column = 1 if begins else next((n for n, edge in enumerate(right, 1) if piece.right <= edge + 0.5), 0)
        near = next((y for page, y in lines if page == piece.page and abs(y - piece.y) < 2), round(piece.y))
        lines.setdefault((piece.page, near), {}).setdefault(column, piece.text)
    found = [Printed(page, cells) for (page, _), cells in lines.items()]
    return [line for line in found if (line.is_row or line.is_sum) and line.cells[7] != "(7)"]


def total(lines: Sequence[Printed]) -> tuple[Decimal, ...]:
    """The sum of the lines by column."""
    return tuple(sum((line.amounts[n] for line in lines), Decimal(0)) for n in range(len(COLUMNS)))


def _edges(pieces: Sequence[Piece]) -> list[float]:
    """The right edge of each column, from the numbers that stand in the middle of them."""
    numbers = {piece.text: piece for piece in pieces if piece.page == 1}
    found, left = [], LEFT
    for column in range(1, 14):
        left += 2 * (numbers[f"({column})"].middle - left)
        found.append(left)
    return found


def report_amounts(pdf: bytes) -> dict[str, tuple[Decimal, ...]]:
    """The printed money of each line of a cashier's report, by what it begins with: cash, transfer, card, sum."""
    pieces = pdf_text.pieces(pdf)
    head = {piece.text: piece for piece in pieces if piece.page == 1}
    bounds = {"Tiền mặt": 0, "Thẻ": 2, "Tổng": 3}
    middles = sorted((head[name].middle, place) for name, place in bounds.items())
    middles.append(((middles[0][0] + middles[1][0]) / 2, 1))
    found: dict[str, tuple[Decimal, ...]] = {}
    for row in _rows(pieces):
        money = [Decimal(0)] * 4
        for piece in row:
            away, place = min((abs(middle - piece.middle), place) for middle, place in middles)
            if re.fullmatch(r"-?\d{1,3}(\.\d{3})*", piece.text) and away < HALF_A_COLUMN:
                money[place] = amount(piece.text)
        name = next((p.text for p in row if re.match(r"[A-ZĐ]{2}\d\d\.\d|TỔNG|CÒN PHẢI", p.text)), "")
        if name and any(money):
            found[name] = tuple(money)
    return found


def slip_lines(pdf: bytes) -> tuple[list[tuple[Decimal, ...]], tuple[Decimal, ...]]:
    """The table of a slip on A5: amount, fund, co-payment and self-paid part of each line, and of the last, the sum."""
    lines, sums = [], ()
    for row in _rows(pdf_text.pieces(pdf)):
        money = tuple(amount(piece.text) for piece in row if _MONEY.fullmatch(piece.text))
        if any(piece.text == "Cộng (đồng)" for piece in row):
            sums = money[-4:]
        elif len(money) >= 6 and row[0].text.isdigit():
            lines.append(money[-4:])
    return lines, sums


def _rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces that stand on one line, from left to right."""
    lines: dict[tuple[int, int], list[Piece]] = {}
    for piece in pieces:
        near = next((key for key in lines if key[0] == piece.page and abs(key[1] - piece.y) < 2), None)
        lines.setdefault(near or (piece.page, round(piece.y)), []).append(piece)
    return [sorted(row, key=lambda piece: piece.x) for row in lines.values()]
