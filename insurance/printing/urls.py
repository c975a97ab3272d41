"""Addresses of the cashier's papers."""

from django.urls import path

from insurance.printing import cash_report, receipt, settlement, statement

urlpatterns = [
    path("receipts/<int:pk>.pdf", receipt.receipt_pdf, name="receipt-pdf"),
    path("receipts/<int:pk>/roll.pdf", receipt.receipt_roll_pdf, name="receipt-roll-pdf"),
    path("visits/<int:pk>/statement.pdf", statement.statement_pdf, name="statement-pdf"),
    path("visits/<int:pk>/settlement.pdf", settlement.settlement_pdf, name="settlement-pdf"),
    path("drawers/<int:pk>/report.pdf", cash_report.session_pdf, name="cash-session-pdf"),
    path("drawers/<int:pk>/roll.pdf", cash_report.session_roll_pdf, name="cash-session-roll-pdf"),
    path("days/report.pdf", cash_report.day_pdf, name="cash-day-pdf"),
]
