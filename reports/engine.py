"""One engine runs every form: read the data set, freeze the table, check it, store the run.

A run is a snapshot: it never changes, exports are made from it alone, and running again with the same data
gives the same run.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db.models import Max

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.errors import Refusal
from his.locks import lock_name
from his.printing.services import facility_data
from his.service import audit_facts, service
from reports.checks import Facts, blocking, run_checks
from reports.datasets import SOURCES, Dataset, Query, Row
from reports.definition import ROOT, Column, Form, load_form
from reports.models import ReportBasis, ReportRun
from reports.period import KIND_WORDS, Period
from reports.table import UNPLACED, Cell, cell, day_of, fingerprint


@service(action="reports.run", permission="reports.run")
def run(
    *,
    form: str,
    facility: Facility,
    period: Period,
    actor: Actor,
    at: datetime,
    store: str = "",
    definitions: Path = ROOT,
) -> ReportRun:
    """Make a report of the actor's facility for a period (lập báo cáo).

    Afterwards the newest `ReportRun` of the form and period holds the rows, sections, sums and checks as of now; when
    nothing changed since the last run, that run is returned. Amounts are those of the stored splits, in đồng. Refuses
    an unknown form, a period before the form came into force, and a store for a form that is made of the whole facility
    (`store` is the code of one; empty: all). Failed checks are stored, not refused: who signs
    decides on them.
    """
    chosen = load_form(form, period.start, definitions)
    if period.kind not in chosen.periods:
        words = " hoặc ".join(KIND_WORDS[kind] for kind in chosen.periods)
        raise Refusal("wrong_period", f"{chosen['number']} lập theo {words}", field="month")
    if chosen.is_list:
        raise Refusal("is_list", f"{chosen['number']} là danh sách: xem và xuất trực tiếp, không lưu bản", field="form")
    if store and not chosen.is_by_store:
        raise Refusal("not_by_store", f"Mẫu {chosen['number']} lập cho cả cơ sở, không theo kho", field="store")
    values, checks, basis = compute(chosen, query_of(chosen, facility, period, store, at))
    digest = fingerprint(values)
    lock_name("report", facility.code, form, store, period.start)
    last = ReportRun.of(facility, form, period, store)
    newest = last.order_by("-version").first()
    if newest is not None and newest.sha256 == digest:
        if newest.checks != checks and not newest.filings.filter(signed_at__isnull=False).exists():
            newest.checks = checks
            newest.save(update_fields=["checks"])
        audit_facts(form=form, period=period.key(), version=newest.version, unchanged=True)
        return newest
    audit_facts(form=form, period=period.key(), rows=len(values["rows"]), blocking=len(blocking(checks)))
    made = ReportRun.objects.create(
        facility=facility,
        form=form,
        store=store,
        period_start=period.start,
        period_end=period.end,
        version=(last.aggregate(last=Max("version"))["last"] or 0) + 1,
        values=values,
        checks=checks,
        sha256=digest,
        run_at=at,
        run_by=actor.user,
    )
    if basis:
        ReportBasis.objects.create(run=made, content=basis)
    return made


def compute(form: Form, query: Query) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """What making a report now would store: its values, its checks, and the facts that were counted."""
    values, data = read(form, query)
    facts = _facts(form, values, data, query)
    return values, [finding.stored() for finding in run_checks(form, values, facts)], data.basis


def read(form: Form, query: Query) -> tuple[dict[str, Any], Dataset]:
    """The values that making a report now would store, unchecked, and what they were made from."""
    data = SOURCES[form["dataset"]].read(query)
    return freeze(form, query, data), data


def query_of(form: Form, facility: Facility, period: Period, store: str = "", as_of: datetime | None = None) -> Query:
    """What the data set of a form is asked; of a period that runs as of an instant."""
    named = {"form": form.code, "version": form.version, "root": str(form.folder.parents[1])}
    sources = tuple(column.source for column in form.columns)
    return Query(facility, period, store, {**(form.get("keep") or {}), **named}, sources=sources, as_of=as_of)


def freeze(form: Form, query: Query, data: Dataset) -> dict[str, Any]:
    """The table of a report: sections in order, rows within in the order of the data set, numbered from 1."""
    facility, period = query.facility, query.period
    order = list(form.section_order()) if form.sections else [key for key, _ in data.sections]
    placed = sorted((_place(form, order, row) for row in data.rows), key=lambda item: item[0])
    extra: dict[str, Any] = {} if form.sections else {"titles": [list(pair) for pair in data.sections]}
    if query.store:
        extra["store"] = query.store
    if notes := [*(form.get("notes") or ()), *data.notes]:
        extra["notes"] = notes
    if data.headings:
        extra["headings"] = list(data.headings)
    if data.not_added:
        extra["not_added"] = list(data.not_added)
    if data.basis:
        extra["basis_sha256"] = fingerprint({"basis": data.basis})
    return {
        **extra,
        "form": form.code,
        "definition": form.version,
        "facility": facility_data(facility),
        "period": {"start": period.start.isoformat(), "end": period.end.isoformat(), "label": period.label()},
        "columns": list(form.tags),
        "rows": [_row(form, row, number) for number, (_, _, row) in enumerate(placed, 1)],
        "sections": [section for _, section, _ in placed],
        "refs": [row.ref for _, _, row in placed],
        "left_out": [list(item) for item in data.left_out],
    }


def _place(form: Form, order: list[str], row: Row) -> tuple[int, str, Row]:
    if not form.sections:
        return order.index(row.section), row.section, row
    code, day = (form.column(form[name]) for name in ("section_column", "section_day_column"))
    section = form.section_of(row.value(code.source), day_of(str(cell(day, row.value(day.source)))))
    return (order.index(section) if section != UNPLACED else len(order)), section, row


def _row(form: Form, row: Row, number: int) -> list[Cell]:
    def value(column: Column) -> Any:
        return number if column.tag == form.get("number_column") else row.value(column.key)

    return [cell(column, value(column)) for column in form.columns]


def _facts(form: Form, values: Mapping[str, Any], data: Dataset, query: Query) -> Facts:
    """The flags of the data set, and the sums and differing rows of the counterpart."""
    flags = {name: list(refs) for name, refs in data.flags.items()}
    figures: dict[str, Mapping[str, Decimal]] = {}
    counterpart = SOURCES[form["dataset"]].counterpart
    for check in form.checks:
        if check.kind == "equals" and counterpart is not None:
            sums, differing = compare_rows(form, values, counterpart(query), check.columns)
            figures[check.figures] = sums
            flags[f"{check.figures}_differ"] = differing
    return Facts(flags, figures)


def compare_rows(
    form: Form, values: Mapping[str, Any], others: Iterable[tuple[str, Mapping[str, str]]], tags: tuple[str, ...]
) -> tuple[dict[str, Decimal], list[str]]:
    """Sums of the counterpart by column, and the references whose counterpart says something else or is no row here.

    Rows without a counterpart are not compared: they have a check of their own.
    """
    sums = dict.fromkeys(tags, Decimal("0.00"))
    columns = [(at, column) for at, column in enumerate(form.columns) if column.tag != form.get("number_column")]
    known = dict(zip(values["refs"], values["rows"], strict=True))
    differing = []
    for ref, texts in others:
        for tag in tags:
            sums[tag] += Decimal(texts[tag] or 0)
        row = known.get(ref)
        if row is None or any(not _same(column, row[at], texts.get(column.tag)) for at, column in columns):
            differing.append(ref)
    return sums, sorted(differing)


def _same(column: Column, ours: Cell, theirs: str | None) -> bool:
    if theirs is None:
        return True  # the counterpart has no such field
    if column.type == "money":
        return Decimal(ours) == Decimal(theirs or 0)
    if column.type == "int":
        return str(ours) == (str(int(theirs)) if theirs.isdecimal() else theirs)
    return str(ours) == (theirs.split(";")[0] if column.type == "code" else theirs)
