"""One planned visit told through the services of the desks. Nothing is written in any other way.

A story is a generator: it yields the instant of its next step and goes on when that instant has come, so that many
visits of a day run side by side and every number (queue, receipt, document) is given out in the order of time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from his.accounts.actor import Actor
from his.accounts.models import Room
from his.demo.clinic import ExamPlan, OrderPlan
from his.demo.handing import bring_back_all, hand_out
from his.demo.health import report_cases
from his.demo.people import Person
from his.demo.plan import VisitPlan, bank_reference
from his.demo.safe import pregnancy_answer
from insurance.billing.cash import collect, refund, take_deposit, use_deposits, void_entry
from insurance.billing.closing import close_visit, reopen_visit
from insurance.billing.fee_waivers import Reason as WaiverReason
from insurance.billing.fee_waivers import grant_waiver
from insurance.billing.ledger import account_of, amount_due, payable_amount
from insurance.models import BenefitResult, CashEntry, FeeWaiver
from patients.hooks import prescribing_checks
from patients.models import Exam, InsuranceCard, Patient, Prescription, SafetyOverride, ServiceOrder, Source, Visit
from patients.services.exams import save_exam, set_diagnoses, start_exam
from patients.services.orders import order_service, record_result
from patients.services.people import add_card, register_patient
from patients.services.prescriptions import LineInput, prescribe
from patients.services.safety import Reason, record_health_facts
from patients.services.signing import sign_exam, write_note
from patients.services.visits import open_visit, record_vitals
from pharmacy.models import Store
from pharmacy.queries_given import dispenses_of

_STAGE = "Điều trị ngoại trú duy trì"
_PART = Decimal("0.5")
_WHOLE = Decimal(1000)
_DEPOSIT = Decimal(200_000)
_UNTIL_REPORTED = timedelta(hours=1)
_AT_HOME = "safety.still_at_home"
_WATCHED = Reason(SafetyOverride.Reason.BENEFIT, "Hẹn xét nghiệm theo dõi sau 2 tuần")
_HARDSHIP = WaiverReason(FeeWaiver.Reason.HARDSHIP, "Hộ khó khăn, có xác nhận của xã")


@dataclass(slots=True)
class Desk:
    """The people and places of one facility, and the patients met so far."""

    actors: dict[str, Actor]
    doctors: dict[str, Actor]
    rooms: dict[str, Room]
    imaging: Actor
    store: Store
    others: dict[str, str] = field(default_factory=dict)
    """Another product in stock that may be given for a drug, by drug code."""
    known: dict[int, Patient] = field(default_factory=dict)
    cards: dict[tuple[int, int], InsuranceCard] = field(default_factory=dict)
    slips: dict[int, str] = field(default_factory=dict)
    """The number of each person's last follow-up slip."""


def tell(desk: Desk, plan: VisitPlan) -> Iterator[datetime]:
    """The whole visit, from the door to the cashier."""
    yield plan.arrived_at
    visit = _arrive(desk, plan)
    yield plan.arrived_at + timedelta(minutes=2)
    _measure(desk, plan, visit)
    if plan.ending == "deposit":
        yield plan.arrived_at + timedelta(minutes=3)
        take_deposit(
            visit=visit, amount=_DEPOSIT, actor=desk.actors["cashier"], at=plan.arrived_at + timedelta(minutes=3)
        )
    yield plan.exam.started_at
    exam = _begin(desk, plan, visit)
    yield from _orders(desk, plan, exam)
    yield plan.exam.signed_at
    prescription = _sign(desk, plan, visit, exam)
    at = plan.exam.signed_at + timedelta(minutes=4)
    given = None
    if prescription is not None:
        yield (at := at + timedelta(minutes=3))
        how = {"store": desk.store, "others": desk.others, "actor": desk.actors["pharmacist"]}
        for step in hand_out(prescription=prescription, at=at, **how):  # type: ignore[arg-type]
            yield (at := step)
        (given,) = dispenses_of(prescription)
    yield (at := at + timedelta(minutes=3))
    result = close_visit(visit=visit, actor=desk.actors["cashier"], at=at, extra_told=True)
    yield (at := at + timedelta(minutes=1))
    yield from _settle(desk, plan, visit, result, given, at)
    yield from report_cases(exam, desk.actors["manager"], plan.exam.signed_at + _UNTIL_REPORTED)


def _arrive(desk: Desk, plan: VisitPlan) -> Visit:
    reception, at = desk.actors["reception"], plan.arrived_at
    patient = _patient(desk, plan.person, plan.is_scanned, at)
    return open_visit(
        patient=patient,
        room=desk.rooms[plan.room],
        card=desk.cards[id(plan.person), plan.card] if plan.card is not None else None,
        visit_type=plan.visit_type,
        route=plan.route,
        referral_facility_code=plan.referral_facility_code,
        referral_number=_slip_shown(desk, plan),
        reason=plan.exam.reason,
        priority=plan.is_priority,
        injury_code=plan.profile.injury,
        identified_by=Source.QR if plan.is_scanned else Source.TYPED,
        confirm_second=True,
        actor=reception,
        at=at,
    )


def _slip_shown(desk: Desk, plan: VisitPlan) -> str:
    """The number of the slip that the patient brings: of an appointment, the one that was given here."""
    return desk.slips[id(plan.person)] if plan.route == "follow_up" else plan.referral_number


def _patient(desk: Desk, person: Person, is_scanned: bool, at: datetime) -> Patient:
    if (known := desk.known.get(id(person))) is not None:
        return known
    reception, source = desk.actors["reception"], Source.QR if is_scanned else Source.TYPED
    patient = register_patient(
        full_name=person.full_name,
        birth=person.birth,
        sex=person.sex,
        citizen_id=person.citizen_id,
        phone=person.phone,
        address=person.address,
        province_code="99",
        commune_code=person.commune_code,
        ethnicity_code=person.ethnicity_code,
        occupation_code=person.occupation_code,
        blood_group=person.blood_group,
        guardian_name=person.guardian_name,
        guardian_phone=person.guardian_phone,
        allergies=person.allergies,
        source=source,
        actor=reception,
        at=at,
    )
    desk.known[id(person)] = patient
    for position, card in enumerate(person.cards):
        desk.cards[id(person), position] = add_card(
            patient=patient,
            number=card.number,
            registered_facility_code=card.registered_facility_code,
            valid_from=card.valid_from,
            valid_to=card.valid_to,
            area_code=card.area_code,
            five_years_from=card.five_years_from,
            copay_exempt_from=card.copay_exempt_from,
            source=source,
            actor=reception,
            at=at,
        )
    return patient


def _measure(desk: Desk, plan: VisitPlan, visit: Visit) -> None:
    whole = {"pulse", "systolic", "diastolic", "respiration", "oxygen_saturation"}
    readings: dict[str, Any] = {
        name: int(value) if name in whole else value for name, value in plan.exam.vitals.items()
    }
    at = plan.arrived_at + timedelta(minutes=2)
    record_vitals(visit=visit, actor=desk.actors["nurse"], at=at, **readings)
    if answer := pregnancy_answer(plan.person, plan.exam.main, plan.arrived_at.date()):
        record_health_facts(visit=visit, pregnancy=answer, actor=desk.actors["nurse"], at=at)


def _begin(desk: Desk, plan: VisitPlan, visit: Visit) -> Exam:
    doctor, planned = desk.doctors[plan.room], plan.exam
    exam = start_exam(visit=visit, actor=doctor, at=planned.started_at)
    at = planned.started_at + timedelta(minutes=2)
    save_exam(exam=exam, history=planned.history, findings=planned.findings, actor=doctor, at=at)
    set_diagnoses(exam=exam, main=planned.main, others=planned.others, actor=doctor, at=at)
    return exam


def _orders(desk: Desk, plan: VisitPlan, exam: Exam) -> Iterator[datetime]:
    """Order what the plan says, then give the results in the order in which they are ready."""
    doctor = desk.doctors[plan.room]
    placed: list[tuple[OrderPlan, ServiceOrder]] = []
    for order in plan.exam.orders:
        yield order.ordered_at
        placed.append(
            (order, order_service(exam=exam, service=order.service, actor=doctor, at=order.ordered_at, extra_told=True))
        )
    for order, stored in sorted(placed, key=lambda pair: pair[0].result_at):
        yield order.result_at
        record_result(
            order=stored,
            results=order.results,
            performed_at=order.performed_at,
            device_code=order.device_code,
            actor=_performer(desk, order, doctor),
            at=order.result_at,
        )


def _performer(desk: Desk, order: OrderPlan, doctor: Actor) -> Actor:
    if order.is_procedure:
        return doctor
    return desk.imaging if order.service.group_code in {"2", "3"} else desk.actors["technician"]


def _prescribe(
    visit: Visit, exam: Exam, lines: list[LineInput], doctor: Actor, at: datetime
) -> tuple[Prescription | None, dict[str, Reason]]:
    """Prescribe without what the patient still has at home; a reason for each interaction that stays."""
    prescription = prescribe(exam=exam, lines=lines, actor=doctor, at=at)
    notices = prescribing_checks(visit, doctor.staff, at, None).notices
    at_home = {one.line.number for one in notices if one.line is not None and one.rule == _AT_HOME}
    if at_home:
        lines = [line for number, line in enumerate(lines, 1) if number not in at_home]
        prescription = prescribe(exam=exam, lines=lines, actor=doctor, at=at)
        notices = prescribing_checks(visit, doctor.staff, at, None).notices
    reasons = {one.key: _WATCHED for one in notices if one.needs_reason}
    return (prescription if lines else None), reasons


def _sign(desk: Desk, plan: VisitPlan, visit: Visit, exam: Exam) -> Prescription | None:
    doctor, planned = desk.doctors[plan.room], plan.exam
    before = planned.signed_at - timedelta(minutes=1)
    prescription = None
    reasons: dict[str, Reason] = {}
    if planned.drugs:
        prescription, reasons = _prescribe(visit, exam, _lines(planned), doctor, before)
    if plan.visit_type != "01":
        note = {"text": _note(planned), "stage": _STAGE, "consultation": plan.consultation}
        write_note(visit=visit, actor=doctor, at=before, **note)
    signed = sign_exam(
        exam=exam,
        outcome=planned.outcome,
        treatment_result_code=planned.treatment_result,
        follow_up_on=planned.follow_up_on,
        transfer=planned.transfer,
        advice=planned.advice,
        treatment=planned.treatment,
        reasons=reasons,
        actor=doctor,
        at=planned.signed_at,
    )
    if signed.follow_up_number:
        desk.slips[id(plan.person)] = signed.follow_up_number
    return prescription


def _lines(planned: ExamPlan) -> list[LineInput]:
    return [
        LineInput(
            drug=line.drug,
            morning=line.doses[0],
            noon=line.doses[1],
            afternoon=line.doses[2],
            evening=line.doses[3],
            days=line.days,
            quantity=line.typed_quantity,
            usage=line.usage,
        )
        for line in planned.drugs
    ]


def _note(planned: ExamPlan) -> str:
    """The clinical course with the readings as the claim standard writes them (QĐ 4750, DIEN_BIEN_LS)."""
    read = planned.vitals
    pressure = f"_HA{read['systolic']:f}/{read['diastolic']:f}" if "systolic" in read else ""
    signs = f"CSST<M{read['pulse']:f}_T{read['temperature']:f}{pressure}_NT{read['respiration']:f}>"
    return f"{signs} {planned.findings}. Hướng xử trí: {planned.treatment}."


def _settle(
    desk: Desk, plan: VisitPlan, visit: Visit, result: BenefitResult, given: Any, at: datetime
) -> Iterator[datetime]:
    """Pay what is due. Few pay a part or nothing, paid ahead or need not pay all, have a receipt corrected, or bring
    their drugs back."""
    cashier = desk.actors["cashier"]
    due = payable_amount(result)
    if plan.ending == "deposit":
        yield from _settle_deposit(desk, plan, visit, at)
        return
    if plan.ending == "waived" and due > 0:
        grant_waiver(visit=visit, reason=_HARDSHIP, percent=Decimal(50), actor=desk.actors["manager"], at=at)
        yield (at := at + timedelta(minutes=1))
        due = amount_due(visit)
    if plan.ending == "returned" and given is not None:
        if due:
            collect(visit=visit, amount=due, method="cash", actor=cashier, at=at)
        yield (at := at + timedelta(minutes=12))
        yield from _bring_back(desk, visit, given, due, at)
        return
    if due <= 0 or plan.ending == "debt":
        return
    amount = due
    if plan.ending == "part" and due > 2 * _WHOLE:
        amount = (due * _PART / _WHOLE).to_integral_value() * _WHOLE
    entry = _collect(visit, amount, plan.method, cashier, at)
    if plan.ending == "voided":
        yield (at := at + timedelta(minutes=2))
        void_entry(entry=entry, reason="In nhầm tên người nộp", actor=cashier, at=at)
        _collect(visit, amount, plan.method, cashier, at)
    if plan.ending == "wrong_method":
        yield (at := at + timedelta(minutes=2))
        refund(entry=entry, amount=entry.amount, reason="Thu nhầm hình thức thanh toán", actor=cashier, at=at)
        other = "transfer" if plan.method == "cash" else "cash"
        yield (at := at + timedelta(minutes=1))
        _collect(visit, amount, other, cashier, at)


def _settle_deposit(desk: Desk, plan: VisitPlan, visit: Visit, at: datetime) -> Iterator[datetime]:
    """The deposit pays what it can; the rest is collected, or goes back."""
    cashier, account = desk.actors["cashier"], account_of(visit)
    if account.to_use:
        use_deposits(visit=visit, actor=cashier, at=at)
    yield (at := at + timedelta(minutes=1))
    if account.due > 0:
        _collect(visit, account.due, plan.method, cashier, at)
    elif account.due < 0:
        deposit = visit.cash_entries.get(kind=CashEntry.Kind.DEPOSIT)
        refund(entry=deposit, amount=-account.due, reason="Hoàn tạm ứng còn thừa", actor=cashier, at=at)


def _collect(visit: Visit, amount: Decimal, method: str, cashier: Actor, at: datetime) -> CashEntry:
    reference = bank_reference(visit.claim_code, method)
    return collect(visit=visit, amount=amount, method=method, bank_reference=reference, actor=cashier, at=at)


def _bring_back(desk: Desk, visit: Visit, given: Any, paid: Decimal, at: datetime) -> Iterator[datetime]:
    """The visit is reopened, the drugs go back on the shelf, the costs are settled anew and the rest is returned."""
    cashier = desk.actors["cashier"]
    reopen_visit(visit=visit, reason="Người bệnh trả lại thuốc", actor=desk.actors["manager"], at=at)
    yield (at := at + timedelta(minutes=2))
    bring_back_all(dispense=given, reason="Người bệnh trả lại thuốc", actor=desk.actors["pharmacist"], at=at)
    yield (at := at + timedelta(minutes=3))
    result = close_visit(visit=visit, extra_told=True, actor=cashier, at=at)
    back = paid - payable_amount(result)
    if back > 0:
        yield (at := at + timedelta(minutes=1))
        receipt = visit.cash_entries.earliest("pk")
        refund(entry=receipt, amount=back, reason="Trả lại thuốc", actor=cashier, at=at)
