"""What a citizen's number says of its holder: sex, century and year of birth (TT 59/2021/TT-BCA)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from insurance.rules.engine.base import Check, Env, Hit, function, tags
from insurance.rules.engine.facts import VisitFacts
from insurance.rules.engine.model import Rule
from insurance.rules.engine.terms import Scope

_NUMBER = re.compile(r"[0-9]{3}([0-9])([0-9]{2})[0-9]{6}")
_SEXES = ("1", "2")


@function("citizen_number")
def citizen_number(rule: Rule, scope: Scope, env: Env) -> Check:
    """The number (first field) agrees with the birth (second) and the sex (third); both sides are named."""
    number_tag, birth_tag, sex_tag = tags(rule, scope)

    def check(facts: VisitFacts) -> Iterator[Hit]:
        for row in facts.rows(rule.table):
            match = _NUMBER.fullmatch(row.text(number_tag))
            if match is None:
                continue
            digit = int(match[1])
            year, sex = str(1900 + 100 * (digit // 2) + int(match[2])), _SEXES[digit % 2]
            birth, named = row.text(birth_tag)[:4], row.text(sex_tag)
            wrong = [(birth_tag, year)] if birth and birth != year else []
            wrong += [(sex_tag, sex)] if named in _SEXES and named != sex else []
            for tag, expected in wrong:
                words = {"expected": expected, "other": tag}
                yield Hit(row.number, tag, row.text(tag), words)
                yield Hit(row.number, number_tag, row.text(number_tag), words)

    return check
