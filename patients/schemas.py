"""What the programming interface reads and writes about people and visits. Dates are ISO 8601, codes are texts."""

from datetime import date, datetime
from typing import Any, Literal

from ninja import Schema
from pydantic import Field

from his.core.dates import BirthDate, Precision
from patients.models import InsuranceCard, Patient, QueueTicket, Visit
from patients.scan import Scan


class BirthSchema(Schema):
    """A birth date as far as it is known; unknown parts of `date` are 1."""

    date: date
    precision: Precision = "day"

    def value(self) -> BirthDate:
        return BirthDate(self.date, self.precision)


class CardIn(Schema):
    """A card to add."""

    number: str
    registered_facility_code: str
    valid_from: date
    valid_to: date | None = None
    area_code: str = ""
    five_years_from: date | None = None
    issued_on: date | None = None


class CardOut(CardIn):
    """A stored card."""

    id: int

    @staticmethod
    def of(card: InsuranceCard) -> "CardOut":
        names = [name for name in CardOut.model_fields if name != "id"]
        return CardOut(id=card.pk, **{name: getattr(card, name) for name in names})


class PatientIn(Schema):
    """A person to register."""

    full_name: str
    birth: BirthSchema
    sex: Literal["1", "2", "3"]
    citizen_id: str = ""
    old_id_number: str = ""
    social_insurance_no: str = ""
    phone: str = ""
    address: str = ""
    province_code: str = ""
    commune_code: str = ""
    nationality_code: str = "000"
    ethnicity_code: str = "01"
    occupation_code: str = "00"
    guardian_name: str = ""
    guardian_phone: str = ""
    allergies: str = ""


class PatientChanges(Schema):
    """Facts to correct; what is absent stays. Province and commune go together."""

    full_name: str | None = None
    birth: BirthSchema | None = None
    sex: Literal["1", "2", "3"] | None = None
    citizen_id: str | None = None
    phone: str | None = None
    address: str | None = None
    province_code: str | None = None
    commune_code: str | None = None
    nationality_code: str | None = None
    ethnicity_code: str | None = None
    occupation_code: str | None = None
    guardian_name: str | None = None
    guardian_phone: str | None = None
    allergies: str | None = None


class PatientOut(PatientIn):
    """A stored person."""

    id: int
    code: str
    cards: list[CardOut]

    @staticmethod
    def of(patient: Patient) -> "PatientOut":
        names = [name for name in PatientIn.model_fields if name != "birth"]
        birth = BirthSchema(date=patient.born_on, precision=patient.birth.precision)
        cards = [CardOut.of(card) for card in patient.cards.all()]
        facts = {name: getattr(patient, name) for name in names}
        return PatientOut(id=patient.pk, code=patient.code, birth=birth, cards=cards, **facts)


class VisitIn(Schema):
    """A visit to open for a registered person. `card_id` empty: the person pays."""

    patient_id: int
    room_id: int
    card_id: int | None = None
    visit_type: str = "01"
    route: str = "self"
    referral_facility_code: str = ""
    referral_number: str = ""
    reason: str = ""
    priority: bool = False
    injury_code: str = ""
    confirm_second: bool = False
    idempotency_key: str = Field("", max_length=64)


class TicketOut(Schema):
    """A number of the queue."""

    id: int
    label: str
    room_code: str
    state: str

    @staticmethod
    def of(ticket: QueueTicket) -> "TicketOut":
        return TicketOut(id=ticket.pk, label=ticket.label, room_code=ticket.room.code, state=ticket.state)


class VisitOut(Schema):
    """A visit as a list shows it."""

    id: int
    claim_code: str
    patient_id: int
    patient_name: str
    room_code: str
    is_insured: bool
    state: str
    arrived_at: datetime

    @staticmethod
    def of(visit: Visit) -> "VisitOut":
        return VisitOut(**_visit_facts(visit))


class VisitDetail(VisitOut):
    """One visit with its numbers."""

    visit_type: str
    route: str
    reason: str
    card: CardOut | None
    tickets: list[TicketOut]

    @staticmethod
    def of(visit: Visit) -> "VisitDetail":
        return VisitDetail(
            **_visit_facts(visit),
            visit_type=visit.visit_type,
            route=visit.route,
            reason=visit.reason,
            card=CardOut.of(visit.card) if visit.card else None,
            tickets=[TicketOut.of(ticket) for ticket in visit.tickets.all()],
        )


def _visit_facts(visit: Visit) -> dict[str, Any]:
    return {
        "id": visit.pk,
        "claim_code": visit.claim_code,
        "patient_id": visit.patient_id,
        "patient_name": visit.patient.full_name,
        "room_code": visit.room.code,
        "is_insured": visit.is_insured,
        "state": visit.state,
        "arrived_at": visit.arrived_at,
    }


class ScanIn(Schema):
    """What a scanner or a hand typed."""

    text: str = Field(max_length=4000)


class ScanOut(Schema):
    """What it says, and the people here whom it may mean."""

    kind: str
    warnings: list[str]
    full_name: str
    birth: BirthSchema | None
    sex: str
    citizen_id: str
    card_number: str
    address: str
    patients: list[PatientOut]

    @staticmethod
    def of(read: Scan, patients: list[Patient]) -> "ScanOut":
        names = ("kind", "full_name", "sex", "citizen_id", "card_number", "address")
        birth = BirthSchema(date=read.birth.value, precision=read.birth.precision) if read.birth else None
        return ScanOut(
            **{name: getattr(read, name) for name in names},
            birth=birth,
            warnings=list(read.warnings),
            patients=[PatientOut.of(patient) for patient in patients],
        )
