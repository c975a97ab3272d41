"""The record of controlled drugs that came back, on A4 in two copies (TT 18/2026/TT-BYT annex XVIII).

Columns and signers are those of the circular; the head and the layout are our own.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.errors import NotFound
from his.printing.services import print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import minute_text
from pharmacy.models import ReturnRecord
from pharmacy.printing.forms import print_form_of
from pharmacy.printing.sheets import CENTER, EXPIRY, NO, QUANTITY, UNIT, Column, named, qty, sheet
from pharmacy.queries_controlled import return_records

GIVER, TAKER = "Người giao", "Người nhận"
COPIES = 2


@service(action="pharmacy.print_return_record", permission="pharmacy.view")
def print_return_record(*, record: ReturnRecord, actor: Actor, at: datetime) -> bytes:
    """The stored record as PDF, a page for each side (in biên bản nhận lại thuốc)."""
    data = {"sheets": [_sheet(record, copy) for copy in range(1, COPIES + 1)]}
    form = print_form_of("controlled_return")
    return print_form(form=form, obj=record, data=data, number=record.number, actor=actor, at=at)


def _sheet(record: ReturnRecord, copy: int) -> dict[str, Any]:
    back = record.patient_return
    return sheet(
        "controlled_return",
        record.at,
        number=record.number,
        subtitle=f"Bản {copy}/{COPIES}",
        void="ĐÃ HỦY" if back.is_reversed else "",
        is_wide=True,
        facts=[
            ["Người giao", record.handed_by],
            ["Số định danh người giao", record.handed_by_id_number],
            ["Người bệnh", record.patient_text],
            ["Đơn thuốc", back.dispense.prescription.number],
            ["Người nhận", f"{record.received_by_name}, {minute_text(record.at)}"],
            ["Phiếu trả", back.document.number],
        ],
        columns=[
            NO,
            Column("Tên thuốc, nồng độ, hàm lượng"),
            UNIT,
            QUANTITY,
            EXPIRY,
            Column("Tình trạng", 45),
            Column("Lý do", 45),
            Column("Ghi chú", 30, CENTER),
        ],
        rows=[
            [
                str(number),
                row["name"],
                row["unit"],
                qty(Decimal(row["quantity"])),
                row["expires_on"],
                row["condition"],
                row["reason"],
                row["note"],
            ]
            for number, row in enumerate(record.rows, 1)
        ],
        signers=named([GIVER, TAKER], {GIVER: record.handed_by, TAKER: record.received_by_name}),
    )


@require_GET
@requires("pharmacy.view")
def return_record_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """A record of the user's facility."""
    record = return_records(request.actor.facility).filter(pk=pk).first()
    if record is None:
        raise NotFound("Không tìm thấy biên bản nhận lại thuốc tại cơ sở này")
    pdf = print_return_record(record=record, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"nhan-lai-thuoc-{record.number}.pdf")
