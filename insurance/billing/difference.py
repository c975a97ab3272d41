"""What a correction changed: the split of a visit against the one that was in force before it was opened again."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from his.core.money import ZERO
from insurance.billing.queries import lines_of
from insurance.models import BenefitResult, Charge
from patients.models import Visit


class Line(Protocol):
    """Who pays one charge, đồng: a stored line, or one of a split that is not stored."""

    @property
    def hospital_amount(self) -> Decimal: ...
    @property
    def insured_amount(self) -> Decimal: ...
    @property
    def fund_amount(self) -> Decimal: ...
    @property
    def copay_amount(self) -> Decimal: ...
    @property
    def self_paid_amount(self) -> Decimal: ...
    @property
    def other_amount(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """One line, or all of them, in đồng."""

    hospital: Decimal = ZERO
    insured: Decimal = ZERO
    fund: Decimal = ZERO
    copay: Decimal = ZERO
    self_paid: Decimal = ZERO
    other: Decimal = ZERO

    @property
    def patient(self) -> Decimal:
        """Co-payment and self-paid part."""
        return self.copay + self.self_paid

    def __add__(self, more: "Parts") -> "Parts":
        return Parts(*(getattr(self, name) + getattr(more, name) for name in Parts.__slots__))

    def __sub__(self, less: "Parts") -> "Parts":
        return Parts(*(getattr(self, name) - getattr(less, name) for name in Parts.__slots__))


@dataclass(frozen=True, slots=True)
class LineChange:
    """One thing that was done, before and after; a side without a quantity did not have it."""

    name: str
    unit: str
    quantity_before: Decimal | None
    quantity_after: Decimal | None
    before: Parts
    after: Parts

    @property
    def change(self) -> Parts:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs from version `since` of the split, line by line; lines that did not change are left out."""

    since: int
    lines: tuple[LineChange, ...]
    before: Parts
    after: Parts

    @property
    def change(self) -> Parts:
        return self.after - self.before


Charged = tuple[Charge, Line]
"""A charge and who pays it."""


def difference(visit: Visit, now: Iterable[Charged]) -> Difference | None:
    """How `now` differs from the split before it; None for a visit that is closed, or would be, for the first time.

    `now` are the lines in force of a closed visit, or those that closing it now would give.
    """
    if visit.version == 1 or (earlier := _earlier(visit)) is None:
        return None
    before = _by_source((line.charge, line) for line in lines_of(earlier))
    after = _by_source(now)
    changes = (_change(before.get(key), after.get(key)) for key in {**before, **after})
    return Difference(
        since=earlier.version,
        lines=tuple(change for change in changes if _differs(change)),
        before=sum((_parts(line) for _, line in before.values()), Parts()),
        after=sum((_parts(line) for _, line in after.values()), Parts()),
    )


def fingerprint(lines: Iterable[Charged]) -> str:
    """A short text that differs when any line or amount does: what somebody has seen, to be compared when they act."""
    rows = sorted(
        (
            str(charge.source_kind),
            charge.source_id,
            f"{charge.quantity:.3f}",
            *(f"{part:.2f}" for part in _values(line)),
        )
        for charge, line in lines
    )
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def _earlier(visit: Visit) -> BenefitResult | None:
    """The split that was in force before the visit was last opened again."""
    rows = BenefitResult.objects.for_facility(visit.facility).filter(visit=visit, version__lt=visit.version)
    return rows.order_by("-version").first()


def _by_source(lines: Iterable[Charged]) -> Mapping[tuple[str, int], Charged]:
    return {(charge.source_kind, charge.source_id): (charge, line) for charge, line in lines}


def _change(before: Charged | None, after: Charged | None) -> LineChange:
    charge = (after or before)[0]  # type: ignore[index]  # one of the two is there
    return LineChange(
        name=charge.name,
        unit=charge.unit,
        quantity_before=before[0].quantity if before else None,
        quantity_after=after[0].quantity if after else None,
        before=_parts(before[1]) if before else Parts(),
        after=_parts(after[1]) if after else Parts(),
    )


def _differs(change: LineChange) -> bool:
    return change.quantity_after != change.quantity_before or change.after != change.before


def _values(line: Line) -> tuple[Decimal, ...]:
    return tuple(getattr(line, f"{name}_amount") for name in Parts.__slots__)


def _parts(line: Line) -> Parts:
    return Parts(*_values(line))
