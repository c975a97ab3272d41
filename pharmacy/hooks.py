"""What the dispensing window asks of the layers above."""

from decimal import Decimal

from his.catalogs.models import Drug
from his.core.hooks import Hook
from patients.models import PrescriptionLine

price_effect: Hook[[PrescriptionLine, Drug, Decimal], Decimal | None] = Hook("price_effect")
"""(line, other product, quantity) -> đồng that the patient pays more when so much of the other product is given for the
line, filled by the insurance package; below zero less, None when it cannot be told yet."""
