"""Prescribing safety as rules: the checks of `pharmacy.safety`, one rule for each level of what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from insurance.rules.engine.base import NOTHING, Check, Env, Hit, function, param, tags, whole
from insurance.rules.engine.facts import VisitFacts
from insurance.rules.engine.model import Rule, RuleError
from insurance.rules.engine.prescribing import RX, case_of, lists_on
from insurance.rules.engine.terms import Scope
from pharmacy.safety import checks, person_checks
from pharmacy.safety.facts import UNCHECKED, UNKNOWN, Found
from pharmacy.safety.facts import Check as SafetyCheck

_LEVELS = frozenset({"block", "reason", "note", UNCHECKED, UNKNOWN})
_CHECKS: dict[str, tuple[str, Callable[[Rule], SafetyCheck]]] = {
    "interactions": ("interactions", lambda rule: checks.interactions),
    "allergies": ("allergies", lambda rule: checks.allergies),
    "duplicates": ("", lambda rule: checks.duplicates),
    "unread": ("", lambda rule: checks.unread),
    "still_at_home": ("", lambda rule: checks.still_at_home(whole(rule, "spare", "0"))),
    "days": ("", lambda rule: checks.days),
    "scope": ("", lambda rule: checks.scope),
    "doses": ("doses", lambda rule: person_checks.doses(whole(rule, "over_percent", "0"))),
    "ages": ("ages", lambda rule: person_checks.ages),
    "renal": ("renal", lambda rule: person_checks.renal),
    "pregnancy": ("states", lambda rule: person_checks.pregnancy),
    "lactation": ("states", lambda rule: person_checks.lactation),
    "diseases": ("diseases", lambda rule: person_checks.diseases),
    "support": ("support", lambda rule: person_checks.support),
}
"""Each check with the list that it cannot do without."""


@function("prescribing")
def prescribing(rule: Rule, scope: Scope, env: Env) -> Check:
    """What the safety check `check` finds at `level` in the lines of a prescription (table `RX`). `reason=1` tells the
    desk that signing needs a reason for it; `spare` (days) and `over_percent` are those of the checks that know them.

    Raises RuleError, when it is asked, for a list that is empty on the day: that must be said, never taken for fine.
    """
    (tag,), name, level = tags(rule, scope), param(rule, "check"), param(rule, "level")
    if name not in _CHECKS or level not in _LEVELS:
        raise RuleError(f"{rule.id}: no check {name} with level {level}")
    needed, make = _CHECKS[name]
    ask = make(rule)
    key = f"{name}|{rule.params.get('spare', '')}|{rule.params.get('over_percent', '')}"

    def found(facts: VisitFacts) -> list[Found]:
        if key not in facts.known:
            lists = lists_on(facts.ended_on)
            if not lists.groups_of or (needed and not getattr(lists, needed)):
                raise RuleError(f"{rule.id}: the list {needed or 'ingredients'} is empty on {facts.ended_on}")
            facts.known[key] = list(ask(case_of(facts, lists), lists))
        kept: list[Found] = facts.known[key]
        return kept

    def check(facts: VisitFacts) -> Iterable[Hit]:
        if not facts.rows(RX):
            return NOTHING
        return [
            Hit(one.number, tag, one.about, {**one.words, "source": f" ({one.source})" if one.source else ""})
            for one in found(facts)
            if one.level == level
        ]

    return check
