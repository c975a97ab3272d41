"""What every stock document is asked before it is written: quantities, lots, reasons, stores, the clock."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.text import nfc
from his.ui.text import decimal_text, minute_text
from pharmacy.allocation import out_of_turn
from pharmacy.models import Lot, StockDocument, StockMovement, Store
from pharmacy.queries import lot_stocks, usable_lots

MAX_QUANTITY = Decimal(10) ** 9
STEP = Decimal("0.001")

CLOCK_TOLERANCE = timedelta(minutes=5)
"""Two desks whose documents cross by less than this are no clock that was set back."""


LONG_AGO = datetime.min.replace(tzinfo=UTC)
ALWAYS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DeskClock:
    """Says that an instant was just read from the clock of the machine, so it should follow what is written.

    Up to `confirmed_until` somebody looked: what is written there comes from a clock that ran ahead, this one is right.
    """

    confirmed_until: datetime = LONG_AGO

    def is_behind(self, at: datetime, written: datetime) -> bool:
        """Whether `at` lies before what was written by more than two desks cross, and nobody looked."""
        return at + CLOCK_TOLERANCE < written and self.confirmed_until < written


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
    if last is not None and DeskClock().is_behind(at, last[1]):
        raise asked_clock(store.facility_id, at, f"chứng từ {last[0]} của {store.name}", last[1])


def check_cards(store: Store, lot_ids: Collection[int], at: datetime, clock: DeskClock | None) -> None:
    """Refuse an instant well before the last line of the lots' bin cards in the store (a clock that was set back).

    What a program enters late (no `clock`) is in the ledger like any other.
    """
    if clock is None:
        return
    rows = StockMovement.objects.for_facility(store.facility_id).filter(store=store, lot__in=lot_ids)
    last = rows.order_by("-at", "-pk").values_list("line__document__number", "at", "lot__number").first()
    if last is not None and clock.is_behind(at, last[1]):
        raise asked_clock(store.facility_id, at, f"chứng từ {last[0]} (lô {last[2]}) của {store.name}", last[1])


def check_after(facility_id: int, at: datetime, written: datetime, what_vi: str, clock: DeskClock | None) -> None:
    """Refuse an instant before that of the paper it follows; a desk may confirm that the paper's clock ran ahead."""
    if at >= written:
        return
    if clock is None:
        raise Refusal("time_order", f"{_behind(at, what_vi, written)}, hãy kiểm tra đồng hồ máy", field="at")
    if clock.confirmed_until < written:
        raise asked_clock(facility_id, at, what_vi, written)


def clock_facts(at: datetime, clock: DeskClock | None) -> dict[str, str]:
    """What the audit log keeps of a time that somebody confirmed although later ones are written."""
    return {"confirmed_clock": clock.confirmed_until.isoformat()} if clock and clock.confirmed_until > at else {}


def asked_clock(facility_id: int, at: datetime, what_vi: str, written: datetime) -> Refusal:
    """The question whether the clock is right. Who says so has looked at all that stands in the facility's ledger
    (`until`): a clock is right for every card, and nobody is asked again for the next one."""
    last = StockMovement.objects.for_facility(facility_id).order_by("-at").values_list("at", flat=True).first()
    text = f"{_behind(at, what_vi, written)}; hãy kiểm tra đồng hồ máy, rồi xác nhận nếu giờ máy đúng"
    return Refusal("time_order", text, field="confirm_clock", until=max(written, last or written))


def _behind(at: datetime, what_vi: str, written: datetime) -> str:
    return f"Giờ máy {minute_text(local(at))} sớm hơn {what_vi} lúc {minute_text(local(written))}"


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
