"""Stock-takes: the list, opening one, how far one is, its differences, and how it ends."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.catalogs.models import ControlClass, ItemKind
from his.core.errors import NotFound, Refusal
from his.ui.forms import add_refusal, render_refusal, saved
from pharmacy.counting import FIRST_ROUND
from pharmacy.forms import ReasonForm
from pharmacy.forms_stocktake import (
    FIRST_MEMBERS,
    ChosenDrugFormSet,
    CountForm,
    MemberFormSet,
    ProposalForm,
    SheetForm,
)
from pharmacy.models import StockCount, StockCountLine
from pharmacy.printing.count_record import RECORDS, forms_of
from pharmacy.queries_stocktake import (
    CountedLine,
    counted_lines,
    counter_progress,
    counts,
    get_count,
    last_board,
    line_story,
    posted_documents,
    progress,
    sees_book,
    summary,
)
from pharmacy.services.stocktake import Member, explain, open_count
from pharmacy.services.stocktake_end import abandon_count, approve_count, post_count, return_count

PAGE = 100
SHOWS = (("all", "Tất cả"), ("todo", "Còn phải đếm"), ("different", "Chênh lệch"))
_NEW, _ONE, _LINE = "pharmacy/stocktake_new.html", "pharmacy/stocktake_one.html", "pharmacy/stocktake_line.html"
_STATES = {"all": None, "todo": {"uncounted", "recount"}, "different": {"different", "recount"}}


@require_GET
@requires("pharmacy.view")
def count_list(request: DeskRequest) -> HttpResponse:
    """Stock-takes, latest first."""
    page = Paginator(counts(request.actor.facility), 50).get_page(request.GET.get("page"))
    done = progress(list(page.object_list))
    rows = [{"count": row, "done": done.get(row.pk, (0, 0))} for row in page.object_list]
    context = {"page": page, "rows": rows, **head(request)}
    return render(request, "pharmacy/stocktake_list.html", context)


@require_http_methods(["GET", "POST"])
@requires("pharmacy.receive")
def count_new(request: DeskRequest) -> HttpResponse:
    """The empty form, or a stock-take to open."""
    facility = request.actor.facility
    if request.method == "GET":
        context = {
            "form": CountForm(facility=facility, initial={"idempotency_key": uuid4().hex}),
            "members": MemberFormSet(prefix="members", initial=_first_members(request)),
            "drugs": ChosenDrugFormSet(prefix="drugs"),
        }
        return render(request, _NEW, {**head(request), **context})
    form = CountForm(request.POST, facility=facility)
    members = MemberFormSet(request.POST, prefix="members")
    drugs = ChosenDrugFormSet(request.POST, prefix="drugs")
    context = {**head(request), "form": form, "members": members, "drugs": drugs}
    if not (form.is_valid() & members.is_valid() & drugs.is_valid()):
        return render(request, _NEW, context, status=422)
    scope, codes = form.scope
    if scope == StockCount.Scope.LIST:
        codes = [row.cleaned_data.get("drug", "") for row in drugs.forms if row not in drugs.deleted_forms]
    try:
        count = open_count(
            store=form.cleaned_data["store"],
            occasion=form.cleaned_data["occasion"],
            scope=scope,
            scope_codes=codes,
            is_blind=form.cleaned_data["is_blind"],
            members=[Member(**_member(row)) for row in members.typed()],
            actor=request.actor,
            at=timezone.now(),
            idempotency_key=form.cleaned_data["idempotency_key"],
        )
    except Refusal as refusal:
        refusal.field = "what" if refusal.field == "scope" else refusal.field
        return render_refusal(request, refusal, _NEW, context, form=form)
    saved(request, f"Đã mở đợt {count.number}, chốt sổ {count.lines.count()} lô của {count.store.name}")
    return redirect("stock-count", count.pk)


def _first_members(request: DeskRequest) -> list[dict[str, Any]]:
    """The people of the last stock-take; without one, five empty rows."""
    names = ("name", "title", "role", "is_counter")
    known = [{name: getattr(one, name) for name in names} for one in last_board(request.actor.facility)]
    return known or FIRST_MEMBERS


def _member(row: Any) -> dict[str, Any]:
    return {name: row.cleaned_data[name] for name in ("name", "title", "role", "is_counter")}


@require_GET
@requires("pharmacy.view")
def count_one(request: DeskRequest, pk: int) -> HttpResponse:
    """One stock-take: progress, lots, differences, and what may be done."""
    return render(request, _ONE, one_context(request, get_count(request.actor.facility, pk)))


@require_GET
@requires("pharmacy.view")
def count_line(request: DeskRequest, pk: int) -> HttpResponse:
    """One lot explained: its entries, and what moved since the snapshot."""
    line = _line(request, pk)
    context = {"line": line, "count": line.count, "sees_book": sees_book(line.count), "story": line_story(line)}
    return render(request, _LINE, {**head(request), **context})


@require_POST
@requires("pharmacy.receive")
def reasons(request: DeskRequest, pk: int) -> HttpResponse:
    """Store the reasons that were typed beside the differences."""
    count = get_count(request.actor.facility, pk)

    def act(_: dict[str, Any]) -> str:
        stored = 0
        for line in StockCountLine.objects.for_facility(request.actor.facility).filter(count=count):
            typed = request.POST.get(f"reason-{line.pk}")
            if typed is not None and typed.strip() != line.reason:
                explain(line=line, reason=typed, actor=request.actor, at=timezone.now())
                stored += 1
        return f"Đã lưu {stored} lý do chênh lệch"

    return _carry_out(request, count, forms.Form(request.POST), "", act)


@require_POST
@requires("pharmacy.approve_count")
def approve(request: DeskRequest, pk: int) -> HttpResponse:
    """Approve what was found."""
    count = get_count(request.actor.facility, pk)

    def act(data: dict[str, Any]) -> str:
        done = approve_count(count=count, proposal=data["proposal"], actor=request.actor, at=timezone.now())
        return f"Đã duyệt đợt {done.number}"

    return _carry_out(request, count, ProposalForm(request.POST), "proposal_form", act)


@require_POST
@requires("pharmacy.approve_count")
def give_back(request: DeskRequest, pk: int) -> HttpResponse:
    """Give it back to be counted again."""
    count = get_count(request.actor.facility, pk)

    def act(data: dict[str, Any]) -> str:
        done = return_count(count=count, reason=data["reason"], actor=request.actor, at=timezone.now())
        return f"Đã trả lại đợt {done.number} để đếm tiếp"

    return _carry_out(request, count, ReasonForm(request.POST, auto_id="id_return_%s"), "return_form", act)


@require_POST
@requires("pharmacy.receive")
def post(request: DeskRequest, pk: int) -> HttpResponse:
    """Bring the book to what was counted."""
    count = get_count(request.actor.facility, pk)

    def act(_: dict[str, Any]) -> str:
        done = post_count(count=count, actor=request.actor, at=timezone.now())
        made = [paper.number for paper in posted_documents(done)]
        return f"Đã ghi sổ đợt {done.number}: " + (f"phiếu {', '.join(made)}" if made else "sổ khớp, không cần phiếu")

    return _carry_out(request, count, forms.Form(request.POST), "", act)


@require_POST
@requires("pharmacy.receive")
def abandon(request: DeskRequest, pk: int) -> HttpResponse:
    """End it without touching the book."""
    count = get_count(request.actor.facility, pk)

    def act(data: dict[str, Any]) -> str:
        done = abandon_count(count=count, reason=data["reason"], actor=request.actor, at=timezone.now())
        return f"Đã hủy đợt {done.number}, sổ kho không đổi"

    return _carry_out(request, count, ReasonForm(request.POST, auto_id="id_abandon_%s"), "abandon_form", act)


def _carry_out(
    request: DeskRequest, count: StockCount, form: forms.Form, name: str, act: Callable[[dict[str, Any]], str]
) -> HttpResponse:
    """Do it and go back to the stock-take; refused, the page again with what was typed."""
    if not form.is_valid():
        return render(request, _ONE, {**one_context(request, count), name: form}, status=422)
    try:
        said = act(form.cleaned_data)
    except Refusal as refusal:
        if refusal.field in form.fields:
            add_refusal(form, refusal)
        return render_refusal(request, refusal, _ONE, {**one_context(request, count), name: form})
    saved(request, said)
    return redirect("stock-count", count.pk)


def head(request: DeskRequest) -> dict[str, Any]:
    """What every page of the desk shows."""
    return {
        "tab": "counts",
        "may_receive": request.actor.may("pharmacy.receive"),
        "may_approve": request.actor.may("pharmacy.approve_count"),
    }


def one_context(request: DeskRequest, count: StockCount) -> dict[str, Any]:
    """All of a stock-take's page."""
    lines = counted_lines(count)
    show = request.GET.get("show", "all")
    show = show if show in _STATES else "all"
    wanted = _STATES[show]
    shown = [one for one in lines if wanted is None or one.state in wanted]
    figures = summary(lines)
    is_counting, shows_book = count.state == StockCount.State.COUNTING, sees_book(count)
    page = Paginator(shown, PAGE).get_page(request.GET.get("page"))
    return {
        **head(request),
        "count": count,
        "scope": scope_text(count),
        "board": list(count.members.all()),
        "figures": figures,
        "counters": counter_progress(count),
        "rounds": recount_rounds(lines) if is_counting else [],
        "page": page,
        "show": show,
        "shows": SHOWS,
        "kept": f"show={show}&",
        "is_counting": is_counting,
        "is_ended": count.state in {StockCount.State.POSTED, StockCount.State.ABANDONED},
        "sees_book": shows_book,
        "uploads": count.uploads.select_related("uploaded_by")[:5],
        "documents": posted_documents(count),
        "records": [(code, RECORDS[code]) for code in forms_of(lines)] if shows_book else [],
        "sheet_form": SheetForm(),
        "proposal_form": ProposalForm(),
        "return_form": ReasonForm(auto_id="id_return_%s"),
        "abandon_form": ReasonForm(auto_id="id_abandon_%s"),
    }


def recount_rounds(lines: list[CountedLine]) -> list[tuple[int, int]]:
    """The rounds that are due after the first one, each with its number of lots."""
    due = [one.verdict.round for one in lines if one.state == "recount" and one.verdict.round > FIRST_ROUND]
    return [(round_no, due.count(round_no)) for round_no in sorted(set(due))]


def scope_text(count: StockCount) -> str:
    """What a stock-take covers, in words."""
    labels: dict[str, str] = {**dict(ItemKind.choices), **dict(ControlClass.choices)}
    codes = ", ".join(str(labels.get(code, code)) for code in count.scope_codes[:12])
    more = f" và {len(count.scope_codes) - 12} thuốc nữa" if len(count.scope_codes) > 12 else ""
    return f"{count.get_scope_display()}: {codes}{more}" if codes else count.get_scope_display()


def _line(request: DeskRequest, pk: int) -> StockCountLine:
    rows = StockCountLine.objects.for_facility(request.actor.facility)
    found: StockCountLine | None = rows.select_related("lot__drug", "count__store").filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy dòng kiểm kê tại cơ sở này")
    return found
