"""The stamp that the form of an exam carries, and what differs when the exam was changed elsewhere meanwhile."""

import secrets
from dataclasses import dataclass

from django import forms
from django.http import HttpRequest

from his.core.codes import clean_code
from patients.forms_clinical import SEND_ON, DiagnosisForm, DiagnosisRow, ExamForm
from patients.models import Exam, Visit
from patients.services.outcomes import TRANSFER_FIELDS, TRANSFERS
from patients.services.unseen import stamp_of, stamp_unbegun

_APART = {"send_on_to"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of the exam that is stored in another way than it was typed, in words."""

    label: str
    stored: str
    typed: str


def fresh_stamp(visit: Visit, exam: Exam | None) -> str:
    """The stamp for a form that shows the exam as it is stored, with a name for the page that is drawn."""
    stamp = stamp_unbegun(visit) if exam is None else stamp_of(exam)
    return f"{stamp}.{secrets.token_hex(8)}"


def with_page(stamp: str, seen: str | None) -> str:
    """The next stamp of the page that sent `seen`."""
    page = (seen or "").partition(".")[2]
    return f"{stamp}.{page or secrets.token_hex(8)}"


def stamp_sent(request: HttpRequest) -> str | None:
    """What the form says that it showed; `keep` is what the doctor was shown since. None when nothing is said."""
    seen, shown = request.POST.get("seen"), request.POST.get("keep")
    return with_page(shown, seen) if shown else seen


def differences_of(visit: Visit, exam: Exam | None, form: ExamForm, diagnoses: DiagnosisForm) -> list[Difference]:
    """What is typed otherwise than it is stored, in the order of the form; hidden parts of a transfer are left out."""
    stored_form = ExamForm.of(visit, exam, None)
    outcomes = {stored_form["outcome"].value(), form["outcome"].value()}
    apart = _APART if outcomes & set(TRANSFERS) else {*_APART, *TRANSFER_FIELDS}
    found = [
        Difference(str(form[name].label), _words(stored_form, name), _words(form, name))
        for name in form.fields
        if name not in apart
    ]
    if form["outcome"].value() == SEND_ON:  # is no outcome, and never stored as one
        found = [row for row in found if row.label != form["outcome"].label]
    stored = DiagnosisForm.of(exam)
    if [_code(row) for row in _named(stored)] != [_code(row) for row in _named(diagnoses)]:
        found.append(Difference("Chẩn đoán", _lines(stored), _lines(diagnoses)))
    return [row for row in found if row.stored != row.typed]


def _words(form: ExamForm, name: str) -> str:
    value = form[name].value()
    field = form.fields[name]
    if isinstance(field.widget, forms.Select):
        value = {str(code): label for code, label in field.widget.choices}.get(str(value), value)
    return str(value or "").replace("\r\n", "\n").strip()


def _named(form: DiagnosisForm) -> list[DiagnosisRow]:
    return [row for row in [form.main, *form.others] if row.code or row.text]


def _code(row: DiagnosisRow) -> str:
    return clean_code(row.code) or row.text


def _lines(form: DiagnosisForm) -> str:
    return "\n".join(row.text or row.code for row in _named(form))
