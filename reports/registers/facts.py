"""What records say of a person, a visit and an order, in the words in which registers print it.

The names of these facts are the keys of columns, and what columns of a kept register are filled from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet

from his.catalogs.models import CodeEntry
from his.core.dates import age_text, age_years, local
from his.ui.text import decimal_text
from patients.models import Exam, Patient, ServiceOrder, Visit
from patients.models.visits import Route
from patients.services.outcomes import TRANSFERS
from reports.words import SEXES, diagnosis_text

ONE = Decimal(1)
YOUNG = 15
"""Children are counted below this age, years (TT 23/2025/TT-BYT)."""
_LISTS = ("ethnic_groups", "occupations")
_OPERATIONS = ("8", "18")
"""Cost groups of surgery and of procedures (MA_NHOM, QĐ 5937/QĐ-BYT)."""


@dataclass(frozen=True, slots=True)
class Names:
    """Words for the codes of a person, of one day."""

    ethnic_groups: Mapping[str, str]
    occupations: Mapping[str, str]

    @classmethod
    def on(cls, day: date) -> Names:
        """The names in force on the day."""
        return cls._of(CodeEntry.objects.on(day))

    @classmethod
    def of(cls, people: Iterable[Patient], day: date) -> Names:
        """Those of the codes that some people have: all that is needed to say who they are."""
        codes = {code for person in people for code in (person.ethnicity_code, person.occupation_code)}
        return cls._of(CodeEntry.objects.on(day).filter(code__in=codes)) if codes else cls({}, {})

    @classmethod
    def _of(cls, entries: QuerySet[CodeEntry]) -> Names:
        found: dict[str, dict[str, str]] = {name: {} for name in _LISTS}
        for name, code, words in entries.filter(list__in=_LISTS).values_list("list", "code", "name"):
            found[name][code] = words
        return cls(*found.values())


def person_facts(patient: Patient, on: date, names: Names) -> dict[str, str]:
    """The person on the day. An occupation that is not known is empty."""
    ethnic = names.ethnic_groups.get(patient.ethnicity_code, "Kinh" if patient.ethnicity_code == "01" else "")
    return {
        "full_name": patient.full_name,
        "patient_code": patient.code,
        "birth": patient.birth.text(),
        "age": age_text(patient.born_on, on, patient.birth.precision).removesuffix(" tuổi"),
        "sex": SEXES.get(patient.sex, SEXES["3"]),
        "citizen_id": patient.citizen_id or patient.old_id_number,
        "address": patient.address,
        "ethnicity": ethnic,
        "occupation": "" if patient.occupation_code == "00" else names.occupations.get(patient.occupation_code, ""),
        "guardian": patient.guardian_name,
        "phone": patient.phone,
    }


def visit_facts(visit: Visit, names: Names) -> dict[str, str]:
    """The person and what was found and done in the visit; its exams with all their rows are prefetched."""
    arrived = local(visit.arrived_at)
    exams = list(visit.exams.all())
    last = exams[-1] if exams else None
    ended = local(visit.ended_at) if visit.ended_at else None
    return {
        **person_facts(visit.patient, arrived.date(), names),
        "claim_code": visit.claim_code,
        "card_number": visit.card.number if visit.card else "",
        "arrived": f"{arrived:%H:%M %d/%m/%Y}",
        "ended": f"{ended:%H:%M %d/%m/%Y}" if ended else "",
        "day_count": str((ended.date() - arrived.date()).days + 1) if ended else "",
        "department": visit.department.name,
        "came_from": visit.referral_facility_code or visit.get_route_display(),
        "reason": _joined([exam.reason for exam in exams]) or visit.reason,
        "diagnosis": _diagnoses(exams),
        "treatment": _treatment(exams),
        "doctor": ", ".join(dict.fromkeys(exam.doctor.full_name for exam in exams)),
        "note": _note(exams),
        "outcome": last.get_outcome_display() if last and last.outcome else "",
        **(_transfer(sent) if (sent := _sent_on(exams)) else {}),
    }


def transfer_facts(visit: Visit) -> dict[str, str]:
    """What a register of transfers says otherwise than `visit_facts`: who sent the patient on, with what diagnosis."""
    exam = _sent_on(list(visit.exams.all()))
    return {"diagnosis": _diagnoses([exam]), "doctor": exam.doctor.full_name} if exam else {}


def _sent_on(exams: Sequence[Exam]) -> Exam | None:
    """The examination that sent the patient to another facility: signed, the last of them; others may follow it."""
    return next((exam for exam in reversed(exams) if exam.outcome in TRANSFERS and exam.is_signed), None)


def visit_amounts(visit: Visit) -> dict[str, Decimal]:
    """What the visit adds to the totals of a day."""
    told = {
        "nữ": visit.patient.sex == "2",
        "BHYT": visit.is_insured,
        f"trẻ em dưới {YOUNG} tuổi": age_years(visit.patient.born_on, local(visit.arrived_at).date()) < YOUNG,
        "cấp cứu": visit.route == Route.EMERGENCY,
        "chuyển": any(exam.outcome in TRANSFERS for exam in visit.exams.all()),
    }
    return {name: ONE for name, is_so in told.items() if is_so}


def _diagnoses(exams: Iterable[Exam]) -> str:
    return diagnosis_text(row for exam in exams for row in exam.diagnoses.all())


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _treatment(exams: Iterable[Exam]) -> str:
    """What the doctor wrote, operations and procedures, and the drugs with their quantities."""
    parts: list[str] = []
    for exam in exams:
        parts.append(exam.treatment)
        parts += [
            order.service.name
            for order in exam.orders.all()
            if order.service.group_code in _OPERATIONS and order.state != ServiceOrder.State.CANCELLED
        ]
        if prescription := exam.prescription:
            parts += [
                f"{_drug(line.drug.name, line.drug.strength)} × {decimal_text(line.quantity)} {line.drug.unit.lower()}"
                for line in prescription.lines.all()
            ]
    return _joined(parts)


def _drug(name: str, strength: str) -> str:
    return name if not strength or strength in name else f"{name} {strength}"


def _note(exams: Iterable[Exam]) -> str:
    parts: list[str] = []
    for exam in exams:
        if exam.outcome in TRANSFERS:
            parts.append(f"Chuyển {exam.transfer_facility_code}".strip())
        if exam.follow_up_on:
            parts.append(f"Hẹn {exam.follow_up_on:%d/%m/%Y}")
        parts += [f"Bổ sung: {row.text}" for row in exam.amendments.all()]
        if not exam.is_signed:
            parts.append("chưa ký")
    return _joined(parts)


def _transfer(exam: Exam) -> dict[str, str]:
    return {
        "transfer_number": exam.transfer_number,
        "transfer_to": exam.transfer_facility_code,
        "transfer_reason": exam.transfer_reason or exam.get_outcome_display(),
        "transfer_condition": exam.transfer_condition,
        "transport": ", ".join(part for part in (exam.transport, exam.escort_name) if part),
    }


def order_facts(order: ServiceOrder, names: Names) -> dict[str, str]:
    """The person, and what was ordered, done and found; results and diagnoses are prefetched."""
    visit = order.visit
    done = local(order.performed_at) if order.performed_at else None
    results = list(order.results.all())
    return {
        **person_facts(visit.patient, local(visit.arrived_at).date(), names),
        "claim_code": visit.claim_code,
        "card_number": visit.card.number if visit.card else "",
        "done_at": f"{done:%H:%M %d/%m}" if done else "",
        "diagnosis": _diagnoses([order.exam]),
        "service": order.service.name,
        "service_class": order.service.procedure_class,
        "quantity": decimal_text(order.quantity),
        "department": order.department.name,
        "ordered_by": order.ordered_by.full_name,
        "performed_by": order.performed_by.full_name if order.performed_by else "",
        "result": "; ".join(_value(row.indicator_name, row.value, row.unit) for row in results if row.value),
        "description": _joined(row.description for row in results),
        "conclusion": _joined(row.conclusion for row in results),
        "note": order.note,
    }


def _value(name: str, value: str, unit: str) -> str:
    return f"{name} {value} {unit}".strip()
