"""The store keeper's desk: what expires first, what there is, stock cards, lots, documents, stores."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.accounts.models import Facility
from his.catalogs.models import Drug
from his.core.errors import NotFound, Refusal
from his.core.text import fold
from his.ui.forms import render_refusal, saved
from pharmacy import planning, queries_planning
from pharmacy.allocation import ZERO
from pharmacy.forms import ReasonForm, StoreForm
from pharmacy.models import Lot, LotBalance, StockDocument
from pharmacy.queries import (
    balances,
    expiring_lots,
    lots_of,
    stock_by_drug,
    stock_card,
)
from pharmacy.queries_climate import hold_changes, holding
from pharmacy.queries_documents import own_approval_rule
from pharmacy.queries_recall import recipients, recipients_count
from pharmacy.services.lots import block_lot, release_lot
from pharmacy.services.requests import allow_own_approval
from pharmacy.services.stores import create_store
from pharmacy.views.common import PAGE, card_period, chosen_store, head, rounded

Kind = StockDocument.Kind
HORIZONS = (*((days, f"{days // 30} tháng") for days in planning.EXPIRY_STEPS), (3650, "Tất cả"))
LOT_KINDS = (
    (Kind.TRANSFER, "Chuyển kho", "c", "next"),
    (Kind.LOSS, "Ghi hao hụt", "h", "minus"),
    (Kind.DESTRUCTION, "Hủy thuốc", "u", "trash"),
)
"""Papers that may be begun from a lot, with their words, Alt letter and icon."""
_CHANGES = {"block": block_lot, "release": release_lot}
"""What the buttons of a lot do."""


@require_GET
@requires("pharmacy.view")
def expiring(request: DeskRequest) -> HttpResponse:
    """Lots in the order of expiry, expired ones first, with what will be left of each when it expires."""
    facility, today = request.actor.facility, timezone.localdate()
    within = _horizon(request)
    rows = expiring_lots(facility, today, within_days=within, store=chosen_store(request))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    looked = queries_planning.look_back(facility, today)
    context = {
        "page": page,
        "lines": _expiring_lines(page.object_list, facility, today, looked),
        "looked": looked,
        "within": within,
        "horizons": HORIZONS,
        "tab": "expiring",
    }
    return render(request, "pharmacy/stock_expiring.html", {**head(request), **context})


def _expiring_lines(
    rows: Iterable[LotBalance], facility: Facility, today: date, looked: queries_planning.LookBack
) -> list[dict[str, Any]]:
    rows = list(rows)
    items = queries_planning.items(facility, today, {row.lot.drug.code for row in rows}, looked)
    monthly = {item.drug.code: item.position.monthly for item in items}
    surplus = {lot: rest for item in items for lot, rest in queries_planning.surplus_of(item, today).items()}
    lines = []
    for row in rows:
        step = planning.expiry_step(row.lot.expires_on, today)
        lines.append(
            {
                "row": row,
                "value": row.on_hand * row.lot.unit_cost,
                "days": (row.lot.expires_on - today).days,
                "step": "Còn hạn" if step is None else planning.EXPIRY_WORDS[step],
                "badge": "ok" if step is None else planning.EXPIRY_BADGES[step],
                "monthly": rounded(monthly.get(row.lot.drug.code)),
                "surplus": surplus.get(row.lot_id),
            }
        )
    return lines


@require_GET
@requires("pharmacy.view")
def drugs(request: DeskRequest) -> HttpResponse:
    """Stock of each drug: on hand apart from usable."""
    q = request.GET.get("q", "").strip()[:100]
    rows = stock_by_drug(request.actor.facility, timezone.localdate(), store=chosen_store(request), folded=fold(q))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "q": q, "total": sum((row.value for row in rows), ZERO), "tab": "drugs"}
    return render(request, "pharmacy/stock_drugs.html", {**head(request), **context})


@require_GET
@requires("pharmacy.view")
def card(request: DeskRequest, pk: int) -> HttpResponse:
    """The stock card (thẻ kho) of a drug for a period, with its lots."""
    drug = Drug.objects.for_facility(request.actor.facility).filter(pk=pk).first()
    if drug is None:
        raise NotFound("Không tìm thấy thuốc tại cơ sở này")
    today = timezone.localdate()
    first, last = card_period(request)
    store = chosen_store(request)
    held = (
        balances(drug.facility)
        .filter(lot__in=lots_of(drug), on_hand__gt=0)
        .order_by("lot__expires_on", "lot_id", "store_id")
    )
    context = {
        "drug": drug,
        "card": stock_card(drug, first, last, store=store),
        "first": first,
        "last": last,
        "held": held,
        "today": today,
        "tab": "drugs",
    }
    return render(request, "pharmacy/stock_card.html", {**head(request), **context})


@require_GET
@requires("pharmacy.view")
def lot(request: DeskRequest, pk: int) -> HttpResponse:
    """One lot: where it is, and what may be done with it."""
    return render(request, "pharmacy/stock_lot.html", _lot_context(request, _lot(request, pk)))


@require_GET
@requires("pharmacy.dispense")
def lot_patients(request: DeskRequest, pk: int) -> HttpResponse:
    """Who was given the lot and has it still: whom to call when it is recalled."""
    found = _lot(request, pk)
    page = Paginator(recipients(found), PAGE).get_page(request.GET.get("page"))
    context = {**head(request), "lot": found, "page": page, "people": recipients_count(found), "tab": "drugs"}
    return render(request, "pharmacy/stock_lot_patients.html", context)


@require_POST
@requires("pharmacy.receive")
def block(request: DeskRequest, pk: int) -> HttpResponse:
    """Block the lot or release it, as the button that was pressed says, whatever became of the lot meanwhile."""
    found = _lot(request, pk)
    form = ReasonForm(request.POST, auto_id="id_block_%s")
    context = {**_lot_context(request, found), "block_form": form}
    if not form.is_valid():
        return render(request, "pharmacy/stock_lot.html", context, status=422)
    try:
        change = _CHANGES.get(request.POST.get("action", ""))
        if change is None:
            raise Refusal("bad_action", "Hãy chọn khóa hay mở khóa lô")
        changed = change(lot=found, reason=form.cleaned_data["reason"], actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, "pharmacy/stock_lot.html", context)
    done = "đã khóa" if changed.is_blocked_by_hand else "đã mở khóa"
    still = ", còn cách ly" if changed.is_blocked and not changed.is_blocked_by_hand else ""
    saved(request, f"Lô {changed.number}: {done}{still}")
    return redirect("stock-lot", found.pk)


@require_http_methods(["GET", "POST"])
@requires("pharmacy.view")
def store_list(request: DeskRequest) -> HttpResponse:
    """The stores, and a new one."""
    form = StoreForm(request.POST or None, facility=request.actor.facility)
    context = {**_stores_context(request), "form": form}
    if request.method == "POST":
        if not form.is_valid():
            return render(request, "pharmacy/stock_stores.html", context, status=422)
        try:
            made = create_store(**form.cleaned_data, actor=request.actor)
        except Refusal as refusal:
            return render_refusal(request, refusal, "pharmacy/stock_stores.html", context, form=form)
        saved(request, f"Đã lập {made.name}")
        return redirect("stock-stores")
    return render(request, "pharmacy/stock_stores.html", context)


@require_POST
@requires("pharmacy.settings")
def own_approval(request: DeskRequest) -> HttpResponse:
    """Allow approving one's own requests, or no longer."""
    form = ReasonForm(request.POST, auto_id="id_rule_%s")
    context = {**_stores_context(request), "form": StoreForm(facility=request.actor.facility), "rule_form": form}
    if not form.is_valid():
        return render(request, "pharmacy/stock_stores.html", context, status=422)
    is_allowed, reason = request.POST.get("is_allowed") == "1", form.cleaned_data["reason"]
    try:
        allow_own_approval(is_allowed=is_allowed, reason=reason, actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, "pharmacy/stock_stores.html", context)
    saved(request, "Đã cho tự duyệt phiếu lĩnh" if is_allowed else "Đã thôi cho tự duyệt phiếu lĩnh")
    return redirect("stock-stores")


def _stores_context(request: DeskRequest) -> dict[str, Any]:
    return {
        **head(request),
        "rule": own_approval_rule(request.actor.facility),
        "rule_form": ReasonForm(auto_id="id_rule_%s"),
        "may_set": request.actor.may("pharmacy.settings"),
        "tab": "stores",
    }


def _horizon(request: DeskRequest) -> int:
    raw = request.GET.get("within", "")
    return int(raw) if raw in {str(days) for days, _ in HORIZONS} else planning.EXPIRY_STEPS[-1]


def _lot(request: DeskRequest, pk: int) -> Lot:
    found: Lot | None = Lot.objects.for_facility(request.actor.facility).select_related("drug").filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy lô tại cơ sở này")
    return found


def _lot_context(request: DeskRequest, found: Lot) -> dict[str, Any]:
    held = list(balances(request.actor.facility).filter(lot=found).order_by("store__kind", "store__code"))
    quarantines = holding(found) if found.is_blocked else []
    decided = found.quarantines.exclude(decision="").exclude(pk__in=[one.pk for one in quarantines])
    return {
        **head(request),
        "lot": found,
        "held": held,
        "quarantines": quarantines,
        "ended": decided.select_related("reading__point__store").order_by("-pk")[:10],
        "changes": hold_changes(found),
        "people": recipients_count(found) if request.actor.may("pharmacy.dispense") else None,
        "may_release": found.is_blocked_by_hand or (found.is_blocked and not quarantines),
        "lot_kinds": LOT_KINDS,
        "block_form": ReasonForm(auto_id="id_block_%s"),
        "tab": "drugs",
    }
