"""What a check of the reconciliation is, and over what it looks."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet

from his.accounts.models import Facility
from his.ui.text import money_text
from insurance.models import (
    BenefitResult,
    CashEntry,
)
from patients.models import Visit

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """Two places that say different things of one visit or paper, in Vietnamese."""

    ref: str
    what: str


@dataclass(slots=True)
class Check:
    """One identity: how many things were compared, and which of them differ."""

    name: str
    title: str
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)

    def differs(self, ref: str, what: str, here: object = None, there: object = None) -> None:
        """Note a difference; amounts are written as amounts."""
        if here is not None or there is not None:
            what = f"{what}: {_text(here)} và {_text(there)}"
        self.differences.append(Difference(ref, what))


@dataclass(frozen=True, slots=True)
class Scope:
    """A facility, and one claim month of it or everything."""

    facility: Facility
    month: date | None = None

    def visits(self) -> QuerySet[Visit]:
        rows = Visit.objects.for_facility(self.facility)
        return rows if self.month is None else rows.filter(claim_month=self.month)

    def results(self) -> QuerySet[BenefitResult]:
        """The splits in force."""
        rows = BenefitResult.objects.for_facility(self.facility).filter(is_current=True)
        return rows if self.month is None else rows.filter(visit__claim_month=self.month)

    def entries(self) -> QuerySet[CashEntry]:
        rows = CashEntry.objects.for_facility(self.facility)
        return rows if self.month is None else rows.filter(visit__claim_month=self.month)


def _text(value: object) -> str:
    return money_text(value) if isinstance(value, Decimal) else str(value)
