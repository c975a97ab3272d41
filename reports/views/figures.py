"""What one figure of a stored report counts: the visits behind it, and one of them."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.core.errors import NotFound
from reports.datasets import Query
from reports.datasets.visits import explain_visit
from reports.definition import load_version
from reports.export.layout import shown
from reports.grid.sets import FACTS
from reports.period import Period
from reports.queries import behind_figure, get_run, managed_by_ref, visits_by_code

PAGE = 100


@require_GET
@requires("reports.view")
def report_figure(request: DeskRequest, pk: int, number: int, tag: str) -> HttpResponse:
    """The visits that one figure counts, as they were counted when the report was made."""
    made = get_run(request.actor.facility, pk)
    form = load_version(made.form, made.values["definition"])
    if not 1 <= number <= len(made.values["rows"]) or tag not in form.tags:
        raise NotFound
    column, row = form.column(tag), made.values["rows"][number - 1]
    page = Paginator(behind_figure(made, form, number, column), PAGE).get_page(request.GET.get("page"))
    opens = FACTS[form["grid"]["facts"]].opens if form["dataset"] == "grid" else "visits"
    refs = list(page.object_list)
    context = {
        "made": made,
        "form": form,
        "title": row[form.tags.index(form["title_column"])],
        "column": column,
        "figure": shown(column, row[form.tags.index(tag)]),
        "page": page,
        "opens": opens,
        "people": managed_by_ref(request.actor.facility, refs) if opens == "managed" else [],
        "visits": visits_by_code(request.actor.facility, refs) if opens == "visits" else [],
        "may_open_people": request.actor.may("care.view"),
    }
    return render(request, "reports/figure.html", context)


@require_GET
@requires("reports.view")
def report_visit(request: DeskRequest, code: str) -> HttpResponse:
    """One visit that a report counts: who, when, what, and its costs."""
    facility = request.actor.facility
    visits = visits_by_code(facility, [code])
    if not visits:
        raise NotFound
    template, behind = explain_visit(Query(facility, Period.month(visits[0].arrived_at.date())), code)
    return render(request, "reports/visit.html", {**behind, "behind": template, "visit": visits[0]})
