"""What every page knows: the keyboard map, the desks the user may open, the facility he is working at."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from his.accounts.actor import facilities_of
from his.accounts.models import Facility
from his.ui import keymap, nav


def desk(request: HttpRequest) -> dict[str, Any]:
    """Context processor; each value is computed only when a template asks for it."""
    links = SimpleLazyObject(lambda: nav.nav_for(request))
    return {
        "nav_items": links,
        "nav_bar": SimpleLazyObject(lambda: nav.bar_of(list(links))),
        "facility": SimpleLazyObject(lambda: _facility(request)),
        "facilities": lambda: _facilities(request),
        "keymap": keymap.for_script,
        "key_groups": keymap.for_help,
    }


def _facility(request: HttpRequest) -> Facility | None:
    actor = getattr(request, "actor", None)
    return actor.facility if actor else None


def _facilities(request: HttpRequest) -> list[Facility]:
    user = getattr(request, "user", None)
    return facilities_of(user) if user is not None and user.is_authenticated else []
