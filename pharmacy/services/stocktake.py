"""Stock-takes (kiểm kê): opening one, and what the counters write down.

The book is frozen for each lot at the opening; dispensing goes on. A lot counts by what was seen at an instant
against the book of that same instant (docs/stocktake.md). TT 22/2011/TT-BYT, form 11D/BV-01.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError
from django.db.models import Max

from his.accounts.actor import Actor
from his.catalogs.models import Drug
from his.core.dates import local
from his.core.errors import NotFound, Refusal
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from his.ui.text import minute_text
from patients.services.counters import next_number
from pharmacy.allocation import ZERO
from pharmacy.counting import FIRST_ROUND
from pharmacy.models import (
    Lot,
    StockCount,
    StockCountEntry,
    StockCountLine,
    StockCountMember,
    Store,
)
from pharmacy.queries_stocktake import book_at, in_scope, last_rounds, lots_to_count, open_lines, standing_entries

Role = StockCountMember.Role
Scope = StockCount.Scope
State = StockCount.State

_MAX_QUANTITY = Decimal(10) ** 9
_STEP = Decimal("0.001")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Member:
    """One of the board as typed."""

    name: str
    title: str = ""
    role: str = Role.MEMBER
    is_counter: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a counter saw of one line: good units, broken or spoiled ones apart. `counted_at` None: as of the snapshot,
    which is only allowed for a lot that did not move since."""

    line: StockCountLine
    counted: Decimal
    damaged: Decimal = ZERO
    counted_at: datetime | None = None
    note: str = ""


@service(action="pharmacy.open_count", permission="pharmacy.receive")
def open_count(
    *,
    store: Store,
    occasion: str,
    scope: str,
    members: Sequence[Member],
    actor: Actor,
    at: datetime,
    scope_codes: Sequence[str] = (),
    is_blind: bool = True,
    idempotency_key: str = "",
) -> StockCount:
    """Open a stock-take of one store (mở đợt kiểm kê) and freeze the book of every lot in its scope at `at`.

    Refuses a closed store, a board without one chairman or without anybody who counts, a scope without lots, and lots
    that another stock-take of the store holds.
    """
    if not store.is_active:
        raise Refusal("store_closed", f"{store.name} không còn hoạt động", field="store")
    codes = _scope_codes(scope, scope_codes)
    board = _board(members)
    if occasion not in StockCount.Occasion.values:
        raise Refusal("bad_occasion", "Hãy chọn loại kiểm kê", field="occasion")
    lots = lots_to_count(store, at, in_scope(scope, codes, actor.facility, local(at).date()))
    if not lots:
        raise Refusal("nothing_to_count", f"{store.name} không có lô nào còn tồn trong phạm vi này", field="scope")
    _refuse_twice(store, [lot for lot, _ in lots])
    year = local(at).year
    number = next_number(facility=actor.facility, series=f"stock-take-{year}")
    count = StockCount.objects.create(
        facility=actor.facility,
        number=f"KK{year % 100:02d}-{number:06d}",
        store=store,
        occasion=occasion,
        scope=scope,
        scope_codes=codes,
        is_blind=is_blind,
        snapshot_at=at,
        opened_by=actor.user,
    )
    StockCountMember.objects.bulk_create(
        StockCountMember(
            facility=actor.facility,
            count=count,
            position=position,
            name=member.name,
            title=member.title,
            role=member.role,
            is_counter=member.is_counter,
        )
        for position, member in enumerate(board, 1)
    )
    _store_lines(count, lots, first=1)
    audit_facts(number=count.number, lines=len(lots))
    return count


@service(action="pharmacy.count_line", permission="pharmacy.receive")
def record_count(
    *, line: StockCountLine, counter: StockCountMember, round_no: int, found: Found, actor: Actor, at: datetime
) -> StockCountEntry:
    """Write down what a counter saw of one lot (ghi số đếm); nothing is assumed zero, so zero is written as zero.

    A later entry of the same counter and round takes the place of the earlier one; the same figures again change
    nothing. Refuses when the stock-take is no longer counted, a counter of another board, quantities below zero, a
    time before the snapshot or after now, and a round that is not due.
    """
    count = counting(line.count, actor)
    new, _ = new_entries(count=count, counter=counter, round_no=round_no, found=[found], actor=actor, at=at)
    if not new:
        return standing_entries(count, counter)[line.pk, round_no]
    new[0].save(force_insert=True)
    return new[0]


def new_entries(
    *,
    count: StockCount,
    counter: StockCountMember,
    round_no: int,
    found: Sequence[Found],
    actor: Actor,
    at: datetime,
) -> tuple[list[StockCountEntry], int]:
    """What is new among the figures, not stored yet, and how many change nothing. The count is locked.

    A refusal of one line carries `position` (from 0) and names the field.
    """
    if counter.count_id != count.pk or not counter.is_counter:
        raise Refusal("not_counter", "Người này không có trong danh sách người đếm của đợt kiểm kê", field="counter")
    rounds, standing = last_rounds(count), standing_entries(count, counter)
    new, unchanged = [], 0
    for position, one in enumerate(found):
        if one.line.count_id != count.pk:
            raise NotFound
        _check(position, one, count, round_no, rounds.get(one.line.pk, 0), at)
        known = standing.get((one.line.pk, round_no))
        if known is not None and _same(known, one):
            unchanged += 1
            continue
        new.append(
            StockCountEntry(
                facility=actor.facility,
                line=one.line,
                counter=counter,
                round=round_no,
                counted=one.counted,
                damaged=one.damaged,
                counted_at=one.counted_at or count.snapshot_at,
                note=nfc(one.note),
                recorded_by=actor.user,
                recorded_at=at,
            )
        )
    return new, unchanged


@service(action="pharmacy.add_found_lot", permission="pharmacy.receive")
def add_found_lot(
    *, count: StockCount, drug: Drug, lot_number: str, expires_on: date, actor: Actor, at: datetime
) -> StockCountLine:
    """Add a lot that lies on the shelf and is not in the count (lô tìm thấy ngoài sổ); one that is in it stays.

    An unknown lot is made at the price of the latest lot of the drug, or else at its list price. Refuses a drug outside
    the scope and a lot that another stock-take of the store holds.
    """
    return find_lot(counting(count, actor), drug, lot_number, expires_on, actor)


def find_lot(count: StockCount, drug: Drug, lot_number: str, expires_on: date, actor: Actor) -> StockCountLine:
    """The line of a lot in a count that is locked, made when it has none."""
    number = nfc(lot_number)
    if not number or len(number) > 100:
        raise Refusal("bad_lot", "Hãy gõ số lô, tối đa 100 ký tự", field="lot_number")
    lots = Lot.objects.for_facility(actor.facility).filter(drug__code=drug.code)
    lot = lots.filter(number=number, expires_on=expires_on).order_by("pk").first()
    if lot is None:
        last = lots.order_by("-pk").values_list("unit_cost", flat=True).first()
        lot, _ = Lot.objects.get_or_create(
            facility=actor.facility,
            drug=drug,
            number=number,
            expires_on=expires_on,
            defaults={"unit_cost": drug.price if last is None else last},
        )
    lines = StockCountLine.objects.for_facility(actor.facility).filter(count=count)
    known: StockCountLine | None = lines.filter(lot=lot).first()
    if known is not None:
        return known
    _refuse_out_of_scope(count, drug)
    _refuse_twice(count.store, [lot])
    book = book_at(count.store, count.snapshot_at).filter(lot=lot).values_list("book", flat=True).first()
    last_position = lines.aggregate(last=Max("position"))["last"]
    return _store_lines(count, [(lot, book or ZERO)], first=last_position + 1, is_found=True)[0]


@service(action="pharmacy.explain_count", permission="pharmacy.receive")
def explain(*, line: StockCountLine, reason: str, actor: Actor, at: datetime) -> StockCountLine:
    """Say why a lot differs (lý do chênh lệch), or take the reason back with an empty one."""
    counting(line.count, actor)
    line.reason = fitting(nfc(reason), 500, "reason")
    line.save(update_fields=["reason"])
    return line


def counting(count: StockCount, actor: Actor) -> StockCount:
    """The stock-take locked, as it is now; refuses one that is approved or ended."""
    locked = lock(count, actor)
    if locked.state != State.COUNTING:
        raise Refusal("already_counted", f"Đợt {locked.number}: {locked.get_state_display().lower()}", field="count")
    return locked


def lock(count: StockCount, actor: Actor) -> StockCount:
    """The stock-take as it is now, locked until the transaction ends."""
    rows = StockCount.objects.for_facility(actor.facility).select_related("store")
    locked: StockCount = rows.select_for_update(of=("self",), no_key=True).get(pk=count.pk)
    return locked


def lot_text(line: StockCountLine) -> str:
    """A lot as refusals name it."""
    return f"{line.lot.drug.name} lô {line.lot.number}"


def named(lines: Collection[StockCountLine]) -> str:
    """The first lots by name, and how many more."""
    shown = "; ".join(lot_text(line) for line in list(lines)[:_NAMED])
    return f"{shown} và {len(lines) - _NAMED} lô nữa" if len(lines) > _NAMED else shown


def _scope_codes(scope: str, codes: Sequence[str]) -> list[str]:
    if scope not in Scope.values:
        raise Refusal("bad_scope", "Hãy chọn phạm vi kiểm kê", field="scope")
    if scope == Scope.STORE:
        return []
    chosen = sorted({code for code in map(nfc, codes) if code})
    if not chosen:
        raise Refusal("empty_scope", "Hãy chọn nhóm hoặc thuốc cần kiểm kê", field="scope")
    return chosen


def _board(members: Sequence[Member]) -> list[Member]:
    board = [
        Member(
            fitting(nfc(one.name), 100, "members"), fitting(nfc(one.title), 100, "members"), one.role, one.is_counter
        )
        for one in members
        if nfc(one.name)
    ]
    roles = [one.role for one in board]
    if set(roles) - set(Role.values):
        raise Refusal("bad_role", "Vai trò trong tổ kiểm kê không có trong danh sách", field="members")
    if roles.count(Role.CHAIRMAN) != 1 or roles.count(Role.SECRETARY) > 1:
        raise Refusal("bad_board", "Tổ kiểm kê có một chủ tịch và nhiều nhất một thư ký", field="members")
    if not any(one.is_counter for one in board):
        raise Refusal("no_counter", "Hãy chọn ít nhất một người đếm trong tổ kiểm kê", field="members")
    return board


def _refuse_twice(store: Store, lots: Sequence[Lot]) -> None:
    held = list(open_lines(store, lots))
    if held:
        numbers = ", ".join(sorted({line.count.number for line in held}))
        raise Refusal("already_counting", f"Đang kiểm kê trong đợt {numbers}: {named(held)}", field="scope")


def _refuse_out_of_scope(count: StockCount, drug: Drug) -> None:
    if count.scope == Scope.STORE:
        return
    value = {
        Scope.LIST: drug.code,
        Scope.KIND: drug.kind,
        Scope.CONTROL: drug.control_class,
        Scope.GROUP: drug.group_code,
    }[Scope(count.scope)]
    if value not in count.scope_codes:
        raise Refusal("out_of_scope", f"{drug.name} không thuộc phạm vi của đợt kiểm kê này", field="drug")


def _store_lines(
    count: StockCount, lots: Sequence[tuple[Lot, Decimal]], *, first: int, is_found: bool = False
) -> list[StockCountLine]:
    """Two stock-takes that are opened at once meet at the unique key of store and lot."""
    try:
        return StockCountLine.objects.bulk_create(
            StockCountLine(
                facility=count.facility,
                count=count,
                position=position,
                store=count.store,
                lot=lot,
                snapshot_quantity=book,
                is_found=is_found,
            )
            for position, (lot, book) in enumerate(lots, first)
        )
    except IntegrityError as error:
        if "lot_in_one_open_count" in str(error):
            raise Refusal("already_counting", "Có lô đang được kiểm kê trong đợt khác", field="scope") from error
        raise


def _check(position: int, found: Found, count: StockCount, round_no: int, last: int, at: datetime) -> None:
    for name, quantity in (("counted", found.counted), ("damaged", found.damaged)):
        if not quantity.is_finite() or not 0 <= quantity < _MAX_QUANTITY or quantity != quantity.quantize(_STEP):
            raise Refusal("bad_quantity", "Số đếm từ 0 trở lên, tối đa 3 chữ số lẻ", field=name, position=position)
    if found.counted_at is not None and not count.snapshot_at <= found.counted_at <= at:
        raise Refusal(
            "bad_time",
            f"Giờ đếm phải từ lúc chốt sổ {minute_text(count.snapshot_at)} đến bây giờ",
            field="counted_at",
            position=position,
        )
    if not FIRST_ROUND <= round_no <= last + 1:
        raise Refusal("bad_round", f"Chưa có số đếm lần {round_no - 1}", field="round", position=position)
    if len(nfc(found.note)) > 255:
        raise Refusal("too_long", "Ghi chú tối đa 255 ký tự", field="note", position=position)


def _same(known: StockCountEntry, found: Found) -> bool:
    is_same_time = found.counted_at is None or found.counted_at == known.counted_at
    return is_same_time and (known.counted, known.damaged, known.note) == (
        found.counted,
        found.damaged,
        nfc(found.note),
    )
