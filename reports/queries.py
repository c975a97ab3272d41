"""What the screens and commands read of stored reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from his.accounts.models import Facility
from his.core.errors import NotFound
from patients.models import ManagedPatient, Visit, VisitDiagnosis
from reports.checks import blocking
from reports.datasets.grid import behind
from reports.definition import SUBJECTS, Column, Form, form_codes, latest
from reports.engine import query_of
from reports.models import ReportBasis, ReportRun
from reports.period import Period
from reports.table import Cell


def runs_of(facility: Facility, limit: int = 50) -> list[ReportRun]:
    """The newest version of each report of a facility, latest period first; rows and values are not loaded."""
    rows = ReportRun.objects.for_facility(facility).defer("values")
    named = ("form", "store", "period_start", "period_end")
    newest = rows.order_by(*named, "-version").distinct(*named)
    return list(
        ReportRun.objects.for_facility(facility)
        .defer("values")
        .filter(pk__in=newest.values("pk"))
        .select_related("run_by")
        .order_by("-period_start", "form", "store")[:limit]
    )


def versions_of(run: ReportRun) -> QuerySet[ReportRun]:
    """All versions of the same report, newest first; rows and values are not loaded."""
    same = ReportRun.of(run.facility, run.form, run.period, run.store)
    return same.defer("values").select_related("run_by").order_by("-version")


def get_run(facility: Facility, pk: int) -> ReportRun:
    """A report of the facility, or NotFound."""
    run = ReportRun.objects.for_facility(facility).select_related("run_by", "facility").filter(pk=pk).first()
    if run is None:
        raise NotFound
    return run


def newest_run(facility: Facility, form: str, period: Period, store: str = "") -> ReportRun | None:
    """The report in force of a form and period, of the whole facility or of one store."""
    return ReportRun.of(facility, form, period, store).order_by("-version").first()


def state_of(checks: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """(words, kind of badge) of the checks of a report."""
    blocked = len(blocking(checks))
    warned = sum(1 for row in checks if not row["passed"] and row["severity"] == "warning")
    if blocked:
        return f"{blocked} lỗi chặn", "stop"
    return (f"{warned} cảnh báo", "warn") if warned else ("Đạt", "ok")


def form_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The forms that can be made, by subject: (code, number and short title)."""
    forms = [latest(code) for code in form_codes()]
    offered: dict[str, list[tuple[str, str]]] = {title: [] for title in SUBJECTS.values()}
    for form in forms:
        offered[SUBJECTS[form["subject"]]].append((form.code, f"{form['number']}: {form['short_title']}"))
    return [(title, choices) for title, choices in offered.items() if choices]


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row of a report on the screen."""

    number: int
    ref: str
    cells: tuple[Cell, ...]


def rows_of(run: ReportRun, *, section: str | None = None, check: int | None = None) -> list[ShownRow]:
    """Rows of a report in its order: all, those of one section, or those that a check names.

    A check may also name visits that are no row; they are not among the answer (`strangers_of`).
    """
    values = run.values
    lines = enumerate(zip(values["refs"], values["rows"], values["sections"], strict=True), 1)
    wanted = set(run.checks[check]["refs"]) if check is not None and 0 <= check < len(run.checks) else None
    return [
        ShownRow(number, ref, tuple(row))
        for number, (ref, row, part) in lines
        if (section is None or part == section) and (wanted is None or ref in wanted)
    ]


def strangers_of(run: ReportRun, check: int) -> list[str]:
    """Claim codes that a check names and that are no row of the report."""
    known = set(run.values["refs"])
    return [ref for ref in run.checks[check]["refs"] if ref not in known]


def behind_figure(run: ReportRun, form: Form, number: int, column: Column) -> list[str]:
    """Claim codes of what one figure counts: of a statistical form the facts kept with the run, of others the row."""
    ref: str = run.values["refs"][number - 1]
    basis = ReportBasis.objects.filter(run=run).first()
    if basis is None:
        return [ref]
    query = query_of(form, run.facility, run.period, run.store)
    return behind(form, basis.content, query, ref, column)


def visits_by_code(facility: Facility, codes: Sequence[str]) -> list[Visit]:
    """Visits of the facility in the order of their codes, with `main_disease`: code and name of the main diagnosis."""
    main = VisitDiagnosis.objects.filter(visit_id=OuterRef("pk"), is_main=True).order_by("-exam_id")
    named = Subquery(main.annotate(text=Concat("code", Value(" - "), "name")).values("text")[:1])
    rows = Visit.objects.for_facility(facility).filter(claim_code__in=codes).annotate(main_disease=named)
    found = {row.claim_code: row for row in rows.select_related("patient", "room")}
    return [found[code] for code in codes if code in found]


def managed_by_ref(facility: Facility, refs: Sequence[str]) -> list[ManagedPatient]:
    """Entries of the register of managed patients in the order of their references."""
    rows = ManagedPatient.objects.for_facility(facility).select_related("patient").in_bulk([int(ref) for ref in refs])
    return [rows[int(ref)] for ref in refs if int(ref) in rows]
