"""Electronic invoices: the documents of a day with their states, one document with its chain, an invoice on request."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.core.dates import day_range, parse_day
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.ui.forms import add_refusal, render_refusal, saved, status_of
from his.ui.text import money_text
from insurance.billing.invoices import queries
from insurance.billing.invoices.profile import declare_invoices
from insurance.billing.invoices.queue import Sent, send_waiting
from insurance.billing.invoices.services import (
    Buyer,
    aggregate_day,
    allowed_methods,
    correct_buyer,
    correct_due,
    issue_invoice,
    mend_rejected,
    notify_error,
)
from insurance.billing.queries import get_visit
from insurance.forms_invoices import BuyerForm, CorrectForm, NoticeForm, ProfileForm
from insurance.models import Invoice
from patients.models import Visit

PAGE = 50
LIST, ONE, NEW, PROFILE = (
    f"insurance/{name}.html" for name in ("invoices", "invoice", "invoice_new", "invoice_profile")
)


@require_GET
@requires("billing.view")
def invoices(request: DeskRequest) -> HttpResponse:
    """The documents of a day, and what of its receipts is in none."""
    return render(request, LIST, _day_context(request, _day(request.GET.get("day", ""))))


@require_POST
@requires("billing.invoice")
def gather(request: DeskRequest) -> HttpResponse:
    """F9: corrections that are due, one invoice for the rest of the day, and off they go."""
    day, actor, now = _day(request.POST.get("day", "")), request.actor, timezone.now()
    try:
        due = correct_due(actor=actor, at=now)
        made = aggregate_day(day=day, actor=actor, at=now)
    except PermissionRefused:
        raise
    except Refusal as refusal:
        if refusal.code != "nothing_to_invoice" or not due:
            return render_refusal(request, refusal, LIST, _day_context(request, day))
        saved(request, f"Đã lập {len(due)} hóa đơn điều chỉnh, thay thế. {_said(_send(request))}")
    else:
        more = f" và {len(due)} hóa đơn điều chỉnh, thay thế" if due else ""
        saved(request, f"Đã lập hóa đơn tổng hợp {money_text(made.amount)} đ{more}. {_said(_send(request))}")
    return redirect(_list_url(day))


@require_POST
@requires("billing.invoice")
def send_all(request: DeskRequest) -> HttpResponse:
    """Send at once what waits, also what should wait longer; corrections that are due are made first."""
    correct_due(actor=request.actor, at=timezone.now())
    saved(request, _said(_send(request, is_forced=True)))
    return redirect(_list_url(_day(request.POST.get("day", ""))))


@require_GET
@requires("billing.view")
def show(request: DeskRequest, pk: int) -> HttpResponse:
    """One document: its lines, the receipts in it, its chain, and what can be done."""
    return render(request, ONE, _one_context(request, _invoice(request, pk)))


@require_POST
@requires("billing.correct_invoice")
def correct(request: DeskRequest, pk: int) -> HttpResponse:
    """Adjust or replace an invoice whose buyer's tax code is wrong."""
    invoice = _invoice(request, pk)
    form = CorrectForm(request.POST)

    def act() -> str:
        made = correct_buyer(
            invoice=invoice,
            method=form.cleaned_data["method"],
            buyer=form.buyer(),
            reason=form.cleaned_data["reason"],
            actor=request.actor,
            at=timezone.now(),
            idempotency_key=form.cleaned_data["idempotency_key"],
        )
        return f"Đã lập hóa đơn {made.get_relation_display().lower()}. {_said(_send(request))}"

    return _act(request, invoice, "correct_form", form, act)


@require_POST
@requires("billing.correct_invoice")
def notify(request: DeskRequest, pk: int) -> HttpResponse:
    """Tell the tax office of a wrong name or address."""
    invoice = _invoice(request, pk)
    form = NoticeForm(request.POST)

    def act() -> str:
        notify_error(invoice=invoice, actor=request.actor, at=timezone.now(), **form.cleaned_data)
        return f"Đã lập thông báo sai sót 04/SS. {_said(_send(request))}"

    return _act(request, invoice, "notice_form", form, act)


@require_POST
@requires("billing.invoice")
def mend(request: DeskRequest, pk: int) -> HttpResponse:
    """Put right a document that the provider refused, and send it again."""
    invoice = _invoice(request, pk)
    form = BuyerForm(request.POST, is_open=False)

    def act() -> str:
        mend_rejected(invoice=invoice, buyer=form.buyer(), actor=request.actor, at=timezone.now())
        return f"Đã sửa. {_said(_send(request))}"

    return _act(request, invoice, "mend_form", form, act)


@require_GET
@requires("billing.view")
def download(request: DeskRequest, pk: int) -> HttpResponse:
    """The XML of an issued document as the provider gave it."""
    invoice = _invoice(request, pk)
    if not invoice.document:
        raise Refusal("not_issued", "Hóa đơn chưa phát hành")
    answer = HttpResponse(invoice.document, content_type="application/xml; charset=utf-8")
    name = f"hoa-don-{invoice.profile.symbol}-{invoice.number}.xml"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_http_methods(["GET", "POST"])
@requires("billing.invoice")
def for_visit(request: DeskRequest, pk: int) -> HttpResponse:
    """An invoice on request for what a visit has paid."""
    visit = get_visit(request.actor.facility, pk)
    if request.method == "GET":
        return render(request, NEW, _new_context(request, visit, BuyerForm(initial=_patient(visit))))
    form = BuyerForm(request.POST)
    if not form.is_valid():
        return render(request, NEW, _new_context(request, visit, form), status=422)
    key = form.cleaned_data["idempotency_key"]
    try:
        made = issue_invoice(
            visit=visit, buyer=form.buyer(), actor=request.actor, at=timezone.now(), idempotency_key=key
        )
    except (NotFound, PermissionRefused):
        raise
    except Refusal as refusal:
        return render_refusal(request, refusal, NEW, _new_context(request, visit, form), form=form)
    saved(request, f"Đã lập hóa đơn {money_text(made.amount)} đ. {_said(_send(request))}")
    return redirect("invoice", made.pk)


@require_http_methods(["GET", "POST"])
@requires("billing.settings")
def declare(request: DeskRequest) -> HttpResponse:
    """What the facility declares about its invoices, from a day on."""
    facility = request.actor.facility
    held = queries.profile_on(facility, timezone.localdate())
    if request.method == "GET":
        known = ("seller_name", "seller_address", "tax_code", "form_no", "symbol", "vat_code", "provider")
        initial = (
            {name: getattr(held, name) for name in known}
            if held
            else {
                "seller_name": facility.name,
                "seller_address": facility.address,
            }
        )
        form = ProfileForm(initial={**initial, "since": timezone.localdate()})
        return render(request, PROFILE, {"form": form, "held": held})
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return render(request, PROFILE, {"form": form, "held": held}, status=422)
    try:
        made = declare_invoices(**form.cleaned_data, actor=request.actor, at=timezone.now())
    except PermissionRefused:
        raise
    except Refusal as refusal:
        return render_refusal(request, refusal, PROFILE, {"held": held}, form=form)
    saved(request, f"Đã khai báo hóa đơn ký hiệu {made.symbol} từ {made.valid_from:%d/%m/%Y}")
    return redirect("invoices")


def _act(request: DeskRequest, invoice: Invoice, name: str, form: forms.Form, act: Callable[[], str]) -> HttpResponse:
    """Run the service of a form: its message over the document, or the form with the error beside its field."""
    status, heard = 422, None
    if form.is_valid():
        try:
            saved(request, act())
        except (NotFound, PermissionRefused):
            raise
        except Refusal as refusal:
            add_refusal(form, refusal)
            status, heard = status_of(refusal), refusal
        else:
            return redirect("invoice", invoice.pk)
    context = {**_one_context(request, invoice), name: form, "form": form, "refusal": heard, "open": name}
    return render(request, ONE, context, status=status)


# What the pages show


def _day_context(request: DeskRequest, day: date) -> dict[str, Any]:
    facility, actor = request.actor.facility, request.actor
    page = Paginator(queries.invoices_of_day(facility, day), PAGE).get_page(request.GET.get("page"))
    first = queries.first_open_day(facility)
    return {
        "day": day,
        "day_q": f"{day:%d%m%Y}",
        "page": page,
        "balance": queries.day_balance(facility, day),
        "open_count": len(queries.to_invoice(facility, day=day)),
        "due": queries.corrections_due(facility),
        "earlier": first if first is not None and first < day else None,
        "earlier_q": f"{first:%d%m%Y}" if first is not None else "",
        "waiting": queries.waiting(facility).count(),
        "rejected": Invoice.objects.for_facility(facility).filter(state=Invoice.State.REJECTED).order_by("pk"),
        "profile": queries.profile_on(facility, day),
        "may_invoice": actor.may("billing.invoice"),
        "may_declare": actor.may("billing.settings"),
    }


def _one_context(request: DeskRequest, invoice: Invoice) -> dict[str, Any]:
    actor = request.actor
    invoice = _invoice(request, invoice.pk)
    chain = queries.chain_of(invoice)
    is_done = chain.latest.state == Invoice.State.ISSUED and invoice.pk == chain.current.pk
    values = {name: getattr(chain.latest, name) for name in Buyer.__dataclass_fields__}
    methods = allowed_methods(chain)
    return {
        "invoice": invoice,
        "chain": chain,
        "lines": invoice.lines.all(),
        "held": Paginator(invoice.entries.select_related("entry__visit__patient").order_by("pk"), PAGE).get_page(
            request.GET.get("page")
        ),
        "notices": invoice.notices.select_related("made_by").order_by("pk"),
        "may_correct": actor.may("billing.correct_invoice") and is_done,
        "is_single": invoice.kind == Invoice.Kind.SINGLE,
        "may_mend": actor.may("billing.invoice") and invoice.state == Invoice.State.REJECTED,
        "may_invoice": actor.may("billing.invoice"),
        "correct_form": CorrectForm(
            initial={**values, "method": methods[0], "idempotency_key": uuid4().hex}, methods=methods
        ),
        "notice_form": NoticeForm(),
        "mend_form": BuyerForm(initial=values, is_open=False),
    }


def _new_context(request: DeskRequest, visit: Visit, form: BuyerForm) -> dict[str, Any]:
    entries = queries.to_invoice(request.actor.facility, visit=visit)
    receipts = queries.net_by_receipt(entries)
    return {
        "visit": visit,
        "form": form,
        "receipts": receipts,
        "total": sum(left for _, left in receipts),
        "made": Invoice.objects.for_facility(request.actor.facility).filter(visit=visit).select_related("profile"),
        "profile": queries.profile_on(request.actor.facility, timezone.localdate()),
    }


def _patient(visit: Visit) -> dict[str, str]:
    patient = visit.patient
    citizen = patient.citizen_id if len(patient.citizen_id) == 12 else ""
    return {
        "buyer_name": patient.full_name,
        "buyer_citizen_id": citizen,
        "buyer_address": patient.address,
        "idempotency_key": uuid4().hex,
    }


def _invoice(request: DeskRequest, pk: int) -> Invoice:
    return queries.get_invoice(request.actor.facility, pk)


def _send(request: DeskRequest, *, is_forced: bool = False) -> Sent:
    return send_waiting(actor=request.actor, at=timezone.now(), is_forced=is_forced)


def _said(sent: Sent) -> str:
    """What became of the queue, in words."""
    parts = [f"Đã phát hành {sent.issued}"] if sent.issued else []
    parts += [f"{sent.rejected} bị từ chối"] if sent.rejected else []
    parts += [f"{sent.left} còn chờ"] if sent.left else []
    words = ", ".join(parts) or "Không có hóa đơn nào chờ gửi"
    return (
        f"{words}. {sent.problem}; hóa đơn sẽ được gửi lại, việc thu tiền không bị ảnh hưởng" if sent.problem else words
    )


def _list_url(day: date) -> str:
    return f"{reverse('invoices')}?day={day:%d%m%Y}"


def _day(text: str) -> date:
    try:
        day = parse_day(text)
        day_range(day)
    except (ValueError, OverflowError):
        return timezone.localdate()
    return day
