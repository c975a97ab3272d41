"""Findings of built claims: the rules asked of the texts that are stored, waivers kept, and the state that follows.

A finding that was waived stays waived as long as its key is the same, in every later version of the claim.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime

from django.db.models import Case, Exists, OuterRef, Q, Value, When

from his.accounts.models import Facility
from insurance.models import BuildFailure, Claim, Finding, FindingWaiver, MonthCheck
from insurance.rules.books import RuleBooks
from insurance.rules.engine import Finding as Found
from insurance.rules.engine import Severity, VisitFacts
from insurance.standards import Standard

OPEN = Q(waiver__isnull=True)
BLOCKS = OPEN & Q(severity=Severity.BLOCKING)
"""The findings for which a claim is not clean."""


def find(books: RuleBooks, standard: Standard, tables: Mapping[str, Iterable[Mapping[str, str]]]) -> list[Found]:
    """All findings of the tables of one claim, in the order of the rules."""
    return books.of(standard).check(VisitFacts(standard, tables))


def keep(facility: Facility, found: Mapping[int, Sequence[Found]], claims: Sequence[Claim], *, shared: bool) -> None:
    """Make `found` (by claim id) the findings of these claims, and their state what follows from all their findings.

    Unchanged findings keep their rows. `shared` findings come from the comparison of a month's claims and stand beside
    those of the claim alone. Asks the database as often for many claims as for one.
    """
    waivers = _waivers(facility, claims)
    stored: dict[int, dict[str, Finding]] = {claim.pk: {} for claim in claims}
    for row in Finding.objects.for_facility(facility).filter(claim__in=stored, is_shared=shared):
        stored[row.claim_id][row.key] = row
    gone: list[int] = []
    new: list[Finding] = []
    for claim in claims:
        wanted = {one.key: one for one in found.get(claim.pk, ())}
        for key, row in stored[claim.pk].items():
            if key in wanted and _says(row, wanted[key]):
                del wanted[key]
            else:
                gone.append(row.pk)
        new += [_finding(claim, one, waivers.get((claim.claim_code, one.key)), shared) for one in wanted.values()]
    Finding.objects.filter(pk__in=gone).delete()
    Finding.objects.bulk_create(new, batch_size=2000)
    settle(claims)


def carry(facility: Facility, versions: Mapping[int, int]) -> None:
    """Give new versions (by the id of the version before) the findings of the last comparison of their month."""
    rows = Finding.objects.for_facility(facility).filter(claim__in=versions, is_shared=True)
    copies = []
    for row in rows:
        row.pk, row.claim_id = None, versions[row.claim_id]
        copies.append(row)
    Finding.objects.bulk_create(copies, batch_size=2000)


def settle(claims: Sequence[Claim]) -> None:
    """Set the state of current claims from their findings: only what blocks and is not waived makes it faulty."""
    ids = [claim.pk for claim in claims]
    faulty = Exists(Finding.objects.filter(BLOCKS, claim=OuterRef("pk")))
    state = Case(
        When(faulty, then=Value(Claim.State.FINDINGS)),
        When(exported_at__isnull=False, then=Value(Claim.State.EXPORTED)),
        default=Value(Claim.State.CLEAN),
    )
    Claim.objects.filter(pk__in=ids, is_current=True).exclude(state=state).update(state=state)
    now = dict(Claim.objects.filter(pk__in=ids).values_list("pk", "state"))
    for claim in claims:
        claim.state = now[claim.pk]


def note_failures(facility: Facility, failed: Mapping[int, str], tried: Iterable[int], at: datetime) -> None:
    """Keep why claims could not be built, by visit; visits that were tried and are not among them have no failure."""
    known = BuildFailure.objects.for_facility(facility)
    known.filter(visit__in=tried).exclude(visit__in=failed).delete()
    rows = [BuildFailure(facility=facility, visit_id=pk, reason=why[:500], at=at) for pk, why in failed.items()]
    BuildFailure.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["visit"], update_fields=["reason", "at"]
    )


def note_check(facility: Facility, month: date, books: RuleBooks, at: datetime, *, shared: bool = False) -> None:
    """Keep which rules could not be asked of the claims of a month, and when the claims were compared."""
    facts: dict[str, object] = {"cannot_run": [asdict(one) for one in books.cannot_run()], "checked_at": at}
    if shared:
        facts["shared_at"] = at
    MonthCheck.objects.update_or_create(facility=facility, month=month.replace(day=1), defaults=facts)


def _waivers(facility: Facility, claims: Sequence[Claim]) -> dict[tuple[str, str], FindingWaiver]:
    codes = [claim.claim_code for claim in claims]
    rows = FindingWaiver.objects.for_facility(facility).filter(claim_code__in=codes, revoked_at__isnull=True)
    return {(row.claim_code, row.key): row for row in rows}


def _says(row: Finding, found: Found) -> bool:
    """Whether a stored finding says the same as one of the same key that was just made."""
    said = (found.severity, found.row, found.message[:500], found.fix[:500])
    return (row.severity, row.row, row.message, row.fix) == said


def _finding(claim: Claim, found: Found, waiver: FindingWaiver | None, shared: bool) -> Finding:
    return Finding(
        facility_id=claim.facility_id,
        claim=claim,
        key=found.key,
        rule=found.rule,
        severity=found.severity,
        table=found.table,
        row=found.row,
        field=found.field,
        message=found.message[:500],
        value=found.value[:255],
        fix=found.fix[:500],
        law=found.law[:255],
        is_shared=shared,
        waiver=waiver,
    )
