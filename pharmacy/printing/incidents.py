"""The report of lost or mixed-up drugs under special control on A4 (TT 18/2026/TT-BYT annex XI)."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.errors import Refusal
from his.printing.services import print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import minute_text
from pharmacy import queries_incidents as found
from pharmacy.incidents import readable
from pharmacy.models import ControlledIncident
from pharmacy.printing.forms import print_form_of
from pharmacy.printing.sheets import NO, RIGHT, UNIT, Column, named, sheet

HEAD = "Đại diện đơn vị"


@service(action="pharmacy.print_incident", permission="pharmacy.view")
def print_incident(*, incident: ControlledIncident, actor: Actor, at: datetime) -> bytes:
    """The report as PDF (in báo cáo đột xuất), also before it is signed. Refuses one that was dismissed."""
    if incident.state == ControlledIncident.State.DISMISSED:
        raise Refusal("dismissed", "Chứng từ này được quyết định không báo cáo, không có mẫu in")
    data, number = {"sheets": [_sheet(incident)]}, incident.number
    return print_form(form=print_form_of("incident"), obj=incident, data=data, number=number, actor=actor, at=at)


def _sheet(incident: ControlledIncident) -> dict[str, Any]:
    head = incident.signed_by
    return sheet(
        "incident",
        incident.signed_at or incident.drafted_at,
        number=incident.number,
        is_wide=True,
        facts=[
            ["Kính gửi", incident.sent_to or "Sở Y tế"],
            ["Loại", incident.get_kind_display()],
            ["Phát hiện lúc", minute_text(incident.found_at)],
            ["Theo chứng từ", f"{incident.document.number} của {incident.document.store.name}"],
        ],
        columns=[
            NO,
            Column("Tên thuốc, nguyên liệu, nồng độ, hàm lượng", 58),
            UNIT,
            Column("Số lượng", 18, RIGHT),
            Column("Số lô, hạn dùng", 32),
            Column("Lý do"),
            Column("Biện pháp xử lý"),
            Column("Ghi chú", 26),
        ],
        rows=[
            [str(number), *(row[key] for key in ("name", "unit", "quantity", "lot", "cause", "measure", "note"))]
            for number, row in enumerate(map(readable, incident.rows), 1)
        ],
        remarks=[["Trạng thái", _state(incident)]],
        signers=named(
            ["Người lập", HEAD],
            {
                "Người lập": incident.drafted_by.display_name,
                HEAD: head.display_name if head is not None else "",
            },
        ),
    )


def _state(incident: ControlledIncident) -> str:
    if incident.signed_at is None:
        return "bản nháp, chưa ký"
    said = f"ký điện tử lúc {minute_text(incident.signed_at)}, SHA-256 {incident.sha256}"
    return f"{said}; gửi số {incident.sent_no}" if incident.sent_no else said


@require_GET
@requires("pharmacy.view")
def incident_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """A report of the user's facility."""
    report = found.incident(request.actor.facility, pk)
    pdf = print_incident(incident=report, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"bao-cao-dot-xuat-{report.number}.pdf")
