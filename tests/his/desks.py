"""The visits of a load walked over the desks one by one through the services, and all rows of a facility to compare."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Model

from his.accounts.actor import Actor, actor_for
from his.accounts.models import Facility
from his.core.dates import vn_datetime
from his.demo.plan import bank_reference
from his.demo.volume.plan import Draft
from his.demo.volume.setting import Setting
from insurance.billing.cash import collect
from insurance.billing.closing import close_visit
from insurance.billing.drawers import DENOMINATIONS, close_session, open_session
from insurance.billing.ledger import amount_due, expected_cash
from insurance.models import BenefitLine, BenefitResult, CashEntry, CashSession, Charge, ReceiptBook
from patients.models import (
    CaseEvent,
    ClinicalNote,
    Counter,
    DiseaseCase,
    Exam,
    InsuranceCard,
    Patient,
    Prescription,
    PrescriptionLine,
    PrescriptionSheet,
    QueueTicket,
    ServiceOrder,
    ServiceResult,
    Visit,
    VisitDiagnosis,
    VitalSigns,
)
from patients.services.exams import save_exam, set_diagnoses, start_exam
from patients.services.orders import order_service, record_result
from patients.services.people import add_card, register_patient
from patients.services.prescriptions import LineInput, prescribe
from patients.services.signing import sign_exam, write_note
from patients.services.visits import open_visit, record_vitals
from pharmacy.models import (
    Dispense,
    DispenseLine,
    Lot,
    LotBalance,
    Reservation,
    StockDocument,
    StockDocumentLine,
    StockMovement,
)
from pharmacy.services.dispensing import dispense

TABLES = (
    Patient,
    InsuranceCard,
    Visit,
    QueueTicket,
    VitalSigns,
    Exam,
    VisitDiagnosis,
    ServiceOrder,
    ServiceResult,
    Prescription,
    PrescriptionSheet,
    PrescriptionLine,
    ClinicalNote,
    DiseaseCase,
    CaseEvent,
    Reservation,
    StockDocument,
    StockDocumentLine,
    StockMovement,
    Dispense,
    DispenseLine,
    Charge,
    BenefitResult,
    BenefitLine,
    CashSession,
    CashEntry,
    ReceiptBook,
    Lot,
    LotBalance,
    Counter,
)


def go_through_the_services(setting: Setting, drafts: list[Draft]) -> None:
    for draft in drafts:
        desks = {
            role: actor_for(getattr(draft, role).user, setting.facility)
            for role in ("reception", "nurse", "doctor", "pharmacist", "cashier")
        }
        visit = receive(draft, desks["reception"])
        exact = {"temperature", "weight_kg", "height_cm"}
        vitals = {name: value if name in exact else int(value) for name, value in draft.exam.vitals.items()}
        record_vitals(visit=visit, actor=desks["nurse"], at=minutes_after(draft.arrived_at, 4), **vitals)
        prescription = examine(setting, draft, visit, desks["doctor"])
        if prescription:
            dispense(prescription=prescription, store=setting.store, actor=desks["pharmacist"], at=draft.dispensed_at)
        settle(draft, visit, desks["cashier"])


def receive(draft: Draft, actor: Actor) -> Visit:
    person, at = draft.visitor.person, draft.arrived_at
    names = "full_name birth sex citizen_id phone address commune_code ethnicity_code occupation_code blood_group"
    facts = {name: getattr(person, name) for name in f"{names} guardian_name guardian_phone allergies".split()}
    patient = register_patient(province_code=actor.facility.province_code, actor=actor, at=at, **facts)
    card, plan = None, draft.visitor.card
    if plan:
        names = "number registered_facility_code valid_from valid_to area_code five_years_from copay_exempt_from"
        card = add_card(patient=patient, actor=actor, at=at, **{n: getattr(plan, n) for n in names.split()})
    return open_visit(
        patient=patient,
        room=draft.desk.room,
        card=card,
        visit_type=draft.visit_type,
        route=draft.route,
        referral_facility_code=draft.referral_facility_code,
        referral_number=draft.referral_number,
        reason=draft.exam.reason,
        priority=draft.is_priority,
        injury_code=draft.injury_code,
        actor=actor,
        at=at,
    )


def examine(setting: Setting, draft: Draft, visit: Visit, doctor: Actor) -> Prescription | None:
    plan = draft.exam
    exam = start_exam(visit=visit, actor=doctor, at=plan.started_at)
    noted = minutes_after(plan.started_at, 2)
    texts = {"reason": plan.reason, "history": plan.history, "findings": plan.findings}
    save_exam(exam=exam, actor=doctor, at=noted, treatment=plan.treatment, advice=plan.advice, **texts)
    set_diagnoses(exam=exam, main=plan.main, others=plan.others, actor=doctor, at=noted)
    for one in plan.orders:
        order = order_service(exam=exam, service=one.service, actor=doctor, at=one.ordered_at)
        technician = actor_for(setting.technician_for(order.department).user, setting.facility)
        times = {"performed_at": one.performed_at, "at": one.result_at}
        record_result(order=order, results=one.results, actor=technician, **times)
    prescription = None
    if plan.drugs:
        lines = [LineInput(p.drug, *p.doses, p.days, p.typed_quantity, p.usage) for p in plan.drugs]
        prescription = prescribe(exam=exam, lines=lines, actor=doctor, at=draft.prescribed_at)
    if draft.visit_type != "01":
        write_note(visit=visit, text=plan.findings, actor=doctor, at=noted)
    sign_exam(
        exam=exam,
        actor=doctor,
        at=plan.signed_at,
        outcome=plan.outcome,
        transfer=plan.transfer,
        follow_up_on=plan.follow_up_on,
        treatment_result_code=plan.treatment_result,
    )
    return prescription


def settle(draft: Draft, visit: Visit, cashier: Actor) -> None:
    close_visit(visit=visit, actor=cashier, at=draft.closed_at)
    due = amount_due(visit)
    if not due:
        return
    session = open_session(opening_float=Decimal(0), actor=cashier, at=vn_datetime(draft.day, time(6, 45)))
    came = {"method": draft.method, "bank_reference": bank_reference(visit.claim_code, draft.method)}
    collect(visit=visit, amount=due, actor=cashier, at=draft.paid_at, **came)
    left, notes = int(expected_cash(session)), {}
    for face in DENOMINATIONS:
        notes[face], left = divmod(left, face)
    notes = {face: count for face, count in notes.items() if count}
    note = "Tiền lẻ dưới mệnh giá nhỏ nhất" if left else ""
    close_session(session=session, denominations=notes, actor=cashier, at=draft.paid_at, note=note)


def minutes_after(at: datetime, minutes: int) -> datetime:
    return at + timedelta(minutes=minutes)


def contents(facility: Facility) -> dict[type[Model], list[dict[str, Any]]]:
    """All rows of the facility in the order of ids, links to rows of these tables by their place instead of the id."""
    places = {
        model: {pk: place for place, pk in enumerate(model.objects.order_by("pk").values_list("pk", flat=True))}
        for model in TABLES
    }
    sources = {"exam": Exam, "order": ServiceOrder, "prescription_line": PrescriptionLine}
    dumped = {}
    for model in TABLES:
        rows = []
        for row in model.objects.filter(facility=facility).order_by("pk").values():
            row.pop("id")
            for field in model._meta.concrete_fields:
                if field.is_relation and field.related_model in places and row.get(field.attname) is not None:
                    row[field.attname] = places[field.related_model][row[field.attname]]
            if model is Charge:
                row["source_id"] = places[sources[row["source_kind"]]][row["source_id"]]
            rows.append(row)
        # The rows of a counter are made in any order; every other table keeps the order of work.
        dumped[model] = sorted(rows, key=lambda row: row["series"]) if model is Counter else rows
    return dumped
