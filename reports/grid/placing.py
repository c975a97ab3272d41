"""Placing facts into the rows and columns of a form. Pure: the same facts give the same figures.

A fact is a tuple: its reference, the values of the named fields, the values of the named measures, and last how many
of its kind it stands for.
Rows and columns ask few fields, whose values repeat; what was answered once is remembered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from reports.grid.conditions import Condition

Fact = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One counted column: its condition, and the measure that is summed (empty: facts are counted)."""

    tag: str
    where: Condition
    measure: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the values of a fact are called, after its reference."""

    fields: tuple[str, ...]
    measures: tuple[str, ...] = ()

    def values(self, fact: Fact) -> dict[str, Any]:
        """The fields of a fact by name."""
        return dict(zip(self.fields, fact[1:], strict=False))


Keys = Callable[[Mapping[str, Any]], tuple[str, ...]]
"""The rows of a fact, by the fields that rows ask for."""


@dataclass(slots=True)
class Figures:
    """What was counted: sums by row and column, and references of facts that no row, or more than one row, took."""

    sums: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    nowhere: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


def place(
    facts: Iterable[Fact],
    shape: Shape,
    keys: Keys,
    row_fields: Sequence[str],
    asked: Sequence[Asked],
    apart: frozenset[str] = frozenset(),
) -> Figures:
    """Count and sum all facts. Rows that stand `apart` take facts that another row takes too."""
    found = Figures()
    sums = found.sums
    for fact, rows, columns in _placed(facts, shape, keys, row_fields, asked):
        own = [row for row in rows if row not in apart] if apart else rows
        if len(own) != 1:
            (found.twice if own else found.nowhere).append(str(fact[0]))
        for row in rows:
            for tag, at in columns:
                sums[row, tag] += fact[at]
    return found


def within(
    facts: Iterable[Fact], shape: Shape, keys: Keys, row_fields: Sequence[str], asked: Asked, rows: frozenset[str]
) -> list[str]:
    """References of the facts that one figure counts, in their order, each once; `rows` are the rows it sums."""
    placed = _placed(facts, shape, keys, row_fields, [asked])
    return list(dict.fromkeys(str(fact[0]) for fact, at, columns in placed if columns and not rows.isdisjoint(at)))


def keys_by_condition(rows: Iterable[tuple[str, Condition]]) -> tuple[Keys, tuple[str, ...]]:
    """Rows that are conditions, and the fields that they ask for."""
    listed = list(rows)
    fields = sorted({name for _, where in listed for name in where.fields})

    def keys(values: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(key for key, where in listed if where.holds(values))

    return keys, tuple(fields)


SEPARATOR = "\x1f"
"""Between the values of a row that facts make: what nobody types into a name."""


def keys_by_fields(fields: Sequence[str]) -> tuple[Keys, tuple[str, ...]]:
    """Rows that the facts make: one for each combination of values."""

    def keys(values: Mapping[str, Any]) -> tuple[str, ...]:
        return (SEPARATOR.join("" if values[name] is None else str(values[name]) for name in fields),)

    return keys, tuple(fields)


def _placed(
    facts: Iterable[Fact], shape: Shape, keys: Keys, row_fields: Sequence[str], asked: Sequence[Asked]
) -> Iterator[tuple[Fact, tuple[str, ...], tuple[tuple[str, int], ...]]]:
    place_of = {name: at for at, name in enumerate((*shape.fields, *shape.measures), 1)}
    row_at = [place_of[name] for name in row_fields]
    column_fields = sorted({name for one in asked for name in one.where.fields})
    column_at = [place_of[name] for name in column_fields]
    measured = [(one, place_of[one.measure] if one.measure else -1) for one in asked]
    rows_of: dict[tuple[Any, ...], tuple[str, ...]] = {}
    columns_of: dict[tuple[Any, ...], tuple[tuple[str, int], ...]] = {}
    for fact in facts:
        row_values = tuple([fact[at] for at in row_at])
        rows = rows_of.get(row_values)
        if rows is None:
            rows = rows_of[row_values] = keys(dict(zip(row_fields, row_values, strict=True)))
        column_values = tuple([fact[at] for at in column_at])
        columns = columns_of.get(column_values)
        if columns is None:
            values = dict(zip(column_fields, column_values, strict=True))
            columns = columns_of[column_values] = tuple(
                (one.tag, at) for one, at in measured if one.where.holds(values)
            )
        yield fact, rows, columns
