"""What holds over all tables of a claim, and which tables a file may carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from insurance.rules.engine.base import Check, Env, Hit, function, param
from insurance.rules.engine.facts import VisitFacts
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import FILE, Scope


@function("claim.one_code")
def one_code(rule: Rule, scope: Scope, env: Env) -> Check:
    """Every row of every table has, in the rule's field, the text that most tables begin with (XML1's when as many)."""
    (tag,) = rule.fields

    def check(facts: VisitFacts) -> Iterator[Hit]:
        rows = [row for table in sorted(facts.tables) if table != FILE for row in facts.rows(table)]
        votes = Counter(row.text(tag) for row in rows if row.number == 1 and row.text(tag))
        own = facts.text("XML1", tag)
        expected = max(votes, key=lambda text: (votes[text], text == own), default="")
        for row in rows:
            if row.text(tag) and row.text(tag) != expected:
                yield Hit(row.number, tag, row.text(tag), {"expected": expected}, row.table)

    return check


@function("file.labels")
def labels(rule: Rule, scope: Scope, env: Env) -> Check:
    """Each label of the file names a table of the standard; with `travels=1`, of those only one that travels in it."""
    (tag,), travels = rule.fields, param(rule, "travels", "0") == "1"
    tables = env.standard.tables

    def check(facts: VisitFacts) -> Iterator[Hit]:
        for row in facts.rows(FILE):
            for label in row.items(tag):
                if (label in tables and not tables[label].in_envelope) if travels else label not in tables:
                    yield Hit(row.number, tag, label)

    return check
