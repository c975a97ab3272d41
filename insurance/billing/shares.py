"""Who pays a charge, or many: the six amounts of a split, as statements, differences and checks add them up."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from operator import attrgetter, sub

from his.core.money import ZERO
from insurance.models import BenefitLine


@dataclass(frozen=True, slots=True)
class Shares:
    """What it costs, what of it is insured, and who pays, đồng; columns (7), (9) to (13) of form 01/KBCB."""

    hospital: Decimal = ZERO
    insured: Decimal = ZERO
    fund: Decimal = ZERO
    copay: Decimal = ZERO
    other: Decimal = ZERO
    self_paid: Decimal = ZERO

    @classmethod
    def of(cls, line: BenefitLine) -> "Shares":
        """Those of one line."""
        return cls(*_of_line(line))

    @classmethod
    def total(cls, parts: Iterable["Shares"]) -> "Shares":
        """The exact sum, amount by amount."""
        rows = [_amounts(part) for part in parts]
        if len(rows) < 2:
            return cls(*rows[0]) if rows else cls()
        return cls(*(sum(column, ZERO) for column in zip(*rows, strict=True)))

    def __sub__(self, less: "Shares") -> "Shares":
        return Shares(*map(sub, _amounts(self), _amounts(less)))

    @property
    def patient(self) -> Decimal:
        """Co-payment and self-paid part."""
        return self.copay + self.self_paid


# Read once, because a month has a hundred thousand lines.
_amounts = attrgetter(*(field.name for field in fields(Shares)))
_of_line = attrgetter(*(f"{field.name}_amount" for field in fields(Shares)))
