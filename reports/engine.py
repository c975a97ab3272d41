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
from his.locks import lock_name
from his.printing.services import facility_data
from his.service import audit_facts, service
from reports.checks import Facts, blocking, run_checks
from reports.datasets import SOURCES, Dataset, Row
from reports.definition import ROOT, Column, Form, load_form
from reports.models import ReportRun
from reports.period import Period
from reports.table import UNPLACED, Cell, cell, day_of, fingerprint


@service(action="reports.run", permission="reports.run")
def run(
    *, form: str, facility: Facility, period: Period, actor: Actor, at: datetime, definitions: Path = ROOT
) -> ReportRun:
    """Make a report of the actor's facility for a period (lập báo cáo).

    Afterwards the newest `ReportRun` of the form and period holds the rows, sections, sums and checks as of now; when
    nothing changed since the last run, that run is returned. Amounts are those of the stored splits, in đồng. Refuses
    an unknown form and a period before the form came into force. Failed checks are stored, not refused: who signs
    decides on them.
    """
    chosen = load_form(form, period.start, definitions)
    source = SOURCES[chosen["dataset"]]
    data = source.read(facility, period)
    values = freeze(chosen, facility, period, data)
    facts = _facts(chosen, values, data, facility, period)
    checks = [finding.stored() for finding in run_checks(chosen, values, facts)]
    digest = fingerprint(values)
    lock_name("report", facility.code, form, period.start)
    last = ReportRun.objects.for_facility(facility).filter(form=form, period_start=period.start)
    newest = last.order_by("-version").first()
    if newest is not None and newest.sha256 == digest:
        if newest.checks != checks:
            newest.checks = checks
            newest.save(update_fields=["checks"])
        audit_facts(form=form, period=period.key(), version=newest.version, unchanged=True)
        return newest
    audit_facts(form=form, period=period.key(), rows=len(values["rows"]), blocking=len(blocking(checks)))
    return ReportRun.objects.create(
        facility=facility,
        form=form,
        period_start=period.start,
        period_end=period.end,
        version=(last.aggregate(last=Max("version"))["last"] or 0) + 1,
        values=values,
        checks=checks,
        sha256=digest,
        run_at=at,
        run_by=actor.user,
    )


def freeze(form: Form, facility: Facility, period: Period, data: Dataset) -> dict[str, Any]:
    """The table of a report: sections in the order of the form, rows by reference within, numbered from 1."""
    placed = sorted((_place(form, row) for row in data.rows), key=lambda item: (item[0], item[2].ref))
    return {
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


def _place(form: Form, row: Row) -> tuple[int, str, Row]:
    code, day = (form.column(form[name]) for name in ("section_column", "section_day_column"))
    section = form.section_of(row.value(code.source), day_of(str(cell(day, row.value(day.source)))))
    order = list(form.section_order())
    return (order.index(section) if section != UNPLACED else len(order)), section, row


def _row(form: Form, row: Row, number: int) -> list[Cell]:
    def value(column: Column) -> Any:
        return number if column.tag == form["number_column"] else row.value(column.source)

    return [cell(column, value(column)) for column in form.columns]


def _facts(form: Form, values: Mapping[str, Any], data: Dataset, facility: Facility, period: Period) -> Facts:
    """The flags of the data set, and the sums and differing rows of the counterpart."""
    flags = {name: list(refs) for name, refs in data.flags.items()}
    figures: dict[str, Mapping[str, Decimal]] = {}
    for check in form.checks:
        if check.kind == "equals":
            counterpart = SOURCES[form["dataset"]].counterpart(facility, period)
            sums, differing = compare_rows(form, values, counterpart, check.columns)
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
    columns = [(at, column) for at, column in enumerate(form.columns) if column.tag != form["number_column"]]
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
