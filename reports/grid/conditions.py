"""Conditions of rows and columns, as written in the data of a form. Pure.

A condition is alternatives joined by ` or `, each of parts joined by ` and `; ` or ` binds less. A part is one of

    field                      true when the field is
    not field                  the contrary
    field = value, != value    the text is (not) the value
    field < 15, <= >= >        the number is; unknown is never
    field in 01 06 A00-A09     the text is one of the values, or lies in one of the ranges

A range compares as many characters as its ends have: I10-I15 holds I15.9, A01.0-A01.4 holds A01.1 and not A01.9, and
a code without a range in `field in` holds its subdivisions too (A00 holds A00.1) when the field is one of `TREES`.
An empty condition holds everything.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

TREES = frozenset({"icd", "external_icd"})
"""Fields whose codes have subdivisions."""

Test = Callable[[Any], bool]
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PART = re.compile(
    r"(?:(?P<no>not )?(?P<flag>[a-z_0-9]+)"
    r"|(?P<list>[a-z_0-9]+) in (?P<values>.+)"
    r"|(?P<name>[a-z_0-9]+) (?P<op>=|!=|<=|>=|<|>) (?P<value>\S+))"
)


class ConditionError(ValueError):
    """A condition that cannot be read; a defect of the data."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as read: alternatives of (field, test)."""

    text: str
    alternatives: tuple[tuple[tuple[str, Test], ...], ...]

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it asks for."""
        return frozenset(name for parts in self.alternatives for name, _ in parts)

    def holds(self, fact: Mapping[str, Any]) -> bool:
        """Whether it is true of a fact."""
        return any(all(test(fact[name]) for name, test in parts) for parts in self.alternatives)


@lru_cache(maxsize=4096)
def read(text: str) -> Condition:
    """The condition of a text. Raises ConditionError."""
    text = " ".join(text.split())
    if not text:
        return Condition("", ((),))
    return Condition(text, tuple(tuple(map(_part, side.split(" and "))) for side in text.split(" or ")))


def _part(text: str) -> tuple[str, Test]:
    found = _PART.fullmatch(text)
    if found is None:
        raise ConditionError(f"not a condition: {text!r}")
    if name := found["flag"]:
        return name, operator.not_ if found["no"] else bool
    if name := found["list"]:
        return name, _one_of(name, found["values"].split())
    return found["name"], _comparison(found["op"], found["value"])


def _comparison(sign: str, value: str) -> Test:
    if sign in _COMPARE:
        try:
            limit = int(value)
        except ValueError:
            raise ConditionError(f"not a number: {value!r}") from None
        compare = _COMPARE[sign]
        return lambda given: given is not None and compare(given, limit)
    return (lambda given: str(given) == value) if sign == "=" else (lambda given: str(given) != value)


def _one_of(name: str, values: list[str]) -> Test:
    single = frozenset(v for v in values if "-" not in v)
    ranges = [tuple(v.split("-", 1)) for v in values if "-" in v]
    stems = tuple(sorted(single)) if name in TREES else ()

    def holds(given: Any) -> bool:
        code = str(given)
        if code in single or (stems and any(_is_below(code, stem) for stem in stems)):
            return True
        return any(low <= code[: len(low)] and code[: len(high)] <= high for low, high in ranges)

    return holds


def _is_below(code: str, stem: str) -> bool:
    """A00.1 is below A00 and A001 is not; A09.01 is below A09.0."""
    return code.startswith(stem) and (len(code) == len(stem) or "." in stem or code[len(stem)] == ".")
