"""Findings of a month by cause: which rule at which field, how many claims, what to do; and the values behind one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import MD5

from his.accounts.models import Facility
from his.accounts.reach import Reach
from insurance.claims.queries import Cause, View, claims_of_month, findings_of_reach
from insurance.models import Finding
from insurance.rules.engine import load_rules

VALUES_MAX = 30


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One cause in a month: how many claims and findings, an example, how to mend it and by which law."""

    cause: Cause
    title: str
    severity: str
    claims: int
    findings: int
    example: str
    fix: str
    law: str


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One value of a cause, with the narrower cause that names it."""

    cause: Cause
    value: str
    claims: int
    findings: int


def findings_of_month(facility: Facility, month: date, kind: Q) -> QuerySet[Finding]:
    """Findings of a kind in the current claims of the month."""
    claims = claims_of_month(facility, month)
    return Finding.objects.for_facility(facility).filter(kind, claim__in=claims.values("pk"))


def open_findings(facility: Facility, month: date, cause: Cause) -> QuerySet[Finding]:
    """The findings of a cause that are not waived."""
    return cause.of(findings_of_month(facility, month, Q(waiver__isnull=True)))


def causes(facility: Facility, month: date, view: View) -> list[CauseRow]:
    """The causes of what the view shows, those in most claims first."""
    if view.found is None:
        return []
    return _by_cause(findings_of_month(facility, month, view.found))


def causes_of_reach(reach: Reach, month: date, view: View) -> list[CauseRow]:
    """The same over all facilities of a reach, without examples: their words may name a patient's values."""
    if view.found is None:
        return []
    return [replace(row, example="") for row in _by_cause(findings_of_reach(reach, month, view.found))]


def _by_cause(found: QuerySet[Finding]) -> list[CauseRow]:
    rows = found.order_by().values("rule", "table", "field", "severity")
    groups = rows.annotate(
        claims=Count("claim_id", distinct=True),
        findings=Count("pk"),
        example=Max("message"),
        fix=Max("fix"),
        law=Max("law"),
    )
    return [
        CauseRow(
            cause=Cause(row["rule"], row["table"], row["field"]),
            title=title_of(row["rule"]),
            severity=row["severity"],
            claims=row["claims"],
            findings=row["findings"],
            example=row["example"],
            fix=row["fix"],
            law=row["law"],
        )
        for row in groups.order_by("-claims", "rule", "table", "field")
    ]


def values(facility: Facility, month: date, view: View, cause: Cause) -> list[ValueRow]:
    """The most frequent values of a cause in what the view shows."""
    whole = Cause(cause.rule, cause.table, cause.field)
    rows = whole.of(findings_of_month(facility, month, view.found or Q(waiver__isnull=True)))
    groups = (
        rows.order_by()
        .values("value")
        .annotate(print=MD5("value"), claims=Count("claim_id", distinct=True), findings=Count("pk"))
    )
    return [_value_row(cause, row) for row in groups.order_by("-claims", "value")[:VALUES_MAX]]


def _value_row(cause: Cause, row: Mapping[str, Any]) -> ValueRow:
    narrow = Cause(cause.rule, cause.table, cause.field, row["print"])
    return ValueRow(narrow, row["value"], row["claims"], row["findings"])


def title_of(rule: str) -> str:
    """What a rule asks, in Vietnamese; the id itself when the rules no longer have it."""
    return _titles().get(rule, rule)


@lru_cache(maxsize=1)
def _titles() -> dict[str, str]:
    return {rule.id: rule.title for rule in load_rules()}
