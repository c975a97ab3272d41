"""What holds over all tables of a claim."""

from __future__ import annotations

from collections.abc import Iterator

from insurance.rules.engine.base import Check, Env, Hit, function
from insurance.rules.engine.facts import VisitFacts
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import FILE, Scope


@function("claim.one_code")
def one_code(rule: Rule, scope: Scope, env: Env) -> Check:
    """Every row of every table has, in the rule's field, the text of the first row of the claim (XML1 when there)."""
    (tag,) = rule.fields

    def check(facts: VisitFacts) -> Iterator[Hit]:
        rows = [row for table in sorted(facts.tables) if table != FILE for row in facts.rows(table)]
        expected = facts.text("XML1", tag) or (rows[0].text(tag) if rows else "")
        for row in rows:
            if row.text(tag) and row.text(tag) != expected:
                yield Hit(row.number, tag, row.text(tag), {"expected": expected}, row.table)

    return check
