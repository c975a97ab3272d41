"""The papers that a patient leaves with: transfer slip, follow-up slip, discharge paper, from signed exams only.

They say what tables 13, 14 and 7 of the claim say (QĐ 4750/QĐ-BYT); drugs are named as on the prescription. Title, form
and notes are dated data. What nobody wrote is a dotted line for the pen; docs/papers.md says how far the official
layouts are known.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.catalogs import queries as catalogs
from his.core.dates import age_text, local
from his.core.errors import NotFound, Refusal
from his.printing.codes import qr_svg
from his.printing.services import Form, print_form
from his.printing.views import pdf_response
from his.service import service
from patients.models import BedStay, Exam, PrescriptionLine, ServiceOrder, ServiceResult
from patients.naming import diagnosis_text, drug_name, guardian_text, is_small_child, reading_text
from patients.queries_beds import discharge_exam, standing_stays
from patients.services.outcomes import BEYOND, NEEDS, ON_REQUEST, TRANSFERS
from patients.services.people import VIETNAMESE

DATA = Path(__file__).resolve().parents[1] / "data" / "leaving_papers.csv"
TRANSFER = Form("transfer_slip", "Phiếu chuyển cơ sở", Path(__file__).with_name("transfer_slip.typ"))
FOLLOW_UP = Form("follow_up_slip", "Phiếu hẹn khám lại", Path(__file__).with_name("follow_up_slip.typ"))
DISCHARGE = Form("discharge_paper", "Giấy ra viện", Path(__file__).with_name("discharge_paper.typ"))


@dataclass(frozen=True, slots=True)
class PaperRule:
    """What a paper is called on a day and what is written under it."""

    paper: str
    title_vi: str
    form_no: str
    note_vi: str
    valid_from: date
    valid_to: date | None
    law: str


@service(action="patients.print_transfer_slip", permission="patients.view")
def print_transfer_slip(*, exam: Exam, actor: Actor, at: datetime) -> bytes:
    """One more copy of the transfer slip of a signed exam as PDF. Refuses an exam that ends otherwise."""
    if not exam.is_signed or exam.outcome not in TRANSFERS:
        raise Refusal("no_transfer", "Phiếu khám này không chuyển người bệnh đi cơ sở khác")
    return _print(TRANSFER, exam, transfer_data(exam), exam.transfer_number, actor, at)


@service(action="patients.print_follow_up_slip", permission="patients.view")
def print_follow_up_slip(*, exam: Exam, actor: Actor, at: datetime) -> bytes:
    """One more copy of the follow-up slip of a signed exam as PDF. Refuses an exam without a day to come back."""
    if not exam.is_signed or exam.follow_up_on is None:
        raise Refusal("no_follow_up", "Phiếu khám này không hẹn khám lại")
    return _print(FOLLOW_UP, exam, follow_up_data(exam), exam.follow_up_number, actor, at)


@service(action="patients.print_discharge_paper", permission="patients.view")
def print_discharge_paper(*, exam: Exam, actor: Actor, at: datetime) -> bytes:
    """One more copy of the discharge paper as PDF. Refuses who was not admitted, still lies, or is not examined out."""
    last = discharge_exam(exam.visit)
    if last is None or last.pk != exam.pk:
        raise Refusal("not_discharged", "Người bệnh không nằm viện, chưa ra khoa, hoặc phiếu khám cuối chưa ký")
    return _print(DISCHARGE, exam, discharge_data(exam), exam.visit.claim_code, actor, at)


def transfer_data(exam: Exam) -> dict[str, Any]:
    """What the transfer slip says: where to, where from, the summary of the record, why and how."""
    visit = exam.visit
    receiving = Facility.objects.filter(code=exam.transfer_facility_code).values_list("name", flat=True).first()
    passed = [visit.referral_facility_code] if visit.referral_facility_code else []
    services, drugs = _used(exam)
    return {
        **_head(exam, "transfer", _stays(exam)),
        "number": exam.transfer_number,
        "receiving": receiving or "",
        "receiving_code": exam.transfer_facility_code,
        "passed": ", ".join(passed),
        "signs": exam.findings,
        "course": exam.history,
        "tests": "; ".join(reading_text(reading) for reading in _readings(exam)),
        "treatment": "; ".join(filter(None, (exam.treatment, services, drugs))),
        "condition": exam.transfer_condition,
        "reasons": [
            {"text": text, "is_chosen": exam.transfer_reason_code == code}
            for code, text in (
                (NEEDS, "Đủ điều kiện chuyển cơ sở khám bệnh, chữa bệnh"),
                (BEYOND, "Vượt khả năng chuyên môn của cơ sở"),
                (ON_REQUEST, "Theo yêu cầu của người bệnh hoặc đại diện của người bệnh"),
            )
        ],
        "reason": exam.transfer_reason,
        "plan": exam.transfer_plan,
        "transport": exam.transport,
        "escort": ", ".join(filter(None, (exam.escort_name, exam.escort_title))),
    }


def follow_up_data(exam: Exam) -> dict[str, Any]:
    """What the follow-up slip says: the diseases and the day."""
    assert exam.follow_up_on is not None
    return {
        **_head(exam, "follow_up", _stays(exam)),
        "number": exam.follow_up_number,
        "follow_up": f"{exam.follow_up_on:%d/%m/%Y}",
        "advice": exam.advice,
    }


def discharge_data(exam: Exam) -> dict[str, Any]:
    """What the discharge paper says of who lay here: when admitted and gone, from which ward, how treated."""
    stays = _stays(exam)
    return {
        **_head(exam, "discharge", stays),
        "archive_number": exam.visit.claim_code,
        "department": stays[-1].department.name,
        "treatment": exam.treatment,
        "advice": exam.advice,
        "guardian": guardian_text(exam.visit.patient),
    }


def rule_on(paper: str, day: date) -> PaperRule:
    """The rule of a paper in force on a day; the earliest for days before all."""
    known = [rule for rule in _rules() if rule.paper == paper]
    in_force = (rule for rule in known if rule.valid_from <= day and (rule.valid_to is None or day <= rule.valid_to))
    return next(in_force, known[0])


@cache
def _rules() -> tuple[PaperRule, ...]:
    with DATA.open(encoding="utf-8", newline="") as file:
        return tuple(
            PaperRule(
                paper=row["paper"],
                title_vi=row["title_vi"],
                form_no=row["form_no"],
                note_vi=row["note_vi"],
                valid_from=date.fromisoformat(row["valid_from"]),
                valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
                law=row["law"],
            )
            for row in csv.DictReader(file)
        )


def _stays(exam: Exam) -> list[BedStay]:
    return list(standing_stays(exam.facility, [exam.visit_id]))


def _head(exam: Exam, paper: str, stays: list[BedStay]) -> dict[str, Any]:
    visit, patient, card = exam.visit, exam.visit.patient, exam.visit.card
    signed = local(exam.signed_at or exam.started_at)
    rule, day = rule_on(paper, signed.date()), signed.date()
    ended = visit.ended_at or exam.signed_at
    return {
        "title": rule.title_vi,
        "form_no": rule.form_no,
        "law": rule.law,
        "note": rule.note_vi,
        "medical_code": patient.code,
        "claim_code": visit.claim_code,
        "qr": qr_svg(visit.claim_code),
        "full_name": patient.full_name,
        "birth": patient.birth.text(),
        "age": age_text(patient.born_on, day, patient.birth.precision),
        "sex": patient.get_sex_display(),
        "ethnicity": catalogs.code_name("ethnic_groups", patient.ethnicity_code, day),
        "nationality": "Việt Nam" if patient.nationality_code == VIETNAMESE else patient.nationality_code,
        "occupation": catalogs.code_name("occupations", patient.occupation_code, day),
        "address": patient.address,
        "citizen_id": patient.citizen_id,
        "social_insurance_no": patient.social_insurance_no,
        "card_number": card.number if card else "",
        "card_from": f"{card.valid_from:%d/%m/%Y}" if card else "",
        "card_to": f"{card.valid_to:%d/%m/%Y}" if card and card.valid_to else "",
        "is_child": is_small_child(patient, day),
        "guardian": guardian_text(patient),
        "arrived": _moment(visit.arrived_at),
        "admitted": _moment(stays[0].started_at) if stays else "",
        "ended": _moment(ended) if ended else "",
        "diagnosis": diagnosis_text(visit.diagnoses.order_by("-exam_id", "-is_main", "position", "pk")),
        "doctor": exam.doctor.full_name,
        "day": f"Ngày {signed:%d} tháng {signed:%m} năm {signed:%Y}",
    }


def _moment(at: datetime) -> str:
    return f"{local(at):%H} giờ {local(at):%M}, ngày {local(at):%d/%m/%Y}"


def _readings(exam: Exam) -> list[ServiceResult]:
    readings = ServiceResult.objects.for_facility(exam.facility).filter(order__visit_id=exam.visit_id)
    return list(readings.exclude(order__state=ServiceOrder.State.CANCELLED).order_by("order_id", "position"))


def _used(exam: Exam) -> tuple[str, str]:
    """Names of the services and of the drugs of the visit, each once."""
    orders = ServiceOrder.objects.for_facility(exam.facility).filter(visit_id=exam.visit_id)
    performed = orders.filter(state=ServiceOrder.State.PERFORMED).select_related("service").order_by("ordered_at", "pk")
    lines = PrescriptionLine.objects.for_facility(exam.facility).filter(
        prescription__visit_id=exam.visit_id,
        prescription__signed_at__isnull=False,
        prescription__voided_at__isnull=True,
    )
    lines = lines.select_related("drug").order_by("prescription_id", "position")
    names = (order.service.name for order in performed)
    given = (f"{drug_name(line.drug)} {line.drug.strength}".strip() for line in lines)
    return "; ".join(dict.fromkeys(names)), "; ".join(dict.fromkeys(given))


def _print(form: Form, exam: Exam, data: dict[str, Any], number: str, actor: Actor, at: datetime) -> bytes:
    return print_form(form=form, obj=exam, data=data, number=number, actor=actor, at=at)


@require_GET
@requires("patients.view")
def transfer_slip_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The transfer slip of an exam of the user's facility."""
    return _pdf(request, pk, print_transfer_slip, "phieu-chuyen")


@require_GET
@requires("patients.view")
def follow_up_slip_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The follow-up slip of an exam of the user's facility."""
    return _pdf(request, pk, print_follow_up_slip, "phieu-hen")


@require_GET
@requires("patients.view")
def discharge_paper_pdf(request: DeskRequest, pk: int) -> HttpResponse:
    """The discharge paper of the last exam of a visit of the user's facility."""
    return _pdf(request, pk, print_discharge_paper, "giay-ra-vien")


def _pdf(request: DeskRequest, pk: int, print_paper: Callable[..., bytes], name: str) -> HttpResponse:
    rows = Exam.objects.for_facility(request.actor.facility).filter(pk=pk)
    exam = rows.select_related("visit__patient", "visit__card", "facility", "doctor", "department").first()
    if exam is None:
        raise NotFound
    return pdf_response(print_paper(exam=exam, actor=request.actor, at=timezone.now()), f"{name}-{pk}.pdf")
