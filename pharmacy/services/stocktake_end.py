"""How a stock-take ends: approved by another person and posted once, or abandoned with a reason. Never deleted."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection

from his.accounts.actor import Actor
from his.core.errors import Refusal
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from his.ui.text import decimal_text
from pharmacy.allocation import ZERO
from pharmacy.counting import LineState
from pharmacy.models import Lot, StockCount, StockCountEntry, StockCountLine, StockDocument
from pharmacy.queries import balances
from pharmacy.queries_stocktake import CountedLine, books_of, counted_lines, lines_of
from pharmacy.services import ledger
from pharmacy.services.lots import hold_incoming
from pharmacy.services.stocktake import State, counting, lock, named

Kind = StockDocument.Kind

_RESULTS = """
UPDATE pharmacy_stockcountline l
SET counted = d.counted, damaged = d.damaged, counted_at = d.counted_at, book_quantity = d.book
FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[], %s::timestamptz[], %s::numeric[])
    AS d (id, counted, damaged, counted_at, book)
WHERE l.id = d.id
"""


@service(action="pharmacy.approve_count", permission="pharmacy.approve_count")
def approve_count(*, count: StockCount, actor: Actor, at: datetime, proposal: str = "") -> StockCount:
    """Approve what was found (duyệt kiểm kê); the result of every lot is written down as it is approved.

    Refuses the one who opened the stock-take or recorded a count in it, lots that nobody counted, lots that wait for a
    second count, and differences without a reason.
    """
    locked = counting(count, actor)
    entries = StockCountEntry.objects.for_facility(actor.facility).filter(line__count=locked)
    if locked.opened_by_id == actor.user.pk or entries.filter(recorded_by=actor.user).exists():
        raise Refusal("same_person", "Người mở đợt hoặc đã ghi số đếm không được tự duyệt", field="count")
    lines = counted_lines(locked)
    _refuse_incomplete(lines)
    _write_results(lines)
    locked.state, locked.approved_by, locked.approved_at = State.APPROVED, actor.user, at
    locked.proposal, locked.return_reason = fitting(nfc(proposal), 1000, "proposal"), ""
    locked.save(update_fields=["state", "approved_by", "approved_at", "proposal", "return_reason"])
    audit_facts(number=locked.number, lines=len(lines), changed=sum(one.needs_reason for one in lines))
    return locked


@service(action="pharmacy.return_count", permission="pharmacy.approve_count")
def return_count(*, count: StockCount, reason: str, actor: Actor, at: datetime) -> StockCount:
    """Give a stock-take back to be counted again (trả lại để đếm tiếp), with a reason; an approval falls away."""
    locked = _not_ended(count, actor)
    locked.return_reason = _reason(reason)
    locked.state, locked.approved_by, locked.approved_at = State.COUNTING, None, None
    locked.save(update_fields=["state", "approved_by", "approved_at", "return_reason"])
    lines_of(locked).update(counted=None, damaged=None, counted_at=None, book_quantity=None)
    audit_facts(number=locked.number, reason=locked.return_reason)
    return locked


@service(action="pharmacy.post_count", permission="pharmacy.receive")
def post_count(*, count: StockCount, actor: Actor, at: datetime, idempotency_key: str = "") -> StockCount:
    """Bring the book to what was counted (ghi sổ kiểm kê), once: a document for what is too much, one for what is too
    little, one for what is broken.

    Afterwards every lot has what was counted as good plus what moved since it was counted. Refuses a stock-take that
    nobody approved, one that is posted, one where a document recorded late has changed the book of an instant since
    the approval, and lots of which less would be left than nothing or than is reserved, all named.
    """
    locked = lock(count, actor)
    if locked.state == State.POSTED:
        raise Refusal("already_posted", f"Đợt {locked.number} đã ghi sổ rồi", field="count")
    if locked.state != State.APPROVED:
        raise Refusal("not_approved", f"Đợt {locked.number} chưa được duyệt", field="count")
    if locked.approved_at is None or at < locked.approved_at:
        raise Refusal("time_order", "Giờ ghi sổ sớm hơn giờ duyệt, hãy kiểm tra đồng hồ máy", field="at")
    lines = list(lines_of(locked))
    up, down, loss = _changes(lines)
    drafts = [
        _draft(locked, kind, items, words, actor, at)
        for kind, items, words in (
            (Kind.COUNT_UP, up, "Thừa"),
            (Kind.COUNT_DOWN, down, "Thiếu"),
            (Kind.LOSS, loss, "Hỏng, vỡ"),
        )
    ]
    hold_incoming(store=locked.store, lots=[lot for lot, _ in up], actor=actor, at=at)
    _refuse_impossible(locked, lines)
    locked.up_document, locked.down_document, locked.loss_document = (
        ledger.post(draft=draft, actor=actor, at=at) if draft is not None else None for draft in drafts
    )
    locked.state, locked.posted_by, locked.posted_at = State.POSTED, actor.user, at
    locked.save(
        update_fields=["state", "posted_by", "posted_at", "up_document", "down_document", "loss_document"],
    )
    audit_facts(number=locked.number, lines=len(lines), changed=len({lot.pk for lot, _ in (*up, *down, *loss)}))
    return locked


@service(action="pharmacy.abandon_count", permission="pharmacy.receive")
def abandon_count(*, count: StockCount, reason: str, actor: Actor, at: datetime) -> StockCount:
    """End a stock-take without touching the book (hủy đợt kiểm kê), with a reason; everything written down stays."""
    locked = _not_ended(count, actor)
    locked.state, locked.abandoned_by, locked.abandoned_at = State.ABANDONED, actor.user, at
    locked.abandon_reason = _reason(reason)
    locked.save(update_fields=["state", "abandoned_by", "abandoned_at", "abandon_reason"])
    audit_facts(number=locked.number, reason=locked.abandon_reason)
    return locked


def _not_ended(count: StockCount, actor: Actor) -> StockCount:
    locked = lock(count, actor)
    if locked.state in {State.POSTED, State.ABANDONED}:
        raise Refusal("already_ended", f"Đợt {locked.number}: {locked.get_state_display().lower()}", field="count")
    return locked


def _write_results(lines: Sequence[CountedLine]) -> None:
    """Write down what counts for each lot, in one statement: a whole pharmacy has thousands."""
    chosen = [(one.line.pk, one.verdict.chosen) for one in lines if one.verdict.chosen is not None]
    with connection.cursor() as cursor:
        cursor.execute(
            _RESULTS,
            [
                [pk for pk, _ in chosen],
                [seen.counted for _, seen in chosen],
                [seen.damaged for _, seen in chosen],
                [seen.counted_at for _, seen in chosen],
                [seen.book for _, seen in chosen],
            ],
        )


def _refuse_incomplete(lines: Sequence[CountedLine]) -> None:
    for state, code, words in (
        (LineState.UNCOUNTED, "uncounted", "Chưa đếm (không có thì ghi 0)"),
        (LineState.RECOUNT, "recount_due", "Cần đếm lần nữa"),
    ):
        left = [one.line for one in lines if one.verdict.state == state]
        if left:
            raise Refusal(code, f"{words}, {len(left)} lô: {named(left)}", field="count", lots=len(left))
    unexplained = [one.line for one in lines if one.needs_reason and not one.line.reason]
    if unexplained:
        raise Refusal("no_reason", f"Chưa ghi lý do chênh lệch: {named(unexplained)}", field="count")


Items = list[tuple[Lot, Decimal]]


def _changes(lines: Sequence[StockCountLine]) -> tuple[Items, Items, Items]:
    """Lots with too much, with too little and with broken units, as approved."""
    up: Items = []
    down: Items = []
    loss: Items = []
    for line in lines:
        counted, damaged, book = line.counted or ZERO, line.damaged or ZERO, line.book_quantity or ZERO
        difference = counted + damaged - book
        if difference:
            (up if difference > 0 else down).append((line.lot, abs(difference)))
        if damaged:
            loss.append((line.lot, damaged))
    return up, down, loss


def _draft(
    count: StockCount, kind: StockDocument.Kind, items: Items, words: str, actor: Actor, at: datetime
) -> ledger.Draft | None:
    if not items:
        return None
    made = ledger.draft(
        kind=kind,
        store=count.store,
        actor=actor,
        at=at,
        reference=count.number,
        reason=f"{words} theo biên bản kiểm kê {count.number}",
    )
    for lot, quantity in items:
        made.add(lot=lot, quantity=quantity)
    return made


def _refuse_impossible(count: StockCount, lines: Sequence[StockCountLine]) -> None:
    """Lock the balances of the count, then compare: what is approved must still be true, and must be possible."""
    held = {
        row.lot_id: row
        for row in balances(count.facility_id)
        .filter(store=count.store_id, lot__in=[line.lot_id for line in lines])
        .order_by("store_id", "lot_id")
        .select_for_update(of=("self",), no_key=True)
    }
    books = books_of(count)
    changed = [line for line in lines if books[line.pk] != line.book_quantity]
    if changed:
        raise Refusal(
            "book_changed",
            f"Có chứng từ ghi sổ muộn làm đổi số sổ sách lúc đếm; hãy trả lại để duyệt lại: {named(changed)}",
            field="count",
        )
    short = []
    for line in lines:
        change = (line.counted or ZERO) - (line.book_quantity or ZERO)
        row = held.get(line.lot_id)
        on_hand, reserved = (row.on_hand, row.reserved) if row is not None else (ZERO, ZERO)
        if change < 0 and on_hand + change < reserved:
            short.append((line, on_hand + change, reserved))
    if short:
        lots = "; ".join(
            f"{line.lot.drug.name} lô {line.lot.number} sẽ còn {decimal_text(left)}"
            + (f", đang giữ chỗ {decimal_text(reserved)}" if reserved else "")
            for line, left, reserved in short
        )
        raise Refusal("shortage", f"Ghi sổ sẽ làm tồn kho âm hoặc dưới số giữ chỗ: {lots}", field="count")


def _reason(reason: str) -> str:
    text = nfc(reason)
    if not text:
        raise Refusal("no_reason", "Hãy ghi lý do", field="reason")
    return fitting(text, 500, "reason")
