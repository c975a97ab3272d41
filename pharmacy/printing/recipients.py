"""The people who were given a lot, as a spreadsheet to call them by (danh sách người bệnh đã nhận lô thuốc)."""

import io
from datetime import datetime

import xlsxwriter
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound
from his.service import audit_facts, service
from his.ui.text import minute_text
from pharmacy.models import Lot
from pharmacy.printing.count_sheet import xlsx_response
from pharmacy.queries_recall import recipients

HEADS = ("STT", "Cấp lúc", "Mã người bệnh", "Họ tên", "Ngày sinh", "Điện thoại", "Địa chỉ", "Số lượng", "Đơn thuốc")
_WIDTHS = (6, 17, 16, 28, 13, 14, 44, 11, 22)


@service(action="pharmacy.export_recipients", permission="pharmacy.dispense")
def recipients_xlsx(*, lot: Lot, actor: Actor, at: datetime) -> bytes:
    """Who was given the lot and has it still, with how to reach them. Everything but quantities is text: a phone keeps
    its zero, and no cell is read as a formula. The audit log keeps that the list was taken."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False})
    book.set_properties({"created": at.replace(tzinfo=None)})
    sheet, bold = book.add_worksheet("Người bệnh"), book.add_format({"bold": True})
    sheet.write_string(0, 0, f"{lot.drug.label}, lô {lot.number}, hạn {lot.expires_on:%d/%m/%Y}", bold)
    sheet.write_string(1, 0, f"{actor.facility.name}, lập lúc {minute_text(local(at))}")
    for x, (name, width) in enumerate(zip(HEADS, _WIDTHS, strict=True)):
        sheet.write_string(3, x, name, bold)
        sheet.set_column(x, x, width)
    found = recipients(lot)
    for number, row in enumerate(found, 1):
        patient = row.dispense.prescription.visit.patient
        texts = (
            minute_text(local(row.dispense.dispensed_at)),
            patient.code,
            patient.full_name,
            patient.birth.text(),
            patient.phone,
            patient.address,
        )
        sheet.write_number(3 + number, 0, number)
        for x, text in enumerate(texts, 1):
            sheet.write_string(3 + number, x, text)
        sheet.write_number(3 + number, 7, row.still)
        sheet.write_string(3 + number, 8, row.dispense.prescription.number)
    sheet.freeze_panes(4, 0)
    book.close()
    audit_facts(lot=lot.number, rows=len(found))
    return out.getvalue()


@require_GET
@requires("pharmacy.dispense")
def recipients_file(request: DeskRequest, pk: int) -> HttpResponse:
    """The spreadsheet of a lot of the user's facility."""
    lot = Lot.objects.for_facility(request.actor.facility).select_related("drug").filter(pk=pk).first()
    if lot is None:
        raise NotFound("Không tìm thấy lô tại cơ sở này")
    book = recipients_xlsx(lot=lot, actor=request.actor, at=timezone.now())
    return xlsx_response(book, f"nguoi-benh-lo-{pk}.xlsx")
