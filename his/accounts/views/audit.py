"""The audit list (nhật ký): who did what when. It is read only; opening it is not an action."""

from datetime import date, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.models import User
from his.audit.models import AuditEntry
from his.audit.queries import chain_of, entries_of, members_of
from his.audit.words import action_vi, facts_vi, object_vi
from his.core.dates import parse_day
from his.core.errors import NotFound

PAGE = 100


@require_GET
@requires("audit.view")
def audit(request: DeskRequest) -> HttpResponse:
    """Entries of a day, of one user when asked; whether the chain of the month is whole."""
    facility, day = request.actor.facility, _day(request)
    users = members_of(facility)
    user = _user(request, users)
    page = Paginator(entries_of(facility, day, user=user), PAGE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    for name in ("page", "check"):
        kept.pop(name, None)
    context = {
        "page": page,
        "lines": [_line(entry) for entry in page.object_list],
        "chain": chain_of(facility, day, check=request.GET.get("check") == "1"),
        "day": day,
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1) if day < timezone.localdate() else None,
        "users": users,
        "chosen": user,
        "kept": f"{kept.urlencode()}&" if kept else "",
    }
    return render(request, "accounts_admin/audit.html", context)


def _day(request: DeskRequest) -> date:
    try:
        return parse_day(request.GET["day"]) if request.GET.get("day") else timezone.localdate()
    except ValueError:
        return timezone.localdate()


def _user(request: DeskRequest, users: list[User]) -> User | None:
    wanted = request.GET.get("user", "")
    if not wanted:
        return None
    found = next((user for user in users if str(user.pk) == wanted), None)
    if found is None:
        raise NotFound("Không tìm thấy tài khoản tại cơ sở này")
    return found


def _line(entry: AuditEntry) -> dict[str, Any]:
    return {
        "entry": entry,
        "action": action_vi(entry.action),
        "object": f"{object_vi(entry.object_type)} {entry.object_id}" if entry.object_id else "",
        "facts": facts_vi(entry.facts),
    }
