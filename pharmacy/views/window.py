"""The dispensing window (quầy cấp phát): scan or call, look at the proposed lots, F9."""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.accounts.models import Facility
from his.core.codes import row_id
from his.core.dates import age_text, day_range, local, parse_day
from his.core.errors import NotFound, Refusal
from his.ui.forms import render_refusal, saved
from patients.models import Prescription, Visit
from patients.queries_safety import allergies_of, allergy_words, is_none_known, signed_safety
from pharmacy import queries_window as window
from pharmacy.forms import ReasonForm
from pharmacy.models import Dispense, Store
from pharmacy.queries import current_dispense, dispensed_on, dispensing_stores, waiting_prescriptions
from pharmacy.services.dispensing import dispense, reverse_dispense

STORE_KEY = "dispensing_store"
DONE_SHOWN = 30


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One line of the list on the left."""

    prescription: Prescription
    label: str
    at: Any
    is_done: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """The patient as the strip above the work shows them."""

    full_name: str
    code: str
    birth_text: str
    age_text: str
    sex_text: str
    card_text: str
    rate_text: str
    allergy_text: str
    visit_text: str
    none_known: bool


def strip_of(visit: Visit) -> Strip:
    """The strip of a visit's patient, with the card of the visit."""
    patient, coded = visit.patient, allergies_of(visit.patient)
    return Strip(
        full_name=patient.full_name,
        code=patient.code,
        birth_text=patient.birth.text(),
        age_text=age_text(patient.born_on, local(visit.arrived_at).date(), patient.birth.precision),
        sex_text=patient.get_sex_display(),
        card_text=visit.card.number if visit.card else "",
        rate_text="",
        allergy_text=allergy_words(patient, coded),
        visit_text=visit.claim_code,
        none_known=is_none_known(coded),
    )


@require_GET
@requires("pharmacy.dispense")
def desk(request: DeskRequest) -> HttpResponse:
    """The window with nobody in front of it."""
    return render(request, "pharmacy/window.html", _context(request))


@require_GET
@requires("pharmacy.dispense")
def open_prescription(request: DeskRequest, pk: int) -> HttpResponse:
    """One prescription: the proposed lots, or what was handed out."""
    return render(request, "pharmacy/window.html", _context(request, window.prescription(request.actor.facility, pk)))


@require_GET
@requires("pharmacy.dispense")
def queue(request: DeskRequest) -> HttpResponse:
    """The list on the left, for polling: 204 when it is as it was."""
    day = _day(request)
    rows = _queue(request.actor.facility, day)
    seen = _fingerprint(rows)
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    context = {"rows": rows, "seen": seen, "day": day, "current_pk": row_id(request.GET.get("current", ""))}
    return render(request, "pharmacy/_queue.html", context)


@require_POST
@requires("pharmacy.dispense")
def find(request: DeskRequest) -> HttpResponse:
    """What was scanned or typed: one prescription opens, several are offered, none is said."""
    text, day = request.POST.get("text", "").strip(), _day(request)
    found = window.find_prescriptions(request.actor.facility, text, day) if text else []
    waiting = [row for row in found if current_dispense(row) is None] if len(found) > 1 else found
    if len(waiting) == 1:
        return redirect(_url(waiting[0], day))
    context = {**_context(request), "found": found, "text": text}
    if found:
        return render(request, "pharmacy/window.html", context)
    message = "Chưa có gì để tìm" if not text else "Không có đơn đã ký nào khớp với nội dung vừa quét hoặc gõ"
    return render_refusal(request, Refusal("nothing_found", message, field="text"), "pharmacy/window.html", context)


@require_POST
@requires("pharmacy.dispense")
def hand_out(request: DeskRequest, pk: int) -> HttpResponse:
    """F9: dispense the open prescription from the chosen store."""
    prescription = window.prescription(request.actor.facility, pk)
    store = _store(request)
    try:
        if store is None:
            raise Refusal("no_store", "Cơ sở chưa có kho cấp phát", field="store")
        done = dispense(
            prescription=prescription,
            store=store,
            actor=request.actor,
            at=timezone.now(),
            idempotency_key=request.POST.get("idempotency_key", "")[:64],
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return render_refusal(request, refusal, "pharmacy/window.html", _context(request, prescription))
    saved(request, f"Đã cấp phát cho {prescription.visit.patient.full_name}, phiếu {done.document.number}")
    return redirect(_url(prescription, _day(request)))


@require_POST
@requires("pharmacy.reverse")
def take_back(request: DeskRequest, pk: int) -> HttpResponse:
    """Undo a dispense with a reason; the prescription waits again."""
    done = _dispense(request.actor.facility, pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        context = {**_context(request, done.prescription), "reason_form": form}
        return render(request, "pharmacy/window.html", context, status=422)
    try:
        reverse_dispense(dispense=done, reason=form.cleaned_data["reason"], actor=request.actor, at=timezone.now())
    except Refusal as refusal:
        return render_refusal(request, refusal, "pharmacy/window.html", _context(request, done.prescription))
    saved(request, f"Đã hủy phiếu {done.document.number}, thuốc đã trả lại kho")
    return redirect(_url(done.prescription, _day(request)))


def _context(request: DeskRequest, prescription: Prescription | None = None) -> dict[str, Any]:
    facility, day = request.actor.facility, _day(request)
    rows = _queue(facility, day)
    context: dict[str, Any] = {
        "day": day,
        "today": timezone.localdate(),
        "rows": rows,
        "seen": _fingerprint(rows),
        "next": _next(rows, prescription),
        "stores": list(dispensing_stores(facility)),
        "store": _store(request),
    }
    if prescription is not None:
        context |= _opened(prescription, context["store"])
    return context


def _opened(prescription: Prescription, store: Store | None) -> dict[str, Any]:
    today = timezone.localdate()
    done = current_dispense(prescription)
    if done is not None:
        done.prescription = prescription
        lines = window.given(done)
    else:
        lines = window.proposal(prescription, store, today) if store is not None else []
    visit = prescription.visit
    return {
        "prescription": prescription,
        "current_pk": prescription.pk,
        "strip": strip_of(visit),
        "lines": lines,
        "dispense": done,
        "is_short": any(line.is_short for line in lines),
        "is_closed": visit.state in {Visit.State.CLOSED, Visit.State.CANCELLED},
        "diagnoses": list(visit.diagnoses.all()),
        "safety": signed_safety(prescription.exam),
        "before": list(window.given_before(visit.patient, local(visit.arrived_at).date())),
        "ticket": window.ticket_labels([visit.pk]).get(visit.pk, ""),
        "idempotency_key": uuid4().hex,
    }


def _queue(facility: Facility, day: date) -> list[QueueRow]:
    waiting = list(waiting_prescriptions(facility, day))
    done = list(dispensed_on(facility, day).filter(is_reversed=False)[:DONE_SHOWN])
    labels = window.ticket_labels([row.visit_id for row in waiting] + [row.prescription.visit_id for row in done])
    return [QueueRow(row, labels.get(row.visit_id, "–"), row.signed_at, False) for row in waiting] + [
        QueueRow(row.prescription, labels.get(row.prescription.visit_id, "–"), row.dispensed_at, True) for row in done
    ]


def _fingerprint(rows: list[QueueRow]) -> str:
    text = ",".join(f"{row.prescription.pk}{'x' if row.is_done else ''}" for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _next(rows: list[QueueRow], current: Prescription | None) -> Prescription | None:
    """The one after the open one in the waiting list, else the first that waits."""
    waiting = [row.prescription for row in rows if not row.is_done]
    pks = [row.pk for row in waiting]
    if current is not None and current.pk in pks:
        at = pks.index(current.pk) + 1
        waiting = waiting[at:] + waiting[: at - 1]
    return waiting[0] if waiting else None


def _day(request: HttpRequest) -> date:
    raw = request.POST.get("day") or request.GET.get("day") or ""
    try:
        day = parse_day(raw)
        day_range(day)
    except (ValueError, OverflowError):
        return timezone.localdate()
    return day


def _store(request: DeskRequest) -> Store | None:
    """The store of this window: chosen now, chosen before, or the first that hands out."""
    stores = list(dispensing_stores(request.actor.facility))
    chosen = request.POST.get("store") or request.GET.get("store") or ""
    if chosen:
        picked = next((store for store in stores if str(store.pk) == chosen), None)
        if picked is None:
            raise NotFound("Không tìm thấy kho cấp phát này tại cơ sở")
        request.session[STORE_KEY] = picked.pk
        return picked
    known = request.session.get(STORE_KEY)
    return next((store for store in stores if store.pk == known), stores[0] if stores else None)


def _dispense(facility: Facility, pk: int) -> Dispense:
    rows = Dispense.objects.for_facility(facility).select_related(
        "prescription__visit__patient", "prescription__visit__card", "prescription__prescribed_by", "document"
    )
    found: Dispense | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy phiếu cấp phát tại cơ sở này")
    return found


def _url(prescription: Prescription, day: date) -> str:
    address = reverse("dispensing-open", args=[prescription.pk])
    return address if day == timezone.localdate() else f"{address}?day={day:%d%m%Y}"
