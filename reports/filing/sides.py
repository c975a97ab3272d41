"""One side of a comparison: a stored report, or what making it now would give; of all visits or of a few.

Facts of a statistical form come from what the run kept (`ReportBasis`), so that even a report of years ago names what
it counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from reports.datasets.base import Query
from reports.datasets.grid import Plan, facts_of, with_basis
from reports.definition import Form, load_version
from reports.engine import query_of, read
from reports.grid.placing import Fact
from reports.models import ReportBasis, ReportRun
from reports.table import Cell


@dataclass(frozen=True, slots=True)
class Side:
    """Values and basis of a report, and when it was made: None means now."""

    form: Form
    query: Query
    values: Mapping[str, Any]
    basis: Sequence[Mapping[str, Any]]
    at: datetime | None

    @property
    def is_grid(self) -> bool:
        """Whether its figures are counted from facts."""
        return bool(self.form["dataset"] == "grid")

    def rows(self) -> dict[tuple[str, str], Sequence[Cell]]:
        """Rows by section and reference; the section only tells apart what stands in several."""
        triples = list(zip(self.values["sections"], self.values["refs"], self.values["rows"], strict=True))
        return {(section, ref): row for section, ref, row in triples}

    def facts(self) -> Iterator[tuple[Plan, list[Fact]]]:
        """The facts of the period by counting; those of the period before are left out."""
        for plan, kept in with_basis(self.form, self.basis):
            if not plan.is_before:
                yield plan, [_typed(plan, fact) for fact in facts_of(plan, kept, self.query)]

    def alone(self, refs: frozenset[str]) -> Side:
        """The rows of some visits only."""
        kept = [at for at, ref in enumerate(self.values["refs"]) if ref in refs]
        chosen = {name: [self.values[name][at] for at in kept] for name in ("rows", "refs", "sections")}
        return replace(self, values={**self.values, **chosen})

    def of(self, refs: frozenset[str]) -> Side:
        """The same of some visits only. The rows of a statistical form stay: they belong to no visit."""
        return replace(self, basis=[_kept(one, refs) for one in self.basis])


def stored(run: ReportRun) -> Side:
    """A run as it was made."""
    form = load_version(run.form, run.values["definition"])
    basis = ReportBasis.objects.filter(run=run).values_list("content", flat=True).first()
    return Side(form, _query(form, run, run.run_at), run.values, basis or [], run.run_at)


def as_now(run: ReportRun, at: datetime, only: frozenset[str] | None = None) -> Side:
    """What making the same report at an instant, with what is known now, would give; with `only` of these visits alone.
    Nothing is stored."""
    form = load_version(run.form, run.values["definition"])
    query = replace(_query(form, run, at), only=only)
    values, data = read(form, query)
    return Side(form, query, values, data.basis, None)


def _query(form: Form, run: ReportRun, at: datetime) -> Query:
    return query_of(form, run.facility, run.period, run.store, at)


def _kept(kept: Mapping[str, Any], refs: frozenset[str]) -> dict[str, Any]:
    name = "splits" if "splits" in kept else "rows"
    return {**kept, name: [row for row in kept[name] if row[0] in refs]}


def _typed(plan: Plan, fact: Fact) -> Fact:
    """Measures as numbers: they are kept as texts. Last stands how many the fact is."""
    first = 1 + len(plan.shape.fields)
    return (*fact[:first], *(Decimal(value or 0) for value in fact[first:-1]), fact[-1])
