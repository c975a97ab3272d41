"""The settlement of a closed visit on A5 (quyết toán viện phí): what it cost, who pays, what was paid, what is left.

The split as stored and the ledger as it is; sums of what is shown.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.dates import local
from his.core.errors import Refusal
from his.core.money import ZERO
from his.core.words import amount_in_words
from his.printing.codes import qr_svg
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import minute_text, money_text
from insurance.billing.effects import cash_of, paid_of
from insurance.billing.ledger import account_of, entries_of, payable_amount, whole_amount
from insurance.billing.queries import current_result, get_visit
from insurance.models import BenefitResult, CashEntry
from patients.models import Visit

SETTLEMENT = Form("settlement", "Quyết toán viện phí", Path(__file__).with_name("settlement.typ"))
_USES = frozenset({CashEntry.Kind.DEPOSIT_USE, CashEntry.Kind.DEPOSIT_RELEASE})


@service(action="billing.print_settlement", permission="billing.view")
def print_settlement(*, visit: Visit, actor: Actor, at: datetime) -> bytes:
    """The settlement of a closed visit as PDF (in bảng quyết toán). Refuses a visit without a split in force."""
    result = current_result(visit)
    if result is None:
        raise Refusal("not_closed", "Chưa chốt chi phí, chưa quyết toán được")
    data = settlement_data(visit, result, at)
    return print_form(form=SETTLEMENT, obj=result, data=data, number=visit.claim_code, actor=actor, at=at)


def settlement_data(visit: Visit, result: BenefitResult, at: datetime) -> dict[str, Any]:
    """What the settlement says: from the whole cost down to what is still to be taken or given back."""
    patient, entries, account = visit.patient, entries_of(visit), account_of(visit)
    taken = sum((paid_of(entry) for entry in entries if entry.kind not in _USES), ZERO)
    used = account.paid - taken
    payable, rounding = payable_amount(result), whole_amount(result) - result.patient_amount
    due = payable - taken - used - account.held
    wall = local(at)
    return {
        "day": f"Ngày {wall:%d} tháng {wall:%m} năm {wall:%Y}",
        "full_name": patient.full_name,
        "birth": patient.birth.text(),
        "address": patient.address,
        "patient_code": patient.code,
        "claim_code": visit.claim_code,
        "department": visit.department.name,
        "card_number": visit.card.number if visit.card and visit.is_insured else "",
        "arrived": minute_text(visit.arrived_at),
        "ended": minute_text(visit.ended_at) if visit.ended_at else "",
        "qr": qr_svg(visit.claim_code),
        "steps": [
            _step("Tổng chi phí", result.total_hospital_amount, "", always=True),
            _step("Quỹ BHYT thanh toán", result.fund_amount, "−", always=True),
            _step("Nguồn khác", result.other_amount, "−"),
            _step("Làm tròn", abs(rounding), "+" if rounding > 0 else "−"),
            _step("Miễn giảm", result.waived_amount, "−"),
            _step("Người bệnh phải trả", payable, "=", always=True, is_sum=True),
            _step("Đã nộp theo phiếu thu (trừ hoàn)", taken, "−", always=True),
            _step("Tạm ứng đã bù", used, "−"),
            _step("Tạm ứng còn giữ", account.held, "−"),
            _step(_last(due), abs(due), "=", always=True, is_sum=True),
        ],
        "words": amount_in_words(abs(due)),
        "entries": [_entry(entry) for entry in entries],
    }


def _last(due: Decimal) -> str:
    if due > 0:
        return "Còn phải thu thêm"
    return "Phải hoàn lại người bệnh" if due < 0 else "Còn lại"


def _step(label: str, amount: Decimal, sign: str, *, always: bool = False, is_sum: bool = False) -> dict[str, Any]:
    """One line of the settlement; the template leaves out what is empty."""
    shown = money_text(amount) if amount or always else ""
    return {"label": label, "amount": shown, "sign": sign, "is_sum": is_sum}


def _entry(entry: CashEntry) -> dict[str, str]:
    cash = cash_of(entry)
    return {
        "number": entry.number,
        "at": minute_text(entry.at),
        "kind": entry.get_kind_display(),
        "method": entry.get_method_display(),
        "taken": money_text(cash) if cash > 0 else "",
        "given": money_text(-cash) if cash < 0 else "",
        "note": "" if cash else f"{money_text(entry.amount)}, không thu chi tiền",
    }


@require_GET
@requires("billing.view")
def settlement_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The settlement of a visit of the user's facility."""
    visit = get_visit(request.actor.facility, pk)
    pdf = print_settlement(visit=visit, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"quyet-toan-{visit.claim_code}.pdf")
