"""Addresses of the pharmacy's papers."""

from django.urls import path

from pharmacy.printing import (
    card,
    climate,
    count_record,
    count_sheet,
    documents,
    handovers,
    incidents,
    labels,
    recipients,
    requests,
    return_records,
)

urlpatterns = [
    path("dispensing/done/<int:pk>/labels.pdf", labels.labels_pdf, name="drug-labels-pdf"),
    path(
        "counts/<int:pk>/sheet-<int:position>-<int:round_no>.pdf", count_sheet.sheet_pdf, name="stock-count-sheet-pdf"
    ),
    path(
        "counts/<int:pk>/sheet-<int:position>-<int:round_no>.xlsx",
        count_sheet.sheet_xlsx,
        name="stock-count-sheet-xlsx",
    ),
    path("counts/<int:pk>/record-<slug:code>.pdf", count_record.record_pdf, name="stock-count-record-pdf"),
    path("counts/<int:pk>/record-<slug:code>.xlsx", count_record.record_xlsx, name="stock-count-record-xlsx"),
    path("documents/<int:pk>/<slug:paper>.pdf", documents.document_pdf, name="stock-document-pdf"),
    path("requests/<int:pk>.pdf", requests.request_pdf, name="stock-request-pdf"),
    path("lots/<int:pk>/patients.xlsx", recipients.recipients_file, name="stock-lot-patients-xlsx"),
    path("drugs/<int:pk>/card.pdf", card.card_pdf, name="stock-card-pdf"),
    path("incidents/<int:pk>.pdf", incidents.incident_pdf, name="controlled-incident-pdf"),
    path("climate/<int:pk>/<int:year>-<int:month>.pdf", climate.month_pdf, name="climate-month-pdf"),
    path("return-records/<int:pk>.pdf", return_records.return_record_pdf, name="return-record-pdf"),
    path("handovers/<int:pk>.pdf", handovers.handover_pdf, name="stock-handover-pdf"),
]
