"""The summaries (XML1) of a month's claims as texts, row by row: those stored where they are true to their record.

Lists and forms over tens of thousands of visits read the summary of a claim from its stored document, cut out in the
database. Only what is not built, or no longer true (`fresh`), is put together again from the record, without keeping
it. So a list says what the file says, and never less than the desks know.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from django.db.models import BooleanField, Case, F, Func, Q, QuerySet, TextField, Value, When

from his.accounts.models import Facility
from his.core.dates import local
from his.core.errors import Refusal
from insurance.claims import fresh
from insurance.claims.build import build_tables
from insurance.claims.gather import gather
from insurance.claims.inclusion import reason_column
from insurance.claims.queries import results_of_month
from insurance.claims.stored import template_of
from insurance.claims.visit_facts import claim_end
from insurance.models import ClaimLayout
from insurance.standards import TableLayout, row_texts, select_standard
from insurance.standards.layout import TABLE, rows_in
from patients.models import Visit

SUMMARY = "XML1"
CHUNK = 500
_OWN = (
    "visit_id",
    "visit__patient_id",
    "visit__claim_code",
    "reason",
    "is_claimed",
    "claim__state",
    "claim__layout_id",
)

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary of one closed visit.

    `reason` says why the visit makes no claim, `refusal` why its claim cannot be built: then there are no `texts`.
    `is_claimed`: a claim that rests on the split in force is stored, in `state`. `extra` are the columns asked for.
    """

    visit_id: int
    patient_id: int
    claim_code: str
    reason: str
    is_claimed: bool
    state: str
    texts: Texts
    refusal: str
    extra: tuple[Any, ...]


def summary_rows(facility: Facility, month: date) -> QuerySet[Any]:
    """The splits in force of the closed visits of a month with the reason for making no claim; to be narrowed, ordered
    and given to `summaries`."""
    claimed = Case(When(claim__result_id=F("pk"), then=Value(True)), default=Value(False), output_field=BooleanField())
    return results_of_month(facility, month).annotate(reason=reason_column(), is_claimed=claimed)


def summaries(facility: Facility, rows: QuerySet[Any], *extra: str) -> Iterator[Summary]:
    """The summaries of `summary_rows` in their order, with the columns of `extra`, in bounded memory.

    One statement through a cursor of the server; must run in a transaction.
    """
    layouts = _layouts()
    true = Case(
        When(fresh.is_fresh(facility) & Q(reason=""), then=_document(layouts)), default=None, output_field=TextField()
    )
    found = rows.annotate(summary_document=true).values_list(*_OWN, "summary_document", *extra)
    read = found.iterator(chunk_size=CHUNK)
    while chunk := list(islice(read, CHUNK)):
        missing = [row[0] for row in chunk if row[7] is None and not row[3]]
        built = _built(facility, missing) if missing else {}
        for visit, patient, code, reason, is_claimed, state, layout, document, *more in chunk:
            texts, refusal = built.get(visit, ({}, ""))
            if document is not None:
                (texts,) = rows_in(layouts[layout][1], document)
            yield Summary(visit, patient, code, reason, is_claimed, state or "", texts, refusal, tuple(more))


def stored_summaries(facility: Facility, month: date) -> Iterator[tuple[str, Texts]]:
    """(claim code, summary) of each stored claim of the month that rests on the split in force: what is exported."""
    layouts = _layouts()
    rows: QuerySet[Any] = results_of_month(facility, month)
    claimed = rows.filter(claim__result_id=F("pk")).order_by("visit__claim_code")
    found = claimed.annotate(summary_document=_document(layouts))
    for code, layout, document in found.values_list(
        "visit__claim_code", "claim__layout_id", "summary_document"
    ).iterator(chunk_size=CHUNK):
        (texts,) = rows_in(layouts[layout][1], document)
        yield code, texts


def _layouts() -> dict[int, tuple[int, TableLayout]]:
    """By layout: the place of the summary among its documents, from 1, and its table."""
    found = {}
    for row in ClaimLayout.objects.all():
        tables = template_of(row).layout.tables
        place = next(number for number, table in enumerate(tables, 1) if table.name == SUMMARY)
        found[row.pk] = place, tables[place - 1]
    return found


def _document(layouts: Mapping[int, tuple[int, TableLayout]]) -> Case:
    """The document of the summary, cut out of the body of the claim by the database."""
    whens = [
        When(claim__layout_id=pk, then=Func(F("claim__body"), Value(TABLE), Value(place), function="split_part"))
        for pk, (place, _) in layouts.items()
    ]
    return Case(*whens, default=None, output_field=TextField())


def _built(facility: Facility, visit_ids: Sequence[int]) -> dict[int, tuple[Texts, str]]:
    """(summary, or why there is none) of visits whose stored claim does not say it, by visit."""
    visits = Visit.objects.for_facility(facility).filter(pk__in=visit_ids)
    found: dict[int, tuple[Texts, str]] = {}
    ordered = list(visits.select_related("patient", "card", "facility").order_by("claim_code"))
    for record in gather(facility, ordered, with_course=False):
        standard = select_standard(local(claim_end(record)).date())
        try:
            (texts,) = row_texts(standard, SUMMARY, [build_tables(record).summary])
        except Refusal as refusal:
            found[record.visit.pk] = {}, refusal.message_vi
        else:
            tags = (field.tag for field in standard.table(SUMMARY).fields)
            found[record.visit.pk] = dict(zip(tags, texts, strict=True)), ""
    return found
