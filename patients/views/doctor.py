"""The doctor's desk: the queue, the exam with its draft and its signing, vital signs, amendments."""

from collections.abc import Sequence
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.accounts.models import Room
from his.catalogs import queries as catalogs
from his.core.codes import clean_code, row_id
from his.core.errors import Refusal
from his.core.text import nfc
from his.ui.forms import add_refusal, render_refusal, saved
from his.ui.text import minute_text
from his.ui.typeahead import Option, answer
from patients.forms import VitalsForm
from patients.forms_clinical import AmendForm, DiagnosisForm, ExamForm
from patients.forms_safety import read_reasons
from patients.models import Exam, Visit
from patients.notices import REASON_NEEDED, each_finding, in_words, limited
from patients.queries import get_visit, latest_vitals
from patients.queries_beds import discharge_exam
from patients.queries_care import managed_of, proposed_diseases
from patients.queries_clinical import (
    current_exam,
    diagnosis_warnings,
    earlier_exams,
    favourite_diagnoses,
    last_exam,
    orders_of,
    prescription_of,
    refusals_of,
    warnings_of,
    warnings_of_codes,
)
from patients.queries_safety import signed_safety
from patients.services.exams import start_exam
from patients.services.signing import amend_exam, sign_exam
from patients.services.unseen import CHANGED, stamp_of
from patients.services.visits import call_next, end_waiting, record_vitals
from patients.views.desk import choose_room, desk_room, now, queue_context, sent, today
from patients.views.keeping import Kept, keep
from patients.views.safety import card_context, reasons_context
from patients.views.seen import differences_of, fresh_stamp
from patients.views.strip import strip_of_visit


@require_GET
@requires("patients.examine")
def doctor(request: DeskRequest) -> HttpResponse:
    """The desk without a patient: the queue of the room."""
    if raw := request.GET.get("room", ""):
        choose_room(request, raw)
        return redirect("doctor")
    return render(request, "patients/doctor/home.html", queue_context(request))


@require_GET
@requires("patients.examine")
def queue(request: DeskRequest) -> HttpResponse:
    """The queue alone, for the poll; 204 when nothing changed."""
    visit_id = request.GET.get("visit", "")
    context = queue_context(request)
    if request.GET.get("v") == context["queue_version"]:
        return HttpResponse(status=204)
    context["current_visit_id"] = row_id(visit_id)
    return render(request, "patients/doctor/queue.html", context)


@require_POST
@requires("patients.examine")
def next_patient(request: DeskRequest) -> HttpResponse:
    """Call the next number of the room and begin the exam (F12)."""
    context = queue_context(request)
    if context["room"] is None:
        raise Refusal("no_room", "Cơ sở chưa có phòng khám nào")
    ticket = call_next(room=context["room"], actor=request.actor, at=now())
    if ticket is None:
        messages.info(request, "Không còn ai chờ ở phòng này")
        return redirect("doctor")
    start_exam(visit=ticket.visit, actor=request.actor, at=now(), room=ticket.room)
    return redirect("doctor-visit", visit_id=ticket.visit_id)


@require_GET
@requires("patients.examine")
def visit(request: DeskRequest, visit_id: int) -> HttpResponse:
    """One visit at the desk. Opening it writes nothing; the exam begins with the first thing that is kept."""
    row = get_visit(request.actor.facility, visit_id)
    exam = _shown(request, row)
    vitals = latest_vitals(row)
    form = ExamForm.of(row, exam, vitals)
    return _screen(request, row, exam, form, DiagnosisForm.of(exam), vitals=vitals)


def _shown(request: DeskRequest, row: Visit) -> Exam | None:
    """The exam to look at: for other rooms than the one a visit was sent on to, the signed one."""
    exam = last_exam(row)
    if exam is None or not exam.is_signed or row.state != Visit.State.OPEN:
        return exam
    room, _ = desk_room(request)
    return None if room is not None and room.pk == row.room_id else exam


def _screen(
    request: DeskRequest,
    row: Visit,
    exam: Exam | None,
    form: ExamForm,
    diagnoses: DiagnosisForm,
    status: int = 200,
    *,
    seen: str | None = None,
    **more: object,
) -> HttpResponse:
    if "vitals" not in more:
        more["vitals"] = latest_vitals(row)
    queue = queue_context(request, row)
    form.offer_rooms(_other_rooms(queue["rooms"], row, exam))
    known = card_context(row)
    context = {
        **queue,
        **panel_context(row, exam),
        **known,
        **reasons_context(row, exam, request.actor.staff, read_reasons(sent(request))),
        "form": form,
        "diagnoses": diagnoses,
        "seen": seen or fresh_stamp(row, exam),
        "warnings": diagnosis_warnings(exam) if exam else [],
        "strip": strip_of_visit(row, known["coded"]),
        "is_finished": row.state in {Visit.State.CLOSED, Visit.State.CANCELLED},
        "managed": managed_of(request.actor.facility, row.patient, today()),
        "is_sent_on": exam is not None and exam.is_signed and row.state == Visit.State.OPEN,
        **more,
    }
    if exam is not None and exam.is_signed:
        codes = [diagnosis.code for diagnosis in exam.diagnoses.all()]
        context |= {"amendments": exam.amendments.select_related("by").order_by("at"), "amend_form": AmendForm()}
        context["is_discharge"] = discharge_exam(row) == exam
        context["proposed"] = proposed_diseases(row.patient, codes, today())
        return render(request, "patients/doctor/signed.html", context, status=status)
    return render(request, "patients/doctor/visit.html", context, status=status)


def _other_rooms(rooms: Sequence[Room], row: Visit, exam: Exam | None) -> list[Room]:
    """Exam rooms that the person may be sent on to: not this one, and none where they were examined."""
    used = set(row.exams.values_list("room_id", flat=True)) | {exam.room_id if exam else row.room_id}
    return [room for room in rooms if room.pk not in used]


def panel_context(row: Visit, exam: Exam | None) -> dict[str, Any]:
    """What the right panel shows: orders with results, the prescription, earlier visits."""
    orders = orders_of(row)
    prescription = prescription_of(exam) if exam is not None else None
    return {
        "visit": row,
        "exam": exam,
        "orders": orders,
        "prescription": prescription,
        "refusals": refusals_of(prescription) if prescription is not None and prescription.is_signed else [],
        "earlier": earlier_exams(row, exam),
        "safety": signed_safety(exam) if exam is not None else {},
        "panel_version": "-".join(f"{order.pk}{order.state}{order.result_at or ''}" for order in orders),
    }


@require_GET
@requires("patients.examine")
def panel(request: DeskRequest, visit_id: int) -> HttpResponse:
    """The right panel alone; with `v`, 204 when no order changed."""
    row = get_visit(request.actor.facility, visit_id)
    context = panel_context(row, current_exam(row))
    if request.GET.get("v") == context["panel_version"]:
        return HttpResponse(status=204)
    return render(request, "patients/doctor/panel.html", context)


# The exam


def _read(request: DeskRequest) -> tuple[ExamForm, DiagnosisForm]:
    form = ExamForm(sent(request))
    form.is_valid()
    return form, DiagnosisForm.read(sent(request), today())


@require_POST
@requires("patients.examine")
def draft(request: DeskRequest, visit_id: int) -> HttpResponse:
    """Keep the draft (every 20 s and when a field is left). Diagnoses that are refused are said at signing.

    Answers with the stamp for the form (`X-Seen`), or in words why nothing was kept, when another was faster.
    """
    row = get_visit(request.actor.facility, visit_id)
    form, diagnoses = _read(request)
    try:
        kept = keep(request, row, form, diagnoses, at=now())
    except Refusal as refusal:
        if not refusal.code.startswith("already_"):
            raise
        said = f"{refusal.message_vi}. Nhấn F9 để xem hai bản" if refusal.code == CHANGED else refusal.message_vi
        return HttpResponse(said, status=409, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204, headers={"X-Seen": kept.seen})


@require_POST
@requires("patients.examine")
def sign(request: DeskRequest, visit_id: int) -> HttpResponse:
    """Keep everything, then sign (F9). What is refused stands beside its field and what was typed is kept.

    What was changed elsewhere since the form was drawn is shown beside what was typed, and nothing is stored. The
    doctor answers with `keep`, the stamp of what they saw, which stores what is typed and does not sign, or `take`.
    """
    row = get_visit(request.actor.facility, visit_id)
    if "take" in request.POST:
        return redirect("doctor-visit", visit_id=row.pk)
    form, diagnoses = _read(request)
    seen = request.POST.get("seen")
    try:
        kept = keep(request, row, form, diagnoses, at=now())
        seen = kept.seen
        if kept.refusal is not None:
            raise kept.refusal
        is_valid = form.is_valid() and diagnoses.is_valid
        if is_valid and "keep" not in request.POST:
            return _sign(request, row, kept, form)
        if is_valid:
            messages.success(request, "Đã giữ phần gõ ở đây. Xem lại rồi ký.")
            return _screen(request, row, current_exam(row), form, diagnoses, seen=seen)
    except Refusal as refusal:
        return _refused(request, row, refusal, form, diagnoses, seen)
    return _wrong(request, row, form, diagnoses, seen)


def _sign(request: DeskRequest, row: Visit, kept: Kept, form: ExamForm) -> HttpResponse:
    room = form.room_to_send_to(queue_context(request)["rooms"])
    said = {**form.outcome_values(), "reasons": read_reasons(sent(request))}
    seen = kept.seen if "seen" in request.POST else None
    exam = sign_exam(exam=kept.exam, actor=request.actor, at=now(), send_on_to=room, seen=seen, **said)
    what = _sent_on(row, room) if room else exam.get_outcome_display().lower()
    saved(request, f"Đã ký phiếu khám {row.patient.full_name}, {what}.{_next_step(exam)}")
    _remind(request, exam)
    return redirect("doctor")


def _refused(
    request: DeskRequest, row: Visit, refusal: Refusal, form: ExamForm, diagnoses: DiagnosisForm, seen: str | None
) -> HttpResponse:
    """The form again with what was typed, and the refusal where it is mended."""
    if refusal.code.startswith("already_"):
        shown = current_exam(row) if refusal.code == CHANGED else last_exam(row)
        differences = differences_of(row, shown, form, diagnoses)
        if not differences:
            messages.error(request, refusal.message_vi)
            return redirect("doctor-visit", visit_id=row.pk)
        conflict = {"refusal": refusal, "rows": differences, "stamp": stamp_of(shown) if shown is not None else ""}
        return _screen(request, row, shown, form, diagnoses, status=409, seen=seen, conflict=conflict)
    if refusal.code == "weight_missing":
        # The entry of the vital signs opens with its focus on the weight; the typed exam stays below it.
        asked = {"vitals_form": VitalsForm(begin="weight_kg"), "vitals_wanted": refusal.message_vi}
        return _screen(request, row, current_exam(row), form, diagnoses, status=422, seen=seen, **asked)
    if refusal.code == REASON_NEEDED:
        # The focus goes to the first picker; what was typed stays.
        return _screen(request, row, current_exam(row), form, diagnoses, status=422, seen=seen, reasons_asked=True)
    for one in each_finding(refusal):
        if not diagnoses.add_refusal(one):
            add_refusal(form, one)
    return _wrong(request, row, form, diagnoses, seen)


def _wrong(
    request: DeskRequest, row: Visit, form: ExamForm, diagnoses: DiagnosisForm, seen: str | None
) -> HttpResponse:
    for wrong in [diagnoses.main, *diagnoses.others]:
        if wrong.error:
            form.add_error(None, f"Chẩn đoán: {wrong.error}")
    return _screen(request, row, current_exam(row), form, diagnoses, status=422, seen=seen)


def _remind(request: DeskRequest, exam: Exam) -> None:
    """Say what signing found and let pass, and what the pharmacy has too little of; it needs no answer."""
    found = limited(exam.notices)
    for notice in found.shown:
        messages.warning(request, f"{notice.severity.word}: {in_words(notice)}")
    if found.hidden:
        messages.warning(request, f"Còn {len(found.hidden)} điều nữa trong hồ sơ của lượt khám")
    for short in exam.not_reserved:
        messages.warning(request, short.text())
    for case in exam.cases:
        if case.state == case.State.OPEN and case.due_at is not None:
            messages.warning(request, f"Ca bệnh phải báo: {case.name}, hạn {minute_text(case.due_at)}")


def _sent_on(row: Visit, room: Room) -> str:
    number = row.tickets.filter(room=room).latest("pk")
    return f"chuyển {room.name} số {number.label}"


def _next_step(exam: Exam) -> str:
    prescription = prescription_of(exam)
    return f" Đơn {prescription.number} sang quầy thuốc." if prescription is not None else ""


@require_POST
@requires("patients.examine")
def amend(request: DeskRequest, visit_id: int) -> HttpResponse:
    """Add a correction to the signed exam."""
    row = get_visit(request.actor.facility, visit_id)
    exam = last_exam(row)
    if exam is None:
        raise Refusal("not_signed", "Phiếu khám chưa ký, hãy sửa trực tiếp")
    form = AmendForm(sent(request))
    form.is_valid()
    try:
        amend_exam(exam=exam, actor=request.actor, at=now(), **form.cleaned_data)
    except Refusal as refusal:
        context = {**queue_context(request, row), **panel_context(row, exam), "vitals": latest_vitals(row)}
        context |= {"strip": strip_of_visit(row), "amend_form": form}
        context |= {"amendments": exam.amendments.select_related("by").order_by("at")}
        return render_refusal(request, refusal, "patients/doctor/signed.html", context, form=form)
    saved(request, "Đã ghi bổ sung hồ sơ")
    return redirect("doctor-visit", visit_id=row.pk)


@require_POST
@requires("patients.examine")
def end_wait(request: DeskRequest, visit_id: int) -> HttpResponse:
    """The person did not go to the other room: the visit ends with the exams that are signed."""
    row = get_visit(request.actor.facility, visit_id)
    end_waiting(visit=row, actor=request.actor, at=now())
    saved(request, f"Đã kết thúc lượt khám của {row.patient.full_name}")
    return redirect("doctor-visit", visit_id=row.pk)


@require_POST
@requires("patients.examine")
def warnings(request: DeskRequest, visit_id: int) -> HttpResponse:
    """What is odd about the diagnoses as they stand in the form; nothing is stored."""
    row = get_visit(request.actor.facility, visit_id)
    typed = DiagnosisForm.read(sent(request), today())
    found = warnings_of_codes(clean_code(typed.main.code), [clean_code(c) for c in typed.codes], row.patient, today())
    return render(request, "patients/doctor/warnings.html", {"warnings": found})


@require_http_methods(["GET", "POST"])
@requires("patients.triage")
def vitals(request: DeskRequest, visit_id: int) -> HttpResponse:
    """The strip of vital signs: GET its form, POST a new set."""
    row = get_visit(request.actor.facility, visit_id)
    if request.method == "GET":
        context: dict[str, Any] = {"visit": row, "vitals": latest_vitals(row)}
        if "show" not in request.GET:
            context["vitals_form"] = VitalsForm()
        return render(request, "patients/doctor/vitals.html", context)
    form = VitalsForm(sent(request))
    if form.is_valid():
        try:
            readings = {name: form.cleaned_data[name] for name in VitalsForm.UNITS}
            record_vitals(visit=row, actor=request.actor, at=now(), **readings)
        except Refusal as refusal:
            add_refusal(form, refusal)
    if form.errors:
        context = {"visit": row, "vitals": latest_vitals(row), "vitals_form": form}
        return render(request, "patients/doctor/vitals.html", context, status=422)
    return render(request, "patients/doctor/vitals.html", {"visit": row, "vitals": latest_vitals(row), "is_new": True})


@require_GET
@requires("patients.examine")
def diagnosis_search(request: HttpRequest) -> HttpResponse:
    """Rows of the diagnosis box; without a query, what this doctor uses most. `visit` warns about age and sex."""
    desk = cast(DeskRequest, request)
    day, staff, is_main = today(), desk.actor.staff, request.GET.get("kind") == "main"
    liked = favourite_diagnoses(staff, now()) if staff is not None else []
    found = catalogs.search_diagnoses(
        nfc(request.GET.get("q", ""))[:100],
        on=day,
        favourites=liked,
        main_only=is_main,
    )
    asked = row_id(request.GET.get("visit", ""))
    patient = get_visit(desk.actor.facility, asked).patient if asked else None
    rows = [
        Option(
            row.code,
            f"{row.code} {row.name}",
            warn=", ".join(warnings_of(row, patient, day, is_main=is_main)) if patient else "",
        )
        for row in found
    ]
    return answer(request, rows, show_code=False)
