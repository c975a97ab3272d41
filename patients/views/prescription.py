"""The prescription panel of the doctor's desk (F8): the grid, the figures of a row, copying an earlier one."""

from collections.abc import Sequence
from decimal import Decimal

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from his.access import DeskRequest, requires
from his.accounts.models import Staff
from his.catalogs import queries as catalogs
from his.catalogs.models import Drug
from his.core.codes import row_id
from his.core.errors import NotFound, Refusal
from his.core.text import nfc
from his.ui.forms import saved, say
from his.ui.text import decimal_text
from his.ui.typeahead import Option, answer
from patients.forms_prescription import LineForm, LineInfo, PrescriptionForm
from patients.forms_safety import read_reasons, with_reasons
from patients.hooks import prescribing_checks, visit_checks
from patients.models import Prescription, PrescriptionLine, SafetyOverride, Visit
from patients.notices import Line, LineKind, Stage, by_line
from patients.queries import get_visit
from patients.queries_clinical import (
    copyable_prescription,
    current_exam,
    days_allowed,
    drugs_by_code,
    earlier_exams,
    favourite_lines,
    last_exam,
    main_code,
    prescription_of,
    signed_prescription,
    stock_in_words,
    usable_stock,
)
from patients.queries_safety import overrides_of
from patients.services.prescriptions import prescribe
from patients.services.replacement import replace_prescription
from patients.views.desk import begin_exam, now, sent, today
from patients.views.doctor import panel_context
from patients.views.safety import reasons_context


@require_http_methods(["GET", "POST"])
@requires("patients.examine")
def prescription(request: DeskRequest, visit_id: int) -> HttpResponse:
    """GET the grid (with `copy`, an earlier prescription in it); POST stores it and shows the panel again."""
    row = get_visit(request.actor.facility, visit_id)
    if request.method == "GET":
        return _panel(request, row, _form(row, request.GET.get("copy", "")))
    form, reasons = PrescriptionForm.read(sent(request)), read_reasons(sent(request))
    lines = form.lines(request.actor.facility, today())
    if lines is not None:
        try:
            exam = begin_exam(request, row)
            prescribe(exam=exam, lines=lines, note=form.note, reasons=reasons, actor=request.actor, at=now())
        except Refusal as refusal:
            form.add_refusal(refusal)
        else:
            shown = last_exam(row)
            context = {**panel_context(row, shown), "is_saved": True, "line_count": len(lines)}
            context |= reasons_context(row, shown, request.actor.staff)
            response = render(request, "patients/doctor/panel.html", context)
            return say(response, f"Đã lưu đơn {len(lines)} thuốc. F9 để ký.")
    return _panel(request, row, form, status=422)


@require_http_methods(["GET", "POST"])
@requires("patients.examine")
def replacement(request: DeskRequest, prescription_id: int) -> HttpResponse:
    """Another prescription in place of a signed one: GET the grid with its lines, POST signs what is in the grid."""
    old = signed_prescription(request.actor.facility, prescription_id)
    row = get_visit(request.actor.facility, old.visit_id)
    if request.method == "GET":
        return _panel(request, row, PrescriptionForm.of(old), replaces=old)
    form, reasons = PrescriptionForm.read(sent(request)), read_reasons(sent(request))
    lines = form.lines(request.actor.facility, today())
    if lines is not None:
        try:
            new = replace_prescription(
                prescription=old,
                lines=lines,
                reason=form.reason,
                note=form.note,
                reasons=reasons,
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            form.add_refusal(refusal)
        else:
            saved(request, f"Đã ký đơn {new.number} thay cho đơn {old.number}. F10 để in.")
            return HttpResponseClientRedirect(reverse("doctor-visit", args=[row.pk]))
    return _panel(request, row, form, status=422, replaces=old)


def _form(row: Visit, copy: str) -> PrescriptionForm:
    if not copy:
        exam = current_exam(row)
        return PrescriptionForm.of(prescription_of(exam) if exam is not None else None)
    earlier = copyable_prescription(row, row_id(copy))
    if earlier is None:
        raise NotFound
    return PrescriptionForm.of(earlier)


def _panel(
    request: DeskRequest,
    row: Visit,
    form: PrescriptionForm,
    status: int = 200,
    replaces: Prescription | None = None,
) -> HttpResponse:
    _inform(request, form.rows)
    not_checked = _check(request, row, form.rows)
    exam = current_exam(row)
    context = {
        "not_checked": not_checked,
        "reason_choices": SafetyOverride.Reason.choices,
        "visit": row,
        "exam": exam,
        "rx": form,
        "replaces": replaces,
        "days_allowed": days_allowed(main_code(exam), today()) if exam is not None else None,
        "earlier": [earlier for earlier in earlier_exams(row, exam, limit=3) if earlier.prescription],
    }
    return render(request, "patients/doctor/prescription.html", context, status=status)


def _inform(request: DeskRequest, forms: Sequence[LineForm]) -> None:
    """Put the computed quantity and the stock into the rows."""
    codes = [form.drug_code for form in forms]
    drugs = drugs_by_code(request.actor.facility, codes, today())
    stock = usable_stock(request.actor.facility, drugs.values(), today())
    for form in forms:
        if drug := drugs.get(form.drug_code):
            form.info = _info(form, drug, stock.get(drug.pk))


def _check(request: DeskRequest, row: Visit, forms: Sequence[LineForm]) -> Sequence[str]:
    """Put what the rules find into the rows; those that cannot be read yet are left out. What could not be checked."""
    drugs = drugs_by_code(request.actor.facility, [form.drug_code for form in forms], today())
    typed: list[PrescriptionLine] = []
    places: dict[Line, LineForm] = {}
    for form in forms:
        line = _typed_line(form, drugs.get(form.drug_code), len(typed) + 1)
        if line is not None:
            typed.append(line)
            places[Line(LineKind.DRUG, line.position)] = form
    if not typed:
        return ()
    report = prescribing_checks(row, request.actor.staff, now(), typed)
    exam = current_exam(row)
    stored = overrides_of(exam) if exam is not None else {}
    notices = with_reasons(report.notices, read_reasons(sent(request)), stored)
    found = by_line(n for n in [*visit_checks(row, Stage.ORDER, now(), typed), *notices] if n.line in places)
    for place, form in places.items():
        if form.info is not None:
            form.info.notices = found.get(place)
    return report.not_checked


def _typed_line(form: LineForm, drug: Drug | None, position: int) -> PrescriptionLine | None:
    """A row as a line that is not stored; None while it has no drug or no quantity."""
    typed = LineForm({name: form[name].value() for name in form.fields}, prefix=None)
    if drug is None or not typed.is_valid():
        return None
    line = typed.line(drug)
    quantity = line.computed if line.quantity is None else line.quantity
    if quantity <= 0:
        return None
    names = ("drug", "morning", "noon", "afternoon", "evening", "days", "usage", "is_insured")
    given = {name: getattr(line, name) for name in names}
    return PrescriptionLine(position=position, quantity=quantity, **given)


def _info(form: LineForm, drug: Drug, usable: Decimal | None) -> LineInfo:
    typed = LineForm({name: form[name].value() for name in form.fields}, prefix=None)
    info = LineInfo(stock=stock_in_words(usable))
    if typed.is_valid():
        line = typed.line(drug)
        quantity = line.computed if line.quantity is None else line.quantity
        info.quantity = f"{decimal_text(quantity)} {drug.unit}" if quantity else ""
        info.lacking = quantity > (usable or 0)
    return info


@require_POST
@requires("patients.examine")
def line(request: DeskRequest, visit_id: int) -> HttpResponse:
    """The figures of one row, and what the rules find in all rows now that it has changed."""
    row = get_visit(request.actor.facility, visit_id)
    wanted = request.POST.get("row", "")
    rows = PrescriptionForm.read(sent(request)).rows
    form = next((form for form in rows if form.prefix == wanted), None)
    if form is not None:
        _inform(request, rows)
        _check(request, row, rows)
    context = {"form": form, "rows": rows if form else (), "reason_choices": SafetyOverride.Reason.choices}
    return render(request, "patients/doctor/line.html", context)


@require_GET
@requires("patients.examine")
def drug_search(request: DeskRequest) -> HttpResponse:
    """Rows of the drug box with their stock; the doctor's own habits fill the doses of the row."""
    q, day, staff = nfc(request.GET.get("q", ""))[:100], today(), request.actor.staff
    drugs: list[Drug] = catalogs.search_drugs(request.actor.facility, q, on=day) if q else []
    habits = _habits(staff, drugs, day=q == "")
    if not q:
        known = drugs_by_code(request.actor.facility, list(habits), day)
        drugs = [known[code] for code in habits if code in known]
    drugs.sort(key=lambda drug: drug.code not in habits)
    stock = usable_stock(request.actor.facility, drugs, day)
    return answer(
        request, [_option(drug, habits.get(drug.code), stock.get(drug.pk)) for drug in drugs], show_code=False
    )


def _habits(staff: Staff | None, drugs: Sequence[Drug], *, day: bool) -> dict[str, PrescriptionLine]:
    if staff is None or (not drugs and not day):
        return {}
    return {habit.drug.code: habit for habit in favourite_lines(staff, now(), drugs)}


def _option(drug: Drug, habit: PrescriptionLine | None, usable: Decimal | None) -> Option:
    fill = {"usage": drug.route_name}
    if habit is not None:
        doses = {name: getattr(habit, name) for name in ("morning", "noon", "afternoon", "evening")}
        fill = {name: decimal_text(dose) if dose else "" for name, dose in doses.items()}
        fill |= {"days": str(habit.days), "usage": habit.usage}
    stock = stock_in_words(usable)
    return Option(
        drug.code,
        drug.label,
        note=drug.unit if stock == "hết" else f"{drug.unit} · {stock}",
        data=fill,
        warn="hết" if stock == "hết" else "",
    )
