"""Writing in a register: a new line, from a visit or not, its corrections, its cancellation."""

import secrets
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from his.access import DeskRequest, requires
from his.core.codes import row_id
from his.core.dates import local, parse_day
from his.core.errors import NotFound, Refusal
from his.core.text import fold
from his.ui.forms import add_refusal, saved, status_of
from his.ui.text import day_text
from his.ui.typeahead import LIMIT, Option, answer
from patients.models import Patient, Visit
from patients.queries import find_patients, get_patient
from reports.registers.definition import Register, register_version
from reports.registers.facts import Names
from reports.registers.fill import facts_of_person, facts_of_staff, facts_of_visit, filled, visit_to_write
from reports.registers.forms import CancelForm, EntryForm, shown_values
from reports.registers.models import RegisterEarlier, RegisterEntry
from reports.registers.queries import get_entry, open_register, writable, written_of
from reports.registers.services import cancel_entry, correct_entry, write_entry
from reports.registers.values import shown_cell
from reports.views.registers import desk, now, today

SHORTEST = 2
"""Fewer letters are looked for nowhere: they mean everybody."""


@require_http_methods(["GET", "POST"])
@requires("registers.write")
def entry_new(request: DeskRequest, code: str) -> HttpResponse:
    """A new line: empty, or filled from a visit."""
    visit = _visit(request)
    on = local(visit.arrived_at).date() if visit else today()
    if request.method == "POST":
        return _write(request, open_register(request.actor, code, _day_typed(request) or on), visit)
    register = open_register(request.actor, code, on)
    facts = {**facts_of_staff(request.actor), **(facts_of_visit(visit) if visit else {})}
    first = {"entered_on": on, **filled(register, facts)}
    first["patient"] = visit.patient_id if visit else None
    return _new_screen(request, register, EntryForm(initial=first, register=register), visit)


def _write(request: DeskRequest, register: Register, visit: Visit | None) -> HttpResponse:
    form = EntryForm(request.POST, register=register)
    if form.is_valid():
        try:
            entry = write_entry(
                register=register.code,
                on=form.cleaned_data["entered_on"],
                typed=form.typed(),
                patient=_patient(request, form),
                visit=visit,
                idempotency_key=request.POST.get("once", "")[:100],
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            add_refusal(form, refusal)
            return _new_screen(request, register, form, visit, status=status_of(refusal))
        saved(request, f"Đã ghi {register.short_title} số {entry.number}/{entry.year}")
        return redirect("register-visit", pk=visit.pk) if visit else redirect("register-entry-new", code=register.code)
    return _new_screen(request, register, form, visit, status=422)


def _day_typed(request: DeskRequest) -> date | None:
    """The day of the line as it was typed: it tells the version of the register. None for what is no day."""
    try:
        return parse_day(request.POST.get("entered_on", ""))
    except ValueError:
        return None


def _new_screen(
    request: DeskRequest, register: Register, form: EntryForm, visit: Visit | None, *, status: int = 200
) -> HttpResponse:
    context = {
        **desk(request, register),
        "register": register,
        "form": form,
        "visit": visit,
        "person_text": _person_text(form),
        "latest": RegisterEntry.objects.for_facility(request.actor.facility)
        .filter(register=register.code)
        .order_by("-pk")[:8],
        "once": request.POST.get("once") or secrets.token_hex(16),
    }
    return render(request, "reports/registers/entry.html", context, status=status)


def _person_text(form: EntryForm) -> str:
    person = form.register.person
    return form[person.key].value() or "" if person else ""


def _visit(request: DeskRequest) -> Visit | None:
    raw = request.GET.get("visit", "")
    return visit_to_write(request.actor.facility, row_id(raw)) if raw else None


def _patient(request: DeskRequest, form: EntryForm) -> Patient | None:
    pk = form.cleaned_data.get("patient")
    return get_patient(request.actor.facility, row_id(str(pk))) if pk else None


def _whom(request: DeskRequest, form: EntryForm, row: RegisterEntry) -> Patient | None:
    """Whom a corrected line names: who was chosen, else the same person as long as the name means the same."""
    person = form.register.person
    if chosen := _patient(request, form):
        return chosen
    is_same = person is None or fold(form.typed()[person.key]) == fold(row.values.get(person.key, ""))
    return row.patient if is_same else None


@require_GET
@requires("registers.view")
def entry(request: DeskRequest, pk: int) -> HttpResponse:
    """One line: what it says, what it said before, why it was corrected or cancelled."""
    row = get_entry(request.actor, pk)
    return _entry_screen(request, row, _correction(row))


@require_POST
@requires("registers.write")
def entry_correct(request: DeskRequest, pk: int) -> HttpResponse:
    """Correct a line."""
    row = get_entry(request.actor, pk)
    register = open_register(request.actor, row.register, _day_typed(request) or row.entered_on)
    form = EntryForm(request.POST, register=register, is_correction=True)
    if not form.is_valid():
        return _entry_screen(request, row, form, status=422)
    try:
        done = correct_entry(
            entry=row,
            version=_version(request),
            on=form.cleaned_data["entered_on"],
            typed=form.typed(),
            reason=form.cleaned_data["reason"],
            patient=_whom(request, form, row),
            actor=request.actor,
            at=now(),
        )
    except Refusal as refusal:
        add_refusal(form, refusal)
        return _entry_screen(request, row, form, status=status_of(refusal))
    saved(request, f"Đã sửa {register.short_title} số {done.number}/{done.year}, bản {done.version}")
    return redirect("register-entry", pk=done.pk)


@require_POST
@requires("registers.write")
def entry_cancel(request: DeskRequest, pk: int) -> HttpResponse:
    """Cancel a line with a reason."""
    row = get_entry(request.actor, pk)
    cancelling = CancelForm(request.POST)
    if cancelling.is_valid():
        try:
            reason = cancelling.cleaned_data["cancel_reason"]
            cancel_entry(entry=row, version=_version(request), reason=reason, actor=request.actor, at=now())
        except Refusal as refusal:
            add_refusal(cancelling, refusal)
            return _entry_screen(request, row, _correction(row), cancelling, status=status_of(refusal))
        saved(request, f"Đã hủy dòng số {row.number}/{row.year}")
        return redirect("register-entry", pk=row.pk)
    return _entry_screen(request, row, _correction(row), cancelling, status=422)


def _version(request: DeskRequest) -> int:
    raw = request.POST.get("version", "")
    return int(raw) if raw.isdecimal() and len(raw) < 9 else 0


def _correction(row: RegisterEntry) -> EntryForm:
    register = register_version(row.register, row.definition)
    first = {"entered_on": row.entered_on, "patient": row.patient_id, **shown_values(register, row.values)}
    return EntryForm(initial=first, register=register, is_correction=True)


def _entry_screen(
    request: DeskRequest,
    row: RegisterEntry,
    form: EntryForm,
    cancelling: CancelForm | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    register = register_version(row.register, row.definition)
    context = {
        **desk(request, register),
        "register": form.register,
        "entry": row,
        "form": form,
        "cancelling": cancelling or CancelForm(),
        "may_write": request.actor.may("registers.write") and row.cancelled_at is None,
        "person_text": _person_text(form),
        "facts": [(c.heading, shown_cell(c, row.values.get(c.key, ""))) for c in register.columns],
        "earlier": [(older, _differences(older, row)) for older in row.earlier.select_related("patient", "written_by")],
        "version": request.POST.get("version") or row.version,
    }
    return render(request, "reports/registers/entry.html", context, status=status)


def _differences(older: RegisterEarlier, row: RegisterEntry) -> list[tuple[str, str]]:
    """(heading, what stood there) of what a version had otherwise than the line has now."""
    register, values = register_version(row.register, older.definition), older.values
    cells = [
        (column.heading, shown_cell(column, values.get(column.key, "")) or "trống")
        for column in register.columns
        if values.get(column.key, "") != row.values.get(column.key, "")
    ]
    if older.entered_on != row.entered_on:
        cells.insert(0, (register.day_heading, day_text(older.entered_on)))
    if older.patient_id != row.patient_id:
        cells.append(("Hồ sơ người bệnh", older.patient.code if older.patient else "không liên kết"))
    return cells


@require_GET
@requires("registers.write")
def people(request: DeskRequest) -> HttpResponse:
    """People that a typed or scanned text means; choosing one fills the line. One letter means nobody yet."""
    day, text = today(), request.GET.get("q", "")[:200].strip()
    found = find_patients(request.actor.facility, text, on=day)[:LIMIT] if len(text) >= SHORTEST else []
    names, options = Names.of(found, day), []
    for patient in found:
        facts: dict[str, Any] = facts_of_person(patient, day, names)
        facts["age"] = facts["age"] if facts["age"].isdecimal() else ""
        about = " · ".join(part for part in (facts["birth"], facts["sex"], patient.code) if part)
        data = {name: value for name, value in facts.items() if value}
        options.append(Option(str(patient.pk), patient.full_name, about, data))
    return answer(request, options, show_code=False)


@require_GET
@requires("registers.write")
def from_visit(request: DeskRequest, pk: int) -> HttpResponse:
    """Which register to write a visit into, and what was written of it."""
    visit = visit_to_write(request.actor.facility, pk)
    choices = [
        (row, f"{reverse('register-entry-new', args=[row.code])}?{urlencode({'visit': visit.pk})}")
        for row in writable(request.actor, today())
        if row.person
    ]
    if not choices:
        raise NotFound
    context = {
        **desk(request),
        "visit": visit,
        "facts": facts_of_visit(visit),
        "choices": choices,
        "written": written_of(request.actor, visit),
    }
    return render(request, "reports/registers/visit.html", context)
