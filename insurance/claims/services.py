"""Building a claim: one way for screen, command, interface and schedule."""

import gzip
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import local
from his.core.errors import Refusal
from his.service import audit_facts, service
from insurance.billing.closing import lock_visit
from insurance.claims.build import ClaimTables, build_tables, claim_end
from insurance.claims.gather import Record, gather
from insurance.claims.inclusion import reason_left_out_of
from insurance.locks import lock_claims
from insurance.models import Claim, Finding
from insurance.standards import (
    Problem,
    Standard,
    check,
    check_money,
    load,
    render_envelope,
    render_table,
    select_standard,
)
from insurance.standards.money_check import Claim as MoneyClaim
from patients.models import Visit

logger = logging.getLogger(__name__)

BLOCKING = "blocking"


@dataclass(frozen=True, slots=True)
class Built:
    """A claim in memory: its bytes, what was found, and how many rows each table has."""

    standard: Standard
    content: bytes
    problems: Sequence[Problem]
    row_counts: dict[str, int]


@service(action="claims.build_claim", permission="claims.build")
def build_claim(*, visit: Visit, actor: Actor, at: datetime, standard: str = "") -> Claim:
    """Build and check the claim of a closed insured visit (lập hồ sơ); the standard follows the end of the visit.

    Afterwards the current claim version holds the bytes and findings of the split in force; an unchanged claim
    keeps its version. Refuses visits that are not closed, not insured, or whose record is incomplete.
    """
    visit = lock_visit(visit)
    lock_claims(actor.facility)
    records = gather(actor.facility, [visit]) if visit.state == Visit.State.CLOSED else []
    if not records:
        raise Refusal("not_closed", "Lượt khám chưa chốt chi phí")
    built = build(records[0], standard)
    claim = store(records[0], built, actor, at)
    audit_facts(
        claim_code=visit.claim_code, version=claim.version, standard=claim.standard, findings=len(built.problems)
    )
    return claim


@dataclass(frozen=True, slots=True)
class Progress:
    """How far building a month came: `cursor` is the last claim code that was looked at, empty when nothing is left."""

    cursor: str
    built: int
    with_findings: int
    errors: tuple[tuple[str, str], ...]


@service(action="claims.build_month", permission="claims.build")
def build_month(*, month: date, actor: Actor, at: datetime, after: str = "", limit: int = 100) -> Progress:
    """Build the claims of the next `limit` visits of a claim month, in the order of claim codes (lập hồ sơ tháng).

    Visits that make no claim are passed over; a record that cannot be built is named with its reason and stops no
    other. Call it again with the cursor until that is empty.
    """
    lock_claims(actor.facility)
    visits = list(visits_of_month(actor.facility, month).filter(claim_code__gt=after)[:limit])
    built, with_findings, errors = 0, 0, []
    for record in gather(actor.facility, visits):
        if reason_left_out(record):
            continue
        made = try_build(record)
        if isinstance(made, str):
            errors.append((record.visit.claim_code, made))
            continue
        store(record, made, actor, at)
        built += 1
        with_findings += bool(made.problems)
    audit_facts(month=month.strftime("%Y-%m"), after=after, built=built, findings=with_findings, errors=len(errors))
    return Progress(visits[-1].claim_code if len(visits) == limit else "", built, with_findings, tuple(errors))


def visits_of_month(facility: Facility, month: date) -> QuerySet[Visit]:
    """Closed visits of a claim month by claim code, with patient, card and facility."""
    rows = Visit.objects.for_facility(facility).filter(claim_month=month.replace(day=1), state=Visit.State.CLOSED)
    return rows.select_related("patient", "card", "facility").order_by("claim_code")


def reason_left_out(record: Record) -> str:
    """Why a closed visit makes no claim, in Vietnamese; empty when it does."""
    return reason_left_out_of(record.visit, record.result)


def try_build(record: Record, standard: str = "") -> Built | str:
    """The claim of one record, or in Vietnamese why it cannot be built."""
    try:
        return build(record, standard)
    except Refusal as refusal:
        return refusal.message_vi
    except Exception as error:  # building reads nothing and writes nothing: one bad record must not stop the month
        logger.exception("claim %s could not be built", record.visit.claim_code)
        return f"Không lập được hồ sơ: {error or type(error).__name__}"


def build(record: Record, standard: str = "") -> Built:
    """The claim of one record: rows, bytes, findings. The same record gives the same bytes."""
    if reason := reason_left_out(record):
        raise Refusal("not_claimed", reason)
    chosen = load(standard) if standard else select_standard(local(claim_end(record)).date())
    tables = build_tables(record)
    problems = find_problems(chosen, tables, claim_end(record))
    documents = [(name, render_table(chosen, name, rows)) for name, rows in tables.in_envelope()]
    made_on = local(record.result.computed_at).date()
    content = render_envelope(chosen, record.visit.facility.code, made_on, [documents])
    return Built(chosen, content, problems, {name: len(rows) for name, rows in tables.in_envelope()})


def find_problems(standard: Standard, tables: ClaimTables, ended_at: datetime) -> list[Problem]:
    """Structure, codes and money identities of one claim."""
    on = local(ended_at).date()
    problems = [p for name, rows in tables.in_envelope() for p in check(standard, name, rows, on)]
    return problems + check_money(standard, MoneyClaim(tables.summary, tables.drugs, tables.services))


def store(record: Record, built: Built, actor: Actor, at: datetime) -> Claim:
    """Keep a built claim as the current version, or the current one when nothing changed."""
    digest = hashlib.sha256(built.content).hexdigest()
    last = Claim.objects.filter(visit=record.visit).defer("content").order_by("-version").first()
    if last is not None and last.is_current:
        if (last.sha256, last.standard, last.result_id) == (digest, built.standard.name, record.result.pk):
            return _rechecked(last, built)
        Claim.objects.filter(pk=last.pk).update(is_current=False, state=Claim.State.SUPERSEDED)
    claim = Claim.objects.create(
        facility=record.visit.facility,
        visit=record.visit,
        result=record.result,
        claim_code=record.visit.claim_code,
        version=last.version + 1 if last else 1,
        standard=built.standard.name,
        state=_state(built),
        content=gzip.compress(built.content, compresslevel=6, mtime=0),
        sha256=digest,
        row_counts=built.row_counts,
        built_at=at,
        built_by=actor.user,
    )
    _keep_findings(claim, built)
    return claim


def _rechecked(claim: Claim, built: Built) -> Claim:
    """The same bytes checked again: a rule or code list may have changed since."""
    if set(claim.findings.values_list("key", flat=True)) == set(_keyed(built)):
        return claim
    claim.findings.all().delete()
    _keep_findings(claim, built)
    claim.state = _state(built)
    claim.save(update_fields=["state"])
    return claim


def _state(built: Built) -> str:
    return Claim.State.FINDINGS if built.problems else Claim.State.CLEAN


def _keyed(built: Built) -> dict[str, Problem]:
    return {_key(problem): problem for problem in built.problems}


def _keep_findings(claim: Claim, built: Built) -> None:
    Finding.objects.bulk_create(_finding(claim, key, problem) for key, problem in _keyed(built).items())


def content_of(claim: Claim) -> bytes:
    """The bytes of a stored claim as they are exported."""
    return gzip.decompress(bytes(claim.content))


def _key(problem: Problem) -> str:
    parts = (problem.code, problem.table, str(problem.row or 0), problem.tag)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _finding(claim: Claim, key: str, problem: Problem) -> Finding:
    return Finding(
        facility=claim.facility,
        claim=claim,
        key=key,
        rule=problem.code,
        severity=BLOCKING,
        table=problem.table[:5],
        row=problem.row,
        field=problem.tag,
        message=problem.message_vi[:500],
        value=problem.value[:255],
    )
