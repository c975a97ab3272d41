"""Addresses of the papers of reception and the examination room."""

from django.urls import path

from patients.printing import case_sheet, leaving, narcotic, prescription, ticket

urlpatterns = [
    path("cases/<int:pk>.pdf", case_sheet.case_sheet_pdf, name="case-sheet-pdf"),
    path("exams/<int:pk>/transfer.pdf", leaving.transfer_slip_pdf, name="transfer-slip-pdf"),
    path("exams/<int:pk>/follow-up.pdf", leaving.follow_up_slip_pdf, name="follow-up-slip-pdf"),
    path("exams/<int:pk>/discharge.pdf", leaving.discharge_paper_pdf, name="discharge-paper-pdf"),
    path("tickets/<int:pk>.pdf", ticket.ticket_pdf, name="ticket-pdf"),
    path("prescriptions/<int:pk>.pdf", prescription.prescription_pdf, name="prescription-pdf"),
    path("prescription-sheets/<int:pk>/commitment.pdf", narcotic.commitment_pdf, name="narcotic-commitment-pdf"),
    path("prescription-sheets/<int:pk>/continuation.pdf", narcotic.continuation_pdf, name="narcotic-continuation-pdf"),
    path("prescription-sheets/<int:pk>/return.pdf", narcotic.return_record_pdf, name="drug-return-pdf"),
]
