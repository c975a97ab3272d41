"""The store keeper's desk: what expires first, what there is, stock cards, lots, documents, stores."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.catalogs.models import Drug
from his.core.codes import row_id
from his.core.dates import parse_day
from his.core.errors import NotFound, Refusal
from his.core.text import fold
from his.ui.forms import add_refusal, render_refusal, saved
from pharmacy.allocation import ZERO
from pharmacy.forms import LossForm, ReasonForm, StoreForm, TransferForm
from pharmacy.models import Lot, StockDocument, Store
from pharmacy.queries import (
    EXPIRY_HORIZON_DAYS,
    balances,
    documents,
    expiring_lots,
    lots_of,
    stock_by_drug,
    stock_card,
    stores,
)
from pharmacy.services.ledger import movements_of
from pharmacy.services.stock import LotLine, block_lot, record_loss, release_lot, reverse_document, transfer
from pharmacy.services.stores import create_store

PAGE = 50
HORIZONS = ((30, "1 tháng"), (90, "3 tháng"), (180, "6 tháng"), (3650, "Tất cả"))
CARD_DAYS = 31


@require_GET
@requires("pharmacy.view")
def expiring(request: DeskRequest) -> HttpResponse:
    """Lots in the order of expiry, expired ones first."""
    facility, today = request.actor.facility, timezone.localdate()
    within = _horizon(request)
    rows = expiring_lots(facility, today, within_days=within, store=_store(request))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    lines = [
        {"row": row, "value": row.on_hand * row.lot.unit_cost, "days": (row.lot.expires_on - today).days}
        for row in page.object_list
    ]
    context = {"page": page, "lines": lines, "within": within, "horizons": HORIZONS, "tab": "expiring"}
    return render(request, "pharmacy/stock_expiring.html", {**_head(request), **context})


@require_GET
@requires("pharmacy.view")
def drugs(request: DeskRequest) -> HttpResponse:
    """Stock of each drug: on hand apart from usable."""
    q = request.GET.get("q", "").strip()[:100]
    rows = stock_by_drug(request.actor.facility, timezone.localdate(), store=_store(request), folded=fold(q))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "q": q, "total": sum((row.value for row in rows), ZERO), "tab": "drugs"}
    return render(request, "pharmacy/stock_drugs.html", {**_head(request), **context})


@require_GET
@requires("pharmacy.view")
def card(request: DeskRequest, pk: int) -> HttpResponse:
    """The stock card (thẻ kho) of a drug for a period, with its lots."""
    drug = Drug.objects.for_facility(request.actor.facility).filter(pk=pk).first()
    if drug is None:
        raise NotFound("Không tìm thấy thuốc tại cơ sở này")
    today = timezone.localdate()
    last = _typed_day(request.GET.get("to"), today)
    first = min(_typed_day(request.GET.get("from"), last - timedelta(days=CARD_DAYS)), last)
    store = _store(request)
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
    return render(request, "pharmacy/stock_card.html", {**_head(request), **context})


@require_GET
@requires("pharmacy.view")
def lot(request: DeskRequest, pk: int) -> HttpResponse:
    """One lot: where it is, and what may be done with it."""
    return render(request, "pharmacy/stock_lot.html", _lot_context(request, _lot(request, pk)))


@require_POST
@requires("pharmacy.receive")
def lose(request: DeskRequest, pk: int) -> HttpResponse:
    """Write off a part of the lot."""
    found = _lot(request, pk)
    form = LossForm(request.POST, facility=request.actor.facility)

    def act() -> StockDocument:
        data = form.cleaned_data
        line = LotLine(lot=found, quantity=data["quantity"])
        return record_loss(
            store=data["store"],
            lines=[line],
            reason=data["reason"],
            actor=request.actor,
            at=timezone.now(),
            idempotency_key=data["idempotency_key"],
        )

    return _lot_act(request, found, "loss_form", form, act)


@require_POST
@requires("pharmacy.receive")
def move(request: DeskRequest, pk: int) -> HttpResponse:
    """Move a part of the lot to another store."""
    found = _lot(request, pk)
    form = TransferForm(request.POST, facility=request.actor.facility)

    def act() -> StockDocument:
        data = form.cleaned_data
        line = LotLine(lot=found, quantity=data["quantity"])
        return transfer(
            store=data["store"],
            target_store=data["target_store"],
            lines=[line],
            actor=request.actor,
            at=timezone.now(),
            idempotency_key=data["idempotency_key"],
        )

    return _lot_act(request, found, "transfer_form", form, act)


@require_POST
@requires("pharmacy.receive")
def block(request: DeskRequest, pk: int) -> HttpResponse:
    """Block the lot, or release it when it is blocked."""
    found = _lot(request, pk)
    form = ReasonForm(request.POST)

    def act() -> Lot:
        change = release_lot if found.is_blocked else block_lot
        return change(lot=found, reason=form.cleaned_data["reason"], actor=request.actor, at=timezone.now())

    return _lot_act(request, found, "block_form", form, act)


@require_GET
@requires("pharmacy.view")
def document_list(request: DeskRequest) -> HttpResponse:
    """Documents, latest first."""
    kind = request.GET.get("kind", "")
    rows = documents(request.actor.facility, store=_store(request))
    if kind in StockDocument.Kind.values:
        rows = rows.filter(kind=kind)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "kind": kind, "kinds": StockDocument.Kind.choices, "tab": "documents"}
    return render(request, "pharmacy/stock_documents.html", {**_head(request), **context})


@require_GET
@requires("pharmacy.view")
def document(request: DeskRequest, pk: int) -> HttpResponse:
    """One document with its lines and, when allowed, its reversal."""
    return render(request, "pharmacy/stock_document.html", _document_context(request, _document(request, pk)))


@require_POST
@requires("pharmacy.reverse")
def reverse_it(request: DeskRequest, pk: int) -> HttpResponse:
    """Undo the document with a reason."""
    found = _document(request, pk)
    form = ReasonForm(request.POST)
    context = {**_document_context(request, found), "reason_form": form}
    if not form.is_valid():
        return render(request, "pharmacy/stock_document.html", context, status=422)
    try:
        undone = reverse_document(
            document=found, reason=form.cleaned_data["reason"], actor=request.actor, at=timezone.now()
        )
    except Refusal as refusal:
        return render_refusal(request, refusal, "pharmacy/stock_document.html", context)
    saved(request, f"Đã hủy chứng từ {found.number} bằng phiếu {undone.number}")
    return redirect("stock-document", found.pk)


@require_http_methods(["GET", "POST"])
@requires("pharmacy.view")
def store_list(request: DeskRequest) -> HttpResponse:
    """The stores, and a new one."""
    form = StoreForm(request.POST or None)
    context = {**_head(request), "form": form, "tab": "stores"}
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


def _head(request: DeskRequest) -> dict[str, Any]:
    """What every page of the desk shows: the stores, the chosen one, today."""
    return {
        "stores": list(stores(request.actor.facility)),
        "store": _store(request),
        "kept": _kept(request),
        "today": timezone.localdate(),
        "may_receive": request.actor.may("pharmacy.receive"),
        "may_reverse": request.actor.may("pharmacy.reverse"),
    }


def _store(request: DeskRequest) -> Store | None:
    chosen = request.GET.get("store", "")
    if not chosen:
        return None
    found = stores(request.actor.facility).filter(pk=row_id(chosen)).first()
    if found is None:
        raise NotFound("Không tìm thấy kho tại cơ sở này")
    return found


def _kept(request: DeskRequest) -> str:
    """The filters of a list, for the links to its other pages."""
    query = request.GET.copy()
    query.pop("page", None)
    return f"{query.urlencode()}&" if query else ""


def _horizon(request: DeskRequest) -> int:
    raw = request.GET.get("within", "")
    return int(raw) if raw in {str(days) for days, _ in HORIZONS} else EXPIRY_HORIZON_DAYS


def _typed_day(raw: str | None, default: date) -> date:
    try:
        return parse_day(raw) if raw else default
    except ValueError:
        return default


def _lot(request: DeskRequest, pk: int) -> Lot:
    found: Lot | None = Lot.objects.for_facility(request.actor.facility).select_related("drug").filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy lô tại cơ sở này")
    return found


def _lot_context(request: DeskRequest, found: Lot) -> dict[str, Any]:
    facility = request.actor.facility
    held = list(balances(facility).filter(lot=found).order_by("store__kind", "store__code"))
    at = next((row.store_id for row in held if row.on_hand > 0), None)
    first = {"store": at, "idempotency_key": uuid4().hex}
    return {
        **_head(request),
        "lot": found,
        "held": held,
        "loss_form": LossForm(facility=facility, initial=first, auto_id="id_loss_%s"),
        "transfer_form": TransferForm(facility=facility, initial=first, auto_id="id_transfer_%s"),
        "block_form": ReasonForm(auto_id="id_block_%s"),
        "tab": "drugs",
    }


def _lot_act(request: DeskRequest, found: Lot, name: str, form: forms.Form, act: Any) -> HttpResponse:
    """Carry out one of the lot's forms; on refusal the page again, with what was typed."""
    form.auto_id = f"id_{name.removesuffix('_form')}_%s"
    context = {**_lot_context(request, found), name: form}
    if not form.is_valid():
        return render(request, "pharmacy/stock_lot.html", context, status=422)
    try:
        result = act()
    except Refusal as refusal:
        if refusal.field in form.fields or refusal.code == "shortage":
            refusal.field = refusal.field if refusal.field in form.fields else "quantity"
            add_refusal(form, refusal)
        return render_refusal(request, refusal, "pharmacy/stock_lot.html", context)
    if isinstance(result, StockDocument):
        saved(request, f"Đã ghi {result.get_kind_display().lower()} {result.number}")
    else:
        saved(request, f"Lô {result.number}: {'đã khóa' if result.is_blocked else 'đã mở khóa'}")
    return redirect("stock-lot", found.pk)


def _document(request: DeskRequest, pk: int) -> StockDocument:
    found: StockDocument | None = documents(request.actor.facility).filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy chứng từ tại cơ sở này")
    return found


def _document_context(request: DeskRequest, found: StockDocument) -> dict[str, Any]:
    lines = list(found.lines.select_related("lot__drug"))
    sign = sum(movement.quantity for line in lines[:1] for movement in movements_of(found, line)[:1])
    rows = [{"line": line, "value": line.quantity * line.lot.unit_cost} for line in lines]
    return {
        **_head(request),
        "document": found,
        "rows": rows,
        "total": sum((row["value"] for row in rows), ZERO),
        "is_incoming": sign > 0,
        "reversal": StockDocument.objects.for_facility(found.facility).filter(reverses=found).first(),
        "dispense": getattr(found, "dispense", None) if found.kind == StockDocument.Kind.DISPENSE else None,
        "tab": "documents",
    }
