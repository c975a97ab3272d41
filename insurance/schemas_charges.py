"""Waivers and self-pay at the programming interface. Amounts are decimals in đồng."""

from datetime import datetime
from decimal import Decimal

from ninja import Field, Schema


class FeeWaiverOut(Schema):
    """A waiver, or the row that took one back; `line_id` is the line of the split that it is for, if for one."""

    id: int
    kind: str
    amount: Decimal
    percent: Decimal | None
    line_id: int | None
    reason_code: str
    reason: str
    at: datetime
    by: str = Field(alias="by.username")
    cancels_id: int | None
    version: int = Field(alias="result.version", description="Of the split that it belongs to")


class FeeWaiverIn(Schema):
    """Either `amount`, whole đồng, or `percent` of the patient's part; of one line with `line_id`, else of the visit.

    `reason_code` is hardship, policy, staff, service or other; `idempotency_key` makes a repeated request safe.
    """

    amount: Decimal | None = None
    percent: Decimal | None = None
    line_id: int | None = None
    reason_code: str = Field(max_length=10)
    reason: str = Field(max_length=500)
    idempotency_key: str = Field("", max_length=64)


class CancelWaiverIn(Schema):
    """Why a waiver is taken back."""

    reason: str = Field(max_length=500)


class SelfPayChoiceOut(Schema):
    """Something that the patient wished to pay alone; `withdrawn_at` when that was taken back."""

    id: int
    source_kind: str
    source_id: int
    name: str
    reason: str
    at: datetime
    by: str = Field(alias="by.username")
    withdrawn_at: datetime | None


class ChoosableOut(Schema):
    """Something that the fund would pay a part of, named by kind and id, with its price in đồng for one unit."""

    source_kind: str = Field(alias="kind")
    source_id: int = Field(alias="id")
    code: str
    name: str
    quantity: Decimal
    hospital_price: Decimal


class SelfPayOut(Schema):
    """What stands, and what may still be chosen: nothing of a closed visit or of one without insurance."""

    choices: list[SelfPayChoiceOut]
    choosable: list[ChoosableOut]


class SelfPayIn(Schema):
    """What the patient wishes to pay alone, as `choosable` names it, and why."""

    source_kind: str = Field(max_length=20)
    source_id: int
    reason: str = Field(max_length=500)
