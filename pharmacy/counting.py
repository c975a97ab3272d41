"""What the entries of a lot in a stock-take amount to: counted or not, to be counted again, or settled. Pure.

Two counters are compared by what they found against the book of their own instant, so that a unit handed out between
the two counts is no disagreement.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

FIRST_ROUND = 1


class LineState(StrEnum):
    """Where a lot stands."""

    UNCOUNTED = "uncounted"
    RECOUNT = "recount"
    EQUAL = "equal"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry with the book at its instant. `order` rises with every entry."""

    order: int
    counter: int
    round: int
    counted: Decimal
    damaged: Decimal
    counted_at: datetime
    book: Decimal

    @property
    def difference(self) -> Decimal:
        """Found on the shelf, good or broken, minus the book: above zero is too much (thừa), below too little."""
        return self.counted + self.damaged - self.book


@dataclass(frozen=True, slots=True)
class Verdict:
    """`chosen` is the entry that counts, when there is one; `round` is the one that the next entry may belong to."""

    state: LineState
    round: int
    chosen: Seen | None = None

    @property
    def is_settled(self) -> bool:
        return self.state in {LineState.EQUAL, LineState.DIFFERENT}


def current(entries: Iterable[Seen]) -> list[Seen]:
    """The last entry of each counter in each round."""
    last: dict[tuple[int, int], Seen] = {}
    for entry in sorted(entries, key=lambda entry: entry.order):
        last[entry.counter, entry.round] = entry
    return list(last.values())


def judge(entries: Iterable[Seen]) -> Verdict:
    """The last round decides. It must be of one mind, and a difference from the book needs a second count."""
    standing = current(entries)
    if not standing:
        return Verdict(LineState.UNCOUNTED, FIRST_ROUND)
    last = max(entry.round for entry in standing)
    votes = [entry for entry in standing if entry.round == last]
    chosen = max(votes, key=lambda entry: (entry.counted_at, entry.order))
    of_one_mind = len({(entry.difference, entry.damaged) for entry in votes}) == 1
    if not of_one_mind or (last == FIRST_ROUND and chosen.difference != 0):
        return Verdict(LineState.RECOUNT, last + 1, chosen)
    is_equal = chosen.difference == 0 and chosen.damaged == 0
    return Verdict(LineState.EQUAL if is_equal else LineState.DIFFERENT, last, chosen)
