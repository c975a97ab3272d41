"""Amounts in words: known cases, and reading them back by an independent parser."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from his.core.words import amount_in_words, number_in_words

DIGITS = {
    **{word: n for n, word in enumerate(("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"))},
    "mốt": 1,
    "tư": 4,
    "lăm": 5,
}


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "Không đồng"),
        (4, "Bốn đồng"),
        (10, "Mười đồng"),
        (14, "Mười bốn đồng"),
        (15, "Mười lăm đồng"),
        (21, "Hai mươi mốt đồng"),
        (24, "Hai mươi tư đồng"),
        (105, "Một trăm linh năm đồng"),
        (111, "Một trăm mười một đồng"),
        (1005, "Một nghìn không trăm linh năm đồng"),
        (21000, "Hai mươi mốt nghìn đồng"),
        (1250500, "Một triệu hai trăm năm mươi nghìn năm trăm đồng"),
        (105000000, "Một trăm linh năm triệu đồng"),
        (2000015000, "Hai tỷ không trăm mười lăm nghìn đồng"),
        (15 * 10**12, "Mười lăm nghìn tỷ đồng"),
        (-5000, "Âm năm nghìn đồng"),
        (Decimal("390160.00"), "Ba trăm chín mươi nghìn một trăm sáu mươi đồng"),
    ],
)
def test_known_amounts(amount: Decimal | int, words: str) -> None:
    assert amount_in_words(amount) == words


def test_parts_of_a_dong_are_refused() -> None:
    with pytest.raises(ValueError, match="whole"):
        amount_in_words(Decimal("0.50"))
    with pytest.raises(ValueError, match="zero up"):
        number_in_words(-1)


def read(words: str) -> int:
    """The number that the words say, read from left to right."""
    total = section = group = digit = 0
    for word in words.split():
        if word in DIGITS:
            digit = DIGITS[word]
            continue
        if word == "mười":
            group += 10
        elif word in {"trăm", "mươi"}:
            group += digit * (100 if word == "trăm" else 10)
        elif word in {"nghìn", "triệu"}:
            section += (group + digit) * (1000 if word == "nghìn" else 1_000_000)
            group = 0
        elif word == "tỷ":
            total, section, group = (total + section + group + digit) * 10**9, 0, 0
        else:
            assert word == "linh"
        digit = 0
    return total + section + group + digit


@given(st.one_of(st.integers(0, 10**6), st.integers(0, 10**30)))
def test_words_say_the_number(number: int) -> None:
    assert read(number_in_words(number)) == number
