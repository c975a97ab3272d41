"""What a provider of electronic invoices must be able to do; each real one is one adapter of this port.

A document carries a key: sent again with the same key it is the same document, and the answer is the first one.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol


class ProviderUnavailable(Exception):  # noqa: N818 - not an error of the document: send it again later
    """No answer, or none that says whether the document was issued. The message is for people, in Vietnamese."""


class ProviderRejected(Exception):  # noqa: N818 - an answer
    """The provider refuses the document; it must be mended before it is sent again."""


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer. A buyer without tax code may have the number of the citizen card."""

    name: str
    tax_code: str = ""
    citizen_id: str = ""
    company: str = ""
    address: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """Amount before VAT in đồng; `vat_code` is a rate, or KCT: not subject to VAT."""

    name: str
    unit: str
    quantity: Decimal
    price: Decimal
    amount: Decimal
    vat_code: str


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice, or the adjustment or replacement of one, which `relation_text` names as the law words it."""

    key: str
    form_no: str
    symbol: str
    day: date
    seller: Party
    buyer: Party
    payment: str
    lines: tuple[DocumentLine, ...]
    amount: Decimal
    vat_amount: Decimal
    total: Decimal
    words: str
    relation_text: str = ""
    corrects_number: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice of error (04/SS-HĐĐT) about one issued invoice."""

    key: str
    form: str
    form_no: str
    symbol: str
    number: str
    day: date
    reason: str
    right_text: str


@dataclass(frozen=True, slots=True)
class Issued:
    """The provider's answer."""

    number: str
    issued_at: datetime
    authority_code: str
    lookup_code: str
    lookup_url: str


class InvoiceProvider(Protocol):
    """Every call may raise ProviderUnavailable; those that send may raise ProviderRejected."""

    def issue(self, document: Document, *, at: datetime) -> Issued:
        """Issue an invoice."""
        ...

    def adjust(self, document: Document, *, at: datetime) -> Issued:
        """Issue an adjustment; its amounts are differences."""
        ...

    def replace(self, document: Document, *, at: datetime) -> Issued:
        """Issue a replacement; its amounts are whole."""
        ...

    def get_status(self, key: str) -> Issued | None:
        """The answer to a document that was sent before; None when the provider does not know it."""
        ...

    def get_document(self, key: str) -> str:
        """The signed XML of an issued document."""
        ...

    def notify_error(self, notice: Notice, *, at: datetime) -> None:
        """Send a notice of error to the tax office."""
        ...
