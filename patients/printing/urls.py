"""Addresses of the papers of reception and the examination room."""

from django.urls import path

from patients.printing import prescription, ticket

urlpatterns = [
    path("tickets/<int:pk>.pdf", ticket.ticket_pdf, name="ticket-pdf"),
    path("prescriptions/<int:pk>.pdf", prescription.prescription_pdf, name="prescription-pdf"),
]
