"""Laboratory values against their reference range (khoảng tham chiếu): pure functions on typed text.

A value stays as it was typed; only its reading as a number is compared. Comma and dot are both decimal marks.
"""

import re
from decimal import Decimal

_WORDS = re.compile(r"^[^\W\d_]{2,}(?=[\s,;:(.]|$)[^<>]*$")  # "Âm tính", "Dương tính (1+)"; not "O,5", "abc<>"
_SIGNS = re.compile(r"^(?:\+{1,4}|±|[1-4]\+|\([+±-]{1,4}\))$")  # strips and smears: "++", "2+", "(-)"
_TITRE = re.compile(r"^\d+\s*[/:^]\s*\d+$")  # "1/80", "10^5"
_NUMBER = re.compile(r"^([<>≤≥]?)=?\s*(-?\d+(?:[.,]\d+)?)$")


def read_number(text: str) -> Decimal | None:
    """The number in a typed value: "5,6", "5.6", "<0,01". None for words such as "Âm tính"."""
    found = _NUMBER.match(text.strip())
    return Decimal(found[2].replace(",", ".")) if found else None


def is_readable(value: str) -> bool:
    """Whether a value of an indicator with limits is a number, words, signs or a titre; "6,,1", "5-6" are slips."""
    text = value.strip()
    return not text or read_number(text) is not None or any(one.match(text) for one in (_WORDS, _SIGNS, _TITRE))


def is_abnormal(value: str, low: str = "", high: str = "") -> bool:
    """Whether a typed value lies outside the range; the limits themselves are normal.

    "<0,5" is below a lower limit of 0,5, ">10" above an upper limit of 10. Words and open limits are never abnormal.
    """
    found = _NUMBER.match(value.strip())
    if not found:
        return False
    number, sign = Decimal(found[2].replace(",", ".")), found[1]
    lowest, highest = read_number(low), read_number(high)
    if lowest is not None and (number < lowest or (sign == "<" and number == lowest)):
        return True
    return highest is not None and (number > highest or (sign == ">" and number == highest))


def reference_text(low: str = "", high: str = "") -> str:
    """The range as printed: "4 - 10", "≤ 5,2", "≥ 60"; empty without limits."""
    low, high = low.replace(".", ","), high.replace(".", ",")
    if low and high:
        return f"{low} - {high}"
    if high:
        return f"≤ {high}"
    return f"≥ {low}" if low else ""
