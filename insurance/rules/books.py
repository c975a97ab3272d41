"""Rule books by standard: rules are compiled once for each standard that the claims in hand name."""

from __future__ import annotations

import re
from pathlib import Path

from insurance.rules.engine import CannotRun, Catalogs, Rule, RuleBook, load_rules
from insurance.standards import Standard

_TABLE = re.compile(r"\b(XML\d+)\b")
_READS_ANYTHING = frozenset({"function", "money"})


class RuleBooks:
    """The rules over one set of catalogues, compiled for each standard when it is first asked for.

    Keep an object for one piece of work (a month, a set of files), not for the life of the process: catalogues change.
    """

    def __init__(self, catalogs: Catalogs, *folders: Path) -> None:
        self.catalogs = catalogs
        self.rules = load_rules(*folders)
        self._books: dict[tuple[Standard, str], RuleBook] = {}

    def of(self, standard: Standard, only: str = "") -> RuleBook:
        """The book of a standard; `only` leaves the rules that need no other table than that one, for a table that
        stands alone. Raises RuleError when the rules' data are wrong."""
        if (standard, only) not in self._books:
            rules = [rule for rule in self.rules if not only or speaks_only_of(rule, only)]
            self._books[standard, only] = RuleBook(standard, rules, self.catalogs)
        return self._books[standard, only]

    def cannot_run(self) -> list[CannotRun]:
        """Rules that could not be asked under any of the standards met so far, once each, in the order of ids."""
        found = {one.rule: one for book in self._books.values() for one in book.cannot_run}
        return [found[name] for name in sorted(found)]


def speaks_only_of(rule: Rule, table: str) -> bool:
    """Whether a rule needs no other table than this one. A function and an identity of amounts may read anything."""
    return rule.table in (table, "*") and rule.kind not in _READS_ANYTHING and named_tables(rule) <= {table}


def named_tables(rule: Rule) -> frozenset[str]:
    """The tables that the condition and the parameters of a rule name."""
    return frozenset(name for text in (rule.when, *rule.params.values()) for name in _TABLE.findall(text))
