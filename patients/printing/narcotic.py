"""Papers beside prescriptions of narcotics: the commitment of who uses them, the confirmation that a patient at home
still needs them, the record of what came back.

Annexes IV, V and VI of TT 26/2025/TT-BYT; two copies, of V one. What nobody typed is left as a dotted line for the pen.
"""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import age_text, local
from his.core.errors import NotFound, Refusal
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from patients.models import PrescriptionSheet
from patients.naming import diagnosis_text, drug_name
from patients.printing.prescription import quantity_text
from patients.series import portions

COMMITMENT = Form("narcotic_commitment", "Cam kết sử dụng thuốc gây nghiện", Path(__file__).with_name("commitment.typ"))
CONTINUATION = Form(
    "narcotic_continuation",
    "Giấy xác nhận người bệnh cần tiếp tục điều trị",
    Path(__file__).with_name("continuation.typ"),
)
RETURN_RECORD = Form("drug_return_record", "Biên bản nhận lại thuốc", Path(__file__).with_name("drug_return.typ"))
_KIND = PrescriptionSheet.Kind


@service(action="patients.print_commitment", permission="patients.view")
def print_commitment(*, sheet: PrescriptionSheet, actor: Actor, at: datetime) -> bytes:
    """The commitment to use narcotics as prescribed, as PDF (cam kết). Refuses a prescription without narcotics."""
    if sheet.kind != _KIND.NARCOTIC:
        raise Refusal("not_narcotic", "Chỉ đơn thuốc N mới có cam kết sử dụng thuốc gây nghiện")
    return _print(COMMITMENT, sheet, actor, at)


@service(action="patients.print_continuation", permission="patients.view")
def print_continuation(*, sheet: PrescriptionSheet, actor: Actor, at: datetime) -> bytes:
    """The confirmation that a patient with cancer or AIDS at home still needs the narcotic of a prescription, as PDF.

    Its commune station confirms it for the next prescription, one paper for each; a hospital gives it to the family
    with what it knows. Refuses a prescription without narcotics, and one for another disease.
    """
    if not sheet.is_long_pain:
        raise Refusal("not_long_pain", "Chỉ đơn thuốc N của người bệnh ung thư, AIDS mới có giấy xác nhận này")
    return _print(CONTINUATION, sheet, actor, at)


@service(action="patients.print_return_record", permission="patients.view")
def print_return_record(*, sheet: PrescriptionSheet, actor: Actor, at: datetime) -> bytes:
    """The record of N or H drugs that were not used and came back, as PDF (biên bản nhận lại thuốc).

    It names what was prescribed; what came back is counted and written on the paper.
    """
    if sheet.kind not in {_KIND.NARCOTIC, _KIND.PSYCHOTROPIC}:
        raise Refusal("not_controlled", "Chỉ đơn thuốc N, H mới có biên bản nhận lại thuốc")
    return _print(RETURN_RECORD, sheet, actor, at)


def _print(form: Form, sheet: PrescriptionSheet, actor: Actor, at: datetime) -> bytes:
    number = sheet.code or sheet.prescription.number
    return print_form(form=form, obj=sheet, data=sheet_data(sheet, local(at).date()), number=number, actor=actor, at=at)


def sheet_data(sheet: PrescriptionSheet, on: date) -> dict[str, Any]:
    """Who is treated, by whom, with which controlled drugs: of consecutive papers what the one holds."""
    prescription = sheet.prescription
    patient = prescription.visit.patient
    signed = local(prescription.signed_at or prescription.prescribed_at)
    lines = prescription.lines.filter(sheet__kind=sheet.kind).select_related("drug").order_by("position")
    diagnoses = prescription.exam.diagnoses.order_by("-is_main", "position")
    return {
        "code": sheet.code or prescription.number,
        "prescribed": f"{signed:%d/%m/%Y}",
        "day": f"Ngày {on:%d} tháng {on:%m} năm {on:%Y}",
        "full_name": patient.full_name,
        "age": age_text(patient.born_on, signed.date(), patient.birth.precision),
        "birth": patient.birth.text(),
        "citizen_id": patient.citizen_id,
        "address": patient.address,
        "phone": patient.phone,
        "diagnosis": diagnosis_text(diagnoses),
        "sex": patient.get_sex_display(),
        "station": sheet.facility.name if sheet.facility.kind == Facility.Kind.COMMUNE_STATION else "",
        "doctor": prescription.prescribed_by.full_name,
        "lines": [
            {
                "name": f"{drug_name(one.line.drug)} {one.line.drug.strength}".strip(),
                "unit": one.line.drug.unit,
                "quantity": quantity_text(one.quantity),
            }
            for one in portions(sheet, lines, signed.date())
        ],
    }


@require_GET
@requires("patients.view")
def commitment_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The commitment beside a paper of narcotics of the user's facility."""
    return _pdf(request, pk, print_commitment, "cam-ket")


@require_GET
@requires("patients.view")
def continuation_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The confirmation beside a paper of narcotics of the user's facility."""
    return _pdf(request, pk, print_continuation, "xac-nhan-tiep-tuc-dieu-tri")


@require_GET
@requires("patients.view")
def return_record_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The record of returned drugs beside a paper of the user's facility."""
    return _pdf(request, pk, print_return_record, "nhan-lai-thuoc")


def _pdf(request: DeskRequest, pk: int, print_paper: Callable[..., bytes], name: str) -> HttpResponse:
    rows = PrescriptionSheet.objects.for_facility(request.actor.facility)
    related = ("prescription__visit__patient", "prescription__exam", "prescription__prescribed_by")
    sheet = rows.select_related(*related).filter(pk=pk).first()
    if sheet is None:
        raise NotFound
    return pdf_response(print_paper(sheet=sheet, actor=request.actor, at=timezone.now()), f"{name}-{pk}.pdf")
