"""Two versions of a report beside each other, or a version beside what it would be now."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.core.codes import row_id
from his.core.errors import NotFound
from reports.definition import load_version
from reports.export.layout import period_text
from reports.filing.compare import compare
from reports.filing.sides import Side, as_now, stored
from reports.filing.splits import split_change
from reports.models import ReportRun
from reports.queries import get_run, versions_of, visits_by_code

FIGURES, VISITS, BESIDE = 200, 500, 8
"""How many figures, visits, and visits beside one figure the page shows; it says how many there are."""


@require_GET
@requires("reports.view")
def comparison(request: DeskRequest, pk: int) -> HttpResponse:
    """Every figure that differs and the visits that make the difference; `with` is another version, or empty: now."""
    made, other = _two(request, pk)
    old, new = _sides(made, other)
    found = compare(old, new)
    names = {
        visit.claim_code: visit for visit in visits_by_code(made.facility, [c.ref for c in found.changes[:VISITS]])
    }
    context: dict[str, Any] = {
        "made": made,
        "other": other,
        "form": load_version(made.form, made.values["definition"]),
        "period_text": period_text(made.values),
        "versions": versions_of(made),
        "found": found,
        "figures": [(one, one.changes[:BESIDE], len(one.changes) - BESIDE) for one in found.figures[:FIGURES]],
        "changes": [(one, names.get(one.ref)) for one in found.changes[:VISITS]],
        "hidden": (max(0, len(found.figures) - FIGURES), max(0, len(found.changes) - VISITS)),
        "q": f"?with={other.pk}" if other else "",
    }
    return render(request, "reports/compare.html", context)


@require_GET
@requires("reports.view")
def compared_visit(request: DeskRequest, pk: int, code: str) -> HttpResponse:
    """What changed in one visit: what the report says of it, and its costs line by line."""
    made, other = _two(request, pk)
    (visit,) = visits_by_code(made.facility, [code]) or (None,)
    if visit is None:
        raise NotFound
    old, new = _sides(made, other, frozenset([code]))
    changes = [one for one in compare(old, new).changes if one.ref == code]
    split = split_change(made.facility, code, made.run_at, other.run_at if other else None)
    context = {"visit": visit, "changes": changes, "split": split, "made": made, "other": other}
    return render(request, "reports/compared_visit.html", context)


def _two(request: DeskRequest, pk: int) -> tuple[ReportRun, ReportRun | None]:
    """The older version first. Another report is not found."""
    made = get_run(request.actor.facility, pk)
    if not (wanted := request.GET.get("with")):
        return made, None
    other = get_run(request.actor.facility, row_id(wanted) or 0)
    if (other.form, other.store, other.period_start) != (made.form, made.store, made.period_start):
        raise NotFound
    return (made, other) if made.version <= other.version else (other, made)


def _sides(made: ReportRun, other: ReportRun | None, only: frozenset[str] | None = None) -> tuple[Side, Side]:
    old, new = stored(made), stored(other) if other else as_now(made, timezone.now(), only)
    if only is None:
        return old, new
    return (old.of(only), new.of(only)) if old.is_grid else (old.alone(only), new.alone(only))
