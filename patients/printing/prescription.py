"""The papers of a prescription on A5 (đơn thuốc), from the signed record only.

Each sheet (ordinary, N, H, herbs) is a paper of its own in as many copies as the law asks for, all in one print:
annexes I to III of TT 26/2025/TT-BYT, TT 55/2025/TT-BYT. docs/prescriptions.md says what is known of their layout.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.catalogs.models import ControlClass, Sex
from his.core.dates import age_text, local
from his.core.errors import NotFound, Refusal
from his.core.words import quantity_in_words
from his.printing.codes import qr_svg
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from patients import dosing
from patients.models import Prescription, PrescriptionLine, PrescriptionSheet
from patients.naming import diagnosis_text, drug_name, guardian_text, is_small_child, usage_text
from patients.queries import latest_vitals
from patients.queries_clinical import lines_of
from patients.series import Portion, portions, whole
from patients.sheets import HERBS, ORDINARY, SheetRule, rules_on

PRESCRIPTION = Form("prescription", "Đơn thuốc", Path(__file__).with_name("prescription.typ"))


@service(action="patients.print_prescription", permission="patients.view")
def print_prescription(*, prescription: Prescription, actor: Actor, at: datetime) -> bytes:
    """All papers of a signed prescription in all their copies as one PDF (in đơn thuốc); refuses one not signed."""
    if not prescription.is_signed:
        raise Refusal("not_signed", "Đơn thuốc chưa ký")
    if prescription.is_void:
        raise Refusal("replaced", f"Đơn thuốc đã được thay bằng đơn {prescription.replaced_by.number}")
    data = prescription_data(prescription)
    return print_form(form=PRESCRIPTION, obj=prescription, data=data, number=prescription.number, actor=actor, at=at)


def prescription_data(prescription: Prescription) -> dict[str, Any]:
    """What the papers of the prescription say: the head that they share, then each sheet with its drugs and copies."""
    signed_on = local(prescription.signed_at or prescription.prescribed_at).date()
    rules = rules_on(signed_on)
    by_kind: dict[str, list[PrescriptionLine]] = {}
    for line in lines_of(prescription):
        by_kind.setdefault(line.sheet.kind if line.sheet is not None else ORDINARY, []).append(line)
    stored = list(prescription.sheets.order_by("part", "pk"))
    sheets = []
    for kind in rules:
        if kind in by_kind:
            # Prescriptions signed before papers had codes have none: they print as ordinary ones without a code.
            papers = [one for one in stored if one.kind == kind] or [None]
            sheets += [_sheet(rules[kind], one, by_kind[kind], prescription, signed_on, len(papers)) for one in papers]
    return {**_head(prescription, signed_on), "sheets": sheets}


def _head(prescription: Prescription, signed_on: date) -> dict[str, Any]:
    exam, visit, patient = prescription.exam, prescription.visit, prescription.visit.patient
    signed = local(prescription.signed_at or prescription.prescribed_at)
    vitals, card, doctor = latest_vitals(visit), visit.card, prescription.prescribed_by
    diagnoses = exam.diagnoses.order_by("-is_main", "position")
    is_small = is_small_child(patient, signed_on)
    is_short = bool(patient.citizen_id) and visit.facility.is_known_person_short
    return {
        "number": prescription.number,
        "replaces": replaced_numbers(prescription),
        "full_name": patient.full_name,
        "birth": "" if is_short and not is_small else patient.birth.text(),
        "age": age_text(patient.born_on, signed_on, patient.birth.precision),
        "is_small": is_small,
        "sex": "" if is_short else Sex(patient.sex).label,
        "weight": dosing.number(vitals.weight_kg) if vitals and vitals.weight_kg else "",
        "citizen_id": patient.citizen_id,
        "address": "" if is_short else patient.address,
        "card_number": card.number if card and visit.is_insured else "",
        "guardian": guardian_text(patient) if is_small else "",
        "allergies": patient.allergies,
        "diagnosis": diagnosis_text(diagnoses),
        "note": prescription.note,
        "advice": exam.advice,
        "follow_up": f"{exam.follow_up_on:%d/%m/%Y}" if exam.follow_up_on else "",
        "signed": f"{signed:%H} giờ {signed:%M}, ngày {signed:%d} tháng {signed:%m} năm {signed:%Y}",
        "doctor": doctor.full_name,
        "doctor_title": doctor.title,
    }


def replaced_numbers(prescription: Prescription) -> str:
    """The codes of the prescription that this one replaces, or its number when it had none; empty for a first one."""
    old = prescription.replaces
    if old is None:
        return ""
    return ", ".join(filter(None, (sheet.code for sheet in old.sheets.all()))) or str(old.number)


def _sheet(
    rule: SheetRule,
    sheet: PrescriptionSheet | None,
    lines: Sequence[PrescriptionLine],
    prescription: Prescription,
    signed_on: date,
    papers: int,
) -> dict[str, Any]:
    """Poisonous drugs come first (TT 26/2025/TT-BYT), the others as the doctor wrote them. Of consecutive papers each
    says which it is, its days of treatment and when its drugs are fetched."""
    code = sheet.code if sheet is not None else ""
    held = portions(sheet, lines, signed_on) if sheet is not None else whole(lines)
    ordered = sorted(held, key=lambda one: one.line.drug.control_class != ControlClass.TOXIC)
    first_day, last_day = signed_on, signed_on + timedelta(days=max(line.days for line in lines) - 1)
    valid_from, valid_until = "", rule.valid_until(signed_on)
    if (
        sheet is not None
        and sheet.first_day is not None
        and sheet.last_day is not None
        and sheet.valid_from is not None
    ):
        first_day, last_day, valid_until = sheet.first_day, sheet.last_day, sheet.valid_until
        valid_from = f"{sheet.valid_from:%d/%m/%Y}"
    return {
        "title": rule.title_vi,
        "code": code,
        "qr": qr_svg(code or prescription.number),
        "copies": list(rule.copies),
        "part": f"Đơn {sheet.part}/{papers} (liên tiếp)" if sheet is not None and papers > 1 else "",
        "valid_from": valid_from,
        "valid_until": f"{valid_until:%d/%m/%Y}",
        "period": f"từ ngày {first_day:%d/%m/%Y} đến hết ngày {last_day:%d/%m/%Y}" if rule.says_period else "",
        "wants_recipient": rule.wants_recipient,
        "is_herbal": rule.kind == HERBS,
        "lines": [_herb(one.line) if rule.kind == HERBS else _line(one, rule) for one in ordered],
        "decoctions": str(max(line.days for line in lines)),
    }


def _line(one: Portion, rule: SheetRule) -> dict[str, str]:
    line, drug = one.line, one.line.drug
    count = quantity_text(one.quantity)
    words = f"{quantity_in_words(one.quantity)} ({count})" if rule.says_words else count
    return {
        "name": drug_name(drug),
        "strength": drug.strength,
        "quantity": f"{words} {drug.unit.lower()}",
        "usage": usage_text(line, one.days),
    }


def _herb(line: PrescriptionLine) -> dict[str, str]:
    """One herb: how much goes into one decoction, and in all; a decoction a day."""
    each = line.quantity / line.days
    return {
        "name": line.drug.name,
        "each": quantity_text(round(each, 2).normalize()) if each != round(each) else quantity_text(each),
        "unit": line.drug.unit.lower(),
        "quantity": f"{quantity_text(line.quantity)} {line.drug.unit.lower()}",
        "usage": line.usage,
    }


def quantity_text(quantity: Decimal) -> str:
    """A quantity with a leading zero below ten, so that no figure can be put in front: 05, 0,5, 30 (TT 26/2025)."""
    text = dosing.number(quantity)
    return f"0{text}" if quantity < 10 and quantity == quantity.to_integral_value() else text


@require_GET
@requires("patients.view")
def prescription_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The prescription of a visit at the user's facility."""
    prescription = (
        Prescription.objects.for_facility(request.actor.facility)
        .select_related("exam", "visit__patient", "visit__card", "visit__facility", "prescribed_by")
        .filter(pk=pk)
        .first()
    )
    if prescription is None:
        raise NotFound
    pdf = print_prescription(prescription=prescription, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"don-thuoc-{prescription.number}.pdf")
