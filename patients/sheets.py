"""Which paper of a prescription a drug stands on, and the code of the paper (mẫu đơn thuốc, mã đơn thuốc).

Narcotics (N), psychotropics and precursors (H) and herbs for decoction (T) have papers of their own beside the ordinary
one (C): TT 26/2025/TT-BYT annexes I to III, TT 55/2025/TT-BYT. What a paper is called, how many copies it has, how long
it is valid and whose drugs it takes is dated data (`patients/data/prescription_sheets.csv`). Pure.
"""

import csv
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "prescription_sheets.csv"
ORDINARY, NARCOTIC, PSYCHOTROPIC, HERBS = "C", "N", "H", "T"

_LETTERS = string.digits + string.ascii_lowercase
_RANDOM = 7
_READ = re.compile(r"^([0-9a-z]{5})([0-9a-z]{7})-([cnhty])$", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class SheetRule:
    """One kind of paper as the law has it for a period. `copies` says who keeps each copy."""

    kind: str
    title_vi: str
    annex: str
    copies: tuple[str, ...]
    valid_days: int
    control_classes: frozenset[str]
    item_kinds: frozenset[str]
    says_words: bool
    wants_recipient: bool
    says_period: bool
    part_days: int
    most_parts: int
    early_days: int
    valid_from: date
    valid_to: date | None
    law: str

    def valid_until(self, signed_on: date) -> date:
        """The last day on which the drugs may be bought or fetched; the day of signing is not counted."""
        return signed_on + timedelta(days=self.valid_days)

    def parts(self, signed_on: date, days: int) -> list["Part"]:
        """The consecutive papers over so many days of treatment: one, or several where one paper holds `part_days`."""
        count = -(-days // self.part_days) if self.part_days else 1
        return [_part(self, signed_on, days, number) for number in range(1, min(count, self.most_parts) + 1)]

    def takes(self, control_class: str, item_kind: str) -> bool:
        """Whether a drug of this class and kind stands on this paper; the ordinary one takes what no other does."""
        return control_class in self.control_classes or item_kind in self.item_kinds or self.kind == ORDINARY


@dataclass(frozen=True, slots=True)
class Part:
    """One of several consecutive papers: the days of treatment that it covers, and when its drugs are fetched.

    The first is valid like every paper; the drugs of a later one are fetched from `early_days` before its days begin.
    """

    number: int
    first_day: date
    last_day: date
    valid_from: date
    valid_until: date


def _part(rule: SheetRule, signed_on: date, days: int, number: int) -> Part:
    before = (number - 1) * rule.part_days
    first = signed_on + timedelta(days=before)
    covered = min(days, before + rule.part_days) if rule.part_days and number < rule.most_parts else days
    return Part(
        number=number,
        first_day=first,
        last_day=signed_on + timedelta(days=covered - 1),
        valid_from=signed_on if number == 1 else first - timedelta(days=rule.early_days),
        valid_until=rule.valid_until(first),
    )


def share(quantity: Decimal, days: int, *, covered_before: int, covered: int) -> Decimal:
    """What of a quantity for `days` days belongs to the days from `covered_before` to `covered`, both counted from the
    beginning. Whole units stay whole, rounded up as they are needed; all shares sum to the quantity."""
    return _used(quantity, days, covered) - _used(quantity, days, covered_before)


def _used(quantity: Decimal, days: int, until: int) -> Decimal:
    if until >= days:
        return quantity
    step = Decimal(1) if quantity == quantity.to_integral_value() else Decimal("0.001")
    return (quantity * until / days).quantize(step, rounding=ROUND_CEILING)


def rules_on(day: date) -> dict[str, SheetRule]:
    """The papers in force on a day by kind, those with rules of their own first, the ordinary one last."""
    return {
        rule.kind: rule
        for rule in _rules()
        if rule.valid_from <= day and (rule.valid_to is None or day <= rule.valid_to)
    }


def last_day(signed_on: date) -> date | None:
    """The last day on which a prescription signed then may be handed out; None when no rule of that day limits it."""
    rule = rules_on(signed_on).get(ORDINARY)
    return None if rule is None else rule.valid_until(signed_on)


def law_on(day: date) -> str:
    """The circular that rules prescriptions of the day; empty when none is known."""
    rule = rules_on(day).get(ORDINARY)
    return "" if rule is None else rule.law


def kind_of(rules: Mapping[str, SheetRule], *, control_class: str, item_kind: str) -> str:
    """The kind of paper for a drug of this class and kind."""
    return next((kind for kind, rule in rules.items() if rule.takes(control_class, item_kind)), ORDINARY)


def new_code(prescribing_code: str, kind: str) -> str:
    """A code `xxxxxyyyyyyy-z`: the facility's five characters, seven random ones, the kind (TT 26/2025/TT-BYT).

    Empty when the facility has no code yet: none is invented. Who stores it sees to its being the only one.
    """
    if not prescribing_code:
        return ""
    return f"{prescribing_code}{''.join(secrets.choice(_LETTERS) for _ in range(_RANDOM))}-{kind}"


def read_code(text: str) -> str:
    """A prescription code in today's style from what was scanned or typed; empty when it is none.

    Older papers have a small last letter, and `y` for herbs (QĐ 808/QĐ-BYT).
    """
    found = _READ.match(text.strip())
    if found is None:
        return ""
    kind = found[3].upper().replace("Y", HERBS)
    return f"{found[1]}{found[2].lower()}-{kind}"


@cache
def _rules() -> tuple[SheetRule, ...]:
    with DATA.open(encoding="utf-8", newline="") as file:
        return tuple(_rule(row) for row in csv.DictReader(file))


def _rule(row: Mapping[str, str]) -> SheetRule:
    return SheetRule(
        kind=row["kind"],
        title_vi=row["title_vi"],
        annex=row["annex"],
        copies=tuple(row["copies"].split(";")),
        valid_days=int(row["valid_days"]),
        control_classes=_set(row["control_classes"]),
        item_kinds=_set(row["item_kinds"]),
        says_words=row["says_words"] == "yes",
        wants_recipient=row["wants_recipient"] == "yes",
        says_period=row["says_period"] == "yes",
        part_days=int(row["part_days"] or 0),
        most_parts=int(row["most_parts"] or 1),
        early_days=int(row["early_days"] or 0),
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        law=row["law"],
    )


def _set(cell: str) -> frozenset[str]:
    return frozenset(filter(None, cell.split(";")))
