"""One drug of a planned examination."""

from dataclasses import dataclass
from decimal import Decimal

from his.catalogs.models import Drug


@dataclass(frozen=True, slots=True)
class DrugPlan:
    """One prescribed drug with the quantity that will be handed out, in units of the drug."""

    drug: Drug
    doses: tuple[Decimal, Decimal, Decimal, Decimal]
    days: int
    typed_quantity: Decimal | None
    quantity: Decimal
    usage: str
