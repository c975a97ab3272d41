"""What a correction changed: the split of a visit against the one that was in force before it was opened again."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from decimal import Decimal

from insurance.billing.queries import last_result, lines_of
from insurance.billing.shares import Shares
from insurance.models import BenefitLine
from patients.models import Visit


@dataclass(frozen=True, slots=True)
class LineChange:
    """One thing that was done, before and after; a side without a quantity did not have it."""

    name: str
    unit: str
    quantity_before: Decimal | None
    quantity_after: Decimal | None
    before: Shares
    after: Shares

    @property
    def change(self) -> Shares:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs from version `since` of the split, line by line; lines that did not change are left out."""

    since: int
    lines: tuple[LineChange, ...]
    before: Shares
    after: Shares

    @property
    def change(self) -> Shares:
        return self.after - self.before


def difference(visit: Visit, now: Iterable[BenefitLine]) -> Difference | None:
    """How `now` differs from the split before it; None for a visit that is closed, or would be, for the first time.

    `now` are the lines in force of a closed visit, or those that closing it now would give.
    """
    if (earlier := last_result(visit, below=visit.version)) is None:
        return None
    return between(earlier.version, lines_of(earlier), now)


def between(since: int, earlier: Iterable[BenefitLine], now: Iterable[BenefitLine]) -> Difference:
    """How the lines of a split differ from those of version `since` of it; no lines where there was no split."""
    before, after = _by_source(earlier), _by_source(now)
    changes = (_change(before.get(key), after.get(key)) for key in {**before, **after})
    return Difference(
        since=since,
        lines=tuple(change for change in changes if _differs(change)),
        before=Shares.total(map(Shares.of, before.values())),
        after=Shares.total(map(Shares.of, after.values())),
    )


def fingerprint(lines: Iterable[BenefitLine]) -> str:
    """A short text that differs when any line or amount does: what somebody has seen, to be compared when they act."""
    rows = sorted((*_source(line), *(f"{number:.3f}" for number in _numbers(line))) for line in lines)
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def _source(line: BenefitLine) -> tuple[str, int]:
    """What was charged: the same thing may be charged anew."""
    return str(line.charge.source_kind), line.charge.source_id


def _numbers(line: BenefitLine) -> tuple[Decimal, ...]:
    return line.charge.quantity, *astuple(Shares.of(line))


def _by_source(lines: Iterable[BenefitLine]) -> Mapping[tuple[str, int], BenefitLine]:
    return {_source(line): line for line in lines}


def _change(before: BenefitLine | None, after: BenefitLine | None) -> LineChange:
    charge = (after or before).charge  # type: ignore[union-attr]  # one of the two is there
    return LineChange(
        name=charge.name,
        unit=charge.unit,
        quantity_before=before.charge.quantity if before else None,
        quantity_after=after.charge.quantity if after else None,
        before=Shares.of(before) if before else Shares(),
        after=Shares.of(after) if after else Shares(),
    )


def _differs(change: LineChange) -> bool:
    return change.quantity_after != change.quantity_before or change.after != change.before
