"""Who pays a charge, or many: the six amounts of a split, as statements, differences and checks add them up."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal

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
        return cls(*(getattr(line, f"{field.name}_amount") for field in fields(cls)))

    @classmethod
    def total(cls, parts: Iterable["Shares"]) -> "Shares":
        """The exact sum, amount by amount."""
        rows = list(parts)
        return cls(*(sum((getattr(row, field.name) for row in rows), ZERO) for field in fields(cls)))

    def __sub__(self, less: "Shares") -> "Shares":
        return Shares(*(getattr(self, field.name) - getattr(less, field.name) for field in fields(self)))

    @property
    def patient(self) -> Decimal:
        """Co-payment and self-paid part."""
        return self.copay + self.self_paid
