"""Doses, quantities and lengths of prescriptions (liều dùng, số lượng): pure functions, no Django, no clock.

Units: a dose is in units of the drug (tablets, sachets) or in ml for the rule `volume`; days are whole days; a quantity
is in the unit in which the drug is dispensed and priced (tablet, bottle, tube).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

COUNT: Final = "count"
VOLUME: Final = "volume"
WEIGHT: Final = "weight"
PACK: Final = "pack"

DAYS_MAX: Final = 30
"""Longest outpatient prescription (TT 26/2025/TT-BYT, as TT 52/2017 before it)."""
DAYS_MAX_LONG: Final = 90
"""Longest prescription for a disease of annex VII of TT 26/2025/TT-BYT."""

NARCOTIC: Final = "narcotic"
PSYCHOTROPIC: Final = "psychotropic"
PRECURSOR: Final = "precursor"
AUTHORISED_ONLY: Final = frozenset({NARCOTIC, PSYCHOTROPIC, PRECURSOR})
"""Control classes (`Drug.control_class`) that only prescribers whom the head has authorised prescribe (TT 20/2017)."""
DAYS_MAX_NARCOTIC: Final = 7
"""Longest prescription of a narcotic drug for an acute disease (TT 26/2025/TT-BYT)."""
DAYS_MAX_PSYCHOTROPIC: Final = 10
"""Longest prescription of a psychotropic drug or a precursor for an acute disease (TT 26/2025/TT-BYT)."""
_PAIN_OF = "C00 - C97, B20 - B24"
"""Diseases whose pain is treated with narcotics for up to 30 days: cancer, AIDS (TT 26/2025/TT-BYT)."""

_CODE = re.compile(r"[A-Z]\d{2}(?:\.\d{1,2})?")
_RANGE = re.compile(rf"({_CODE.pattern})\s*(?:-|–|đến)\s*({_CODE.pattern})")
_EXCEPT = re.compile(r"\(\s*trừ\s+([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Doses:
    """What is taken at the four times of a day; zero where nothing is taken."""

    morning: Decimal = Decimal(0)
    noon: Decimal = Decimal(0)
    afternoon: Decimal = Decimal(0)
    evening: Decimal = Decimal(0)

    def each(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """In the order of the day."""
        return (self.morning, self.noon, self.afternoon, self.evening)

    @property
    def a_day(self) -> Decimal:
        """The sum over one day."""
        return sum(self.each(), Decimal(0))

    @property
    def times(self) -> int:
        """How many times a day something is taken."""
        return sum(1 for dose in self.each() if dose)


def quantity_of(rule: str, pack_size: Decimal, doses: Doses, days: int) -> Decimal:
    """The quantity to dispense, in whole units, rounded up, or in grams; zero when it cannot be computed.

    `count`: doses a day times days, half units rounded up to a whole one. `volume`: ml a day times days, in bottles of
    `pack_size` ml. `weight`: grams a day times days as they are, because a herb is weighed. `pack`: zero, because tubes
    and drops are given by the doctor.
    """
    if rule == PACK or days < 1:
        return Decimal(0)
    total = doses.a_day * days
    if rule == WEIGHT:
        return total
    if rule == VOLUME:
        if pack_size <= 0:
            return Decimal(0)
        total /= pack_size
    return total.to_integral_value(rounding=ROUND_CEILING)


def days_lasting(rule: str, pack_size: Decimal, doses: Doses, days: int, quantity: Decimal) -> int:
    """How many days so much of a line lasts: the days of the line, or fewer when it is less than the doses take. The
    last day may be half a one. What is given in packs, or without doses by the clock, lasts as the doctor wrote."""
    if doses.a_day <= 0 or rule == PACK or (rule == VOLUME and pack_size <= 0):
        return days
    taken = quantity * (pack_size if rule == VOLUME else 1) / doses.a_day
    return min(days, int(taken.to_integral_value(rounding=ROUND_CEILING)))


def dose_text(rule: str, unit: str, doses: Doses, days: int) -> str:
    """The dose as claims write it: "1 viên x 2 lần/ngày x 5 ngày [2 viên/ngày]" (LIEU_DUNG, QĐ 130/QĐ-BYT).

    Doses that differ over the day are spelled out: "sáng 1, tối 0,5 viên x 5 ngày [1,5 viên/ngày]".
    Without doses: empty.
    """
    if not doses.times:
        return ""
    what = "ml" if rule == VOLUME else unit.lower()
    different = {dose for dose in doses.each() if dose}
    if len(different) == 1:
        taken = f"{number(different.pop())} {what} x {doses.times} lần/ngày"
    else:
        names = ("sáng", "trưa", "chiều", "tối")
        taken = (
            ", ".join(f"{name} {number(dose)}" for name, dose in zip(names, doses.each(), strict=True) if dose)
            + f" {what}"
        )
    return f"{taken} x {days} ngày [{number(doses.a_day)} {what}/ngày]"


def number(value: Decimal) -> str:
    """A quantity without trailing zeros and with a decimal comma: 2, 0,5."""
    return f"{value.normalize():f}".replace(".", ",")


def days_allowed(main_code: str, expressions: Iterable[str]) -> int:
    """Most days that may be prescribed: 90 when the main diagnosis fits one of the disease expressions, else 30."""
    return DAYS_MAX_LONG if any(covers(expression, main_code) for expression in expressions) else DAYS_MAX


def days_allowed_of(control_class: str, main_code: str, days: int) -> int:
    """Most days of one drug, given those that the main diagnosis allows: drugs under special control have their own.

    Narcotics 7 days, 30 for the pain of cancer and AIDS; psychotropics and precursors 10, 30 for a long disease.
    """
    if control_class == NARCOTIC:
        return DAYS_MAX if is_long_pain(main_code) else DAYS_MAX_NARCOTIC
    if control_class in (PSYCHOTROPIC, PRECURSOR):
        return DAYS_MAX if days > DAYS_MAX else DAYS_MAX_PSYCHOTROPIC
    return days


def is_long_pain(main_code: str) -> bool:
    """Whether the disease is cancer or AIDS, whose pain is treated with narcotics for longer (TT 26/2025/TT-BYT)."""
    return covers(_PAIN_OF, main_code)


def covers(expression: str, code: str) -> bool:
    """Whether an ICD-10 expression of annex VII names the code or its category.

    Understands lists ("I20, I21"), ranges ("B20 đến B24", "E10 - E14") and exceptions ("(trừ E10.0, E10.1)").
    """
    if not code:
        return False
    without = _EXCEPT.search(expression)
    if without and any(_within(code, left_out) for left_out in _CODE.findall(without[1])):
        return False
    named = _EXCEPT.sub("", expression)
    if any(first <= code[: len(first)] and code[: len(last)] <= last for first, last in _RANGE.findall(named)):
        return True
    return any(_within(code, one) for one in _CODE.findall(_RANGE.sub("", named)))


def _within(code: str, named: str) -> bool:
    """J06.9 lies within J06 and within J06.9, not within J06.90 or J0."""
    return code == named or code.startswith(named if "." in named else f"{named}.")
