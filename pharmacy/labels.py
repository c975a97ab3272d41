"""How a dose is written for the patient and the window. Pure."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

from his.ui.text import decimal_text


class Dose(Protocol):
    """A prescription line as far as its doses go."""

    morning: Decimal
    noon: Decimal
    afternoon: Decimal
    evening: Decimal
    days: int
    usage: str


_TIMES = (("morning", "sáng"), ("noon", "trưa"), ("afternoon", "chiều"), ("evening", "tối"))


def dose_text(line: Dose, unit: str) -> str:
    """`sáng 1, tối 1 (viên) × 7 ngày`; without doses by the clock, only the days. `unit` is that of one dose."""
    parts = [f"{name} {decimal_text(amount)}" for field, name in _TIMES if (amount := getattr(line, field)) > 0]
    doses = f"{', '.join(parts)} ({unit})" if parts else ""
    return _joined([doses, f"{line.days} ngày"], " × ")


def _joined(parts: Iterable[str], by: str) -> str:
    return by.join(part for part in parts if part)
