"""Inline icons: simple strokes on a 24-unit square, drawn for this product. Always shown with a text."""

from functools import cache

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

_PATHS: dict[str, str] = {
    "add": "M12 5v14M5 12h14",
    "alert": "M12 4 2.5 20h19zM12 10v5M12 17.5v.5",
    "allergy": "M12 3v18M4.5 7.5l15 9M19.5 7.5l-15 9",
    "back": "M20 12H5M11 6l-6 6 6 6",
    "bed": "M3 6v13M3 16h18M21 19v-6a3 3 0 0 0-3-3H10v6M6.5 10.5a1.5 1.5 0 1 0 .1 0",
    "block": "M12 3a9 9 0 1 0 .1 0M5.6 5.6l12.8 12.8",
    "calendar": "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
    "card": "M3 6h18v12H3zM3 10h18M6 15h5",
    "cash": "M3 7h18v10H3zM12 9.5a2.5 2.5 0 1 0 .1 0M6 12h.1M18 12h.1",
    "check": "M5 12.5 10 17.5 19.5 7",
    "chevron-down": "M6 9l6 6 6-6",
    "chevron-left": "M15 6l-6 6 6 6",
    "chevron-right": "M9 6l6 6-6 6",
    "claim": "M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h7",
    "clock": "M12 3a9 9 0 1 0 .1 0M12 7v5l3.5 2",
    "close": "M6 6l12 12M18 6 6 18",
    "copy": "M9 9h11v11H9zM5 15H4V4h11v1",
    "doctor": "M6 3v6a4 4 0 0 0 8 0V3M10 13v3a5 5 0 0 0 9 3M19 15a1.8 1.8 0 1 0 .1 0",
    "download": "M12 4v11M7 11l5 5 5-5M4 20h16",
    "edit": "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
    "eye": "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.5a2.5 2.5 0 1 0 .1 0",
    "facility": "M4 21V8l8-5 8 5v13zM12 9v6M9 12h6M9 21v-3h6v3",
    "filter": "M4 5h16l-6 8v6l-4-2v-4z",
    "flask": "M9 3h6M10 3v6l-6 11h16l-6-11V3M7 15h10",
    "help": "M12 3a9 9 0 1 0 .1 0M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1 1-1.1 1.8M12 17v.2",
    "home": "M3 11l9-8 9 8M6 9v12h12V9",
    "info": "M12 3a9 9 0 1 0 .1 0M12 11v6M12 7.5v.2",
    "keyboard": "M2.5 6h19v12h-19zM6 10h.1M10 10h.1M14 10h.1M18 10h.1M7 14h10",
    "list": "M8 6h12M8 12h12M8 18h12M4 6h.1M4 12h.1M4 18h.1",
    "lock": "M6 11h12v10H6zM8.5 11V7a3.5 3.5 0 0 1 7 0v4",
    "minus": "M5 12h14",
    "next": "M4 12h15M13 6l6 6-6 6",
    "patient": "M12 4a4 4 0 1 0 .1 0M4 21c.5-5 4-7 8-7s7.5 2 8 7",
    "pill": "M4.5 12.5l8-8a4.95 4.95 0 0 1 7 7l-8 8a4.95 4.95 0 0 1-7-7M8.5 8.5l7 7",
    "print": "M7 9V3h10v6M7 17H4V9h16v8h-3M7 14h10v7H7z",
    "queue": "M5 5a2 2 0 1 0 .1 0M12 5a2 2 0 1 0 .1 0M19 5a2 2 0 1 0 .1 0M2.5 17c0-4 1-5.5 2.5-5.5S7.5 13 7.5 17"
    "M9.5 17c0-4 1-5.5 2.5-5.5s2.5 1.5 2.5 5.5M16.5 17c0-4 1-5.5 2.5-5.5s2.5 1.5 2.5 5.5",
    "refresh": "M20 11a8 8 0 0 0-14.5-4L3 9.5M3 4v5.5h5.5M4 13a8 8 0 0 0 14.5 4l2.5-2.5M21 20v-5.5h-5.5",
    "report": "M4 4v16h16M8 16v-4M12 16V8M16 16v-6M20 16V6",
    "save": "M5 3h11l3 3v15H5zM8 3v5h7V3M8 21v-7h8v7",
    "scan": "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M7 9v6M10 9v6M13 9v6M17 9v6",
    "search": "M10.5 4a6.5 6.5 0 1 0 .1 0M15.5 15.5 21 21",
    "send": "M3 11.5 21 4l-6 17-3.5-7.5zM11.5 13.5 21 4",
    "sign": "M3 19h18M5 15c3-9 6-12 7-10s-3 9-1 9 2-3 4-3 1 3 4 3",
    "sign-out": "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
    "stock": "M3 8l9-5 9 5v9l-9 5-9-5zM3 8l9 5 9-5M12 13v9",
    "trash": "M4 6h16M9 6V3h6v3M6 6l1 15h10l1-15M10 10v7M14 10v7",
    "undo": "M8 5 4 9l4 4M4 9h10a5.5 5.5 0 0 1 0 11H9",
    "user": "M12 4a4 4 0 1 0 .1 0M4 21c.5-5 4-7 8-7s7.5 2 8 7",
    "vitals": "M2.5 12H7l2.5-6 4.5 13 3-7h4.5",
}


def names() -> list[str]:
    """Every icon that a screen may use."""
    return sorted(_PATHS)


@cache
def svg(name: str, label: str = "") -> SafeString:
    """The icon as inline SVG. An unknown name is a defect and raises KeyError."""
    role = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" focusable="false" {}><path d="{}"/></svg>', role, _PATHS[name]
    )
