"""Which name an attempt to sign in counts against."""

from collections.abc import Mapping

from django.http import HttpRequest


def attempted_username(request: HttpRequest, credentials: Mapping[str, str] | None) -> str:
    """The name as typed, folded, so that case and blanks open no second row of tries."""
    given = (credentials or {}).get("username") or (credentials or {}).get("login") or request.POST.get("login", "")
    return given.strip().casefold()
