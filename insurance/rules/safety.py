"""The safety of a prescription that is being written, for insured and uninsured visits: the facts as tables, and the
rules over them (docs/safety.md).

Each rule is asked on its own: one that fails is said and recorded, the others still count, and nobody is stopped.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from django.db import transaction

from his.accounts.models import Staff
from his.core.text import fold
from insurance import law
from insurance.rules.engine import NoCatalogs, Rule, RuleBook, RuleError, Stage, VisitFacts, load_rules
from insurance.rules.engine.model import Finding
from insurance.rules.engine.prescribing import RX, lists_on
from insurance.rules.safety_facts import gather
from insurance.standards import Standard
from patients import notices as desk
from patients.allergens import Allergen
from patients.models import PrescriptionLine, Visit
from patients.notices import Line, LineKind, Notice, SafetyReport

logger = logging.getLogger(__name__)

_EVERYTHING = "An toàn kê đơn"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A rule with its book: compiled alone, so that a faulty one takes no other along."""

    rule: Rule
    book: RuleBook | None


def prescribing_report(
    visit: Visit, prescriber: Staff | None, at: datetime, typed: Sequence[PrescriptionLine] | None = None
) -> SafetyReport:
    """What the rules find in the drugs of the open exam (the hook `patients.hooks.prescribing_checks`).

    `typed` are unsaved lines in their place. What cannot be checked is named in the report and in the log; it never
    raises. The report has no notices when nothing is prescribed.
    """
    try:
        with transaction.atomic():  # a query that fails must not take the signing along
            facts = gather(visit, prescriber, at, typed)
            asked = _rules(law.roots(), facts.standard)
    except Exception:
        logger.exception("the safety of a prescription cannot be checked")
        return SafetyReport(not_checked=[_EVERYTHING])
    if not facts.rows(RX):
        return SafetyReport()
    notices: list[Notice] = []
    not_checked: list[str] = []
    for one in asked:
        if not one.rule.in_force(facts.ended_on):
            continue
        try:
            notices += _found(one, facts)
        except Exception:
            logger.exception("safety rule %s cannot be asked", one.rule.id)
            not_checked.append(one.rule.title)
    return SafetyReport(desk.worst_first(notices), not_checked)


def known_allergens(on: date) -> Sequence[Allergen]:
    """What allergies are recorded against (the hook `patients.hooks.allergens`); none when the lists are wrong."""
    try:
        return _allergens(law.roots(), on)
    except RuleError:
        logger.exception("the lists of ingredients cannot be read")
        return ()


@lru_cache(maxsize=8)
def _allergens(roots: tuple[Path, ...], on: date) -> Sequence[Allergen]:
    lists = lists_on(on)
    groups = [Allergen(f"@{one.key}", one.name, fold(one.name)) for one in lists.groups if one.is_allergen]
    names: dict[str, list[str]] = {}
    for spelled, key in lists.names.keys.items():
        names.setdefault(key, []).append(spelled)
    ingredients = [
        Allergen(key, name, fold(f"{name} {' '.join(names.get(key, ()))}"))
        for key, name in lists.titles.items()
        if not key.startswith("@")
    ]
    return (*groups, *ingredients)


@lru_cache(maxsize=16)
def _rules(roots: tuple[Path, ...], standard: Standard) -> tuple[_Asked, ...]:
    return tuple(_compiled(rule, standard) for rule in load_rules() if rule.table == RX)


def _compiled(rule: Rule, standard: Standard) -> _Asked:
    try:
        return _Asked(rule, RuleBook(standard, [rule], NoCatalogs()))
    except RuleError:
        logger.exception("safety rule %s cannot be read", rule.id)
        return _Asked(rule, None)


def _found(asked: _Asked, facts: VisitFacts) -> list[Notice]:
    if asked.book is None or asked.book.cannot_run:
        raise RuleError(f"{asked.rule.id} cannot be asked")
    stage = Stage.ORDER if Stage.ORDER in asked.rule.stages else Stage.SIGN
    return [_notice(asked.rule, finding) for finding in asked.book.check(facts, stage)]


def _notice(rule: Rule, finding: Finding) -> Notice:
    return Notice(
        rule=finding.rule,
        severity=desk.Severity(finding.severity),
        message=finding.message,
        fix=finding.fix,
        law=finding.law,
        field="prescription",
        line=Line(LineKind.DRUG, finding.row or 0),
        key=sha256(f"{finding.rule}|{finding.value}".encode()).hexdigest(),
        needs_reason=rule.params.get("reason") == "1",
    )
