"""The cashier's desk, what moves money: collect, deposit, use and give back, void, and the QR code of a transfer."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.core.errors import PermissionRefused, Refusal
from his.printing.codes import qr_svg
from his.ui.text import money_text
from insurance.billing import ledger
from insurance.billing.approvals import get_request, request_refund
from insurance.billing.cash import collect, refund, take_deposit, use_deposits, void_entry
from insurance.billing.transfers import get_order, order_to_fill, request_transfer
from insurance.forms import CollectForm, RefundForm
from insurance.forms_cash import DepositForm, PayOutForm, VoidForm
from insurance.models import CashEntry
from insurance.views.cashier import act_on, visit_of
from patients.models import Visit

QUIET_PAPER = 4
"""The quiet zone that bank apps want around a code (NAPAS)."""


@require_POST
@requires("billing.collect")
def take(request: DeskRequest, pk: int) -> HttpResponse:
    """F9 on a closed visit: a receipt."""
    visit = visit_of(request, pk)
    form = CollectForm(request.POST)

    def act() -> str:
        entry = collect(visit=visit, actor=request.actor, at=timezone.now(), **form.cleaned_data)
        return f"Đã thu {money_text(entry.amount)} đ, phiếu {entry.number}{_change(form)}"

    return act_on(request, visit, "collect_form", form, act, order=order_to_fill(visit, CashEntry.Kind.RECEIPT))


@require_POST
@requires("billing.collect")
def deposit(request: DeskRequest, pk: int) -> HttpResponse:
    """A deposit of an open visit."""
    visit = visit_of(request, pk)
    form = DepositForm(request.POST)

    def act() -> str:
        entry = take_deposit(visit=visit, actor=request.actor, at=timezone.now(), **form.cleaned_data)
        return f"Đã thu tạm ứng {money_text(entry.amount)} đ, phiếu {entry.number}{_change(form)}"

    order = order_to_fill(visit, CashEntry.Kind.DEPOSIT)
    return act_on(request, visit, "deposit_form", form, act, depositing=True, order=order)


def _change(form: CollectForm) -> str:
    """What goes back of what was handed over, once more when the drawer is open."""
    return f"; trả lại khách {money_text(form.change)} đ" if form.change else ""


@require_POST
@requires("billing.collect")
def use(request: DeskRequest, pk: int) -> HttpResponse:
    """F9 on a closed visit whose deposits cover the bill."""
    visit = visit_of(request, pk)
    form = forms.Form(request.POST)

    def act() -> str:
        key = request.POST.get("idempotency_key", "")[:64]
        used = use_deposits(visit=visit, actor=request.actor, at=timezone.now(), idempotency_key=key)
        account = ledger.account_of(visit)
        rest = f", còn phải hoàn {money_text(account.held)} đ" if account.held else ""
        return f"Đã bù tạm ứng, phiếu {used.number}{rest}"

    return act_on(request, visit, "use_form", form, act)


@require_POST
@requires("billing.refund")
def give_back(request: DeskRequest, pk: int) -> HttpResponse:
    """A refund from one receipt, deposit or use of a deposit."""
    entry = ledger.get_entry(request.actor.facility, pk)
    form = RefundForm(request.POST, auto_id=f"id_{entry.pk}_%s")

    def act() -> str:
        given = refund(entry=entry, actor=request.actor, at=timezone.now(), **form.cleaned_data)
        return f"Đã hoàn {money_text(given.amount)} đ từ phiếu {entry.number}, phiếu hoàn {given.number}"

    return act_on(request, visit_of(request, entry.visit_id), "refund_form", form, act, refund_of=entry.pk)


@require_POST
@requires("billing.refund")
def ask(request: DeskRequest, pk: int) -> HttpResponse:
    """Ask a second person for the refund that stands in the form."""
    entry = ledger.get_entry(request.actor.facility, pk)
    form = RefundForm(request.POST, auto_id=f"id_{entry.pk}_%s")

    def act() -> str:
        row = request_refund(entry=entry, actor=request.actor, at=timezone.now(), **form.cleaned_data)
        return f"Đã gửi đề nghị hoàn {money_text(row.amount)} đ từ phiếu {entry.number}, chờ duyệt"

    return act_on(request, visit_of(request, entry.visit_id), "refund_form", form, act, refund_of=entry.pk)


@require_POST
@requires("billing.refund")
def pay_out(request: DeskRequest, pk: int) -> HttpResponse:
    """Pay out a refund that a second person approved."""
    approved = get_request(request.actor.facility, pk)
    form = PayOutForm({**request.POST.dict(), "request": pk})

    def act() -> str:
        given = refund(
            entry=approved.entry,
            amount=approved.amount,
            reason=approved.reason,
            request=approved,
            actor=request.actor,
            at=timezone.now(),
            idempotency_key=form.cleaned_data["idempotency_key"],
        )
        return f"Đã hoàn {money_text(given.amount)} đ từ phiếu {approved.entry.number}, phiếu hoàn {given.number}"

    return act_on(request, visit_of(request, approved.entry.visit_id), "pay_out_form", form, act)


@require_POST
@requires("billing.void")
def void(request: DeskRequest, pk: int) -> HttpResponse:
    """Void one's own paper of this drawer."""
    entry = ledger.get_entry(request.actor.facility, pk)
    form = VoidForm(request.POST, auto_id=f"id_{entry.pk}_void_%s")

    def act() -> str:
        row = void_entry(entry=entry, actor=request.actor, at=timezone.now(), **form.cleaned_data)
        return f"Đã hủy phiếu {entry.number}, phiếu hủy {row.number}"

    return act_on(request, visit_of(request, entry.visit_id), "void_form", form, act, void_of=entry.pk)


@require_POST
@requires("billing.collect")
def transfer(request: DeskRequest, pk: int) -> HttpResponse:
    """What a chosen way of paying asks for: the QR code with the amount due, and the bank's number."""
    visit = visit_of(request, pk)
    is_deposit = visit.state != Visit.State.CLOSED
    form = DepositForm(request.POST) if is_deposit else CollectForm(request.POST)
    form.is_valid()
    context: dict[str, Any] = {
        "method": request.POST.get("method"),
        "money_form": form.__class__(initial=request.POST.dict()),
    }
    if context["method"] == CashEntry.Method.TRANSFER:
        try:
            amount = form.cleaned_data.get("amount") if is_deposit else None
            context["order"] = request_transfer(visit=visit, deposit=amount, actor=request.actor, at=timezone.now())
        except PermissionRefused:
            raise
        except Refusal as refusal:
            context["problem"] = refusal.message_vi
    return render(request, "insurance/cashier_transfer.html", context)


@require_GET
@requires("billing.view")
def transfer_qr(request: DeskRequest, pk: int) -> HttpResponse:
    """The QR code of an order, as a picture."""
    order = get_order(request.actor.facility, pk)
    return HttpResponse(qr_svg(order.payload, quiet=QUIET_PAPER), content_type="image/svg+xml")
