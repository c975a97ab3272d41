"""What surrounds every request: headers, idle sign-out, the actor, and refusals shown as pages."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from his.accounts.actor import Actor, actor_for, facilities_of
from his.core.errors import Refusal
from his.ui.forms import status_of

Handler = Callable[[HttpRequest], HttpResponse]
FACILITY_KEY = "facility_id"
LAST_SEEN_KEY = "last_seen"
_NUL = "\0"
_API = "/api/"
_FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data"}
_AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_PURPOSES = {"prefetch", "prerender", "preview"}
_CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
        "manifest-src 'self'",
    )
)


class SecurityHeaders:
    """Content-Security-Policy without any outside source, and no caching of pages with patient data."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _CSP)
        response.headers.setdefault("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class NotAhead:
    """Answers nothing to a browser that fetches a page before anybody asked for it.

    Opening a paper prints it: a copy gets its number, and the audit chain an entry. Looking ahead must do neither.
    Browsers say so in one of these headers; when somebody then really opens the page, they ask again.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        said = {request.headers.get(name, "").split(";")[0].strip().lower() for name in _AHEAD}
        return HttpResponse(status=204) if said & _PURPOSES else self.get_response(request)


class WithoutNul:
    """Drops NUL characters from what a form or an address sends: nobody types them, the database stores none."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.GET = _without_nul(request.GET)  # type: ignore[assignment]  # as Django's own handlers set it
        if request.content_type in _FORM_TYPES and not request.path.startswith(_API):  # the API reads the body itself
            request.POST = _without_nul(request.POST)  # type: ignore[assignment]
        return self.get_response(request)


def _without_nul(sent: QueryDict) -> QueryDict:
    if not any(_NUL in text for values in sent.lists() for text in (values[0], *values[1])):
        return sent
    kept = QueryDict(mutable=True, encoding=sent.encoding)
    for name, values in sent.lists():
        kept.setlist(name.replace(_NUL, ""), [value.replace(_NUL, "") for value in values])
    return kept


class IdleSignOut:
    """Ends a session that nobody used for a while. Polling in the background (X-Poll) does not count as use."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = int(timezone.now().timestamp())
            seen = request.session.get(LAST_SEEN_KEY, now)
            if now - seen > settings.IDLE_SIGN_OUT_MINUTES * 60:
                logout(request)
            elif "X-Poll" not in request.headers and (now - seen > 20 or LAST_SEEN_KEY not in request.session):
                request.session[LAST_SEEN_KEY] = now
        return self.get_response(request)


class CurrentActor:
    """`request.actor`: the signed-in user at the facility of the session, or None."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: current_actor(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def current_actor(request: HttpRequest) -> Actor | None:
    """The actor of the request; the first facility of the user when the session names none of theirs."""
    if not request.user.is_authenticated:
        return None
    facilities = facilities_of(request.user)
    if not facilities:
        return None
    wanted = request.session.get(FACILITY_KEY)
    facility = next((f for f in facilities if f.pk == wanted), facilities[0])
    return actor_for(request.user, facility)


class Refusals:
    """A refusal that no view handled becomes a page or fragment with its message, never a crash."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        status = status_of(exception)
        return render(request, "his/refusal.html", {"refusal": exception, "status": status}, status=status)
