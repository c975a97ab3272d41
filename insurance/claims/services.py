"""Building a claim: one way for screen, command, interface and schedule."""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from django.db.models import QuerySet

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import local
from his.core.errors import Refusal
from his.service import audit_facts, service
from insurance.claims import findings, fresh
from insurance.claims.build import build_tables
from insurance.claims.fresh import Prints
from insurance.claims.gather import Record, gather
from insurance.claims.inclusion import reason_left_out_of
from insurance.claims.stored import CHECK_IN, stored_layout, tables_of, template_for
from insurance.claims.visit_facts import claim_end
from insurance.locks import lock_claims, lock_visit
from insurance.models import Claim, ClaimLayout
from insurance.rules.books import RuleBooks
from insurance.rules.catalogs import DatabaseCatalogs, rule_books
from insurance.rules.engine import Finding as Found
from insurance.standards import Layout, Standard, load, row_texts, select_standard, table_document
from patients.models import Visit

logger = logging.getLogger(__name__)

NO_SPLIT = "Lượt khám đã chốt nhưng không có kết quả tách chi phí"


@dataclass(frozen=True, slots=True)
class Built:
    """A claim in memory: the documents of its tables as `layout` joins them, what was found, rows by table.

    The message of arrival (XML0) is among the documents but not in the file; emergencies send none.
    """

    standard: Standard
    layout: Layout
    facility_code: str
    made_on: date
    body: str
    findings: Sequence[Found]
    row_counts: dict[str, int]

    @property
    def content(self) -> bytes:
        """The file of the claim."""
        return template_for(self.layout).file(self.facility_code, self.made_on, self.body.encode())


@service(action="claims.build_claim", permission="claims.build")
def build_claim(*, visit: Visit, actor: Actor, at: datetime, standard: str = "") -> Claim:
    """Build and check the claim of a closed insured visit (lập hồ sơ); the standard follows the end of the visit.

    Afterwards the current claim version holds the bytes and findings of the split in force; an unchanged claim
    keeps its version. Refuses visits that are not closed, not insured, or whose record is incomplete.
    """
    lock_visit(visit)
    lock_claims(actor.facility)
    prints = fresh.begin(actor.facility, [visit.pk], standard)
    visit = _visits(actor.facility).get(pk=visit.pk)
    records = gather(actor.facility, [visit]) if visit.state == Visit.State.CLOSED else []
    if not records:
        raise Refusal("not_closed", "Lượt khám chưa chốt chi phí")
    books = RuleBooks(DatabaseCatalogs(actor.facility, whole=False))
    built = build(records[0], books, standard)
    (claim,) = store([(records[0], built)], prints, actor, at)
    findings.note_failures(actor.facility, {}, [visit.pk], at)
    if visit.claim_month is not None:
        findings.note_check(actor.facility, visit.claim_month, books, at)
    audit_facts(
        claim_code=visit.claim_code, version=claim.version, standard=claim.standard, findings=len(built.findings)
    )
    return claim


@dataclass(frozen=True, slots=True)
class Progress:
    """How far building a month came: `cursor` is the last claim code that was looked at, empty when nothing is left.

    `built` counts claims that are up to date now, whether they were built in this step or before, `with_findings`
    those of them with a finding that blocks.
    """

    cursor: str
    built: int
    with_findings: int
    errors: tuple[tuple[str, str], ...]


@service(action="claims.build_month", permission="claims.build")
def build_month(
    *, month: date, actor: Actor, at: datetime, after: str = "", limit: int = 100, books: RuleBooks | None = None
) -> Progress:
    """Build the claims of the next `limit` visits of a claim month, in the order of claim codes (lập hồ sơ tháng).

    A claim that still says what its record says stays as it is and is checked again, because lists may have changed.
    Visits that make no claim are passed over; a record that cannot be built is named with its reason and stops no
    other. Call again with the cursor until that is empty, with the same `books`, and then `check_month`.
    """
    lock_claims(actor.facility)
    books = books or rule_books(actor.facility)
    visits = visits_of_month(actor.facility, month).filter(claim_code__gt=after).values_list("pk", "claim_code")
    codes = dict(visits[:limit])
    states = fresh.states(actor.facility, list(codes))
    claims = recheck(actor.facility, list(states), books)
    done = refresh([pk for pk in codes if pk not in states], books, actor, at)
    claims += done.claims
    findings.note_failures(actor.facility, {}, list(states), at)
    findings.note_check(actor.facility, month, books, at)
    faulty = sum(1 for claim in claims if claim.state == Claim.State.FINDINGS)
    errors = tuple((code, done.errors[pk]) for pk, code in codes.items() if pk in done.errors)
    audit_facts(month=month.strftime("%Y-%m"), after=after, built=len(claims), findings=faulty, errors=len(errors))
    cursor = next(reversed(codes.values())) if len(codes) == limit else ""
    return Progress(cursor, len(claims), faulty, errors)


def recheck(facility: Facility, visit_ids: Sequence[int], books: RuleBooks) -> list[Claim]:
    """Ask the rules again of the current claims of these visits, as they are stored."""
    rows = Claim.objects.for_facility(facility).filter(visit_id__in=visit_ids, is_current=True)
    claims = list(rows.select_related("layout"))
    found = {claim.pk: findings.find(books, load(claim.standard), tables_of(claim)) for claim in claims}
    findings.keep(facility, found, claims, shared=False)
    return claims


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Claims that were built, and by visit why others could not be."""

    claims: list[Claim]
    errors: Mapping[int, str]


def refresh(visit_ids: Sequence[int], books: RuleBooks, actor: Actor, at: datetime, standard: str = "") -> Refreshed:
    """Build, check and keep the claims of closed visits of the actor's facility, whose claims must be locked.

    Visits that make no claim are passed over; one that cannot be built stops no other, and why is kept.
    """
    prints = fresh.begin(actor.facility, visit_ids, standard)
    visits = list(_visits(actor.facility).filter(pk__in=visit_ids).order_by("claim_code"))
    records = gather(actor.facility, visits)
    errors = {visit.pk: NO_SPLIT for visit in without_split(visits, records)}
    made: list[tuple[Record, Built]] = []
    for record in records:
        if reason_left_out(record):
            continue
        built = try_build(record, books, standard)
        if isinstance(built, str):
            errors[record.visit.pk] = built
        else:
            made.append((record, built))
    findings.note_failures(actor.facility, errors, visit_ids, at)
    fresh.leave_stale({*visit_ids} - {record.visit.pk for record, _ in made})
    return Refreshed(store(made, prints, actor, at), errors)


def visits_of_month(facility: Facility, month: date) -> QuerySet[Visit]:
    """Closed visits of a claim month by claim code, with patient, card and facility."""
    rows = _visits(facility).filter(claim_month=month.replace(day=1), state=Visit.State.CLOSED)
    return rows.order_by("claim_code")


def _visits(facility: Facility) -> QuerySet[Visit]:
    """Visits with what `gather` needs of them."""
    return Visit.objects.for_facility(facility).select_related("patient", "card", "facility")


def without_split(visits: Sequence[Visit], records: Sequence[Record]) -> list[Visit]:
    """Closed visits of which `gather` made no record: damaged data that must not go missing in silence."""
    split = {record.visit.pk for record in records}
    return [visit for visit in visits if visit.pk not in split]


def reason_left_out(record: Record) -> str:
    """Why a closed visit makes no claim, in Vietnamese; empty when it does."""
    return reason_left_out_of(record.visit, record.result)


def try_build(record: Record, books: RuleBooks, standard: str = "") -> Built | str:
    """The claim of one record, or in Vietnamese why it cannot be built."""
    try:
        return build(record, books, standard)
    except Refusal as refusal:
        return refusal.message_vi
    except Exception as error:  # building reads nothing and writes nothing: one bad record must not stop the month
        logger.exception("claim %s could not be built", record.visit.claim_code)
        return f"Không lập được hồ sơ, dữ liệu hỏng: {type(error).__name__} {error}"


def build(record: Record, books: RuleBooks, standard: str = "") -> Built:
    """The claim of one record: rows, bytes, findings. The same record gives the same bytes."""
    if reason := reason_left_out(record):
        raise Refusal("not_claimed", reason)
    chosen = load(standard) if standard else select_standard(local(claim_end(record)).date())
    tables = build_tables(record)
    layout = layout_of(chosen)
    texts = {name: row_texts(chosen, name, rows) for name, rows in tables.in_envelope(chosen)}
    if tables.check_in is not None:
        texts[CHECK_IN] = row_texts(chosen, CHECK_IN, [tables.check_in])
    body = layout.join({name: table_document(chosen, name, rows) for name, rows in texts.items()})
    return Built(
        standard=chosen,
        layout=layout,
        facility_code=record.visit.facility.code,
        made_on=local(record.result.computed_at).date(),
        body=body,
        findings=findings.find(books, chosen, layout.split(body)),
        row_counts={name: len(rows) for name, rows in tables.in_envelope(chosen)},
    )


@lru_cache(maxsize=16)
def layout_of(standard: Standard) -> Layout:
    """The layout of a standard, made once."""
    return Layout.of(standard)


def store(
    made: Sequence[tuple[Record, Built]], prints: Mapping[int, Prints], actor: Actor, at: datetime
) -> list[Claim]:
    """Keep built claims as the current versions, in the same order; what did not change keeps its version.

    `prints` tells by visit what was there before the records were read. The claims of the facility must be locked.
    Asks the database as often for many claims as for one.
    """
    latest = _latest([record.visit.pk for record, _ in made])
    layouts = _layouts(built for _, built in made)
    claims: list[Claim] = []
    kept: list[Claim] = []
    new: list[Claim] = []
    for record, built in made:
        last = latest.get(record.visit.pk)
        digest = hashlib.sha256(built.content).hexdigest()
        if last is not None and last.is_current and _is_same(last, digest, record, built):
            claim = last
            kept.append(claim)
        else:
            claim = _claim(record, built, digest, last.version + 1 if last else 1, actor, at)
            new.append(claim)
        claim.body, claim.made_on, claim.layout = built.body, built.made_on, layouts[built.layout.digest]
        for name in fresh.FIELDS:
            setattr(claim, name, getattr(prints[record.visit.pk], name))
        claims.append(claim)
    Claim.objects.bulk_update(kept, ["body", "layout", *fresh.FIELDS])
    replaced = {latest[claim.visit_id].pk: claim for claim in new if claim.visit_id in latest}
    Claim.objects.filter(pk__in=replaced).update(is_current=False, state=Claim.State.SUPERSEDED)
    Claim.objects.bulk_create(new)
    findings.carry(actor.facility, {pk: claim.pk for pk, claim in replaced.items()})
    found = {claim.pk: built.findings for claim, (_, built) in zip(claims, made, strict=True)}
    findings.keep(actor.facility, found, claims, shared=False)
    return claims


def _layouts(made: Iterable[Built]) -> dict[str, ClaimLayout]:
    """The stored layouts of the claims, by digest."""
    used = {built.layout.digest: built for built in made}
    return {digest: stored_layout(built.layout, built.standard.name) for digest, built in used.items()}


def _latest(visit_ids: Sequence[int]) -> dict[int, Claim]:
    """The last version of each visit, without its texts."""
    rows = Claim.objects.filter(visit_id__in=visit_ids).defer("body").order_by("visit_id", "-version")
    return {claim.visit_id: claim for claim in rows.distinct("visit_id")}


def _is_same(claim: Claim, digest: str, record: Record, built: Built) -> bool:
    return (claim.sha256, claim.standard, claim.result_id) == (digest, built.standard.name, record.result.pk)


def _claim(record: Record, built: Built, digest: str, version: int, actor: Actor, at: datetime) -> Claim:
    return Claim(
        facility=record.visit.facility,
        visit=record.visit,
        result=record.result,
        claim_code=record.visit.claim_code,
        version=version,
        standard=built.standard.name,
        state=Claim.State.CLEAN,
        sha256=digest,
        row_counts=built.row_counts,
        built_at=at,
        built_by=actor.user,
    )
