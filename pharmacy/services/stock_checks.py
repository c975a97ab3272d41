"""What every stock document is asked before it is written: quantities, lots, reasons, stores, the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.text import nfc
from his.ui.text import decimal_text, minute_text
from pharmacy.allocation import out_of_turn
from pharmacy.models import Lot, StockDocument, Store
from pharmacy.queries import lot_stocks, usable_lots

MAX_QUANTITY = Decimal(10) ** 9
STEP = Decimal("0.001")

CLOCK_TOLERANCE = timedelta(minutes=5)
"""Two desks whose documents cross by less than this are no clock that was set back."""


@dataclass(frozen=True, slots=True)
class LotLine:
    """So much of a lot, in units of the drug; `lot_reason` when it goes before another that expires first."""

    lot: Lot
    quantity: Decimal
    lot_reason: str = ""


def check_quantity(position: int, quantity: Decimal, field: str = "quantity") -> None:
    """Refuse a quantity that is not above zero, or has more than three decimals."""
    if not quantity.is_finite() or not 0 < quantity < MAX_QUANTITY or quantity != quantity.quantize(STEP):
        raise Refusal("bad_quantity", "Số lượng phải lớn hơn 0, tối đa 3 chữ số lẻ", field=field, position=position)


def check_quantities(lines: Sequence[LotLine]) -> None:
    """Refuse a line without a good quantity, with its position."""
    for position, line in enumerate(lines):
        check_quantity(position, line.quantity)


def check_usable(lines: Sequence[LotLine], day: date) -> None:
    """Refuse lots that are expired or blocked on the day: they leave only by loss, destruction or to the supplier."""
    for position, line in enumerate(lines):
        if line.lot.is_blocked or line.lot.expires_on < day:
            raise Refusal(
                "not_usable",
                f"Lô {line.lot.number} đã hết hạn hoặc đang bị khóa; chỉ ghi hao hụt, hủy hoặc trả nhà cung cấp",
                field="lot",
                position=position,
            )


def check_turn(store: Store, lines: Sequence[LotLine], day: date) -> list[str]:
    """Refuse a lot that leaves the store before one that goes first (FEFO) without its reason, with the position.

    Answers the reason of each line, empty where it was the lot's turn: what was typed there needs no keeping.

    What another desk takes meanwhile is not waited for: a reason too many or too few harms no stock.
    """
    taken: dict[int, Decimal] = {}
    for line in lines:
        taken[line.lot.pk] = taken.get(line.lot.pk, Decimal(0)) + line.quantity
    held = {row.lot_id: row for row in usable_lots(store, {line.lot.drug.code for line in lines}, day)}
    passed = out_of_turn(taken, lot_stocks(held.values()), day)
    reasons = []
    for position, line in enumerate(lines):
        first = passed.get(line.lot.pk)
        reason = "" if first is None else short(line.lot_reason, 255, "lot_reason", position=position)
        reasons.append(reason)
        if first is None or reason:
            continue
        row = held[first]
        left = f"{decimal_text(row.on_hand - row.reserved)} {row.lot.drug.unit.lower()}"
        raise Refusal(
            "no_lot_reason",
            f"{row.lot.drug.name}: lô {row.lot.number} hạn {row.lot.expires_on:%d/%m/%Y} còn {left}, đến lượt "
            "xuất trước; hãy đổi lô hoặc ghi lý do chọn lô",
            field="lot_reason",
            position=position,
        )
    return reasons


def check_clock(store: Store, at: datetime) -> None:
    """Refuse an instant well before the store's last document: the clock of the machine was set back."""
    rows = StockDocument.objects.for_facility(store.facility_id).filter(store=store)
    last = rows.order_by("-posted_at").values_list("number", "posted_at").first()
    if last is not None and at + CLOCK_TOLERANCE < last[1]:
        raise Refusal(
            "time_order",
            f"Giờ máy {minute_text(local(at))} sớm hơn chứng từ {last[0]} của {store.name} "
            f"lúc {minute_text(last[1])}; hãy kiểm tra đồng hồ máy, rồi xác nhận nếu giờ máy đúng",
            field="confirm_clock",
        )


def check_own(actor: Actor, *rows: object) -> None:
    """Answer rows of another facility as not found: those inside a list of lines are not seen by the wrapper."""
    if any(getattr(row, "facility_id", actor.facility.pk) != actor.facility.pk for row in rows if row is not None):
        raise NotFound


def active(store: Store, field: str = "store") -> None:
    """Refuse a store that was closed."""
    if not store.is_active:
        raise Refusal("store_closed", f"{store.name} không còn hoạt động", field=field)


def two_stores(store: Store, target_store: Store) -> None:
    """Refuse closed stores and a store that would send to itself."""
    active(store)
    active(target_store, "target_store")
    if store.pk == target_store.pk:
        raise Refusal("same_store", "Kho nhận phải khác kho chuyển", field="target_store")


def given_reason(reason: str) -> str:
    """The reason, or a refusal when there is none."""
    if not nfc(reason):
        raise Refusal("no_reason", "Hãy ghi lý do", field="reason")
    return short(reason, 500, "reason")


def short(text: str, longest: int, field: str, **facts: object) -> str:
    """The text as it is stored; refuses a longer one beside its field, with the facts of the refusal."""
    text = nfc(text)
    if len(text) > longest:
        raise Refusal("too_long", f"Tối đa {longest} ký tự", field=field, **facts)
    return text
