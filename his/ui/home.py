"""What waits for somebody, on the first page after the sign-in: packages register a panel in `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # apps register before models are loaded
    from his.accounts.actor import Actor


@dataclass(frozen=True, slots=True)
class HomePanel:
    """One list of work. `context` says what its template shows at an instant, or None when nothing waits."""

    code: str
    permission: str
    template: str
    context: Callable[[Actor, datetime], Mapping[str, Any] | None]
    order: int = 50


@dataclass(frozen=True, slots=True)
class ShownPanel:
    """A panel with what it shows."""

    panel: HomePanel
    data: Mapping[str, Any]


_panels: dict[str, HomePanel] = {}


def register(panel: HomePanel) -> None:
    """Add a panel. Another one under its code is a defect."""
    if _panels.setdefault(panel.code, panel) != panel:
        raise ValueError(f"home panel {panel.code!r} is already taken")


def panels_for(actor: Actor | None, at: datetime) -> list[ShownPanel]:
    """The panels that the actor may see and in which something waits."""
    if not actor:  # also the lazy one of a request, which wraps None
        return []
    found = []
    for panel in sorted(_panels.values(), key=lambda one: (one.order, one.code)):
        if actor.may(panel.permission) and (data := panel.context(actor, at)) is not None:
            found.append(ShownPanel(panel, data))
    return found
