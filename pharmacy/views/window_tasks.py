"""The other tasks of the dispensing window: calling, sending back, what is not given, returns, counselling."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.core.errors import NotFound, Refusal
from his.ui.forms import add_refusal, render_refusal, saved
from patients.models import Prescription
from patients.views import polling
from pharmacy import queries_window as window
from pharmacy.forms_window import (
    CounselForm,
    LeaveOutForm,
    ReturnForm,
    ReturnLineForm,
    SendBackForm,
    all_valid,
    put_refusal,
)
from pharmacy.models import Dispense, NotGiven, PatientReturn, Store, WindowCall
from pharmacy.queries_given import standing_refusal
from pharmacy.services.returning import return_drugs, reverse_return
from pharmacy.services.window import (
    call_again,
    call_next,
    counsel,
    leave_out,
    reopen_left_out,
    send_back,
    set_absent,
    withdraw_refusal,
)
from pharmacy.views.clock import desk_clock, keep_clock
from pharmacy.views.common import held_text
from pharmacy.views.window_page import AUTO_KEY, PAGE, chosen_day, chosen_store, dispense_of, page, url_of

RETURN_PAGE = "pharmacy/window_return.html"


# Calling


@require_POST
@requires("pharmacy.dispense")
def next_patient(request: DeskRequest) -> HttpResponse:
    """F12: call the next patient to this window and open the prescription."""
    store = _store(request)
    call = call_next(store=store, actor=request.actor, at=timezone.now())
    if call is None:
        messages.info(request, "Không còn ai chờ mà chưa gọi; người đã gọi hoặc vắng ở trong danh sách")
        return redirect("dispensing")
    return redirect(url_of(call.prescription, timezone.localdate()))


@require_POST
@requires("pharmacy.dispense")
def call(request: DeskRequest, pk: int) -> HttpResponse:
    """Call the open patient, again or out of turn."""
    return _call(request, pk, call_again, "Đang mời")


@require_POST
@requires("pharmacy.dispense")
def absent(request: DeskRequest, pk: int) -> HttpResponse:
    """Set the open patient aside."""
    return _call(request, pk, set_absent, "Đã cho vắng")


def _call(request: DeskRequest, pk: int, service: Callable[..., WindowCall], done: str) -> HttpResponse:
    prescription = window.prescription(request.actor.facility, pk)
    try:
        service(prescription=prescription, store=_store(request), actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, PAGE, page(request, prescription))
    saved(request, f"{done} {prescription.visit.patient.full_name}")
    return redirect(url_of(prescription, chosen_day(request)))


def _store(request: DeskRequest) -> Store:
    store = chosen_store(request)
    if store is None:
        raise NotFound("Cơ sở chưa có kho cấp phát")
    return store


@require_POST
@requires("pharmacy.dispense")
def auto_next(request: DeskRequest) -> HttpResponse:
    """Whether this window calls the next patient by itself after handing out."""
    request.session[AUTO_KEY] = not request.session.get(AUTO_KEY)
    saved(request, "Sau khi cấp sẽ tự mời người kế tiếp" if request.session[AUTO_KEY] else "Mời người kế tiếp bằng F12")
    return redirect("dispensing")


@require_GET
@requires("pharmacy.dispense", "patients.queue")
def board(request: DeskRequest) -> HttpResponse:
    """The screen on the wall at the windows: numbers and a part of the name."""
    return render(request, "pharmacy/window_board.html", _board(request))


@require_GET
@requires("pharmacy.dispense", "patients.queue")
def board_numbers(request: DeskRequest) -> HttpResponse:
    """The numbers again, for the screen that polls them."""
    context = _board(request)
    return polling.answer(request, "pharmacy/window_board_part.html", context["part"], context)


def _board(request: HttpRequest) -> dict[str, Any]:
    facility = request.actor.facility  # type: ignore[attr-defined]
    shown = window.called_now(facility, timezone.localdate())
    return {"part": polling.part(request, "pharmacy/window_board_numbers.html", {"shown": shown})}


# Sending back, leaving out


@require_POST
@requires("pharmacy.dispense")
def refuse(request: DeskRequest, pk: int) -> HttpResponse:
    """Send the prescription back to the doctor."""
    prescription, form = window.prescription(request.actor.facility, pk), SendBackForm(request.POST)
    return _task(request, prescription, "back_form", form, send_back, "Đã trả đơn lại bác sĩ")


@require_POST
@requires("pharmacy.dispense")
def withdraw(request: DeskRequest, pk: int) -> HttpResponse:
    """Take back that the prescription was sent back."""
    prescription = window.prescription(request.actor.facility, pk)
    refusal_back = standing_refusal(prescription)
    if refusal_back is None:
        raise NotFound("Đơn này không ở trạng thái trả lại bác sĩ")
    note = request.POST.get("withdrawn_note", "")
    try:
        withdraw_refusal(refusal=refusal_back, note=note, actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, PAGE, page(request, prescription, withdrawn_note=note))
    saved(request, "Đã rút việc trả đơn, đơn chờ cấp lại")
    return redirect(url_of(prescription, chosen_day(request)))


@require_POST
@requires("pharmacy.dispense")
def leave(request: DeskRequest, pk: int) -> HttpResponse:
    """Close what is open as not given."""
    prescription, form = window.prescription(request.actor.facility, pk), LeaveOutForm(request.POST)
    return _task(request, prescription, "leave_form", form, leave_out, "Đã ghi không cấp phần còn lại")


@require_POST
@requires("pharmacy.dispense")
def reopen(request: DeskRequest, pk: int) -> HttpResponse:
    """Let what was left out wait again."""
    rows = NotGiven.objects.for_facility(request.actor.facility).select_related("prescription_line__prescription")
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFound("Không tìm thấy phần không cấp tại cơ sở này")
    prescription = window.prescription(request.actor.facility, row.prescription_line.prescription_id)
    try:
        reopen_left_out(not_given=row, actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, PAGE, page(request, prescription))
    saved(request, "Phần này chờ cấp lại")
    return redirect(url_of(prescription, chosen_day(request)))


def _task(
    request: DeskRequest, prescription: Prescription, name: str, form: Any, service: Callable[..., Any], done: str
) -> HttpResponse:
    """A small form of the panel: the service with what it says, or the page with what was typed."""
    if not form.is_valid():
        return render(request, PAGE, page(request, prescription, **{name: form}), status=422)
    try:
        service(prescription=prescription, actor=request.actor, at=timezone.now(), **form.cleaned_data)
    except Refusal as refusal:
        add_refusal(form, refusal)
        return render_refusal(request, refusal, PAGE, page(request, prescription, **{name: form}))
    saved(request, done)
    return redirect(url_of(prescription, chosen_day(request)))


# Counselling


@require_POST
@requires("pharmacy.dispense")
def tell(request: DeskRequest, pk: int) -> HttpResponse:
    """Keep what the patient was told: the ticked texts and free words."""
    done = dispense_of(request.actor.facility, pk)
    words = [*request.POST.getlist("told"), request.POST.get("counselling", "")]
    text = "\n".join(word.strip() for word in words if word.strip())
    try:
        counsel(dispense=done, text=text, actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        form = CounselForm({"counselling": request.POST.get("counselling", "")})
        return render_refusal(request, refusal, PAGE, page(request, done.prescription, counsel_form=form))
    saved(request, "Đã ghi nội dung tư vấn")
    return redirect(url_of(done.prescription, chosen_day(request)))


# Returns


@require_http_methods(["GET", "POST"])
@requires("pharmacy.dispense")
def take_return(request: DeskRequest, pk: int) -> HttpResponse:
    """Drugs that the patient brings back, lot by lot."""
    done, at = dispense_of(request.actor.facility, pk), timezone.now()
    data = request.POST if request.method == "POST" else None
    lines = [ReturnLineForm(line, data) for line in window.given(done) if line.left > 0]
    head = ReturnForm(data)
    if data is None:
        return render(request, RETURN_PAGE, _return_page(request, done, head, lines))
    if not all_valid([head, *lines]):
        return render(request, RETURN_PAGE, _return_page(request, done, head, lines), status=422)
    try:
        made = return_drugs(
            dispense=done,
            lines=[line for form in lines if (line := form.returned()) is not None],
            actor=request.actor,
            at=at,
            clock=desk_clock(request, at),
            **head.said(),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        put_refusal([head, *lines], refusal.field, refusal.message_vi)
        return render_refusal(request, refusal, RETURN_PAGE, _return_page(request, done, head, lines))
    keep_clock(request, at)
    saved(request, f"Đã nhận thuốc trả lại, phiếu {made.document.number}{held_text(made.document)}")
    return redirect(url_of(done.prescription, chosen_day(request)))


def _return_page(request: DeskRequest, done: Dispense, head: ReturnForm, lines: list[ReturnLineForm]) -> dict[str, Any]:
    return {
        **page(request, done.prescription),
        "dispense": done,
        "head": head,
        "return_lines": lines,
        "has_controlled": any(form.is_controlled for form in lines),
    }


@require_POST
@requires("pharmacy.reverse")
def undo_return(request: DeskRequest, pk: int) -> HttpResponse:
    """Undo a return that was entered wrongly."""
    rows = PatientReturn.objects.for_facility(request.actor.facility).select_related("document", "dispense")
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFound("Không tìm thấy phiếu trả lại tại cơ sở này")
    prescription = window.prescription(request.actor.facility, row.dispense.prescription_id)
    reason, at = request.POST.get("reason", ""), timezone.now()
    try:
        clock = desk_clock(request, at)
        reverse_return(patient_return=row, reason=reason, actor=request.actor, at=at, clock=clock)
    except Refusal as refusal:
        return render_refusal(request, refusal, PAGE, page(request, prescription, undo_pk=row.pk, undo_reason=reason))
    keep_clock(request, at)
    saved(request, f"Đã hủy phiếu trả lại {row.document.number}")
    return redirect(url_of(prescription, chosen_day(request)))
