"""Catalogues in memory for the tests of the rules: just what the sound claims and the examples name."""

from collections.abc import Mapping
from datetime import date

ROWS: dict[str, dict[str, dict[str, str]]] = {}


class MemoryCatalogs:
    """Catalogues as dictionaries; `without` names those that are empty."""

    def __init__(self, *without: str) -> None:
        self.without = without

    def has(self, name: str) -> bool:
        return name in ROWS and name not in self.without

    def find(self, name: str, code: str, on: date | None) -> Mapping[str, str] | None:
        return ROWS[name].get(code)
