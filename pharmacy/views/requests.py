"""Requests between stores: the inbox, writing one, deciding it, and how far it is."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.catalogs.models import Drug
from his.catalogs.queries import item_on
from his.core.errors import NotFound, Refusal
from his.ui.forms import NumberField, add_refusal, render_refusal, saved
from his.ui.text import decimal_text
from pharmacy import queries_documents as papers
from pharmacy.forms_documents import AskLines, BaseLines, RequestForm
from pharmacy.models import StockRequest, Store
from pharmacy.queries import stores
from pharmacy.services.requests import (
    AskLine,
    approve_request,
    close_request,
    refuse_request,
    send_request,
    withdraw_request,
    write_request,
)
from pharmacy.views.common import PAGE, chosen_store, head

State = StockRequest.State
PREFIX = "lines"
_EDIT, _SHOW = "pharmacy/stock_request_edit.html", "pharmacy/stock_request.html"


@require_GET
@requires("pharmacy.view")
def inbox(request: DeskRequest) -> HttpResponse:
    """Requests: those that wait for a decision unless another state is chosen."""
    state = request.GET.get("state", State.SENT)
    rows = papers.requests(request.actor.facility, store=chosen_store(request), state=state)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    states = [("all", "Tất cả"), *State.choices]
    context = {"page": page, "state": state, "states": states, "tab": "requests"}
    return render(request, "pharmacy/stock_requests.html", {**head(request), **context})


@require_http_methods(["GET", "POST"])
@requires("pharmacy.draft")
def write(request: DeskRequest, pk: int | None = None) -> HttpResponse:
    """A new request, or one that was not sent yet."""
    facility = request.actor.facility
    found = papers.request(facility, pk) if pk is not None else None
    if request.method == "GET":
        form = RequestForm(facility=facility, initial=_initial(request, found))
        formset = AskLines(prefix=PREFIX, initial=_rows(found))
        return render(request, _EDIT, _edit_context(request, found, form, formset))
    form = RequestForm(request.POST, facility=facility)
    formset = AskLines(request.POST, prefix=PREFIX)
    context = _edit_context(request, found, form, formset)
    if not (form.is_valid() & formset.is_valid()):
        return render(request, _EDIT, context, status=422)
    lines = [_line(request, row) for row in formset.typed()]
    if None in lines:
        return render(request, _EDIT, context, status=422)
    data = form.cleaned_data
    try:
        written = write_request(
            request=found,
            store=data["store"],
            source_store=data["source_store"],
            note=data["note"],
            lines=[line for line in lines if line is not None],
            idempotency_key=data["idempotency_key"] if found is None else "",
            actor=request.actor,
            at=timezone.now(),
        )
        if "send" in request.POST:
            written = send_request(request=written, actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        position = refusal.facts.get("position")
        if position is not None:
            add_refusal(formset.typed()[position], refusal)
        elif refusal.field in form.fields:
            add_refusal(form, refusal)
        return render_refusal(request, refusal, _EDIT, context)
    sent = written.state == State.SENT
    saved(request, f"Đã {'gửi' if sent else 'lưu nháp'} phiếu lĩnh {written.number}")
    return redirect("stock-request", written.pk)


def _line(request: DeskRequest, row: Any) -> AskLine | None:
    """The typed row, or None with the message beside what is missing."""
    data = row.cleaned_data
    quantity, note = data["quantity"], data["note"]
    drug: Drug | None = None
    try:
        drug = item_on(request.actor.facility, data["drug"], timezone.localdate()) if data["drug"] else None
        if drug is None:
            row.add_error("drug", "Hãy chọn thuốc trong gợi ý")
    except Refusal as refusal:
        row.add_error("drug", refusal.message_vi)
    if quantity is None:
        row.add_error("quantity", "Hãy gõ số lượng")
    return None if drug is None or quantity is None else AskLine(drug, quantity, note)


def _initial(request: DeskRequest, found: StockRequest | None) -> dict[str, Any]:
    if found is not None:
        return {"store": found.store_id, "source_store": found.source_store_id, "note": found.note}
    known = list(stores(request.actor.facility))
    main = next((store for store in known if store.kind == Store.Kind.MAIN), None)
    asking = next((store for store in known if store.kind != Store.Kind.MAIN), None)
    staff = request.actor.staff
    if staff is not None and staff.department_id:
        asking = next((store for store in known if store.department_id == staff.department_id), asking)
    return {"store": asking, "source_store": main, "idempotency_key": uuid4().hex}


def _rows(found: StockRequest | None) -> list[dict[str, Any]]:
    if found is None:
        return []
    return [
        {
            "drug": line.drug.code,
            "text": line.drug.name,
            "unit": line.drug.unit,
            "quantity": line.asked_qty,
            "note": line.note,
        }
        for line in found.lines.select_related("drug")
    ]


def _edit_context(
    request: DeskRequest, found: StockRequest | None, form: RequestForm, formset: BaseLines
) -> dict[str, Any]:
    base = {**head(request), "tab": "requests"}
    return {**base, "asked": found, "form": form, "formset": formset, "columns": formset.empty_form}


@require_GET
@requires("pharmacy.view")
def show(request: DeskRequest, pk: int) -> HttpResponse:
    """One request: asked, approved, shipped, received; and what may be done with it now."""
    found = papers.request(request.actor.facility, pk)
    if found.state == State.DRAFT and request.actor.may("pharmacy.draft"):
        return redirect("stock-request-edit", found.pk)
    return render(request, _SHOW, _show_context(request, found))


@require_POST
@requires("pharmacy.draft", "pharmacy.approve", "pharmacy.receive")
def act(request: DeskRequest, pk: int, what: str) -> HttpResponse:
    """Approve, refuse, withdraw or end a request."""
    found = papers.request(request.actor.facility, pk)
    now, actor = timezone.now(), request.actor
    context = _show_context(request, found, typed=True)
    try:
        if what == "approve":
            approved = _approved(request, context["rows"])
            if approved is None:
                return render(request, _SHOW, context, status=422)
            note = request.POST.get("note", "")[:1000]
            changed = approve_request(request=found, approved=approved, note=note, actor=actor, at=now)
        elif what == "refuse":
            changed = refuse_request(request=found, reason=request.POST.get("note", "")[:1000], actor=actor, at=now)
        elif what == "withdraw":
            changed = withdraw_request(request=found, actor=actor, at=now)
        elif what == "close":
            changed = close_request(request=found, actor=actor, at=now)
        else:
            raise NotFound
    except Refusal as refusal:
        position = refusal.facts.get("position")
        if position is not None:
            context["rows"][position]["error"] = refusal.message_vi
        return render_refusal(request, refusal, _SHOW, context)
    saved(request, f"Phiếu lĩnh {changed.number}: {changed.get_state_display().lower()}")
    return redirect("stock-request", changed.pk)


def _approved(request: DeskRequest, rows: list[dict[str, Any]]) -> dict[int, Decimal] | None:
    """The typed quantities by line, or None with the message beside the wrong one."""
    field = NumberField(max_digits=12, decimal_places=3, error_messages={"required": "Hãy gõ số lượng duyệt"})
    found: dict[int, Decimal] = {}
    for row in rows:
        try:
            found[row["progress"].line.pk] = field.clean(row["approved"])
        except ValidationError as wrong:
            row["error"] = wrong.messages[0]
    return None if any(row.get("error") for row in rows) else found


def _show_context(request: DeskRequest, found: StockRequest, *, typed: bool = False) -> dict[str, Any]:
    actor = request.actor
    rows: list[dict[str, Any]] = []
    progress = papers.request_progress(found)
    for one in progress:
        usual = one.line.asked_qty if one.line.approved_qty is None else one.line.approved_qty
        rows.append({"progress": one, "approved": decimal_text(usual)})
        if typed:
            rows[-1]["approved"] = request.POST.get(f"approved_{one.line.pk}", "")
    return {
        **head(request),
        "asked": found,
        "rows": rows,
        "typed_note": request.POST.get("note", ""),
        "is_sent": found.state == State.SENT,
        "is_approved": found.state == State.APPROVED,
        "to_ship": any(one.to_ship > 0 for one in progress),
        "is_open": found.state in (State.DRAFT, State.SENT),
        "may_approve": actor.may("pharmacy.approve") and papers.may_approve(found, actor.user),
        "is_own": actor.may("pharmacy.approve") and papers.is_own(found, actor.user),
        "shipments": [detail.document for detail in found.shipments.select_related("document__reversed_by")],
        "tab": "requests",
    }
