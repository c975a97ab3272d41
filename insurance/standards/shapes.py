"""Which table an element name belongs to, in any version of the standard.

The roots are the same in all versions, so a file is read before its version is known. Formats older than the
standards, and other files that people mistake for claims, are named from `insurance/data/other_files.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from insurance.law import PRODUCT
from insurance.standards.load import available, load
from insurance.standards.model import Standard, Table

Row = dict[str, str]

_LABEL = re.compile(r"(?:[^\W\d]*[\s_.\-]*)0*(\d{1,2})(?:\.XML)?|.*?(?<![^\W_])XML[\s_.\-]*0*(\d{1,2})(?!\d).*")
_LEAST_TAGS = 3


@dataclass(frozen=True, slots=True)
class Element:
    """What a known element is: the root, the list or a row of a table, and how many elements it stands in."""

    table: str
    is_root: bool
    is_row: bool
    depth: int = 0


@dataclass(frozen=True, slots=True)
class OlderFormat:
    """A format before QĐ 130. `marks` are tags of a table that no standard since has there; `newer` are some
    that came with QĐ 130."""

    title: str
    marks: Mapping[str, frozenset[str]]
    newer: Mapping[str, frozenset[str]]

    def fits(self, tables: Mapping[str, list[Row]]) -> bool:
        """True when a table is of this format: it has two of the marks, and fewer of the newer tags."""
        for name, rows in tables.items():
            marks = len(self.marks[name] & rows[0].keys()) if rows and name in self.marks else 0
            if marks > 1 and marks > len(self.newer[name] & rows[0].keys()):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Shapes:
    """The element names of all tables, upper case; `tags` of each table in all versions together; `names` maps
    each known name to itself, so that names are alike objects and need no thought."""

    elements: Mapping[str, Element]
    tags: Mapping[str, frozenset[str]]
    names: Mapping[str, str]

    def by_fields(self, tags: Iterable[str]) -> str:
        """The table whose fields most of the tags are; empty when no table fits."""
        found = frozenset(tags)
        best = max(self.tags, key=lambda name: len(self.tags[name] & found), default="")
        common = len(self.tags[best] & found) if best else 0
        return best if common >= _LEAST_TAGS and common * 2 > len(found) else ""

    def by_label(self, label: str) -> str:
        """The table that a label such as XML1, 1, `xml 1` or XML01 means; empty when none."""
        match = _LABEL.fullmatch(label.strip().upper())
        name = f"XML{int(match[1] or match[2])}" if match else label.strip().upper()
        return name if name in self.tags else ""


@lru_cache(maxsize=32)
def shapes_of(standard: Standard) -> Shapes:
    """The shapes of the standard, and of tables that only other versions of the product have."""
    every = [standard, *(load(name) for name in reversed(available()))]
    elements: dict[str, Element] = {}
    tags: dict[str, set[str]] = {}
    for table in (table for version in every for table in version.tables.values()):
        tags.setdefault(table.name, set()).update(field.tag for field in table.fields)
        for name, element in _elements(table):
            elements.setdefault(name.upper(), element)
    names = {name: name for name in [*elements, *(tag for found in tags.values() for tag in found)]}
    return Shapes(elements, {name: frozenset(found) for name, found in tags.items()}, names)


def _elements(table: Table) -> Iterable[tuple[str, Element]]:
    yield table.root, Element(table.name, is_root=True, is_row=not table.many)
    if table.list:
        yield table.list, Element(table.name, is_root=False, is_row=False, depth=1)
    if table.row:
        yield table.row, Element(table.name, is_root=False, is_row=True, depth=2 if table.list else 1)


@lru_cache(maxsize=1)
def other_roots() -> Mapping[str, str]:
    """Root elements of files that are no claims, with the Vietnamese name of the file."""
    return {item["root"]: item["title"] for item in _other_files()["foreign"]}


@lru_cache(maxsize=1)
def older_formats() -> tuple[OlderFormat, ...]:
    """The formats before QĐ 130, the newest first."""
    return tuple(
        OlderFormat(item["title"], _sets(item["marks"]), _sets(item["newer"])) for item in _other_files()["older"]
    )


def _sets(lists: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(tags) for name, tags in lists.items()}


def _other_files() -> dict[str, Any]:
    return tomllib.loads((PRODUCT / "other_files.toml").read_text("utf-8"))
