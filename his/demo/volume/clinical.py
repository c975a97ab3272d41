"""The rows of the clinical record of one visit, as reception, triage, doctor and technician leave them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from his.accounts.models import Staff
from his.catalogs.models import PricedService
from his.core.dates import local
from his.core.text import nfc, nfc_lines
from his.demo.clinic import OrderPlan
from his.demo.volume.people_rows import Maker, PeopleRows
from his.demo.volume.plan import Draft
from his.demo.volume.setting import Setting, Worker
from patients import ranges
from patients.models import (
    ClinicalNote,
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
from patients.services.orders import ResultInput
from patients.sheets import kind_of, new_code, rules_on
from patients.snapshot import Record, fingerprint, snapshot_of


@dataclass(slots=True)
class Numbers:
    """Numbers of one chunk, taken in the order of time within each series."""

    patients: Iterator[int]
    visits: Iterator[int]
    tickets: dict[str, Iterator[int]]
    prescriptions: dict[int, str]
    slips: dict[int, str]
    """Numbers of follow-up and transfer slips by the place of their visit in the chunk."""


@dataclass(slots=True)
class Stored:
    """One visit on its way into the tables, with what pharmacy and cashier go on with."""

    draft: Draft
    patient: Patient
    card: InsuranceCard | None
    visit: Visit
    exam: Exam
    main_code: str = ""
    diagnoses: list[VisitDiagnosis] = field(default_factory=list)
    orders: list[ServiceOrder] = field(default_factory=list)
    readings: list[tuple[ServiceOrder, list[ServiceResult]]] = field(default_factory=list)
    """The orders with their results."""
    prescription: Prescription | None = None
    lines: list[PrescriptionLine] = field(default_factory=list)


def ticket_series(draft: Draft) -> str:
    """The series of queue numbers of a visit's room and day, as `patients.services.visits` names it."""
    return f"ticket:{draft.desk.room.pk}:{draft.day:%Y%m%d}:{'priority' if draft.is_priority else 'normal'}"


@lru_cache(maxsize=4096)
def _clean(text: str) -> str:
    return nfc_lines(text)


class ClinicalRows:
    """Turns drafts into rows."""

    def __init__(self, setting: Setting, maker: Maker, numbers: Numbers, codes: set[str]) -> None:
        self.setting, self.numbers, self.codes, self.facility = setting, numbers, codes, setting.facility
        self.maker, self.people = maker, PeopleRows(maker, numbers.patients)

    def add(self, index: int, draft: Draft) -> Stored:
        """The rows of one visit, signed and ended; `index` is its place in the chunk."""
        patient, card = self.people.of(draft)
        visit = self._visit(draft, patient, card)
        stored = Stored(draft, patient, card, visit, self._exam(draft, visit, self.numbers.slips.get(index, "")))
        self._ticket(draft, visit)
        vitals = self._vitals(draft, visit)
        stored.diagnoses = self._diagnoses(stored)
        stored.readings = [self._order(stored, plan) for plan in draft.exam.orders]
        if draft.exam.drugs:
            self._prescription(stored, self.numbers.prescriptions[index])
        self._note(draft, visit)
        stored.exam.snapshot = snapshot_of(
            Record(
                facility=self.facility,
                patient=patient,
                visit=visit,
                exam=stored.exam,
                doctor=_staff(draft.doctor),
                room=draft.desk.room,
                department=draft.desk.room.department,
                vitals=vitals,
                diagnoses=stored.diagnoses,
                orders=stored.readings,
                prescription=stored.prescription,
                lines=stored.lines,
            )
        )
        stored.exam.snapshot_sha256 = fingerprint(stored.exam.snapshot)
        return stored

    # Reception

    def _visit(self, draft: Draft, patient: Patient, card: InsuranceCard | None) -> Visit:
        number = next(self.numbers.visits)
        visit: Visit = self.maker.make(
            Visit,
            claim_code=f"{self.facility.code}.{draft.day:%y%m}.{number:06d}",
            patient_id=patient.pk,
            card_id=card.pk if card else None,
            is_insured=card is not None,
            visit_type=draft.visit_type,
            route=draft.route,
            referral_facility_code=draft.referral_facility_code,
            referral_number=draft.referral_number,
            injury_code=draft.injury_code,
            reason=_clean(draft.exam.reason),
            priority=draft.is_priority,
            room_id=draft.desk.room.pk,
            department_id=draft.desk.room.department_id,
            state=Visit.State.CLOSED,
            arrived_at=draft.arrived_at,
            ended_at=draft.exam.signed_at,
            closed_at=draft.closed_at,
            claim_month=draft.closed_at.date().replace(day=1),
            opened_by_id=draft.reception.user.pk,
        )
        return visit

    def _ticket(self, draft: Draft, visit: Visit) -> None:
        self.maker.make(
            QueueTicket,
            visit_id=visit.pk,
            room_id=draft.desk.room.pk,
            day=draft.day,
            is_priority=draft.is_priority,
            number=next(self.numbers.tickets[ticket_series(draft)]),
            state=QueueTicket.State.DONE,
            issued_at=draft.arrived_at,
            called_at=draft.exam.started_at,
            done_at=draft.exam.signed_at,
        )

    # Triage and doctor

    def _vitals(self, draft: Draft, visit: Visit) -> VitalSigns:
        readings = {
            name: value if name in {"temperature", "weight_kg", "height_cm"} else int(value)
            for name, value in draft.exam.vitals.items()
        }
        taken_at = draft.arrived_at + timedelta(minutes=4)
        row: VitalSigns = self.maker.make(
            VitalSigns, visit_id=visit.pk, taken_at=taken_at, taken_by_id=draft.nurse.user.pk, **readings
        )
        return row

    def _exam(self, draft: Draft, visit: Visit, slip: str) -> Exam:
        plan, room, doctor = draft.exam, draft.desk.room, _staff(draft.doctor).pk
        transfer = asdict(plan.transfer) if plan.transfer is not None else {}
        exam: Exam = self.maker.make(
            Exam,
            visit_id=visit.pk,
            room_id=room.pk,
            department_id=room.department_id,
            doctor_id=doctor,
            service_code=room.exam_service_code,
            started_at=plan.started_at,
            reason=visit.reason,
            history=_clean(plan.history),
            findings=_clean(plan.findings),
            treatment=_clean(plan.treatment),
            outcome=plan.outcome,
            treatment_result_code=plan.treatment_result,
            follow_up_on=plan.follow_up_on,
            follow_up_number=slip if plan.follow_up_on else "",
            transfer_number=slip if transfer else "",
            **transfer,
            advice=_clean(plan.advice),
            draft_saved_at=plan.started_at + timedelta(minutes=2),
            signed_at=plan.signed_at,
            signed_by_id=draft.doctor.user.pk,
        )
        return exam

    def _diagnoses(self, stored: Stored) -> list[VisitDiagnosis]:
        plan, rows = stored.draft.exam, self.setting.menu.diagnoses
        stored.main_code = plan.main
        return [
            self.maker.make(
                VisitDiagnosis,
                exam_id=stored.exam.pk,
                visit_id=stored.visit.pk,
                code=code,
                name=nfc(rows[code].name),
                is_main=code == plan.main,
                position=position,
            )
            for position, code in enumerate((plan.main, *plan.others), 1)
        ]

    def _order(self, stored: Stored, plan: OrderPlan) -> tuple[ServiceOrder, list[ServiceResult]]:
        exam, service = stored.exam, plan.service
        department = self.setting.department_of(service.group_code)
        reader = self.setting.technician_for(department)
        order: ServiceOrder = self.maker.make(
            ServiceOrder,
            exam_id=exam.pk,
            visit_id=exam.visit_id,
            service_id=service.pk,
            quantity=Decimal(1),
            is_insured=stored.visit.is_insured,
            state=ServiceOrder.State.PERFORMED,
            ordered_at=plan.ordered_at,
            ordered_by_id=exam.doctor_id,
            department_id=department.pk if department else exam.department_id,
            performed_at=plan.performed_at,
            performed_by_id=_staff(reader).pk,
            result_at=plan.result_at,
            device_code=service.device_code,
        )
        order.service = service
        stored.orders.append(order)
        results = [
            self._result(order, service, position, one, _staff(reader).pk)
            for position, one in enumerate(plan.results, 1)
        ]
        return order, results

    def _result(
        self, order: ServiceOrder, service: PricedService, position: int, given: ResultInput, reader_id: int
    ) -> ServiceResult:
        known: dict[str, str] = next((i for i in service.indicators if i.get("code") == given.indicator_code), {})
        low, high = str(known.get("low") or ""), str(known.get("high") or "")
        is_abnormal = given.is_abnormal
        row: ServiceResult = self.maker.make(
            ServiceResult,
            order_id=order.pk,
            position=position,
            indicator_code=nfc(given.indicator_code),
            indicator_name=nfc(given.indicator_name or known.get("name") or service.name[:255]),
            value=nfc(given.value),
            unit=nfc(given.unit or known.get("unit") or ""),
            reference=nfc(given.reference or ranges.reference_text(low, high)),
            is_abnormal=ranges.is_abnormal(given.value, low, high) if is_abnormal is None else is_abnormal,
            description=_clean(given.description),
            conclusion=_clean(given.conclusion),
            resulted_at=order.result_at,
            read_by_id=reader_id,
        )
        return row

    def _prescription(self, stored: Stored, number: str) -> None:
        draft, exam = stored.draft, stored.exam
        prescription: Prescription = self.maker.make(
            Prescription,
            visit_id=stored.visit.pk,
            exam_id=exam.pk,
            number=number,
            prescribed_by_id=exam.doctor_id,
            prescribed_at=draft.prescribed_at,
            signed_at=exam.signed_at,
        )
        stored.prescription = prescription
        sheets = self._sheets(prescription, draft)
        for position, plan in enumerate(draft.exam.drugs, 1):
            morning, noon, afternoon, evening = plan.doses
            line: PrescriptionLine = self.maker.make(
                PrescriptionLine,
                prescription_id=prescription.pk,
                position=position,
                drug_id=plan.drug.pk,
                morning=morning,
                noon=noon,
                afternoon=afternoon,
                evening=evening,
                days=plan.days,
                quantity=plan.quantity,
                usage=_clean(plan.usage),
                is_insured=stored.visit.is_insured,
                sheet_id=sheets[position - 1].pk,
            )
            line.sheet, line.drug = sheets[position - 1], plan.drug
            stored.lines.append(line)

    def _sheets(self, prescription: Prescription, draft: Draft) -> list[PrescriptionSheet]:
        """The paper of each drug, in the order of the drugs."""
        signed_on = local(draft.exam.signed_at).date()
        rules = rules_on(signed_on)
        kinds = [kind_of(rules, control_class=p.drug.control_class, item_kind=p.drug.kind) for p in draft.exam.drugs]
        made = {
            kind: self.maker.make(
                PrescriptionSheet,
                prescription_id=prescription.pk,
                kind=kind,
                code=self._code(kind),
                valid_until=rule.valid_until(signed_on),
            )
            for kind, rule in rules.items()
            if kind in kinds
        }
        return [made[kind] for kind in kinds]

    def _code(self, kind: str) -> str:
        """A code that no other prescription of the facility has."""
        while code := new_code(self.facility.prescribing_code, kind):
            if code.upper() not in self.codes:
                self.codes.add(code.upper())
                return code
        return ""

    def _note(self, draft: Draft, visit: Visit) -> None:
        """Courses of care carry a note on how the patient does; plain visits do not."""
        if draft.visit_type == "01":
            return
        self.maker.make(
            ClinicalNote,
            visit_id=visit.pk,
            at=draft.exam.started_at + timedelta(minutes=2),
            text=_clean(draft.exam.findings),
            written_by_id=_staff(draft.doctor).pk,
        )


def _staff(worker: Worker) -> Staff:
    assert worker.staff is not None  # read_setting takes only doctors and technicians that have one
    return worker.staff
