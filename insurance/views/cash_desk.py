"""Around the cashier's desk: the drawer with its count, the receipts of a day, old debts."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.core.money import ZERO
from his.ui.forms import render_refusal, saved
from his.ui.text import money_text
from insurance.billing import ledger
from insurance.billing.drawers import close_session, open_session
from insurance.billing.effects import cash_of
from insurance.forms import CountForm, OpenSessionForm
from insurance.models import CashSession
from insurance.views.cash_office import asked_day

PAGE = 50
SESSION = "insurance/cash_session.html"


@require_http_methods(["GET", "POST"])
@requires("billing.collect")
def session(request: DeskRequest) -> HttpResponse:
    """The drawer: open it, see what it should hold, count it."""
    if request.method == "GET":
        return render(request, SESSION, _drawer(request))
    form = OpenSessionForm(request.POST)
    if not form.is_valid():
        return render(request, SESSION, {**_drawer(request), "open_form": form, "form": form}, status=422)
    try:
        opened = open_session(opening_float=form.cleaned_data["opening_float"], actor=request.actor, at=timezone.now())
    except PermissionRefused:
        raise
    except Refusal as refusal:
        context = {**_drawer(request), "open_form": form}
        return render_refusal(request, refusal, SESSION, context, form=form)
    saved(request, f"Đã mở ca thu, tiền đầu ca {money_text(opened.opening_float)} đ")
    back = form.cleaned_data["back"]
    return redirect("cashier-visit", back) if back and back > 0 else redirect("cashier")


@require_POST
@requires("billing.collect")
def count(request: DeskRequest, pk: int) -> HttpResponse:
    """What the typed notes come to, while they are typed."""
    drawer = _session(request, pk)
    form = CountForm(request.POST)
    form.is_valid()
    return render(request, "insurance/cash_count.html", _counted(drawer, form))


@require_POST
@requires("billing.collect")
def close(request: DeskRequest, pk: int) -> HttpResponse:
    """Close the drawer with its notes; a difference needs a reason."""
    drawer = _session(request, pk)
    form = CountForm(request.POST)
    if not form.is_valid():
        return render(request, SESSION, {**_drawer(request, form), "form": form}, status=422)
    try:
        done = close_session(
            session=drawer,
            denominations=form.notes(),
            note=form.cleaned_data["note"],
            actor=request.actor,
            at=timezone.now(),
        )
    except (NotFound, PermissionRefused):
        raise
    except Refusal as refusal:
        return render_refusal(request, refusal, SESSION, _drawer(request, form), form=form)
    saved(request, f"Đã chốt ca thu, đếm được {money_text(done.counted_amount or ZERO)} đ")
    return redirect("cashier-session")


@require_GET
@requires("billing.view")
def receipts(request: DeskRequest) -> HttpResponse:
    """Receipts and refunds of a day with their sums by method."""
    day = asked_day(request)
    rows = ledger.entries_on(request.actor.facility, day)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    for row in page:
        row.cash = cash_of(row)  # type: ignore[attr-defined]
    return render(
        request,
        "insurance/receipts.html",
        {"day": day, "day_q": f"{day:%d%m%Y}", "page": page, "sums": ledger.totals(rows)},
    )


@require_GET
@requires("billing.view")
def debts(request: DeskRequest) -> HttpResponse:
    """Every account that is not level, latest first."""
    rows = ledger.debts(request.actor.facility)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(request, "insurance/debts.html", {"page": page, "sums": ledger.debt_sums(request.actor.facility)})


def _session(request: DeskRequest, pk: int) -> CashSession:
    rows = CashSession.objects.for_facility(request.actor.facility).filter(cashier=request.actor.user)
    found: CashSession | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy ca thu của bạn")
    return found


def _drawer(request: DeskRequest, form: CountForm | None = None) -> dict[str, Any]:
    actor = request.actor
    drawer = ledger.open_session_of(actor.facility, actor.user.pk)
    context: dict[str, Any] = {"session": drawer, "last": ledger.last_session_of(actor.facility, actor.user.pk)}
    if drawer is None:
        return {**context, "open_form": OpenSessionForm()}
    count_form = form or CountForm()
    return {
        **context,
        "totals": ledger.session_totals(drawer),
        "count_form": count_form,
        **_counted(drawer, count_form),
    }


def _counted(drawer: CashSession, form: CountForm) -> dict[str, Any]:
    expected, counted = ledger.expected_cash(drawer), form.counted()
    return {
        "count_form": form,
        "expected": expected,
        "counted": counted,
        "difference": counted - expected,
        "shortfall": expected - counted,
    }
