"""The programming interface of people and visits: the same services as the screens.

Searches go by POST, so that no number or name of a person stands in an address.
"""

from datetime import date

from django.utils import timezone
from ninja import Router, Status

from his.access import DeskRequest, requires
from his.core import dates
from his.core.errors import NotFound, Refusal
from patients import queries, scan
from patients.api_clinical import router as clinical
from patients.schemas import (
    CardIn,
    CardOut,
    PatientChanges,
    PatientIn,
    PatientOut,
    ScanIn,
    ScanOut,
    VisitDetail,
    VisitIn,
    VisitOut,
)
from patients.services import reception as desk
from patients.services.people import add_card, register_patient, update_patient

router = Router(tags=["patients"])
router.add_router("", clinical)


@router.post("/scan", response=ScanOut)
@requires("patients.register")
def read_scan(request: DeskRequest, body: ScanIn) -> ScanOut:
    """Read a scanned or typed text, and find whom it means."""
    actor = request.actor
    read = scan.read(body.text, on=timezone.localdate())
    return ScanOut.of(read, queries.people_of(actor.facility, read))


@router.post("/people/search", response=list[PatientOut])
@requires("patients.view")
def search_patients(request: DeskRequest, body: ScanIn) -> list[PatientOut]:
    """At most 20 people by number, name or initials."""
    actor = request.actor
    found = queries.find_patients(actor.facility, body.text, on=timezone.localdate())
    return [PatientOut.of(patient) for patient in found]


@router.post("/people", response={201: PatientOut})
@requires("patients.register")
def create_patient(request: DeskRequest, body: PatientIn) -> Status[PatientOut]:
    """Register a person."""
    actor = request.actor
    facts = {**body.dict(), "birth": dates.BirthDate(body.birth.date, body.birth.precision)}
    patient = register_patient(actor=actor, at=timezone.now(), **facts)
    return Status(201, PatientOut.of(patient))


@router.get("/people/{int:pk}", response=PatientOut)
@requires("patients.view")
def patient(request: DeskRequest, pk: int) -> PatientOut:
    """One person with cards."""
    return PatientOut.of(queries.get_patient(request.actor.facility, pk))


@router.patch("/people/{int:pk}", response=PatientOut)
@requires("patients.register")
def change_patient(request: DeskRequest, pk: int, body: PatientChanges) -> PatientOut:
    """Correct facts about a person."""
    facility = request.actor.facility
    changes = {name: value for name, value in body.dict(exclude={"birth"}).items() if value is not None}
    if body.birth is not None:
        changes["birth"] = body.birth.value()
    update_patient(patient=queries.get_patient(facility, pk), actor=request.actor, at=timezone.now(), **changes)
    return PatientOut.of(queries.get_patient(facility, pk))


@router.post("/people/{int:pk}/cards", response={201: CardOut})
@requires("patients.register")
def create_card(request: DeskRequest, pk: int, body: CardIn) -> Status[CardOut]:
    """Add a card; the same number and first day again answers with the stored card."""
    actor = request.actor
    owner = queries.get_patient(actor.facility, pk)
    return Status(201, CardOut.of(add_card(patient=owner, actor=actor, at=timezone.now(), **body.dict())))


@router.get("/visits", response=list[VisitOut])
@requires("patients.view")
def visits(request: DeskRequest, day: date | None = None) -> list[VisitOut]:
    """Visits that arrived on a day, today without one, the latest first."""
    day = day or timezone.localdate()
    try:
        dates.day_range(day)
    except OverflowError:
        raise Refusal("bad_day", "Ngày ngoài khoảng xem được", field="day") from None
    rows = queries.visits_today(request.actor.facility, day)
    return [VisitOut.of(visit) for visit in rows]


@router.get("/visits/{int:pk}", response=VisitDetail)
@requires("patients.view")
def visit(request: DeskRequest, pk: int) -> VisitDetail:
    """One visit with its numbers."""
    return VisitDetail.of(queries.get_visit(request.actor.facility, pk))


@router.post("/visits", response={201: VisitDetail})
@requires("patients.register")
def create_visit(request: DeskRequest, body: VisitIn) -> Status[VisitDetail]:
    """Open a visit; the same idempotency key again answers with the same visit."""
    actor = request.actor
    owner = queries.get_patient(actor.facility, body.patient_id)
    card = next((card for card in owner.cards.all() if card.pk == body.card_id), None)
    if body.card_id is not None and card is None:
        raise NotFound
    facts = body.dict(exclude={"patient_id", "room_id", "card_id", "idempotency_key"})
    opened = desk.receive(
        person=owner,
        visit=desk.VisitInput(room=queries.get_room(actor.facility, body.room_id), card=card, **facts),
        actor=actor,
        at=timezone.now(),
        idempotency_key=body.idempotency_key,
    )
    return Status(201, VisitDetail.of(queries.get_visit(actor.facility, opened.pk)))
