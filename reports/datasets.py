"""Where the rows of reports come from: a closed set of data sets, each read once for a facility and a period.

A data set gives typed rows with a reference (the claim code), what was left out and why, references that a
check may ask about, and the counterpart with which the rows must agree.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from his.accounts.models import Facility
from his.core.dates import day_range, local
from his.core.errors import Refusal
from insurance.claims.build import build_tables
from insurance.claims.gather import Record, gather
from insurance.claims.services import reason_left_out
from insurance.claims.stored import rows_of
from insurance.models import Claim
from patients.models import Visit
from reports.period import Period

CHUNK = 500
SUMMARY = "XML1"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its reference, and typed values by English name: those of a record, and a few of its own."""

    ref: str
    record: object
    own: Mapping[str, Any]

    def value(self, name: str) -> Any:
        """The value that a column names as its source."""
        return self.own[name] if name in self.own else getattr(self.record, name)


@dataclass(slots=True)
class Dataset:
    """What was read. `left_out` is (reference, reason); `flags` maps a question to the references it is true of."""

    rows: list[Row] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    flags: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


Counterpart = Callable[[Facility, Period], Iterator[tuple[str, Mapping[str, str]]]]


@dataclass(frozen=True, slots=True)
class Source:
    """A data set by name, and the texts by tag with which its rows must agree."""

    read: Callable[[Facility, Period], Dataset]
    counterpart: Counterpart


# Settled visits: what the fund is asked to pay


def settled_visits(facility: Facility, period: Period) -> Dataset:
    """Closed insured visits of the claim month that make a claim (TT 12/2026/TT-BTC, 01/BH): the same as the export.

    Rows are the summaries of the claims themselves, so days, dates and amounts (đồng, from the stored split) are
    those of the XML. Self-paying visits are no part of it and are not listed as left out.
    """
    found = Dataset()
    stays: dict[int, list[tuple[datetime, datetime, bool, str]]] = defaultdict(list)
    for record in _records(facility, period):
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


def _records(facility: Facility, period: Period) -> Iterator[Record]:
    visits = Visit.objects.for_facility(facility).filter(claim_month=period.start, state=Visit.State.CLOSED)
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


def claim_summaries(facility: Facility, period: Period) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Table XML1 of each stored claim of the month: the very texts that are exported."""
    claims = _claims(facility, period).select_related("layout").order_by("claim_code")
    for claim in claims.iterator(chunk_size=200):
        (fields,) = rows_of(claim)[SUMMARY]
        yield claim.claim_code, fields


SOURCES: dict[str, Source] = {"settled_visits": Source(settled_visits, claim_summaries)}


def month_of(instant: datetime) -> Period:
    """The Vietnamese month of an instant."""
    return Period.month(local(instant).date())
