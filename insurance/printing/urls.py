"""Addresses of the cashier's papers."""

from django.urls import path

from insurance.printing import receipt, statement

urlpatterns = [
    path("receipts/<int:pk>.pdf", receipt.receipt_pdf, name="receipt-pdf"),
    path("receipts/<int:pk>/roll.pdf", receipt.receipt_roll_pdf, name="receipt-roll-pdf"),
    path("visits/<int:pk>/statement.pdf", statement.statement_pdf, name="statement-pdf"),
]
