"""Two versions of one claim side by side: how they were made, and every field that differs."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.core.errors import NotFound
from his.ui.text import minute_text
from insurance.billing.queries import get_visit
from insurance.claims.compare import compare
from insurance.claims.stored import content_of, tables_of
from insurance.models import Claim
from insurance.standards import load
from insurance.views.claims_state import ScreenState


@require_GET
@requires("claims.view")
def compare_versions(request: DeskRequest, pk: int) -> HttpResponse:
    """`?old=1&new=2`; without, the version in force with the one before it."""
    visit = get_visit(request.actor.facility, pk)
    claims = Claim.objects.for_facility(request.actor.facility).filter(visit=visit)
    versions = list(claims.select_related("built_by").order_by("-version"))
    if len(versions) < 2:
        raise NotFound("Hồ sơ chỉ có một bản")
    new = _version(versions, request.GET.get("new", ""), versions[0])
    old = _version(versions, request.GET.get("old", ""), versions[1])
    state = ScreenState.of(request)
    context = {
        "visit": visit,
        "versions": versions,
        "old": old,
        "new": new,
        "facts": _facts(old, new),
        "changes": compare(load(new.standard), tables_of(old), tables_of(new)),
        "state": state,
        "back": state.address(visit=visit.pk),
    }
    return render(request, "insurance/claims_compare.html", context)


def _version(versions: Sequence[Claim], asked: str, default: Claim) -> Claim:
    if not asked:
        return default
    found = next((one for one in versions if str(one.version) == asked), None)
    if found is None:
        raise NotFound("Không có bản này")
    return found


def _facts(old: Claim, new: Claim) -> list[tuple[str, str, str]]:
    """How each version was made: label, old, new."""
    labels = ("Chuẩn", "Lập lúc", "Người lập", "SHA-256", "Dung lượng", "Trạng thái")
    return list(zip(labels, _made(old), _made(new), strict=True))


def _made(claim: Claim) -> tuple[str, ...]:
    return (
        claim.standard,
        minute_text(claim.built_at),
        claim.built_by.get_full_name() or claim.built_by.username,
        claim.sha256,
        f"{len(content_of(claim)):,} byte".replace(",", "."),
        str(claim.get_state_display()),
    )
