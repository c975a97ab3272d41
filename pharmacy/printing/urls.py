"""Addresses of the papers of the stores."""

from django.urls import path

from pharmacy.printing import card, documents, handovers, requests

urlpatterns = [
    path("documents/<int:pk>/<slug:paper>.pdf", documents.document_pdf, name="stock-document-pdf"),
    path("requests/<int:pk>.pdf", requests.request_pdf, name="stock-request-pdf"),
    path("drugs/<int:pk>/card.pdf", card.card_pdf, name="stock-card-pdf"),
    path("handovers/<int:pk>.pdf", handovers.handover_pdf, name="stock-handover-pdf"),
]
