"""A posted document on its way to paper: the texts of its head, its rows with their sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from his.core.money import round2
from his.ui.text import day_text, decimal_text, minute_text, money_text
from pharmacy.allocation import ZERO
from pharmacy.models import DocumentDetail, Funding, LineDetail, StockDocument, StockDocumentLine
from pharmacy.printing.sheets import Column, lot_cells, named, qty, sheet, summed, total_row
from pharmacy.services.details import board_of

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Source:
    """A document on its way to paper."""

    document: StockDocument
    lines: Sequence[StockDocumentLine]
    detail: DocumentDetail | None

    @property
    def total(self) -> Decimal:
        return sum((line.quantity * line.lot.unit_cost for line in self.lines), ZERO)

    @property
    def void(self) -> str:
        reversal = getattr(self.document, "reversed_by", None)
        if reversal is None:
            return ""
        return f"Đã hủy bằng phiếu {reversal.number} lúc {minute_text(reversal.posted_at)}: {reversal.reason}"

    def said(self, name: str) -> str:
        """A text of the detail; empty when the document has none."""
        return str(getattr(self.detail, name)) if self.detail is not None else ""

    @property
    def invoice(self) -> str:
        """Symbol, number and day of the invoice, else the reference as it was typed."""
        if self.detail is None or not self.detail.invoice_number:
            return self.document.reference
        parts = [f"số {self.detail.invoice_number}"]
        if self.detail.invoice_symbol:
            parts.append(f"ký hiệu {self.detail.invoice_symbol}")
        if self.detail.invoice_on:
            parts.append(f"ngày {day_text(self.detail.invoice_on)}")
        return " ".join(parts)

    @property
    def funding(self) -> str:
        return Funding(self.said("funding")).label if self.said("funding") else ""

    @property
    def board(self) -> list[list[str]]:
        return [[one.name, one.title] for one in board_of(self.detail.board)] if self.detail else []

    def signers(self, *roles: str, **names: str) -> list[list[str]]:
        """The signers of the form with the names that the board and the document know."""
        known = {one.title: one.name for one in (board_of(self.detail.board) if self.detail else ())}
        return named(roles, {**known, **names})

    def sheet(self, paper: str, **parts: Any) -> dict[str, Any]:
        return sheet(paper, self.document.posted_at, number=self.document.number, void=self.void, **parts)


def money_rows(source: Source, columns: Sequence[Column], keys: Sequence[str]) -> dict[str, Any]:
    """Rows of the named cells with quantity and amount, and their sum."""
    rows = []
    for number, line in enumerate(source.lines, 1):
        note: LineDetail | None = getattr(line, "detail", None)
        cells = {
            **lot_cells(line.lot),
            "no": str(number),
            "quantity": decimal_text(line.quantity),
            "invoice": qty(note.invoice_quantity if note else line.quantity),
            "amount": money_text(round2(line.quantity * line.lot.unit_cost)),
            "note": _note(line, note),
            "blank": "",
        }
        rows.append([cells[key] for key in keys])
    at = keys.index("amount")
    total = round2(source.total)
    return {
        "columns": columns,
        "rows": rows,
        "sums": [total_row(columns, {at: money_text(total)}, f"Cộng: {len(rows)} khoản")],
        "words": summed(total),
    }


def _note(line: StockDocumentLine, note: LineDetail | None) -> str:
    """What stands beside a received line: another quantity on the invoice, VAT, registration, bid package."""
    parts = []
    if note is not None and note.invoice_quantity != line.quantity:
        parts.append(f"HĐ {decimal_text(note.invoice_quantity)}")
    if note is not None and note.vat_rate:
        parts.append(f"VAT {decimal_text(note.vat_rate)}%")
    if line.lot.registration_no:
        parts.append(line.lot.registration_no)
    if line.lot.bid_info:
        parts.append(line.lot.bid_info.replace(";", "; "))
    return "; ".join(parts)


def vat_text(source: Source) -> str:
    """The VAT that the sum contains, when a line names a rate."""
    vat = ZERO
    for line in source.lines:
        note: LineDetail | None = getattr(line, "detail", None)
        if note is not None and note.vat_rate:
            amount = round2(line.quantity * line.lot.unit_cost)
            vat += amount - round2(amount * _HUNDRED / (_HUNDRED + note.vat_rate))
    return money_text(vat) if vat else ""
