"""The cost statement 01/KBCB on A4 (bảng kê chi phí khám bệnh, chữa bệnh; QĐ 697/QĐ-BYT, docs/papers.md).

A closed visit is printed from its stored split. One that is not closed yet is printed from what closing now would
store, and says on every page that it is provisional.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.dates import local
from his.core.errors import Refusal
from his.core.money import round0
from his.core.words import amount_in_words
from his.printing.codes import qr_svg
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import day_text, decimal_text, money_text
from insurance.billing.closing import preview
from insurance.billing.ledger import payable_amount, whole_amount
from insurance.billing.queries import current_result, get_visit, lines_of
from insurance.billing.shares import Shares
from insurance.billing.statement import Block, Group, Row, blocks_of, edition_of
from insurance.claims.gather import Record, fill
from insurance.claims.visit_facts import discharge_kind, main_code, treatment_days
from insurance.models import BenefitLine, BenefitResult
from patients.models import InsuranceCard, Visit
from patients.services.outcomes import TRANSFERS

_TEMPLATE = Path(__file__).with_name("statement.typ")
STATEMENT = Form("statement", "Bảng kê chi phí 01/KBCB", _TEMPLATE)
DRAFT = Form("statement_draft", "Bảng kê chi phí tạm tính", _TEMPLATE)
LONG = 150
"""Longer statements are printed as lists: without tags, in a process apart."""


@service(action="billing.print_statement", permission="billing.view")
def print_statement(*, visit: Visit, actor: Actor, at: datetime) -> bytes:
    """The cost statement of a visit as PDF (in bảng kê 01/KBCB); copies after the first say so.

    From the split in force; without one a provisional statement, counted apart. Refuses a cancelled visit, one without
    costs, and before closing whatever refuses to be priced or split.
    """
    if visit.state == Visit.State.CANCELLED:
        raise Refusal("cancelled", "Lượt khám đã hủy")
    stored = current_result(visit)
    form, obj = (STATEMENT, stored) if stored is not None else (DRAFT, visit)
    result, lines = (stored, lines_of(stored)) if stored is not None else _expected(visit)
    data = statement_data(visit, result, lines)
    is_list = len(lines) > LONG
    return print_form(form=form, obj=obj, data=data, number=visit.claim_code, actor=actor, at=at, is_list=is_list)


def _expected(visit: Visit) -> tuple[BenefitResult, list[BenefitLine]]:
    """What closing now would store."""
    result, lines = preview(visit)
    if not lines:
        raise Refusal("nothing_to_charge", "Lượt khám chưa có khoản chi phí nào")
    return result, lines


def statement_data(visit: Visit, result: BenefitResult, lines: Sequence[BenefitLine]) -> dict[str, Any]:
    """What the statement says: the stored result and lines, and what the record says of the visit."""
    record = Record(visit, result, list(lines))
    fill(visit.facility, {visit.pk: record})
    blocks, edition = blocks_of(lines, visit=visit), edition_of(visit)
    total = Shares.total(block.amounts for block in blocks)
    card = visit.card if visit.is_insured else None
    return {
        "is_draft": not result.pk,
        "form_no": edition.form_no,
        "decree": edition.decree_vi,
        "box": edition.box,
        "title": f"BẢNG KÊ CHI PHÍ {edition.title_vi}",
        "qr": qr_svg(visit.claim_code),
        "claim_code": visit.claim_code,
        "department": visit.department.name,
        "department_code": visit.department.code,
        "is_insured": visit.is_insured,
        "is_station": visit.facility.kind == Facility.Kind.COMMUNE_STATION,
        "person": _person(visit),
        "card": {
            "number": card.number if card else "",
            "from": day_text(card.valid_from) if card else "",
            "to": day_text(card.valid_to) if card and card.valid_to else "",
            "registered": _registered_at(visit, card) if card else "",
            "registered_code": card.registered_facility_code if card else "",
            "area": card.area_code if card else "",
            "five_years_from": day_text(card.five_years_from) if card and card.five_years_from else "",
            "exempt_from": day_text(card.copay_exempt_from) if card and card.copay_exempt_from else "",
        },
        "stay": _stay(record, edition.treated_vi),
        "blocks": [_block(block) for block in blocks],
        "total": _amounts(total),
        "sums": _sums(result),
    }


def _person(visit: Visit) -> dict[str, str]:
    patient = visit.patient
    return {
        "code": patient.code,
        "full_name": patient.full_name,
        "birth": patient.birth.text(),
        "sex": patient.sex,
        "sex_text": patient.get_sex_display(),
        "address": patient.address,
    }


def _registered_at(visit: Visit, card: InsuranceCard) -> str:
    """The name of the facility where the card is registered, as far as it is known."""
    if card.registered_facility_code == visit.facility.code:
        return visit.facility.name
    return card.registered_facility_name


def _stay(record: Record, treated_vi: str) -> dict[str, str]:
    """When, why and how: dates, diagnoses, how it ended; empty while nobody examined."""
    visit, main = record.visit, main_code(record)
    names = {diagnosis.code: diagnosis.name for diagnosis in record.diagnoses}
    others = [code for code in names if code != main]
    exam = record.exams[-1] if record.exams else None
    days = treatment_days(record) if visit.ended_at else 0
    return {
        "arrived": _instant(visit.arrived_at),
        "treated_label": treated_vi,
        "treated": _instant(visit.arrived_at) if treated_vi else "",
        "ended": _instant(visit.ended_at) if visit.ended_at else "",
        "days": str(days) if days else "",
        "discharge": discharge_kind(record) if exam and visit.ended_at else "",
        "entitlement_code": record.result.entitlement_code,
        "referred_from": visit.referral_facility_code,
        "referred_to": exam.transfer_facility_code if exam and exam.outcome in TRANSFERS else "",
        "diagnosis": names.get(main, ""),
        "diagnosis_code": main,
        "others": "; ".join(names[code] for code in others),
        "other_codes": "; ".join(others),
    }


def _instant(at: datetime) -> str:
    wall = local(at)
    return f"{wall:%H} giờ {wall:%M} phút, ngày {wall:%d/%m/%Y}"


def _block(block: Block) -> dict[str, Any]:
    return {
        "percent": decimal_text(block.percent),
        "first_day": day_text(block.first_day),
        "last_day": day_text(block.last_day),
        "groups": [_group(group) for group in block.groups],
        "amounts": _amounts(block.amounts),
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "title": f"{group.number}. {group.title}" if group.number else group.title,
        "amounts": _amounts(group.amounts),
        "rows": [_row(row) for row in group.rows],
        "groups": [_group(inner) for inner in group.groups],
    }


def _row(row: Row) -> dict[str, Any]:
    is_insured = row.amounts.insured > 0
    return {
        "name": row.name,
        "unit": row.unit,
        "quantity": decimal_text(row.quantity),
        "hospital_price": decimal_text(row.hospital_price),
        "insured_price": decimal_text(row.insured_price) if is_insured else "",
        "service_rate": decimal_text(row.service_rate),
        "payment_rate": decimal_text(row.payment_rate) if is_insured else "",
        "amounts": _amounts(row.amounts),
    }


def _amounts(amounts: Shares) -> list[str]:
    """The columns in the order of the form."""
    six = (amounts.hospital, amounts.insured, amounts.fund, amounts.copay, amounts.other, amounts.self_paid)
    return [money_text(amount) for amount in six]


def _sums(result: BenefitResult) -> dict[str, str]:
    """The end of the form. Parts keep their cents, so that they sum to the table; what is rounded says so."""
    total, whole = round0(result.total_hospital_amount), whole_amount(result)
    return {
        "total": money_text(total),
        "words": amount_in_words(total),
        "fund": money_text(result.fund_amount),
        "patient": money_text(result.patient_amount),
        "whole": money_text(whole) if whole != result.patient_amount else "",
        "waived": money_text(result.waived_amount) if result.waived_amount else "",
        "payable": money_text(payable_amount(result)),
        "copay": money_text(result.copay_amount),
        "self_paid": money_text(result.self_paid_amount),
        "other": money_text(result.other_amount),
    }


@require_GET
@requires("billing.view")
def statement_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The cost statement of a visit of the user's facility."""
    visit = get_visit(request.actor.facility, pk)
    pdf = print_statement(visit=visit, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"bang-ke-{visit.claim_code}.pdf")
