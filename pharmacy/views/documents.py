"""Posted papers of the stores: the list with its filters, one document, its reversal, what is on its way."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.core.errors import Refusal
from his.ui.forms import render_refusal, saved
from pharmacy import queries_documents as papers
from pharmacy.allocation import ZERO
from pharmacy.forms import ReasonForm
from pharmacy.models import DRAFTED, StockDocument
from pharmacy.printing.forms import papers_of
from pharmacy.services.details import board_of
from pharmacy.services.stock import reverse_document
from pharmacy.views.common import PAGE, chosen_store, head, typed_day

Kind = StockDocument.Kind
STATES = (("", "Tất cả"), (papers.DRAFT, "Nháp"), (papers.POSTED, "Đã ghi sổ"), (papers.REVERSED, "Đã hủy"))


@require_GET
@requires("pharmacy.view")
def document_list(request: DeskRequest) -> HttpResponse:
    """Drafts that wait, then documents, latest first."""
    facility, store = request.actor.facility, chosen_store(request)
    kind, state, number = (request.GET.get(name, "")[:100] for name in ("kind", "state", "number"))
    first, last = (typed_day(request.GET.get(name), None) for name in ("from", "to"))
    rows = papers.found_documents(facility, store=store, kind=kind, state=state, first=first, last=last, number=number)
    if state == papers.DRAFT:
        rows = rows.none()
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    with_drafts = state in ("", papers.DRAFT) and not (number or first or last) and page.number == 1
    drafted = not kind or kind in DRAFTED
    context = {
        "page": page,
        "drafts": papers.open_drafts(facility, store=store, kind=kind)[:PAGE] if with_drafts and drafted else [],
        "kind": kind,
        "kinds": Kind.choices,
        "state": state,
        "states": STATES,
        "number": number,
        "first": first,
        "last": last,
        "tab": "documents",
    }
    return render(request, "pharmacy/stock_documents.html", {**head(request), **context})


@require_GET
@requires("pharmacy.view")
def document(request: DeskRequest, pk: int) -> HttpResponse:
    """One document with its lines, its papers and, when allowed, its reversal."""
    found = papers.document(request.actor.facility, pk)
    return render(request, "pharmacy/stock_document.html", _context(request, found))


@require_POST
@requires("pharmacy.reverse")
def reverse_it(request: DeskRequest, pk: int) -> HttpResponse:
    """Undo the document with a reason."""
    found = papers.document(request.actor.facility, pk)
    form = ReasonForm(request.POST)
    context = {**_context(request, found), "reason_form": form}
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


@require_GET
@requires("pharmacy.view")
def transit_list(request: DeskRequest) -> HttpResponse:
    """Everything that was sent and has not arrived, oldest first."""
    rows = papers.in_transit(request.actor.facility, store=chosen_store(request))
    groups: dict[int, dict[str, Any]] = {}
    for row in rows:
        group = groups.setdefault(row.shipment.pk, {"shipment": row.shipment, "rows": [], "value": ZERO})
        group["rows"].append(row)
        group["value"] += row.value
    context = {
        "groups": list(groups.values()),
        "total": sum((row.value for row in rows), ZERO),
        "now": timezone.now(),
        "tab": "transit",
    }
    return render(request, "pharmacy/stock_transit.html", {**head(request), **context})


def _context(request: DeskRequest, found: StockDocument) -> dict[str, Any]:
    lines = list(found.lines.select_related("lot__drug", "detail", "lot_choice"))
    rows = [
        {
            "line": line,
            "value": line.quantity * line.lot.unit_cost,
            "note": getattr(line, "detail", None),
            "choice": getattr(line, "lot_choice", None),
        }
        for line in lines
    ]
    detail = getattr(found, "detail", None)
    reversal = StockDocument.objects.for_facility(found.facility).filter(reverses=found).first()
    is_shipment = found.kind == Kind.SHIPMENT
    return {
        **head(request),
        "document": found,
        "rows": rows,
        "total": sum((row["value"] for row in rows), ZERO),
        "detail": detail,
        "board": board_of(detail.board) if detail else (),
        "has_notes": any(row["note"] for row in rows),
        "reversal": reversal,
        "answers": list(found.answers.select_related("reversed_by").order_by("pk")),
        "transit": papers.in_transit(found.facility, shipment=found) if is_shipment else [],
        "papers": papers_of(found, [line.lot.drug for line in lines]),
        "dispense": getattr(found, "dispense", None) if found.kind == Kind.DISPENSE else None,
        "tab": "documents",
    }
