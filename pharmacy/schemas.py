"""What the pharmacy's programming interface takes and gives. Quantities are decimals in units of the drug."""

from datetime import date, datetime
from decimal import Decimal

from ninja import Field, Schema


class StockOut(Schema):
    """Stock of one drug: everything, and what may be issued today."""

    code: str
    name: str
    strength: str
    unit: str
    on_hand: Decimal
    usable: Decimal
    expired: Decimal
    blocked: Decimal
    first_expiry: date | None


class PrescriptionLineOut(Schema):
    """One drug of a prescription."""

    drug_code: str = Field(alias="drug.code")
    drug_name: str = Field(alias="drug.name")
    unit: str = Field(alias="drug.unit")
    quantity: Decimal


class WaitingOut(Schema):
    """A signed prescription that nobody handed out yet."""

    id: int
    number: str
    claim_code: str = Field(alias="visit.claim_code")
    patient_code: str = Field(alias="visit.patient.code")
    signed_at: datetime
    lines: list[PrescriptionLineOut]

    @staticmethod
    def resolve_lines(row: object) -> list[object]:
        return list(row.lines.all())  # type: ignore[attr-defined]


class DispenseIn(Schema):
    """From which store; `idempotency_key` makes a repeated request safe."""

    store_code: str = Field(max_length=20)
    idempotency_key: str = Field("", max_length=64)


class DispensedPart(Schema):
    """So much of one lot for one line of the prescription."""

    drug_code: str = Field(alias="lot.drug.code")
    lot_number: str = Field(alias="lot.number")
    expires_on: date = Field(alias="lot.expires_on")
    quantity: Decimal


class DispenseOut(Schema):
    """A prescription handed out."""

    id: int
    number: str = Field(alias="document.number")
    store_code: str = Field(alias="store.code")
    dispensed_at: datetime
    lines: list[DispensedPart]

    @staticmethod
    def resolve_lines(row: object) -> list[object]:
        return list(row.lines.select_related("lot__drug").order_by("pk"))  # type: ignore[attr-defined]
