"""The reception desk: one box that takes everything, one form, one key to the printed number (tiếp đón).

Searches go by POST: no number or name of a person stands in an address.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from his.access import DeskRequest, requires
from his.accounts.models import Facility
from his.catalogs import queries as catalogs
from his.core import dates
from his.core.codes import row_id
from his.core.errors import NotFound, Refusal
from his.core.text import nfc
from his.service import was_done
from his.ui.forms import status_of
from his.ui.typeahead import Option, answer
from patients import forms, queries, scan
from patients.models import Patient, Visit
from patients.services import reception as desk
from patients.services.visits import cancel_visit
from patients.views import polling
from patients.views import reception_forms as given
from patients.views.strip import strip_for, strip_of_visit

PAGE = 30
_SHORT = {"examined": "Đã khám", "closed": "Đã chốt"}
"""Shorter words for the narrow list; the opened visit says the whole."""
_BADGES = {"open": "wait", "in_exam": "info", "examined": "ok", "closed": "ok", "cancelled": "off"}


@require_GET
@requires("patients.register")
def reception(request: DeskRequest) -> HttpResponse:
    """The empty desk; `done` names the visit that was opened last, so that its number can be printed."""
    done = request.GET.get("done", "")
    visit = queries.get_visit(request.actor.facility, pk) if (pk := row_id(done)) else None
    return _idle(request, {"done": _opened(visit) if visit else None})


@require_POST
@requires("patients.register")
def find(request: DeskRequest) -> HttpResponse:
    """What the box was given: a known person, several to choose from, or the form of a new one."""
    facility, on = request.actor.facility, timezone.localdate()
    text = request.POST.get("text", "")
    read = scan.read(text, on=on)
    if "new" in request.POST:
        return _new_form(request, read)
    if chosen := row_id(request.POST.get("patient", "")):
        return _known_form(request, queries.get_patient(facility, chosen), read=read)
    if read.kind == "unsupported" and "key" in request.POST:
        # A form is open: it stays as it is, and the message stands above it.
        raise Refusal("unreadable", " ".join(read.warnings))
    if read.kind == "unsupported":
        return _idle(request, {"warnings": read.warnings, "typed": text}, status=422)
    if opened := _open_patient(request, read):
        return _known_form(request, opened, read=read, carried=forms.carried(request.POST.dict(), with_card=False))
    found = queries.people_of(facility, read)
    if not found:
        return _not_found(request, read)
    if read.kind in {"claim_code", "prescription_code"} and (visit := _visit_of(facility, read)):
        return _visit(request, visit)
    if len(found) == 1 and (not read.has_person or given.has_number(found[0], read)):
        return _known_form(request, found[0], read=read)
    rows = [(person, queries.card_for(person, on)) for person in found]
    return _screen(request, "candidates", {"rows": rows, "read": read, "typed": text})


@require_GET
@requires("patients.register")
def new(request: DeskRequest) -> HttpResponse:
    """The empty form of a new person (F2)."""
    return _new_form(request, scan.Scan("name"))


@require_GET
@requires("patients.register")
def known(request: DeskRequest, pk: int) -> HttpResponse:
    """The form of a registered person."""
    return _known_form(request, queries.get_patient(request.actor.facility, pk))


@require_POST
@requires("patients.register")
def save_new(request: DeskRequest) -> HttpResponse:
    """Register the person, the card and the visit. A person of the same name and birth year is asked about first."""
    facility, on = request.actor.facility, timezone.localdate()
    if chosen := row_id(request.POST.get("use_patient", "")):
        patient = queries.get_patient(facility, chosen)
        return _known_form(request, patient, carried=forms.carried(request.POST.dict()))
    form = forms.NewPatientForm(request.POST, **given.form_options(facility, on), **given.person_options(on))
    if not form.is_valid():
        return _screen(request, "new", {"form": form}, status=422)
    data = form.cleaned_data
    same = queries.same_person(facility, full_name=data["full_name"], birth_year=data["birth"].value.year)
    asked = ",".join(str(person.pk) for person in same)
    is_repeated = was_done(action="patients.receive", key=data["key"], actor=request.actor)
    if same and data["confirm_duplicate"] != asked and not is_repeated:
        return _screen(request, "new", {"form": form, "same": same, "asked": asked}, status=409)
    try:
        visit = desk.receive(
            person=given.person_input(data),
            new_card=given.card_input(data),
            visit=given.visit_input(data, None),
            actor=request.actor,
            at=timezone.now(),
            idempotency_key=data["key"],
        )
    except NotFound:
        raise
    except Refusal as refusal:
        form.refuse(refusal)
        owner = refusal.facts.get("patient_id")
        same = [queries.get_patient(facility, owner)] if owner else []
        return _screen(request, "new", {"form": form, "same": same}, status=status_of(refusal))
    return _done(visit)


@require_POST
@requires("patients.register")
def save_known(request: DeskRequest, pk: int) -> HttpResponse:
    """Open a visit for a registered person, with a new card when one was scanned or typed."""
    facility, on = request.actor.facility, timezone.localdate()
    patient = queries.get_patient(facility, pk)
    form = forms.KnownPatientForm(
        request.POST, cards=given.card_choices(patient, on), **given.form_options(facility, on)
    )
    if not form.is_valid():
        return _known_screen(request, patient, form, status=422)
    data = form.cleaned_data
    card = next((card for card in patient.cards.all() if str(card.pk) == data["card"]), None)
    try:
        visit = desk.receive(
            person=patient,
            new_card=given.card_input(data),
            visit=given.visit_input(data, card),
            actor=request.actor,
            at=timezone.now(),
            phone=data["phone"],
            address=data["address"],
            **given.home_changes(request.POST, data),
            idempotency_key=data["key"],
        )
    except NotFound:
        raise
    except Refusal as refusal:
        form.refuse(refusal)
        return _known_screen(request, patient, form, status=status_of(refusal))
    return _done(visit)


@require_GET
@requires("patients.register", "patients.view")
def visit(request: DeskRequest, pk: int) -> HttpResponse:
    """One visit: its number to print again, and the way to cancel it."""
    return _visit(request, queries.get_visit(request.actor.facility, pk))


@require_POST
@requires("patients.register")
def cancel(request: DeskRequest, pk: int) -> HttpResponse:
    """Cancel a visit with a reason."""
    row = queries.get_visit(request.actor.facility, pk)
    form = forms.CancelForm(request.POST)
    if not form.is_valid():
        return _visit(request, row, form=form, status=422)
    try:
        cancel_visit(visit=row, reason=form.cleaned_data["reason"], actor=request.actor, at=timezone.now())
    except NotFound:
        raise
    except Refusal as refusal:
        forms.add_refusal(form, refusal)
        return _visit(request, row, form=form, status=status_of(refusal))
    return redirect("reception-visit", pk=pk)


@require_GET
@requires("patients.register")
def today(request: DeskRequest) -> HttpResponse:
    """The list of today again, for the page that polls it."""
    context = _today(request)
    return polling.answer(request, "patients/reception_today.html", context["today"], context)


@require_POST
@requires("patients.register")
def birth_words(request: DeskRequest) -> HttpResponse:
    """A typed birth date in words, so that a slip is seen before it is saved."""
    on = timezone.localdate()
    typed = request.POST.get("birth", "")
    try:
        birth = dates.parse_birth(typed, on=on)
    except ValueError as wrong:
        return render(request, "patients/reception_birth.html", {"wrong": str(wrong) if typed.strip() else ""})
    age = dates.age_text(birth.value, on, birth.precision)
    return render(request, "patients/reception_birth.html", {"words": f"{birth.text()} · {age}"})


@require_POST
@requires("patients.register")
def identity_words(request: DeskRequest) -> HttpResponse:
    """What paper a typed number is of, so that a passport is not taken for a slip."""
    is_foreigner = request.POST.get("nationality_code", "") not in {"", "000"}
    words = forms.identity_words(request.POST.get("citizen_id", ""), is_foreigner=is_foreigner)
    return render(request, "patients/reception_birth.html", {"words": words})


@require_GET
@requires("patients.register")
def communes(request: DeskRequest) -> HttpResponse:
    """Rows of the commune box; without a query those where most people of this facility live."""
    facility, on = request.actor.facility, timezone.localdate()
    typed = nfc(request.GET.get("q", ""))[:100]
    found = (
        catalogs.communes(typed, on=on, near=facility.province_code) if typed else queries.usual_communes(facility, on)
    )
    names = catalogs.commune_names(found, on=on)
    return answer(request, [Option(unit.code, names[unit.code]) for unit in found], show_code=False)


# Screens


def _screen(request: HttpRequest, area: str, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    """One state of the work pane: alone for htmx, in the whole desk otherwise."""
    full = {**context, "area": f"patients/reception_{area}.html"}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "patients/reception_area.html", full, status=status)
    return render(request, "patients/reception.html", {**_today(request), **full}, status=status)


def _idle(request: HttpRequest, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    rooms = queries.exam_rooms(request.actor.facility, timezone.localdate())  # type: ignore[attr-defined]
    return _screen(request, "idle", {"rooms": rooms, **context}, status=status)


def _today(request: HttpRequest) -> dict[str, Any]:
    facility, on = request.actor.facility, timezone.localdate()  # type: ignore[attr-defined]
    visits = queries.visits_today(facility, on)
    page = Paginator(visits, PAGE).get_page(request.GET.get("page"))
    counts = visits.aggregate(
        all=Count("pk", filter=~Q(state=Visit.State.CANCELLED)), waiting=Count("pk", filter=Q(state=Visit.State.OPEN))
    )
    rows = [
        {
            "visit": row,
            "label": f"{'A' if row.priority else ''}{row.ticket_number or 0:03d}",
            "state": _SHORT.get(row.state, row.get_state_display()),
            "badge": _BADGES[row.state],
        }
        for row in page
    ]
    context = {"page": page, "rows": rows, "counts": counts, "on": on}
    drawn = polling.part(request, "patients/reception_today_rows.html", context)
    return {"today": drawn, "part": drawn, "page_number": page.number}


def _new_form(request: HttpRequest, read: scan.Scan, warnings: Sequence[str] = ()) -> HttpResponse:
    facility, on = request.actor.facility, timezone.localdate()  # type: ignore[attr-defined]
    options, lists = given.form_options(facility, on), given.person_options(on)
    initial = forms.person_initial(read, on, ethnicities=lists["ethnicities"])
    initial |= {**given.visit_initial(options["rooms"]), **given.typed_of_same(request.POST, read, on)}
    form = forms.NewPatientForm(initial=initial, **lists, **options)
    insured = ["commune"] if initial["card_number"] else []
    form.focus_first_gap("full_name", "birth", "sex", *insured)
    return _screen(request, "new", {"form": form, "warnings": (*warnings, *read.warnings), "read": read})


def _open_patient(request: HttpRequest, read: scan.Scan) -> Patient | None:
    """The registered person whose form is open, when a card of the same person was scanned: it joins that form."""
    pk = row_id(request.POST.get("open_patient", ""))
    if not pk or not read.has_person:
        return None
    patient = queries.get_patient(request.actor.facility, pk)  # type: ignore[attr-defined]
    return None if given.differences(patient, read) else patient


def _not_found(request: HttpRequest, read: scan.Scan) -> HttpResponse:
    if read.kind in {"claim_code", "patient_code", "prescription_code"}:
        return _idle(request, {"warnings": ["Không có mã này tại cơ sở"]}, status=404)
    return _new_form(request, read)


def _known_form(
    request: HttpRequest,
    patient: Patient,
    *,
    read: scan.Scan | None = None,
    carried: Mapping[str, Any] | None = None,
) -> HttpResponse:
    facility, on = request.actor.facility, timezone.localdate()  # type: ignore[attr-defined]
    options = given.form_options(facility, on)
    card = queries.card_for(patient, on)
    doubts = given.differences(patient, read) if read else []
    address = read.address if read and not doubts else ""
    initial = {**given.visit_initial(options["rooms"]), **forms.known_initial(patient, card, on, address)}
    if last := patient.visits.order_by("-arrived_at").values_list("room_id", flat=True).first():
        initial["room"] = last if last in {room.pk for room in options["rooms"]} else initial["room"]
    if read:
        initial.update(given.scanned_card(patient, read, on))
    initial.update(carried or {})
    form = forms.KnownPatientForm(initial=initial, cards=given.card_choices(patient, on), **options)
    form.focus_first_gap(*(["commune"] if initial.get("card") or initial.get("card_number") else []))
    warnings = [*doubts, *read.warnings] if read else []
    return _known_screen(request, patient, form, warnings=warnings)


def _known_screen(
    request: HttpRequest,
    patient: Patient,
    form: forms.KnownPatientForm,
    *,
    warnings: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    facility, on = request.actor.facility, timezone.localdate()  # type: ignore[attr-defined]
    card = queries.card_for(patient, on)
    earlier = queries.earlier_visits(patient)
    context = {
        "form": form,
        "patient": patient,
        "cards": [(row, queries.is_valid(row, on), row.valid_from > on) for row in patient.cards.all()],
        "earlier": earlier,
        "open_today": [visit for visit in earlier if _is_open_today(visit, on)],
        "strip": strip_for(patient, on=on, card=card),
        "warnings": warnings,
        "facility": facility,
    }
    return _screen(request, "known", context, status=status)


def _visit(
    request: HttpRequest, row: Visit, *, form: forms.CancelForm | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "visit": row,
        "tickets": list(row.tickets.all()),
        "badge": _BADGES[row.state],
        "form": form or forms.CancelForm(),
        "strip": strip_of_visit(row),
    }
    return _screen(request, "visit", context, status=status)


def _done(visit: Visit) -> HttpResponse:
    return redirect(f"{reverse('reception')}?done={visit.pk}")


def _opened(visit: Visit) -> dict[str, Any]:
    return {"visit": visit, "ticket": visit.tickets.all()[0]}


def _visit_of(facility: Facility, read: scan.Scan) -> Visit | None:
    rows = Visit.objects.for_facility(facility)
    if read.prescription_code:
        rows = rows.filter(prescriptions__sheets__code__iexact=read.prescription_code)
    else:
        rows = rows.filter(claim_code=read.claim_code)
    pk = rows.values_list("pk", flat=True).first()
    return queries.get_visit(facility, pk) if pk else None


def _is_open_today(visit: Visit, on: date) -> bool:
    return visit.state in {Visit.State.OPEN, Visit.State.IN_EXAM} and dates.local(visit.arrived_at).date() == on
