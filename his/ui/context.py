"""What every page knows: the keyboard map, the desks the user may open, the facility he is working at."""

from typing import Any

from django.http import HttpRequest

from his.ui import keymap, nav


def desk(request: HttpRequest) -> dict[str, Any]:
    """Context processor. `nav_items` and `facility` are computed only when a template asks for them."""
    return {
        "nav_items": lambda: nav.nav_for(request),
        "facility": getattr(request, "facility", None),
        "keymap": keymap.for_script,
        "key_groups": keymap.for_help,
    }
