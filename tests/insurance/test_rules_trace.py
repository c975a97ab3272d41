"""Every published check is answered by a rule or by a reason, and the page of those not taken says the same."""

import csv
import re
from pathlib import Path

import pytest

from insurance.law import PRODUCT
from insurance.rules.engine import load_rules

TRACE = PRODUCT / "rules" / "trace"
PAGE = Path(__file__).parents[2] / "docs" / "rules-not-taken.md"
PUBLISHED = 681
"""How many checks the published lists hold: V0001 to V0681."""


def traced(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


FILES = {path.name: traced(path) for path in sorted(TRACE.glob("*.csv"))}
ROWS = [row for rows in FILES.values() for row in rows]
RULES = {rule.id: rule for rule in load_rules()}


def answered() -> dict[str, set[str]]:
    """The rules of each published check over all files."""
    found: dict[str, set[str]] = {}
    for row in ROWS:
        found.setdefault(row["id"], set()).update(name for name in row["rules"].split(";") if name)
    return found


@pytest.mark.parametrize("name", FILES)
def test_each_check_stands_once_with_a_rule_or_a_reason(name: str) -> None:
    ids = [row["id"] for row in FILES[name]]
    assert len(ids) == len(set(ids))
    for row in FILES[name]:
        assert re.fullmatch(r"V\d{4}", row["id"])
        assert row["rules"] or row["reason"], row["id"]
        assert not {rule for rule in row["rules"].split(";") if rule} - RULES.keys(), row["id"]


def test_every_published_check_is_there() -> None:
    assert sorted(answered()) == [f"V{number:04}" for number in range(1, PUBLISHED + 1)]


def test_what_a_rule_says_it_covers_is_traced_to_it() -> None:
    found = answered()
    lacking = [(check, rule.id) for rule in RULES.values() for check in rule.covers
               if check in found and rule.id not in found[check]]  # fmt: skip
    assert lacking == []


def test_files_agree_on_what_is_not_taken() -> None:
    for rows in FILES.values():
        for row in rows:
            assert bool(row["rules"]) is bool(answered()[row["id"]]), row["id"]


def test_the_page_lists_exactly_what_is_not_taken() -> None:
    listed = dict(re.findall(r"^\| (V\d{4}) \|.*\| ([^|]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE))
    assert listed == {row["id"]: row["reason"] for row in ROWS if not row["rules"]}
