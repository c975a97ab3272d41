"""The cash office (sổ quỹ): the day and its closing, refunds to decide, hand-overs, lists, what the facility sets."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.core.dates import day_range, parse_day
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.core.money import ZERO
from his.ui.forms import render_refusal, saved
from his.ui.text import day_text, money_text
from insurance.billing import ledger
from insurance.billing.approvals import decide_refund, get_request, open_requests
from insurance.billing.books import book_uses
from insurance.billing.cash_rules import bank_account_on, rules_on, set_bank_account, set_cash_rules
from insurance.billing.drawers import close_day, receive_drawer
from insurance.billing.transfers import transfer_rows
from insurance.forms_cash import BankAccountForm, CashRulesForm, CloseDayForm, DecideForm, ReceiveForm
from insurance.models import CashEntry, CashSession

PAGE = 50
DAY, SETTINGS = "insurance/cash_day.html", "insurance/cash_settings.html"
REFUNDS, HANDOVER = "insurance/cash_refunds.html", "insurance/cash_handover.html"


@require_http_methods(["GET", "POST"])
@requires("billing.close_day")
def day(request: DeskRequest) -> HttpResponse:
    """One day: its drawers and sums; F9 closes it for good."""
    if request.method == "GET":
        return render(request, DAY, _day(request, asked_day(request)))
    form = CloseDayForm(request.POST)
    shown = form.cleaned_data["day"] if form.is_valid() else asked_day(request)

    def act() -> str:
        row = close_day(actor=request.actor, at=timezone.now(), **form.cleaned_data)
        return f"Đã khóa sổ ngày {day_text(row.day)}, {row.entry_count} phiếu"

    return _office(request, form, act, DAY, lambda: _day(request, shown), f"?day={shown:%d%m%Y}")


@require_GET
@requires("billing.view")
def refunds(request: DeskRequest) -> HttpResponse:
    """Refunds that wait for a decision or for the money."""
    return render(request, REFUNDS, _refunds(request))


@require_POST
@requires("billing.approve")
def decide(request: DeskRequest, pk: int) -> HttpResponse:
    """Approve or decline a refund."""
    asked = get_request(request.actor.facility, pk)
    form = DecideForm(request.POST, auto_id=f"id_{pk}_%s")

    def act() -> str:
        yes = form.cleaned_data["decision"] == "approve"
        note = form.cleaned_data["note"]
        decide_refund(request=asked, is_approved=yes, note=note, actor=request.actor, at=timezone.now())
        return f"{'Đã duyệt' if yes else 'Không duyệt'} hoàn {money_text(asked.amount)} đ, phiếu {asked.entry.number}"

    return _office(request, form, act, REFUNDS, lambda: {**_refunds(request), "decided": pk})


@require_GET
@requires("billing.receive")
def handover(request: DeskRequest) -> HttpResponse:
    """Counted drawers whose money nobody has taken over."""
    return render(request, HANDOVER, _handover(request))


@require_POST
@requires("billing.receive")
def receive(request: DeskRequest, pk: int) -> HttpResponse:
    """Take over the money of one drawer."""
    session: CashSession | None = CashSession.objects.for_facility(request.actor.facility).filter(pk=pk).first()
    if session is None:
        raise NotFound("Không tìm thấy ca thu")
    form = ReceiveForm(request.POST, auto_id=f"id_{pk}_%s")

    def act() -> str:
        row = receive_drawer(session=session, actor=request.actor, at=timezone.now(), **form.cleaned_data)
        return f"Đã nhận bàn giao {money_text(row.received_amount or ZERO)} đ từ {row.cashier.display_name}"

    return _office(request, form, act, HANDOVER, lambda: {**_handover(request), "taken": pk})


@require_GET
@requires("billing.view")
def deposits(request: DeskRequest) -> HttpResponse:
    """Deposits that are held (R6), the oldest first."""
    rows = ledger.held_deposits(request.actor.facility)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    total = ledger.held_total(request.actor.facility)
    return render(request, "insurance/cash_deposits.html", {"page": page, "total": total, "tab": "deposits"})


@require_GET
@requires("billing.view")
def transfers(request: DeskRequest) -> HttpResponse:
    """Transfers of a day against the codes that asked for them (R10)."""
    on = asked_day(request)
    rows = transfer_rows(request.actor.facility, on)
    total = sum((row.entry.amount for row in rows if row.entry and not row.is_voided), ZERO)
    context = {"day": on, "rows": rows, "total": total, "tab": "transfers"}
    return render(request, "insurance/cash_transfers.html", context)


@require_GET
@requires("billing.view")
def books(request: DeskRequest) -> HttpResponse:
    """How far the books of this year are used (R7)."""
    kinds = {kind: CashEntry.Kind(kind).label for kind in CashEntry.Kind.values}
    labels = {effect.prefix: kinds[kind] for kind, effect in ledger.EFFECTS.items()}
    rows = [(labels[use.book.series[:2]], use) for use in book_uses(request.actor.facility, timezone.localdate().year)]
    return render(request, "insurance/cash_books.html", {"rows": rows, "tab": "books"})


@require_http_methods(["GET", "POST"])
@requires("billing.settings")
def settings(request: DeskRequest) -> HttpResponse:
    """The bank account and the rules of the desk, each from a day on."""
    if request.method == "GET":
        return render(request, SETTINGS, _settings(request))
    is_bank = request.POST.get("what") == "bank"
    form = BankAccountForm(request.POST) if is_bank else CashRulesForm(request.POST)

    def act() -> str:
        if is_bank:
            row = set_bank_account(actor=request.actor, **form.cleaned_data)
            return f"Tài khoản {row.number} nhận chuyển khoản từ {day_text(row.valid_from)}"
        rules = set_cash_rules(actor=request.actor, **form.cleaned_data)
        return f"Quy định thu ngân áp dụng từ {day_text(rules.valid_from)}"

    name = "bank_form" if is_bank else "rules_form"
    return _office(request, form, act, SETTINGS, lambda: {**_settings(request), name: form})


def _office(
    request: DeskRequest,
    form: forms.Form,
    act: Callable[[], str],
    template: str,
    context: Callable[[], dict[str, Any]],
    query: str = "",
) -> HttpResponse:
    """Run the service of a form and show the page again, with its message or with the error beside the field."""
    if not form.is_valid():
        return render(request, template, {**context(), "form": form}, status=422)
    try:
        saved(request, act())
    except (NotFound, PermissionRefused):
        raise
    except Refusal as refusal:
        return render_refusal(request, refusal, template, context(), form=form)
    return redirect(reverse(_HOME[template]) + query)


_HOME = {DAY: "cash-day", SETTINGS: "cash-settings", REFUNDS: "cash-refunds", HANDOVER: "cash-handover"}


def _day(request: DeskRequest, on: date) -> dict[str, Any]:
    facility = request.actor.facility
    sums, closed = ledger.totals(ledger.entries_on(facility, on)), ledger.closed_day(facility, on)
    sessions = ledger.sessions_of_day(facility, on)
    for session in sessions:
        session.due_amount = session.expected_amount if session.closed_at else ledger.expected_cash(session)  # type: ignore[attr-defined]
    return {
        "tab": "day",
        "day": on,
        "day_q": f"{on:%d%m%Y}",
        "closed": closed,
        "sums": sums,
        "methods": ledger.method_totals(sums),
        "paid": sum((ledger.EFFECTS[row.kind].paid * row.amount for row in sums), ZERO),
        "held": ledger.held_total(facility, until=day_range(on)[1]),
        "sessions": sessions,
        "is_open": any(session.closed_at is None for session in sessions),
        "is_to_come": on > timezone.localdate(),
        "is_today": on == timezone.localdate(),
        "day_form": CloseDayForm(initial={"day": on}),
    }


def _refunds(request: DeskRequest) -> dict[str, Any]:
    may, rows = request.actor.may("billing.approve"), list(open_requests(request.actor.facility))
    for row in rows:
        row.is_own = row.asked_by_id == request.actor.user.pk  # type: ignore[attr-defined]
    return {"tab": "refunds", "rows": rows, "may_approve": may}


def _handover(request: DeskRequest) -> dict[str, Any]:
    rows = ledger.sessions_to_receive(request.actor.facility, request.actor.user.pk)
    return {"tab": "handover", "rows": rows}


def _settings(request: DeskRequest) -> dict[str, Any]:
    today, facility = timezone.localdate(), request.actor.facility
    rules, account = rules_on(facility, today), bank_account_on(facility, today)
    now = {"since": today}
    known = {f: getattr(account, f) for f in ("bank_bin", "bank_name", "number", "holder")} if account else {}
    known |= {"content_prefix": account.prefix} if account else {}
    figures = {"refund_limit": rules.refund_limit, "book_size": rules.book_size}
    return {
        "tab": "settings",
        "rules": rules if rules.pk else None,
        "account": account,
        "rules_form": CashRulesForm(initial={**now, **figures}, auto_id="id_rules_%s"),
        "bank_form": BankAccountForm(initial={**now, **known}, auto_id="id_bank_%s"),
    }


def asked_day(request: HttpRequest) -> date:
    """The day that the address asks for; today when it asks for none, or for no real one."""
    try:
        found = parse_day(request.GET.get("day") or "")
        day_range(found)
    except (ValueError, OverflowError):
        return timezone.localdate()
    return found
