"""The case sheet of an infectious disease (phiếu điều tra ca bệnh truyền nhiễm): the five blocks of TT 15/2026/TT-BYT.

What is unknown is a dotted line for the pen.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.dates import local
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import minute_text
from patients.models import DiseaseCase
from patients.queries_cases import get_case, sheet_of

CASE_SHEET = Form("case_sheet", "Phiếu điều tra ca bệnh truyền nhiễm", Path(__file__).with_name("case_sheet.typ"))


@service(action="cases.print_sheet", permission="cases.report")
def print_case_sheet(*, case: DiseaseCase, actor: Actor, at: datetime) -> bytes:
    """The case sheet as PDF (in phiếu điều tra ca bệnh); of an excluded case it says so."""
    number = case.system_code or case.visit.claim_code
    return print_form(form=CASE_SHEET, obj=case, data=case_sheet_data(case, at), number=number, actor=actor, at=at)


def case_sheet_data(case: DiseaseCase, at: datetime) -> dict[str, Any]:
    """What the sheet says."""
    day = local(at).date()
    return {
        "disease": case.name,
        "group": case.group,
        "is_excluded": case.state == DiseaseCase.State.EXCLUDED,
        "exclusion_reason": case.exclusion_reason,
        "system_code": case.system_code,
        "due": minute_text(case.due_at) if case.due_at else "",
        "reported": minute_text(case.reported_at) if case.reported_at else "",
        "channel": case.get_channel_display() if case.channel else "",
        "blocks": [
            {
                "title": block.title,
                "items": [
                    {"label": item.label, "value": item.value} for item in block.items if item.is_asked or item.value
                ],
            }
            for block in sheet_of(case)
        ],
        "doctor": case.exam.doctor.full_name,
        "day": f"Ngày {day:%d} tháng {day:%m} năm {day:%Y}",
    }


@require_GET
@requires("cases.report")
def case_sheet_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The case sheet of a case of the user's facility."""
    case = get_case(request.actor.facility, pk)
    pdf = print_case_sheet(case=case, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"phieu-ca-benh-{pk}.pdf")
