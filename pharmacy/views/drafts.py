"""Papers being written: one form for every kind, saved as a draft at any time, posted by who has the right."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.catalogs.models import Drug
from his.catalogs.queries import item_on, search_items
from his.core.codes import row_id
from his.core.errors import NotFound, Refusal
from his.ui.forms import add_refusal, render_refusal, saved, status_of
from his.ui.text import decimal_text
from his.ui.typeahead import Option, answer
from pharmacy import queries_documents as papers
from pharmacy.forms_documents import BOARDS, LINES, BaseLines, ChosenLotForm, DraftForm, LineForm
from pharmacy.models import DRAFTED, Lot, LotBalance, StockDocument, StockDraft
from pharmacy.queries import balances, stores, usable_by_code
from pharmacy.services.drafts import (
    GOODS,
    POST_PERMISSIONS,
    DraftHead,
    DraftLine,
    discard_draft,
    post_draft,
    save_draft,
    start_draft,
)
from pharmacy.views.common import head, held_text
from pharmacy.views.drafts_fields import detail_typed, head_initial, line_initial, lot_text
from pharmacy.views.drafts_start import filled

Kind = StockDocument.Kind
PREFIX = "lines"
TEMPLATE = "pharmacy/stock_draft.html"

CHOICES = (
    (Kind.RECEIPT, "n", "add", "Hàng của nhà cung cấp: kiểm nhập, số lô, hạn dùng, đơn giá"),
    (Kind.TRANSFER, "c", "next", "Sang kho khác, ghi nhận ngay ở cả hai kho"),
    (Kind.SHIPMENT, "x", "send", "Sang kho khác, kho nhận xác nhận khi hàng đến"),
    (Kind.LOSS, "h", "minus", "Mất, hỏng, vỡ, có lý do"),
    (Kind.DESTRUCTION, "u", "trash", "Hủy trước hội đồng, có biên bản"),
    (Kind.OPENING, "t", "stock", "Số tồn khi bắt đầu dùng sổ kho"),
)


@require_GET
@requires("pharmacy.draft")
def choose(request: DeskRequest) -> HttpResponse:
    """Which paper is to be written."""
    choices = [(kind, kind.label, key, icon, hint) for kind, key, icon, hint in CHOICES]
    return render(request, "pharmacy/stock_new.html", {**head(request), "choices": choices, "tab": "new"})


@require_POST
@requires("pharmacy.draft")
def start(request: DeskRequest) -> HttpResponse:
    """Begin a draft, empty or filled from a lot, a shipment, a receipt or a request, and open it."""
    facility = request.actor.facility
    kind, now = request.POST.get("kind", ""), timezone.now()
    if kind not in DRAFTED:
        raise NotFound("Không có loại phiếu này")
    ids = {name: row_id(request.POST[name]) for name in ("lot", "origin", "request") if request.POST.get(name)}
    beginning = filled(facility, kind, ids, timezone.localdate())
    draft = start_draft(kind=kind, actor=request.actor, at=now, **beginning)
    return redirect("stock-draft", draft.pk)


@require_http_methods(["GET", "POST"])
@requires("pharmacy.draft")
def edit(request: DeskRequest, pk: int) -> HttpResponse:
    """The draft as it is, or saved as typed."""
    draft = papers.draft(request.actor.facility, pk)
    if request.method == "GET":
        if draft.state == StockDraft.State.POSTED and draft.document:
            return redirect("stock-document", draft.document.pk)
        lines = list(draft.lines.select_related("drug", "lot__drug"))
        form = DraftForm(draft=draft, facility=draft.facility, initial=head_initial(draft))
        formset = LINES[draft.kind](prefix=PREFIX, initial=[line_initial(line) for line in lines])
        return render(request, TEMPLATE, _context(request, draft, form, formset))
    return _typed(request, draft, _saved)


@require_POST
@requires("pharmacy.draft")
def post(request: DeskRequest, pk: int) -> HttpResponse:
    """Save what is typed and post it."""
    return _typed(request, papers.draft(request.actor.facility, pk), _posted)


@require_POST
@requires("pharmacy.draft")
def autosave(request: DeskRequest, pk: int) -> HttpResponse:
    """Keep what is typed so far, without a word; cells that cannot be read yet are kept empty."""
    draft = papers.draft(request.actor.facility, pk)
    form = DraftForm(request.POST, draft=draft, facility=draft.facility)
    formset = LINES[draft.kind](request.POST, prefix=PREFIX)
    form.is_valid()
    formset.is_valid()
    try:
        lines, _ = _lines(request, draft, formset)
        _save(request, draft, form, lines)
    except Refusal as refusal:
        return HttpResponse(refusal.message_vi, status=status_of(refusal), content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204)


@require_POST
@requires("pharmacy.draft")
def discard(request: DeskRequest, pk: int) -> HttpResponse:
    """Put the draft away."""
    draft = papers.draft(request.actor.facility, pk)
    discard_draft(draft=draft, actor=request.actor, at=timezone.now())
    saved(request, f"Đã bỏ {draft.get_kind_display().lower()} nháp")
    return redirect("stock-documents")


Act = Callable[[DeskRequest, StockDraft, DraftForm], HttpResponse]


def _typed(request: DeskRequest, draft: StockDraft, act: Act) -> HttpResponse:
    """Save what is typed, then act; whatever is wrong comes back beside its field with all that was typed."""
    form = DraftForm(request.POST, draft=draft, facility=draft.facility)
    formset = LINES[draft.kind](request.POST, prefix=PREFIX)
    context = _context(request, draft, form, formset)
    if not (form.is_valid() & formset.is_valid()):
        return render(request, TEMPLATE, context, status=422)
    try:
        lines, is_known = _lines(request, draft, formset)
        if not is_known:
            return render(request, TEMPLATE, context, status=422)
        _save(request, draft, form, lines)
        return act(request, draft, form)
    except Refusal as refusal:
        _beside(refusal, form, formset.typed())
        _show_reasons(context)
        context["ask"] = refusal.code == "unusual_receipt"
        context["ask_clock"] = refusal.field == "confirm_clock"
        return render_refusal(request, refusal, TEMPLATE, context)


def _saved(request: DeskRequest, draft: StockDraft, form: DraftForm) -> HttpResponse:
    saved(request, "Đã lưu nháp, chưa ghi sổ")
    return redirect("stock-draft", draft.pk)


def _posted(request: DeskRequest, draft: StockDraft, form: DraftForm) -> HttpResponse:
    document = post_draft(
        draft=draft,
        confirm_unusual=form.cleaned_data["confirm_unusual"],
        confirm_clock=form.cleaned_data["confirm_clock"],
        actor=request.actor,
        at=timezone.now(),
    )
    lines = document.lines.select_related("lot")
    total = sum((line.quantity * line.lot.unit_cost for line in lines), Decimal(0))
    amount = decimal_text(total.quantize(Decimal(1)))
    saved(request, f"Đã ghi sổ {document.number}: {len(lines)} dòng, {amount} đ{held_text(document)}")
    return redirect("stock-document", document.pk)


def _save(request: DeskRequest, draft: StockDraft, form: DraftForm, lines: list[DraftLine]) -> None:
    data = form.cleaned_data
    typed = DraftHead(
        store=data.get("store") or (draft.store if "store" not in form.fields else None),
        target_store=data.get("target_store"),
        supplier=data.get("supplier", ""),
        reason=data.get("reason", ""),
        detail=detail_typed(data, len(form.board)),
    )
    save_draft(draft=draft, head=typed, lines=lines, seen_at=_seen_at(request), actor=request.actor, at=timezone.now())


def _seen_at(request: DeskRequest) -> datetime | None:
    try:
        found = parse_datetime(request.POST.get("seen_at", ""))
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _lines(request: DeskRequest, draft: StockDraft, formset: BaseLines) -> tuple[list[DraftLine], bool]:
    """The typed rows, and whether every chosen drug and lot is known here."""
    facility, today = request.actor.facility, timezone.localdate()
    lots = _lots(request, formset) if draft.kind not in GOODS else {}
    found, is_known = [], True
    for row in formset.typed():
        data = getattr(row, "cleaned_data", {})
        code = str(data.get(row.main, ""))
        drug: Drug | None = None
        lot: Lot | None = None
        if code and draft.kind in GOODS:
            try:
                drug = item_on(facility, code, today)
            except Refusal as refusal:
                row.add_error("drug", refusal.message_vi)
                is_known = False
        elif code:
            lot = lots.get(code)
            if lot is None:
                row.add_error("lot", "Không tìm thấy lô này tại cơ sở")
                is_known = False
        plain = {name: data[name] for name in row.plain if data.get(name) is not None}
        typed = data.get("text", "") if drug is None and lot is None else ""
        found.append(DraftLine(drug=drug, lot=lot, typed=typed, **plain))
    return found, is_known


def _lots(request: DeskRequest, formset: BaseLines) -> dict[str, Lot]:
    codes = [str(getattr(row, "cleaned_data", {}).get("lot", "")) for row in formset.typed()]
    rows = Lot.objects.for_facility(request.actor.facility).select_related("drug")
    return {str(pk): lot for pk, lot in rows.in_bulk([row_id(code) for code in codes if code.isdigit()]).items()}


def _beside(refusal: Refusal, form: DraftForm, typed: list[LineForm]) -> None:
    """Put the message into the row it belongs to; warnings of unusual figures beside each of them."""
    for warning in refusal.facts.get("warnings", ()):
        typed[warning.position].add_error(warning.field, warning.message_vi)
    position = refusal.facts.get("position")
    if position is None and "lot_id" in refusal.facts:
        wanted = str(refusal.facts["lot_id"])
        position = next((at for at, row in enumerate(typed) if row.cleaned_data.get("lot") == wanted), None)
        refusal.field = "quantity"
    if position is not None:
        add_refusal(typed[position], refusal)
    elif refusal.field == "board" and form.board:
        form.add_error("name_0", refusal.message_vi)
    elif refusal.field in form.fields and refusal.field not in {"confirm_unusual", "confirm_clock"}:
        add_refusal(form, refusal)


def _context(request: DeskRequest, draft: StockDraft, form: DraftForm, formset: BaseLines) -> dict[str, Any]:
    permission = POST_PERMISSIONS[draft.kind]
    now = timezone.now()
    if draft.kind not in GOODS:
        _mark_left(draft, formset)
    context = {
        **head(request),
        "draft": draft,
        "form": form,
        "formset": formset,
        "columns": formset.empty_form,
        "board_title": BOARDS.get(draft.kind, ""),
        "is_goods": draft.kind in GOODS,
        "any_lot": draft.kind in (Kind.LOSS, Kind.DESTRUCTION, Kind.SUPPLIER_RETURN),
        "is_open": draft.state == StockDraft.State.OPEN,
        "seen_at": (request.POST.get("seen_at") or now.isoformat()),
        "may_post": request.actor.may(permission),
        "tab": "new",
    }
    _show_reasons(context)
    return context


def _show_reasons(context: dict[str, Any]) -> None:
    """Let the rows show their reason for the lot of which it is asked or was given; the others have an empty cell."""
    rows = [row for row in context["formset"].forms if isinstance(row, ChosenLotForm)]
    asked = [row for row in rows if row["lot_reason"].value() or row["lot_reason"].errors]
    if asked:
        context["columns"].asks_reason = True
    for row in rows:
        row.asks_reason, row.has_reasons = row in asked, bool(asked)


def _mark_left(draft: StockDraft, formset: BaseLines) -> None:
    """Say beside each chosen lot how much there is: on its way of a shipment, else in the store."""
    left: dict[str, Decimal] = {}
    if draft.origin is not None and draft.origin_is_shipment:
        left = {str(row.lot.pk): row.left for row in papers.in_transit(draft.facility, shipment=draft.origin)}
    elif draft.store is not None:
        held = balances(draft.facility).filter(store=draft.store, on_hand__gt=0)
        left = {str(row.lot_id): row.on_hand - row.reserved for row in held}
    for row in formset:
        chosen = str(row["lot"].value() or "")
        row.left = left.get(chosen) if chosen else None  # type: ignore[attr-defined]


@require_GET
@requires("pharmacy.draft")
def drug_options(request: DeskRequest) -> HttpResponse:
    """Drugs of the list as typed, with unit, what is usable now, and what the list knows of their purchase."""
    facility, today = request.actor.facility, timezone.localdate()
    found = search_items(facility, request.GET.get("q", "")[:100], on=today)
    usable = usable_by_code(facility, {drug.code for drug in found}, today)
    return answer(request, [_drug_option(drug, usable.get(drug.code, Decimal(0))) for drug in found])


def _drug_option(drug: Drug, usable: Decimal) -> Option:
    note = f"{drug.unit} · tồn {decimal_text(usable)}"
    filling = {"unit": drug.unit, "registration": drug.registration_no, "bid": drug.bid_info}
    return Option(code=drug.code, label=drug.label, note=note, data=filling)


@require_GET
@requires("pharmacy.draft")
def lot_options(request: DeskRequest) -> HttpResponse:
    """Lots of the chosen store as typed, first expired first; expired and blocked ones only where they may leave."""
    chosen = stores(request.actor.facility).filter(pk=row_id(request.GET.get("store") or "0")).first()
    if chosen is None:
        return answer(request, [])
    only_usable = request.GET.get("all") != "1"
    rows = papers.lots_in(chosen, request.GET.get("q", "")[:100], timezone.localdate(), only_usable=only_usable)
    return answer(request, [_lot_option(row) for row in rows], show_code=False)


def _lot_option(row: LotBalance) -> Option:
    lot = row.lot
    warn = "hết hạn" if lot.expires_on < timezone.localdate() else "đang khóa" if lot.is_blocked else ""
    left = decimal_text(row.on_hand - row.reserved)
    note = f"còn {left} {lot.drug.unit}"
    data = {"unit": lot.drug.unit, "left": left}
    return Option(code=str(lot.pk), label=lot_text(lot), note=note, data=data, warn=warn)
