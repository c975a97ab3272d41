"""How a dose is written for the window and, in plain words, for the patient. Pure."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Protocol

from his.core.text import fold
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

_VERBS: Final = {
    "": "dùng",
    "dang hit": "hít",
    "bot hit": "hít",
    "dung ngoai": "bôi ngoài da",
    "khi dung": "hít khí dung",
    "mieng dan": "dán",
    "phun mu": "hít",
    "thuoc mo mat": "tra mắt",
}
"""Routes whose name is no verb; all others are called as the list calls them: uống, tiêm bắp, nhỏ mắt."""

_FRACTIONS: Final = {
    Decimal("0.25"): "một phần tư",
    Decimal("0.33"): "một phần ba",
    Decimal("0.5"): "nửa",
    Decimal("0.67"): "hai phần ba",
    Decimal("0.75"): "ba phần tư",
}
_MEASURED: Final = frozenset({"ml", "g", "mg", "mcg", "iu", "ui", "đơn vị", "giọt"})
"""Units that are measured or counted in figures; half a tablet is said in words."""


def dose_text(line: Dose, unit: str) -> str:
    """`sáng 1, tối 1 (viên) × 7 ngày`; without doses by the clock, only the days. `unit` is that of one dose."""
    parts = [f"{name} {decimal_text(amount)}" for field, name in _TIMES if (amount := getattr(line, field)) > 0]
    doses = f"{', '.join(parts)} ({unit})" if parts else ""
    return _joined([doses, f"{line.days} ngày"], " × ")


def directions(line: Dose, unit: str, route: str) -> str:
    """What the label tells the patient: `Sáng uống 1 viên, tối uống nửa viên, sau ăn`.

    `unit` is that of one dose, `route` the name of the route (Uống, Tiêm bắp, Nhỏ mắt). Without doses by the clock the
    doctor's words stand alone, or the route and whom to ask.
    """
    verb = verb_of(route)
    doses = [
        f"{name} {verb} {amount_text(amount, unit)}" for field, name in _TIMES if (amount := getattr(line, field)) > 0
    ]
    words = _without_verb(line.usage.strip().rstrip("."), verb) if doses else line.usage.strip().rstrip(".")
    if not doses and not words:
        words = f"{verb} theo chỉ dẫn của bác sĩ"
    text = _joined([*doses, words], ", ")
    return text[:1].upper() + text[1:]


def verb_of(route: str) -> str:
    """What is done with the drug: the name of the route in small letters, or a verb for it.

    Of a route with several places (Nhỏ mắt, mũi, tai) only the verb is said.
    """
    folded, name = fold(route), route.strip().lower()
    return _VERBS.get(folded, name.split()[0] if "," in name else name)


def amount_text(amount: Decimal, unit: str) -> str:
    """One dose in words: `1 viên`, `nửa viên`, `1 viên rưỡi`, `2 viên và một phần tư`; measured units in figures."""
    if unit.lower() in _MEASURED or amount == amount.to_integral_value():
        return f"{decimal_text(amount)} {unit}"
    whole, rest = divmod(amount, Decimal(1))
    words = _FRACTIONS.get(rest)
    if words is None:
        return f"{decimal_text(amount)} {unit}"
    if not whole:
        return f"{words} {unit}"
    return f"{whole:f} {unit} rưỡi" if rest == Decimal("0.5") else f"{whole:f} {unit} và {words}"


def _without_verb(words: str, verb: str) -> str:
    """`Uống sau ăn` after `sáng uống 1 viên` is `sau ăn`."""
    if words.lower().startswith(f"{verb} "):
        words = words[len(verb) + 1 :].strip()
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


def _joined(parts: Iterable[str], by: str) -> str:
    return by.join(part for part in parts if part)
