"""The facility's own details, and its tier by periods."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.accounts.forms import FacilityForm, TierForm
from his.accounts.queries import tiers_of
from his.accounts.services.facilities import set_tier, update_facility
from his.accounts.views.common import carry_out
from his.catalogs.models import AdministrativeUnit
from his.catalogs.queries import unit_name
from his.ui.forms import saved

PAGE = "accounts_admin/facility.html"


@require_http_methods(["GET", "POST"])
@requires("accounts.manage")
def facility(request: DeskRequest) -> HttpResponse:
    """Details of the facility; a POST changes them."""
    if request.method == "GET":
        return render(request, PAGE, _context(request))
    form = FacilityForm(request.POST)

    def act(data: dict[str, Any]) -> HttpResponse:
        update_facility(**data, actor=request.actor)
        saved(request, "Đã lưu thông tin cơ sở")
        return redirect("admin-facility")

    return carry_out(request, form, act, PAGE, {**_context(request), "form": form})


@require_POST
@requires("accounts.manage")
def tier(request: DeskRequest) -> HttpResponse:
    """A tier from a day on."""
    form = TierForm(request.POST)

    def act(data: dict[str, Any]) -> HttpResponse:
        status = set_tier(**data, actor=request.actor)
        saved(request, f"Đã ghi {status.get_tier_display().lower()} từ ngày {status.valid_from:%d/%m/%Y}")
        return redirect("admin-facility")

    return carry_out(request, form, act, PAGE, {**_context(request), "tier_form": form})


def _context(request: DeskRequest) -> dict[str, Any]:
    own, today = request.actor.facility, timezone.localdate()
    tiers = tiers_of(own)
    latest = tiers[0] if tiers else None
    names = ("tier", "points", "former_line", "is_provisional")
    level = AdministrativeUnit.Level
    return {
        "own": own,
        "form": FacilityForm(initial={name: getattr(own, name) for name in FacilityForm.base_fields}),
        "tier_form": TierForm(initial={name: getattr(latest, name) for name in names} if latest else None),
        "tiers": tiers,
        "province": unit_name(level.PROVINCE, own.province_code, today),
        "commune": unit_name(level.COMMUNE, own.commune_code, today),
        "today": today,
        "tab": "facility",
    }
