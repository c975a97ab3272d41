"""The benefit parameters of the day a visit ended, looked up once for each claim."""

from __future__ import annotations

from insurance.benefits.engine import Params, load
from insurance.rules.engine.facts import VisitFacts


def params_of(facts: VisitFacts) -> Params | None:
    """The parameters; None while the visit's day is unknown."""
    if facts.ended_on is None:
        return None
    found: Params | None = facts.known.get("params")
    if found is None:
        found = facts.known["params"] = load(on=facts.ended_on)
    return found
