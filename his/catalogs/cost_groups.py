"""The cost group of a service (MA_NHOM of the claim), derived by rules that are data.

Form 05/DM does not carry the cost group; its own MA_NHOM repeats the procedure class. The rules in
`data/cost_group_rules.csv` read code, folded name and class; the first row that fits wins. What no row fits stays
unknown and is reported: a group is never guessed.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from his.core.text import fold

RULES = Path(__file__).parent / "data" / "cost_group_rules.csv"

# PHAN_LOAI_PTTT of form 05/DM: 1 to 4 are procedures, 5 to 8 surgery; newer rows carry the letters themselves.
CLASSES = {"1": "T1", "2": "T2", "3": "T3", "4": "TDB", "5": "P1", "6": "P2", "7": "P3", "8": "PDB"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: patterns that must all be found, and the group they give."""

    code: re.Pattern[str]
    name: re.Pattern[str]
    procedure_class: re.Pattern[str]
    group_code: str

    def fits(self, code: str, folded_name: str, procedure_class: str) -> bool:
        return bool(
            self.code.search(code) and self.name.search(folded_name) and self.procedure_class.search(procedure_class)
        )


@cache
def _rules() -> tuple[Rule, ...]:
    with RULES.open(encoding="utf-8", newline="") as handle:
        return tuple(
            Rule(re.compile(row["code"]), re.compile(row["name"]), re.compile(row["class"]), row["group_code"])
            for row in csv.DictReader(handle)
        )


def cost_group(code: str, name: str, procedure_class: str) -> str:
    """The cost group (`1`, `2`, `13`, ...), or an empty string when no rule fits."""
    folded = fold(name)
    return next((rule.group_code for rule in _rules() if rule.fits(code, folded, procedure_class)), "")


def class_of(value: str) -> str:
    """The class in letters (T1, P2, PDB) from PHAN_LOAI_PTTT; unknown values give an empty string."""
    found = CLASSES.get(value, value.upper())
    return found if re.fullmatch(r"[TP](?:[123]|DB)", found) else ""
