"""Goods in (nhập kho): one grid, typed in the order of the delivery note."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from his.access import DeskRequest, requires
from his.catalogs.models import Drug
from his.catalogs.queries import item_on, search_items
from his.core.errors import Refusal
from his.ui.forms import add_refusal, render_refusal, saved
from his.ui.text import decimal_text
from his.ui.typeahead import Option, answer
from pharmacy.forms import BaseGoodsFormSet, GoodsForm, GoodsFormSet, ReceiptForm
from pharmacy.models import Store
from pharmacy.queries import stores, usable_by_code
from pharmacy.services.stock import GoodsLine, receive_goods

PREFIX = "lines"


@require_http_methods(["GET", "POST"])
@requires("pharmacy.receive")
def receipt(request: DeskRequest) -> HttpResponse:
    """The empty form, or a receipt to store."""
    facility = request.actor.facility
    if request.method == "GET":
        known = list(stores(facility))
        usual = next((store for store in known if store.kind == Store.Kind.MAIN), known[0] if known else None)
        first = {"idempotency_key": uuid4().hex, "store": usual}
        form = ReceiptForm(facility=facility, initial=first)
        formset = GoodsFormSet(prefix=PREFIX)
        return render(request, "pharmacy/stock_receipt.html", _context(request, form, formset))
    form = ReceiptForm(request.POST, facility=facility)
    formset = GoodsFormSet(request.POST, prefix=PREFIX)
    return _store_receipt(request, form, formset)


def _store_receipt(request: DeskRequest, form: ReceiptForm, formset: BaseGoodsFormSet) -> HttpResponse:
    context = _context(request, form, formset)
    if not (form.is_valid() & formset.is_valid()):
        return render(request, "pharmacy/stock_receipt.html", context, status=422)
    typed = formset.typed()
    lines = [_line(request, row) for row in typed]
    if None in lines:
        return render(request, "pharmacy/stock_receipt.html", context, status=422)
    data = form.cleaned_data
    try:
        document = receive_goods(
            store=data["store"],
            lines=[line for line in lines if line is not None],
            actor=request.actor,
            at=timezone.now(),
            supplier=data["supplier"],
            reference=data["reference"],
            idempotency_key=data["idempotency_key"],
            confirm_unusual=data["confirm_unusual"],
        )
    except Refusal as refusal:
        _beside(refusal, form, typed)
        context["ask"] = refusal.code == "unusual_receipt"
        return render_refusal(request, refusal, "pharmacy/stock_receipt.html", context)
    total = sum((line.quantity * line.unit_cost for line in lines if line is not None), Decimal(0))
    saved(request, f"Đã nhập kho {document.number}: {len(lines)} dòng, {decimal_text(total.quantize(Decimal(1)))} đ")
    return redirect("stock-document", document.pk)


def _line(request: DeskRequest, row: GoodsForm) -> GoodsLine | None:
    """The typed row as a line, or None with the message beside the drug."""
    data = row.cleaned_data
    try:
        drug = item_on(request.actor.facility, data["drug"], timezone.localdate())
    except Refusal as refusal:
        row.add_error("drug", refusal.message_vi)
        return None
    return GoodsLine(
        drug=drug,
        lot_number=data["lot_number"],
        expires_on=data["expires_on"],
        quantity=data["quantity"],
        unit_cost=data["unit_cost"],
    )


def _beside(refusal: Refusal, form: ReceiptForm, typed: list[GoodsForm]) -> None:
    """Put the message into the row it belongs to; warnings of unusual figures beside each of them."""
    for warning in refusal.facts.get("warnings", ()):
        typed[warning.position].add_error(warning.field, warning.message_vi)
    position = refusal.facts.get("position")
    if position is not None:
        add_refusal(typed[position], refusal)
    elif refusal.field in form.fields and refusal.code != "unusual_receipt":
        add_refusal(form, refusal)


def _context(request: DeskRequest, form: ReceiptForm, formset: BaseGoodsFormSet) -> dict[str, Any]:
    return {
        "form": form,
        "formset": formset,
        "stores": list(stores(request.actor.facility)),
        "tab": "receipt",
        "may_receive": True,
    }


@require_GET
@requires("pharmacy.receive")
def drug_options(request: DeskRequest) -> HttpResponse:
    """Drugs and supplies of the list as typed, with unit, list price and what is usable now."""
    facility, today = request.actor.facility, timezone.localdate()
    found = search_items(facility, request.GET.get("q", "")[:100], on=today)
    usable = usable_by_code(facility, {drug.code for drug in found}, today)
    return answer(
        request,
        [_option(drug, usable.get(drug.code, Decimal(0))) for drug in found],
    )


def _option(drug: Drug, usable: Decimal) -> Option:
    label = drug.name if drug.strength in drug.name else str(drug)
    note = f"{drug.unit} · tồn {decimal_text(usable)}"
    return Option(code=drug.code, label=label, note=note, data={"unit": drug.unit})
