"""Models of billing and claims."""

from insurance.models.billing import BenefitLine, BenefitResult, CashEntry, CashSession, Charge, SelfPayChoice
from insurance.models.claims import Claim, ClaimLayout
from insurance.models.fee_waivers import FeeWaiver
from insurance.models.findings import BuildFailure, ClaimJob, Finding, FindingWaiver, MonthCheck

__all__ = [
    "BenefitLine",
    "BenefitResult",
    "BuildFailure",
    "CashEntry",
    "CashSession",
    "Charge",
    "Claim",
    "ClaimJob",
    "ClaimLayout",
    "FeeWaiver",
    "Finding",
    "FindingWaiver",
    "MonthCheck",
    "SelfPayChoice",
]
