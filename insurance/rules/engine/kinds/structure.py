"""Kinds that pass on what the standard itself finds: the structure of each field, and the identities of amounts."""

from __future__ import annotations

from insurance.rules.engine.base import Check, Env, Hit, kind, param
from insurance.rules.engine.facts import VisitFacts
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope
from insurance.standards import Problem


@kind("structure")
def structure(rule: Rule, scope: Scope, env: Env) -> Check:
    """Structural problems with the code `code`, in every table. `required=yes|no` narrows to fields that the standard
    requires, or not."""
    code, narrow = param(rule, "code"), param(rule, "required", "")

    def check(facts: VisitFacts) -> list[Hit]:
        return [_hit(p) for p in facts.structure.get(code, ()) if not narrow or _required(env, p) == narrow]

    return check


@kind("money")
def money(rule: Rule, scope: Scope, env: Env) -> Check:
    """Disagreements between amounts with the code `code`."""
    code = param(rule, "code")
    return lambda facts: [_hit(problem) for problem in facts.money.get(code, ())]


def _required(env: Env, problem: Problem) -> str:
    fields = env.standard.tables[problem.table].fields
    return next(("yes" if f.required == "yes" else "no" for f in fields if f.tag == problem.tag), "no")


def _hit(problem: Problem) -> Hit:
    return Hit(problem.row, problem.tag, problem.value, {"problem": problem.message_vi}, problem.table)
