"""Rows of text as the amounts that the money check reads; a row with an amount that is no number is None."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from types import SimpleNamespace

from insurance.standards.model import NUMBER_TYPES, Standard


def money_rows(standard: Standard, table: str, rows: Iterable[Mapping[str, str]]) -> list[SimpleNamespace | None]:
    """The rows with attributes named by the standard: numbers as Decimal (an empty optional one is 0), else text."""
    return [_row(standard, table, row) for row in rows]


def _row(standard: Standard, table: str, texts: Mapping[str, str]) -> SimpleNamespace | None:
    values: dict[str, object] = {}
    for tag, source, is_number, is_required in _plan(standard, table):
        text = texts.get(tag, "")
        if not is_number:
            values[source] = text
        elif text:
            amount = _decimal(text)
            if amount is None:
                return None
            values[source] = amount
        elif is_required:
            return None
        else:
            values[source] = Decimal(0)
    return SimpleNamespace(**values)


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and value.adjusted() < 18 else None


@lru_cache(maxsize=64)
def _plan(standard: Standard, table: str) -> tuple[tuple[str, str, bool, bool], ...]:
    """Tag, attribute, whether it is a number, whether it must be there."""
    return tuple(
        (f.tag, f.source, f.types[0].base in NUMBER_TYPES, f.required == "yes")
        for f in standard.table(table).fields
        if f.source
    )
