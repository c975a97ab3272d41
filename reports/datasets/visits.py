"""Settled visits: what the fund is asked to pay. A row is a visit, its reference the claim code."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from his.accounts.models import Facility
from insurance.billing.queries import lines_of
from insurance.claims.summaries import SUMMARY, Texts, stored_summaries, summaries, summary_rows
from insurance.models import BenefitResult, Claim
from insurance.standards import PartialDate, select_standard
from patients.models import Visit
from reports.datasets.base import Dataset, Explained, Query, Row
from reports.period import Period

CARD = "card_number"
"""One card in the form: the first where a claim names several, as other systems do; the circular does not say."""

Stay = tuple[str, str, bool, str]


def settled_visits(query: Query) -> Dataset:
    """Closed insured visits of the claim month that make a claim (TT 12/2026/TT-BTC, 01/BH): the same as the export.

    Rows are the summaries of the claims themselves, so days, dates and amounts (đồng, from the stored split) are
    those of the XML. Self-paying visits are no part of it and are not listed as left out.
    """
    facility, period = query.facility, query.period
    found, stays = Dataset(), defaultdict[int, list[Stay]](list)
    fields = [(name, *field) for name, field in _fields(period).items() if name in query.sources]
    rows = summary_rows(facility, period.start).filter(visit__is_insured=True).order_by("visit__claim_code")
    if query.only is not None:
        rows = rows.filter(visit__claim_code__in=query.only)
    for summary in summaries(facility, rows):
        code, texts = summary.claim_code, summary.texts
        if reason := summary.reason or summary.refusal:
            found.left_out.append((code, reason))
            if summary.refusal:
                found.flags["incomplete"].append(code)
            continue
        found.rows.append(Row(code, None, _typed(texts, fields)))
        if not texts["NGAY_TTOAN"]:
            found.flags["unpaid"].append(code)
        if not summary.is_claimed:
            found.flags["no_claim"].append(code)
        elif summary.state == Claim.State.FINDINGS:
            found.flags["claim_findings"].append(code)
        stay = (texts["NGAY_VAO"], texts["NGAY_RA"], bool(texts["NGAY_VAO_NOI_TRU"]), code)
        stays[summary.patient_id].append(stay)
    found.flags["overlapping"] = _overlapping(stays)
    found.flags["still_open"] = _still_open(facility, period)
    return found


_READ: dict[str, Callable[[str], Any]] = {
    "int": lambda text: int(text) if text else None,
    "money": Decimal,
    "datetime12": lambda text: PartialDate.parse(text) if text else None,
}
"""How the texts of a field become values again, by type; others stay texts."""


@lru_cache(maxsize=64)
def _fields(period: Period) -> dict[str, tuple[str, Callable[[str], Any]]]:
    """Tag and reader of what a summary says, by English name, in the standard of the period."""
    fields = select_standard(period.end).table(SUMMARY).fields
    found = {field.source: (field.tag, _READ.get(field.types[0].base, str)) for field in fields}
    return {**found, CARD: ("MA_THE_BHYT", lambda text: text.split(";")[0])}


def _typed(texts: Texts, fields: Sequence[tuple[str, str, Callable[[str], Any]]]) -> dict[str, Any]:
    return {name: read(texts.get(tag, "")) for name, tag, read in fields}


def _overlapping(stays: Mapping[int, Sequence[Stay]]) -> list[str]:
    """Visits of one person that overlap a stay (inpatient or day treatment) of the same person."""
    found: set[str] = set()
    for rows in stays.values():
        ordered = sorted(rows) if len(rows) > 1 else ()
        for i, (_, ended, is_stay, code) in enumerate(ordered):
            for arrived, _, is_other_stay, other in ordered[i + 1 :]:
                if arrived < ended and (is_stay or is_other_stay):
                    found |= {code, other}
    return sorted(found)


def _still_open(facility: Facility, period: Period) -> list[str]:
    start, end = period.instants()
    rows = Visit.objects.for_facility(facility).filter(
        is_insured=True, state=Visit.State.EXAMINED, ended_at__gte=start, ended_at__lt=end
    )
    return list(rows.order_by("claim_code").values_list("claim_code", flat=True))


def claim_summaries(query: Query) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Table XML1 of each stored claim of the month: the very texts that are exported."""
    return stored_summaries(query.facility, query.period.start)


def explain_visit(query: Query, ref: str) -> Explained:
    """The lines of the split in force behind a visit."""
    results = BenefitResult.objects.for_facility(query.facility).filter(visit__claim_code=ref, is_current=True)
    result = results.select_related("visit__patient").first()
    lines = [(line, line.copay_amount + line.self_paid_amount) for line in lines_of(result)] if result else []
    return "reports/_visit_lines.html", {"result": result, "lines": lines}
