"""The prescription on A5 (đơn thuốc, annex I of TT 26/2025/TT-BYT), from the signed record only."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.catalogs.models import Drug, Sex
from his.core.dates import age_months, age_text, local
from his.core.errors import NotFound, Refusal
from his.core.text import fold
from his.printing.codes import code128_svg, qr_svg
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from patients import dosing
from patients.models import Patient, Prescription, PrescriptionLine
from patients.queries import latest_vitals

PRESCRIPTION = Form("prescription", "Đơn thuốc", Path(__file__).with_name("prescription.typ"))

SMALL_CHILD_MONTHS = 72
"""Below this age the prescription says the age in months, the weight and who came with the child (TT 26/2025)."""


@service(action="patients.print_prescription", permission="patients.view")
def print_prescription(*, prescription: Prescription, actor: Actor, at: datetime) -> bytes:
    """The signed prescription as PDF (in đơn thuốc). Refuses one that is not signed or has no drugs."""
    if not prescription.is_signed:
        raise Refusal("not_signed", "Đơn thuốc chưa ký")
    data = prescription_data(prescription)
    if not data["lines"]:
        raise Refusal("no_lines", "Đơn không có thuốc")
    return print_form(form=PRESCRIPTION, obj=prescription, data=data, number=prescription.number, actor=actor, at=at)


def prescription_data(prescription: Prescription) -> dict[str, Any]:
    """What the prescription says."""
    exam, visit, patient = prescription.exam, prescription.visit, prescription.visit.patient
    signed = local(prescription.signed_at or prescription.prescribed_at)
    vitals, card, doctor = latest_vitals(visit), visit.card, prescription.prescribed_by
    diagnoses = exam.diagnoses.order_by("-is_main", "position")
    is_small = age_months(patient.born_on, signed.date()) < SMALL_CHILD_MONTHS
    return {
        "number": prescription.number,
        "barcode": code128_svg(prescription.number),
        "qr": qr_svg(prescription.number),
        "full_name": patient.full_name,
        "birth": patient.birth.text(),
        "age": age_text(patient.born_on, signed.date(), patient.birth.precision),
        "sex": Sex(patient.sex).label,
        "weight": dosing.number(vitals.weight_kg) if vitals and vitals.weight_kg else "",
        "citizen_id": patient.citizen_id,
        "address": patient.address,
        "card_number": card.number if card and visit.is_insured else "",
        "guardian": _guardian(patient) if is_small else "",
        "allergies": patient.allergies,
        "diagnosis": "; ".join(f"{row.code} - {row.name}" for row in diagnoses),
        "lines": [_line(line) for line in prescription.lines.select_related("drug")],
        "note": prescription.note,
        "advice": exam.advice,
        "follow_up": f"{exam.follow_up_on:%d/%m/%Y}" if exam.follow_up_on else "",
        "signed": f"{signed:%H} giờ {signed:%M}, ngày {signed:%d} tháng {signed:%m} năm {signed:%Y}",
        "doctor": doctor.full_name,
        "doctor_title": doctor.title,
    }


def _guardian(patient: Patient) -> str:
    return ", ".join(part for part in (patient.guardian_name, patient.guardian_phone) if part)


def _line(line: PrescriptionLine) -> dict[str, str]:
    drug = line.drug
    doses = dosing.Doses(line.morning, line.noon, line.afternoon, line.evening)
    return {
        "name": drug_name(drug),
        "strength": drug.strength,
        "quantity": f"{quantity_text(line.quantity)} {drug.unit.lower()}",
        "usage": ". ".join(part for part in (_taken(drug, doses, line.days), line.usage) if part),
    }


def _taken(drug: Drug, doses: dosing.Doses, days: int) -> str:
    text = dosing.dose_text(drug.quantity_rule, drug.unit, doses, days) or f"{days} ngày"
    return f"{drug.route_name}: {text}" if drug.route_name else text


def drug_name(drug: Drug) -> str:
    """International name with the trade name in brackets; the trade name of several ingredients (TT 26/2025)."""
    if any(mark in drug.ingredient for mark in "+;,") or not drug.ingredient:
        return drug.name
    return drug.ingredient if fold(drug.ingredient) == fold(drug.name) else f"{drug.ingredient} ({drug.name})"


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
