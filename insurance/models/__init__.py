"""Models of billing and claims."""

from insurance.models.billing import BenefitLine, BenefitResult, Charge, SelfPayChoice
from insurance.models.cash import (
    BankAccount,
    CashDay,
    CashEntry,
    CashRules,
    CashSession,
    ReceiptBook,
    RefundRequest,
    TransferOrder,
)
from insurance.models.claims import Claim, ClaimLayout, SourceChange
from insurance.models.fee_waivers import FeeWaiver
from insurance.models.findings import BuildFailure, ClaimJob, Finding, FindingWaiver, MonthCheck
from insurance.models.invoices import Invoice, InvoiceEntry, InvoiceLine, InvoiceNotice, InvoiceProfile

__all__ = [
    "BankAccount",
    "BenefitLine",
    "BenefitResult",
    "BuildFailure",
    "CashDay",
    "CashEntry",
    "CashRules",
    "CashSession",
    "Charge",
    "Claim",
    "ClaimJob",
    "ClaimLayout",
    "FeeWaiver",
    "Finding",
    "FindingWaiver",
    "Invoice",
    "InvoiceEntry",
    "InvoiceLine",
    "InvoiceNotice",
    "InvoiceProfile",
    "MonthCheck",
    "ReceiptBook",
    "RefundRequest",
    "SelfPayChoice",
    "SourceChange",
    "TransferOrder",
]
