"""The receipt and the refund slip (phiếu thu C40-BB, phiếu hoàn tiền), on A5 across or an 80 mm roll.

Every amount is read from the cash ledger and the stored split; nothing is computed but sums of what is shown
(TT 24/2024/TT-BTC for the form).
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.dates import local
from his.core.money import ZERO
from his.core.words import amount_in_words
from his.printing.codes import qr_svg
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import decimal_text, money_text
from insurance.billing.effects import paid_of
from insurance.billing.queries import get_entry, lines_of, waived_at, whole_amount
from insurance.models import BenefitLine, BenefitResult, CashEntry

RECEIPT = Form("receipt", "Phiếu thu", Path(__file__).with_name("receipt.typ"))
RECEIPT_ROLL = Form("receipt_roll", "Phiếu thu khổ 80 mm", Path(__file__).with_name("receipt_roll.typ"))


@service(action="billing.print_receipt", permission="billing.view")
def print_receipt(*, entry: CashEntry, actor: Actor, at: datetime, on_roll: bool = False) -> bytes:
    """A receipt or refund slip as PDF (in phiếu thu). Copies after the first say so."""
    form = RECEIPT_ROLL if on_roll else RECEIPT
    return print_form(form=form, obj=entry, data=receipt_data(entry), number=entry.number, actor=actor, at=at)


def receipt_data(entry: CashEntry) -> dict[str, Any]:
    """What the receipt says; the split is the one that the entry was taken for, waivers are those of that moment."""
    visit, patient, at = entry.visit, entry.visit.patient, local(entry.at)
    is_refund, waived = entry.kind == CashEntry.Kind.REFUND, waived_at(entry.result, entry.at) if entry.result else ZERO
    return {
        "is_refund": is_refund,
        "title": "PHIẾU HOÀN TIỀN" if is_refund else "PHIẾU THU",
        "number": entry.number,
        "day": f"Ngày {at:%d} tháng {at:%m} năm {at:%Y}",
        "time": f"{at:%H:%M %d/%m/%Y}",
        "full_name": patient.full_name,
        "birth": patient.birth.text(),
        "address": patient.address,
        "patient_code": patient.code,
        "claim_code": visit.claim_code,
        "card_number": visit.card.number if visit.card and visit.is_insured else "",
        "qr": qr_svg(visit.claim_code),
        "amount": money_text(entry.amount),
        "words": amount_in_words(entry.amount),
        "method": CashEntry.Method(entry.method).label,
        "reason": entry.reason,
        "reverses": entry.reverses.number if entry.reverses else "",
        "cashier": entry.by.display_name,
        "split": _split(entry.result, waived) if entry.result else None,
        "account": _account(entry, waived),
    }


def _split(result: BenefitResult, waived: Decimal) -> dict[str, Any]:
    return {
        "lines": [_line(line) for line in lines_of(result)],
        "total": money_text(result.total_hospital_amount),
        "fund": money_text(result.fund_amount),
        "copay": money_text(result.copay_amount),
        "self_paid": money_text(result.self_paid_amount),
        "other": money_text(result.other_amount) if result.other_amount else "",
        "waived": money_text(waived) if waived else "",
        "payable": money_text(whole_amount(result) - waived),
    }


def _line(line: BenefitLine) -> dict[str, str]:
    charge = line.charge
    return {
        "name": charge.name,
        "unit": charge.unit,
        "quantity": decimal_text(charge.quantity),
        "price": decimal_text(charge.hospital_price),
        "amount": money_text(line.hospital_amount),
        "fund": money_text(line.fund_amount),
        "copay": money_text(line.copay_amount),
        "self_paid": money_text(line.self_paid_amount),
    }


def _account(entry: CashEntry, waived: Decimal) -> dict[str, str]:
    """The account of the visit right after this entry: payable, paid before, still due (below zero: to give back)."""
    earlier = CashEntry.objects.for_facility(entry.facility).filter(
        Q(at__lt=entry.at) | Q(at=entry.at, pk__lt=entry.pk), visit=entry.visit
    )
    before = sum((paid_of(row) for row in earlier), ZERO)
    payable = whole_amount(entry.result) - waived if entry.result else ZERO
    left = payable - before - paid_of(entry)
    return {
        "before": money_text(before) if before else "",
        "left": money_text(left) if left > 0 else "",
        "to_return": money_text(-left) if left < 0 and entry.result and entry.result.is_current else "",
    }


@require_GET
@requires("billing.view")
def receipt_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """A receipt of the user's facility on A5."""
    return _answer(request, pk, on_roll=False)


@require_GET
@requires("billing.view")
def receipt_roll_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """A receipt of the user's facility on an 80 mm roll."""
    return _answer(request, pk, on_roll=True)


def _answer(request: DeskRequest, pk: int, *, on_roll: bool) -> HttpResponse:
    entry = get_entry(request.actor.facility, pk)
    pdf = print_receipt(entry=entry, actor=request.actor, at=timezone.now(), on_roll=on_roll)
    return pdf_response(pdf, f"phieu-{entry.number}.pdf")
