"""Labels of handed-out drugs, on a roll of 50 x 30 mm or on a sheet of A5 (nhãn thuốc)."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.catalogs.models import Storage
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from patients import dosing
from patients.models import PrescriptionLine
from patients.printing.prescription import quantity_text
from pharmacy.labels import directions
from pharmacy.models import Dispense, DispenseLine
from pharmacy.queries_window import dose_unit, given

_TEMPLATE = Path(__file__).with_name("label.typ")
ROLL = Form("drug_label", "Nhãn thuốc", _TEMPLATE)
SHEET = Form("drug_label_sheet", "Nhãn thuốc (tờ A5)", _TEMPLATE)

_WARNINGS = {
    "narcotic": "Thuốc gây nghiện: không đưa người khác dùng, trả lại thuốc thừa",
    "psychotropic": "Thuốc hướng thần: không đưa người khác dùng, không lái xe",
    "precursor": "Thuốc tiền chất: không đưa người khác dùng",
    "toxic": "Thuốc độc: dùng đúng liều",
}


@service(action="pharmacy.print_labels", permission="pharmacy.dispense")
def print_labels(*, dispense: Dispense, on_sheet: bool, actor: Actor, at: datetime) -> bytes:
    """A label for each handed-out drug as PDF; what the patient brought back has none. Refuses an undone dispense."""
    if dispense.is_reversed:
        raise Refusal("reversed", "Phiếu cấp phát đã hủy")
    data = {**label_data(dispense), "is_sheet": on_sheet}
    if not data["labels"]:
        raise Refusal("nothing_left", "Người bệnh đã trả lại hết thuốc của phiếu này")
    form, number = SHEET if on_sheet else ROLL, dispense.document.number
    return print_form(form=form, obj=dispense, data=data, number=number, actor=actor, at=at)


def label_data(dispense: Dispense) -> dict[str, Any]:
    """What the labels say: one for each drug, with its first expiry when it comes from several lots."""
    patient = dispense.prescription.visit.patient
    by_drug: dict[tuple[int, int | None], list[DispenseLine]] = {}
    for one in given(dispense):
        if one.left > 0:
            one.row.quantity = one.left
            by_drug.setdefault((one.row.prescription_line_id, one.row.substitution_id), []).append(one.row)
    return {
        "full_name": patient.full_name,
        "birth_year": f"{patient.born_on:%Y}",
        "given_on": f"{local(dispense.dispensed_at):%d/%m/%Y}",
        "labels": [_label(rows) for rows in by_drug.values()],
    }


def _label(rows: list[DispenseLine]) -> dict[str, str]:
    line: PrescriptionLine = rows[0].prescription_line
    drug = rows[0].lot.drug
    first = min(rows, key=lambda row: row.lot.expires_on)
    quantity = sum((row.quantity for row in rows), Decimal(0))
    notes = [_WARNINGS.get(drug.control_class, "")]
    if drug.storage:
        notes.append(f"Bảo quản: {Storage(drug.storage).label}")
    return {
        "drug": drug.name,
        "strength": "" if drug.strength in drug.name else drug.strength,
        "directions": directions(line, dose_unit(line), drug.route_name),
        "days": f"{_days(line, quantity)} ngày",
        "quantity": f"{quantity_text(quantity)} {drug.unit.lower()}",
        "expiry": f"{first.lot.expires_on:%d/%m/%Y}",
        "lot": first.lot.number,
        "warning": ". ".join(note for note in notes if note),
    }


def _days(line: PrescriptionLine, quantity: Decimal) -> int:
    """How long what the label sticks on lasts: of a part, not the days of the whole line."""
    doses, drug = dosing.Doses(line.morning, line.noon, line.afternoon, line.evening), line.drug
    return dosing.days_lasting(drug.quantity_rule, drug.pack_size, doses, int(line.days), quantity)


@require_GET
@requires("pharmacy.dispense")
def labels_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The labels of one dispense of the user's facility; `?sheet=1` on A5."""
    rows = Dispense.objects.for_facility(request.actor.facility).select_related(
        "prescription__visit__patient", "document"
    )
    dispense = rows.filter(pk=pk).first()
    if dispense is None:
        raise NotFound("Không tìm thấy phiếu cấp phát tại cơ sở này")
    on_sheet = request.GET.get("sheet") == "1"
    pdf = print_labels(dispense=dispense, on_sheet=on_sheet, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"nhan-thuoc-{dispense.document.number}.pdf")
