"""Which factor of a line is likely wrong when its amounts agree with each other but not with quantity, price and rates.

The amounts of a line that add up, and the factors that do not give them, point at the factor: the one that would make
all equations right when it had another value. Of several such factors each is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from his.core.money import round2

HUNDRED = Decimal(100)
PLACES = {"quantity": 3, "unit_price": 3, "hospital_price": 3, "insured_price": 3, "insured_amount": 2}
"""Decimals of the factors that are no percents."""


@dataclass(frozen=True, slots=True)
class Equation:
    """`amount` is the product of the factors; a percent counts as a hundredth."""

    amount: Decimal
    factors: Sequence[str]

    def value(self, values: Mapping[str, Decimal]) -> Decimal:
        """The product, unrounded."""
        product = Decimal(1)
        for name in self.factors:
            product *= values[name] if name in PLACES else values[name] / HUNDRED
        return product

    def holds(self, values: Mapping[str, Decimal]) -> bool:
        """Whether the rounded product is the amount."""
        return round2(self.value(values)) == self.amount


def suspects(equations: Sequence[Equation], values: Mapping[str, Decimal]) -> Iterator[tuple[str, Decimal]]:
    """Each factor that, with the value given beside it, makes every equation hold; none when all hold already."""
    broken = [one for one in equations if not one.holds(values)]
    if not broken:
        return
    for name in broken[0].factors:
        needed = _needed(broken[0], name, values)
        if needed is not None and all(one.holds({**values, name: needed}) for one in equations):
            yield name, needed


def _needed(equation: Equation, name: str, values: Mapping[str, Decimal]) -> Decimal | None:
    """The value of a factor that the equation asks for, when it can be written with the decimals of the factor."""
    rest = equation.value({**values, name: Decimal(1)})
    if not rest or equation.amount <= 0:
        return None
    places = PLACES.get(name, 1)
    needed = (equation.amount / rest).quantize(Decimal(1).scaleb(-places))
    if needed <= 0 or (name not in PLACES and needed > HUNDRED):
        return None
    return needed
