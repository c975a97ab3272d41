"""The list of a cabinet as two shifts counted it (biên bản bàn giao tủ trực)."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound
from his.printing.services import print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import day_text, minute_text
from pharmacy import queries_documents as papers
from pharmacy.models import CabinetHandover
from pharmacy.naming import drug_text
from pharmacy.printing.forms import print_form_of
from pharmacy.printing.sheets import EXPIRY, LOT, NAME, NO, RIGHT, UNIT, Column, named, qty, sheet


@service(action="pharmacy.print_handover", permission="pharmacy.view")
def print_handover(*, handover: CabinetHandover, actor: Actor, at: datetime) -> bytes:
    """The hand-over as PDF (in biên bản bàn giao tủ trực)."""
    data, number = handover_data(handover), _number(handover)
    return print_form(form=print_form_of("handover"), obj=handover, data=data, number=number, actor=actor, at=at)


def handover_data(handover: CabinetHandover) -> dict[str, Any]:
    """What the paper says: every lot with book and count, differences beside."""
    lines = list(handover.lines.select_related("lot__drug").order_by("lot__drug__name", "lot__expires_on", "pk"))
    store = handover.store
    return {
        "sheets": [
            sheet(
                "handover",
                handover.at,
                number=_number(handover),
                facts=[
                    ["Khoa", store.department.name if store.department else ""],
                    ["Tủ trực", store.name],
                    ["Lúc", minute_text(handover.at)],
                    ["Ghi chú", handover.note],
                ],
                columns=[
                    NO,
                    NAME,
                    UNIT,
                    LOT,
                    EXPIRY,
                    Column("Sổ sách", 17, RIGHT),
                    Column("Thực tế", 17, RIGHT),
                    Column("Lệch", 15, RIGHT),
                    Column("Ghi chú", 28),
                ],
                rows=[
                    [
                        str(number),
                        drug_text(line.lot.drug),
                        line.lot.drug.unit,
                        line.lot.number,
                        day_text(line.lot.expires_on),
                        qty(line.book_qty),
                        qty(line.counted_qty),
                        qty(line.difference) if line.difference else "",
                        line.note,
                    ]
                    for number, line in enumerate(lines, 1)
                ],
                signers=named(
                    ["Người giao", "Người nhận", "Điều dưỡng trưởng khoa"],
                    {
                        "Người giao": handover.given_by.display_name,
                        "Người nhận": handover.taken_by.display_name,
                    },
                ),
            )
        ]
    }


def _number(handover: CabinetHandover) -> str:
    """Cabinet and minute: hand-overs have no series of their own."""
    return f"{handover.store.code}-{local(handover.at):%y%m%d%H%M}"


@require_GET
@requires("pharmacy.view")
def handover_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """A hand-over of the user's facility."""
    found = papers.handovers(request.actor.facility).filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy biên bản tại cơ sở này")
    pdf = print_handover(handover=found, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"ban-giao-{found.pk}.pdf")
