"""What is typed into a line of a register, as it is stored and shown. Pure.

A stored cell is a text: days as 2026-10-06, numbers with a dot and without trailing zeros, yes and no as 1 and 0,
choices in their own words. Nothing typed is an empty text: not asked, or not known.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from his.core.dates import parse_birth, parse_day
from reports.registers.definition import Column, Register

YES, NO = "1", "0"
YES_NO = ((YES, "Có"), (NO, "Không"))
LONGEST = {"long": 2000}
LONGEST_TEXT = 500


def read_line(register: Register, typed: Mapping[str, str], *, on: date) -> tuple[dict[str, str], dict[str, str]]:
    """(what is stored by column, what is wrong by column, in Vietnamese) of what was typed on the day."""
    values, wrong = {}, {}
    for column in register.columns:
        try:
            values[column.key] = read_cell(column, typed.get(column.key, ""), on=on)
        except ValueError as error:
            wrong[column.key] = str(error)
    return values, wrong


def read_cell(column: Column, typed: str, *, on: date) -> str:
    """One typed cell as it is stored. Raises ValueError in Vietnamese."""
    text = unicodedata.normalize("NFC", typed).replace("\x00", "").strip()
    if not text:
        if column.is_required:
            raise ValueError("Cần ghi mục này")
        return ""
    if len(text) > LONGEST.get(column.kind, LONGEST_TEXT):
        raise ValueError(f"Dài quá {LONGEST.get(column.kind, LONGEST_TEXT)} ký tự")
    if column.kind == "date":
        return _day(text)
    if column.kind == "birth":
        return parse_birth(text, on=on).text()
    if column.kind == "number":
        return _number(column, text)
    if column.kind == "yesno":
        return _one_of(text, (YES, NO))
    if column.kind == "choice":
        return _one_of(text, column.choices)
    return text if column.kind == "long" else " ".join(text.split())


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return parse_day(text).isoformat()


def _number(column: Column, text: str) -> str:
    try:
        number = Decimal(text.replace(" ", "").replace(",", "."))
    except InvalidOperation:
        raise ValueError("Hãy gõ một số") from None
    if not number.is_finite() or abs(number) >= 10**9 or number != round(number, 3):
        raise ValueError("Số không hợp lệ")
    if (column.low and number < Decimal(column.low)) or (column.high and number > Decimal(column.high)):
        raise ValueError(f"Phải từ {column.low or '…'} đến {column.high or '…'}")
    return f"{number.normalize():f}"


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise ValueError("Hãy chọn một mục trong danh sách")
    return text


def shown_cell(column: Column, stored: str) -> str:
    """A stored cell as people read it."""
    if not stored:
        return ""
    if column.kind == "date":
        return f"{date.fromisoformat(stored):%d/%m/%Y}"
    if column.kind == "number":
        return stored.replace(".", ",")
    if column.kind == "yesno":
        return dict(YES_NO)[stored]
    return stored


def amounts_of(register: Register, stored: Mapping[str, str]) -> dict[str, Decimal]:
    """What a line adds to the totals, by the words of the total."""
    return {
        column.total: Decimal(stored[column.key])
        for column in register.columns
        if column.total and stored.get(column.key)
    }
