"""Slips that the browser prints at the desk."""

import io

import segno
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from patients import queries


@require_GET
@requires("patients.register", "patients.queue")
def slip(request: DeskRequest, pk: int) -> HttpResponse:
    """The number on paper, 80 mm wide, with the claim code as QR for the next desks."""
    ticket = queries.get_ticket(request.actor.facility, pk)
    ahead = queries.ahead_of(ticket)
    context = {"ticket": ticket, "visit": ticket.visit, "ahead": ahead, "printed_at": timezone.now()}
    return render(request, "patients/reception_slip.html", context)


@require_GET
@requires("patients.register", "patients.queue")
def slip_code(request: DeskRequest, pk: int) -> HttpResponse:
    """The QR code of the claim code, as an image of its own: the page allows no inline style."""
    ticket = queries.get_ticket(request.actor.facility, pk)
    return HttpResponse(qr_svg(ticket.visit.claim_code), content_type="image/svg+xml")


def qr_svg(text: str) -> bytes:
    """A QR code as SVG."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", scale=4, border=2)
    return out.getvalue()
