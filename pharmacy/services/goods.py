"""Lines of goods that come in: what is checked of each, and the lot that a line belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.catalogs.models import Drug
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.text import nfc
from pharmacy.models import Lot, Store
from pharmacy.queries import last_receipts
from pharmacy.services import receipt_check
from pharmacy.services.details import LineNote
from pharmacy.services.stock_checks import MAX_QUANTITY, STEP, active, check_quantity, short

_MAX_COST = Decimal(10) ** 10
_HUNDRED = Decimal(100)
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class GoodsLine:
    """One line of goods that come in: quantity received in units of the drug, `unit_cost` in đồng a unit, VAT included.

    `invoice_quantity` is what the invoice says when it is not what came; registration number and bid package are
    those of the lot, the drug list's when empty.
    """

    drug: Drug
    lot_number: str
    expires_on: date
    quantity: Decimal
    unit_cost: Decimal
    supplier: str = ""
    invoice_quantity: Decimal | None = None
    vat_rate: Decimal = Decimal(0)
    registration_no: str = ""
    bid_info: str = ""


def check_goods(
    store: Store, lines: Sequence[GoodsLine], actor: Actor, at: datetime, *, may_be_expired: bool = False
) -> None:
    """Refuse a closed store, and the first line that cannot be taken in."""
    active(store)
    for position, line in enumerate(lines):
        _check_line(position, line, actor)
        if line.expires_on < local(at).date() and not may_be_expired:
            text = f"Lô {nfc(line.lot_number)} đã hết hạn, không nhập được"
            raise Refusal("expired", text, field="expires_on", position=position)


def _check_line(position: int, line: GoodsLine, actor: Actor) -> None:
    if line.drug.facility_id != actor.facility.pk:
        raise NotFound("Không tìm thấy thuốc tại cơ sở này")
    check_quantity(position, line.quantity)
    if not _within(line.unit_cost, _MAX_COST, STEP):
        raise Refusal("bad_cost", "Đơn giá không âm, tối đa 3 chữ số lẻ", field="unit_cost", position=position)
    if line.invoice_quantity is not None and not _within(line.invoice_quantity, MAX_QUANTITY, STEP):
        text = "Số lượng hóa đơn không âm, tối đa 3 chữ số lẻ"
        raise Refusal("bad_quantity", text, field="invoice_quantity", position=position)
    if not _within(line.vat_rate, _HUNDRED + _CENT, _CENT):
        raise Refusal("bad_vat", "Thuế suất từ 0 đến 100 %", field="vat_rate", position=position)
    number = nfc(line.lot_number)
    if not number or len(number) > 100:
        raise Refusal("bad_lot", "Hãy gõ số lô, tối đa 100 ký tự", field="lot_number", position=position)


def _within(number: Decimal, limit: Decimal, step: Decimal) -> bool:
    return number.is_finite() and 0 <= number < limit and number == number.quantize(step)


def ask_about_unusual(lines: Sequence[GoodsLine], actor: Actor) -> None:
    """Refuse figures that are ten times the last ones, until somebody confirms them (`receipt_check`)."""
    last = last_receipts(actor.facility, {line.drug.code for line in lines})
    brought: dict[str, Decimal] = {}
    for line in lines:
        brought[line.drug.code] = brought.get(line.drug.code, Decimal(0)) + line.quantity
    warnings = [
        warning
        for position, line in enumerate(lines)
        for warning in receipt_check.unusual(
            position=position,
            quantity=brought[line.drug.code],
            unit_cost=line.unit_cost,
            list_price=line.drug.price,
            last=last.get(line.drug.code),
        )
    ]
    if warnings:
        names = {position: line.drug.name for position, line in enumerate(lines)}
        raise Refusal(
            "unusual_receipt",
            f"{receipt_check.texts(warnings, names)}. Kiểm tra đơn vị tính, rồi xác nhận nếu đúng",
            field="confirm_unusual",
            warnings=warnings,
        )


def lot_of(position: int, line: GoodsLine, actor: Actor, supplier: str) -> Lot:
    """The lot of the line, made when new. Two receipts of the same new lot at once meet at its unique key.

    A drug that changed its name has a new row in the drug list; its lot stays the one it was.
    """
    number, registration_no = nfc(line.lot_number), short(line.registration_no, 255, "registration_no")
    bid_info = short(line.bid_info, 255, "bid_info")
    known = Lot.objects.for_facility(actor.facility).filter(
        drug__code=line.drug.code, number=number, expires_on=line.expires_on
    )
    lot: Lot | None = known.order_by("pk").first()
    if lot is None:
        lot, _ = Lot.objects.get_or_create(
            facility=actor.facility,
            drug=line.drug,
            number=number,
            expires_on=line.expires_on,
            defaults={
                "unit_cost": line.unit_cost,
                "supplier": short(line.supplier, 255, "supplier") or supplier,
                "registration_no": registration_no or line.drug.registration_no,
                "bid_info": bid_info or line.drug.bid_info,
            },
        )
    if lot.unit_cost != line.unit_cost:
        raise Refusal(
            "lot_price_differs",
            f"Lô {number} đã nhập với đơn giá khác; một lô chỉ có một giá",
            field="unit_cost",
            position=position,
            known=lot.unit_cost,
        )
    for name, given in (("registration_no", registration_no), ("bid_info", bid_info)):
        if given and getattr(lot, name) and given != getattr(lot, name):
            text = f"Lô {number} đã nhập với “{getattr(lot, name)}”"
            raise Refusal("lot_differs", text, field=name, position=position)
    return lot


def line_notes(lines: Sequence[GoodsLine]) -> list[LineNote]:
    """What the invoice says of each line."""
    return [
        LineNote(line.quantity if line.invoice_quantity is None else line.invoice_quantity, line.vat_rate)
        for line in lines
    ]
