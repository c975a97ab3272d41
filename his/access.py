"""Who may open a screen: a signed-in user with a role at a facility and a permission."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import resolve

from his.accounts.actor import Actor
from his.core.errors import PermissionRefused, Refusal


class DeskRequest(HttpRequest):
    """A request that passed `requires`: it has an actor."""

    actor: Actor


View = Callable[..., Any]  # a page answers with an HttpResponse, an operation of the API with its data


def requires(*permissions: str) -> Callable[[View], View]:
    """Let a view run only for a signed-in user who has one of the permissions at the current facility."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not request.user.is_authenticated:
                return _signed_out(request)
            actor: Actor | None = request.actor  # type: ignore[attr-defined]
            if not actor:
                raise Refusal("not_member", "Tài khoản chưa được gán vào cơ sở nào")
            if not any(actor.may(p) for p in permissions):
                raise PermissionRefused(permissions[0])
            return view(request, *args, **kwargs)

        guarded.required_permissions = permissions  # type: ignore[attr-defined]
        return guarded

    return decorate


def may_open(actor: Actor, url: str) -> bool:
    """Whether the screen of an address of this product lets the actor in: no link leads to a refusal."""
    wanted = getattr(resolve(urlsplit(url).path).func, "required_permissions", ())
    return not wanted or any(actor.may(permission) for permission in wanted)


def _signed_out(request: HttpRequest) -> HttpResponse:
    """The sign-in page; for what was typed before the session ended, a page that keeps it and sends it again."""
    if request.method != "POST":
        return redirect_to_login(request.get_full_path())
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken" and "password" not in name
        for value in values
    ]
    return render(request, "his/signed_out.html", {"kept": kept}, status=403)
