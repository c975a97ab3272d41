"""Rule books by standard: rules are compiled once for each standard that the claims in hand name."""

from __future__ import annotations

from pathlib import Path

from insurance.rules.engine import CannotRun, Catalogs, RuleBook, load_rules
from insurance.standards import Standard


class RuleBooks:
    """The rules over one set of catalogues, compiled for each standard when it is first asked for.

    Keep an object for one piece of work (a month, a set of files), not for the life of the process: catalogues change.
    """

    def __init__(self, catalogs: Catalogs, *folders: Path) -> None:
        self.catalogs = catalogs
        self._rules = load_rules(*folders)
        self._books: dict[Standard, RuleBook] = {}

    def of(self, standard: Standard) -> RuleBook:
        """The book of a standard. Raises RuleError when the rules' data are wrong."""
        if standard not in self._books:
            self._books[standard] = RuleBook(standard, self._rules, self.catalogs)
        return self._books[standard]

    def cannot_run(self) -> list[CannotRun]:
        """Rules that could not be asked under any of the standards met so far, once each."""
        return list({one.rule: one for book in self._books.values() for one in book.cannot_run}.values())
