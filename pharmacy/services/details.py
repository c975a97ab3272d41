"""What a document says beside its lines, as the desks hand it over, and how it is kept with the document."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal

from his.core.errors import Refusal
from pharmacy.models import DocumentDetail, Funding, LineDetail, LotChoice, StockDocument, StockRequest
from pharmacy.services.stock_checks import short

_MAX_BOARD = 15
_LENGTHS = {
    "invoice_number": 30,
    "invoice_symbol": 20,
    "delivered_by": 255,
    "appearance": 500,
    "packaging": 500,
    "temperature": 100,
    "method": 500,
}


@dataclass(frozen=True, slots=True)
class Member:
    """One person of a board (hội đồng kiểm nhập, hội đồng hủy) with the title under which he signs."""

    name: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """Invoice, funding, remarks of the inspection, the way of destruction, and the board."""

    invoice_number: str = ""
    invoice_symbol: str = ""
    invoice_on: date | None = None
    funding: str = ""
    delivered_by: str = ""
    appearance: str = ""
    packaging: str = ""
    temperature: str = ""
    method: str = ""
    board: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class LineNote:
    """What the invoice says of a line: its quantity, and the VAT rate in percent."""

    invoice_quantity: Decimal
    vat_rate: Decimal


def clean(detail: Detail, *, with_titles: bool = False) -> Detail:
    """The detail as it is stored: trimmed texts, board without empty rows. Refuses long texts beside their field.

    `with_titles` keeps places on the board whose person is not named yet, as a draft does.
    """
    if detail.funding and detail.funding not in Funding.values:
        raise Refusal("bad_funding", "Nguồn kinh phí không có trong danh sách", field="funding")
    texts = {name: short(getattr(detail, name), longest, name) for name, longest in _LENGTHS.items()}
    board = tuple(Member(short(one.name, 255, "board"), short(one.title, 255, "board")) for one in detail.board)
    board = tuple(one for one in board if one.name or (with_titles and one.title))
    if len(board) > _MAX_BOARD:
        raise Refusal("board_too_large", f"Hội đồng tối đa {_MAX_BOARD} người", field="board")
    return Detail(**texts, invoice_on=detail.invoice_on, funding=detail.funding, board=board)


def columns(detail: Detail) -> dict[str, object]:
    """The detail as columns of `DetailFields`."""
    named = asdict(detail)
    return {**named, "board": [asdict(one) for one in detail.board]}


def detail_of(row: object) -> Detail:
    """The detail of a draft or a posted document."""
    values = {name: getattr(row, name) for name in (*_LENGTHS, "invoice_on", "funding")}
    return Detail(**values, board=board_of(getattr(row, "board", [])))


def board_of(rows: Sequence[Mapping[str, str]]) -> tuple[Member, ...]:
    """The board as stored."""
    return tuple(Member(row["name"], row.get("title", "")) for row in rows)


def keep(
    document: StockDocument,
    detail: Detail,
    *,
    request: StockRequest | None = None,
    notes: Sequence[LineNote] = (),
    lot_reasons: Sequence[str] = (),
) -> None:
    """Store the detail of a posted document when it says anything, and the notes of its lines or the reasons for their
    lots (empty: the lot's turn), in their order."""
    if detail != Detail() or request is not None:
        DocumentDetail.objects.create(
            facility_id=document.facility_id, document=document, request=request, **columns(detail)
        )
    if notes:
        lines = document.lines.order_by("position")
        LineDetail.objects.bulk_create(
            LineDetail(
                facility_id=document.facility_id,
                line=line,
                invoice_quantity=note.invoice_quantity,
                vat_rate=note.vat_rate,
            )
            for line, note in zip(lines, notes, strict=True)
        )
    if any(lot_reasons):
        lines = document.lines.order_by("position")
        LotChoice.objects.bulk_create(
            LotChoice(facility_id=document.facility_id, line=line, reason=reason)
            for line, reason in zip(lines, lot_reasons, strict=True)
            if reason
        )
