"""The benefit split: pure, dated, explained.

`split(facts, items, load(on=facts.ended_on))` says for one visit what the health-insurance fund, the
patient and other sources pay, line by line, and why. It reads no clock, no database and no settings
module; every number that a decree can change is a dated row of `insurance/data/benefits`.
Follows Luật BHYT Đ22 (as amended by Law 51/2024), NĐ 188/2025, QĐ 3276/2025 and the amount formulas of QĐ 4750.
"""

from insurance.benefits.engine.facts import (
    BenefitError,
    Facts,
    Item,
    LaterCard,
    LineSplit,
    Split,
    Step,
    Totals,
    split_reason,
)
from insurance.benefits.engine.params import Params, load
from insurance.benefits.engine.splitter import split

__all__ = [
    "BenefitError",
    "Facts",
    "Item",
    "LaterCard",
    "LineSplit",
    "Params",
    "Split",
    "Step",
    "Totals",
    "load",
    "split",
    "split_reason",
]
