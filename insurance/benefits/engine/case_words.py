"""Words, numbers, days and JSON cells of case rows. What cannot be read raises `BenefitError` that names the field."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from his.core.dates import parse_day
from insurance.benefits.engine.facts import BenefitError

Row = Mapping[str, str]
Extra = Mapping[str, Any]

_PARTED_DAY = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[ T][\d:.+Z]*)?", re.ASCII)
_PLAIN_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{4}|\d{6})?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2}[/.-]\d{1,2}[/.-]\d{4})(?: [\d:]*)?", re.ASCII)
_ANSWERS = {"Y": True, "N": False, "": False}


def mapping(text: str, name: str) -> Extra:
    """A JSON object; an empty cell and null have nothing in them."""
    read = _json(text or "null", name)
    if read is None:
        return {}
    if not isinstance(read, dict):
        raise BenefitError(name, f"{name} không phải là một đối tượng JSON")
    return read


def mappings(text: str, name: str) -> list[Extra]:
    """A JSON list of objects."""
    read = _json(text, name)
    if not isinstance(read, list) or not all(isinstance(line, dict) for line in read):
        raise BenefitError(name, f"{name} không phải là danh sách các dòng chi phí")
    return read


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_int=Decimal, object_pairs_hook=_once)
    except ValueError as error:
        raise BenefitError(name, f"{name} không phải JSON: {error}") from error
    except RecursionError:
        raise BenefitError(name, f"{name} lồng nhau quá sâu") from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("một khóa được viết hai lần")
    return read


def word(raw: Extra, name: str, default: str) -> str:
    """A code as text, written as a number or not; what is missing, null or empty is the default."""
    value = raw.get(name)
    return default if value in (None, "") else str(value).strip().removesuffix(".0")


def optional(raw: Extra, name: str, where: str) -> Decimal | None:
    """A number of zero or more, None when it is missing, null or empty."""
    text = word(raw, name, "")
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise BenefitError("number", f"{where}: {name} = {text} không phải là số") from None
    if not value.is_finite() or value < 0:
        raise BenefitError("number", f"{where}: {name} = {text} phải là số không âm")
    return value


def number(raw: Extra, name: str, default: Decimal | None, where: str) -> Decimal:
    """A number of zero or more; without a default it must be there."""
    value = optional(raw, name, where)
    if value is not None:
        return value
    if default is None:
        raise BenefitError("number_missing", f"{where}: thiếu {name}")
    return default


def is_yes(row: Row, name: str) -> bool:
    """Y or N; an empty cell is N. Another answer is refused, because money hangs on it."""
    answer = row.get(name, "").upper()
    if answer not in _ANSWERS:
        raise BenefitError(name, f"{name}: chỉ nhận Y hoặc N, không phải {row[name]}")
    return _ANSWERS[answer]


def day(value: Any, name: str) -> date:
    """The day of 2026-08-03, 2026-08-03 15:30, 20260803, 202608031530 or, day first, 03/08/2026."""
    text = str(value).strip()
    try:
        if found := _PARTED_DAY.fullmatch(text):
            return date(int(found[1]), int(found[3]), int(found[4]))
        if found := _PLAIN_DAY.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _DAY_FIRST.fullmatch(text):
            return parse_day(found[1])
    except ValueError:
        pass
    raise BenefitError(name, f"{name}: {text or 'để trống'} không phải là ngày")


def is_day_first(text: str) -> bool:
    """Whether a day is written 03/08/2026, which elsewhere means the eighth of March."""
    return _DAY_FIRST.fullmatch(text.strip()) is not None
