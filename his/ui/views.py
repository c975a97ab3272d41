"""Pages that belong to no desk: home, the keyboard map, the change of facility."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from his.ui import nav


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Tiles of the desks that the user may open."""
    return render(request, "his/home.html", {"tiles": nav.nav_for(request)})


@require_GET
@login_required
def keys(request: HttpRequest) -> HttpResponse:
    """The keyboard map as a page of its own, to print and to learn from."""
    return render(request, "his/keys.html")
