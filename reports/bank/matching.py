"""Which line of the bank is which paper. Pure.

A line and a paper belong together when the paper names the reference of the bank, or when the content of the transfer
holds the code of the QR order of the paper; and the amount is the same to the đồng. A code that is found with another
amount is no match: money that came short or over is for a person to settle.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """What a line of the bank says."""

    pk: int
    reference: str
    content: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Paper:
    """What a paper of a transfer says; `code` is that of its QR order, empty without one."""

    pk: int
    reference: str
    code: str
    amount: Decimal


def pairs(lines: Sequence[Line], papers: Sequence[Paper]) -> Iterator[tuple[int, int]]:
    """(line, paper) of those that belong together, each in one pair."""
    free = list(papers)
    for line in lines:
        found = [paper for paper in free if paper.amount == line.amount and is_named(line, paper)]
        if len(found) == 1:
            free.remove(found[0])
            yield line.pk, found[0].pk


def is_named(line: Line, paper: Paper) -> bool:
    """Whether the line names the paper or the paper the line, whatever the amounts."""
    if paper.reference and letters(paper.reference) == letters(line.reference):
        return True
    return bool(paper.code) and letters(paper.code) in letters(line.content)


def letters(text: str) -> str:
    """Letters and figures alone, in capitals: banks cut and space what was typed."""
    return re.sub(r"[^A-Za-z0-9]", "", text).upper()
