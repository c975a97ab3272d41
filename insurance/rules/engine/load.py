"""Read the rules: every CSV of a rules folder, one row a rule. A faulty row stops the load and is named.

A further folder (a decree's own) may add rules and, by the same id, replace those of the product.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path

from insurance import law
from insurance.rules.engine.base import BATCH_KINDS, KINDS
from insurance.rules.engine.model import Rule, RuleError, Severity, Stage

COLUMNS = (
    "id", "title", "kind", "table", "field", "params", "when", "severity", "stages", "valid_from", "valid_to",
    "standards", "needs", "message", "fix", "law", "good", "bad", "covers",
)  # fmt: skip
_ID = re.compile(r"[a-z0-9]+(?:[._][a-z0-9]+)*")
_NEXT_PARAM = re.compile(r";\s*(?=[a-z_]+=)")


def load_rules(*folders: Path) -> tuple[Rule, ...]:
    """The rules of the product, of the decrees of the installation and of further folders; a later one replaces by id.

    Raises RuleError for an unknown kind, an id that stands twice in a folder, or a cell that cannot be read.
    """
    return _load((*(root / "rules" for root in law.roots()), *(folder.resolve() for folder in folders)))


@lru_cache(maxsize=16)
def _load(folders: tuple[Path, ...]) -> tuple[Rule, ...]:
    rules: dict[str, Rule] = {}
    for folder in folders:
        own: dict[str, Rule] = {}
        for rule in _folder(folder):
            if rule.id in own:
                raise RuleError(f"{folder}: rule {rule.id} stands twice")
            own[rule.id] = rule
        rules |= own
    return tuple(rules.values())


def _folder(folder: Path) -> Iterator[Rule]:
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise RuleError(f"{path}: the columns must be {', '.join(COLUMNS)}")
            for number, row in enumerate(reader, start=2):
                cells = {key: (value or "").strip() for key, value in row.items()}
                try:
                    yield _rule(cells)
                except (KeyError, ValueError) as error:
                    raise RuleError(f"{path}, line {number}: {cells.get('id', '?')}: {error}") from error


def _rule(cells: dict[str, str]) -> Rule:
    if not _ID.fullmatch(cells["id"]):
        raise ValueError(f"{cells['id']!r} is no id: small letters, digits, dots and underscores")
    if cells["kind"] not in KINDS and cells["kind"] not in BATCH_KINDS:
        raise ValueError(f"unknown kind {cells['kind']!r}")
    for name in ("title", "table", "message", "fix", "law"):
        if not cells[name]:
            raise ValueError(f"{name} is empty")
    return Rule(
        id=cells["id"],
        title=cells["title"],
        kind=cells["kind"],
        table=cells["table"],
        fields=tuple(tag.strip() for tag in cells["field"].split(",") if tag.strip()),
        params=_params(cells["params"]),
        when=cells["when"],
        severity=Severity(cells["severity"]),
        stages=frozenset(Stage(name) for name in (cells["stages"] or "claim").split("|")),
        valid_from=_day(cells["valid_from"]),
        valid_to=_day(cells["valid_to"]),
        standards=cells["standards"],
        needs=tuple(name for name in cells["needs"].split("|") if name),
        message=cells["message"],
        fix=cells["fix"],
        law=cells["law"],
        good=cells["good"],
        bad=cells["bad"],
        covers=tuple(name for name in cells["covers"].split(";") if name),
    )


def _params(text: str) -> dict[str, str]:
    params: dict[str, str] = {}
    for part in _NEXT_PARAM.split(text):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"parameter {part!r} is not name=value")
        params[name.strip()] = value.strip()
    return params


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
