"""Between a draft and its form: what the fields show at first, and what was typed."""

from collections.abc import Mapping
from typing import Any

from pharmacy.models import Lot, StockDraft, StockDraftLine
from pharmacy.services.details import Detail, Member, board_of

_SAME = (
    "supplier",
    "reason",
    "invoice_number",
    "invoice_symbol",
    "invoice_on",
    "funding",
    "delivered_by",
    "method",
    "appearance",
    "packaging",
    "temperature",
)
_DETAIL = tuple(name for name in _SAME if name not in ("supplier", "reason"))


def head_initial(draft: StockDraft) -> dict[str, Any]:
    """The head of the form."""
    board = {}
    for index, one in enumerate(board_of(draft.board)):
        board[f"name_{index}"], board[f"title_{index}"] = one.name, one.title
    return {
        "store": draft.store_id,
        "target_store": draft.target_store_id,
        **{name: getattr(draft, name) for name in _SAME},
        **board,
    }


def line_initial(line: StockDraftLine) -> dict[str, Any]:
    """One row of the form."""
    drug, lot = line.drug, line.lot
    shown = line.typed
    if drug is not None:
        shown = drug.label
    elif lot is not None:
        shown, drug = lot_text(lot), lot.drug
    return {
        "drug": line.drug.code if line.drug else "",
        "lot": str(lot.pk) if lot else "",
        "text": shown,
        "unit": drug.unit if drug else "",
        "lot_number": line.lot_number,
        "expires_on": line.expires_on,
        "quantity": line.quantity,
        "unit_cost": line.unit_cost,
        "invoice_quantity": line.invoice_quantity,
        "vat_rate": line.vat_rate,
        "registration_no": line.registration_no,
        "bid_info": line.bid_info,
        "lot_reason": line.lot_reason,
    }


def lot_text(lot: Lot) -> str:
    """A lot as the box shows it: drug, lot number, expiry."""
    return f"{lot.drug.label} · lô {lot.number} · {lot.expires_on:%d/%m/%Y}"


def detail_typed(data: Mapping[str, Any], places: int) -> Detail:
    """The detail as typed; a title without a name is kept, so that the usual titles need not be typed again."""
    values = {name: data[name] for name in _DETAIL if data.get(name)}
    board = (Member(data.get(f"name_{index}", ""), data.get(f"title_{index}", "")) for index in range(places))
    return Detail(**values, board=tuple(board))
