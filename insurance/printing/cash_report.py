"""The cashier's report of a drawer or of a day on A4 (báo cáo thu tiền, chốt ca).

Every paper by kind, sums by way of payment, what has to be handed over against what was counted, ranges of numbers,
voided numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import day_range, local, parse_day
from his.core.errors import NotFound, Refusal
from his.core.money import ZERO
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import day_text, minute_text, money_text, time_text
from insurance.billing.effects import EFFECTS, VOIDS, cash_of
from insurance.billing.ledger import closed_day, entries_on, expected_cash, held_total, sessions_of_day
from insurance.models import CashEntry, CashSession

_TEMPLATE = Path(__file__).with_name("cash_report.typ")
SESSION = Form("cash_session", "Báo cáo thu tiền của ca", _TEMPLATE)
SESSION_ROLL = Form("cash_session_roll", "Báo cáo ca thu khổ 80 mm", Path(__file__).with_name("cash_report_roll.typ"))
DAY = Form("cash_day", "Báo cáo thu tiền trong ngày", _TEMPLATE)
DAY_DRAFT = Form("cash_day_draft", "Báo cáo thu tiền trong ngày, chưa khóa sổ", _TEMPLATE)
Method = CashEntry.Method


@service(action="billing.print_session_report", permission="billing.view")
def print_session_report(*, session: CashSession, actor: Actor, at: datetime, on_roll: bool = False) -> bytes:
    """The report of one drawer as PDF, also while it is open (in báo cáo ca thu); on a roll its sums only."""
    data = session_data(session)
    number = f"{session.cashier.username} {minute_text(session.opened_at)}"
    form = SESSION_ROLL if on_roll else SESSION
    return print_form(form=form, obj=session, data=data, number=number, actor=actor, at=at, is_list=not on_roll)


@service(action="billing.print_day_report", permission="billing.view")
def print_day_report(*, day: date, actor: Actor, at: datetime) -> bytes:
    """The report of all drawers of a day as PDF; while the day is open it says so and is counted apart."""
    closed = closed_day(actor.facility, day)
    form, obj = (DAY, closed) if closed is not None else (DAY_DRAFT, actor.facility)
    data = day_data(actor.facility, day)
    return print_form(form=form, obj=obj, data=data, number=day_text(day), actor=actor, at=at, is_list=True)


def session_data(session: CashSession) -> dict[str, Any]:
    """What the report of a drawer says."""
    expected = session.expected_amount if session.expected_amount is not None else expected_cash(session)
    counted = session.counted_amount
    notes = sorted(((int(face), count) for face, count in session.denominations.items()), reverse=True)
    until = f" đến {minute_text(session.closed_at)}" if session.closed_at else ", ca đang mở"
    return {
        "title": "BÁO CÁO THU TIỀN THEO THU NGÂN",
        "subtitle": f"Ca thu của {session.cashier.display_name}, từ {minute_text(session.opened_at)}{until}",
        "is_draft": session.closed_at is None,
        **_entries_data(session.entries.all()),
        "drawer": [
            ("Tiền đầu ca", money_text(session.opening_float)),
            ("Tiền mặt phải có khi chốt ca", money_text(expected)),
            ("Tiền mặt đếm được", money_text(counted) if counted is not None else "chưa đếm"),
            ("Chênh lệch", money_text(counted - expected) if counted is not None else ""),
            ("Lý do chênh lệch", session.note),
            ("Đã bàn giao", _received(session)),
        ],
        "notes": [
            {"face": money_text(face), "count": str(count), "sum": money_text(face * count)} for face, count in notes
        ],
        "drawers": [],
        "signers": ["Thu ngân", "Thủ quỹ (người nhận)", "Kế toán trưởng"],
        "signed": [session.cashier.display_name, "", ""],
    }


def day_data(facility: Facility, day: date) -> dict[str, Any]:
    """What the report of a day says."""
    closed, (_, end) = closed_day(facility, day), day_range(day)
    state = (
        f"đã khóa sổ lúc {minute_text(closed.closed_at)}, {closed.closed_by.display_name}" if closed else "chưa khóa sổ"
    )
    return {
        "title": "BÁO CÁO THU TIỀN TRONG NGÀY",
        "subtitle": f"Ngày {day_text(day)}, {state}",
        "is_draft": closed is None,
        **_entries_data(entries_on(facility, day)),
        "drawer": [("Tạm ứng còn giữ cuối ngày", money_text(held_total(facility, until=end)))],
        "notes": [],
        "drawers": [_drawer(session) for session in sessions_of_day(facility, day)],
        "signers": ["Người lập", "Thủ quỹ", "Kế toán trưởng"],
        "signed": ["", "", ""],
    }


def _received(session: CashSession) -> str:
    if session.received_at is None or session.received_by is None:
        return ""
    amount, who = money_text(session.received_amount or ZERO), session.received_by.display_name
    return f"{amount} đ cho {who}, {minute_text(session.received_at)}"


def _drawer(session: CashSession) -> dict[str, str]:
    expected = session.expected_amount if session.expected_amount is not None else expected_cash(session)
    counted = session.counted_amount
    return {
        "cashier": session.cashier.display_name,
        "opened": minute_text(session.opened_at),
        "closed": minute_text(session.closed_at) if session.closed_at else "đang mở",
        "float": money_text(session.opening_float),
        "expected": money_text(expected),
        "counted": money_text(counted) if counted is not None else "",
        "difference": money_text(counted - expected) if counted is not None else "",
        "received": session.received_by.display_name if session.received_by else "",
    }


@dataclass(frozen=True, slots=True)
class Sums:
    """Money by way of payment, đồng; below zero when it went out."""

    cash: Decimal = ZERO
    transfer: Decimal = ZERO
    card: Decimal = ZERO

    @classmethod
    def of(cls, entries: Sequence[CashEntry]) -> "Sums":
        """What the entries moved."""
        return cls(*(sum((cash_of(e) for e in entries if e.method == method), ZERO) for method in Method))

    def texts(self) -> list[str]:
        """Cash, transfer, card, together."""
        parts = (self.cash, self.transfer, self.card)
        return [money_text(part) if part else "" for part in parts] + [money_text(sum(parts, ZERO))]


def _entries_data(entries: QuerySet[CashEntry]) -> dict[str, Any]:
    rows = list(entries.select_related("visit__patient", "by", "reverses").order_by("at", "pk"))
    groups = [_group(kind, [row for row in rows if row.kind == kind]) for kind in EFFECTS]
    taken = [row for row in rows if cash_of(row) > 0]
    given = [row for row in rows if cash_of(row) < 0]
    voids = sorted(row.reverses.number for row in rows if row.kind in VOIDS.values() and row.reverses)
    return {
        "groups": [group for group in groups if group["rows"]],
        "taken": Sums.of(taken).texts(),
        "given": [text.removeprefix("-") for text in Sums.of(given).texts()],
        "net": Sums.of(rows).texts(),
        "ranges": [group["range"] for group in groups if group["rows"]],
        "voided": ", ".join(voids),
        "count": str(len(rows)),
    }


def _group(kind: str, rows: Sequence[CashEntry]) -> dict[str, Any]:
    numbers = sorted(row.number for row in rows)
    label = CashEntry.Kind(kind).label
    span = f"{label}: {numbers[0]} đến {numbers[-1]} ({len(numbers)})" if numbers else ""
    moves = EFFECTS[kind].cash != 0
    return {
        "title": label if moves else f"{label} (không thu chi tiền)",
        "rows": [_row(row, moves) for row in rows],
        "sums": Sums.of(rows).texts() if moves else [],
        "range": span,
        "count": str(len(rows)),
    }


def _row(entry: CashEntry, moves: bool) -> dict[str, Any]:
    visit, note = entry.visit, entry.reason
    if entry.reverses:
        note = f"{entry.reverses.number}: {note}" if note else entry.reverses.number
    sums = Sums.of([entry]).texts() if moves else ["", "", "", ""]
    return {
        "number": entry.number,
        "at": time_text(entry.at),
        "day": day_text(local(entry.at).date()),
        "patient_code": visit.patient.code,
        "full_name": visit.patient.full_name,
        "payer": "BHYT" if visit.is_insured else "Viện phí",
        "sums": sums,
        "note": note if moves else f"{money_text(entry.amount)} đ, {note}",
        "reference": entry.bank_reference,
    }


@require_GET
@requires("billing.view")
def session_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The report of a drawer of the user's facility on A4."""
    return _session(request, pk, on_roll=False)


@require_GET
@requires("billing.view")
def session_roll_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The sums of a drawer of the user's facility on an 80 mm roll."""
    return _session(request, pk, on_roll=True)


def _session(request: DeskRequest, pk: int, *, on_roll: bool) -> HttpResponse:
    rows = CashSession.objects.for_facility(request.actor.facility).select_related("cashier", "received_by")
    session = rows.filter(pk=pk).first()
    if session is None:
        raise NotFound
    pdf = print_session_report(session=session, actor=request.actor, at=timezone.now(), on_roll=on_roll)
    return pdf_response(pdf, f"ca-thu-{session.pk}.pdf")


@require_GET
@requires("billing.view")
def day_pdf(request: DeskRequest) -> HttpResponse:
    """The report of the day that the address names, today when it names none."""
    try:
        day = parse_day(request.GET["day"]) if request.GET.get("day") else timezone.localdate()
        day_range(day)
    except (ValueError, OverflowError):
        raise Refusal("day", "Ngày không hợp lệ", field="day") from None
    pdf = print_day_report(day=day, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"thu-tien-{day:%Y%m%d}.pdf")
