"""Settled visits: what the fund is asked to pay. A row is a visit, its reference the claim code."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from his.accounts.models import Facility
from his.core.dates import day_range
from his.core.errors import Refusal
from insurance.billing.queries import lines_of
from insurance.claims.build import build_tables
from insurance.claims.gather import Record, gather
from insurance.claims.services import reason_left_out
from insurance.claims.stored import rows_of
from insurance.models import BenefitResult, Claim
from patients.models import Visit
from reports.datasets.base import Dataset, Explained, Query, Row
from reports.period import Period

CHUNK = 500
SUMMARY = "XML1"


def settled_visits(query: Query) -> Dataset:
    """Closed insured visits of the claim month that make a claim (TT 12/2026/TT-BTC, 01/BH): the same as the export.

    Rows are the summaries of the claims themselves, so days, dates and amounts (đồng, from the stored split) are
    those of the XML. Self-paying visits are no part of it and are not listed as left out.
    """
    facility, period = query.facility, query.period
    found = Dataset()
    stays: dict[int, list[tuple[datetime, datetime, bool, str]]] = defaultdict(list)
    for record in _records(query):
        code = record.visit.claim_code
        if reason := reason_left_out(record):
            if record.visit.is_insured:
                found.left_out.append((code, reason))
            continue
        try:
            summary = build_tables(record).summary
        except Refusal as refusal:
            found.flags["incomplete"].append(code)
            found.left_out.append((code, refusal.message_vi))
            continue
        # One card in the form: the first where a claim names several, as other systems do; the circular does not say.
        found.rows.append(Row(code, summary, {"card_number": next(iter(summary.card_numbers), "")}))
        if summary.paid_at is None:
            found.flags["unpaid"].append(code)
        if summary.arrived_at and summary.ended_at:
            stay = (summary.arrived_at, summary.ended_at, summary.admitted_at is not None, code)
            stays[record.visit.patient_id].append(stay)
    found.flags["overlapping"] = _overlapping(stays)
    found.flags["still_open"] = _still_open(facility, period)
    _flag_claims(facility, period, found)
    return found


def _records(query: Query) -> Iterator[Record]:
    facility = query.facility
    visits = Visit.objects.for_facility(facility).filter(claim_month=query.period.start, state=Visit.State.CLOSED)
    if query.only is not None:
        visits = visits.filter(claim_code__in=query.only)
    ids = list(visits.order_by("claim_code").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        chunk = visits.filter(pk__in=ids[start : start + CHUNK]).select_related("patient", "card", "facility")
        yield from gather(facility, list(chunk.order_by("claim_code")))


def _overlapping(stays: Mapping[int, Sequence[tuple[datetime, datetime, bool, str]]]) -> list[str]:
    """Visits of one person that overlap a stay (inpatient or day treatment) of the same person."""
    found: set[str] = set()
    for rows in stays.values():
        ordered = sorted(rows)
        for i, (_, ended, is_stay, code) in enumerate(ordered):
            for arrived, _, is_other_stay, other in ordered[i + 1 :]:
                if arrived < ended and (is_stay or is_other_stay):
                    found |= {code, other}
    return sorted(found)


def _still_open(facility: Facility, period: Period) -> list[str]:
    start, end = day_range(period.start)[0], day_range(period.end)[1]
    rows = Visit.objects.for_facility(facility).filter(
        is_insured=True, state=Visit.State.EXAMINED, ended_at__gte=start, ended_at__lt=end
    )
    return list(rows.order_by("claim_code").values_list("claim_code", flat=True))


def _claims(facility: Facility, period: Period) -> Any:
    """Claim versions in force of the month that rest on the split in force."""
    return Claim.objects.for_facility(facility).filter(
        is_current=True,
        result__is_current=True,
        visit__claim_month=period.start,
        visit__state=Visit.State.CLOSED,
    )


def _flag_claims(facility: Facility, period: Period, found: Dataset) -> None:
    built = dict(_claims(facility, period).values_list("claim_code", "state"))
    codes = [row.ref for row in found.rows]
    found.flags["no_claim"] = [code for code in codes if code not in built]
    found.flags["claim_findings"] = sorted(code for code in codes if built.get(code) == Claim.State.FINDINGS)


def claim_summaries(query: Query) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Table XML1 of each stored claim of the month: the very texts that are exported."""
    claims = _claims(query.facility, query.period).select_related("layout").order_by("claim_code")
    for claim in claims.iterator(chunk_size=200):
        (fields,) = rows_of(claim)[SUMMARY]
        yield claim.claim_code, fields


def explain_visit(query: Query, ref: str) -> Explained:
    """The lines of the split in force behind a visit."""
    results = BenefitResult.objects.for_facility(query.facility).filter(visit__claim_code=ref, is_current=True)
    result = results.select_related("visit__patient").first()
    lines = [(line, line.copay_amount + line.self_paid_amount) for line in lines_of(result)] if result else []
    return "reports/_visit_lines.html", {"result": result, "lines": lines}
