"""Models of billing and claims."""

from insurance.models.billing import BenefitLine, BenefitResult, CashEntry, CashSession, Charge
from insurance.models.claims import Claim, ClaimLayout, Finding

__all__ = ["BenefitLine", "BenefitResult", "CashEntry", "CashSession", "Charge", "Claim", "ClaimLayout", "Finding"]
