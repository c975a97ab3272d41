"""The slip of a request (phiếu lĩnh thuốc, 01D/BV-01 of TT 23/2011/TT-BYT), a slip of its own for each class of drugs
under special control."""

from datetime import datetime
from itertools import groupby
from typing import Any, Final

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.catalogs.models import ControlClass
from his.printing.services import print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import day_text
from pharmacy import queries_documents as papers
from pharmacy.models import StockRequest
from pharmacy.naming import drug_text
from pharmacy.printing.forms import print_form_of
from pharmacy.printing.sheets import CODE, NAME, NO, NOTE, RIGHT, UNIT, Column, named, qty, sheet
from pharmacy.queries_documents import Progress

_SLIPS: Final[dict[str, str]] = {
    "": "",
    ControlClass.NARCOTIC: "THUỐC GÂY NGHIỆN",
    ControlClass.PSYCHOTROPIC: "THUỐC HƯỚNG THẦN",
    ControlClass.PRECURSOR: "THUỐC TIỀN CHẤT",
    ControlClass.RADIOACTIVE: "THUỐC PHÓNG XẠ",
    ControlClass.NARCOTIC_COMBO: "THUỐC DẠNG PHỐI HỢP CÓ CHỨA DƯỢC CHẤT GÂY NGHIỆN",
    ControlClass.PSYCHOTROPIC_COMBO: "THUỐC DẠNG PHỐI HỢP CÓ CHỨA DƯỢC CHẤT HƯỚNG THẦN",
    ControlClass.PRECURSOR_COMBO: "THUỐC DẠNG PHỐI HỢP CÓ CHỨA TIỀN CHẤT",
    ControlClass.TOXIC: "THUỐC ĐỘC",
    ControlClass.RESTRICTED: "THUỐC TRONG DANH MỤC HẠN CHẾ",
}
"""What a slip is called below its title, by class; the order is that of printing."""

_APPROVED = frozenset({StockRequest.State.APPROVED, StockRequest.State.CLOSED})


@service(action="pharmacy.print_request", permission="pharmacy.view")
def print_request(*, request: StockRequest, actor: Actor, at: datetime) -> bytes:
    """The slips of a request as PDF (in phiếu lĩnh), one for each class of drugs."""
    data = request_data(request)
    form = print_form_of("request")
    return print_form(form=form, obj=request, data=data, number=request.number, actor=actor, at=at)


def request_data(request: StockRequest) -> dict[str, Any]:
    """What the slips say: asked and shipped, by drug; what is not shipped yet stays blank for the pen."""
    order = list(_SLIPS)
    rows = sorted(papers.request_progress(request), key=lambda row: order.index(row.drug.control_class))
    groups = groupby(rows, key=lambda row: row.drug.control_class)
    return {"sheets": [_slip(request, control_class, list(lines)) for control_class, lines in groups]}


def _slip(request: StockRequest, control_class: str, lines: list[Progress]) -> dict[str, Any]:
    store = request.store
    return sheet(
        "request",
        request.sent_at or request.created_at,
        number=request.number,
        subtitle=_SLIPS[control_class],
        facts=[
            ["Khoa", store.department.name if store.department else ""],
            ["Kho lĩnh", store.name],
            ["Lĩnh từ kho", request.source_store.name],
            ["Tình trạng", "" if request.state in _APPROVED else request.get_state_display()],
            ["Duyệt", _decision(request)],
            ["Ghi chú", request.note],
        ],
        columns=[
            NO,
            CODE,
            NAME,
            UNIT,
            Column("Yêu cầu", 18, RIGHT, "Số lượng"),
            Column("Duyệt", 18, RIGHT, "Số lượng"),
            Column("Phát", 18, RIGHT, "Số lượng"),
            NOTE,
        ],
        rows=[
            [
                str(number),
                row.drug.code,
                drug_text(row.drug),
                row.drug.unit,
                qty(row.line.asked_qty),
                qty(row.line.approved_qty),
                qty(row.shipped) if row.shipped else "",
                row.line.note,
            ]
            for number, row in enumerate(lines, 1)
        ],
        sums=[["", "", f"Cộng khoản: {len(lines)}", "", "", "", "", ""]],
        signers=named(
            ["Người lĩnh", "Người phát", "Trưởng khoa Dược", "Trưởng khoa lâm sàng"],
            {"Người lĩnh": request.created_by.display_name},
        ),
    )


def _decision(request: StockRequest) -> str:
    """Who approved and when; empty when nobody did."""
    if request.state not in _APPROVED or request.decided_by is None or request.decided_at is None:
        return ""
    return f"{request.decided_by.display_name}, {day_text(request.decided_at)}"


@require_GET
@requires("pharmacy.view")
def request_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The slips of a request of the user's facility."""
    found = papers.request(request.actor.facility, pk)
    pdf = print_request(request=found, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"phieu-linh-{found.number}.pdf")
