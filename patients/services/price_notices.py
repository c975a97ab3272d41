"""Telling the patient what they pay above the usual price, before it is incurred (báo chênh lệch giá)."""

from datetime import datetime
from decimal import Decimal

from his.accounts.actor import Actor
from patients.models import PriceNotice, Visit


def note_told(*, visit: Visit, service_code: str, amount: Decimal, actor: Actor, at: datetime) -> PriceNotice:
    """Put on record that the patient was told `amount` đồng a unit; a step of the services that ask for it."""
    return PriceNotice.objects.create(
        facility_id=visit.facility_id, visit=visit, service_code=service_code, amount=amount, at=at, by=actor.user
    )
