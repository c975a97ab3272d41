"""Papers of the stores at the programming interface. Quantities are decimals in units of the drug, prices in đồng."""

from datetime import date, datetime
from decimal import Decimal

from ninja import Field, Schema

from pharmacy.queries_documents import request_progress


class DocumentOut(Schema):
    """The head of a posted document; `reversed_by` is the number of the one that undid it."""

    id: int
    number: str
    kind: str
    store_code: str = Field(alias="store.code")
    target_store_code: str | None = None
    supplier: str
    reference: str
    reason: str
    posted_at: datetime
    reversed_by: str | None = None

    @staticmethod
    def resolve_target_store_code(row: object) -> str | None:
        target = row.target_store  # type: ignore[attr-defined]
        return target.code if target else None

    @staticmethod
    def resolve_reversed_by(row: object) -> str | None:
        reversal = getattr(row, "reversed_by", None)
        return reversal.number if reversal else None


class DocumentLineOut(Schema):
    """One lot of a document."""

    drug_code: str = Field(alias="lot.drug.code")
    lot_id: int
    lot_number: str = Field(alias="lot.number")
    expires_on: date = Field(alias="lot.expires_on")
    unit_cost: Decimal = Field(alias="lot.unit_cost")
    quantity: Decimal


class FullDocumentOut(DocumentOut):
    """A document with its lines."""

    lines: list[DocumentLineOut]

    @staticmethod
    def resolve_lines(row: object) -> list[object]:
        return list(row.lines.select_related("lot__drug"))  # type: ignore[attr-defined]


class MemberIn(Schema):
    """One person of a board."""

    name: str = Field(max_length=255)
    title: str = Field("", max_length=255)


class DetailIn(Schema):
    """Invoice, inspection, board; see the form of each kind."""

    invoice_number: str = Field("", max_length=30)
    invoice_symbol: str = Field("", max_length=20)
    invoice_on: date | None = None
    funding: str = Field("", max_length=20)
    delivered_by: str = Field("", max_length=255)
    appearance: str = Field("", max_length=500)
    packaging: str = Field("", max_length=500)
    temperature: str = Field("", max_length=100)
    method: str = Field("", max_length=500)
    board: list[MemberIn] = Field(default_factory=list, max_length=15)


class DraftLineIn(Schema):
    """A line as far as it is known: goods that come in name a drug, what goes out a lot by its id."""

    drug_code: str = Field("", max_length=50)
    lot_id: int | None = None
    lot_number: str = Field("", max_length=100)
    expires_on: date | None = None
    quantity: Decimal | None = Field(None, max_digits=14, decimal_places=3)
    unit_cost: Decimal | None = Field(None, max_digits=15, decimal_places=3)
    invoice_quantity: Decimal | None = Field(None, max_digits=14, decimal_places=3)
    vat_rate: Decimal | None = Field(None, max_digits=5, decimal_places=2)
    registration_no: str = Field("", max_length=255)
    bid_info: str = Field("", max_length=255)
    lot_reason: str = Field("", max_length=255, description="Why a lot goes before one that expires first")


class DraftIn(Schema):
    """A draft; `origin_id` is the shipment or receipt that it answers, `request_id` the request that it ships."""

    kind: str = Field(max_length=20)
    store_code: str = Field("", max_length=20)
    target_store_code: str = Field("", max_length=20)
    origin_id: int | None = None
    request_id: int | None = None
    supplier: str = Field("", max_length=255)
    reason: str = Field("", max_length=500)
    detail: DetailIn | None = None
    lines: list[DraftLineIn] = Field(max_length=300)


class DraftOut(Schema):
    """A draft that waits to be posted."""

    id: int
    kind: str
    state: str
    updated_at: datetime


class PostIn(Schema):
    """`confirm_unusual` says that figures ten times the last ones were looked at; `confirm_clock` that the time is
    right although a document of the store is later."""

    confirm_unusual: bool = False
    confirm_clock: bool = False


class TransitOut(Schema):
    """So much of a lot that was sent and has not arrived."""

    shipment_id: int = Field(alias="shipment.pk")
    shipment_number: str = Field(alias="shipment.number")
    store_code: str = Field(alias="shipment.store.code")
    target_store_code: str = Field(alias="shipment.target_store.code")
    drug_code: str = Field(alias="lot.drug.code")
    lot_id: int = Field(alias="lot.pk")
    lot_number: str = Field(alias="lot.number")
    sent: Decimal
    arrived: Decimal
    left: Decimal


class RequestLineOut(Schema):
    """How far one drug of a request is."""

    line_id: int = Field(alias="line.pk")
    drug_code: str = Field(alias="drug.code")
    asked: Decimal = Field(alias="line.asked_qty")
    approved: Decimal | None = Field(alias="line.approved_qty")
    shipped: Decimal
    received: Decimal
    on_the_way: Decimal
    lost: Decimal


class RequestOut(Schema):
    """A request between stores."""

    id: int
    number: str
    state: str
    store_code: str = Field(alias="store.code")
    source_store_code: str = Field(alias="source_store.code")
    created_at: datetime
    lines: list[RequestLineOut]

    @staticmethod
    def resolve_lines(row: object) -> list[object]:
        return list(request_progress(row))  # type: ignore[arg-type]


class AskLineIn(Schema):
    """So much of a drug."""

    drug_code: str = Field(max_length=50)
    quantity: Decimal = Field(max_digits=14, decimal_places=3)
    note: str = Field("", max_length=255)


class RequestIn(Schema):
    """A request, sent at once; `idempotency_key` makes a repeated call safe."""

    store_code: str = Field(max_length=20)
    source_store_code: str = Field(max_length=20)
    note: str = Field("", max_length=500)
    idempotency_key: str = Field("", max_length=64)
    lines: list[AskLineIn] = Field(max_length=300)


class ApproveIn(Schema):
    """Approved quantity by the id of each line."""

    approved: dict[int, Decimal]
    note: str = Field("", max_length=500)
