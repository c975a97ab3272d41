"""What the claims screen is showing, as its address says it: month, list, cause or reason, page, and the open visit."""

from dataclasses import dataclass
from datetime import date
from typing import Self

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from his.access import DeskRequest
from insurance.claims import queries
from insurance.claims.queries import Cause
from insurance.forms import MonthForm

_CAUSE = {"rule": 60, "table": 12, "field": 40, "value": 32}
"""Parts of a cause in an address, and their most characters; values of patients are named by their MD5 only."""


@dataclass(frozen=True, slots=True)
class ScreenState:
    """Where a person is on the screen."""

    form: MonthForm
    month: date
    view: str
    cause: Cause | None
    reason: str
    page: str

    @classmethod
    def of(cls, request: DeskRequest, sent: QueryDict | None = None) -> Self:
        """As an address or form says; the last month with closed visits when it names none that can be read."""
        sent = sent if sent is not None else request.POST if request.method == "POST" else request.GET
        form = MonthForm(sent if sent.get("month") else None)
        facility = request.actor.facility
        month = month_of(sent) or queries.latest_month(facility) or timezone.localdate().replace(day=1)
        parts = {name: sent.get(name, "")[:most] for name, most in _CAUSE.items()}
        cause = Cause(**parts) if parts["rule"] and parts["table"] else None
        return cls(form, month, sent.get("view") or "insured", cause, sent.get("reason", "")[:30], sent.get("page", ""))

    def pairs(self) -> list[tuple[str, str]]:
        """The parts that are set, without the page and the open visit: also the hidden fields of forms."""
        named = self.cause.parts() if self.cause else {}
        found = {"month": f"{self.month:%Y-%m}", "view": self.view, **named, "reason": self.reason}
        return [(name, text) for name, text in found.items() if text]

    def query(self) -> str:
        """The query of the list's address."""
        return urlencode(self.pairs())

    def whole(self) -> str:
        """The query of the whole view, without cause and reason."""
        return urlencode([("month", f"{self.month:%Y-%m}"), ("view", self.view)])

    def address(self, **more: object) -> str:
        """The screen again at the same place."""
        pairs = [*self.pairs(), *([("page", self.page)] if self.page else []), *((k, str(v)) for k, v in more.items())]
        return f"{reverse('claims')}?{urlencode(pairs)}"


def month_of(sent: QueryDict) -> date | None:
    """The month that was sent, None when none can be read."""
    form = MonthForm(sent)
    return form.cleaned_data["month"] if form.is_valid() else None
