"""The cashier's drawer from opening to hand-over, and the closing of a day (mở ca, chốt ca, bàn giao, khóa ngày)."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import day_range, local
from his.core.errors import Refusal
from his.core.money import ZERO, round0
from his.core.text import fitting, nfc
from his.locks import lock_name
from his.service import audit_facts, service
from his.ui.text import day_text, money_text
from insurance.billing.amounts import AMOUNT_MAX
from insurance.billing.effects import EFFECTS
from insurance.billing.ledger import closed_day, entries_on, expected_cash, held_total, sessions_of_day, totals
from insurance.models import CashDay, CashEntry, CashSession

DENOMINATIONS = (500_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500)
NOTES_MAX = 100_000


@service(action="billing.open_session", permission="billing.collect")
def open_session(*, opening_float: Decimal, actor: Actor, at: datetime) -> CashSession:
    """Open the actor's drawer with a counted float in whole đồng (mở ca thu).

    Refuses a float below zero or not whole, when the drawer is open already, and on a day that is closed.
    """
    _whole_float(opening_float)
    _hold_day(actor.facility, local(at).date(), is_shared=True)
    try:
        with transaction.atomic():
            return CashSession.objects.create(
                facility=actor.facility, cashier=actor.user, opened_at=at, opening_float=opening_float
            )
    except IntegrityError:  # cash_session_open_once: also when two windows of one cashier open it at once
        raise Refusal("session_open", "Ca thu trước chưa chốt") from None


@service(action="billing.close_session", permission="billing.collect")
def close_session(
    *, session: CashSession, denominations: Mapping[int, int], actor: Actor, at: datetime, note: str = ""
) -> CashSession:
    """Close the drawer with the counted notes (chốt ca thu): face value in đồng -> number of notes.

    Afterwards the counted and the expected amounts are stored; a difference needs a note. Refuses another
    cashier's drawer and unknown denominations.
    """
    session = _locked(session)
    if session.cashier_id != actor.user.pk:
        raise Refusal("not_yours", "Ca thu của thu ngân khác")
    if session.closed_at is not None:
        raise Refusal("already_closed", "Ca thu đã chốt")
    if at < session.opened_at:
        raise Refusal("before_opening", "Giờ chốt ca trước giờ mở ca")
    note = fitting(nfc(note), 500, "note")
    if any(face not in DENOMINATIONS or not 0 <= count <= NOTES_MAX for face, count in denominations.items()):
        raise Refusal("denomination", "Mệnh giá hoặc số tờ không hợp lệ", field="denominations")
    counted = Decimal(sum(face * count for face, count in denominations.items()))
    expected = expected_cash(session)
    if counted != expected and not note:
        raise _difference(counted, expected)
    session.closed_at, session.counted_amount, session.expected_amount = at, counted, expected
    session.denominations, session.note = {str(face): count for face, count in denominations.items()}, note
    session.save()
    audit_facts(counted=counted, expected=expected)
    return session


@service(action="billing.receive_drawer", permission="billing.receive")
def receive_drawer(*, session: CashSession, amount: Decimal, actor: Actor, at: datetime, note: str = "") -> CashSession:
    """Take over the money of a closed drawer as treasurer or next cashier (nhận bàn giao), whole đồng counted anew.

    Afterwards the drawer names who has its money and since when. Refuses one's own drawer, an open one, one that was
    taken over, and an amount other than what was counted without a note.
    """
    session = _locked(session)
    if session.cashier_id == actor.user.pk:
        raise Refusal("own_drawer", "Người nhận bàn giao phải là người khác thu ngân")
    if session.closed_at is None:
        raise Refusal("not_closed", "Ca thu chưa chốt, chưa bàn giao được")
    if session.received_at is not None:
        raise Refusal("already_received", "Tiền của ca này đã được nhận bàn giao")
    if at < session.closed_at:
        raise Refusal("before_closing", "Giờ nhận bàn giao trước giờ chốt ca")
    note = fitting(nfc(note), 500, "note")
    if not amount.is_finite() or not 0 <= amount <= AMOUNT_MAX or amount != round0(amount):
        raise Refusal("not_whole", "Số tiền nhận phải chẵn đồng và không âm", field="amount")
    counted = session.counted_amount or ZERO
    if amount != counted and not note:
        raise _difference(amount, counted)
    session.received_by, session.received_at = actor.user, at
    session.received_amount, session.received_note = amount, note
    session.save()
    audit_facts(received=amount, counted=counted)
    return session


@service(action="billing.close_day", permission="billing.close_day")
def close_day(*, day: date, actor: Actor, at: datetime, note: str = "") -> CashDay:
    """Close a day of the facility's cash ledger (khóa ngày). Afterwards its figures are stored and no entry of that
    date can be made; there is no way back: what was wrong is corrected on a later day.

    Refuses a day to come, a day that is closed, and while a drawer of that day is open.
    """
    _hold_day(actor.facility, day)
    if day > local(at).date():
        raise Refusal("day_to_come", "Ngày chưa tới, chưa khóa được", field="day")
    still_open = [s.cashier.display_name for s in sessions_of_day(actor.facility, day) if s.closed_at is None]
    if still_open:
        raise Refusal("drawers_open", f"Còn ca thu chưa chốt: {', '.join(still_open)}")
    entries = entries_on(actor.facility, day)
    rows = totals(entries)
    row: CashDay = CashDay.objects.create(
        facility=actor.facility,
        day=day,
        closed_at=at,
        closed_by=actor.user,
        figures=[{"kind": r.kind, "method": r.method, "count": r.count, "amount": str(r.amount)} for r in rows],
        entry_count=sum(r.count for r in rows),
        cash_amount=sum((r.cash for r in rows if r.method == CashEntry.Method.CASH), ZERO),
        received_amount=sum((EFFECTS[r.kind].paid * r.amount for r in rows), ZERO),
        held_amount=held_total(actor.facility, until=day_range(day)[1]),
        note=fitting(nfc(note), 500, "note"),
    )
    audit_facts(day=day, entries=row.entry_count, cash=row.cash_amount, received=row.received_amount)
    return row


def own_drawer(actor: Actor, at: datetime) -> CashSession:
    """The actor's open drawer, locked: nobody counts it while an entry goes in."""
    rows = CashSession.objects.for_facility(actor.facility).select_for_update()
    session = rows.filter(cashier=actor.user, closed_at__isnull=True).first()
    if session is None:
        raise Refusal("no_session", "Chưa mở ca thu")
    if at < session.opened_at:
        raise Refusal("before_opening", "Giờ ghi phiếu trước giờ mở ca, hãy kiểm tra đồng hồ máy")
    return session


def _hold_day(facility: Facility, day: date, *, is_shared: bool = False) -> None:
    """Hold the day of the facility until the end of the transaction; refuses one that is closed. Drawers share it.

    An entry needs no such lock: it lies in an open drawer that was opened on its day or before, and a day with such a
    drawer is not closed.
    """
    lock_name("cash-day", facility.pk, day, is_shared=is_shared)
    if (row := closed_day(facility, day)) is not None:
        text = f"Ngày {day_text(day)} đã khóa sổ lúc {local(row.closed_at):%H:%M ngày %d/%m/%Y}"
        raise Refusal("day_closed", text, field="day")


def _locked(session: CashSession) -> CashSession:
    found: CashSession = CashSession.objects.select_for_update().get(pk=session.pk)
    return found


def _whole_float(amount: Decimal) -> None:
    if not amount.is_finite() or amount < 0:
        raise Refusal("negative", "Tiền đầu ca không được âm", field="opening_float")
    if amount > AMOUNT_MAX or amount != round0(amount):
        raise Refusal("not_whole", "Tiền đầu ca phải chẵn đồng và hợp lý", field="opening_float")


def _difference(counted: Decimal, expected: Decimal) -> Refusal:
    what = "thừa" if counted > expected else "thiếu"
    text = f"Tiền đếm được {what} {money_text(abs(counted - expected))} đ, hãy ghi lý do"
    return Refusal("difference", text, field="note", counted=counted, expected=expected)
