"""The dispensing window (quầy cấp phát): scan or call, look at the proposed lots, F9."""

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.accounts.confirming import confirmed_by
from his.accounts.models import User
from his.core.codes import row_id
from his.core.errors import NotFound, Refusal
from his.ui.forms import render_refusal, saved
from patients.models import Prescription
from pharmacy import queries_window as window
from pharmacy.forms import ReasonForm
from pharmacy.forms_window import HandOverForm, all_valid, put_refusal
from pharmacy.models import Store
from pharmacy.queries_given import still_open
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.window import call_next
from pharmacy.views.clock import desk_clock, keep_clock
from pharmacy.views.window_page import (
    AUTO_KEY,
    PAGE,
    chosen_day,
    chosen_store,
    dispense_of,
    fingerprint,
    hand_out_forms,
    page,
    queue_rows,
    url_of,
)


@require_GET
@requires("pharmacy.dispense")
def desk(request: DeskRequest) -> HttpResponse:
    """The window with nobody in front of it."""
    return render(request, PAGE, page(request))


@require_GET
@requires("pharmacy.dispense")
def open_prescription(request: DeskRequest, pk: int) -> HttpResponse:
    """One prescription: the proposed lots, what was handed out, what came back."""
    return render(request, PAGE, page(request, window.prescription(request.actor.facility, pk)))


@require_GET
@requires("pharmacy.dispense")
def queue(request: DeskRequest) -> HttpResponse:
    """The list on the left, for polling: 204 when it is as it was."""
    day = chosen_day(request)
    rows = queue_rows(request.actor.facility, day)
    seen = fingerprint(rows)
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    context = {"rows": rows, "seen": seen, "day": day, "current_pk": row_id(request.GET.get("current", ""))}
    return render(request, "pharmacy/_queue.html", context)


@require_POST
@requires("pharmacy.dispense")
def find(request: DeskRequest) -> HttpResponse:
    """What was scanned or typed: one prescription opens, several are offered, none is said."""
    text, day = request.POST.get("text", "").strip(), chosen_day(request)
    found = window.find_prescriptions(request.actor.facility, text, day) if text else []
    waiting = found
    if len(found) > 1:
        is_open = Prescription.objects.filter(still_open(), pk__in=[row.pk for row in found])
        open_ids = set(is_open.values_list("pk", flat=True))
        waiting = [row for row in found if row.pk in open_ids]
    if len(waiting) == 1:
        return redirect(url_of(waiting[0], day))
    context = {**page(request), "found": found, "text": text}
    if found:
        return render(request, PAGE, context)
    message = "Chưa có gì để tìm" if not text else "Không có đơn đã ký nào khớp với nội dung vừa quét hoặc gõ"
    return render_refusal(request, Refusal("nothing_found", message, field="text"), PAGE, context)


@require_POST
@requires("pharmacy.dispense")
def hand_out(request: DeskRequest, pk: int) -> HttpResponse:
    """F9: dispense the open prescription from the chosen store, as proposed or as changed line by line."""
    prescription = window.prescription(request.actor.facility, pk)
    store, day = chosen_store(request), chosen_day(request)
    lines, hand_over = hand_out_forms(prescription, store, request.POST)
    at = timezone.now()
    try:
        if store is None:
            raise Refusal("no_store", "Cơ sở chưa có kho cấp phát", field="store")
        if not all_valid([*lines, hand_over]):
            raise Refusal("bad_line", "Xem lại ô đánh dấu đỏ", field="prescription")
        done = dispense(
            prescription=prescription,
            store=store,
            choices=[form.choice() for form in lines if form.add_prefix("quantity") in request.POST],
            witness=_witness(request, hand_over),
            recipient_name=hand_over.cleaned_data["recipient_name"],
            recipient_id_number=hand_over.cleaned_data["recipient_id_number"],
            actor=request.actor,
            at=at,
            clock=desk_clock(request, at),
            idempotency_key=request.POST.get("idempotency_key", "")[:64],
        )
    except NotFound:
        raise
    except Refusal as refusal:
        put_refusal([*lines, hand_over], refusal.field, refusal.message_vi)
        context = page(request, prescription, lines=lines, hand_over=hand_over)
        return render_refusal(request, refusal, PAGE, context)
    keep_clock(request, at)
    said = f"Đã cấp phát cho {prescription.visit.patient.full_name}, phiếu {done.document.number}"
    following = _following(request, store, day)
    saved(request, f"{said}. Đang mời {following.visit.patient.full_name}" if following else said)
    return redirect(url_of(following or prescription, day))


def _witness(request: DeskRequest, form: HandOverForm) -> User | None:
    name = form.cleaned_data["witness_username"]
    return (
        confirmed_by(request, name, request.POST.get("witness_password", ""), field="witness_password")
        if name
        else None
    )


def _following(request: DeskRequest, store: Store, day: date) -> Prescription | None:
    """The next patient, called at once, when the window is set so and works on today's list."""
    if not request.session.get(AUTO_KEY) or day != timezone.localdate():
        return None
    call = call_next(store=store, actor=request.actor, at=timezone.now())
    return call.prescription if call is not None else None


@require_POST
@requires("pharmacy.reverse")
def take_back(request: DeskRequest, pk: int) -> HttpResponse:
    """Undo a dispense with a reason; the prescription waits again."""
    done = dispense_of(request.actor.facility, pk)
    form, at = ReasonForm(request.POST), timezone.now()
    more: dict[str, Any] = {"reason_form": form, "reason_pk": done.pk}
    if not form.is_valid():
        return render(request, PAGE, page(request, done.prescription, **more), status=422)
    try:
        reverse_dispense(
            dispense=done,
            reason=form.cleaned_data["reason"],
            actor=request.actor,
            at=at,
            clock=desk_clock(request, at),
        )
    except Refusal as refusal:
        return render_refusal(request, refusal, PAGE, page(request, done.prescription, **more))
    keep_clock(request, at)
    saved(request, f"Đã hủy phiếu {done.document.number}, thuốc đã trả lại kho")
    return redirect(url_of(done.prescription, chosen_day(request)))
