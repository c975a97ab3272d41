"""What one key at the reception desk does: the person, the card and the visit together, or nothing of it.

One service, so that the audit chain and the counters are locked once and in order.
"""

from dataclasses import asdict, dataclass
from datetime import date, datetime

from his.accounts.actor import Actor
from his.accounts.models import Room
from his.core.dates import BirthDate
from his.core.errors import Refusal
from his.service import service
from patients.models import InsuranceCard, Patient, Route, Source, Visit
from patients.services.people import add_card, register_patient, update_patient
from patients.services.visits import open_visit


@dataclass(frozen=True, slots=True)
class PersonInput:
    """A person as the desk registers them; see `register_patient`."""

    full_name: str
    birth: BirthDate
    sex: str
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
    source: str = Source.TYPED


@dataclass(frozen=True, slots=True)
class CardInput:
    """A card as the desk types or scans it; see `add_card`."""

    number: str
    registered_facility_code: str
    valid_from: date
    valid_to: date | None
    area_code: str = ""
    five_years_from: date | None = None
    issued_on: date | None = None
    source: str = Source.TYPED


@dataclass(frozen=True, slots=True)
class VisitInput:
    """A visit as the desk opens it; see `open_visit`. `card` is one of the person's stored cards."""

    room: Room
    card: InsuranceCard | None = None
    visit_type: str = "01"
    route: str = Route.SELF
    referral_facility_code: str = ""
    referral_number: str = ""
    reason: str = ""
    priority: bool = False
    injury_code: str = ""
    identified_by: str = Source.TYPED
    confirm_second: bool = False


@service(action="patients.receive", permission="patients.register")
def receive(
    *,
    person: PersonInput | Patient,
    visit: VisitInput,
    actor: Actor,
    at: datetime,
    new_card: CardInput | None = None,
    phone: str | None = None,
    address: str | None = None,
    province_code: str | None = None,
    commune_code: str | None = None,
    idempotency_key: str = "",
) -> Visit:
    """Register or take the person, add the new card, open the visit (tiếp đón).

    For a known person phone, address, province and commune correct the stored ones when given. Afterwards all of it is
    stored, or after a refusal nothing. A visit with a new card goes by that card. The same key again gives the same
    visit.
    """
    if isinstance(person, Patient):
        patient = person
        given = {"phone": phone, "address": address, "province_code": province_code, "commune_code": commune_code}
        changes = {name: value for name, value in given.items() if value is not None and value != getattr(person, name)}
        if changes:
            patient = update_patient(patient=patient, actor=actor, at=at, **changes)
    else:
        # Not asdict: it would take the birth date apart.
        facts = {name: getattr(person, name) for name in PersonInput.__slots__}
        patient = register_patient(actor=actor, at=at, **facts)
    card = visit.card
    if new_card is not None:
        card = _new_card(patient, new_card, actor, at)
    facts = {name: getattr(visit, name) for name in VisitInput.__slots__ if name != "card"}
    return open_visit(patient=patient, card=card, actor=actor, at=at, **facts)


def _new_card(patient: Patient, card: CardInput, actor: Actor, at: datetime) -> InsuranceCard:
    try:
        return add_card(patient=patient, actor=actor, at=at, **asdict(card))
    except Refusal as refusal:
        # On this screen the fields of the card stand beside those of the person.
        field = f"card_{refusal.field}" if refusal.field else None
        raise Refusal(refusal.code, refusal.message_vi, field=field, **refusal.facts) from None
