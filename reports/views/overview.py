"""The overview desk (tổng quan): a month of the own facility in pictures, the lists behind it, and sums of a group."""

from datetime import date, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import facilities_where
from his.accounts.reach import group_of, group_reach, groups_of, own_reach
from his.core.errors import NotFound
from his.ui.text import day_text
from insurance.forms import MonthForm
from reports.overview.board import Board, Links
from reports.overview.figures import Figures
from reports.overview.lists import Asked, listing
from reports.overview.members import COLUMNS, facility_rows
from reports.period import Period

PAGE = 100
YEARS = range(2000, 2100)


@require_GET
@requires("overview.view")
def own(request: DeskRequest) -> HttpResponse:
    """The month of the facility where the user works."""
    shown, reach = _shown(request), own_reach(request.actor)
    figures = Figures(reach, shown["month"], timezone.localdate(), is_year=shown["is_year"])
    board = Board(figures, Links(shown["month"], is_own=True), request.actor.may)
    return render(request, "reports/overview.html", {**shown, "cards": board.cards(), "pictures": board.pictures()})


@require_GET
@requires("overview.view")
def rows(request: DeskRequest, what: str) -> HttpResponse:
    """The list behind a number: of a month, or of a day or hour of it."""
    asked_list = listing(what)
    request.actor.require(asked_list.permission)
    month = _shown(request)["month"]
    day = _day_of(request.GET.get("day", ""))
    hour, insured = request.GET.get("hour", ""), request.GET.get("insured", "")
    asked = Asked(
        request.actor.facility,
        *(Period.day(day) if day else Period.month(month)).instants(),
        hour=int(hour) if hour in {str(number) for number in range(24)} else None,
        insured={"1": True, "0": False}.get(insured),
    )
    page = Paginator(asked_list.rows(asked), PAGE).get_page(request.GET.get("page"))
    kept = {name: text for name in ("month", "day", "hour", "insured") if (text := request.GET.get(name, ""))}
    context = {
        "month": month,
        "day": day,
        "asked": asked,
        "listing": asked_list,
        "page": page,
        "rows": [asked_list.write(row) for row in page],
        "q": f"{urlencode(kept)}&" if kept else "",
    }
    return render(request, "reports/overview_list.html", context)


@require_GET
@requires("overview.group")
def groups(request: DeskRequest) -> HttpResponse:
    """The only group of the facility, or which one to look at."""
    found = groups_of(request.actor)
    if len(found) == 1:
        return redirect("overview-group", found[0].pk)
    return render(request, "reports/overview_groups.html", {"groups": found})


@require_GET
@requires("overview.group")
def group(request: DeskRequest, pk: int) -> HttpResponse:
    """Sums over a group, and its facilities by one figure. No patient, no list: figures only."""
    found = group_of(request.actor, pk)
    shown, reach = _shown(request), group_reach(request.actor, found)
    figures = Figures(reach, shown["month"], timezone.localdate(), is_year=shown["is_year"])
    board = Board(figures, Links(shown["month"], is_own=False), lambda permission: True)
    codes = [column.code for column in COLUMNS]
    sort = request.GET.get("sort", "")
    sort = sort if sort in codes else codes[0]
    context = {
        **shown,
        "group": found,
        "groups": groups_of(request.actor),
        "cards": board.cards(),
        "pictures": board.pictures(),
        "columns": COLUMNS,
        "sort": sort,
        "sort_query": f"&sort={sort}",
        "facility_rows": facility_rows(figures, sort),
        "openable": facilities_where(request.actor.user, "overview.view"),
    }
    return render(request, "reports/overview_group.html", context)


def _shown(request: DeskRequest) -> dict[str, Any]:
    """The month and the span that the address names; this month when it names none that can be read."""
    form = MonthForm(request.GET if request.GET.get("month") else None)
    asked = form.cleaned_data["month"] if form.is_valid() else None
    month = asked if asked and asked.year in YEARS else timezone.localdate().replace(day=1)
    shown = Period.month(month)
    after = shown.end + timedelta(days=1)
    return {
        "form": form,
        "month": month,
        "before": Period.before(shown).start,
        "after": after if after <= timezone.localdate() else None,
        "is_year": request.GET.get("span") == "year",
    }


def _day_of(text: str) -> date | None:
    """The day that the address names; None when it names none. What is no day, or no day of these years, is not found:
    the whole month in its place would be another number."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise NotFound(f"Không có ngày {text[:20]}") from None
    if day.year not in YEARS:
        raise NotFound(f"Không có số liệu của ngày {day_text(day)}")
    return day
