"""Consecutive papers of narcotics for pain of cancer or AIDS (TT 26/2025/TT-BYT): what of a line stands on which.

One examination, up to three papers of ten days each. The lines of the prescription hold the whole quantity; what a
paper holds of it follows from its days, so that nothing is stored twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from patients.models import PrescriptionLine, PrescriptionSheet
from patients.sheets import share


@dataclass(frozen=True, slots=True)
class Portion:
    """What of a line stands on one paper: quantity in units of the drug, and days."""

    line: PrescriptionLine
    quantity: Decimal
    days: int


def is_series(sheet: PrescriptionSheet) -> bool:
    """Whether a paper is one of several consecutive ones."""
    return sheet.first_day is not None


def portions(sheet: PrescriptionSheet, lines: Iterable[PrescriptionLine], signed_on: date) -> list[Portion]:
    """What a paper holds of the lines of its kind; a line that ended before its days has no portion."""
    if sheet.first_day is None or sheet.last_day is None:
        return whole(lines)
    before, until = (sheet.first_day - signed_on).days, (sheet.last_day - signed_on).days + 1
    found = []
    for line in lines:
        covered = min(until, line.days)
        if covered > before:
            quantity = share(line.quantity, line.days, covered_before=before, covered=covered)
            found.append(Portion(line, quantity, covered - before))
    return [one for one in found if one.quantity > 0]


def whole(lines: Iterable[PrescriptionLine]) -> list[Portion]:
    """The lines as they are: one paper holds all of them."""
    return [Portion(line, line.quantity, line.days) for line in lines]


def paper_on(sheets: Sequence[PrescriptionSheet], day: date) -> PrescriptionSheet | None:
    """The paper of a series whose drugs are fetched on a day; their times do not overlap."""
    for sheet in sheets:
        if sheet.valid_from is not None and sheet.valid_from <= day <= sheet.valid_until:
            return sheet
    return None


def next_paper(sheets: Sequence[PrescriptionSheet], day: date) -> PrescriptionSheet | None:
    """The first paper of a series whose time comes after a day."""
    later = [sheet for sheet in sheets if sheet.valid_from is not None and sheet.valid_from > day]
    return min(later, key=lambda sheet: sheet.part, default=None)
