"""Ward cabinets handed over between shifts: counted lot by lot, differences noted."""

from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from his.access import DeskRequest, requires
from his.core.errors import NotFound, Refusal
from his.ui.forms import NumberField, add_refusal, render_refusal, saved
from pharmacy import queries_documents as papers
from pharmacy.forms_documents import HandoverForm
from pharmacy.models import Store
from pharmacy.queries import balances
from pharmacy.services.handovers import Counted, hand_over_cabinet
from pharmacy.views.common import PAGE, head

_EDIT = "pharmacy/stock_handover_edit.html"


@require_GET
@requires("pharmacy.view")
def handover_list(request: DeskRequest) -> HttpResponse:
    """The cabinets, and the hand-overs, latest first."""
    page = Paginator(papers.handovers(request.actor.facility), PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "cabinets": papers.cabinets(request.actor.facility), "tab": "handovers"}
    return render(request, "pharmacy/stock_handovers.html", {**head(request), **context})


@require_GET
@requires("pharmacy.view")
def handover(request: DeskRequest, pk: int) -> HttpResponse:
    """One hand-over as it was counted."""
    found = papers.handovers(request.actor.facility).filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy biên bản tại cơ sở này")
    lines = found.lines.select_related("lot__drug").order_by("lot__drug__name", "lot__expires_on", "pk")
    context = {"handover": found, "lines": lines, "tab": "handovers"}
    return render(request, "pharmacy/stock_handover.html", {**head(request), **context})


@require_http_methods(["GET", "POST"])
@requires("pharmacy.draft")
def hand_over(request: DeskRequest, pk: int) -> HttpResponse:
    """Count a cabinet and hand it over."""
    cabinet = papers.cabinets(request.actor.facility).filter(pk=pk).first()
    if cabinet is None:
        raise NotFound("Không tìm thấy tủ trực tại cơ sở này")
    is_post = request.method == "POST"
    form = HandoverForm(
        request.POST if is_post else None,
        facility=request.actor.facility,
        giver=request.actor.user,
        initial={"idempotency_key": uuid4().hex},
    )
    rows = _rows(request, cabinet, is_post=is_post)
    context = {**head(request), "cabinet": cabinet, "form": form, "rows": rows, "tab": "handovers"}
    if not is_post:
        return render(request, _EDIT, context)
    is_valid = form.is_valid()
    if not is_valid or any("error" in row for row in rows):
        return render(request, _EDIT, context, status=422)
    data = form.cleaned_data
    try:
        done = hand_over_cabinet(
            store=cabinet,
            taken_by=data["taken_by"],
            counted=[Counted(row["balance"].lot, row["quantity"], row["note"]) for row in rows],
            note=data["note"],
            idempotency_key=data["idempotency_key"],
            actor=request.actor,
            at=timezone.now(),
        )
    except Refusal as refusal:
        position = refusal.facts.get("position")
        if position is not None:
            rows[position]["error"] = refusal.message_vi
        elif refusal.field in form.fields:
            add_refusal(form, refusal)
        return render_refusal(request, refusal, _EDIT, context)
    saved(request, f"Đã bàn giao {cabinet.name} cho {done.taken_by.display_name}")
    return redirect("stock-handover", done.pk)


def _rows(request: DeskRequest, cabinet: Store, *, is_post: bool) -> list[dict[str, Any]]:
    """Each lot of the cabinet with what was typed beside it."""
    field = NumberField(max_digits=12, decimal_places=3, min_value=0, error_messages={"required": "Hãy gõ số đếm"})
    found = []
    held = balances(cabinet.facility_id).filter(store=cabinet, on_hand__gt=0)
    for balance in held.order_by("lot__drug__name", "lot__expires_on", "lot_id"):
        row: dict[str, Any] = {"balance": balance, "typed": "", "note": ""}
        if is_post:
            row["typed"] = request.POST.get(f"counted_{balance.lot_id}", "")[:30]
            row["note"] = request.POST.get(f"note_{balance.lot_id}", "")[:500]
            try:
                row["quantity"] = field.clean(row["typed"])
            except ValidationError as wrong:
                row["error"] = wrong.messages[0]
        found.append(row)
    return found
