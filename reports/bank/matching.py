"""Which line of the bank is which paper. Pure.

A line and a paper belong together when the paper names the reference of the bank, or when the content of the transfer
holds the code of the QR order of the paper; and the amount is the same to the đồng. A code that is found with another
amount is no match, and neither is what could be two: money that came short, over or twice is for a person to settle.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
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


class Names:
    """Papers by what names them; each name is made plain once."""

    def __init__(self, papers: Iterable[Paper]) -> None:
        self._references: dict[str, list[Paper]] = defaultdict(list)
        self._codes: dict[str, list[Paper]] = defaultdict(list)
        for paper in papers:
            for name, index in ((paper.reference, self._references), (paper.code, self._codes)):
                if plain := letters(name):
                    index[plain].append(paper)
        self._lengths = {len(code) for code in self._codes}

    def by_reference(self, line: Line) -> list[Paper]:
        """The papers that name the reference of the line, whatever the amounts."""
        return self._references.get(letters(line.reference), [])

    def by_code(self, line: Line) -> list[Paper]:
        """The papers whose code the content of the line holds, whatever the amounts."""
        text = letters(line.content)
        parts = {text[at : at + size] for size in self._lengths for at in range(len(text) - size + 1)}
        return [paper for code in sorted(parts & self._codes.keys()) for paper in self._codes[code]]

    def of(self, line: Line) -> list[Paper]:
        """The papers that the line names or that name it, each once."""
        return list(dict.fromkeys([*self.by_reference(line), *self.by_code(line)]))


def pairs(lines: Sequence[Line], papers: Sequence[Paper]) -> Iterator[tuple[int, int]]:
    """(line, paper) of those that belong together: first by reference, then of the rest by code. A line that could be
    two papers, and a paper that could be two lines, is in no pair."""
    names, done = Names(papers), set[Paper]()
    left = list(lines)
    for named in (names.by_reference, names.by_code):
        could = {
            line: [paper for paper in named(line) if paper.amount == line.amount and paper not in done] for line in left
        }
        wanted = Counter(paper for found in could.values() for paper in found)
        for line, found in could.items():
            if len(found) == 1 and wanted[found[0]] == 1:
                done.add(found[0])
                yield line.pk, found[0].pk
        left = [line for line, found in could.items() if not done.intersection(found)]


def letters(text: str) -> str:
    """Letters and figures alone, in capitals: banks cut and space what was typed."""
    return re.sub(r"[^A-Za-z0-9]", "", text).upper()
