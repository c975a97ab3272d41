"""How much room texts need on the paper of a spreadsheet. Pure.

A spreadsheet does not grow a row for a text that runs over when it was written by a program, so heights are reckoned
here, from the usual widths of letters of Times New Roman 10 on a screen of 96 dots an inch, rather too wide than too
narrow. Widths of columns are in the unit of the file (digits of its standard font: 7 dots each and 5 between).
"""

from collections.abc import Sequence
from functools import lru_cache

A3, A4 = 8, 9
"""Numbers of paper sizes in the file."""
_SIZES = {"a4": (A4, 8.27, 11.69), "a3": (A3, 11.69, 16.54)}
SIDE, TOP, BOTTOM = 0.35, 0.4, 0.5
"""Margins in inches."""
_DOT, _DIGIT, _GAP = 1 / 96, 7.0, 5.0
LINE, ROW = 13.0, 15.0
"""Points of one more line in a cell, and of a row with one line."""
_NARROW, _WIDE = frozenset("ijlftr.,:;-()/'|! "), frozenset("mwMWĐ%@")
BOLD = 1.1


def paper_number(size: str) -> int:
    """The number of a paper size in the file."""
    return _SIZES[size][0]


def room(size: str, *, landscape: bool) -> tuple[float, float]:
    """Width in dots and height in points of what can be printed on one page."""
    _, short, long = _SIZES[size]
    across, down = (long, short) if landscape else (short, long)
    return (across - 2 * SIDE) / _DOT, (down - TOP - BOTTOM) * 72


def dots(widths: Sequence[float]) -> float:
    """What some columns take together, in dots."""
    return sum(width * _DIGIT + _GAP for width in widths)


def spread(widths: Sequence[float], across: float) -> list[float]:
    """The columns of a table that is narrower than its page, widened in proportion to fill it; others as they are."""
    if dots(widths) >= across:
        return list(widths)
    factor = (across - _GAP * len(widths)) / (_DIGIT * sum(widths))
    return [int(width * factor * 100) / 100 for width in widths]


def cuts(widths: Sequence[float], shares: int) -> list[tuple[int, int]]:
    """The columns (first, last) of some shares of a table that are about equally wide, each of one column at least.

    Refuses nothing: with more shares than columns the last ones are left out.
    """
    count, whole = min(shares, len(widths)), dots(widths)
    ends: list[int] = []
    for share in range(1, count):
        lowest, highest = (ends[-1] + 1 if ends else 0), len(widths) - 1 - (count - share)
        wanted = whole * share / count
        ends.append(
            min(range(lowest, highest + 1), key=lambda end: (abs(dots(widths[: end + 1]) - wanted), end)),
        )
    starts = [0, *(end + 1 for end in ends)]
    return list(zip(starts, [*ends, len(widths) - 1], strict=True))


@lru_cache(maxsize=4096)
def _word(text: str) -> float:
    return sum(_letter(letter) for letter in text)


def _letter(letter: str) -> float:
    if letter in _NARROW:
        return 3.7
    if letter in _WIDE:
        return 11.0
    return 8.9 if letter.isupper() else 6.7 if letter.isdigit() else 6.0


def lines(text: str, width: float, scale: float = 1.0) -> int:
    """How many lines a text takes in some dots; `scale` is of the letters: bold ones, or another size."""
    if not text:
        return 1
    free = max(12.0, width - _GAP) / scale
    if _word(text) <= free:
        return 1
    count = 0
    for paragraph in text.split("\n"):
        count, left = count + 1, free
        for word in paragraph.split(" "):
            need = _word(word)
            if need > left and left < free:
                count, left = count + 1, free
            while need > free:  # a word longer than the line is broken
                count, need = count + 1, need - free
            left -= need + 3.4
    return count


def height(count: int) -> float:
    """Points of a row with so many lines."""
    return ROW if count <= 1 else count * LINE + 3
