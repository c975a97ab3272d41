"""How values are written for the reader: money, quantities, dates, ages. Pure; the template filters wrap it.

Vietnamese writing: dot for thousands, comma for decimals, day before month.
A float is a defect everywhere near money and quantities, so it is refused loudly.
"""

import unicodedata
import zlib
from datetime import date, datetime
from decimal import Decimal

from his.core import dates

ACCENTS = 12
Number = Decimal | int


def decimal_text(value: Number, *, decimals: int | None = None) -> str:
    """`1250500.50` -> `1.250.500,50`. `decimals` fixes their number; None drops trailing zeros."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(f"a Decimal or int is needed, not {type(value).__name__}")
    number = Decimal(value)
    plain = f"{number:f}" if decimals is None else f"{number:.{decimals}f}"
    sign = "-" if plain.startswith("-") else ""
    whole, _, fraction = plain.lstrip("-").partition(".")
    fraction = fraction.rstrip("0") if decimals is None else fraction
    text = f"{Decimal(whole):,}".replace(",", ".") + (f",{fraction}" if fraction else "")
    return text if text.strip("0,.") == "" else sign + text


def money_text(value: Number) -> str:
    """Đồng with dots for thousands; two decimals only when there is a part of a đồng."""
    whole = Decimal(value) == Decimal(value).to_integral_value() if not isinstance(value, float) else False
    return decimal_text(value, decimals=0 if whole else 2)


def signed_money_text(value: Number) -> str:
    """A change in đồng with its sign, `+9.700` or `−1.940`; `0` when nothing changed."""
    return f"+{money_text(value)}" if value > 0 else f"−{money_text(-value)}" if value < 0 else "0"


def day_text(value: date) -> str:
    """`22/11/2026`; an instant is shown by its Vietnamese day."""
    if isinstance(value, datetime):
        value = _wall(value).date()
    return f"{value.day:02d}/{value.month:02d}/{value.year:04d}"


def minute_text(value: datetime) -> str:
    """`22/11/2026 08:05` in Vietnamese wall time."""
    wall = _wall(value)
    return f"{day_text(wall.date())} {wall.hour:02d}:{wall.minute:02d}"


def time_text(value: datetime) -> str:
    """`08:05` in Vietnamese wall time."""
    wall = _wall(value)
    return f"{wall.hour:02d}:{wall.minute:02d}"


def _wall(value: datetime) -> datetime:
    return value if value.tzinfo is None else dates.local(value)


def accent(key: str) -> str:
    """CSS class of the patient's accent: stable for one patient code, so that two tabs look different."""
    return f"accent-{zlib.crc32(key.encode()) % ACCENTS}"


def matches(text: str, query: str) -> list[tuple[int, int]]:
    """Where the words of `query`, typed with or without marks, begin a word of `text`: ranges in `text`."""
    folded, origin = _folded(text)
    marked = [False] * len(text)
    for word in _folded(unicodedata.normalize("NFC", query))[0].split():
        start = folded.find(word)
        while start >= 0:
            if start == 0 or not folded[start - 1].isalnum():
                for at in range(start, start + len(word)):
                    marked[origin[at]] = True
            start = folded.find(word, start + 1)
    return _ranges(text, marked)


def fold_char(char: str) -> str:
    """One character without its marks, lower case; may be empty (a mark) or longer (`ß`)."""
    plain = "d" if char in "đĐ" else unicodedata.normalize("NFD", char)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def _folded(text: str) -> tuple[str, list[int]]:
    """The text without marks, and for each of its characters the position in the original."""
    letters: list[str] = []
    origin: list[int] = []
    for at, char in enumerate(text):
        for part in fold_char(char):
            letters.append(part)
            origin.append(at)
    return "".join(letters), origin


def _ranges(text: str, marked: list[bool]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for at, char in enumerate(text):
        # A combining mark belongs to the letter before it, also in text that is not composed.
        if marked[at] or (unicodedata.combining(char) and ranges and ranges[-1][1] == at):
            if ranges and ranges[-1][1] == at:
                ranges[-1] = (ranges[-1][0], at + 1)
            else:
                ranges.append((at, at + 1))
    return ranges
