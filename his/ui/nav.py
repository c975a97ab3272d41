"""The registry of desks: each package registers its own in `AppConfig.ready()`, the top bar and home page show them.

An item is shown to a user who holds its permission at the facility where he is working. Showing is a
convenience; the services refuse on their own.
"""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True, slots=True)
class NavItem:
    """One desk. `permission` empty: everyone who works there. `icon` is a name of `his.ui.icons`.

    `badge_url_name` answers a badge for the top bar, or 204 when there is nothing to tell; it is asked after the page.
    """

    code: str
    label_vi: str
    url_name: str
    permission: str
    icon: str
    order: int
    hint_vi: str = ""
    badge_url_name: str = ""


@dataclass(frozen=True, slots=True)
class NavLink:
    """An item as shown: with its address, and whether the page is part of that desk."""

    item: NavItem
    url: str
    is_current: bool


_items: dict[str, NavItem] = {}


def register(*items: NavItem) -> None:
    """Add desks. Registering the same item again changes nothing; another item under its code is a defect."""
    for item in items:
        if _items.setdefault(item.code, item) != item:
            raise ValueError(f"nav code {item.code!r} is already taken by {_items[item.code]}")


def registered() -> list[NavItem]:
    """All desks in the order of the top bar."""
    return sorted(_items.values(), key=lambda item: (item.order, item.code))


def nav_for(request: HttpRequest) -> list[NavLink]:
    """The desks that this user may open here."""
    actor = getattr(request, "actor", None)
    if not actor:
        return []
    links = []
    for item in registered():
        if item.permission and not actor.may(item.permission):
            continue
        url = _url(item)
        if url is not None:
            links.append(NavLink(item, url, _is_within(request.path, url)))
    return links


@dataclass(frozen=True, slots=True)
class NavBar:
    """The top bar: desks that stand in it, and those behind "Thêm"; `chosen` is the label of a current one there."""

    shown: list[NavLink]
    more: list[NavLink]

    @property
    def chosen(self) -> str:
        return next((link.item.label_vi for link in self.more if link.is_current), "")


IN_THE_BAR = 9
"""As many desks as fit beside each other on 1366 pixels; who has more finds the rest behind "Thêm"."""


def bar_of(links: list[NavLink]) -> NavBar:
    """The desks of a user as the top bar shows them."""
    if len(links) <= IN_THE_BAR:
        return NavBar(links, [])
    return NavBar(links[: IN_THE_BAR - 1], links[IN_THE_BAR - 1 :])


def _url(item: NavItem) -> str | None:
    try:
        return reverse(item.url_name)
    except NoReverseMatch:
        # A desk may be registered before its address is mounted, as in a test with a smaller URL table.
        return None


def _is_within(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))
