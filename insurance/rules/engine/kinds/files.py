"""The kind that passes on what was found while a file was read."""

from __future__ import annotations

from insurance.rules.engine.base import Check, Env, Hit, kind, param
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope


@kind("file")
def file(rule: Rule, scope: Scope, env: Env) -> Check:
    """Problems of reading with one of the codes `code` (`a|b`), of one claim or of the file as a whole."""
    codes = frozenset(param(rule, "code").split("|"))
    return lambda facts: [
        Hit(problem.row, problem.tag, problem.value, {"problem": problem.message_vi}, problem.table)
        for problem in facts.problems
        if problem.code in codes
    ]
