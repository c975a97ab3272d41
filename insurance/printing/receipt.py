"""The slips of the cash ledger, on A5 across or an 80 mm roll: receipt (phiếu thu C40-BB), refund (C41-BB), deposit,
its use and return, void. A paper that was voided says HỦY.

Every amount is read from the ledger and the stored split; nothing is computed but sums of what is shown. What a
slip is called and which form it is, is data (`insurance/data/slips.csv`, TT 24/2024/TT-BTC).
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
from his.core.errors import Refusal
from his.core.money import ZERO
from his.core.words import amount_in_words
from his.printing.codes import qr_svg
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import decimal_text, minute_text, money_text
from insurance import law
from insurance.billing.books import book_of
from insurance.billing.charges import find_sources
from insurance.billing.closing import preview
from insurance.billing.effects import VOIDS, held_of, paid_of
from insurance.billing.ledger import get_entry, payable_amount, whole_amount
from insurance.billing.queries import lines_of, waived_at
from insurance.models import BenefitLine, BenefitResult, CashEntry, Invoice, InvoiceEntry
from patients.models import Visit

RECEIPT = Form("receipt", "Phiếu thu", Path(__file__).with_name("receipt.typ"))
RECEIPT_ROLL = Form("receipt_roll", "Phiếu thu khổ 80 mm", Path(__file__).with_name("receipt_roll.typ"))
Kind = CashEntry.Kind
_USES = frozenset({Kind.DEPOSIT_USE, Kind.DEPOSIT_RELEASE})
_WITH_SPLIT = frozenset({Kind.RECEIPT, Kind.REFUND, Kind.DEPOSIT_USE})


@service(action="billing.print_receipt", permission="billing.view")
def print_receipt(*, entry: CashEntry, actor: Actor, at: datetime, on_roll: bool = False) -> bytes:
    """The slip of an entry as PDF (in phiếu thu, phiếu hoàn, phiếu tạm ứng). Copies after the first say so."""
    form = RECEIPT_ROLL if on_roll else RECEIPT
    return print_form(form=form, obj=entry, data=receipt_data(entry), number=entry.number, actor=actor, at=at)


def receipt_data(entry: CashEntry) -> dict[str, Any]:
    """What the slip says; the split is the one that the entry was taken for, waivers are those of that moment."""
    visit, patient, at = entry.visit, entry.visit.patient, local(entry.at)
    result = entry.result if entry.kind in _WITH_SPLIT else None
    waived = waived_at(result, entry.at) if result else ZERO
    book = book_of(entry)
    return {
        **slip(entry),
        "number": entry.number,
        "book": str(book.number) if book else "",
        "day": f"Ngày {at:%d} tháng {at:%m} năm {at:%Y}",
        "time": f"{at:%H:%M %d/%m/%Y}",
        "full_name": patient.full_name,
        "birth": patient.birth.text(),
        "address": patient.address,
        "patient_code": patient.code,
        "claim_code": visit.claim_code,
        "department": visit.department.name,
        "card_number": visit.card.number if visit.card and visit.is_insured else "",
        "qr": qr_svg(visit.claim_code),
        "amount": money_text(entry.amount),
        "words": amount_in_words(entry.amount),
        "method": CashEntry.Method(entry.method).label,
        "bank_reference": entry.bank_reference,
        "reason": entry.reason,
        "reverses": entry.reverses.number if entry.reverses else "",
        "cashier": entry.by.display_name,
        "split": _split(result, waived) if result else None,
        "account": _account(entry, waived),
        "deposit": _deposit(entry) if entry.kind == Kind.DEPOSIT else None,
        "void": _void(entry),
        "invoice": _invoice(entry),
    }


def slip(entry: CashEntry) -> dict[str, Any]:
    """Title, form and words of a kind of slip on the day of the entry."""
    day = local(entry.at).date()
    rows = law.dated_rows("slips.csv", "kind")
    row = next((row for row in rows if row["kind"] == entry.kind and law.holds(row, day)), None)
    if row is None:
        raise Refusal("no_form", f"Chưa có mẫu {entry.get_kind_display().lower()} cho ngày {day:%d/%m/%Y}")
    names = ("title", "form_law", "person", "reason", "amount", "signer", "roll")
    return {
        "title": row["title_vi"],
        "form_no": row["form_no"],
        "form_law": row["form_law_vi"],
        "said": {name: row[f"{name}_vi"] for name in names[2:]},
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
    """The account of the visit right after this entry: paid before, deposits used and still held, what is still due
    (below zero: to give back)."""
    earlier = [*_until(entry), entry]
    used = sum((paid_of(row) for row in earlier if row.kind in _USES), ZERO)
    before = sum((paid_of(row) for row in earlier[:-1] if row.kind not in _USES), ZERO)
    held = sum(map(held_of, earlier), ZERO)
    said = {
        "before": _some(before),
        "used": _some(used),
        "held": _some(held),
        "left": "",
        "to_return": "",
    }
    if entry.result is not None and entry.kind in _WITH_SPLIT:
        left = whole_amount(entry.result) - waived - sum(map(paid_of, earlier), ZERO) - held
        said["left"] = _some(max(left, ZERO))
        said["to_return"] = _some(max(-left, ZERO)) if entry.result.is_current else ""
    return said


def _until(entry: CashEntry) -> list[CashEntry]:
    """The entries of the visit before this one, in order."""
    rows = CashEntry.objects.for_facility(entry.facility).filter(visit=entry.visit)
    return list(rows.filter(Q(at__lt=entry.at) | Q(at=entry.at, pk__lt=entry.pk)).order_by("at", "pk"))


def _some(amount: Decimal) -> str:
    return money_text(amount) if amount else ""


def _deposit(entry: CashEntry) -> dict[str, str]:
    """Which deposit of the visit it is, and while the visit goes on what it costs the patient so far."""
    voided = set(entry.visit.cash_entries.filter(kind=Kind.DEPOSIT_VOID).values_list("reverses_id", flat=True))
    earlier = [row for row in _until(entry) if row.kind == Kind.DEPOSIT and row.pk not in voided]
    total = sum((row.amount for row in earlier), entry.amount)
    said = {"position": str(len(earlier) + 1), "total": money_text(total), "cost": "", "left": ""}
    cost = cost_so_far(entry.visit)
    if cost is not None:
        said["cost"], said["left"] = money_text(cost), money_text(total - cost)
    return said


def cost_so_far(visit: Visit) -> Decimal | None:
    """What closing now would ask of the patient, whole đồng; None when it is closed or cannot be told yet."""
    if visit.state == Visit.State.CLOSED:
        return None
    sources, _missing = find_sources(visit)
    try:
        result, _lines = preview(visit, sources)
    except Refusal:
        return None
    return payable_amount(result)


def _void(entry: CashEntry) -> dict[str, str] | None:
    """The void of this paper: number, when, why."""
    if entry.kind not in VOIDS:
        return None
    void = entry.refunds.filter(kind=VOIDS[entry.kind]).first()
    return {"number": void.number, "at": minute_text(void.at), "reason": void.reason} if void else None


def _invoice(entry: CashEntry) -> dict[str, str] | None:
    """Where the electronic invoice of this receipt is looked up, once it is issued."""
    held = InvoiceEntry.objects.filter(entry=entry, invoice__state=Invoice.State.ISSUED)
    row = held.select_related("invoice__profile").first()
    if row is None:
        return None
    return {"title": row.invoice.title, "url": row.invoice.lookup_url, "code": row.invoice.lookup_code}


@require_GET
@requires("billing.view")
def receipt_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """A slip of the user's facility on A5."""
    return _answer(request, pk, on_roll=False)


@require_GET
@requires("billing.view")
def receipt_roll_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """A slip of the user's facility on an 80 mm roll."""
    return _answer(request, pk, on_roll=True)


def _answer(request: DeskRequest, pk: int, *, on_roll: bool) -> HttpResponse:
    entry = get_entry(request.actor.facility, pk)
    pdf = print_receipt(entry=entry, actor=request.actor, at=timezone.now(), on_roll=on_roll)
    return pdf_response(pdf, f"phieu-{entry.number}.pdf")
