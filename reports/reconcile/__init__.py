"""One visit, one number: what every place says of the same money, held against each other (đối chiếu số liệu).

Each check reads what is stored and computes no split again. A difference names the visit or the paper, so that somebody
can open it. The checks read; they write nothing and mend nothing.
"""

from collections.abc import Callable
from datetime import date

from his.accounts.models import Facility
from reports.reconcile import cash, claims, journal, splits, stock
from reports.reconcile.base import Check, Difference, Scope

__all__ = ["CHECKS", "Check", "Difference", "reconcile"]

CHECKS: tuple[Callable[[Scope], Check], ...] = (
    stock.shelf_and_window,
    stock.given_and_charged,
    splits.split_in_force,
    splits.sums_of_lines,
    splits.lines_and_charges,
    cash.receipts_and_debts,
    cash.refunds_and_receipts,
    cash.numbers_without_gaps,
    journal.as_written_down,
    cash.drawers,
    cash.closed_days,
    splits.waivers,
    cash.accounts,
    splits.cost_statements,
    cash.invoices,
    claims.claims_and_splits,
    claims.report_and_splits,
    claims.filed_months,
)
"""In the order in which money goes: from what was done to what is reported."""


def reconcile(facility: Facility, month: date | None = None) -> list[Check]:
    """All checks of a facility, over one claim month or everything it has; checks without differences are there too."""
    scope = Scope(facility, month)
    return [check(scope) for check in CHECKS]
