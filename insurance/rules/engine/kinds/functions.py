"""The kind for what no other kind expresses: a registered Python function."""

from __future__ import annotations

from insurance.rules.engine.base import FUNCTIONS, Check, Env, kind, param
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.terms import Scope


@kind("function")
def by_function(rule: Rule, scope: Scope, env: Env) -> Check:
    """Whatever the function `name` (the rule's id when not given) says."""
    name = param(rule, "name", rule.id)
    if name not in FUNCTIONS:
        raise RuleError(f"{rule.id}: no function {name}")
    return FUNCTIONS[name](rule, scope, env)
