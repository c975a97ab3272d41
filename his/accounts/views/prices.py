"""The facility's prices on a day (bảng giá): find a service or drug, see its price and every earlier one."""

from datetime import date
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.catalogs import prices
from his.core.errors import NotFound
from his.core.text import nfc
from his.ui.forms import DayField

PAGE, HISTORY = "accounts_admin/prices.html", "accounts_admin/price_history.html"
KINDS = ((prices.SERVICES, "Dịch vụ"), (prices.DRUGS, "Thuốc"))


class PriceForm(forms.Form):
    """What is looked for, and on which day."""

    q = forms.CharField(label="Mã hoặc tên", required=False, max_length=100, widget=forms.TextInput({"data-focus": ""}))
    on = DayField(label="Giá ngày", required=False)


@require_GET
@requires("prices.view")
def services(request: DeskRequest) -> HttpResponse:
    """Where the top bar leads: the services."""
    return price_list(request, prices.SERVICES)


@require_GET
@requires("prices.view")
def price_list(request: DeskRequest, kind: str) -> HttpResponse:
    """The prices of a day."""
    form = PriceForm(request.GET or None)
    ready = form.is_bound and form.is_valid()
    on = (form.cleaned_data["on"] if ready else None) or timezone.localdate()
    text = nfc(form.cleaned_data["q"]) if ready else ""
    found = [] if form.is_bound and not ready else prices.find(request.actor.facility, _kind(kind), text, on)
    status = 422 if form.is_bound and not ready else 200
    return render(
        request, PAGE, {**_context(request, kind, on), "form": form, "text": text, "rows": found}, status=status
    )


@require_GET
@requires("prices.view")
def price_history(request: DeskRequest, kind: str, pk: int) -> HttpResponse:
    """Every price that one service or drug had."""
    form = PriceForm(request.GET or None)
    on = (form.is_valid() and form.cleaned_data["on"]) or timezone.localdate()
    versions = prices.history(request.actor.facility, _kind(kind), pk, on)
    return render(request, HISTORY, {**_context(request, kind, on), "versions": versions, "latest": versions[0].row})


def _kind(kind: str) -> str:
    if kind not in dict(KINDS):
        raise NotFound
    return kind


def _context(request: DeskRequest, kind: str, on: date) -> dict[str, Any]:
    may_import = request.actor.may("catalogs.import")
    return {"kind": kind, "kinds": KINDS, "on": on, "is_drug": kind == prices.DRUGS, "may_import": may_import}
