"""Amounts of money in Vietnamese words, as receipts and settlement forms print them (số tiền viết bằng chữ)."""

from decimal import Decimal

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_BILLION = 1_000_000_000
_SCALES = ((1_000_000, "triệu"), (1_000, "nghìn"), (1, ""))


def amount_in_words(amount: Decimal | int) -> str:
    """`1250500` -> "Một triệu hai trăm năm mươi nghìn năm trăm đồng".

    The amount is whole đồng (a part of a đồng raises ValueError: who prints decides how to round). Negative
    amounts begin with "Âm". Any size is read, in thousands and millions of tỷ.
    """
    whole = int(amount)
    if whole != amount:
        raise ValueError(f"{amount} is not a whole number of đồng")
    sign = "âm " if whole < 0 else ""
    text = f"{sign}{number_in_words(abs(whole))} đồng"
    return text[0].upper() + text[1:]


def number_in_words(number: int) -> str:
    """A whole number from zero up in lower-case words, without a unit."""
    if number < 0:
        raise ValueError("number_in_words takes numbers from zero up")
    return " ".join(_words(number, is_first=True)) if number else _DIGITS[0]


def quantity_in_words(quantity: Decimal) -> str:
    """`7` -> "Bảy", `2.5` -> "Hai phẩy năm": a quantity from zero up, as prescriptions of narcotics write it."""
    whole, _, part = f"{quantity.normalize():f}".partition(".")
    text = number_in_words(int(whole))
    if part:
        text += " phẩy " + " ".join(_DIGITS[int(digit)] for digit in part)
    return text[0].upper() + text[1:]


def _words(number: int, *, is_first: bool) -> list[str]:
    """The words of a number; what follows a larger part is read with all three digits ("không trăm linh năm")."""
    words: list[str] = []
    billions, rest = divmod(number, _BILLION)
    if billions:
        words += [*_words(billions, is_first=is_first), "tỷ"]
        is_first = False
    for size, name in _SCALES:
        group = rest // size % 1000
        if not group:
            continue
        words += _group(group, is_full=not is_first)
        if name:
            words.append(name)
        is_first = False
    return words


def _group(group: int, *, is_full: bool) -> list[str]:
    """Three digits; `is_full` also says the hundreds that are zero."""
    hundreds, tens, units = group // 100, group // 10 % 10, group % 10
    words: list[str] = []
    says_hundreds = hundreds > 0 or is_full
    if says_hundreds:
        words += [_DIGITS[hundreds], "trăm"]
    if tens == 0:
        if units:
            words += ["linh", _DIGITS[units]] if says_hundreds else [_DIGITS[units]]
        return words
    words += ["mười"] if tens == 1 else [_DIGITS[tens], "mươi"]
    if units:
        words.append(_unit_after_ten(tens, units))
    return words


def _unit_after_ten(tens: int, units: int) -> str:
    if units == 5:
        return "lăm"
    if tens > 1:
        return {1: "mốt", 4: "tư"}.get(units, _DIGITS[units])
    return _DIGITS[units]
