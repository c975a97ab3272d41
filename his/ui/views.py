"""Pages that belong to no desk: home, the keyboard map, the change of facility."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from his.accounts.actor import facilities_of
from his.accounts.models import User
from his.core.errors import NotFound
from his.ui import nav
from his.ui.home import panels_for
from his.ui.script import script

# The session key that the middleware reads; the two are held together by a test.
FACILITY_KEY = "facility_id"


@require_GET
def script_file(request: HttpRequest, version: str) -> HttpResponse:
    """The script of the screens, for everybody; kept for good under its own version, not at all under another."""
    current = script()
    response = HttpResponse(current.text, content_type="text/javascript; charset=utf-8")
    if version == current.version:
        response.headers["Cache-Control"] = f"max-age={365 * 24 * 3600}, public, immutable"
    return response


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What waits for the user, and tiles of the desks that the user may open."""
    panels = panels_for(getattr(request, "actor", None), timezone.now())
    return render(request, "his/home.html", {"tiles": nav.nav_for(request), "panels": panels})


@require_GET
@login_required
def keys(request: HttpRequest) -> HttpResponse:
    """The keyboard map as a page of its own, to print and to learn from."""
    return render(request, "his/keys.html")


@require_POST
@login_required
def switch_facility(request: HttpRequest) -> HttpResponse:
    """Work at another facility of the user from now on, and go to `next` of this site or home.

    A facility that is not theirs is not found.
    """
    wanted = request.POST.get("facility", "")
    facility = next((f for f in facilities_of(cast(User, request.user)) if f.code == wanted), None)
    if facility is None:
        raise NotFound("Tài khoản không thuộc cơ sở này")
    request.session[FACILITY_KEY] = facility.pk
    messages.success(request, f"Đang làm việc tại {facility.name}")
    after = request.POST.get("next", "")
    return redirect(after if url_has_allowed_host_and_scheme(after, allowed_hosts=None) else "home")


@require_POST
@login_required
def switch_keys(request: HttpRequest) -> HttpResponse:
    """Turn the function keys off or on again for this account (WCAG 2.1.4)."""
    user = User.objects.get(username=request.user.get_username())
    user.keys_off = not user.keys_off
    user.save(update_fields=["keys_off"])
    messages.success(request, "Đã tắt phím chức năng" if user.keys_off else "Đã bật phím chức năng")
    return redirect("keys")
