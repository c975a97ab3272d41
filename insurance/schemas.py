"""What the insurance part of the programming interface takes and gives. Amounts are decimals in đồng."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ninja import Field, Schema

from insurance.billing.ledger import payable_amount
from insurance.claims.shown import findings_of
from insurance.models import BenefitResult


class DueOut(Schema):
    """A visit that waits for the cashier; `due` is below zero when money has to go back."""

    visit_id: int = Field(alias="visit.pk")
    claim_code: str = Field(alias="visit.claim_code")
    patient_code: str = Field(alias="visit.patient.code")
    is_closed: bool
    due: Decimal


class LineOut(Schema):
    """Who pays one charge, and why; a waiver of the line names its `id`."""

    id: int
    code: str = Field(alias="charge.code")
    name: str = Field(alias="charge.name")
    quantity: Decimal = Field(alias="charge.quantity")
    hospital_price: Decimal = Field(alias="charge.hospital_price")
    hospital_amount: Decimal
    insured_amount: Decimal
    benefit_percent: Decimal
    fund_amount: Decimal
    copay_amount: Decimal
    self_paid_amount: Decimal
    other_amount: Decimal
    reasons: list[str]


class ResultOut(Schema):
    """The stored split of a visit. `payable_amount` is what the patient pays after waivers, whole đồng."""

    visit_id: int
    version: int
    entitlement_code: str
    total_hospital_amount: Decimal
    total_insured_amount: Decimal
    fund_amount: Decimal
    copay_amount: Decimal
    self_paid_amount: Decimal
    other_amount: Decimal
    waived_amount: Decimal
    payable_amount: Decimal
    lines: list[LineOut]
    explanation: list[dict[str, Any]]

    @staticmethod
    def resolve_payable_amount(row: BenefitResult) -> Decimal:
        return payable_amount(row)

    @staticmethod
    def resolve_lines(row: BenefitResult) -> list[Any]:
        return list(row.lines.select_related("charge").order_by("position"))


class CloseIn(Schema):
    """`drugs_declined_reason` is needed when prescribed drugs were not handed out, `extra_told` when something costs
    more than the usual price and the patient was told only now."""

    drugs_declined_reason: str = Field("", max_length=500)
    extra_told: bool = False


class CollectIn(Schema):
    """Money taken, whole đồng; `idempotency_key` makes a repeated request safe."""

    amount: Decimal
    method: str = Field("cash", max_length=10)
    bank_reference: str = Field("", max_length=60, description="The bank's transaction number of a transfer")
    idempotency_key: str = Field("", max_length=64)


class RefundIn(Schema):
    """Money given back from a receipt, whole đồng."""

    amount: Decimal
    reason: str = Field(max_length=500)
    idempotency_key: str = Field("", max_length=64)


class VoidIn(Schema):
    """Why a receipt or deposit is undone."""

    reason: str = Field(max_length=500)
    idempotency_key: str = Field("", max_length=64)


class AccountOut(Schema):
    """The account of a visit, đồng. `payable` is empty until the visit is closed; `due` is what is left after the
    deposits, below zero when money has to go back."""

    payable: Decimal | None
    paid: Decimal
    held: Decimal
    due: Decimal


class EntryOut(Schema):
    """A receipt, deposit, use of a deposit, refund or void."""

    id: int
    number: str
    kind: str
    method: str
    amount: Decimal
    at: datetime
    reverses: str = ""

    @staticmethod
    def resolve_reverses(row: Any) -> str:
        return row.reverses.number if row.reverses else ""


class ClaimOut(Schema):
    """A closed visit in the list of a claim month; `state` is empty while no claim was built."""

    visit_id: int
    claim_code: str = Field(alias="visit.claim_code")
    total_hospital_amount: Decimal
    fund_amount: Decimal
    left_out_reason: str
    state: str
    version: int | None = Field(alias="claim_version")
    findings: int = Field(alias="finding_count")
    warnings: int = Field(alias="warning_count")
    failure: str | None

    @staticmethod
    def resolve_state(row: Any) -> str:
        return row.claim_state or ""


class ClaimsOut(Schema):
    """A page of a list of the month, with the funnel's numbers."""

    month: date
    view: str
    counts: dict[str, int]
    count: int
    items: list[ClaimOut]


class WaiverOut(Schema):
    """Why a finding was let pass, by whom and when."""

    id: int
    reason_code: str
    reason: str
    at: datetime
    by: str = Field(alias="by.username")


class FindingOut(Schema):
    """One problem of a claim: table such as XML2, row from 1, tag; what to do, by which law. A waived one blocks
    nothing. `key` stays the same as long as the same value stands at the same thing."""

    id: int
    key: str
    rule: str
    severity: str
    table: str
    row: int | None
    field: str
    message: str
    value: str
    fix: str
    law: str
    waiver: WaiverOut | None


class WaiveIn(Schema):
    """Why a finding is let pass: a code of the list (correct, agreed, clinical, catalog, other) and words."""

    code: str = Field(max_length=10)
    text: str = Field(max_length=500)


class BuiltOut(Schema):
    """A claim that was built."""

    claim_code: str
    version: int
    standard: str
    state: str
    sha256: str
    findings: list[FindingOut]

    @staticmethod
    def resolve_findings(row: Any) -> list[Any]:
        return findings_of(row)
