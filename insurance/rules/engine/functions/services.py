"""Services that are not paid together, or not as often as charged: dated lists of rules/lists, by words of the name."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from his.core.text import fold
from insurance import law
from insurance.rules.engine.base import Check, Env, Hit, function, tags
from insurance.rules.engine.facts import Row, VisitFacts
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.terms import Scope

_LISTS = Path("rules") / "lists"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A service (`refused`, words of its folded name) that is not paid beside another (`paid`), or more than `most`
    times; `per_day` counts by day, else by visit; `visit_types` narrows it."""

    id: str
    paid: re.Pattern[str] | None
    refused: re.Pattern[str]
    most: int
    per_day: bool
    visit_types: frozenset[str]
    valid_from: date | None
    valid_to: date | None
    law: str

    def holds(self, on: date | None, kind: str) -> bool:
        """Whether the row speaks of a visit of the kind that ends on the day."""
        if self.visit_types and kind not in self.visit_types:
            return False
        if on is None:
            return self.valid_to is None
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


@lru_cache(maxsize=8)
def _exclusions(roots: tuple[Path, ...]) -> tuple[Exclusion, ...]:
    found: dict[str, Exclusion] = {}
    for root in roots:
        path = root / _LISTS / "services_not_paid.csv"
        if path.exists():
            with path.open(encoding="utf-8-sig", newline="") as file:
                for number, row in enumerate(csv.DictReader(file), start=2):
                    try:
                        found[row["id"]] = _exclusion(row)
                    except (KeyError, ValueError, re.error) as error:
                        raise RuleError(f"{path}, line {number}: {error}") from error
    return tuple(found.values())


def _exclusion(row: dict[str, str]) -> Exclusion:
    return Exclusion(
        id=row["id"],
        paid=re.compile(row["paid"]) if row["paid"] else None,
        refused=re.compile(row["refused"]),
        most=int(row["most"]),
        per_day=row["per"] == "day",
        visit_types=frozenset(filter(None, row["visit_types"].split("|"))),
        valid_from=date.fromisoformat(row["valid_from"]) if row["valid_from"] else None,
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        law=row["law"],
    )


@lru_cache(maxsize=20000)
def _fitting(name: str, roots: tuple[Path, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Ids of the exclusions in which the service is the paid one, and in which it is the refused one."""
    plain = fold(name)
    paid = {one.id for one in _exclusions(roots) if one.paid and one.paid.search(plain)}
    refused = {one.id for one in _exclusions(roots) if one.refused.search(plain)}
    return frozenset(paid), frozenset(refused)


@function("services_not_paid")
def services_not_paid(rule: Rule, scope: Scope, env: Env) -> Check:
    """No insured service is charged that another one of the visit (or day) includes, nor more often than is paid.
    Fields: the service's code, its name and the moment of order."""
    code, name, ordered = tags(rule, scope)

    def check(facts: VisitFacts) -> Iterator[Hit]:
        roots, paid, refused = law.roots(), defaultdict[str, list[Row]](list), defaultdict[str, list[Row]](list)
        for row in facts.rows(rule.table):
            if _is_charged(row, name):
                beside, among = _fitting(row.text(name), roots)
                for key in beside - among:
                    paid[key].append(row)
                for key in among:
                    refused[key].append(row)
        if not refused:
            return
        kind = facts.text("XML1", "MA_LOAI_KCB")
        for one in _exclusions(roots):
            if one.id in refused and one.holds(facts.ended_on, kind):
                yield from _hits(one, paid[one.id], refused[one.id], code, ordered)

    return check


def _is_charged(row: Row, name: str) -> bool:
    return bool(row.text(name)) and row.number_of("DON_GIA_BH") != Decimal(0) and row.text("PHAM_VI") != "2"


def _hits(one: Exclusion, paid: list[Row], refused: list[Row], code: str, ordered: str) -> Iterator[Hit]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in refused:
        groups[row.text(ordered)[:8] if one.per_day else ""].append(row)
    for on, rows in groups.items():
        beside = [row for row in paid if not one.per_day or row.text(ordered)[:8] == on]
        if one.paid is not None and not beside:
            continue
        other = str(beside[0].number) if beside else ""
        for row in _beyond(rows, one.most):
            yield Hit(row.number, code, row.text(code), {"other": other, "name": one.law, "max": str(one.most)})


def _beyond(rows: Iterable[Row], most: int) -> Iterator[Row]:
    """The rows that carry the count, by their quantities, over the limit."""
    total = Decimal(0)
    for row in rows:
        total += row.number_of("SO_LUONG") or Decimal(1)
        if total > most:
            yield row
