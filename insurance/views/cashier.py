"""The cashier's desk (viện phí): who waits, what it costs and why, F9 closes, F9 collects, F10 prints."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.accounts.models import Facility
from his.core.codes import row_id
from his.core.dates import age_text, local
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.core.money import ZERO
from his.ui.forms import add_refusal, render_refusal, saved, status_of
from his.ui.text import day_text, money_text
from insurance import hooks
from insurance.billing import ledger, queries
from insurance.billing.charges import untold
from insurance.billing.closing import claim_notices, close_visit, rehearse, reopen_visit
from insurance.billing.fee_waivers import cancel_waiver, grant_waiver
from insurance.billing.search import find_visits
from insurance.billing.self_pay import choose_self_pay, withdraw_self_pay
from insurance.forms import CloseForm, OpenSessionForm, ReasonForm
from insurance.forms_charges import CancelWaiverForm
from insurance.views.cashier_entries import money_context
from insurance.views.fee_waivers import waiver_context, waiver_form
from insurance.views.self_pay import self_pay_context, self_pay_form
from insurance.views.split_view import shown_split
from patients.models import QueueTicket, Visit
from patients.notices import limited

TEMPLATE = "insurance/cashier.html"
RECENT_DAYS = 31
"""Closed visits that are not level stay on the desk's list for a month; then they are old debts."""

_RIGHTS = ("close", "collect", "refund", "reopen", "void", "invoice")


@require_GET
@requires("billing.view")
def desk(request: DeskRequest) -> HttpResponse:
    """The desk with nobody in front of it."""
    return render(request, TEMPLATE, _context(request))


@require_GET
@requires("billing.view")
def waiting(request: DeskRequest) -> HttpResponse:
    """The list on the left, for polling: 204 when it is as it was."""
    context = _waiting(request.actor.facility, row_id(request.GET.get("current", "")))
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "insurance/cashier_list.html", context)


@require_POST
@requires("billing.view")
def find(request: DeskRequest) -> HttpResponse:
    """What was scanned or typed: one visit opens, several are offered, none is said."""
    text = request.POST.get("text", "").replace("\x00", "").strip()[:2000]
    found = find_visits(request.actor.facility, text, on=timezone.localdate()) if text else []
    if len(found) == 1:
        return redirect("cashier-visit", found[0].pk)
    context = {**_context(request), "found": found, "text": text}
    if found:
        return render(request, TEMPLATE, context)
    message = "Không có lượt khám nào khớp với nội dung vừa quét hoặc gõ" if text else "Chưa có gì để tìm"
    return render_refusal(request, Refusal("nothing_found", message, field="text"), TEMPLATE, context)


@require_GET
@requires("billing.view")
def open_visit(request: DeskRequest, pk: int) -> HttpResponse:
    """One visit: the split line by line, its account, its receipts."""
    return render(request, TEMPLATE, _context(request, visit_of(request, pk)))


@require_GET
@requires("billing.view")
def checks(request: DeskRequest, pk: int) -> HttpResponse:
    """What the rules find in the claim of the visit, and which desk can mend it; asked after the page is there."""
    found = claim_notices(visit_of(request, pk), timezone.now())
    return render(request, "insurance/cashier_checks.html", {"notices": limited(found) if found else None})


@require_GET
@requires("billing.view")
def filed(request: DeskRequest, pk: int) -> HttpResponse:
    """The filed reports that a closed visit stands in; of an open one, what closing it now changes in those of its day.

    Closing is rehearsed only where some report of that day was filed: hardly ever at the desk of the day.
    """
    visit = visit_of(request, pk)
    is_closed, at = visit.state == Visit.State.CLOSED, timezone.now()
    found: list[hooks.FiledReport] | None = hooks.filed_reports(visit, False)
    if is_closed:
        found = [report for report in found or () if report.is_counted]
    elif found:
        found = rehearse(visit, request.actor, at, lambda: hooks.filed_reports(visit, True))
    stays = hooks.filed_month(visit) if is_closed else None
    moves = is_closed and stays is None and visit.claim_month != timezone.localdate().replace(day=1)
    context = {"reports": found, "visit": visit, "is_closed": is_closed, "moves": moves, "stays": stays, "today": at}
    context["may_open"] = request.actor.may("reports.view")
    return render(request, "insurance/cashier_filed.html", context)


@require_POST
@requires("billing.close")
def close(request: DeskRequest, pk: int) -> HttpResponse:
    """F9 on an examined visit: store the split."""
    visit = visit_of(request, pk)
    form = CloseForm(request.POST)

    def act() -> str:
        result = close_visit(visit=visit, actor=request.actor, at=timezone.now(), **form.cleaned_data)
        payable = ledger.payable_amount(result)
        return f"Đã chốt chi phí, người bệnh trả {money_text(payable)} đ" if payable else "Đã chốt, không phải trả tiền"

    return act_on(request, visit, "close_form", form, act)


@require_POST
@requires("billing.reopen")
def reopen(request: DeskRequest, pk: int) -> HttpResponse:
    """Open a closed visit for a correction."""
    visit = visit_of(request, pk)
    form = ReasonForm(request.POST)

    def act() -> str:
        reopen_visit(visit=visit, reason=form.cleaned_data["reason"], actor=request.actor, at=timezone.now())
        return "Đã mở lại lượt khám; hồ sơ BHYT cũ không còn hiệu lực, hãy chốt lại sau khi sửa"

    return act_on(request, visit, "reopen_form", form, act)


@require_POST
@requires("billing.close")
def pay_alone(request: DeskRequest, pk: int) -> HttpResponse:
    """Move one thing of an open visit to self-pay."""
    visit = visit_of(request, pk)
    form = self_pay_form(visit, request.POST)

    def act() -> str:
        row = choose_self_pay(visit=visit, actor=request.actor, at=timezone.now(), **form.chosen())
        return f"{row.name}: người bệnh tự trả"

    return act_on(request, visit, "self_pay_form", form, act, choosing=True)


@require_POST
@requires("billing.close")
def pay_by_fund(request: DeskRequest, pk: int) -> HttpResponse:
    """Take such a wish back."""
    row = queries.get_choice(request.actor.facility, pk)

    def act() -> str:
        withdraw_self_pay(choice=row, actor=request.actor, at=timezone.now())
        return f"{row.name}: tính BHYT trở lại"

    return act_on(request, visit_of(request, row.visit_id), "withdraw_form", forms.Form(request.POST), act)


@require_POST
@requires("billing.waive")
def waive(request: DeskRequest, pk: int) -> HttpResponse:
    """Waive a part of what the patient pays."""
    visit = visit_of(request, pk)
    form = waiver_form(visit, request.POST)
    if form is None:
        raise NotFound("Lượt khám chưa chốt chi phí")

    def act() -> str:
        row = grant_waiver(visit=visit, actor=request.actor, at=timezone.now(), **form.given())
        return f"Đã miễn giảm {money_text(row.amount)} đ"

    return act_on(request, visit, "fee_waiver_form", form, act, waiving=True)


@require_POST
@requires("billing.waive")
def cancel_waived(request: DeskRequest, pk: int) -> HttpResponse:
    """Take one waiver back."""
    row = queries.get_waiver(request.actor.facility, pk)
    form = CancelWaiverForm(request.POST)

    def act() -> str:
        reason = form.cleaned_data["cancel_reason"]
        cancel_waiver(waiver=row, reason=reason, actor=request.actor, at=timezone.now())
        return f"Đã hủy miễn giảm {money_text(row.amount)} đ"

    return act_on(request, visit_of(request, row.visit_id), "cancel_waiver_form", form, act, cancel_of=row.pk)


def act_on(
    request: DeskRequest, visit: Visit, name: str, form: forms.Form, act: Callable[[], str], **more: Any
) -> HttpResponse:
    """Run the service of a form: its message over the visit, or the form with the error beside its field."""
    if form.is_valid():
        try:
            saved(request, act())
        except (NotFound, PermissionRefused):
            raise
        except Refusal as refusal:
            add_refusal(form, refusal)
            status, heard = status_of(refusal), refusal
        else:
            return redirect("cashier-visit", visit.pk)
    else:
        status, heard = 422, None
    fresh = visit_of(request, visit.pk)  # another desk may have changed it meanwhile
    context = {**_context(request, fresh), name: form, "form": form, "refusal": heard, **more}
    return render(request, TEMPLATE, context, status=status)


# What the page shows


def visit_of(request: DeskRequest, pk: int) -> Visit:
    return queries.get_visit(request.actor.facility, pk)


def _context(request: DeskRequest, visit: Visit | None = None) -> dict[str, Any]:
    actor = request.actor
    list_context = _waiting(actor.facility, visit.pk if visit else None)
    session = ledger.open_session_of(actor.facility, actor.user.pk) if actor.may("billing.collect") else None
    context: dict[str, Any] = {
        **list_context,
        "next": _next(list_context["rows"], visit),
        "may": {name: actor.may(f"billing.{name}") for name in _RIGHTS},
        "session": session,
        "drawer": ledger.expected_cash(session) if session else ZERO,
    }
    if visit is not None:
        context |= _opened(request, visit)
        context |= self_pay_context(visit, context["split"], is_open="self_pay" in request.GET)
        context |= waiver_context(visit, actor, is_open="waive" in request.GET)
        context |= money_context(visit, actor, context, is_open="deposit" in request.GET)
        if session is None:
            context["session_form"] = OpenSessionForm(initial={"opening_float": ZERO, "back": visit.pk})
    return context


def _opened(request: DeskRequest, visit: Visit) -> dict[str, Any]:
    is_closed = visit.state == Visit.State.CLOSED
    split = shown_split(visit)
    blockers = [] if is_closed else queries.blockers(visit)
    dear = [] if is_closed else untold(visit, split.sources)
    return {
        "visit": visit,
        "strip": strip_of(visit),
        "is_closed": is_closed,
        "split": split,
        "blockers": [b for b in blockers if b.code != queries.NOT_DISPENSED],
        "asks_reason": any(b.code == queries.NOT_DISPENSED for b in blockers),
        "untold": dear,
        "can_close": visit.state == Visit.State.EXAMINED and not split.missing,
        "close_form": CloseForm(asks_told=bool(dear) and not {"self_pay", "deposit"} & set(request.GET)),
        "reopen_form": ReasonForm(),
    }


def strip_of(visit: Visit) -> dict[str, str]:
    """The patient as the strip above the work shows them."""
    patient, card = visit.patient, visit.card if visit.is_insured else None
    until = f" đến {day_text(card.valid_to)}" if card and card.valid_to else ""
    return {
        "full_name": patient.full_name,
        "code": patient.code,
        "birth_text": patient.birth.text(),
        "age_text": age_text(patient.born_on, local(visit.arrived_at).date(), patient.birth.precision),
        "sex_text": patient.get_sex_display(),
        "card_text": f"{card.number}{until}" if card else "",
        "rate_text": "" if card else "Tự trả",
        "allergy_text": patient.allergies,
        "visit_text": visit.claim_code,
    }


def _waiting(facility: Facility, current: int | None) -> dict[str, Any]:
    today = timezone.localdate()
    rows = queries.visits_to_settle(facility, since=_recent())
    rows.sort(key=lambda row: _ended(row.visit).date() < today)  # stable: who is here today comes before old accounts
    labels = _tickets(facility, [row.visit.pk for row in rows])
    for row in rows:
        row.visit.ticket_label = labels.get(row.visit.pk, "–")  # type: ignore[attr-defined]
        ended = _ended(row.visit)
        row.visit.when_text = f"{ended:%H:%M}" if ended.date() == today else f"{ended:%d/%m}"  # type: ignore[attr-defined]
    text = ",".join(f"{row.visit.pk}:{row.due}:{row.is_closed}:{row.is_waiting_for_drugs}" for row in rows)
    return {"rows": rows, "seen": hashlib.sha256(text.encode()).hexdigest()[:16], "current_pk": current}


def _ended(visit: Visit) -> datetime:
    return local(visit.ended_at or visit.arrived_at)


def _recent() -> date:
    return timezone.localdate() - timedelta(days=RECENT_DAYS)


def _tickets(facility: Facility, visit_ids: Sequence[int]) -> dict[int, str]:
    """The first queue number of each visit."""
    tickets = QueueTicket.objects.for_facility(facility).filter(visit_id__in=visit_ids).order_by("-issued_at", "-pk")
    return {ticket.visit_id: ticket.label for ticket in tickets}


def _next(rows: Sequence[queries.DueVisit], current: Visit | None) -> Visit | None:
    """The one after the open one, else the first; those who still wait for their drugs come last."""
    visits = [row.visit for row in sorted(rows, key=lambda row: row.is_waiting_for_drugs)]
    pks = [visit.pk for visit in visits]
    if current is not None and current.pk in pks:
        at = pks.index(current.pk)
        visits = visits[at + 1 :] + visits[:at]
    return visits[0] if visits else None


def visit_url(visit_id: int) -> str:
    """Where the cashier sees the visit."""
    return reverse("cashier-visit", args=[visit_id])
