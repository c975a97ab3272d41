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


class LineChoiceIn(Schema):
    """One line that is not simply handed out in full: less (with a reason), another lot, another product."""

    drug_code: str = Field(max_length=50)
    quantity: Decimal
    reason: str = Field("", max_length=20)
    note: str = Field("", max_length=255)
    is_final: bool = True
    lot_number: str = Field("", max_length=100)
    lot_reason: str = Field("", max_length=255)
    substitute_code: str = Field("", max_length=50)
    agreed_by: str = Field("", max_length=255)
    doctor_name: str = Field("", max_length=255)


class DispenseIn(Schema):
    """From which store; lines that are not named are handed out in full. `idempotency_key` makes a repeated request
    safe. Drugs under special control are handed out at the window only: two persons confirm there. `confirm_clock`
    says that the time is right although the signature or a bin card is later."""

    store_code: str = Field(max_length=20)
    lines: list[LineChoiceIn] = Field(default_factory=list, max_length=100)
    confirm_clock: bool = False
    idempotency_key: str = Field("", max_length=64)


class ReturnLineIn(Schema):
    """So much of one handed-out lot that came back. A drug under special control is never intact, and its `condition`
    must be told."""

    dispense_line_id: int
    quantity: Decimal
    is_intact: bool = True
    condition: str = Field("", max_length=255)


class ReturnIn(Schema):
    """What the patient brings back, and why. Drugs under special control: `handed_by` names who hands them in.
    `confirm_clock` as in `DispenseIn`."""

    lines: list[ReturnLineIn] = Field(max_length=100)
    reason: str = Field(max_length=255)
    handed_by: str = Field("", max_length=255)
    handed_by_id_number: str = Field("", max_length=20)
    confirm_clock: bool = False
    idempotency_key: str = Field("", max_length=64)


class ReturnOut(Schema):
    """Drugs taken back; `write_off_number` when a part of them cannot be used again, `record_number` of the record of
    drugs under special control (TT 18/2026/TT-BYT annex XVIII)."""

    id: int
    number: str = Field(alias="document.number")
    write_off_number: str | None = Field(None, alias="write_off.number")
    record_number: str | None = None
    returned_at: datetime

    @staticmethod
    def resolve_record_number(row: object) -> str | None:
        record = getattr(row, "record", None)
        return record.number if record is not None else None


class SendBackIn(Schema):
    """Why a prescription goes back to the doctor."""

    reason: str = Field(max_length=20)
    note: str = Field(max_length=500)


class SentBackOut(Schema):
    """A prescription that was sent back."""

    id: int
    reason: str
    note: str
    at: datetime


class LeaveOutIn(Schema):
    """Why what is still open of a prescription is not given."""

    reason: str = Field(max_length=20)
    note: str = Field("", max_length=255)


class LeftOutOut(Schema):
    """The last part that was closed as not given."""

    id: int
    reason: str
    quantity: Decimal


class DispensedPart(Schema):
    """So much of one lot for one line of the prescription; `id` names it when it comes back."""

    id: int
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
