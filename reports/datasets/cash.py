"""Lists of the cashier's office: debts, deposits held, what was undone or waived, invoices. Amounts are đồng."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import F, Max, Q

from his.core.dates import day_range, local
from insurance.billing.effects import EFFECTS, cash_of
from insurance.billing.ledger import debts, entries_of, held_deposits
from insurance.claims.visit_facts import birth_of
from insurance.models import CashEntry, FeeWaiver, Invoice
from insurance.standards import PartialDate
from patients.models import Visit
from reports.datasets.base import Dataset, Explained, Query, Row

Kind = CashEntry.Kind
_UNDONE = (Kind.REFUND, Kind.RECEIPT_VOID, Kind.DEPOSIT_RETURN, Kind.DEPOSIT_VOID)


def debt_list(query: Query) -> Dataset:
    """Visits settled for the month whose account is not level: what is still due; below zero is to be given back."""
    rows = debts(query.facility).filter(
        visit__claim_month__gte=query.period.start, visit__claim_month__lte=query.period.end
    )
    found = Dataset()
    rows = rows.annotate(payable_before=F("payable") + F("waived_amount"))
    for result in rows.select_related("visit__department"):
        found.rows.append(Row(result.visit.claim_code, result, _person(result.visit)))
    return _one_part(found)


def held_deposit_list(query: Query) -> Dataset:
    """Visits with a deposit held at the end of the period, oldest first."""
    found = Dataset()
    for visit in held_deposits(query.facility, until=day_range(query.period.end)[1]).select_related("department"):
        found.rows.append(Row(visit.claim_code, visit, _person(visit)))
    return _one_part(found)


def reversals(query: Query) -> Dataset:
    """What was given back, voided or waived in the period, with who agreed to it."""
    start, end = query.period.instants()
    found = Dataset()
    entries = CashEntry.objects.for_facility(query.facility).filter(kind__in=_UNDONE, at__gte=start, at__lt=end)
    kinds = {str(kind): Kind(kind).label for kind in _UNDONE}
    for entry in entries.select_related("visit__patient", "visit__department", "reverses", "by", "request__decided_by"):
        decided = entry.request.decided_by if entry.request else None
        own = {
            **_person(entry.visit),
            "number_text": entry.number,
            "original": entry.reverses.number if entry.reverses else "",
            "by_name": entry.by.display_name,
            "approved_by": decided.display_name if decided else "",
        }
        found.rows.append(Row(entry.number, entry, own, section=entry.kind))
    waivers = FeeWaiver.objects.for_facility(query.facility).filter(at__gte=start, at__lt=end, carried_from=None)
    for waiver in waivers.select_related("visit__patient", "visit__department", "by"):
        kinds[f"waiver_{waiver.kind}"] = waiver.get_kind_display()
        own = {
            **_person(waiver.visit),
            "number_text": "",
            "original": "",
            "by_name": waiver.by.display_name,
            "approved_by": "",
            "reason": f"{waiver.get_reason_code_display()}: {waiver.reason}",
        }
        found.rows.append(Row(f"{waiver.visit.claim_code}/{waiver.pk}", waiver, own, section=f"waiver_{waiver.kind}"))
    found.rows.sort(key=lambda row: (row.value("at"), row.ref))
    used = {row.section for row in found.rows}
    found.sections = [(kind, title) for kind, title in kinds.items() if kind in used]
    return found


def payments(query: Query) -> Dataset:
    """Papers of the period that moved money, by day and cashier; what went out has a minus. Papers are never changed:
    `undone_at` is when a part of one was last given back, or it was voided; that a bill used a deposit is neither."""
    start, end = query.period.instants()
    rows = CashEntry.objects.for_facility(query.facility).filter(at__gte=start, at__lt=end)
    rows = rows.filter(kind__in=[kind for kind, effect in EFFECTS.items() if effect.cash])
    rows = rows.annotate(undone_at=Max("refunds__at", filter=Q(refunds__kind__in=_UNDONE))).order_by("at", "pk")
    found, titles = Dataset(), {}
    for entry in rows.select_related("visit__patient", "visit__department", "by"):
        day, patient = local(entry.at).date(), entry.visit.patient
        section = f"{day:%Y-%m-%d} {entry.by.username}"
        titles[section] = f"Ngày {day:%d/%m/%Y}, {entry.by.display_name}"
        own = {
            **_person(entry.visit),
            "number_text": entry.number,
            "born": birth_of(patient),
            "address": patient.address,
            "phone": patient.phone,
            "guardian_phone": patient.guardian_phone,
            "kind_text": entry.get_kind_display(),
            "method_text": entry.get_method_display(),
            "signed_amount": cash_of(entry),
            "by_code": entry.by.username,
            "by_name": entry.by.display_name,
        }
        found.rows.append(Row(entry.number, entry, own, section))
    found.sections = sorted(titles.items())
    return found


def invoice_list(query: Query) -> Dataset:
    """Electronic invoices with a day in the period (NĐ 254/2026, TT 91/2026/TT-BTC), by number; waiting ones last."""
    rows = Invoice.objects.for_facility(query.facility).filter(day__gte=query.period.start, day__lte=query.period.end)
    found = Dataset()
    listed = rows.exclude(state=Invoice.State.NOTHING).select_related("profile").prefetch_related("entries__entry")
    for invoice in listed.order_by("day", "number", "pk"):
        receipts = sorted(row.entry.number for row in invoice.entries.all())
        shown = f"{receipts[0]} … {receipts[-1]} ({len(receipts)} phiếu)" if len(receipts) > 2 else ", ".join(receipts)
        is_plain = invoice.relation == Invoice.Relation.ORIGINAL
        own: dict[str, Any] = {
            "symbol": f"{invoice.profile.form_no}{invoice.profile.symbol}",
            "invoice_number": invoice.number,
            "day": _day(invoice.day),
            "kind_text": invoice.get_kind_display() if is_plain else invoice.get_relation_display(),
            "state_text": invoice.get_state_display(),
            "receipts": shown,
        }
        ref = str(invoice.pk)
        found.rows.append(Row(ref, invoice, own))
        if invoice.state != Invoice.State.ISSUED:
            found.flags["not_issued"].append(ref)
    return _one_part(found)


def _one_part(found: Dataset) -> Dataset:
    found.sections = [("", "")]
    return found


def _person(visit: Visit) -> dict[str, Any]:
    return {
        "full_name": visit.patient.full_name,
        "claim_code": visit.claim_code,
        "arrived_at": visit.arrived_at,
        "department": visit.department.name,
    }


def _day(day: date) -> PartialDate:
    return PartialDate(day.year, day.month, day.day)


def explain_account(query: Query, ref: str) -> Explained:
    """The cash ledger of the visit behind a row, whose reference is a claim code or the number of a paper."""
    visits = Visit.objects.for_facility(query.facility)
    code = ref.partition("/")[0]
    visit = visits.filter(claim_code=code).first() or visits.filter(cash_entries__number=ref).first()
    return "reports/_account.html", {"entries": entries_of(visit) if visit else [], "visit": visit}


def explain_invoice(query: Query, ref: str) -> Explained:
    """The receipts that an invoice stands for."""
    rows = Invoice.objects.for_facility(query.facility).filter(pk=ref)
    invoice = rows.prefetch_related("entries__entry__visit").first()
    return "reports/_account.html", {"entries": [row.entry for row in invoice.entries.all()] if invoice else []}
