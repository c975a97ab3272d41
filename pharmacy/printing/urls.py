"""Addresses of the papers of the dispensing window."""

from django.urls import path

from pharmacy.printing import labels

urlpatterns = [path("dispensing/done/<int:pk>/labels.pdf", labels.labels_pdf, name="drug-labels-pdf")]
