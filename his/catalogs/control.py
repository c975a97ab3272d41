"""Which drugs are under special control: rules by ingredient that propose a class; a pharmacist confirms it.

`data/control_rules.csv` is a starter list of well-known substances, dated, with the circular of each row; it is not the
whole of its annexes. A drug with one ingredient gets the class of the substance, a combination with ordinary
ingredients the class of combinations. The strength up to which a combination counts as one (annex IV to VI of the
circular) is not compared: this is why the rules only propose.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from his.catalogs.item_models import ControlClass
from his.core.text import fold

RULES = Path(__file__).parent / "data" / "control_rules.csv"
_STRICTEST = (ControlClass.NARCOTIC, ControlClass.PSYCHOTROPIC, ControlClass.PRECURSOR)
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One substance: the class of a drug that has it alone, and of one that combines it with ordinary ingredients."""

    ingredient: str
    alone: str
    combined: str
    valid_from: date
    valid_to: date | None
    law: str

    def holds(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A class for a drug, with the rule it comes from."""

    control_class: str
    rule: Rule

    @property
    def label(self) -> str:
        return str(ControlClass(self.control_class).label)


@cache
def control_rules() -> tuple[Rule, ...]:
    """All rules, of every day."""
    with RULES.open(encoding="utf-8", newline="") as handle:
        return tuple(
            Rule(
                row["ingredient"],
                ControlClass(row["alone"]).value,
                ControlClass(row["combined"]).value,
                date.fromisoformat(row["valid_from"]),
                date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
                row["law"],
            )
            for row in csv.DictReader(handle)
        )


def propose(ingredients: Sequence[str], on: date) -> Proposal | None:
    """The class of a drug with these ingredients on the day, the strictest that fits; None when no rule does."""
    found = [rule for name in ingredients for rule in _of_ingredient(name, on)[:1]]
    if not found:
        return None
    strictest = min(found, key=lambda rule: _STRICTEST.index(ControlClass(rule.alone)))
    is_combination = len(found) < len(ingredients)
    return Proposal(strictest.combined if is_combination else strictest.alone, strictest)


def is_due(proposal: Proposal | None, control_class: str, checked_on: date | None) -> bool:
    """Whether a pharmacist has to look: the rules say another class and nobody did since the rule holds."""
    if proposal is None or proposal.control_class == control_class:
        return False
    return checked_on is None or checked_on < proposal.rule.valid_from


def _of_ingredient(name: str, on: date) -> list[Rule]:
    words = set(_words(name))
    return [rule for rule in control_rules() if rule.holds(on) and rule.ingredient in words]


def _words(name: str) -> Iterable[str]:
    """Words of a name, with and without a last `e`: codeine is codein."""
    for word in _WORD.findall(fold(name)):
        yield word
        yield word.removesuffix("e")
