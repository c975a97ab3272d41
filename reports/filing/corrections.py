"""What a late correction does to filed reports: told before it is stored, at the desk that makes it."""

from decimal import Decimal

from his.core.dates import local
from his.core.money import ZERO
from insurance.hooks import FiguresChange, FiledReport
from patients.models import Visit
from reports.datasets import SOURCES
from reports.datasets.grid import REST
from reports.definition import Form, load_version
from reports.export.layout import number_text
from reports.filing.compare import Change, compare, deltas, fact_changes
from reports.filing.queries import filed_text, filed_with, filing_title
from reports.filing.sides import Side, as_now, stored
from reports.filing_models import Filing
from reports.table import totals_of


def filed_reports(visit: Visit, with_changes: bool) -> list[FiledReport]:
    """The filed reports that hold the visit, or its last day; with changes those that would be different, and how."""
    day = local(visit.ended_at or visit.arrived_at).date()
    found = []
    for filing in filed_with(visit.facility, visit.claim_code, day):
        changes = _changes(filing, visit.claim_code) if with_changes and _is_of_visits(filing) else ()
        if changes or not with_changes:
            title, said, is_counted = filing_title(filing), filed_text(filing), visit.claim_code in filing.refs
            found.append(FiledReport(filing.run_id, title, said, filing.period_start, is_counted, changes))
    return found


def _is_of_visits(filing: Filing) -> bool:
    form = load_version(filing.form, filing.run.values["definition"])
    return SOURCES[form["dataset"]].is_of_visits


def _changes(filing: Filing, code: str) -> tuple[FiguresChange, ...]:
    only = frozenset([code])
    old, new = stored(filing.run), as_now(filing.run, filing.run.run_at, only)
    return tuple(_counted(old, new, code) if old.is_grid else _listed(old, new, code))


def _listed(old: Side, new: Side, code: str) -> list[FiguresChange]:
    """What the row says differently, and the totals that follow from it."""
    form = old.form
    was, now = (next((row for (_, ref), row in side.rows().items() if ref == code), None) for side in (old, new))
    totals = totals_of(form, old.values)
    lines = []
    for tag in form.summed_tags:
        at, column = form.tags.index(tag), form.column(tag)
        change = (Decimal(now[at]) if now else ZERO) - (Decimal(was[at]) if was else ZERO)
        if change:
            texts = (number_text(column, value) for value in (totals[tag], totals[tag] + change))
            lines.append(FiguresChange(f"Cộng: {column.short}", *texts))
    summed = {form.column(tag).short for tag in form.summed_tags}
    return _own(form, old, new, code, summed) + lines


def _own(form: Form, old: Side, new: Side, code: str, summed: set[str]) -> list[FiguresChange]:
    only = frozenset([code])
    lines = [line for change in compare(old.alone(only), new.alone(only)).changes for line in _said(change)]
    return sorted(lines, key=lambda line: line.what in summed)


def _said(change: Change) -> list[FiguresChange]:
    if change.kind == "came":
        return [FiguresChange("Lượt khám", "không có", "có trong biểu")]
    if change.kind == "gone":
        return [FiguresChange("Lượt khám", "có trong biểu", "không còn")]
    return [FiguresChange(detail.what, detail.before, detail.after) for detail in change.details]


def _counted(old: Side, new: Side, code: str) -> list[FiguresChange]:
    """What is known of the visit differently, and the figures that follow from it."""
    form, only = old.form, frozenset([code])
    mine = old.of(only)
    lines = [line for change in fact_changes(mine, new).values() for line in _said(change)]
    at_label = form.tags.index(form["title_column"])
    rows = {ref: row for (_, ref), row in old.rows().items()}
    moved: dict[tuple[str, str], Decimal] = {}
    for (key, tag), change in deltas(mine, new).items():
        shown = key if key in rows or REST not in rows else REST  # what is not among the first stands with the others
        moved[shown, tag] = moved.get((shown, tag), ZERO) + change
    for (key, tag), change in sorted(item for item in moved.items() if item[1]):
        column, row = form.column(tag), rows.get(key)
        before = Decimal(row[form.tags.index(tag)]) if row is not None else ZERO
        label = str(row[at_label]) if row is not None else key
        texts = (number_text(column, value) for value in (before, before + change))
        lines.append(FiguresChange(f"{label}: {column.short}", *texts))
    return lines
