"""The list of drugs, herbs and supplies (danh mục thuốc, vật tư) and the page of one item."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.catalogs import items
from his.catalogs.forms import AttributesForm, ControlForm, IngredientFormSet, ItemFilterForm
from his.catalogs.item_models import Drug
from his.catalogs.item_services import (
    PERMISSION,
    confirm_proposals,
    read_ingredients_again,
    set_attributes,
    set_control_class,
    set_ingredients,
)
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.core.text import nfc
from his.ui.forms import add_refusal, render_refusal, saved

PAGE, ONE = "catalogs/items.html", "catalogs/item.html"
SHOWN = 50
ATTRIBUTES = (
    "storage",
    "prescription_level",
    "quantity_rule",
    "pack_size",
    "min_stock",
    "max_stock",
    "is_reusable",
)
_INGREDIENT = ("name", "code", "amount", "unit", "per_amount", "per_unit")


@require_GET
@requires("prices.view", "pharmacy.view")
def item_list(request: DeskRequest) -> HttpResponse:
    """Items in force on a day, found by words and filters."""
    context, status = _list(request)
    return render(request, PAGE, context, status=status)


@require_POST
@requires(PERMISSION)
def confirm(request: DeskRequest) -> HttpResponse:
    """Give the ticked drugs the class that was proposed beside them."""
    chosen = dict(one.split(":", 1) for one in request.POST.getlist("item") if ":" in one)
    rows = Drug.objects.for_facility(request.actor.facility).filter(pk__in=[pk for pk in chosen if pk.isdecimal()])
    drugs = list(rows.order_by("pk"))
    try:
        if not drugs:
            raise Refusal("nothing_chosen", "Hãy đánh dấu thuốc cần xác nhận")
        classes = [chosen[str(drug.pk)] for drug in drugs]
        count = confirm_proposals(actor=request.actor, items=drugs, classes=classes, on=timezone.localdate())
    except (NotFound, PermissionRefused):
        raise
    except Refusal as refusal:
        context, _status = _list(request)
        return render_refusal(request, refusal, PAGE, context)
    saved(request, f"Đã xác nhận phân loại của {count} thuốc")
    return redirect(f"{request.path.removesuffix('confirm/')}?{urlencode({'control': items.DUE})}")


@require_GET
@requires("prices.view", "pharmacy.view")
def item(request: DeskRequest, pk: int) -> HttpResponse:
    """One item on a day: what it is, its ingredients, bid, attributes and every earlier version."""
    form = ItemFilterForm(request.GET or None)
    on = (form.is_valid() and form.cleaned_data["on"]) or timezone.localdate()
    return render(request, ONE, _one(request, items.item(request.actor.facility, pk, on), on))


@require_POST
@requires(PERMISSION)
def attributes(request: DeskRequest, pk: int) -> HttpResponse:
    """Store what the facility says itself of the item."""
    found, on = _found(request, pk)
    form = AttributesForm(request.POST, item=found.row, initial=_initial(found.row))
    context = _one(request, found, on) | {"form": form}
    if not form.is_valid():
        return render(request, ONE, context | {"wrong": form}, status=422)
    try:
        set_attributes(actor=request.actor, item=found.row, on=on, **form.cleaned_data)
    except Refusal as refusal:
        return _refused(request, refusal, context, form)
    saved(request, f"Đã lưu thuộc tính của {found.row.name}")
    return redirect("item", pk)


@require_POST
@requires(PERMISSION)
def control(request: DeskRequest, pk: int) -> HttpResponse:
    """A pharmacist confirms the class of control."""
    found, on = _found(request, pk)
    form = ControlForm(request.POST)
    context = _one(request, found, on) | {"control_form": form}
    if not form.is_valid():
        return render(request, ONE, context | {"wrong": form}, status=422)
    try:
        row = set_control_class(
            actor=request.actor, item=found.row, control_class=form.cleaned_data["control_class"], on=on
        )
    except Refusal as refusal:
        return _refused(request, refusal, context, form)
    saved(request, f"Đã xác nhận {row.name}: {row.get_control_class_display() or 'thuốc thường'}")
    return redirect("item", pk)


@require_POST
@requires(PERMISSION)
def ingredients(request: DeskRequest, pk: int) -> HttpResponse:
    """Store the ingredients that a pharmacist wrote."""
    found, on = _found(request, pk)
    formset = IngredientFormSet(request.POST, initial=_ingredient_rows(found), prefix="ing")
    context = _one(request, found, on) | {"formset": formset}
    if not formset.is_valid():
        return render(request, ONE, context, status=422)
    typed = formset.typed()
    try:
        set_ingredients(actor=request.actor, item=found.row, lines=[form.line() for form in typed])
    except (NotFound, PermissionRefused):
        raise
    except Refusal as refusal:
        position = refusal.facts.get("position")
        if position is not None and position < len(typed):
            add_refusal(typed[position], refusal)
        return render_refusal(request, refusal, ONE, context)
    saved(request, f"Đã lưu {len(typed)} hoạt chất của {found.row.name}")
    return redirect("item", pk)


@require_POST
@requires(PERMISSION)
def ingredients_again(request: DeskRequest, pk: int) -> HttpResponse:
    """Read the ingredients from the list again."""
    found, _on = _found(request, pk)
    read_ingredients_again(actor=request.actor, item=found.row)
    saved(request, f"Đã đọc lại hoạt chất của {found.row.name} từ danh mục")
    return redirect("item", pk)


def _found(request: DeskRequest, pk: int) -> tuple[items.Item, date]:
    on = timezone.localdate()
    return items.item(request.actor.facility, pk, on), on


def _refused(request: DeskRequest, refusal: Refusal, context: dict[str, Any], form: Any) -> HttpResponse:
    if isinstance(refusal, NotFound | PermissionRefused):
        raise refusal
    add_refusal(form, refusal)
    return render_refusal(request, refusal, ONE, context | {"wrong": form})


def _list(request: DeskRequest) -> tuple[dict[str, Any], int]:
    facility = request.actor.facility
    form = ItemFilterForm(request.GET or None)
    ready = form.is_bound and form.is_valid()
    data = form.cleaned_data if ready else {}
    on = data.get("on") or timezone.localdate()
    asked = items.Asked(
        on, nfc(data.get("q", "")), data.get("kind", ""), data.get("control", ""), data.get("storage", "")
    )
    page = Paginator(items.find_items(facility, asked), SHOWN).get_page(request.GET.get("page"))
    query = {name: value for name, value in request.GET.items() if name != "page" and value}
    return (
        {
            "form": form,
            "wrong": form if form.is_bound and not ready else None,
            "asked": asked,
            "on": on,
            "page": page,
            "rows": items.with_proposals(facility, page.object_list, on),
            "query": f"{urlencode(query)}&" if query else "",
            "due": len(items.due_codes(facility, on)),
            "may_change": request.actor.may(PERMISSION),
            "may_import": request.actor.may("catalogs.import"),
            "is_due": asked.control == items.DUE,
        },
        422 if form.is_bound and not ready else 200,
    )


def _one(request: DeskRequest, found: items.Item, on: date) -> dict[str, Any]:
    row = found.row
    first = found.proposal.control_class if found.proposal else row.control_class
    return {
        "item": found,
        "row": row,
        "on": on,
        "form": AttributesForm(initial=_initial(row), item=row),
        "control_form": ControlForm(initial={"control_class": first}),
        "formset": IngredientFormSet(initial=_ingredient_rows(found), prefix="ing"),
        "by_hand": any(one.is_by_hand for one in found.ingredients),
        "may_change": request.actor.may(PERMISSION),
    }


def _initial(row: Drug) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ATTRIBUTES} | {"service_codes": "; ".join(row.service_codes)}


def _ingredient_rows(found: items.Item) -> list[dict[str, Any]]:
    return [{name: getattr(one, name) for name in _INGREDIENT} for one in found.ingredients]
