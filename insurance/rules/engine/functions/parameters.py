"""The benefit parameters of the day a visit ended, looked up once for each claim."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from insurance import law
from insurance.benefits.engine import Params, load
from insurance.rules.engine.facts import VisitFacts


def params_of(facts: VisitFacts) -> Params | None:
    """The parameters; None while the visit's day is unknown."""
    return None if facts.ended_on is None else _params(law.roots(), facts.ended_on)


@lru_cache(maxsize=1024)
def _params(roots: tuple[Path, ...], on: date) -> Params:
    """`roots` stand for the decrees in force: with other ones the parameters are read anew."""
    return load(on=on)
