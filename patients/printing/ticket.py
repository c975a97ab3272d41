"""The queue ticket, 80 mm wide (phiếu số thứ tự): the number to be called, the room, and the visit as QR."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.printing.codes import qr_svg
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from patients.models import QueueTicket, Visit

TICKET = Form("ticket", "Phiếu số thứ tự", Path(__file__).with_name("ticket.typ"))


@service(action="patients.print_ticket", permission="patients.view")
def print_ticket(*, ticket: QueueTicket, actor: Actor, at: datetime) -> bytes:
    """The ticket as PDF (in phiếu số thứ tự). Refuses a cancelled visit."""
    if ticket.visit.state == Visit.State.CANCELLED:
        raise Refusal("cancelled", "Lượt khám đã hủy")
    return print_form(
        form=TICKET, obj=ticket, data=ticket_data(ticket), number=ticket.visit.claim_code, actor=actor, at=at
    )


def ticket_data(ticket: QueueTicket) -> dict[str, Any]:
    """What the ticket says."""
    visit, patient = ticket.visit, ticket.visit.patient
    return {
        "number": ticket.label,
        "is_priority": ticket.is_priority,
        "room": ticket.room.name,
        "issued_at": f"{local(ticket.issued_at):%H:%M %d/%m/%Y}",
        "full_name": patient.full_name,
        "birth": patient.birth.text(),
        "patient_code": patient.code,
        "payer": "BHYT" if visit.is_insured else "Tự chi trả",
        "claim_code": visit.claim_code,
        "qr": qr_svg(visit.claim_code),
    }


@require_GET
@requires("patients.view")
def ticket_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The ticket of a visit at the user's facility."""
    ticket = (
        QueueTicket.objects.for_facility(request.actor.facility)
        .select_related("room", "visit__patient")
        .filter(pk=pk)
        .first()
    )
    if ticket is None:
        raise NotFound
    return pdf_response(
        print_ticket(ticket=ticket, actor=request.actor, at=timezone.now()), f"phieu-{ticket.visit.claim_code}.pdf"
    )
