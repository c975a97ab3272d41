"""Money in đồng: always Decimal, one rounding rule, and shares that add up to the whole.

Amounts have 2 decimals, rounded half up (QĐ 130/QĐ-BYT annex; money policy in docs/money.md).
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def round2(value: Decimal) -> Decimal:
    """Round to 2 decimals, half up; the only rounding of line amounts."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def round0(value: Decimal) -> Decimal:
    """Round to whole đồng, half up; for cash and printed papers."""
    return value.quantize(Decimal(1), rounding=ROUND_HALF_UP)


def allocate(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Share `total` by weight in units of 0.01 đồng, largest remainder first, so that the shares sum to it exactly.

    Equal remainders go to the earlier position. All-zero weights share equally. Raises ValueError on
    no weights or a negative weight.
    """
    if not weights or any(w < 0 for w in weights):
        raise ValueError("weights must be non-empty and not negative")
    base = sum(weights, Decimal(0))
    shares = [w / base for w in weights] if base else [Decimal(1) / len(weights)] * len(weights)
    units = int(round2(total) / CENT)
    exact = [share * units for share in shares]
    floors = [int(e // 1) for e in exact]
    left = units - sum(floors)
    order = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in order[:left]:
        floors[i] += 1
    return [f * CENT for f in floors]
